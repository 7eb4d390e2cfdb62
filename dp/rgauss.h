#ifndef DP_RGAUSS_H
#define DP_RGAUSS_H

#include <gsl/gsl_rng.h>

#include "dp/value.h"

/*
 * The rounded Gaussian law, X = floor(sigma Z + 1/2) with Z standard normal and
 * sigma = num/den:
 *   P[X = x] = P[(x - 1/2)/sigma <= Z < (x + 1/2)/sigma]
 * For integer v, v + X is the real-valued Gaussian mechanism's v + sigma Z,
 * rounded: post-processing, so exactly (S/sigma)-GDP at sensitivity S, and
 * S^2 / (2 sigma^2)-zCDP.  Proof: dp/rgauss.md.  Requires 1 <= den <= 2^20 and
 * 1 <= num <= den 2^40.
 */
dp_int dp_rgauss_sample(gsl_rng *rng, uint64_t num, uint64_t den);

/* ln P[X > k], k >= 0; absolute error below 1e-15 (1 + |result|). */
long double dp_rgauss_log_tail(long double sigma, dp_uint k);

double dp_rgauss_variance(long double sigma);

#endif
