/* Evaluation of what after.h describes. */
#include <stdlib.h>

#include "server/plan/after.h"
#include "server/plan/draft.h"
#include "server/plan/eval.h"
#include "server/plan/order.h"
#include "server/plan/over.h"
#include "server/plan/tally.h"

/* A row in the making: of the answer before, then of a group, then put out. */
struct row {
    const struct value *in; /* cells of the answer before */
    const struct reply_interval *in_intervals;
    struct value *keys, *aggs, *overs;
    struct reply_interval *over_intervals;
    struct value *cells, *orders, *on;
    size_t index; /* ties keep the order of the answer before */
};

struct work {
    const struct plan_after *after;
    struct row *rows;
    size_t n;
    struct arena *a;
};

static struct eval_env env_of(const struct work *k, const struct row *r)
{
    return (struct eval_env){ .keys = r->keys,
                              .aggs = r->aggs,
                              .overs = r->overs,
                              .columns = k->after->columns,
                              .cells = r->in };
}

static enum err_code passes(bool *out, const struct work *k,
                            const struct row *r, const struct typed *e,
                            struct err *err)
{
    const struct eval_env env = env_of(k, r);
    struct value v;
    TRY(eval(&v, e, &env, k->a, err));
    *out = v.type == VALUE_BOOL && v.b;
    return ERR_OK;
}

static enum err_code read_rows(struct work *k, const struct reply_table *t,
                               struct err *err)
{
    k->rows = ARENA_NEW_N(k->a, t->n_rows + 1, struct row);
    if (!k->rows)
        return draft_memory(err);
    for (size_t i = 0; i < t->n_rows; i++) {
        struct row *r = &k->rows[k->n];
        bool keep = true;
        *r = (struct row){ .in = &t->cells[i * t->n_columns],
                           .in_intervals = &t->intervals[i * t->n_columns],
                           .index = i };
        for (size_t w = 0; keep && w < k->after->n_where; w++)
            TRY(passes(&keep, k, r, k->after->where[w], err));
        k->n += keep;
    }
    return ERR_OK;
}

static enum err_code eval_keys(struct work *k, struct err *err)
{
    const size_t n = k->after->n_keys;
    for (size_t i = 0; i < k->n; i++) {
        struct row *r = &k->rows[i];
        const struct eval_env env = env_of(k, r);
        struct value *keys = ARENA_NEW_N(k->a, n + 1, struct value);
        if (!keys)
            return draft_memory(err);
        for (size_t j = 0; j < n; j++)
            TRY(eval(&keys[j], k->after->keys[j], &env, k->a, err));
        r->keys = keys;
    }
    return ERR_OK;
}

static int compare_values(const struct value *a, const struct value *b,
                          size_t n)
{
    int c = 0;
    for (size_t i = 0; c == 0 && i < n; i++)
        c = value_cmp(&a[i], &b[i]);
    return c;
}

static int by_index(const struct row *a, const struct row *b)
{
    return (a->index > b->index) - (a->index < b->index);
}

static int by_keys(const void *left, const void *right, void *ctx)
{
    const struct work *k = ctx;
    const struct row *a = left, *b = right;
    const int c = compare_values(a->keys, b->keys, k->after->n_keys);
    return c ? c : by_index(a, b);
}

static bool needs_all(const struct plan_after_agg *g)
{
    return g->distinct || agg_is_percentile(g->kind);
}

static enum err_code aggregate(struct value *out, const struct work *k,
                               const struct plan_after_agg *g,
                               const struct row *rows, size_t n,
                               struct err *err)
{
    struct tally t = tally_of(g->kind, g->value ? g->value->type : VALUE_INT);
    struct value *all =
        ARENA_NEW_N(k->a, needs_all(g) ? n + 1 : 1, struct value);
    size_t n_all = 0;
    if (!all)
        return draft_memory(err);
    for (size_t i = 0; i < n; i++) {
        const struct eval_env env = env_of(k, &rows[i]);
        struct value v = value_int(1);
        bool keep = true;
        if (g->filter)
            TRY(passes(&keep, k, &rows[i], g->filter, err));
        if (keep && g->value)
            TRY(eval(&v, g->value, &env, k->a, err));
        if (!keep || v.type == VALUE_NULL)
            continue;
        tally_add(&t, &v);
        if (needs_all(g))
            all[n_all++] = v;
    }
    const struct tally_whole whole = { g->kind, g->distinct, g->fraction };
    *out = needs_all(g) ? tally_sorted(&whole, all, n_all) : tally_result(&t);
    return ERR_OK;
}

/* `rows` of equal keys become the first of them, with their aggregates, in
 * `out`; `one`: without keys there is one group, of no rows perhaps. */
static enum err_code group_rows(struct row *out, size_t *n_out, struct work *k,
                                struct row *rows, size_t n, bool one,
                                struct err *err)
{
    const struct plan_after *after = k->after;
    size_t groups = 0;
    if (n > 1)
        qsort_r(rows, n, sizeof *rows, by_keys, k);
    for (size_t from = 0, end; from < n || (one && groups == 0); from = end) {
        end = from;
        while (end < n &&
               (one || compare_values(rows[from].keys, rows[end].keys,
                                      after->n_keys) == 0))
            end++;
        struct value *aggs = ARENA_NEW_N(k->a, after->n_aggs + 1, struct value);
        if (!aggs)
            return draft_memory(err);
        for (size_t i = 0; i < after->n_aggs; i++)
            TRY(aggregate(&aggs[i], k, &after->aggs[i], &rows[from], end - from,
                          err));
        struct row r = end > from ? rows[from] : (struct row){ 0 };
        r.aggs = aggs;
        out[groups++] = r;
        if (end == from)
            break;
    }
    *n_out = groups;
    return ERR_OK;
}

/* The row as the set sees it: keys that it leaves out are NULL, and behind them
 * stands its number. */
static enum err_code in_set(struct row *r, const struct work *k, size_t set,
                            struct err *err)
{
    const size_t n = k->after->n_keys;
    struct value *keys = ARENA_NEW_N(k->a, n + 1, struct value);
    if (!keys)
        return draft_memory(err);
    for (size_t i = 0; i < n; i++)
        keys[i] = r->keys && k->after->sets[set] & UINT32_C(1) << i
                      ? r->keys[i]
                      : value_null();
    keys[n] = value_int((int64_t)set);
    r->keys = keys;
    return ERR_OK;
}

static enum err_code group_sets(struct work *k, struct err *err)
{
    const size_t n_sets = k->after->n_sets;
    struct row *all = ARENA_NEW_N(k->a, n_sets * (k->n + 1), struct row);
    struct row *rows = ARENA_NEW_N(k->a, k->n + 1, struct row);
    size_t n = 0;
    if (!all || !rows)
        return draft_memory(err);
    for (size_t s = 0; s < n_sets; s++) {
        const bool one = k->after->sets[s] == 0;
        size_t groups;
        for (size_t i = 0; i < k->n; i++) {
            rows[i] = k->rows[i];
            TRY(in_set(&rows[i], k, s, err));
        }
        TRY(group_rows(all + n, &groups, k, rows, k->n, one, err));
        if (one && k->n == 0)
            TRY(in_set(&all[n], k, s, err));
        n += groups;
    }
    k->rows = all;
    k->n = n;
    return ERR_OK;
}

static enum err_code group(struct work *k, struct err *err)
{
    TRY(eval_keys(k, err));
    if (k->after->n_sets > 0)
        return group_sets(k, err);
    return group_rows(k->rows, &k->n, k, k->rows, k->n, k->after->n_keys == 0,
                      err);
}

/* HAVING, of groups. */
static enum err_code keep_groups(struct work *k, struct err *err)
{
    size_t kept = 0;
    for (size_t i = 0; i < k->n; i++) {
        bool keep = true;
        if (k->after->having)
            TRY(passes(&keep, k, &k->rows[i], k->after->having, err));
        if (!keep)
            continue;
        k->rows[kept] = k->rows[i];
        k->rows[kept].index = kept;
        kept++;
    }
    k->n = kept;
    return ERR_OK;
}

/* A number that passes through as it was keeps its interval, from the row
 * itself or from another. */
static struct reply_interval
interval_of(const struct work *k, const struct row *r, const struct typed *e)
{
    if (k->after->groups || e->kind != TYPED_COLUMN)
        return (struct reply_interval){ .kind = INTERVAL_NONE };
    return r->in_intervals[e->column - k->after->columns];
}

static enum err_code window(struct work *k, size_t w, struct err *err)
{
    const struct plan_over *o = &k->after->overs[w];
    struct over_row *rows = ARENA_NEW_N(k->a, k->n + 1, struct over_row);
    struct over_answer out;
    if (!rows)
        return draft_memory(err);
    for (size_t i = 0; i < k->n; i++) {
        const struct eval_env env = env_of(k, &k->rows[i]);
        TRY(over_row_of(&rows[i], o, &env, k->a, err));
    }
    TRY(over_apply(&out, o, rows, k->n, k->a, err));
    for (size_t i = 0; i < k->n; i++) {
        const size_t source = out.cells[i].source;
        k->rows[i].overs[w] = out.cells[i].value;
        k->rows[i].over_intervals[w] =
            source == OVER_NONE
                ? (struct reply_interval){ .kind = INTERVAL_NONE }
                : interval_of(k, &k->rows[source], o->value);
    }
    return ERR_OK;
}

static enum err_code windows(struct work *k, struct err *err)
{
    const size_t n = k->after->n_overs;
    for (size_t i = 0; n > 0 && i < k->n; i++) {
        struct row *r = &k->rows[i];
        r->overs = ARENA_NEW_N(k->a, n, struct value);
        r->over_intervals = ARENA_NEW_N(k->a, n, struct reply_interval);
        if (!r->overs || !r->over_intervals)
            return draft_memory(err);
    }
    for (size_t w = 0; w < n; w++)
        TRY(window(k, w, err));
    return ERR_OK;
}

static enum err_code put_out(struct work *k, struct err *err)
{
    const struct plan_after *after = k->after;
    for (size_t i = 0; i < k->n; i++) {
        struct row *r = &k->rows[i];
        const struct eval_env env = env_of(k, r);
        r->cells = ARENA_NEW_N(k->a, after->n_outputs + 1, struct value);
        r->orders = ARENA_NEW_N(k->a, after->n_orders + 1, struct value);
        r->on = ARENA_NEW_N(k->a, after->n_on + 1, struct value);
        if (!r->cells || !r->orders || !r->on)
            return draft_memory(err);
        for (size_t j = 0; j < after->n_outputs; j++)
            TRY(eval(&r->cells[j], after->outputs[j].expr, &env, k->a, err));
        for (size_t j = 0; j < after->n_orders; j++)
            TRY(eval(&r->orders[j], after->orders[j].expr, &env, k->a, err));
        for (size_t j = 0; j < after->n_on; j++)
            TRY(eval(&r->on[j], after->on[j], &env, k->a, err));
    }
    return ERR_OK;
}

static int by_cells(const void *left, const void *right, void *ctx)
{
    const struct work *k = ctx;
    const struct row *a = left, *b = right;
    const int c = compare_values(a->cells, b->cells, k->after->n_outputs);
    return c ? c : by_index(a, b);
}

static void drop_copies(struct work *k)
{
    size_t n = 0;
    if (k->n > 1)
        qsort_r(k->rows, k->n, sizeof *k->rows, by_cells, k);
    for (size_t i = 0; i < k->n; i++)
        if (n == 0 || compare_values(k->rows[n - 1].cells, k->rows[i].cells,
                                     k->after->n_outputs) != 0)
            k->rows[n++] = k->rows[i];
    k->n = n;
}

static int by_orders(const void *left, const void *right, void *ctx)
{
    const struct work *k = ctx;
    const struct row *a = left, *b = right;
    int c = 0;
    for (size_t i = 0; c == 0 && i < k->after->n_orders; i++)
        c = plan_order_cmp(&k->after->orders[i], &a->orders[i], &b->orders[i]);
    return c ? c : by_index(a, b);
}

static int by_on(const void *left, const void *right, void *ctx)
{
    const struct work *k = ctx;
    const struct row *a = left, *b = right;
    const int c = compare_values(a->on, b->on, k->after->n_on);
    return c ? c : by_orders(left, right, ctx);
}

/* DISTINCT ON: the first in the order asked for. */
static void keep_first(struct work *k)
{
    size_t n = 0;
    if (k->n > 1)
        qsort_r(k->rows, k->n, sizeof *k->rows, by_on, k);
    for (size_t i = 0; i < k->n; i++)
        if (n == 0 || compare_values(k->rows[n - 1].on, k->rows[i].on,
                                     k->after->n_on) != 0)
            k->rows[n++] = k->rows[i];
    k->n = n;
}

static struct reply_interval
shown_interval(const struct work *k, const struct row *r, const struct typed *e)
{
    return e->kind == TYPED_OVER ? r->over_intervals[e->index]
                                 : interval_of(k, r, e);
}

static enum err_code fill(struct reply_table *t, const struct work *k,
                          struct err *err)
{
    const struct plan_after *after = k->after;
    const size_t width = after->n_outputs;
    const size_t from = after->offset < k->n ? (size_t)after->offset : k->n;
    const size_t left = k->n - from;
    const size_t n =
        after->has_limit && after->limit < left ? (size_t)after->limit : left;
    struct reply_column *columns =
        ARENA_NEW_N(k->a, width + 1, struct reply_column);
    struct value *cells = ARENA_NEW_N(k->a, n * width + 1, struct value);
    struct reply_interval *intervals =
        ARENA_NEW_N(k->a, n * width + 1, struct reply_interval);
    if (!columns || !cells || !intervals)
        return draft_memory(err);
    for (size_t i = 0; i < width; i++)
        columns[i] = (struct reply_column){
            .name = after->outputs[i].name,
            .type = after->outputs[i].type,
            .numeric = after->outputs[i].expr->numeric,
        };
    for (size_t r = 0; r < n; r++)
        for (size_t i = 0; i < width; i++) {
            cells[r * width + i] = k->rows[from + r].cells[i];
            intervals[r * width + i] =
                shown_interval(k, &k->rows[from + r], after->outputs[i].expr);
        }
    t->columns = columns;
    t->n_columns = width;
    t->cells = cells;
    t->intervals = intervals;
    t->n_rows = n;
    return ERR_OK;
}

enum err_code plan_after_apply(struct reply_table *table,
                               const struct plan_after *after, struct arena *a,
                               struct err *err)
{
    struct work k = { .after = after, .a = a };
    TRY(read_rows(&k, table, err));
    if (after->groups)
        TRY(group(&k, err));
    TRY(keep_groups(&k, err));
    TRY(windows(&k, err));
    TRY(put_out(&k, err));
    if (after->distinct)
        drop_copies(&k);
    if (after->n_on > 0)
        keep_first(&k);
    if (k.n > 1)
        qsort_r(k.rows, k.n, sizeof *k.rows, by_orders, &k);
    return fill(table, &k, err);
}
