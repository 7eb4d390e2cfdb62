#ifndef DP_KEEP_H
#define DP_KEEP_H

#include <gsl/gsl_rng.h>
#include <stdbool.h>
#include <stddef.h>

#include "dp/price.h"
#include "dp/value.h"

/*
 * Partition selection by the optimal rule: a group of n people is shown with
 * chance pi(n), the highest that (eps', delta')-DP allows, eps' = eps/l0 and
 * delta' = delta/l0 for each of the l0 groups one person can be in:
 *
 *   pi(0) = 0,
 *   pi(n+1) = min(e^eps' pi(n) + delta', 1 - e^-eps' (1 - pi(n) - delta'), 1).
 *
 * It tells nothing but that the group is there; its numbers are released and
 * paid on top.  No rule keeps more under a contract of (eps, delta).  Under
 * zcdp a threshold on a Gaussian number of people (dp/select.h) that costs the
 * same rho shows groups half as large, for this rule's rho is that of all
 * eps'-DP; plans use the threshold (dp/keep.md compares).
 *
 * Chances are integers in steps of 2^-126, rounded so that the recursion's two
 * inequalities hold between the integers themselves: the draw is exact and the
 * rounding costs nothing.  Source: Desfontaines, Voss, Gipson, Mandayam 2022,
 * arXiv:2006.03684.  Proof: dp/keep.md.
 */
struct dp_keep_rule {
    uint64_t eps_nano;   /* over all l0 groups; > 0 */
    uint64_t delta_atto; /* over all l0 groups; > 0, < 10^18 */
    uint32_t l0;         /* >= 1 */
    uint64_t least;      /* policy's minimum audience: a smaller group is never
                            shown, one of `least` people as if it had 1 */
};

/* The rule worked out: the chances of 0, 1, ... people up to the first that is
 * 1.  `chance` is borrowed from the caller of dp_keep_init(). */
struct dp_keep {
    struct dp_keep_rule rule;
    const dp_uint *chance;
    size_t n_chances;
};
#define DP_KEEP_ONE         ((dp_uint)1 << 126)
#define DP_KEEP_CHANCES_MAX ((size_t)1 << 20)

/*
 * How many chances the rule has.
 *
 * DP_EDOM   the rule is outside its domain
 * DP_ERANGE more than DP_KEEP_CHANCES_MAX: about 2 ln(1/delta') / eps' are
 *           needed, so eps is too small for this l0
 */
enum dp_status dp_keep_length(size_t *n,
                              const struct dp_keep_rule *rule) DP_MUST_CHECK;

/* Fills `room` and points `out` at it.  As above, and DP_ERANGE when n_room is
 * below the length; then *out is untouched. */
enum dp_status dp_keep_init(struct dp_keep *out,
                            const struct dp_keep_rule *rule, dp_uint *room,
                            size_t n_room) DP_MUST_CHECK;

/* Show the group?  True with chance pi(people), exactly; two words of
 * randomness whatever the number. */
bool dp_keep_draw(const struct dp_keep *k, struct dp_exact people,
                  gsl_rng *rng);

/* What releasing every group's draw costs: rho = l0 eps'^2 / 2 (under GDP l0
 * times what dp_notion_gdp_of_pure() says of eps'), rounded up, and delta.
 * DP_EDOM under pure (delta is not 0). */
enum dp_status dp_keep_price(struct dp_price *out,
                             const struct dp_keep_rule *rule,
                             enum dp_notion notion) DP_MUST_CHECK;

/* For plans, docs and `halftone calc`: pi of a public number of people, and
 * the least numbers with pi >= 1/2 and pi = 1. */
double dp_keep_chance(const struct dp_keep *k, uint64_t people);
uint64_t dp_keep_half(const struct dp_keep *k);
uint64_t dp_keep_certain(const struct dp_keep *k);

/*
 * pi(n) of real parameters (totals over l0 groups), in closed form, to about
 * 1e-13: for `halftone calc`, where eps and delta need not be whole units and
 * no table is drawn from.  DP_EDOM unless eps > 0 and finite, 0 < delta < 1,
 * l0 >= 1.
 */
enum dp_status dp_keep_law(double *chance, double eps, double delta,
                           uint32_t l0, uint64_t n) DP_MUST_CHECK;

#endif
