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

static inline bool dp_threshold_keeps(struct dp_threshold t, struct dp_noisy n)
{
    return n.v > 0 && (dp_uint)n.v > t.above;
}

#endif
