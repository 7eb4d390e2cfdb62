#ifndef DP_DLAPLACE_H
#define DP_DLAPLACE_H

#include <gsl/gsl_rng.h>

#include "dp/value.h"

/*
 * The discrete Laplace law with scale t = num/den, over all integers:
 *   P[X = x] = (1 - q) / (1 + q) q^|x|,  q = exp(-1/t)
 * (the two-sided geometric law).  Adding X to an integer of sensitivity S is
 * (S/t)-DP.  Source: Canonne, Kamath, Steinke 2020, algorithm 2; proof:
 * dp/dlaplace.md.  Requires 1 <= num <= 2^60, 1 <= den <= 2^20.
 */
dp_int dp_dlaplace_sample(gsl_rng *rng, uint64_t num, uint64_t den);

/*
 * ln P[X > k], k >= 0, in extended precision: absolute error below
 * 1e-17 (1 + |result|).
 */
long double dp_dlaplace_log_tail(long double t, dp_uint k);

double dp_dlaplace_variance(long double t);

#endif
