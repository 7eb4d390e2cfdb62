#ifndef DP_TOTAL_H
#define DP_TOTAL_H

#include "dp/mechanism.h"

/*
 * The noise of a total that was added up from n noisy cells, as a law like any
 * other: post-processing, so it costs nothing, and all that is known of one
 * mechanism (quantiles, ratios, moments) is known of the total.
 *
 * n independent discrete Gaussians of one sigma add up to a discrete Gaussian
 * of sigma sqrt(n), but for a factor within exp(+-10^-30) of every probability.
 * Proof: dp/total.md.  Of the other laws sums are laws of another family.
 */
#define DP_TOTAL_MAX ((size_t)1 << 20)

/*
 * *out is that law, its scale rounded up.
 * DP_EDOM   another law, a sigma below 3, n is 0 or above DP_TOTAL_MAX
 * DP_ERANGE the scale would pass DP_SCALE_MAX
 */
enum dp_status dp_total_of(struct dp_mechanism *out,
                           const struct dp_mechanism *cell,
                           size_t n) DP_MUST_CHECK;

#endif
