#ifndef DP_MECHANISM_H
#define DP_MECHANISM_H

#include <gsl/gsl_rng.h>
#include <stddef.h>

#include "dp/law.h"
#include "dp/price.h"
#include "dp/value.h"

/*
 * A noise mechanism as a value (dp/law.h): what it does to a vector of exact
 * integers, what that costs, and the law of its noise.  One description that
 * planner (price), noise stage (release), reply (interval) and accountant
 * share.  Proof: dp/mechanism.md, and a note per sampler.
 */

/* The same scale in lowest terms. */
void dp_mechanism_reduce(struct dp_mechanism *m);

#define DP_MANY 100

/*
 * Release n exact integers, each with independent noise of mechanism m, drawn
 * from rng (production: dp_rng_system()): by a table (dp/lattice.h) from
 * DP_MANY on, below that one by one by the textbook samplers.
 *
 * DP_OK    out[0..n) hold the noisy values, saturated to dp_int
 * DP_EDOM  m is outside its domain; no randomness consumed, out untouched
 *
 * Which one is returned, and how much work is done, never depends on `in`.
 */
enum dp_status dp_mechanism_release(struct dp_noisy *out,
                                    const struct dp_exact *in, size_t n,
                                    const struct dp_mechanism *m,
                                    gsl_rng *rng) DP_MUST_CHECK;

/*
 * A vector release and what one person can do to it: noise in every cell, at
 * most l0 cells touched, each by at most linf grid steps.  So L1 is l0 linf and
 * L2 is sqrt(l0) linf; the price is that of the whole vector:
 *
 *   DP_ZCDP  rho = L2^2 / (2 sigma^2); Laplace: l0 (linf/t)^2 / 2
 *   DP_PURE  eps = L1 / t;                           DP_EDOM for Gaussians
 *   DP_GDP   mu^2/2 = L2^2 / (2 sigma^2); Laplace by dp_notion_gdp_of_pure();
 *                                                    DP_EDOM for DP_DGAUSS
 *
 * the least one, rounded up, in integer arithmetic throughout (but for Laplace
 * under GDP).  A price above DP_PRICE_MAX is UINT64_MAX, which no limit covers.
 */
struct dp_vector_release {
    struct dp_mechanism noise;
    uint64_t linf;
    uint32_t l0;
};
enum dp_status dp_vector_price(struct dp_price *out,
                               const struct dp_vector_release *v,
                               enum dp_notion notion) DP_MUST_CHECK;

/*
 * Set v->noise to the least noise of `law` whose price is at most `limit`'s
 * main part, among scales of denominator 2^20 and, under pure, the exact
 * quotient where it is in the domain.
 *
 * DP_EDOM    the law has no such price, or linf or l0 is 0
 * DP_ERANGE  the limit is 0 or the scale would pass DP_SCALE_MAX
 * *v is untouched unless DP_OK.
 */
enum dp_status dp_vector_of_price(struct dp_vector_release *v, enum dp_law law,
                                  struct dp_price limit,
                                  enum dp_notion notion) DP_MUST_CHECK;

/* L1 in grid steps, saturating; L2, rounded up. */
uint64_t dp_vector_l1(const struct dp_vector_release *v);
double dp_vector_l2(const struct dp_vector_release *v);

/* Both for a single cell: l0 = 1, linf = sensitivity. */
enum dp_status dp_mechanism_price(struct dp_price *out,
                                  const struct dp_mechanism *m,
                                  uint64_t sensitivity,
                                  enum dp_notion notion) DP_MUST_CHECK;
enum dp_status dp_mechanism_of_price(struct dp_mechanism *out, enum dp_law law,
                                     uint64_t sensitivity,
                                     struct dp_price limit,
                                     enum dp_notion notion) DP_MUST_CHECK;

/*
 * The noisiest mechanism of `law` (scale in steps of 2^-20) with
 * P[|X| > half_width] <= 1 - level, by the exact discrete law; half_width >= 0
 * in grid steps, 0 < level < 1, else DP_EDOM.
 */
enum dp_status dp_mechanism_of_accuracy(struct dp_mechanism *out,
                                        enum dp_law law, double half_width,
                                        double level) DP_MUST_CHECK;

/* Least integer k with P[|X| > k] <= alpha, 0 < alpha < 1, by the exact law. */
enum dp_status dp_mechanism_quantile(uint64_t *k, const struct dp_mechanism *m,
                                     double alpha) DP_MUST_CHECK;

/* P[X > k], the exact discrete tail, rounded up by at most 1e-12 relative. */
enum dp_status dp_mechanism_tail(double *out, const struct dp_mechanism *m,
                                 dp_int k) DP_MUST_CHECK;

/* P[X <= k], to 1e-12 relatively: the mirror of the tail. */
enum dp_status dp_mechanism_cdf(double *out, const struct dp_mechanism *m,
                                dp_int k) DP_MUST_CHECK;

/* ln P[X > k], any k, to about 1e-15 absolutely.  Requires dp_mechanism_ok().
 */
long double dp_mechanism_log_tail(const struct dp_mechanism *m, dp_int k);

double dp_mechanism_variance(const struct dp_mechanism *m);

#endif
