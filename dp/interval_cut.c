/* The interval of a number that is told only where it lies between two ends. */
#include <math.h>

#include "dp/interval.h"

/*
 * Exact values a million scales from the released one are not looked for: what
 * is likely there is likely anywhere, and tails are no longer told apart.
 */
static dp_int far_of(const struct dp_mechanism *m)
{
    return ((dp_int)(m->num / m->den) + 1) << 20;
}

/* ln(1 - e^x), x < 0. */
static long double log1mexp(long double x)
{
    return x > -0.6931471805599453L ? logl(-expm1l(x)) : log1pl(-expl(x));
}

/* ln P[a <= X <= b], ends that are none included; X is symmetric. */
static long double log_between(const struct dp_mechanism *m, dp_int a, dp_int b)
{
    if (b < 0) { /* mirrored, so that 1 - (almost 1) is never formed */
        const dp_int was = a;
        a = -b;
        b = was == DP_INT_MIN ? DP_INT_MAX : -was;
    }
    const long double above =
        b == DP_INT_MAX ? -HUGE_VALL : dp_mechanism_log_tail(m, b);
    if (a > 0) {
        const long double from = dp_mechanism_log_tail(m, a - 1);
        return from + (above == -HUGE_VALL ? 0 : log1mexp(above - from));
    }
    const long double below =
        a == DP_INT_MIN ? -HUGE_VALL : dp_mechanism_log_tail(m, -a);
    return log1pl(-expl(above) - expl(below));
}

static dp_int less(dp_int end, dp_int n)
{
    return end == DP_INT_MIN || end == DP_INT_MAX ? end : end - n;
}

/* P[a value at least v | lo..hi, exact n] > alpha; rises with n. */
struct side {
    const struct dp_mechanism *m;
    dp_int v, lo, hi;
    long double alpha;
};

static bool is_likely(const struct side *s, dp_int n)
{
    const long double shown = log_between(s->m, less(s->lo, n), less(s->hi, n));
    return expl(log_between(s->m, s->v - n, less(s->hi, n)) - shown) > s->alpha;
}

/* The least n that is likely; false when none, or every one, is. */
static bool least_likely(dp_int *out, const struct side *s)
{
    const dp_int far = far_of(s->m);
    dp_int in = s->v, out_of = s->v, step = 1;
    while (!is_likely(s, in)) {
        out_of = in;
        in += step;
        if ((step *= 2) > far)
            return false;
    }
    step = 1;
    while (out_of == in || is_likely(s, out_of)) {
        in = out_of < in ? out_of : in;
        out_of = in - step;
        if ((step *= 2) > far)
            return false;
    }
    while (in - out_of > 1) {
        const dp_int mid = out_of + (in - out_of) / 2;
        *(is_likely(s, mid) ? &in : &out_of) = mid;
    }
    *out = in;
    return true;
}

static dp_int mirrored(dp_int end)
{
    return end == DP_INT_MIN   ? DP_INT_MAX
           : end == DP_INT_MAX ? DP_INT_MIN
                               : -end;
}

static bool in_domain(const struct dp_reading *r, const struct dp_cut *cut,
                      double level)
{
    const dp_int v = r->value.v, most = (dp_int)1 << 100;
    return dp_mechanism_ok(&r->noise) && level > 0 && level < 1 && v > -most &&
           v < most && cut->lo <= v && v <= cut->hi &&
           (cut->lo == DP_INT_MIN || cut->lo > -most) &&
           (cut->hi == DP_INT_MAX || cut->hi < most);
}

enum dp_status dp_interval_of_cut(struct dp_interval *out,
                                  const struct dp_reading *r, struct dp_cut cut,
                                  double level)
{
    if (!in_domain(r, &cut, level))
        return DP_EDOM;
    /* A hair below the half, for the rounding of the tails. */
    const long double alpha = (1 - (long double)level) / 2 * (1 - 1e-9L);
    const struct side low = { &r->noise, r->value.v, cut.lo, cut.hi, alpha };
    const struct side high = { &r->noise, -r->value.v, mirrored(cut.hi),
                               mirrored(cut.lo), alpha };
    dp_int lo = DP_INT_MIN, hi = DP_INT_MAX;
    const bool has_lo = least_likely(&lo, &low);
    const bool has_hi = least_likely(&hi, &high);
    hi = has_hi ? -hi : hi;
    if (lo < cut.least)
        lo = cut.least;
    if (!has_hi || lo == DP_INT_MIN || (!has_lo && cut.least == DP_INT_MIN)) {
        *out =
            (struct dp_interval){ DP_INTERVAL_UNBOUNDED, -HUGE_VAL, HUGE_VAL };
        return DP_OK;
    }
    if (hi < lo)
        hi = lo;
    *out = dp_interval_place(
        (struct dp_interval){ DP_INTERVAL_BOUNDED, (double)lo, (double)hi }, 0,
        0);
    return DP_OK;
}
