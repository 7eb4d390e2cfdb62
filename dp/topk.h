#ifndef DP_TOPK_H
#define DP_TOPK_H

#include "dp/choose.h"

/*
 * The k most frequent of groups that nobody declared: an engine gives the
 * `fetched` largest and the one after them, in falling order of their exact
 * numbers, and up to k of them are picked one by one by the exponential
 * mechanism, beside a stop whose score lies above that next one by a margin.
 * Where the stop is picked the list ends: groups too small to be told from
 * those that one person alone fills cannot be shown.
 *
 *   12,345  9,871 ... 40 | 38 (+ margin)        fetched | next
 *   candidates             stop
 *
 * The list comes in the order of the picks; numbers for it are released on top,
 * at min(k, l0) groups a person.  With a declared domain there is no stop and
 * no delta.  Source: Durfee, Rogers 2019, arXiv:1905.04273, with a margin for
 * approximate zCDP.  Proof: dp/topk.md.
 */
struct dp_topk {
    bool declared;         /* every candidate is public; fetch them all */
    uint32_t k;            /* picks at most, >= 1 */
    uint32_t l0;           /* groups one person can be in, >= 1 */
    size_t fetched;        /* >= k, below DP_CHOICE_N_MAX */
    uint64_t delta_atto;   /* of the whole list, < 10^18; > 0 unless declared */
    struct dp_choice pick; /* set by dp_topk_of_price() */
};

/*
 * The most accurate pick whose k cost at most `limit`, for a number that one
 * person changes by at most linf in one group; all but t->pick is read.
 *
 * DP_EDOM   outside the domain above, linf is not in 1..2^62, or pure and not
 *           declared
 * DP_ERANGE the limit is too small
 * t->pick is written on DP_OK only.
 */
enum dp_status dp_topk_of_price(struct dp_topk *t, uint64_t linf,
                                struct dp_price limit,
                                enum dp_notion notion) DP_MUST_CHECK;

/*
 * The cheapest pick whose noise has a standard deviation of at most sd > 0, in
 * steps of the number: of the Gumbel law that the exponential mechanism adds,
 * of the exponential one under pure.  Reads and refuses as above; DP_ERANGE
 * where it would pass DP_CHOICE_EPS_MAX.
 */
enum dp_status dp_topk_of_spread(struct dp_topk *t, uint64_t linf, double sd,
                                 enum dp_notion notion) DP_MUST_CHECK;

/*
 * The cheapest pick whose stop lies at most `most` steps above the next group,
 * so that a group of about so many is as likely shown as not.  Reads and
 * refuses as above, DP_EDOM if declared too; DP_ERANGE where none does.
 */
enum dp_status dp_topk_of_margin(struct dp_topk *t, uint64_t linf,
                                 uint64_t most,
                                 enum dp_notion notion) DP_MUST_CHECK;

/*
 * What a pick by dp_topk_of_spread() costs, beside one number released over one
 * group with noise of that standard deviation: a public constant of the notion,
 * for planners that ask whether k picks and numbers over min(k, l0) groups cost
 * less than numbers over l0 groups.  To first order in the price under GDP.
 */
double dp_topk_weight(enum dp_notion notion);

/* k picks and delta, rounded up.  DP_EDOM as above. */
enum dp_status dp_topk_price(struct dp_price *out, const struct dp_topk *t,
                             enum dp_notion notion) DP_MUST_CHECK;

/* How far the stop lies above the next group; 0 if declared. */
uint64_t dp_topk_margin(const struct dp_topk *t);

/*
 * For who fetches: is somebody in a group of this number, which others are not
 * handed in; and the falling order, negative when a stands before b.  What both
 * say is touched data.
 */
bool dp_topk_counts(struct dp_exact count);
int dp_topk_order(struct dp_exact a, struct dp_exact b);

/* Working memory of the caller's, n + 1 each; touched data afterwards. */
struct dp_topk_room {
    struct dp_exact *score;
    uint64_t *width;
};

/*
 * Pick from count[0..n), in falling order, n <= fetched + 1 (less when there
 * are fewer groups).  `index` takes up to k of 0..fetched-1, most frequent
 * first as far as the noise lets it be.
 *
 * DP_OK    index[0..*n_picked) are written
 * DP_EDOM  t is outside its domain, n too large, or declared and n not
 *          `fetched`; nothing is drawn
 *
 * The work done depends on t, n and the list released.
 */
enum dp_status dp_topk_pick(size_t *index, size_t *n_picked,
                            const struct dp_topk *t,
                            const struct dp_exact *count, size_t n,
                            struct dp_topk_room room,
                            gsl_rng *rng) DP_MUST_CHECK;

/* With probability at least 1 - alpha every pick's number was within *reach of
 * the greatest that was left to pick. */
enum dp_status dp_topk_reach(uint64_t *reach, const struct dp_topk *t,
                             double alpha) DP_MUST_CHECK;

#endif
