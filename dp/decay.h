#ifndef DP_DECAY_H
#define DP_DECAY_H

#include <gsl/gsl_rng.h>
#include <stdbool.h>

#include "dp/value.h"

/*
 * exp(-x) for rational x, in integers: bounds that take the same time for every
 * x, and an exact coin behind them that looks further only when the bounds
 * leave it open, about once in 2^57 throws.  Proof: dp/decay.md.
 *
 * x = d * num / den, where d is a distance between scores: num and den are
 * public, d touched data.
 */
struct dp_decay {
    uint64_t num;
    dp_uint den;
    dp_uint far;  /* least d with x >= DP_DECAY_FAR; beyond, x counts as far */
    dp_uint rate; /* floor(num / den * 2^shift), in [2^95, 2^96) */
    unsigned shift;
};
#define DP_DECAY_FAR     1024U
#define DP_DECAY_NUM_MAX UINT64_C(1000000000000)

/* Requires 1 <= num <= DP_DECAY_NUM_MAX, 1 <= den < 2^96,
 * num / den < DP_DECAY_FAR. */
struct dp_decay dp_decay_of(uint64_t num, dp_uint den);

/*
 * lo * 2^-(63 + halvings) <= exp(-x) <= hi * 2^-(63 + halvings), and
 * 2^61 < lo < hi <= 2^63, hi - lo <= 32; lo is 0 instead where x is far.
 */
struct dp_decay_bounds {
    uint64_t lo, hi;
    unsigned halvings;
};
struct dp_decay_bounds dp_decay_bounds(const struct dp_decay *decay, dp_uint d);

/* floor(x / ln 2), capped where x is far, or one less: the halvings above. */
unsigned dp_decay_halvings(const struct dp_decay *decay, dp_uint d);

/*
 * A coin of probability times * 2^shift * exp(-x) / of, which must not be above
 * 1; times >= 1, shift <= 96, 1 <= of <= 2^96.
 */
struct dp_decay_odds {
    dp_uint d;
    uint64_t times;
    unsigned shift;
    dp_uint of;
};

/* Draws one word, save about once in 2^57 throws; how it is compared depends on
 * the odds. */
bool dp_decay_coin(gsl_rng *rng, const struct dp_decay *decay,
                   const struct dp_decay_odds *odds);

/*
 * True with probability exp(-x): one word and the same steps for every d, save
 * about once in 2^57 throws.
 */
bool dp_decay_plain_coin(gsl_rng *rng, const struct dp_decay *decay, dp_uint d);

/*
 * Any of these coins by arbitrary precision alone: what both fall back on when
 * the `first` word they drew decides nothing.  NULL draws that word too,
 * for tests.
 */
bool dp_decay_coin_exact(gsl_rng *rng, const struct dp_decay *decay,
                         const struct dp_decay_odds *odds,
                         const uint64_t *first);

#endif
