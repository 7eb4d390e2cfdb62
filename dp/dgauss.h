#ifndef DP_DGAUSS_H
#define DP_DGAUSS_H

#include <gsl/gsl_rng.h>

#include "dp/value.h"

/*
 * The discrete Gaussian law with parameter sigma = num/den, over all integers:
 *   P[X = x] = exp(-x^2 / (2 sigma^2)) / Z
 * Adding X to an integer of sensitivity S is S^2 / (2 sigma^2)-zCDP.  Source:
 * Canonne, Kamath, Steinke 2020, algorithm 3 and theorem 4; proof:
 * dp/dgauss.md.  Requires 1 <= den <= 2^20 and 1 <= num <= den 2^40.
 */
dp_int dp_dgauss_sample(gsl_rng *rng, uint64_t num, uint64_t den);

/*
 * ln P[X > k], k >= 0, in extended precision: absolute error below 1e-15
 * for sigma from 2^-20 to 2^40 and every k (dp/dgauss.md, "Tails").
 */
long double dp_dgauss_log_tail(long double sigma, dp_uint k);

double dp_dgauss_variance(long double sigma);

#endif
