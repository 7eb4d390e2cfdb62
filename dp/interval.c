#include "dp/interval.h"

#include <math.h>

static double down(double x)
{
    return nextafter(x, -HUGE_VAL);
}

static double up(double x)
{
    return nextafter(x, HUGE_VAL);
}

/* Exact below 2^53; beyond, the cast is off by at most half a step. */
static double int_down(dp_int v)
{
    const double x = (double)v;
    return fabs(x) <= 0x1p53 ? x : down(x);
}

static double int_up(dp_int v)
{
    const double x = (double)v;
    return fabs(x) <= 0x1p53 ? x : up(x);
}

static bool in_domain(const struct dp_reading *r, double level)
{
    return dp_mechanism_ok(&r->noise) && level > 0 && level < 1;
}

static const struct dp_interval unbounded = { DP_INTERVAL_UNBOUNDED, -HUGE_VAL,
                                              HUGE_VAL };

enum dp_status dp_interval_of_value(struct dp_interval *out,
                                    const struct dp_reading *r, double level)
{
    if (!in_domain(r, level))
        return DP_EDOM;
    uint64_t k;
    const enum dp_status status =
        dp_mechanism_quantile(&k, &r->noise, 1 - level);
    if (status != DP_OK)
        return status;

    /* At the ends of the type the true noisy value may lie beyond. */
    const dp_int v = r->value.v;
    if (v == DP_INT_MAX || v == DP_INT_MIN) {
        *out = unbounded;
        return DP_OK;
    }
    dp_int lo, hi;
    if (__builtin_sub_overflow(v, (dp_int)k, &lo))
        lo = DP_INT_MIN;
    if (__builtin_add_overflow(v, (dp_int)k, &hi))
        hi = DP_INT_MAX;
    *out =
        (struct dp_interval){ DP_INTERVAL_BOUNDED, int_down(lo), int_up(hi) };
    return DP_OK;
}

/* The law of a shown value: its mechanism, itself, and where showing starts. */
struct shown {
    const struct dp_mechanism *m;
    dp_int value, above;
};

/* P[a value at least as high | shown, n people]; rises with n. */
static long double as_high(const struct shown *s, dp_int n)
{
    return expl(dp_mechanism_log_tail(s->m, s->value - n - 1) -
                dp_mechanism_log_tail(s->m, s->above - n));
}

/* P[a value at least as low | shown, n people]; falls with n. */
static long double as_low(const struct shown *s, dp_int n)
{
    const long double shown = dp_mechanism_log_tail(s->m, s->above - n);
    if (n <= s->value)
        return -expm1l(dp_mechanism_log_tail(s->m, s->value - n) - shown);
    /* Mirrored, so that 1 - (almost 1) is never formed. */
    const dp_int near = n - s->value - 1, far = n - s->above - 1;
    return (expl(dp_mechanism_log_tail(s->m, near)) -
            expl(dp_mechanism_log_tail(s->m, far))) /
           expl(shown);
}

typedef long double side_fn(const struct shown *s, dp_int n);

/* The n at which `side` crosses alpha between in (kept) and out (not kept). */
static dp_int crossing(const struct shown *s, side_fn *side, long double alpha,
                       dp_int in, dp_int out)
{
    while (in - out > 1 || out - in > 1) {
        const dp_int mid = in + (out - in) / 2;
        *(side(s, mid) > alpha ? &in : &out) = mid;
    }
    return in;
}

enum dp_status dp_interval_of_shown(struct dp_interval *out,
                                    const struct dp_reading *r,
                                    struct dp_threshold t, double level)
{
    if (!in_domain(r, level) || !dp_threshold_keeps(t, r->value) ||
        r->value.v >> 100 != 0)
        return DP_EDOM;
    const struct shown s = { &r->noise, r->value.v, (dp_int)t.above };
    /* A hair below the half, for the rounding of the tails. */
    const long double alpha = (1 - (long double)level) / 2 * (1 - 1e-12L);

    dp_int lo = 0;
    if (as_high(&s, 0) <= alpha)
        lo = crossing(&s, as_high, alpha, s.value, 0);

    dp_int step = 1;
    while (as_low(&s, step) > alpha)
        step *= 2;
    dp_int hi =
        as_low(&s, 0) > alpha ? crossing(&s, as_low, alpha, 0, step) : 0;
    if (lo < (dp_int)t.least)
        lo = (dp_int)t.least;
    if (hi < lo)
        hi = lo;
    *out =
        (struct dp_interval){ DP_INTERVAL_BOUNDED, int_down(lo), int_up(hi) };
    return DP_OK;
}

struct dp_interval dp_interval_place(struct dp_interval i, double shift,
                                     unsigned grid_bits)
{
    /* Scaling by a power of two is exact unless it underflows. */
    const double lo = ldexp(i.lo, -(int)grid_bits),
                 hi = ldexp(i.hi, -(int)grid_bits);
    i.lo = shift == 0 ? lo : down(shift + lo);
    i.hi = shift == 0 ? hi : up(shift + hi);
    return i;
}

double dp_level_of_each(double level, size_t n, enum dp_joint joint)
{
    const long double each =
        joint == DP_JOINT_INDEPENDENT
            ? expl(logl((long double)level) / (long double)n)
            : 1 - (1 - (long double)level) / (long double)n;
    return fmin(up((double)each), nextafter(1, 0));
}
