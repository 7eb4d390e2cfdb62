/*
 * Intervals of window functions over released groups; laws.h.  A group's noise
 * is its own draw, so sums over rows add up independent draws of one mechanism
 * (dp_reach_of_total); a share of a total has its own noise in both
 * (dp_interval_of_share).
 */
#include <math.h>
#include <stdlib.h>

#include "dp/interval.h"
#include "server/plan/draft.h"
#include "server/plan/laws.h"

static const struct reply_interval NONE = { .kind = INTERVAL_NONE };
static const struct reply_interval UNBOUNDED = { .kind = INTERVAL_UNBOUNDED };

static struct reply_interval around(double v, double half)
{
    if (!isfinite(half))
        return UNBOUNDED;
    return (struct reply_interval){ INTERVAL_BOUNDED,
                                    nextafter(v - half, -HUGE_VAL),
                                    nextafter(v + half, HUGE_VAL) };
}

/* ---- what all rows have in common ---- */

static void find_sum(struct laws_window *w, const struct plan *p)
{
    const struct plan_over *o = w->o;
    const struct typed *leaf = o->value ? laws_linear(o->value) : NULL;
    const bool sums =
        o->kind == WINDOW_AGG && (o->agg == AGG_SUM || o->agg == AGG_AVG);
    const bool extreme =
        o->kind == WINDOW_AGG && (o->agg == AGG_MAX || o->agg == AGG_MIN);
    const bool takes = window_info_of(o->kind)->takes_value;
    if (!leaf || leaf->kind != TYPED_AGG || !(sums || takes || extreme) ||
        o->frame.exclude != EXCLUDE_NOTHING)
        return;
    if (p->aggs[leaf->index].kind != PLAN_AGG_MEASURE)
        return;
    const double at0 = laws_linear_at(o->value, 0);
    w->agg = leaf->index;
    w->factor = laws_linear_at(o->value, 1) - at0;
    w->is_plain = at0 == 0;
    w->extreme = extreme;
    w->adds = isfinite(w->factor) && isfinite(at0);
}

static struct plan_measure *measure_of(const struct laws_row *row, size_t agg)
{
    const struct plan *p = row->laws->p;
    return &p->measures[p->aggs[agg].measure];
}

static double scale_of(const struct dp_mechanism *m)
{
    return (double)m->num / (double)m->den;
}

static struct dp_mechanism noisier(struct dp_mechanism a, struct dp_mechanism b)
{
    return scale_of(&a) < scale_of(&b) ? b : a;
}

/* Rows of grouping sets, and days of several releases, have noise of their own
 * scales: with the largest for each, a law is wider than it has to be. */
static void find_noise(struct laws_window *w)
{
    const struct plan_measure *first = measure_of(&w->rows[0], w->agg);
    w->noise = first->noise;
    for (size_t i = 0; i < w->n_rows; i++) {
        const struct plan_measure *m = measure_of(&w->rows[i], w->agg);
        w->adds &= w->rows[i].noisy && m->noise.law == first->noise.law &&
                   plan_measure_exp(m) == plan_measure_exp(first);
        w->noise = noisier(w->noise, m->noise);
    }
}

enum err_code laws_window_find(struct laws_window *w, const struct plan_over *o,
                               const struct over_answer *answer,
                               const struct over_row *seen,
                               const struct laws_row *rows, size_t n,
                               struct arena *a, struct err *err)
{
    *w = (struct laws_window){
        .o = o, .answer = answer, .rows = rows, .n_rows = n
    };
    w->counted = ARENA_NEW_N(a, n + 1, size_t);
    w->unknown = ARENA_NEW_N(a, n + 1, size_t);
    w->steps = ARENA_NEW_N(a, n + 1, double);
    if (!w->counted || !w->unknown || !w->steps)
        return draft_memory(err);
    if (n == 0)
        return ERR_OK;
    find_sum(w, rows[0].laws->p);
    if (w->adds)
        find_noise(w);
    for (size_t p = 0; w->adds && p < n; p++) {
        const size_t r = answer->by[p];
        const bool counts = seen[r].counts && seen[r].value.type != VALUE_NULL;
        const size_t m = rows[r].laws->p->aggs[w->agg].measure;
        w->counted[p + 1] = w->counted[p] + counts;
        w->unknown[p + 1] =
            w->unknown[p] + (counts && !laws_is_plain(&rows[r], w->agg));
        w->steps[p + 1] =
            w->steps[p] + (counts ? (double)rows[r].noisy[m].v : 0);
    }
    return ERR_OK;
}

/* ---- one row ---- */

/* Sums of independent noises of one aggregate's measure. */
struct total {
    size_t agg;
    struct dp_mechanism noise;
    double factor; /* what a step of the noise changes the value by */
    double steps;  /* what they were added to */
    size_t n;      /* draws */
    bool has_self; /* the row's own is one of them */
    size_t from, to, first, end; /* places; of an aggregate of the row none */
    const struct laws_window *window;
};

static bool own_total(struct total *t, const struct laws_row *row, size_t agg)
{
    if (!laws_is_plain(row, agg))
        return false;
    const struct plan_measure *m = measure_of(row, agg);
    *t = (struct total){
        .agg = agg, .noise = m->noise, .n = 1, .has_self = true
    };
    t->factor = ldexp(1, plan_measure_exp(m));
    t->steps = (double)row->noisy[row->laws->p->aggs[agg].measure].v;
    return true;
}

static bool over_total(struct total *t, const struct laws_row *row, size_t over)
{
    const struct laws_window *w = row->windows ? &row->windows[over] : NULL;
    if (!w || !w->adds)
        return false;
    const struct over_cell *cell = &w->answer->cells[row->index];
    const bool takes = w->o->kind != WINDOW_AGG;
    if (takes && cell->source == OVER_NONE)
        return false;
    const size_t self = w->answer->place[row->index];
    const size_t source = takes ? w->answer->place[cell->source] : 0;
    *t = (struct total){ .agg = w->agg, .noise = w->noise, .window = w };
    t->from = takes ? source : cell->from;
    t->to = takes ? source + 1 : cell->to;
    t->first = cell->first;
    t->end = cell->end;
    t->n = w->counted[t->to] - w->counted[t->from];
    if (t->n == 0 || w->unknown[t->to] > w->unknown[t->from])
        return false;
    t->steps = w->steps[t->to] - w->steps[t->from];
    t->has_self = self >= t->from && self < t->to &&
                  w->counted[self + 1] > w->counted[self];
    const bool mean = !takes && w->o->agg == AGG_AVG;
    t->factor = w->factor / (mean ? (double)t->n : 1) *
                ldexp(1, plan_measure_exp(measure_of(row, w->agg)));
    return true;
}

/* A sum of noises: what the greatest of some numbers has is none. */
static bool total_of(struct total *t, const struct laws_row *row,
                     const struct typed *leaf)
{
    return leaf->kind == TYPED_AGG
               ? own_total(t, row, leaf->index)
               : over_total(t, row, leaf->index) && !t->window->extreme;
}

static double reach(const struct dp_mechanism *m, size_t n, double level)
{
    double r = 0;
    return dp_reach_of_total(&r, m, n, level) == DP_OK ? r : HUGE_VAL;
}

static double number_of(const struct value *v)
{
    return v->type == VALUE_INT      ? (double)v->i
           : v->type == VALUE_DOUBLE ? v->d
                                     : (double)NAN;
}

/*
 * The greatest of n numbers lies within +-k of the greatest noisy one where
 * each lies within +-k of its own: k at a level at which all do together.
 */
static double reach_of_all(const struct dp_mechanism *m, size_t n, double level)
{
    const double each = dp_level_of_each(level, n, DP_JOINT_INDEPENDENT);
    uint64_t k = 0;
    return dp_mechanism_quantile(&k, m, 1 - each) == DP_OK ? (double)k
                                                           : HUGE_VAL;
}

struct reply_interval laws_over(const struct laws_row *row, size_t over,
                                double level)
{
    struct total t;
    const double v = number_of(&row->overs[over]);
    if (isnan(v))
        return NONE;
    if (over_total(&t, row, over))
        return around(
            v, fabs(t.factor) *
                   (t.window->extreme
                        ? reach_of_all(&t.noise, t.n, level)
                        : sqrt((double)t.n) * reach(&t.noise, t.n, level)));
    /* The value of a row that has an interval of its own. */
    const struct laws_window *w = row->windows ? &row->windows[over] : NULL;
    const size_t source = w ? w->answer->cells[row->index].source : OVER_NONE;
    if (source == OVER_NONE || level > row->laws->p->level ||
        !window_info_of(w->o->kind)->takes_value)
        return NONE;
    return laws_interval(&w->rows[source], w->o->value, &row->overs[over]);
}

static bool same_list(struct typed *const *a, size_t n_a,
                      struct typed *const *b, size_t n_b)
{
    bool same = n_a == n_b;
    for (size_t i = 0; same && i < n_a; i++)
        same = typed_equal(a[i], b[i]);
    return same;
}

/* Are the draws of `a` all in `t`, by what their windows say? */
static bool is_part(const struct total *a, const struct total *t, size_t n_rows)
{
    const struct plan_over *to = t->window->o;
    if (!a->window)
        return t->has_self;
    if (to->filter)
        return false;
    if (t->from == 0 && t->to == n_rows)
        return true;
    const struct plan_over *ao = a->window->o;
    if (!same_list(ao->partition, ao->n_partition, to->partition,
                   to->n_partition))
        return false;
    if (t->from == t->first && t->to == t->end)
        return true;
    bool same = ao->n_orders == to->n_orders;
    for (size_t i = 0; same && i < ao->n_orders; i++)
        same = typed_equal(ao->orders[i].expr, to->orders[i].expr) &&
               ao->orders[i].descending == to->orders[i].descending &&
               ao->orders[i].nulls_first == to->orders[i].nulls_first;
    return same && t->from <= a->from && a->to <= t->to;
}

/* One row's aggregate over that of another row: two readings of their own. */
static struct reply_interval of_two(const struct total *a,
                                    const struct total *b, double factor,
                                    double level)
{
    const struct dp_reading num = { { (dp_int)a->steps }, a->noise };
    const struct dp_reading den = { { (dp_int)b->steps }, b->noise };
    struct dp_interval at = { 0 };
    if (dp_interval_of_ratio(&at, &num, &den, level) != DP_OK ||
        at.kind != DP_INTERVAL_BOUNDED)
        return UNBOUNDED;
    const double x = factor * at.lo, y = factor * at.hi;
    return (struct reply_interval){ INTERVAL_BOUNDED, fmin(x, y), fmax(x, y) };
}

struct reply_interval laws_share(const struct laws_row *row, bool *is_share,
                                 const struct typed *num,
                                 const struct typed *den, double factor,
                                 double level)
{
    struct total a, t;
    struct dp_interval at = { 0 };
    *is_share = false;
    if ((num->kind != TYPED_OVER && den->kind != TYPED_OVER) ||
        !total_of(&a, row, num) || !total_of(&t, row, den))
        return NONE;
    const bool plain =
        (!a.window || a.window->is_plain) && (!t.window || t.window->is_plain);
    if (!plain || t.factor == 0)
        return NONE;
    const double f = factor * a.factor / t.factor;
    const bool apart = a.n == 1 && t.n == 1 &&
                       (a.agg != t.agg || (!a.window && !t.has_self) ||
                        (!t.window && !a.has_self));
    *is_share = apart || (a.agg == t.agg && t.window &&
                          is_part(&a, &t, t.window->n_rows));
    if (!*is_share)
        return NONE;
    if (apart)
        return of_two(&a, &t, f, level);
    const struct dp_mechanism noise = noisier(a.noise, t.noise);
    const struct dp_share share = { a.steps, t.steps, a.n, t.n - a.n };
    if (dp_interval_of_share(&at, &share, &noise, level) != DP_OK ||
        at.kind != DP_INTERVAL_BOUNDED)
        return UNBOUNDED;
    const double x = f * at.lo, y = f * at.hi;
    return (struct reply_interval){ INTERVAL_BOUNDED, fmin(x, y), fmax(x, y) };
}

/* e = c x + d y + constant, through sums and products with constants. */
struct pair {
    const struct typed *leaf[2];
    double by[2];
    size_t n;
};

static double constant(const struct typed *e)
{
    return number_of(&e->value);
}

static bool collect(struct pair *out, const struct typed *e, double by,
                    unsigned depth)
{
    enum { DEPTH_MAX = 16 };
    if (typed_is_const(e))
        return true;
    if (e->kind == TYPED_AGG || e->kind == TYPED_OVER) {
        size_t i = 0;
        while (i < out->n && !typed_equal(out->leaf[i], e))
            i++;
        if (i == 2)
            return false;
        out->leaf[i] = e;
        out->by[i] = (i < out->n ? out->by[i] : 0) + by;
        out->n += i == out->n;
        return true;
    }
    if (e->kind != TYPED_CALL || depth == DEPTH_MAX || e->call.n_args > 2)
        return false;
    struct typed *const *args = e->call.args;
    const enum expr_op op = e->call.op;
    if (op == OP_CAST_DOUBLE || op == OP_NEG)
        return collect(out, args[0], op == OP_NEG ? -by : by, depth + 1);
    if (op == OP_ADD || op == OP_SUB)
        return collect(out, args[0], by, depth + 1) &&
               collect(out, args[1], op == OP_SUB ? -by : by, depth + 1);
    if (op == OP_DIV && e->type == VALUE_DOUBLE && typed_is_const(args[1]))
        return collect(out, args[0], by / constant(args[1]), depth + 1);
    if (op != OP_MUL)
        return false;
    if (typed_is_const(args[0]))
        return collect(out, args[1], by * constant(args[0]), depth + 1);
    return typed_is_const(args[1]) &&
           collect(out, args[0], by * constant(args[1]), depth + 1);
}

struct reply_interval laws_deviation(const struct laws_row *row, bool *is_sum,
                                     const struct typed *e,
                                     const struct value *cell)
{
    struct pair p = { .n = 0 };
    struct total x, y;
    *is_sum = false;
    if (!collect(&p, e, 1, 0) || p.n != 2)
        return NONE;
    const size_t own = p.leaf[0]->kind == TYPED_AGG ? 0 : 1;
    if (p.leaf[own]->kind != TYPED_AGG || p.leaf[!own]->kind != TYPED_OVER ||
        !total_of(&x, row, p.leaf[own]) || !total_of(&y, row, p.leaf[!own]) ||
        x.agg != y.agg)
        return NONE;
    const double a = p.by[own] * x.factor, b = p.by[!own] * y.factor;
    const double n = (double)y.n;
    const double squares =
        y.has_self ? (a + b) * (a + b) + (n - 1) * b * b : a * a + n * b * b;
    if (!isfinite(squares))
        return NONE;
    *is_sum = true;
    const struct dp_mechanism noise = noisier(x.noise, y.noise);
    return around(number_of(cell),
                  sqrt(squares) *
                      reach(&noise, y.n + !y.has_self, row->laws->p->level));
}
