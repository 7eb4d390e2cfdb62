#ifndef DP_BOUNDS_H
#define DP_BOUNDS_H

#include "dp/quantile.h"

/*
 * Clamp bounds found privately: the rows of a column counted by the power of
 * two that their value lies under, and two picks among those buckets: one a few
 * rows above the least value, one a few rows below the greatest.  A first
 * release of a chain; what follows may take the bounds as public.
 *
 *   bucket   0 .. 62          63   64   65      66       ..  126
 *   values   <= -2^62 .. -1   0    1    2..3    4..7     ..  >= 2^62
 *
 * Worth its price where a group has many times dp_quantile_reach() rows (at
 * epsilon 0.1 a pick that is some 160 rows a side) and the declared range is
 * much wider than the data; else the declared range serves better.
 *
 * All values but those few rows lie within the bounds, and no bound is more
 * than twice as far from 0 as the values it was picked for.  Proof:
 * dp/bounds.md.
 */
enum { DP_BOUNDS_BUCKETS = 127 };

/* The bucket of a value on the grid; what an engine's CASE must do as well. */
size_t dp_bounds_bucket(int64_t value);

/* The least and greatest value of a bucket. */
int64_t dp_bounds_least(size_t bucket);
int64_t dp_bounds_greatest(size_t bucket);

struct dp_bounds {
    int64_t lo, hi; /* lo <= hi, grid steps */
};

/*
 * How to pick both for at most `limit` in all, linf rows a person; each costs
 * what dp_choice_price() says.  Errors as dp_quantile_choice().
 */
enum dp_status dp_bounds_choice(struct dp_choice *out, uint64_t linf,
                                struct dp_price limit,
                                enum dp_notion notion) DP_MUST_CHECK;

/*
 * Pick from the rows counted in each bucket.  On either side, with probability
 * at least 1 - alpha, some row is at or beyond the bound's bucket and at most
 * 2 reach + 1 rows are beyond it, reach being dp_quantile_reach() of alpha (if
 * there are that many rows at all; else the bounds say little).  DP_EDOM as
 * dp_quantile_pick().
 */
enum dp_status dp_bounds_pick(struct dp_bounds *out,
                              const struct dp_exact count[DP_BOUNDS_BUCKETS],
                              const struct dp_choice *c, double alpha,
                              gsl_rng *rng) DP_MUST_CHECK;

#endif
