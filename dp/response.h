#ifndef DP_RESPONSE_H
#define DP_RESPONSE_H

#include <stdint.h>

#include "dp/status.h"

/*
 * k-fold composition of eps0-DP, optimally: k losses of +-eps0 are binomial, so
 *
 *   delta(eps) = sum over j of C(k, j) p^j q^(k-j) (1 - exp(eps - (2j-k)
 * eps0))+ p = e^eps0 / (1 + e^eps0), q = 1 - p
 *
 * is exact for randomised response and the discrete Laplace law at sensitivity
 * 1, and the least bound for k releases known only to be eps0-DP (Kairouz, Oh
 * and Viswanath 2015, theorem 3.3); (eps0, delta0)-DP adds
 * 1 - (1 - delta0)^k.  Proof: dp/response.md.
 *
 * The least epsilon >= 0 at delta, rounded up: by less than 1e-10 for k up to
 * 10^6, growing with k log k (lgamma's rounding).  Takes about 40 sqrt(k)
 * steps.
 *
 * DP_EDOM unless 0 < delta < 1, 1 <= k <= 2^40 and 1e-9 <= eps0 <= 1e4.
 */
enum dp_status dp_response_eps(double *eps, double eps0, uint64_t k,
                               double delta) DP_MUST_CHECK;

#endif
