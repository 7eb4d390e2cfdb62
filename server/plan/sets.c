#include <math.h>
#include <openssl/evp.h>
#include <string.h>

#include "server/plan/draft.h"
#include "server/plan/totals.h"
#include "server/query/refusal.h"

/*
 * GROUPING SETS.  Each set is a question of its own, bounded apart and paid for
 * apart, but for those that are better added up from another's cells
 * (totals.h): of a set with few groups more of a person's rows may count than
 * of one with many, and a total is not the sum of cells that were cut.  The
 * price asked for is shared evenly; an accuracy holds for each.  The parts'
 * rows are one table: keys that a set leaves out are NULL.  Earlier releases of
 * a chain are made once, for all of them.
 */
static enum err_code hash_all(struct plan *all, struct err *err)
{
    uint8_t bytes[64 * sizeof all->release_hash];
    const size_t each = sizeof all->release_hash;
    unsigned len = sizeof all->release_hash;
    if (all->n_parts * each > sizeof bytes)
        return refuse(err, REFUSAL_LIST_LENGTH, REFUSAL_NOWHERE,
                      "GROUPING SETS", "64");
    for (size_t i = 0; i < all->n_parts; i++)
        memcpy(bytes + i * each, all->parts[i]->release_hash, each);
    if (EVP_Digest(bytes, all->n_parts * each, all->release_hash, &len,
                   EVP_sha256(), NULL) != 1)
        return err_set(err, ERR_INTERNAL, "hashing the release failed");
    return ERR_OK;
}

static void add_part(struct plan *all, const struct plan *part)
{
    all->price = dp_price_add(all->price, part->price);
    all->l0 = part->l0 > all->l0 ? part->l0 : all->l0;
    all->linf = part->linf > all->linf ? part->linf : all->linf;
    all->is_free &= part->is_free;
    all->selects |= part->selects;
    if (plan_width(part) > all->n_measures)
        all->n_measures = plan_width(part);
    for (size_t i = 0; i < all->n_outputs; i++)
        all->outputs[i].is_key |= part->outputs[i].is_key;
}

/* What the parts say of themselves, one after the other, and their price. */
static void print_parts(struct writer *w, const void *ctx)
{
    const struct plan *all = ctx;
    if (!all->is_free)
        draft_explain_before(w, all);
    for (size_t i = 0; i < all->n_parts; i++) {
        writer_printf(w, "Grouping set %zu of %zu:\n", i + 1, all->n_parts);
        writer_str(w, all->parts[i]->text);
    }
    writer_printf(w, "All %zu grouping sets together.  ", all->n_parts);
    draft_explain_price(w, all);
}

static enum err_code texts(struct plan *all, struct draft *d, struct err *err)
{
    const char *text =
        *all->parts[0]->text ? draft_print(d, print_parts, all) : "";
    if (!text)
        return draft_memory(err);
    all->text = text;
    all->mechanism_text = all->selects ? "discrete noise, groups selected in "
                                         "each grouping set"
                                       : "discrete noise in each grouping set";
    return ERR_OK;
}

/* The keys of the question and the part's index, as rows are stored. */
static enum err_code keys(struct plan *all, const struct draft *d,
                          struct err *err)
{
    all->n_keys = d->in_sets->n_keys + 1;
    all->keys = ARENA_NEW_N(d->a, all->n_keys, struct plan_key);
    if (!all->keys)
        return draft_memory(err);
    for (size_t k = 0; k < all->n_keys; k++)
        all->keys[k].name = k + 1 < all->n_keys ? "key" : "set";
    all->keys[all->n_keys - 1].type = VALUE_INT;
    return ERR_OK;
}

/* The first part's shape, order and limits are those of the table. */
static enum err_code gather_parts(struct plan *all, struct draft *d,
                                  struct err *err)
{
    const struct plan *first = all->parts[0];
    struct plan_output *outputs =
        ARENA_NEW_N(d->a, first->n_outputs + 1, struct plan_output);
    if (!outputs)
        return draft_memory(err);
    memcpy(outputs, first->outputs, first->n_outputs * sizeof *outputs);
    struct plan *const *parts = all->parts;
    const size_t n = all->n_parts;
    *all = *first;
    all->parts = (struct plan **)(uintptr_t)parts;
    all->n_parts = n;
    all->outputs = outputs;
    all->sql = "";
    all->spare_sql = NULL;
    all->n_measures = all->n_hists = all->n_picks = 0;
    all->groups_public = 0;
    all->adds_up = all->lists = false;
    all->price = (struct dp_price){ 0 };
    for (size_t i = 0; i < n; i++)
        add_part(all, all->parts[i]);
    for (size_t i = 0; i < all->n_before && !all->is_free; i++)
        all->price = dp_price_add(all->price, all->before[i]->price);
    TRY(keys(all, d, err));
    TRY(texts(all, d, err));
    return hash_all(all, err);
}

/* Part i of those that `n_paid` share the price of. */
static enum err_code draft_part(struct plan **out, const struct draft *like,
                                size_t i, size_t n_paid,
                                const struct plan *total_of, size_t index,
                                struct err *err)
{
    struct draft d = *like;
    d.set = &like->in_sets->sets[i];
    d.n_parts = n_paid;
    d.total_of = total_of;
    d.total_index = index;
    return draft_make(out, &d, err);
}

/* Sets that are better added up from another's cells leave their share of the
 * price to the others, and so do those that are free. */
static enum err_code take_totals(struct plan *all, const struct draft *like,
                                 struct err *err)
{
    const size_t n = all->n_parts;
    size_t n_paid, *from = ARENA_NEW_N(like->a, n, size_t);
    struct plan **parts = ARENA_NEW_N(like->a, n, struct plan *);
    struct err none = { 0 };
    bool fits = true;
    if (!from || !parts)
        return draft_memory(err);
    totals_choose(from, &n_paid, all->parts, n, like);
    if (n_paid == n || n_paid == 0)
        return ERR_OK;
    for (size_t i = 0; i < n; i++)
        if (from[i] == TOTALS_NONE)
            TRY(draft_part(&parts[i], like, i, n_paid, NULL, 0, err));
    for (size_t i = 0; fits && i < n; i++)
        if (from[i] != TOTALS_NONE)
            fits = draft_part(&parts[i], like, i, n_paid, parts[from[i]],
                              from[i], &none) == ERR_OK;
    if (fits)
        all->parts = parts;
    return ERR_OK;
}

static enum err_code tell_totals(struct draft *d, struct err *err)
{
    return draft_notice(d, err,
                        "some totals are added up from noisy cells, which is "
                        "free: rows outside the declared domains are in none");
}

/* Of all parts; a total is finished as the cells are that it adds up. */
static void add_memory(struct plan *all)
{
    for (size_t i = 0; i < all->n_parts; i++) {
        const struct plan *p = all->parts[i];
        const double row =
            p->adds_up ? all->parts[p->cells_of]->row_memory : p->row_memory;
        all->memory += p->adds_up ? (double)p->groups_public * row : p->memory;
        all->row_memory = fmax(all->row_memory, row);
    }
}

enum err_code draft_sets(struct plan **out, const struct draft *like,
                         struct err *err)
{
    const struct select *tree = like->in_sets;
    struct plan *all = ARENA_NEW(like->a, struct plan);
    struct draft total = *like;
    if (!all)
        return draft_memory(err);
    all->n_parts = tree->n_sets;
    all->parts = ARENA_NEW_N(like->a, tree->n_sets, struct plan *);
    if (!all->parts)
        return draft_memory(err);
    for (size_t i = 0; i < tree->n_sets; i++)
        TRY(draft_part(&all->parts[i], like, i, tree->n_sets, NULL, 0, err));
    TRY(take_totals(all, like, err));
    TRY(gather_parts(all, &total, err));
    total.plan = all;
    add_memory(all);
    if (all->memory > PLAN_MEMORY_MAX)
        return draft_memory(err);
    for (size_t i = 0; i < all->n_parts; i++)
        if (all->parts[i]->adds_up) {
            TRY(tell_totals(&total, err));
            break;
        }
    if (!all->is_free)
        TRY(draft_within_maximum(&total, err));
    *out = all;
    return ERR_OK;
}

/* Which keys of the question the part groups by, by what the tree says; of a
 * mix, whose parts have keys of their own, as many as they have. */
static uint32_t set_of(const struct plan *plan, size_t part)
{
    const struct plan *p = plan->parts[part];
    return plan->mix ? (UINT32_C(1) << p->n_keys) - 1 : p->set;
}

static void put_keys(struct value *out, const struct plan *plan, size_t part,
                     const struct value *keys)
{
    const size_t n = plan->n_keys - 1;
    for (size_t k = 0, at = 0; k < n; k++) {
        const bool in = set_of(plan, part) & UINT32_C(1) << k;
        out[k] = in ? keys[at++] : value_null();
    }
    out[n] = value_int((int64_t)part);
}

enum err_code plan_gather(struct plan_noisy *out, const struct plan *plan,
                          const struct plan_noisy *each, struct arena *a,
                          struct err *err)
{
    const size_t width = plan_width(plan);
    size_t n = 0;
    if (plan->n_parts == 0) {
        *out = each[0];
        return ERR_OK;
    }
    *out = (struct plan_noisy){ 0 };
    for (size_t i = 0; i < plan->n_parts; i++)
        n += each[i].n_rows;
    for (size_t i = 0; i < plan->n_parts; i++)
        out->cut |= each[i].cut;
    out->n_rows = n;
    out->keys = ARENA_NEW_N(a, n * plan->n_keys + 1, struct value);
    out->measures = ARENA_NEW_N(a, n * width + 1, struct dp_noisy);
    if (!out->keys || !out->measures)
        return draft_memory(err);
    size_t row = 0;
    for (size_t i = 0; i < plan->n_parts; i++) {
        const struct plan *part = plan->parts[i];
        const size_t own = plan_width(part);
        for (size_t r = 0; r < each[i].n_rows; r++, row++) {
            put_keys(&out->keys[row * plan->n_keys], plan, i,
                     part->n_keys ? &each[i].keys[r * part->n_keys] : NULL);
            memcpy(&out->measures[row * width], &each[i].measures[r * own],
                   own * sizeof *out->measures);
        }
    }
    return ERR_OK;
}

enum err_code plan_part_rows(struct plan_noisy *out, const struct plan *plan,
                             const struct plan_noisy *all, size_t part,
                             struct arena *a, struct err *err)
{
    const struct plan *p = plan->parts[part];
    const size_t width = plan_width(plan), own = plan_width(p);
    *out = (struct plan_noisy){ 0 };
    out->keys = ARENA_NEW_N(a, all->n_rows * p->n_keys + 1, struct value);
    out->measures = ARENA_NEW_N(a, all->n_rows * own + 1, struct dp_noisy);
    if (!out->keys || !out->measures)
        return draft_memory(err);
    for (size_t r = 0; r < all->n_rows; r++) {
        const struct value *keys = &all->keys[r * plan->n_keys];
        if (keys[plan->n_keys - 1].i != (int64_t)part)
            continue;
        size_t at = out->n_rows * p->n_keys;
        for (size_t k = 0; k + 1 < plan->n_keys; k++)
            if (set_of(plan, part) & UINT32_C(1) << k)
                out->keys[at++] = keys[k];
        memcpy(&out->measures[out->n_rows * own], &all->measures[r * width],
               own * sizeof *out->measures);
        out->n_rows++;
    }
    return ERR_OK;
}
