#ifndef DP_WEIGHT_H
#define DP_WEIGHT_H

#include <gsl/gsl_rng.h>
#include <stdbool.h>

#include "dp/law.h"

/*
 * The weight of a law, f(x) <= 1 with f(0) = 1, and the exact coin that a
 * rejection sampler throws with it:
 *
 *   DP_DLAPLACE  f(x) = exp(-|x| / t)
 *   DP_DGAUSS    f(x) = exp(-x^2 / (2 sigma^2))
 *   DP_RGAUSS    f(x) = the mean of exp(-y^2 / (2 sigma^2)) over the cell
 *                x <= y < x + 1: the law of floor(sigma Z), of which
 *                dp/lattice.h makes the rounded one
 *
 * The coin compares a uniform number with a weight, 64 bits at first.  When
 * these do not decide, which happens less than once in 2^30 throws (2^50 where
 * strips are thick), more bits of both are made until they do.  Nothing is
 * rounded: argument in dp/weight.md.
 */

/*
 * f, or for DP_RGAUSS the density exp(-y^2 / (2 sigma^2)), at this distance
 * from 0: between lo and hi, in units of 2^-63; hi - lo < 2^-55.  The scale may
 * be twice DP_SCALE_MAX here and below.
 */
struct dp_weight {
    uint64_t lo, hi;
};
struct dp_weight dp_weight_at(const struct dp_mechanism *m, uint64_t distance);

/* The least distance of x, or of x's cell, from 0. */
static inline uint64_t dp_weight_distance(const struct dp_mechanism *m,
                                          int64_t x)
{
    return x >= 0 ? (uint64_t)x : (uint64_t) - (x + (m->law == DP_RGAUSS));
}

/*
 * A strip of the area under a hat: from `sure` up to `sure` + `spread`, the
 * spread halved `level` times, all in units of which f(0) is `unit`.
 */
struct dp_strip {
    uint32_t unit, sure, spread; /* below 2^26 */
    unsigned level;
};

/*
 * True with the probability that a point uniform in the strip at x lies below
 * the law:  (unit f(x) - sure) / (spread 2^-level).  The caller answers for it
 * that this lies in [0, 1]; for DP_RGAUSS, at every y of the cell.
 */
bool dp_weight_accepts(const struct dp_mechanism *m, gsl_rng *rng, int64_t x,
                       const struct dp_strip *strip);

/*
 * The same by arithmetic of growing precision from the start, given the first
 * 64 bits of the height in the strip and, for DP_RGAUSS, of the place in x's
 * cell; more bits come from rng as needed.
 */
struct dp_point {
    uint64_t height, place;
};
bool dp_weight_refine(const struct dp_mechanism *m, gsl_rng *rng, int64_t x,
                      const struct dp_strip *strip, struct dp_point first);

#endif
