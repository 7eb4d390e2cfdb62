#ifndef DP_PRICE_H
#define DP_PRICE_H

#include <stdbool.h>
#include <stdint.h>

#include "dp/status.h"

/*
 * What a release costs, and the filter it is charged to.  Integers only:
 *   rho_pico    zero-concentrated DP, 1e-12; mu^2/2 under Gaussian DP
 *   eps_nano    pure DP, 1e-9
 *   delta_atto  probability of failure, 1e-18
 * Prices round up, limits down.  Sums saturate at UINT64_MAX, which no limit
 * reaches (limits are at most DP_PRICE_MAX), so saturation always refuses.
 * What the parts mean under each notion: dp/notion.h.
 */
enum dp_notion { DP_ZCDP, DP_PURE, DP_GDP };

struct dp_price {
    uint64_t rho_pico;
    uint64_t eps_nano;
    uint64_t delta_atto;
};
#define DP_PRICE_MAX (UINT64_C(1) << 62)

struct dp_price dp_price_add(struct dp_price a, struct dp_price b);

/* price * n, saturating. */
struct dp_price dp_price_times(struct dp_price p, uint64_t n);

/* True when every part of `p` is at most that part of `limit`. */
bool dp_price_fits(struct dp_price p, struct dp_price limit);

/* limit - spent, each part at least 0. */
struct dp_price dp_price_left(struct dp_price limit, struct dp_price spent);

/* The smaller of the two, part by part: what fits both fits it. */
struct dp_price dp_price_least(struct dp_price a, struct dp_price b);

/*
 * Real to integer units, without rounding but the last: _up for prices, _down
 * for limits.  `unit` is DP_PICO, DP_NANO or DP_ATTO.
 *
 * A double that reads back from a decimal of at most 15 digits stands for that
 * decimal, so a limit written as 0.3 is 300,000,000,000 pico and not one less;
 * any other double stands for its binary value.
 *
 * DP_EDOM when v is negative, NaN or does not fit below DP_PRICE_MAX, or when
 * the unit is another; *out is untouched.
 */
enum dp_status dp_units_up(uint64_t *out, double v, double unit) DP_MUST_CHECK;
enum dp_status dp_units_down(uint64_t *out, double v,
                             double unit) DP_MUST_CHECK;
#define DP_PICO 1e-12
#define DP_NANO 1e-9
#define DP_ATTO 1e-18

#endif
