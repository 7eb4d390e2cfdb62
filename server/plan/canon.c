#include "server/plan/canon.h"

#include <string.h>

enum err_code canon_bytes_of(struct canon_bytes *out, struct draft *d,
                             const struct typed *e, struct err *err)
{
    struct writer w = writer_of(NULL, 0);
    typed_write(&w, e);
    uint8_t *data = arena_alloc(d->a, w.need + 1, 1);
    if (!data)
        return draft_memory(err);
    w = writer_of(data, w.need);
    typed_write(&w, e);
    *out = (struct canon_bytes){ data, w.len };
    return ERR_OK;
}

bool canon_is_after(const struct canon_bytes *a, const struct canon_bytes *b)
{
    const size_t n = a->len < b->len ? a->len : b->len;
    const int c = memcmp(a->data, b->data, n);
    return c ? c > 0 : a->len > b->len;
}

/* order[place] is the index in `by` of what stands there.  Equal bytes keep
 * their order. */
static void sort(size_t *order, const struct canon_bytes *by, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        size_t at = i;
        for (; at > 0 && canon_is_after(&by[order[at - 1]], &by[i]); at--)
            order[at] = order[at - 1];
        order[at] = i;
    }
}

/* ---- keys ---- */

struct key_lists {
    struct select *tree;
    struct expr **exprs;
    const char **aliases;
    struct typed **typed;
    bool *real;
};

static bool key_room(struct key_lists *out, struct draft *d, size_t n)
{
    *out = (struct key_lists){
        .tree = ARENA_NEW(d->a, struct select),
        .exprs = ARENA_NEW_N(d->a, n, struct expr *),
        .aliases = ARENA_NEW_N(d->a, n, const char *),
        .typed = ARENA_NEW_N(d->a, n, struct typed *),
        .real = ARENA_NEW_N(d->a, n, bool),
    };
    return out->tree && out->exprs && out->aliases && out->typed && out->real;
}

/* The block's keys, each list of them in this order. */
static enum err_code reorder(struct draft *d, const size_t *order,
                             struct err *err)
{
    struct draft_block *b = d->block;
    const struct select *t = b->tree;
    struct key_lists to;
    if (!key_room(&to, d, b->n_keys))
        return draft_memory(err);
    for (size_t k = 0; k < b->n_keys; k++) {
        to.exprs[k] = t->keys[order[k]];
        to.aliases[k] = t->key_aliases ? t->key_aliases[order[k]] : NULL;
        to.typed[k] = b->keys[order[k]];
        to.real[k] = b->real_keys[order[k]];
    }
    *to.tree = *t;
    to.tree->keys = to.exprs;
    to.tree->key_aliases = to.aliases;
    b->tree = to.tree;
    b->keys = to.typed;
    b->real_keys = to.real;
    return ERR_OK;
}

enum err_code canon_keys(struct draft *d, struct err *err)
{
    struct draft_block *b = d->block;
    const size_t n = b->n_keys;
    d->plan->key_order = NULL;
    if (!b->is_release || b->tree->n_sets > 0 || n < 2)
        return ERR_OK;
    struct canon_bytes *bytes = ARENA_NEW_N(d->a, n, struct canon_bytes);
    size_t *order = ARENA_NEW_N(d->a, n, size_t);
    size_t *places = ARENA_NEW_N(d->a, n, size_t);
    if (!bytes || !order || !places)
        return draft_memory(err);
    for (size_t k = 0; k < n; k++)
        TRY(canon_bytes_of(&bytes[k], d, b->keys[k], err));
    sort(order, bytes, n);
    for (size_t place = 0; place < n; place++)
        places[order[place]] = place;
    d->plan->key_order = places;
    return reorder(d, order, err);
}

/* ---- aggregates ---- */

/* All that draft_agg_equal compares. */
static void write_agg(struct writer *w, const struct draft_agg *agg)
{
    uint64_t fraction;
    memcpy(&fraction, &agg->fraction, sizeof fraction);
    /* As people mostly write it: who, how many, how much; all, then some. */
    writer_u8(w, !agg->people);
    writer_u8(w, (uint8_t)agg->kind);
    writer_u8(w, agg->distinct);
    writer_u8(w, agg->filter != NULL);
    writer_u8(w, agg->value != NULL);
    typed_write(w, agg->value);
    typed_write(w, agg->filter);
    writer_be64(w, fraction);
}

static enum err_code agg_bytes(struct canon_bytes *out, struct draft *d,
                               const struct draft_agg *agg, struct err *err)
{
    struct writer w = writer_of(NULL, 0);
    write_agg(&w, agg);
    uint8_t *data = arena_alloc(d->a, w.need + 1, 1);
    if (!data)
        return draft_memory(err);
    w = writer_of(data, w.need);
    write_agg(&w, agg);
    *out = (struct canon_bytes){ data, w.len };
    return ERR_OK;
}

enum err_code canon_aggs(size_t **out, struct draft *d, struct err *err)
{
    const size_t n = d->n_aggs;
    struct canon_bytes *bytes = ARENA_NEW_N(d->a, n + 1, struct canon_bytes);
    *out = ARENA_NEW_N(d->a, n + 1, size_t);
    if (!bytes || !*out)
        return draft_memory(err);
    for (size_t i = 0; i < n; i++)
        TRY(agg_bytes(&bytes[i], d, &d->aggs[i], err));
    sort(*out, bytes, n);
    return ERR_OK;
}
