#ifndef DP_GAUSS_H
#define DP_GAUSS_H

#include "dp/status.h"

/*
 * The Gaussian mechanism as (epsilon, delta), exactly: Balle and Wang 2018,
 * arXiv:1805.06530, theorem 8.
 *
 * A release with noise of standard deviation sigma, of which one person moves
 * the exact value by at most s (L2), has one parameter, mu = s / sigma; its
 * privacy loss is normal with mean mu^2/2 and variance mu^2, and
 *
 *   delta(eps) = Q(a) - e^eps Q(a + mu),   a = eps/mu - mu/2, Q the normal
 * tail.
 *
 * k releases compose to one with mu^2 = sum of mu_i^2.  The same holds for any
 * mechanism that is mu-Gaussian-DP.  Proof and error bounds: dp/gauss.md.
 *
 * Domain: mu > 0, 0 < delta < 1, eps >= 0, all finite, and 1e-305 <= mu <= 1e6,
 * eps <= 1e12; else DP_EDOM.  Nothing is written unless DP_OK.
 */

/* The least sigma that is (eps, delta)-DP at `sensitivity` > 0, rounded up by
 * at most 2e-15 relatively. */
enum dp_status dp_gauss_sigma(double *sigma, double eps, double delta,
                              double sensitivity) DP_MUST_CHECK;

/* The greatest mu whose delta at eps is at most `delta`, rounded down
 * likewise. */
enum dp_status dp_gauss_mu(double *mu, double eps, double delta) DP_MUST_CHECK;

/* The least eps >= 0 for mu at delta, rounded up by at most 1e-15 (1 + eps). */
enum dp_status dp_gauss_eps(double *eps, double mu, double delta) DP_MUST_CHECK;

/* The delta that mu leaves at eps, rounded up by at most 1e-14 relatively
 * (1e-15 of ln delta beyond e^-10). */
enum dp_status dp_gauss_delta(double *delta, double mu,
                              double eps) DP_MUST_CHECK;

#endif
