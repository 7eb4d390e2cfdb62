#include "dp/dlaplace.h"

#include <assert.h>
#include <math.h>

#include "dp/bernoulli.h"
#include "dp/rng.h"

/* |X| * den before the division by den: geometric with ratio exp(-1/num). */
static dp_uint sample_magnitude(gsl_rng *rng, uint64_t num)
{
    uint64_t low;
    do {
        low = dp_rng_below(rng, num);
    } while (!dp_bernoulli_exp(rng, low, num));

    /* Each step costs a draw, so high < 2^60 in any lifetime: no overflow. */
    uint64_t high = 0;
    while (dp_bernoulli_exp(rng, 1, 1))
        high++;
    return low + (dp_uint)num * high;
}

dp_int dp_dlaplace_sample(gsl_rng *rng, uint64_t num, uint64_t den)
{
    assert(num >= 1 && num <= UINT64_C(1) << 60);
    assert(den >= 1 && den <= UINT64_C(1) << 20);

    /* Zero has two signs but must be counted once: redraw the negative one. */
    dp_uint magnitude;
    bool negative;
    do {
        magnitude = sample_magnitude(rng, num) / den;
        negative = dp_rng_word(rng) >> 63;
    } while (negative && magnitude == 0);
    return negative ? -(dp_int)magnitude : (dp_int)magnitude;
}

/* P[X > k] = q^(k+1) / (1 + q). */
long double dp_dlaplace_log_tail(long double t, dp_uint k)
{
    return -((long double)k + 1) / t - log1pl(expl(-1 / t));
}

/* 2 q / (1 - q)^2, without the cancellation of a large scale. */
double dp_dlaplace_variance(long double t)
{
    const long double s = sinhl(1 / (2 * t));
    return (double)(1 / (2 * s * s));
}
