#ifndef DP_INTERVAL_H
#define DP_INTERVAL_H

#include "dp/mechanism.h"
#include "dp/select.h"

/*
 * What a noisy number says about the exact one, from released numbers and
 * public parameters alone.  An interval covers the noise, nothing else: what
 * bounding, clamping and sampling lost is another matter.
 *
 * Coverage: over the noise, and whatever the exact value, the interval holds it
 * with probability at least `level`: by the exact discrete law for one value;
 * for a ratio proved for Gaussian noise rounded to integers, and summed over
 * the exact law in the tests for the others.  Ends are rounded outward.
 * Argument: dp/interval.md.
 *
 * Everything is in grid steps; dp_interval_place() moves it to the analyst's
 * scale.  DP_EDOM unless 0 < level < 1 and the mechanisms are in their domain.
 */
enum dp_interval_kind {
    DP_INTERVAL_BOUNDED,
    DP_INTERVAL_UNBOUNDED, /* every value is possible at this level */
};

struct dp_interval {
    enum dp_interval_kind kind;
    double lo, hi; /* lo <= hi; -HUGE_VAL and HUGE_VAL when unbounded */
};

/* A released count or sum and the noise in it. */
struct dp_reading {
    struct dp_noisy value;
    struct dp_mechanism noise;
};

/* value - k .. value + k, k the least with P[|X| <= k] >= level. */
enum dp_status dp_interval_of_value(struct dp_interval *out,
                                    const struct dp_reading *r,
                                    double level) DP_MUST_CHECK;

/*
 * The same for a number of people that was shown because it passed `t`: by the
 * law of the noise given that it passed, so that the groups that just made it
 * are not told too high.  Both tails at (1 - level)/2; at least 0, and at
 * least `t.least`.
 * DP_EDOM also when the value did not pass.
 */
enum dp_status dp_interval_of_shown(struct dp_interval *out,
                                    const struct dp_reading *r,
                                    struct dp_threshold t,
                                    double level) DP_MUST_CHECK;

/*
 * The same for any number that is told only where it lies in lo..hi: a row that
 * `HAVING n > 100` leaves.  DP_INT_MIN and DP_INT_MAX are no ends, and `least`
 * is what the exact value cannot be below, or DP_INT_MIN.  Unbounded also when
 * one side has no end: of a number that just made it under `hi`, the exact one
 * may be anything above.
 * DP_EDOM also when the value does not lie there, or is 2^100 or more.
 */
struct dp_cut {
    dp_int lo, hi, least;
};
enum dp_status dp_interval_of_cut(struct dp_interval *out,
                                  const struct dp_reading *r, struct dp_cut cut,
                                  double level) DP_MUST_CHECK;

/*
 * The quotient of two exact values, from readings with independent noise
 * (Fieller 1954).  Unbounded when the divisor cannot be told from 0.
 */
enum dp_status dp_interval_of_ratio(struct dp_interval *out,
                                    const struct dp_reading *num,
                                    const struct dp_reading *den,
                                    double level) DP_MUST_CHECK;

/*
 * The same for many rows of one column: the noise's part once, the rest a few
 * multiplications.  The delta method's interval, theta +- c sd, is the one that
 * other tools print: a little narrower than Fieller's, bounded always, and
 * wrong where the divisor is within a few deviations of 0; its coverage there
 * is not `level`.  For Estimate and comparison.
 */
struct dp_ratio_law {
    long double num, den; /* squares of how far either noise reaches */
};
enum dp_status dp_ratio_law_of(struct dp_ratio_law *out,
                               const struct dp_mechanism *num,
                               const struct dp_mechanism *den,
                               double level) DP_MUST_CHECK;
struct dp_interval dp_ratio_law_interval(const struct dp_ratio_law *law,
                                         struct dp_noisy num,
                                         struct dp_noisy den);
struct dp_interval dp_ratio_law_delta(const struct dp_ratio_law *law,
                                      struct dp_noisy num, struct dp_noisy den);

/*
 * a + weight b, a total put together of two readings with independent noise (a
 * centred sum, and the count of what was taken off): +- half, the less of what
 * both intervals at half the error add up to, and of the reach of the noises'
 * own sum.  Both are known before the data, so the less may be taken.
 */
struct dp_sum_law {
    double weight, half;
};
enum dp_status dp_sum_law_of(struct dp_sum_law *out,
                             const struct dp_mechanism *a,
                             const struct dp_mechanism *b, double weight,
                             double level) DP_MUST_CHECK;
struct dp_interval dp_sum_law_interval(const struct dp_sum_law *law,
                                       struct dp_noisy a, struct dp_noisy b);

/*
 * A sum of n >= 1 independent draws of one mechanism, each times a weight of
 * its own, is off by at most reach * sqrt(sum of squared weights) with
 * probability at least `level`, whatever the weights: a running total, a moving
 * average, the difference of two groups.  By the exact law for n = 1; proved
 * for Gaussian noise rounded to integers, summed over the exact law in the
 * tests for the others.
 */
enum dp_status dp_reach_of_total(double *reach, const struct dp_mechanism *m,
                                 size_t n, double level) DP_MUST_CHECK;

/*
 * The share a / t of a part in its total, both sums of readings with
 * independent noise of one mechanism, those of the part among those of the
 * total: `own` draws and `rest` more.  The noise they have in common is what
 * Fieller's quotient of two independent readings leaves out.
 */
struct dp_share {
    double a, t; /* as released, in grid steps */
    size_t own, rest;
};
enum dp_status dp_interval_of_share(struct dp_interval *out,
                                    const struct dp_share *s,
                                    const struct dp_mechanism *m,
                                    double level) DP_MUST_CHECK;

/*
 * Simultaneous intervals: the level at which each of n >= 1 must be taken so
 * that all hold together at `level`.  With independent noises (each value its
 * own draw) level^(1/n), exactly; else 1 - (1 - level)/n, by the union bound.
 */
enum dp_joint { DP_JOINT_INDEPENDENT, DP_JOINT_ANY };
double dp_level_of_each(double level, size_t n, enum dp_joint joint);

/*
 * The bucket in which a quantile lies, from the noisy counts of all n buckets,
 * in order, each with independent `noise`: a histogram already paid for.  The
 * exact num/den quantile of its rows is in one of the buckets *lo .. *hi with
 * probability at least `level`: Chernoff's bound on the sum of the noises, for
 * every law here.  *lo > *hi never happens; all buckets when nothing is known.
 * DP_EDOM also unless 0 <= num <= den, 1 <= den <= 2^20 and n >= 1.
 */
enum dp_status dp_interval_of_quantile(size_t *lo, size_t *hi,
                                       const struct dp_noisy *count, size_t n,
                                       const struct dp_mechanism *noise,
                                       uint32_t num, uint32_t den,
                                       double level) DP_MUST_CHECK;

/*
 * The exact total of n >= 1 released values, each with independent `noise`,
 * from their noisy total: for one value the exact law, else Chernoff's bound as
 * above.  DP_EDOM also unless n <= 2^24.
 */
enum dp_status dp_interval_of_total(struct dp_interval *out,
                                    struct dp_noisy total, size_t n,
                                    const struct dp_mechanism *noise,
                                    double level) DP_MUST_CHECK;

/* shift + interval * 2^-grid_bits, ends rounded outward. */
struct dp_interval dp_interval_place(struct dp_interval i, double shift,
                                     unsigned grid_bits);

#endif
