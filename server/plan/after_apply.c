/* Evaluation of what after.h describes. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "server/plan/after.h"
#include "server/plan/draft.h"
#include "server/plan/eval.h"

/* A row in the making: of the answer before, then of a group, then put out. */
struct row {
    const struct value *in; /* cells of the answer before */
    const struct reply_interval *in_intervals;
    struct value *keys, *aggs;
    struct value *cells, *orders;
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

/* One aggregate while rows are added to it. */
struct tally {
    struct value most; /* MIN, MAX: so far, or NULL */
    dp_int whole;
    double real;
    int64_t n;
};

static void add(struct tally *t, enum agg_kind kind, const struct value *v)
{
    const int c = t->n ? value_cmp(v, &t->most) : 0;
    if (t->n == 0 || (kind == AGG_MIN && c < 0) || (kind == AGG_MAX && c > 0))
        t->most = *v;
    t->n++;
    if (v->type == VALUE_INT) {
        t->whole += v->i;
        t->real += (double)v->i;
    }
    if (v->type == VALUE_DOUBLE)
        t->real += v->d;
}

static struct value result(const struct tally *t,
                           const struct plan_after_agg *g)
{
    if (g->kind == AGG_COUNT)
        return value_int(t->n);
    if (t->n == 0)
        return value_null();
    if (g->kind == AGG_MIN || g->kind == AGG_MAX)
        return t->most;
    const double real = g->kind == AGG_AVG ? t->real / (double)t->n : t->real;
    if (g->kind == AGG_SUM && g->value->type == VALUE_INT)
        return t->whole > INT64_MAX || t->whole < INT64_MIN
                   ? value_null()
                   : value_int((int64_t)t->whole);
    return isnan(real) ? value_null() : value_double(real);
}

static enum err_code aggregate(struct value *out, const struct work *k,
                               const struct plan_after_agg *g,
                               const struct row *rows, size_t n,
                               struct err *err)
{
    struct tally t = { 0 };
    for (size_t i = 0; i < n; i++) {
        const struct eval_env env = env_of(k, &rows[i]);
        struct value v = value_int(1);
        bool keep = true;
        if (g->filter)
            TRY(passes(&keep, k, &rows[i], g->filter, err));
        if (keep && g->value)
            TRY(eval(&v, g->value, &env, k->a, err));
        if (keep && v.type != VALUE_NULL)
            add(&t, g->kind, &v);
    }
    *out = result(&t, g);
    return ERR_OK;
}

/* Rows of equal keys become the first of them, with their aggregates. */
static enum err_code group(struct work *k, struct err *err)
{
    const struct plan_after *after = k->after;
    size_t groups = 0;
    TRY(eval_keys(k, err));
    if (k->n > 1)
        qsort_r(k->rows, k->n, sizeof *k->rows, by_keys, k);
    /* Without keys there is one group, of no rows perhaps. */
    const bool one = after->n_keys == 0;
    for (size_t from = 0, end; from < k->n || (one && groups == 0);
         from = end) {
        end = from;
        while (end < k->n &&
               (one || compare_values(k->rows[from].keys, k->rows[end].keys,
                                      after->n_keys) == 0))
            end++;
        struct value *aggs = ARENA_NEW_N(k->a, after->n_aggs + 1, struct value);
        if (!aggs)
            return draft_memory(err);
        for (size_t i = 0; i < after->n_aggs; i++)
            TRY(aggregate(&aggs[i], k, &after->aggs[i], &k->rows[from],
                          end - from, err));
        struct row r = end > from ? k->rows[from] : (struct row){ 0 };
        r.aggs = aggs;
        k->rows[groups++] = r;
        if (end == from)
            break;
    }
    k->n = groups;
    return ERR_OK;
}

static enum err_code put_out(struct work *k, struct err *err)
{
    const struct plan_after *after = k->after;
    size_t kept = 0;
    for (size_t i = 0; i < k->n; i++) {
        struct row r = k->rows[i];
        const struct eval_env env = env_of(k, &r);
        bool keep = true;
        if (after->having)
            TRY(passes(&keep, k, &r, after->having, err));
        if (!keep)
            continue;
        r.cells = ARENA_NEW_N(k->a, after->n_outputs + 1, struct value);
        r.orders = ARENA_NEW_N(k->a, after->n_orders + 1, struct value);
        if (!r.cells || !r.orders)
            return draft_memory(err);
        for (size_t j = 0; j < after->n_outputs; j++)
            TRY(eval(&r.cells[j], after->outputs[j].expr, &env, k->a, err));
        for (size_t j = 0; j < after->n_orders; j++)
            TRY(eval(&r.orders[j], after->orders[j].expr, &env, k->a, err));
        r.index = kept;
        k->rows[kept++] = r;
    }
    k->n = kept;
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

/* The interval of a number that passes through as it was. */
static struct reply_interval
interval_of(const struct work *k, const struct row *r, const struct typed *e)
{
    if (k->after->groups || e->kind != TYPED_COLUMN)
        return (struct reply_interval){ .kind = INTERVAL_NONE };
    return r->in_intervals[e->column - k->after->columns];
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
        columns[i] = (struct reply_column){ after->outputs[i].name,
                                            after->outputs[i].type, false };
    for (size_t r = 0; r < n; r++)
        for (size_t i = 0; i < width; i++) {
            cells[r * width + i] = k->rows[from + r].cells[i];
            intervals[r * width + i] =
                interval_of(k, &k->rows[from + r], after->outputs[i].expr);
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
    TRY(put_out(&k, err));
    if (after->distinct)
        drop_copies(&k);
    if (k.n > 1)
        qsort_r(k.rows, k.n, sizeof *k.rows, by_orders, &k);
    return fill(table, &k, err);
}
