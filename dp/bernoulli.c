#include "dp/bernoulli.h"

#include <assert.h>

#include "dp/rng.h"

bool dp_bernoulli(gsl_rng *rng, dp_uint n, dp_uint d)
{
    assert(n <= d);
    return dp_rng_below_wide(rng, d) < n;
}

/*
 * Let K be the first k at which a coin of probability x/k fails.  Then
 * P[K > k] = x^k / k!, and P[K odd] is the alternating series of exp(-x).
 * A coin of probability x/k is two independent ones, 1/k and x.
 */
bool dp_bernoulli_exp(gsl_rng *rng, dp_uint n, dp_uint d)
{
    uint64_t k = 1;
    while ((k == 1 || dp_rng_below(rng, k) == 0) && dp_bernoulli(rng, n, d))
        k++;
    return k % 2 == 1;
}

/* The same with x = (n/d)^2 / 2, itself three independent coins. */
bool dp_bernoulli_exp_half_square(gsl_rng *rng, dp_uint n, dp_uint d)
{
    uint64_t k = 1;
    while (dp_rng_below(rng, 2 * k) == 0 && dp_bernoulli(rng, n, d) &&
           dp_bernoulli(rng, n, d))
        k++;
    return k % 2 == 1;
}
