#ifndef DP_MOMENTS_H
#define DP_MOMENTS_H

#include "dp/interval.h"

/*
 * Mean, variance and standard deviation from three noisy numbers of one group:
 * post-processing, nothing to pay.  Each row's value x is an integer on the
 * column's grid and y = x - center is clamped to [-h, h]:
 *
 *   count   rows
 *   sum     of y                    one row adds at most h
 *   square  of y^2 / 2^coarse, rounded down, less `middle`: at most
 *           h^2 / 2^(coarse + 1), rounded up, with middle in the middle
 *
 * Centring halves what one row can add, and so the noise.  `coarse` keeps the
 * sums of squares of wide columns inside a mechanism's domain.
 */
struct dp_moments {
    struct dp_noisy count, sum, square; /* independent noise */
    dp_int center;                      /* grid steps */
    unsigned grid_bits;
    dp_int middle; /* steps of square */
    unsigned coarse;
};

/* What the planner puts there for |y| <= h: half the greatest square, and what
 * one row then adds at most. h < 2^60. */
struct dp_square {
    uint64_t middle, bound;
    unsigned coarse;
};

/* The least coarse for which bound is at most `most` >= 1. */
struct dp_square dp_square_of(uint64_t h, uint64_t most);

/*
 * In the column's unit.  False when the noisy count is too small to divide by:
 * below 1, or below 2 for a sample's variance (divisor count - 1); *out is then
 * untouched.  A variance can come out negative by noise, and is left so;
 * its root is then 0.
 */
bool dp_moments_mean(double *out, const struct dp_moments *m);
bool dp_moments_variance(double *out, const struct dp_moments *m, bool sample);
bool dp_moments_deviation(double *out, const struct dp_moments *m, bool sample);

/*
 * Where the variance (or its root) of the exact values lies, with probability
 * at least `level` by the exact laws: the range of the function over the box in
 * which all three numbers lie (each at level^(1/3), independent).  Never below
 * 0.  Unbounded where the count cannot be told from 0 (or 1).  The box is the
 * same for all rows of a column: found once, half widths in steps.
 *
 * DP_EDOM as dp_interval.h; then *out is untouched.
 */
struct dp_moments_law {
    uint64_t count, sum, square;
};
enum dp_status dp_moments_law_of(struct dp_moments_law *out,
                                 const struct dp_mechanism *count,
                                 const struct dp_mechanism *sum,
                                 const struct dp_mechanism *square,
                                 double level) DP_MUST_CHECK;
struct dp_interval dp_moments_law_variance(const struct dp_moments_law *law,
                                           const struct dp_moments *m,
                                           bool sample);
struct dp_interval dp_moments_law_deviation(const struct dp_moments_law *law,
                                            const struct dp_moments *m,
                                            bool sample);

#endif
