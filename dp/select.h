#ifndef DP_SELECT_H
#define DP_SELECT_H

#include "dp/mechanism.h"

/*
 * Partition selection by a threshold on the noisy number of people: a group is
 * released iff noisy > threshold (strict).
 *
 * A group of one person is released with probability at most P[1 + X > T], and
 * one person can add at most l0 groups, so delta = 1 - (1 - tail)^l0.  The
 * noisy count itself is paid as any count; the threshold adds no rho.
 * Proof: dp/select.md.
 */
struct dp_threshold {
    uint64_t above; /* release iff noisy count > above */
    uint64_t least; /* and the exact count is at least this; 0: no such cut */
};

/*
 * The least threshold, at least `floor` (policy's minimum audience, applied to
 * noisy counts), whose total delta over l0 groups is at most delta.
 * DP_EDOM unless 0 < delta < 1, l0 >= 1 and floor < 2^62; DP_ERANGE when delta
 * is so small that a double cannot hold the tail.  *out is written on DP_OK
 * only.
 */
enum dp_status dp_threshold_of(struct dp_threshold *out,
                               const struct dp_mechanism *people, uint32_t l0,
                               double delta, uint64_t floor) DP_MUST_CHECK;

/* The delta of one group among l0: 1 - (1 - delta)^(1/l0), rounded down. */
double dp_threshold_share(uint32_t l0, double delta);

/*
 * Pre-thresholding: groups of fewer than `least` people are never shown, and
 * one of `least` people passes as rarely as one of 1 did, so delta stays: the
 * threshold rises by least - 1.  A floor tells readers that small groups are
 * unlikely; this, that there are none.  DP_ERANGE past 2^62, *t untouched.
 */
enum dp_status dp_threshold_raise(struct dp_threshold *t,
                                  uint64_t least) DP_MUST_CHECK;

/* Is the group of `people`, whose noisy number is n, shown? */
bool dp_threshold_shows(struct dp_threshold t, struct dp_exact people,
                        struct dp_noisy n);

/*
 * The thresholds of the laws as other libraries state them, for comparison and
 * `halftone calc`: l0 groups a person, one person's count at most 1 in each.
 * Plans use dp_threshold_of(), which knows the noise that is really drawn.
 *
 *   laplace    continuous, scale l0 / eps; keep iff noisy > *above
 *   dlaplace   discrete, scale l0 / eps; keep iff noisy >= *from
 *   gaussian   continuous, of standard deviation sigma; keep iff noisy > *above
 *
 * delta is the threshold's own (a Gaussian's noise has a share besides).
 * DP_EDOM unless 0 < delta < 1, l0 >= 1 and eps or sigma is above 0 and finite.
 */
enum dp_status dp_threshold_laplace(double *above, double eps, double delta,
                                    uint32_t l0) DP_MUST_CHECK;
enum dp_status dp_threshold_dlaplace(double *from, double eps, double delta,
                                     uint32_t l0) DP_MUST_CHECK;
enum dp_status dp_threshold_gaussian(double *above, double sigma, double delta,
                                     uint32_t l0) DP_MUST_CHECK;

static inline bool dp_threshold_keeps(struct dp_threshold t, struct dp_noisy n)
{
    return n.v > 0 && (dp_uint)n.v > t.above;
}

#endif
