#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "dp/interval.h"
#include "server/plan/after.h"
#include "server/plan/draft.h"
#include "server/plan/eval.h"

/*
 * Aggregates from noisy measures, with intervals; then outputs, HAVING, ORDER
 * BY and LIMIT.  Everything here is a function of released numbers and public
 * parameters.  How intervals combine: docs/intervals.md.
 */
struct row {
    const struct value *keys;
    struct value *aggs;
    struct reply_interval *bounds; /* of aggs */
    struct value *cells;
    struct reply_interval *intervals;
    struct value *orders;
};

static struct value int_of(dp_int v)
{
    if (v > INT64_MAX)
        return value_int(INT64_MAX);
    return value_int(v < INT64_MIN ? INT64_MIN : (int64_t)v);
}

static double real_of(dp_int v, unsigned bits)
{
    return ldexp((double)v, -(int)bits);
}

static struct value number(dp_int v, unsigned bits, bool real)
{
    return real ? value_double(real_of(v, bits)) : int_of(v);
}

/* Unbounded when the law gives none: never narrower than it should be. */
static struct reply_interval shown(enum dp_status rc, struct dp_interval i,
                                   double shift, unsigned bits)
{
    if (rc != DP_OK || i.kind != DP_INTERVAL_BOUNDED)
        return (struct reply_interval){ .kind = INTERVAL_UNBOUNDED };
    i = dp_interval_place(i, shift, bits);
    return (struct reply_interval){ INTERVAL_BOUNDED, i.lo, i.hi };
}

/*
 * What every row needs of the laws, found once: the half width of each measure
 * in grid steps, alone and where two share the error, and the intervals of the
 * count that selects, by how far it passed the threshold.
 */
struct laws {
    const struct plan *p;
    uint64_t *alone, *shared;    /* UINT64_MAX: unknown */
    struct dp_ratio_law *ratios; /* of the aggregates that are means */
    struct reply_interval *passed;
    bool *has_passed;
    uint64_t near; /* as far past the threshold as its law still shows */
};

enum { NEAR_MAX = 1 << 16 };

/* So unlikely that a level of 0.95 cannot tell it from never. */
static const double NEVER = 1e-12;

static uint64_t half_width(const struct dp_mechanism *m, double alpha)
{
    uint64_t k = UINT64_MAX;
    return dp_mechanism_quantile(&k, m, alpha) == DP_OK ? k : UINT64_MAX;
}

/* Where no law is known the divisor reaches everything: no bound. */
static struct dp_ratio_law ratio_of(const struct plan *p,
                                    const struct plan_agg *agg)
{
    struct dp_ratio_law law = { .den = HUGE_VALL };
    if (agg->kind != PLAN_AGG_MEAN ||
        dp_ratio_law_of(&law, &p->measures[agg->measure].noise,
                        &p->measures[agg->count].noise, p->level) != DP_OK)
        law.den = HUGE_VALL;
    return law;
}

static enum err_code find_laws(struct laws *l, const struct plan *p,
                               struct arena *a, struct err *err)
{
    *l = (struct laws){ .p = p };
    l->alone = ARENA_NEW_N(a, p->n_measures + 1, uint64_t);
    l->shared = ARENA_NEW_N(a, p->n_measures + 1, uint64_t);
    l->ratios = ARENA_NEW_N(a, p->n_aggs + 1, struct dp_ratio_law);
    if (!l->alone || !l->shared || !l->ratios)
        return draft_memory(err);
    for (size_t i = 0; i < p->n_measures && !p->is_free; i++) {
        l->alone[i] = half_width(&p->measures[i].noise, 1 - p->level);
        l->shared[i] = half_width(&p->measures[i].noise, (1 - p->level) / 2);
    }
    for (size_t i = 0; i < p->n_aggs && !p->is_free; i++)
        l->ratios[i] = ratio_of(p, &p->aggs[i]);
    if (!p->selects || p->is_free)
        return ERR_OK;
    const uint64_t far = half_width(&p->measures[p->people].noise, NEVER);
    l->near = far < NEAR_MAX / 2 ? 2 * far : NEAR_MAX;
    l->passed = ARENA_NEW_N(a, l->near + 1, struct reply_interval);
    l->has_passed = ARENA_NEW_N(a, l->near + 1, bool);
    return l->passed && l->has_passed ? ERR_OK : draft_memory(err);
}

static struct reply_interval of_measure(const struct laws *l, size_t i,
                                        struct dp_noisy v, bool shares)
{
    const uint64_t k = shares ? l->shared[i] : l->alone[i];
    const unsigned bits = l->p->measures[i].grid_bits;
    const struct dp_interval at = { DP_INTERVAL_BOUNDED,
                                    (double)v.v - (double)k,
                                    (double)v.v + (double)k };
    return shown(k == UINT64_MAX ? DP_ENOCONV : DP_OK, at, 0, bits);
}

/*
 * The count that selected the group is told by the law given that it passed.
 * Far past the threshold that law and the plain one agree but for NEVER: a
 * count that would rarely pass comes that far even more rarely.
 */
static struct reply_interval of_people(const struct laws *l, struct dp_noisy v)
{
    const struct plan *p = l->p;
    const dp_int past = v.v - (dp_int)p->keep.above;
    if (past <= 0 || (past > (dp_int)l->near && l->near < NEAR_MAX))
        return of_measure(l, p->people, v, false);
    const bool kept = past <= (dp_int)l->near;
    if (kept && l->has_passed[past])
        return l->passed[past];

    const struct dp_reading r = { v, p->measures[p->people].noise };
    struct dp_interval at = { 0 };
    const enum dp_status rc = dp_interval_of_shown(&at, &r, p->keep, p->level);
    const struct reply_interval i = shown(rc, at, 0, 0);
    if (kept) {
        l->passed[past] = i;
        l->has_passed[past] = true;
    }
    return i;
}

/* center * count + measure: each may fail half the time. */
static struct reply_interval of_sum(const struct laws *l,
                                    const struct plan_agg *agg,
                                    const struct dp_noisy *noisy)
{
    const struct plan_measure *m = &l->p->measures[agg->measure];
    const double center = real_of(m->center, m->grid_bits);
    const struct reply_interval s =
        of_measure(l, agg->measure, noisy[agg->measure], true);
    const struct reply_interval n =
        of_measure(l, agg->count, noisy[agg->count], true);
    if (s.kind != INTERVAL_BOUNDED || n.kind != INTERVAL_BOUNDED)
        return (struct reply_interval){ .kind = INTERVAL_UNBOUNDED };
    return (struct reply_interval){ INTERVAL_BOUNDED,
                                    s.lo + fmin(center * n.lo, center * n.hi),
                                    s.hi + fmax(center * n.lo, center * n.hi) };
}

static struct reply_interval of_mean(const struct laws *l,
                                     const struct plan_agg *agg,
                                     const struct dp_noisy *noisy)
{
    const struct plan_measure *m = &l->p->measures[agg->measure];
    const struct dp_interval at = dp_ratio_law_interval(
        &l->ratios[agg - l->p->aggs], noisy[agg->measure], noisy[agg->count]);
    return shown(DP_OK, at, real_of(m->center, m->grid_bits), m->grid_bits);
}

static bool is_real(const struct plan *p, const struct plan_agg *agg)
{
    return agg->kind == PLAN_AGG_MEAN ||
           p->measures[agg->measure].grid_bits > 0;
}

static dp_int saturating_sum(dp_int m, dp_int center, dp_int count)
{
    dp_int product, sum;
    if (__builtin_mul_overflow(center, count, &product) ||
        __builtin_add_overflow(m, product, &sum))
        return (m > 0) == (center > 0) ? DP_INT_MAX : DP_INT_MIN;
    return sum;
}

static void aggregate(struct value *out, struct reply_interval *bounds,
                      const struct laws *l, const struct plan_agg *agg,
                      const struct dp_noisy *noisy)
{
    const struct plan *p = l->p;
    const struct plan_measure *m = &p->measures[agg->measure];
    const dp_int s = noisy[agg->measure].v;

    switch (agg->kind) {
    case PLAN_AGG_MEASURE:
        *out = number(s, m->grid_bits, is_real(p, agg));
        *bounds = p->selects && agg->measure == p->people
                      ? of_people(l, noisy[agg->measure])
                      : of_measure(l, agg->measure, noisy[agg->measure], false);
        return;
    case PLAN_AGG_SUM:
        *out = number(saturating_sum(s, m->center, noisy[agg->count].v),
                      m->grid_bits, is_real(p, agg));
        *bounds = of_sum(l, agg, noisy);
        return;
    case PLAN_AGG_MEAN:
        *out = noisy[agg->count].v > 0
                   ? value_double(real_of(m->center, m->grid_bits) +
                                  real_of(s, m->grid_bits) /
                                      (double)noisy[agg->count].v)
                   : value_null();
        *bounds = of_mean(l, agg, noisy);
        return;
    }
}

/* The one aggregate an expression moves with, when it is a chain of sums and
 * products with constants; NULL otherwise. */
static const struct typed *linear_in(const struct typed *e)
{
    if (e->kind == TYPED_AGG)
        return e;
    if (e->kind != TYPED_CALL || e->call.n_args > 2 ||
        (e->type != VALUE_DOUBLE && e->call.op == OP_DIV))
        return NULL;
    const enum expr_op op = e->call.op;
    struct typed *const *args = e->call.args;
    if (op == OP_NEG || op == OP_CAST_DOUBLE)
        return linear_in(args[0]);
    if (op == OP_DIV)
        return typed_is_const(args[1]) ? linear_in(args[0]) : NULL;
    if (op != OP_ADD && op != OP_SUB && op != OP_MUL)
        return NULL;
    return typed_is_const(args[1])   ? linear_in(args[0])
           : typed_is_const(args[0]) ? linear_in(args[1])
                                     : NULL;
}

static double apply_linear(const struct typed *e, double x);

static double side(const struct typed *e, double x)
{
    if (!typed_is_const(e))
        return apply_linear(e, x);
    return e->value.type == VALUE_DOUBLE ? e->value.d
           : e->value.type == VALUE_INT  ? (double)e->value.i
                                         : (double)NAN;
}

static double apply_linear(const struct typed *e, double x)
{
    if (e->kind == TYPED_AGG)
        return x;
    const double l = side(e->call.args[0], x);
    const double r = e->call.n_args > 1 ? side(e->call.args[1], x) : 0;
    switch ((int)e->call.op) {
    case OP_ADD:
        return l + r;
    case OP_SUB:
        return l - r;
    case OP_MUL:
        return l * r;
    case OP_DIV:
        return l / r;
    case OP_NEG:
        return -l;
    default:
        return l;
    }
}

static struct reply_interval interval_of(const struct typed *e,
                                         const struct reply_interval *aggs,
                                         const struct value *cell)
{
    const struct reply_interval none = { .kind = INTERVAL_NONE };
    const struct typed *agg = linear_in(e);
    if (!agg || cell->type == VALUE_NULL)
        return none;
    const struct reply_interval of = aggs[agg->index];
    if (e->kind == TYPED_AGG || of.kind != INTERVAL_BOUNDED)
        return of;
    const double a = apply_linear(e, of.lo), b = apply_linear(e, of.hi);
    if (!isfinite(a) || !isfinite(b))
        return none;
    return (struct reply_interval){ INTERVAL_BOUNDED, fmin(a, b), fmax(a, b) };
}

/* Room for one row's arrays. */
static enum err_code room(struct row *r, const struct plan *p, struct arena *a,
                          struct err *err)
{
    r->aggs = ARENA_NEW_N(a, p->n_aggs + 1, struct value);
    r->bounds = ARENA_NEW_N(a, p->n_aggs + 1, struct reply_interval);
    r->cells = ARENA_NEW_N(a, p->n_outputs + 1, struct value);
    r->intervals = ARENA_NEW_N(a, p->n_outputs + 1, struct reply_interval);
    r->orders = ARENA_NEW_N(a, p->n_orders + 1, struct value);
    if (!r->aggs || !r->bounds || !r->cells || !r->intervals || !r->orders)
        return draft_memory(err);
    return ERR_OK;
}

static enum err_code compute(struct row *r, bool *keep, const struct laws *l,
                             const struct dp_noisy *noisy, struct arena *a,
                             struct err *err)
{
    const struct eval_env env = { .keys = r->keys, .aggs = r->aggs };
    const struct plan *p = l->p;
    struct value having = { .type = VALUE_BOOL, .b = true };

    for (size_t i = 0; i < p->n_aggs && noisy; i++)
        aggregate(&r->aggs[i], &r->bounds[i], l, &p->aggs[i], noisy);
    if (p->having)
        TRY(eval(&having, p->having, &env, a, err));
    for (size_t i = 0; i < p->n_outputs; i++) {
        const struct plan_output *o = &p->outputs[i];
        TRY(eval(&r->cells[i], o->expr, &env, a, err));
        r->intervals[i] = interval_of(o->expr, r->bounds, &r->cells[i]);
    }
    for (size_t i = 0; i < p->n_orders; i++)
        TRY(eval(&r->orders[i], p->orders[i].expr, &env, a, err));
    *keep = having.type == VALUE_BOOL && having.b;
    return ERR_OK;
}

static bool is_cut(const struct plan *p, const struct dp_noisy *noisy)
{
    return !p->selects && p->audience > 0 &&
           noisy[p->people].v < (dp_int)p->audience;
}

int plan_order_cmp(const struct plan_order *o, const struct value *a,
                   const struct value *b)
{
    const bool a_null = a->type == VALUE_NULL, b_null = b->type == VALUE_NULL;
    if (a_null || b_null)
        return a_null == b_null ? 0 : a_null == o->nulls_first ? -1 : 1;
    return o->descending ? value_cmp(b, a) : value_cmp(a, b);
}

static int compare_rows(const void *left, const void *right, void *ctx)
{
    const struct row *a = left, *b = right;
    const struct plan *p = ctx;
    int c = 0;
    for (size_t i = 0; c == 0 && i < p->n_orders; i++)
        c = plan_order_cmp(&p->orders[i], &a->orders[i], &b->orders[i]);
    for (size_t k = 0; c == 0 && k < p->n_keys; k++)
        c = value_cmp(&a->keys[k], &b->keys[k]);
    return c;
}

/* The rows LIMIT and OFFSET leave, as cells. */
static enum err_code fill(struct reply_table *out, const struct plan *p,
                          const struct row *rows, size_t n, struct arena *a,
                          struct err *err)
{
    const size_t from = p->offset < n ? (size_t)p->offset : n;
    const size_t left = n - from, width = p->n_outputs;
    const size_t count =
        p->has_limit && p->limit < left ? (size_t)p->limit : left;

    out->n_rows = count;
    out->cells = ARENA_NEW_N(a, count * width + 1, struct value);
    out->intervals = ARENA_NEW_N(a, count * width + 1, struct reply_interval);
    if (!out->cells || !out->intervals)
        return draft_memory(err);
    for (size_t i = 0; i < count; i++) {
        const struct row *r = &rows[from + i];
        memcpy(&out->cells[i * width], r->cells, width * sizeof *r->cells);
        memcpy(&out->intervals[i * width], r->intervals,
               width * sizeof *r->intervals);
    }
    return ERR_OK;
}

static enum err_code head(struct reply_table *out, const struct plan *p,
                          struct arena *a, struct err *err)
{
    *out = (struct reply_table){ .n_columns = p->n_outputs,
                                 .level = p->level,
                                 .notices = p->notices,
                                 .n_notices = p->n_notices,
                                 .release_slot_ns = -1 };
    out->columns = ARENA_NEW_N(a, p->n_outputs + 1, struct reply_column);
    if (!out->columns)
        return draft_memory(err);
    for (size_t i = 0; i < p->n_outputs; i++)
        out->columns[i] =
            (struct reply_column){ p->outputs[i].name, p->outputs[i].type,
                                   p->outputs[i].is_key };
    return ERR_OK;
}

/* SQL's answer over no rows: without GROUP BY one row, counts 0, sums and means
 * NULL. */
static enum err_code over_nothing(struct row *r, size_t *n,
                                  const struct laws *l, struct arena *a,
                                  struct err *err)
{
    const struct plan *p = l->p;
    bool keep;
    *n = 0;
    if (p->n_keys > 0)
        return ERR_OK;
    TRY(room(r, p, a, err));
    for (size_t i = 0; i < p->n_aggs; i++) {
        const bool counts = p->aggs[i].kind == PLAN_AGG_MEASURE &&
                            p->measures[p->aggs[i].measure].kind != MEASURE_SUM;
        r->aggs[i] = counts ? value_int(0) : value_null();
        r->bounds[i] = (struct reply_interval){ .kind = INTERVAL_NONE };
    }
    TRY(compute(r, &keep, l, NULL, a, err));
    *n = keep;
    return ERR_OK;
}

enum err_code plan_finish(struct reply_table *out, const struct plan *p,
                          const struct plan_noisy *noisy, struct arena *a,
                          struct err *err)
{
    const size_t most = p->is_free ? 1 : noisy->n_rows;
    struct row *rows = ARENA_NEW_N(a, most + 1, struct row);
    struct laws laws;
    size_t n = 0;

    if (!rows)
        return draft_memory(err);
    TRY(find_laws(&laws, p, a, err));
    TRY(head(out, p, a, err));
    if (p->is_free)
        TRY(over_nothing(rows, &n, &laws, a, err));
    for (size_t i = 0; !p->is_free && i < noisy->n_rows; i++) {
        const struct dp_noisy *m = &noisy->measures[i * p->n_measures];
        bool keep = false;
        if (is_cut(p, m))
            continue;
        TRY(room(&rows[n], p, a, err));
        rows[n].keys = noisy->keys ? &noisy->keys[i * p->n_keys] : NULL;
        TRY(compute(&rows[n], &keep, &laws, m, a, err));
        n += keep;
    }
    if (n > 1)
        qsort_r(rows, n, sizeof *rows, compare_rows, (void *)(uintptr_t)p);
    TRY(fill(out, p, rows, n, a, err));
    for (size_t i = 0; i < p->n_after; i++)
        TRY(plan_after_apply(out, &p->after[i], a, err));
    return ERR_OK;
}
