/* Intervals of what many noisy numbers tell together: a quantile, a total. */
#include "dp/interval.h"

#include <math.h>

/* Counts are held within this, so that 2^24 of them times den fit. */
#define COUNT_MAX ((dp_int)1 << 80)
#define N_MAX     ((size_t)1 << 24)

static dp_int held(struct dp_noisy count)
{
    if (count.v > COUNT_MAX)
        return COUNT_MAX;
    return count.v < -COUNT_MAX ? -COUNT_MAX : count.v;
}

/* A sum of n independent noises, `before` of them times `high`, the rest times
 * -`low`. */
struct sum_of_noises {
    size_t before, n;
    uint32_t high, low;
};

/*
 * z with P[sum > z] <= e^-s, and P[sum < -z] as well.  Gaussian noise is
 * sub-Gaussian, rounded with half a step more; Laplace is sub-gamma (variance
 * factor 2 t^2 sum w^2, scale t max w).
 */
static long double chernoff(const struct sum_of_noises *sum,
                            const struct dp_mechanism *m, long double s)
{
    const long double high = sum->high, low = sum->low;
    const long double squares = (long double)sum->before * high * high +
                                (long double)(sum->n - sum->before) * low * low;
    const long double scale = (long double)m->num / (long double)m->den;
    if (m->law == DP_DLAPLACE)
        return 2 * scale * sqrtl(squares * s) + scale * fmaxl(high, low) * s;
    const long double sigma = m->law == DP_DGAUSS ? scale : scale + 0.5L;
    return sigma * sqrtl(2 * squares * s);
}

enum dp_status dp_interval_of_quantile(size_t *lo, size_t *hi,
                                       const struct dp_noisy *count, size_t n,
                                       const struct dp_mechanism *noise,
                                       uint32_t num, uint32_t den, double level)
{
    if (!dp_mechanism_ok(noise) || !(level > 0 && level < 1) || n == 0 ||
        n > N_MAX || num > den || den < 1 || den > UINT32_C(1) << 20)
        return DP_EDOM;
    /* Half of the error a side, and a hair for the logarithm's rounding. */
    const long double s = logl(2 / (1 - (long double)level)) * (1 + 1e-12L);
    dp_int rows = 0;
    for (size_t i = 0; i < n; i++)
        rows += held(count[i]);

    /* at = den L_i - num R, which is <= 0 at the quantile's bucket, whose
     * next is >= 0: keep the buckets where neither is surely false. */
    struct sum_of_noises sum = { 0, n, den - num, num };
    dp_int at = -rows * num;
    bool may_start = (long double)at <= chernoff(&sum, noise, s), some = false;
    *lo = 0, *hi = n - 1;
    for (size_t i = 0; i < n; i++) {
        at += held(count[i]) * den;
        sum.before = i + 1;
        const long double z = chernoff(&sum, noise, s);
        if (may_start && (long double)at >= -z) {
            *lo = some ? *lo : i;
            *hi = i;
            some = true;
        }
        may_start = (long double)at <= z;
    }
    if (!some)
        *lo = 0, *hi = n - 1;
    return DP_OK;
}

enum dp_status dp_interval_of_total(struct dp_interval *out,
                                    struct dp_noisy total, size_t n,
                                    const struct dp_mechanism *noise,
                                    double level)
{
    if (!dp_mechanism_ok(noise) || !(level > 0 && level < 1) || n == 0 ||
        n > N_MAX)
        return DP_EDOM;
    const struct dp_reading one = { total, *noise };
    if (n == 1)
        return dp_interval_of_value(out, &one, level);
    const long double s = logl(2 / (1 - (long double)level)) * (1 + 1e-12L);
    const struct sum_of_noises sum = { n, n, 1, 0 };
    const long double z = ceill(chernoff(&sum, noise, s));
    *out = (struct dp_interval){ DP_INTERVAL_BOUNDED,
                                 (double)((long double)total.v - z),
                                 (double)((long double)total.v + z) };
    return DP_OK;
}
