#ifndef DP_WIDE_H
#define DP_WIDE_H

#include "dp/value.h"

/*
 * Unsigned integers of 256 bits, only what exact prices need: products and
 * comparisons.  Little-endian words.  Products that would not fit are a
 * programmer's error and asserted.
 */
struct dp_wide {
    uint64_t word[4];
};

struct dp_wide dp_wide_of(dp_uint v);
struct dp_wide dp_wide_times(struct dp_wide a, uint64_t b);
struct dp_wide dp_wide_product(dp_uint a, dp_uint b);

/* Negative, 0 or positive as a is below, equal to or above b. */
int dp_wide_cmp(struct dp_wide a, struct dp_wide b);

#endif
