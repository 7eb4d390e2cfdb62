#ifndef DP_CHOOSE_H
#define DP_CHOOSE_H

#include <gsl/gsl_rng.h>
#include <stdbool.h>
#include <stddef.h>

#include "dp/price.h"
#include "dp/value.h"

/*
 * Choosing one of n candidates by scores that touched data: the index that
 * comes out is public, the scores stay.  Candidates and their order are public.
 *
 *   DP_EXPONENTIAL       P[i] proportional to width[i] exp(rate score[i])
 *   DP_PERMUTE_AND_FLIP  uniform among the candidates whose coin of probability
 *                        exp(-rate (highest score - score[i])) came up heads
 *   DP_NOISY_MAX         the highest score[i] + X_i, X_i discrete Laplace of
 *                        scale 1 / rate; the first among equals
 *
 *   rate = epsilon / range,  range = sensitivity if monotone, else 2
 * sensitivity
 *
 * All are epsilon-DP per pick; the first costs epsilon^2 / 8 under zCDP, the
 * others epsilon^2 / 2; under GDP the first costs as an (epsilon/2)-DP release,
 * about 0.2 epsilon^2, the others 0.8.  Use permute-and-flip under pure, where
 * it is never worse than the exponential mechanism; else the exponential one,
 * and where candidates stand for ranges of unequal width (quantiles).  Exact,
 * from integers.  Source: McSherry, Talwar 2007; McKenna, Sheldon 2020,
 * arXiv:2010.12603; Cesar, Rogers 2021, arXiv:2004.07223 (prices).  Proof:
 * dp/choose.md.
 */
enum dp_choice_law { DP_EXPONENTIAL, DP_PERMUTE_AND_FLIP, DP_NOISY_MAX };

struct dp_choice {
    enum dp_choice_law law;
    uint64_t eps_nano;    /* per pick; 1 to DP_CHOICE_EPS_MAX */
    uint64_t sensitivity; /* the most by which one person moves any score;
                             1 to 2^62 */
    bool monotone;        /* a person who joins lowers no score (counts), or
                             raises none: half the range for the same price */
};
#define DP_CHOICE_EPS_MAX UINT64_C(500000000000) /* 500 */
#define DP_CHOICE_N_MAX   ((size_t)1 << 20)

/* True when the choice is inside the domain above. */
bool dp_choice_ok(const struct dp_choice *c);

/*
 * Pick one of n candidates.  `width` weighs candidates (public; 0 = not a
 * candidate, as one picked before); NULL weighs all alike.  Only the
 * exponential mechanism takes widths other than 0 and 1.
 *
 * DP_OK    *index < n is written
 * DP_EDOM  c is outside its domain, n is 0 or above DP_CHOICE_N_MAX, no width
 * is above 0, or one is above 1 where only 0 and 1 may be; *index untouched,
 * nothing drawn
 *
 * Which one is returned never depends on `score`, nor does the work done save
 * in events of probability below 2^-31 a pick (dp/choose.md).
 */
enum dp_status dp_choose(size_t *index, const struct dp_exact *score,
                         const uint64_t *width, size_t n,
                         const struct dp_choice *c, gsl_rng *rng) DP_MUST_CHECK;

/* What one pick costs, rounded up.  DP_EDOM outside the domain. */
enum dp_status dp_choice_price(struct dp_price *out, const struct dp_choice *c,
                               enum dp_notion notion) DP_MUST_CHECK;

/*
 * Set c->eps_nano to the most that `limit` buys under `notion`, at most
 * DP_CHOICE_EPS_MAX; c's other members are read.  DP_ERANGE when it buys less
 * than a nano-epsilon, DP_EDOM outside the domain; c is then untouched.
 */
enum dp_status dp_choice_of_price(struct dp_choice *c, struct dp_price limit,
                                  enum dp_notion notion) DP_MUST_CHECK;

#endif
