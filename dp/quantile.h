#ifndef DP_QUANTILE_H
#define DP_QUANTILE_H

#include "dp/choose.h"

/*
 * A quantile of rows that an engine counted into buckets: a public grid cut
 * into n ranges in rising order, count[i] rows in the i-th.  The bucket that is
 * picked may leave; the counts stay.
 *
 *   rows   0      L_i     H_i            R       H_i = L_i + count[i]
 *          |-------|///////|-------------|
 *                      ^ target  T = R num/den + shift/den
 *
 * A bucket's score is minus the distance, in rows/den, of T from [L_i, H_i]: 0
 * where the quantile lies.  One person with at most linf rows moves any score
 * by at most linf max(num, den - num): half as much for a median as a rank
 * would move.  Buckets may be as many as the engine likes to group by (65,536
 * cost a few milliseconds); wide ones lose resolution, not rank.  Proof:
 * dp/quantile.md.
 *
 * Several quantiles of the same rows: one pick and price each; sort the picks,
 * which is free.
 */
struct dp_quantile {
    uint32_t num, den; /* 0 <= num <= den, 1 <= den <= DP_QUANTILE_DEN_MAX */
    int64_t shift;     /* 0, or as dp_quantile_low() and _high() set it */
};
#define DP_QUANTILE_DEN_MAX (UINT32_C(1) << 20)
#define DP_QUANTILE_N_MAX   (DP_CHOICE_N_MAX - 2)

/* The fraction rounded to a millionth.  DP_EDOM unless 0 <= fraction <= 1. */
enum dp_status dp_quantile_of(struct dp_quantile *out,
                              double fraction) DP_MUST_CHECK;

/*
 * How to pick it for at most `limit`: the exponential mechanism under zcdp,
 * permute-and-flip under pure.  dp_choice_price() tells what it costs.
 * DP_EDOM when q or linf (1 to 2^40) is outside its domain, DP_ERANGE when the
 * limit is too small.
 */
enum dp_status dp_quantile_choice(struct dp_choice *out,
                                  const struct dp_quantile *q, uint64_t linf,
                                  struct dp_price limit,
                                  enum dp_notion notion) DP_MUST_CHECK;

/*
 * Pick the bucket of q.  Counts below 0 or above 2^80 are taken as those.
 * `room` is the caller's, n + 2 long, and holds touched data afterwards.
 *
 * DP_OK    *bucket < n is written
 * DP_EDOM  q or the choice is outside its domain, its sensitivity is below
 *          max(num, den - num), or n is 0 or above DP_QUANTILE_N_MAX; nothing
 *          is drawn
 *
 * Which one never depends on `count`, nor does the work done, as dp_choose().
 */
enum dp_status dp_quantile_pick(size_t *bucket, const struct dp_exact *count,
                                size_t n, const struct dp_quantile *q,
                                const struct dp_choice *c,
                                struct dp_exact *room,
                                gsl_rng *rng) DP_MUST_CHECK;

/*
 * The accuracy: with probability at least 1 - alpha the target is within
 * *reach / den rows of the bucket picked among n.  The exact law's union bound:
 * typical errors are a tenth of it.  DP_EDOM as above and unless
 * 0 < alpha < 1.
 */
enum dp_status dp_quantile_reach(uint64_t *reach, const struct dp_choice *c,
                                 size_t n, double alpha) DP_MUST_CHECK;

/*
 * The cheapest choice of dp_quantile_choice()'s law whose reach among n, at
 * alpha, is at most `reach` >= 1 in rows/den.  DP_EDOM as above; DP_ERANGE when
 * that takes more than DP_CHOICE_EPS_MAX.
 */
enum dp_status dp_quantile_choice_of_reach(struct dp_choice *out,
                                           const struct dp_quantile *q,
                                           uint64_t linf, uint64_t reach,
                                           size_t n, double alpha,
                                           enum dp_notion notion) DP_MUST_CHECK;

/*
 * The interval of a quantile, by two more picks at its choice and price: the
 * lower edge of the bucket picked for dp_quantile_low(), and the upper edge of
 * that for dp_quantile_high(), hold the exact quantile between them with
 * probability at least 1 - 2 alpha, `reach` being that of alpha.
 */
struct dp_quantile dp_quantile_low(struct dp_quantile q, uint64_t reach);
struct dp_quantile dp_quantile_high(struct dp_quantile q, uint64_t reach);

#endif
