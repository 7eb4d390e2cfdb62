/* Between which numbers a function's result lies; range.h. */
#include <math.h>

#include "server/plan/func.h"
#include "server/plan/range.h"

static const struct range EVERYTHING = { -HUGE_VAL, HUGE_VAL };

/* The value at x, the other arguments being constants. */
static double value_at(const struct typed *e, double x, double otherwise)
{
    struct value args[4] = { value_double(x) };
    const size_t n = e->call.n_args;
    for (size_t i = 1; i < n && i < 4; i++) {
        if (!typed_is_const(e->call.args[i]))
            return otherwise;
        args[i] = e->call.args[i]->value;
    }
    const struct value v = func_of(e->call.op)->value(args, n, NULL);
    return v.type == VALUE_DOUBLE ? v.d : otherwise;
}

/* Ends outside the domain (ln of 0) leave that side open, which is right: what
 * is outside is NULL. */
struct range range_increasing(const struct typed *e)
{
    const struct range x = e->call.args[0]->range;
    struct range r = EVERYTHING;
    if (e->call.op == OP_LOG && e->call.n_args == 2)
        return r; /* the base is in front */
    if (e->call.op == OP_SQRT || e->call.op == OP_EXP)
        r.lo = 0;
    if (x.lo > -HUGE_VAL)
        r.lo = value_at(e, x.lo, r.lo);
    if (x.hi < HUGE_VAL)
        r.hi = value_at(e, x.hi, r.hi);
    return r;
}

struct range range_abs(const struct typed *e)
{
    const struct range x = e->call.args[0]->range;
    const double far = fmax(fabs(x.lo), fabs(x.hi));
    if (x.lo <= 0 && x.hi >= 0)
        return (struct range){ 0, far };
    return (struct range){ fmin(fabs(x.lo), fabs(x.hi)), far };
}

struct range range_sign(const struct typed *e)
{
    const struct range x = e->call.args[0]->range;
    return (struct range){ x.lo > 0    ? 1
                           : x.lo == 0 ? 0
                                       : -1,
                           x.hi < 0    ? -1
                           : x.hi == 0 ? 0
                                       : 1 };
}

/* A base that is not negative and a constant exponent; a square of any. */
struct range range_power(const struct typed *e)
{
    const struct range x = e->call.args[0]->range;
    const struct typed *by = e->call.args[1];
    if (!typed_is_const(by) || typed_is_null(by))
        return EVERYTHING;
    const double p = by->range.lo;
    const double lo = pow(x.lo, p), hi = pow(x.hi, p);
    if (x.lo >= 0 && p >= 0)
        return (struct range){ lo, hi };
    if (x.lo > 0)
        return (struct range){ hi, lo };
    if (p > 0 && fmod(p, 2) == 0)
        return (struct range){ x.hi < 0 ? hi : 0, fmax(lo, hi) };
    return EVERYTHING;
}

struct range range_bucket(const struct typed *e)
{
    return (struct range){ 0, e->call.args[3]->range.hi + 1 };
}

struct range range_text_length(const struct typed *e)
{
    (void)e;
    return (struct range){ 0, HUGE_VAL };
}

struct range range_position(const struct typed *e)
{
    return range_text_length(e);
}
