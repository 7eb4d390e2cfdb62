#include "dp/interval.h"

#include <math.h>

#include <gsl/gsl_cdf.h>

#include "dp/init.h"

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

/* Variance of the continuous law that, rounded, is at least as wide. */
static long double spread(const struct dp_mechanism *m)
{
    const long double scale = (long double)m->num / (long double)m->den;
    return (m->law == DP_DLAPLACE ? 2 : 1) * scale * scale;
}

/*
 * How many standard deviations a combination X - theta Y stays within, at
 * any theta: the wider of the two laws, plus half a step of rounding for each
 * (by Cauchy and Schwarz at most half of sqrt(1/var X + 1/var Y)).
 */
static long double reach(const struct dp_reading *x, const struct dp_reading *y,
                         double level)
{
    dp_init();
    const double alpha = 1 - level;
    double c = gsl_cdf_ugaussian_Qinv(alpha / 2);
    if (x->noise.law == DP_DLAPLACE || y->noise.law == DP_DLAPLACE)
        c = fmax(c, -log(alpha) * M_SQRT1_2);
    return c + sqrtl(1 / spread(&x->noise) + 1 / spread(&y->noise)) / 2;
}

/*
 * {theta : (a - theta b)^2 <= c^2 (va + theta^2 vb)}: the part between the
 * roots of A theta^2 - 2 B theta + C when A > 0, else without bound.
 */
enum dp_status dp_interval_of_ratio(struct dp_interval *out,
                                    const struct dp_reading *num,
                                    const struct dp_reading *den, double level)
{
    if (!in_domain(num, level) || !in_domain(den, level))
        return DP_EDOM;
    const long double a = (long double)num->value.v,
                      b = (long double)den->value.v;
    const long double c = reach(num, den, level);
    const long double va = c * c * spread(&num->noise),
                      vb = c * c * spread(&den->noise);
    const long double lead = b * b - vb, middle = a * b, last = a * a - va;
    if (!(lead > b * b * 1e-15L)) {
        *out = unbounded;
        return DP_OK;
    }
    /* middle^2 - lead * last without its cancellation; the larger root first,
     * the other from the product of both. */
    const long double root = sqrtl(va * lead + vb * a * a);
    const long double sum = middle < 0 ? middle - root : middle + root;
    const long double far = sum / lead, near = last / sum;
    const long double room = 1e-15L * (fabsl(far) + root / lead);
    *out = (struct dp_interval){ DP_INTERVAL_BOUNDED,
                                 down((double)(fminl(near, far) - room)),
                                 up((double)(fmaxl(near, far) + room)) };
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
