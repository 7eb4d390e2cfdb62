#ifndef DP_BERNOULLI_H
#define DP_BERNOULLI_H

#include <gsl/gsl_rng.h>
#include <stdbool.h>

#include "dp/value.h"

/*
 * Exact coins: every probability is a rational or the exponential of one, and
 * is met exactly, from integers alone.  All later samplers are built of these.
 * Source: Canonne, Kamath, Steinke 2020, algorithm 1; argument: dp/dlaplace.md.
 *
 * Requires 0 <= n <= d, 0 < d < 2^127.
 */

/* True with probability n/d. */
bool dp_bernoulli(gsl_rng *rng, dp_uint n, dp_uint d);

/* True with probability exp(-n/d). */
bool dp_bernoulli_exp(gsl_rng *rng, dp_uint n, dp_uint d);

/* True with probability exp(-(n/d)^2 / 2). */
bool dp_bernoulli_exp_half_square(gsl_rng *rng, dp_uint n, dp_uint d);

#endif
