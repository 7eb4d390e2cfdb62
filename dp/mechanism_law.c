/* The noise of a mechanism as a law: tails, quantiles, variance, and the scale
 * that an accuracy asks for.  Release and price are mechanism.c. */
#include "dp/mechanism.h"

#include <math.h>
#include <stdlib.h>

#include <gsl/gsl_cdf.h>

#include "dp/dgauss.h"
#include "dp/dlaplace.h"
#include "dp/init.h"
#include "dp/rgauss.h"

/* The laws are known in logarithms to 1e-15; twice that and room to spare. */
#define SLACK 1e-14L

static long double scale_of(const struct dp_mechanism *m)
{
    return (long double)m->num / (long double)m->den;
}

static long double log_tail(const struct dp_mechanism *m, dp_uint k)
{
    switch (m->law) {
    case DP_DLAPLACE:
        return dp_dlaplace_log_tail(scale_of(m), k);
    case DP_DGAUSS:
        return dp_dgauss_log_tail(scale_of(m), k);
    case DP_RGAUSS:
        return dp_rgauss_log_tail(scale_of(m), k);
    }
    abort();
}

/* By symmetry P[X > k] = 1 - P[X > -k-1]. */
long double dp_mechanism_log_tail(const struct dp_mechanism *m, dp_int k)
{
    return k >= 0 ? log_tail(m, (dp_uint)k)
                  : log1pl(-expl(log_tail(m, (dp_uint) - (k + 1))));
}

/* Surely P[|X| > k] <= alpha. */
static bool covers(const struct dp_mechanism *m, dp_uint k,
                   long double ln_alpha)
{
    return log_tail(m, k) + logl(2) + SLACK <= ln_alpha;
}

enum dp_status dp_mechanism_tail(double *out, const struct dp_mechanism *m,
                                 dp_int k)
{
    if (!dp_mechanism_ok(m))
        return DP_EDOM;
    const long double p = expl(dp_mechanism_log_tail(m, k) + SLACK);
    *out = p < 1 ? nextafter((double)p, 1) : 1;
    return DP_OK;
}

/* P[X <= k] = P[X > -1 - k]. */
enum dp_status dp_mechanism_cdf(double *out, const struct dp_mechanism *m,
                                dp_int k)
{
    return dp_mechanism_tail(out, m, -1 - k);
}

enum dp_status dp_mechanism_quantile(uint64_t *k, const struct dp_mechanism *m,
                                     double alpha)
{
    if (!dp_mechanism_ok(m) || !(alpha > 0 && alpha < 1))
        return DP_EDOM;
    const long double ln_alpha = logl(alpha);
    if (covers(m, 0, ln_alpha)) {
        *k = 0;
        return DP_OK;
    }
    /* invariant: `lo` does not cover, `hi` does.  A double's alpha is above
     * e^-745, so hi stays below 2^40 * 2^10. */
    uint64_t lo = 0, hi = 1;
    while (!covers(m, hi, ln_alpha)) {
        lo = hi;
        hi *= 2;
    }
    while (hi - lo > 1) {
        const uint64_t mid = lo + (hi - lo) / 2;
        if (covers(m, mid, ln_alpha))
            hi = mid;
        else
            lo = mid;
    }
    *k = hi;
    return DP_OK;
}

double dp_mechanism_variance(const struct dp_mechanism *m)
{
    switch (m->law) {
    case DP_DLAPLACE:
        return dp_dlaplace_variance(scale_of(m));
    case DP_DGAUSS:
        return dp_dgauss_variance(scale_of(m));
    case DP_RGAUSS:
        return dp_rgauss_variance(scale_of(m));
    }
    abort();
}

/* The scale of the continuous law: within a few per cent, save near zero. */
static double guess_scale(enum dp_law law, uint64_t k, double alpha)
{
    dp_init();
    return law == DP_DLAPLACE
               ? ((double)k + 0.5) / -log(alpha)
               : ((double)k + 0.5) / gsl_cdf_ugaussian_Qinv(alpha / 2);
}

enum dp_status dp_mechanism_of_accuracy(struct dp_mechanism *out,
                                        enum dp_law law, double half_width,
                                        double level)
{
    struct dp_mechanism m = { .law = law, .num = 1, .den = DP_SCALE_DEN_MAX };
    if (!dp_mechanism_ok(&m) || !(level > 0 && level < 1) || !(half_width >= 0))
        return DP_EDOM;
    /* At 2^50 the largest scale, 2^40, covers every level below 1. */
    const uint64_t k =
        half_width < 0x1p50 ? (uint64_t)half_width : UINT64_C(1) << 50;
    const long double ln_alpha = log1pl(-(long double)level);

    /* invariant: num = lo is accurate enough, num = hi is not.  The least scale
     * is almost surely 0; the guess narrows both ends. */
    uint64_t lo = 1, hi = DP_SCALE_DEN_MAX * DP_SCALE_MAX + 1;
    const double guess = guess_scale(law, k, 1 - level);
    for (double f = 0.99; f < 1.02; f += 0.02) {
        const double num = f * guess * (double)DP_SCALE_DEN_MAX;
        if (!(num > (double)lo && num < (double)(hi - 1)))
            continue;
        m.num = (uint64_t)num;
        *(covers(&m, k, ln_alpha) ? &lo : &hi) = m.num;
    }
    while (hi - lo > 1) {
        m.num = lo + (hi - lo) / 2;
        *(covers(&m, k, ln_alpha) ? &lo : &hi) = m.num;
    }
    m.num = lo;
    dp_mechanism_reduce(&m);
    *out = m;
    return DP_OK;
}
