/*
 * Window functions in sub-queries.  Over rows of people a window is of one
 * person: PARTITION BY holds the key.  Which of several rows that tie comes
 * first must not be the engine's to choose, for its choice depends on
 * everybody's rows: where a function can tell them apart, ORDER BY goes on with
 * every column that the outputs read.
 */
#include <math.h>

#include "server/plan/dialect.h"
#include "server/plan/draft.h"
#include "server/query/refusal.h"

/* A window function, checked. */
struct call {
    const struct window *win;
    const struct draft_block *b;
    struct typed **partition, **orders;
    const struct select_order **how; /* per order */
    size_t n_partition, n_orders;
    struct draft_agg agg; /* WINDOW_AGG */
    struct typed *arg;    /* of lag and its like */
    enum window_frame frame;
};

static enum err_code type_partition(struct call *c, struct draft *d,
                                    struct place at, struct err *err)
{
    const struct rel_scope *s = c->b->scope;
    bool has_key = !s->owned;
    c->partition = ARENA_NEW_N(d->a, c->win->n_partition + 1, struct typed *);
    if (!c->partition)
        return draft_memory(err);
    for (size_t i = 0; i < c->win->n_partition; i++) {
        const struct rel_column *key = draft_bare_key(d, c->win->partition[i]);
        if (key && key->key == REL_KEY_OWN)
            has_key = true;
        else
            TRY(draft_row(&c->partition[c->n_partition++], d,
                          c->win->partition[i], USE_GROUP, err));
    }
    if (has_key)
        return ERR_OK;
    return refuse(err, REFUSAL_WINDOW_KEY, at, s->leaves[s->key].rel->key_name,
                  NULL);
}

static enum err_code type_orders(struct call *c, struct draft *d,
                                 struct err *err)
{
    const size_t n = c->win->n_orders;
    c->orders = ARENA_NEW_N(d->a, n + 1, struct typed *);
    c->how = ARENA_NEW_N(d->a, n + 1, const struct select_order *);
    if (!c->orders || !c->how)
        return draft_memory(err);
    for (size_t i = 0; i < n; i++) {
        const struct select_order *o = &c->win->orders[i];
        const struct rel_column *key = draft_bare_key(d, o->expr);
        if (key && key->key == REL_KEY_OWN)
            continue; /* one value in the whole window */
        TRY(draft_row(&c->orders[c->n_orders], d, o->expr, USE_FILTER, err));
        c->how[c->n_orders++] = o;
    }
    return ERR_OK;
}

/* Can the function tell rows apart that ORDER BY does not? */
static bool sees_ties(const struct call *c)
{
    switch (c->win->kind) {
    case WINDOW_AGG:
        return c->frame == FRAME_ROWS;
    case WINDOW_RANK:
    case WINDOW_DENSE_RANK:
        return false;
    case WINDOW_ROW_NUMBER:
    case WINDOW_LAG:
    case WINDOW_LEAD:
    case WINDOW_FIRST_VALUE:
    case WINDOW_LAST_VALUE:
    case WINDOW_KIND_COUNT:
        break;
    }
    return true;
}

static void print_over(struct writer *w, const void *ctx)
{
    const struct call *c = ctx;
    const struct rel_scope *s = c->b->scope;
    const char *ties = sees_ties(c) ? c->b->ties : "";
    bool any = s->owned;
    writer_str(w, " OVER (");
    if (s->owned)
        writer_printf(w, "PARTITION BY %s", s->leaves[s->key].key_sql);
    for (size_t i = 0; i < c->n_partition; i++) {
        writer_str(w, any ? ", " : "PARTITION BY ");
        duckdb_typed(w, c->partition[i]);
        any = true;
    }
    for (size_t i = 0; i < c->n_orders; i++) {
        writer_str(w, i ? ", " : " ORDER BY ");
        duckdb_order(w, c->orders[i], c->how[i]->descending,
                     c->how[i]->nulls_first);
    }
    if (ties[0])
        writer_printf(w, "%s%s", c->n_orders ? ", " : " ORDER BY ", ties);
    if (c->frame == FRAME_ROWS)
        writer_str(w, " ROWS UNBOUNDED PRECEDING");
    if (c->frame == FRAME_ALL)
        writer_str(w, " ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED "
                      "FOLLOWING");
    writer_str(w, ")");
}

/* What print_call puts together. */
struct texts {
    const struct call *c;
    const char *over;
};

static void print_call(struct writer *w, const void *ctx)
{
    const struct texts *t = ctx;
    writer_printf(w, "%s(", window_kind_name(t->c->win->kind));
    if (t->c->arg)
        duckdb_typed(w, t->c->arg);
    writer_printf(w, ")%s", t->over);
}

static enum err_code print_window(struct typed *out, struct draft *d,
                                  const struct call *c, struct err *err)
{
    const struct texts t = { c, draft_print(d, print_over, c) };
    if (!t.over)
        return draft_memory(err);
    out->text = c->win->kind == WINDOW_AGG ? draft_agg_text(d, &c->agg, t.over)
                                           : draft_print(d, print_call, &t);
    return out->text ? ERR_OK : draft_memory(err);
}

static enum err_code type_function(struct typed *out, struct call *c,
                                   struct draft *d, const struct expr *e,
                                   struct err *err)
{
    out->type = VALUE_INT;
    out->range = (struct range){ 1, HUGE_VAL };
    out->never_null = true;
    out->whole = true;
    if (c->win->kind == WINDOW_AGG) {
        TRY(draft_agg_of(&c->agg, d, c->win->arg, err));
        if (c->agg.distinct)
            return refuse(err, REFUSAL_AGG_DISTINCT, e->at, "a window", NULL);
        TRY(draft_sub_agg(out, d, &c->agg, err));
        /* The frame holds the row itself. */
        out->never_null = c->agg.kind == AGG_COUNT ||
                          (c->agg.value->never_null && !c->agg.filter);
        return ERR_OK;
    }
    if (!c->win->arg)
        return ERR_OK;
    TRY(draft_row(&c->arg, d, c->win->arg, USE_VALUE, err));
    out->type = c->arg->type == VALUE_NULL ? VALUE_TEXT : c->arg->type;
    out->range = c->arg->range;
    out->grid_bits = c->arg->grid_bits;
    out->whole = c->arg->whole;
    out->never_null = c->arg->never_null && c->win->kind >= WINDOW_FIRST_VALUE;
    return ERR_OK;
}

/* The last row of a frame that ends at the row's peers is any of them. */
static enum err_code find_frame(struct call *c, struct place at,
                                struct err *err)
{
    c->frame = c->win->frame;
    if (c->win->kind != WINDOW_LAST_VALUE || c->frame != FRAME_DEFAULT)
        return ERR_OK;
    if (c->win->n_orders > 0)
        return refuse(err, REFUSAL_LAST_VALUE, at, NULL, NULL);
    c->frame = FRAME_ALL;
    return ERR_OK;
}

enum err_code draft_window(struct typed **out, struct draft *d,
                           const struct expr *e, struct err *err)
{
    struct call c = { .win = e->window, .b = d->block };
    struct typed *t = ARENA_NEW(d->a, struct typed);
    if (!t)
        return draft_memory(err);
    *t = (struct typed){ .kind = TYPED_TEXT, .at = e->at };
    d->block->in_output = false; /* no window inside a window */
    TRY(type_partition(&c, d, e->at, err));
    TRY(type_orders(&c, d, err));
    TRY(find_frame(&c, e->at, err));
    TRY(type_function(t, &c, d, e, err));
    d->block->in_output = true;
    TRY(print_window(t, d, &c, err));
    *out = t;
    return ERR_OK;
}
