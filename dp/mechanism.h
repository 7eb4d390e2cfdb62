#ifndef DP_MECHANISM_H
#define DP_MECHANISM_H

#include <gsl/gsl_rng.h>
#include <stdbool.h>
#include <stddef.h>

#include "dp/price.h"
#include "dp/value.h"

/*
 * A noise mechanism as a value: the law, its scale and what it costs.  One
 * description that planner (price), noise stage (release), reply (interval)
 * and accountant share.
 *
 *   DP_DLAPLACE  P[X = x] proportional to exp(-|x| / t)            t = num/den
 *   DP_DGAUSS    P[X = x] proportional to exp(-x^2 / (2 sigma^2))  sigma =
 * num/den
 *
 * x runs over the integers; scales are in grid steps.  Source: Canonne, Kamath,
 * Steinke 2020, arXiv:2004.00010.  Proofs: dp/dlaplace.md, dp/dgauss.md.
 */
enum dp_law { DP_DLAPLACE, DP_DGAUSS };

struct dp_mechanism {
    enum dp_law law;
    uint64_t num, den; /* scale; 1 <= den <= DP_SCALE_DEN_MAX, 1 <= num,
                          num / den <= DP_SCALE_MAX */
};
#define DP_SCALE_DEN_MAX (UINT64_C(1) << 20)
#define DP_SCALE_MAX     (UINT64_C(1) << 40)

/* True when law and scale are inside the domain above. */
bool dp_mechanism_ok(const struct dp_mechanism *m);

/* The same scale in lowest terms. */
void dp_mechanism_reduce(struct dp_mechanism *m);

/*
 * Release n exact integers, each with independent noise of mechanism m, drawn
 * from rng (production: dp_rng_system()).
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
 * The least price, rounded up, of one value that one person changes by at most
 * `sensitivity` grid steps, under `notion`:
 *   DP_ZCDP  rho = s^2 / (2 sigma^2); Laplace: (s/t)^2 / 2
 *   DP_PURE  eps = s / t; DP_EDOM for DP_DGAUSS
 * Integer arithmetic throughout.  A price above DP_PRICE_MAX is UINT64_MAX,
 * which no limit covers.
 */
enum dp_status dp_mechanism_price(struct dp_price *out,
                                  const struct dp_mechanism *m,
                                  uint64_t sensitivity,
                                  enum dp_notion notion) DP_MUST_CHECK;

/*
 * The least noisy mechanism whose price at `sensitivity` >= 1 is at most
 * `limit` (rho_pico under zcdp, eps_nano under pure), among scales of
 * denominator 2^20 and, under pure, the exact quotient where it is in the
 * domain. DP_ERANGE when the scale would pass DP_SCALE_MAX.
 */
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

/* ln P[X > k], any k, to about 1e-15 absolutely.  Requires dp_mechanism_ok().
 */
long double dp_mechanism_log_tail(const struct dp_mechanism *m, dp_int k);

double dp_mechanism_variance(const struct dp_mechanism *m);

#endif
