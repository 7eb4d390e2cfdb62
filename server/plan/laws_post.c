/* Intervals of expressions over aggregates; laws.h. */
#include <math.h>

#include "server/plan/laws.h"
#include "server/plan/typed.h"

const struct typed *laws_linear(const struct typed *e)
{
    if (e->kind == TYPED_AGG || e->kind == TYPED_OVER)
        return e;
    if (e->kind != TYPED_CALL || e->call.n_args > 2 ||
        (e->type != VALUE_DOUBLE && e->call.op == OP_DIV))
        return NULL;
    const enum expr_op op = e->call.op;
    struct typed *const *args = e->call.args;
    if (op == OP_NEG || op == OP_CAST_DOUBLE)
        return laws_linear(args[0]);
    if (op == OP_DIV)
        return typed_is_const(args[1]) ? laws_linear(args[0]) : NULL;
    if (op != OP_ADD && op != OP_SUB && op != OP_MUL)
        return NULL;
    return typed_is_const(args[1])   ? laws_linear(args[0])
           : typed_is_const(args[0]) ? laws_linear(args[1])
                                     : NULL;
}

static double side(const struct typed *e, double x)
{
    if (!typed_is_const(e))
        return laws_linear_at(e, x);
    return e->value.type == VALUE_DOUBLE ? e->value.d
           : e->value.type == VALUE_INT  ? (double)e->value.i
                                         : (double)NAN;
}

double laws_linear_at(const struct typed *e, double x)
{
    if (e->kind == TYPED_AGG || e->kind == TYPED_OVER)
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

static const struct reply_interval NONE = { .kind = INTERVAL_NONE };
static const struct reply_interval UNBOUNDED = { .kind = INTERVAL_UNBOUNDED };

static struct reply_interval between(double a, double b)
{
    if (!isfinite(a) || !isfinite(b))
        return NONE;
    return (struct reply_interval){ INTERVAL_BOUNDED, fmin(a, b), fmax(a, b) };
}

static const struct typed *without_nullif(const struct typed *e)
{
    return typed_is_call(e, OP_NULLIF) ? e->call.args[0] : e;
}

static struct reply_interval moved(const struct typed *e,
                                   struct reply_interval of)
{
    if (e->kind != TYPED_CALL || of.kind != INTERVAL_BOUNDED)
        return of;
    return between(laws_linear_at(e, of.lo), laws_linear_at(e, of.hi));
}

bool laws_scaled(const struct typed **leaf, double *factor,
                 const struct typed *e)
{
    while (e->kind == TYPED_CALL) {
        struct typed *const *args = e->call.args;
        const enum expr_op op = e->call.op;
        const size_t constant = op == OP_MUL && typed_is_const(args[0]) ? 0 : 1;
        if (op == OP_CAST_DOUBLE || op == OP_NULLIF) {
            e = args[0];
        } else if ((op == OP_MUL || op == OP_DIV) && e->type == VALUE_DOUBLE &&
                   typed_is_const(args[constant])) {
            const double c = side(args[constant], 0);
            *factor = op == OP_MUL ? *factor * c : *factor / c;
            e = args[1 - constant];
        } else {
            return false;
        }
    }
    *leaf = e;
    return e->kind == TYPED_AGG || e->kind == TYPED_OVER;
}

bool laws_is_quotient(struct laws_quotient *out, const struct typed *e)
{
    double outer = 1, num = 1, den = 1;
    while (e->kind == TYPED_CALL && e->call.op != OP_DIV) {
        const bool left = typed_is_const(e->call.args[0]);
        if (e->call.op == OP_MUL && e->type == VALUE_DOUBLE &&
            (left || typed_is_const(e->call.args[1]))) {
            outer *= side(e->call.args[left ? 0 : 1], 0);
            e = e->call.args[left ? 1 : 0];
        } else if (e->call.op == OP_CAST_DOUBLE) {
            e = e->call.args[0];
        } else {
            return false;
        }
    }
    if (e->kind != TYPED_CALL || e->type != VALUE_DOUBLE ||
        !laws_scaled(&out->num, &num, e->call.args[0]) ||
        !laws_scaled(&out->den, &den, e->call.args[1]))
        return false;
    out->factor = outer * num / den;
    return isfinite(out->factor) && out->factor != 0;
}

bool laws_is_plain(const struct laws_row *row, size_t agg)
{
    const struct laws *l = row->laws;
    const struct plan_agg *a = &l->p->aggs[agg];
    return a->kind == PLAN_AGG_MEASURE && row->noisy &&
           laws_is_uncut(l, row->stage, a->measure, row->noisy[a->measure].v);
}

/* Of a count or sum, sharing the error with another. */
static struct reply_interval half_of_agg(const struct laws_row *row, size_t agg)
{
    const struct laws *l = row->laws;
    const struct plan_agg *a = &l->p->aggs[agg];
    return a->kind == PLAN_AGG_MEASURE && row->noisy
               ? laws_measure(l, row->stage, a->measure,
                              row->noisy[a->measure].v, true)
               : NONE;
}

/* The quotient of two intervals, where one is near what its row was chosen by
 * and so not of a Gaussian. */
static struct reply_interval of_boxed(const struct laws_row *row,
                                      const struct laws_quotient *q)
{
    const struct reply_interval of =
        laws_combined(OP_DIV, half_of_agg(row, q->num->index),
                      half_of_agg(row, q->den->index));
    return of.kind == INTERVAL_BOUNDED
               ? between(q->factor * of.lo, q->factor * of.hi)
               : of;
}

/* Fieller's set for the quotient; unbounded where it is. */
static struct reply_interval of_quotient(const struct laws_row *row,
                                         const struct laws_quotient *q,
                                         double level)
{
    const struct plan *p = row->laws->p;
    bool is_share;
    if (q->num->kind == TYPED_OVER || q->den->kind == TYPED_OVER)
        return laws_share(row, &is_share, q->num, q->den, q->factor, level);
    if (q->num->index == q->den->index)
        return NONE;
    if (!laws_is_plain(row, q->num->index) ||
        !laws_is_plain(row, q->den->index))
        return level > p->level ? NONE : of_boxed(row, q);
    const size_t num = p->aggs[q->num->index].measure;
    const size_t den = p->aggs[q->den->index].measure;
    const struct dp_reading n = { row->noisy[num], p->measures[num].noise };
    const struct dp_reading d = { row->noisy[den], p->measures[den].noise };
    struct dp_interval at = { 0 };
    if (dp_interval_of_ratio(&at, &n, &d, level) != DP_OK ||
        at.kind != DP_INTERVAL_BOUNDED)
        return UNBOUNDED;
    const double f = ldexp(q->factor, plan_measure_exp(&p->measures[num]) -
                                          plan_measure_exp(&p->measures[den]));
    return between(f * at.lo, f * at.hi);
}

/* A term that two share the error with: a measure or a quotient. */
static struct reply_interval half_of(const struct laws_row *row,
                                     const struct typed *e)
{
    const struct laws *l = row->laws;
    const struct typed *agg = laws_linear(e);
    const double level = (1 + l->p->level) / 2;
    struct laws_quotient q;
    if (laws_is_quotient(&q, e))
        return of_quotient(row, &q, level);
    if (agg && agg->kind == TYPED_OVER)
        return moved(e, laws_over(row, agg->index, level));
    return agg ? moved(e, half_of_agg(row, agg->index)) : NONE;
}

struct reply_interval laws_combined(enum expr_op op, struct reply_interval a,
                                    struct reply_interval b)
{
    if (a.kind == INTERVAL_NONE || b.kind == INTERVAL_NONE)
        return NONE;
    if (a.kind == INTERVAL_UNBOUNDED || b.kind == INTERVAL_UNBOUNDED)
        return UNBOUNDED;
    if (op == OP_ADD)
        return between(a.lo + b.lo, a.hi + b.hi);
    if (op == OP_SUB)
        return between(a.lo - b.hi, a.hi - b.lo);
    if (b.lo <= 0 && b.hi >= 0)
        return UNBOUNDED;
    const double c[] = { a.lo / b.lo, a.lo / b.hi, a.hi / b.lo, a.hi / b.hi };
    return between(fmin(fmin(c[0], c[1]), fmin(c[2], c[3])),
                   fmax(fmax(c[0], c[1]), fmax(c[2], c[3])));
}

/*
 * The lift of one rate over another: a - b, or a / b, moved by a constant on
 * either side (a / b - 1, 100 * (a - b)).
 */
static struct reply_interval of_pair(const struct laws_row *row,
                                     const struct typed *e, unsigned depth)
{
    enum { DEPTH_MAX = 8 };
    if (e->kind != TYPED_CALL || depth == DEPTH_MAX)
        return NONE;
    const enum expr_op op = e->call.op;
    if (e->type != VALUE_DOUBLE && op != OP_ADD && op != OP_SUB)
        return NONE; /* integers divide with truncation */
    struct typed *const *args = e->call.args;
    if (op == OP_CAST_DOUBLE || op == OP_NULLIF)
        return of_pair(row, args[0], depth + 1);
    if (op != OP_ADD && op != OP_SUB && op != OP_MUL && op != OP_DIV)
        return NONE;
    const bool left = typed_is_const(args[0]), right = typed_is_const(args[1]);
    if (!left && !right)
        return op == OP_MUL
                   ? NONE
                   : laws_combined(op, half_of(row, args[0]),
                                   half_of(row, without_nullif(args[1])));
    const double c = side(args[left ? 0 : 1], 0);
    const struct reply_interval of =
        of_pair(row, args[left ? 1 : 0], depth + 1);
    if (of.kind != INTERVAL_BOUNDED || !isfinite(c))
        return of;
    if (op == OP_MUL)
        return between(c * of.lo, c * of.hi);
    if (op == OP_DIV)
        return left || c == 0 ? NONE : between(of.lo / c, of.hi / c);
    if (op == OP_SUB && left)
        return between(c - of.lo, c - of.hi);
    const double by = op == OP_SUB ? -c : c;
    return between(of.lo + by, of.hi + by);
}

struct reply_interval laws_interval(const struct laws_row *row,
                                    const struct typed *e,
                                    const struct value *cell)
{
    const struct typed *leaf = laws_linear(e);
    struct laws_quotient q;
    bool is_sum;
    if (cell->type == VALUE_NULL)
        return NONE;
    if (leaf && leaf->kind == TYPED_AGG)
        return moved(e, row->bounds[leaf->index]);
    if (!row->noisy)
        return NONE;
    if (leaf)
        return moved(e, laws_over(row, leaf->index, row->laws->p->level));
    if (laws_is_quotient(&q, e))
        return of_quotient(row, &q, row->laws->p->level);
    struct reply_interval of = laws_deviation(row, &is_sum, e, cell);
    if (!is_sum)
        of = of_pair(row, e, 0);
    return of.kind == INTERVAL_NONE ? laws_function(row, e) : of;
}
