#include "dp/rgauss.h"

#include <assert.h>
#include <math.h>

#include "dp/lattice.h"
#include "dp/mills.h"

dp_int dp_rgauss_sample(gsl_rng *rng, uint64_t num, uint64_t den)
{
    const struct dp_mechanism m = { DP_RGAUSS, num, den };
    assert(dp_mechanism_ok(&m));
    return dp_lattice_draw_one(&m, rng);
}

long double dp_rgauss_log_tail(long double sigma, dp_uint k)
{
    const long double u = ((long double)k + 0.5L) / sigma;
    return dp_mills_log_density(u) + logl(dp_mills(u));
}

/*
 * Below 1 as the sum over k of (2k + 1) P[|X| > k]; above, by the Fourier
 * series of the rounding error: sigma^2 + 1/12 and terms of exp(-2 (pi sigma
 * k)^2), of which the third is below 1e-77.
 */
double dp_rgauss_variance(long double sigma)
{
    if (sigma < 1) {
        long double sum = 0;
        for (unsigned k = 0; k < 14; k++)
            sum += (2 * k + 1) * 2 * expl(dp_rgauss_log_tail(sigma, k));
        return (double)sum;
    }
    const long double pi2 = 9.86960440108935861883449099987615114L;
    const long double v = sigma * sigma;
    return (double)(v + 1 / 12.0L - expl(-2 * pi2 * v) * (4 * v + 1 / pi2) +
                    expl(-8 * pi2 * v) * (4 * v + 1 / (4 * pi2)));
}
