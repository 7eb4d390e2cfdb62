#ifndef DP_FILTER_H
#define DP_FILTER_H

#include "dp/price.h"

/*
 * The privacy filter: a limit, what was spent of it, and the rule that a
 * release is refused when its price would pass the limit.
 *
 *     open --charge--> open ... --charge refused--> open, spent unchanged
 *
 * Whoever chooses queries, and the parameters of their mechanisms, may look at
 * every earlier answer first: that is what a filter is for.  The sums are
 * integers (dp/price.h), prices rounded up and limits down by whoever made
 * them; they never fall, and saturate where no limit reaches.  A charge looks
 * at two sums and three limits whatever the number of charges before it.
 *
 * The server's ledger keeps the same sums durably, for many accounts at once;
 * this is the rule alone, for a program that has only the library.
 *
 * Source: Whitehouse, Ramdas, Rogers, Wu 2023, arXiv:2203.05481; Feldman and
 * Zrnic 2021, arXiv:2008.11193.  What is composed, and why that is private:
 * dp/filter.md.
 */
struct dp_filter {
    enum dp_notion notion;
    struct dp_price limit; /* each part at most DP_PRICE_MAX */
    struct dp_price spent; /* at most the limit in each part */
    uint64_t charges;      /* how many were taken */
};

/*
 * An empty filter.  A part that the notion does not use must be 0 in the limit;
 * it then refuses every price that has it.
 *
 * DP_EDOM   the notion is none, or a part of the limit passes DP_PRICE_MAX or
 * is none of the notion's; *out is untouched
 */
enum dp_status dp_filter_open(struct dp_filter *out, enum dp_notion notion,
                              struct dp_price limit) DP_MUST_CHECK;

/* Take the price and say true, or refuse it and leave the filter as it is. */
bool dp_filter_charge(struct dp_filter *f, struct dp_price price) DP_MUST_CHECK;

/* How many charges of this price would still be taken; UINT64_MAX for one that
 * is 0 in all parts. */
uint64_t dp_filter_affords(const struct dp_filter *f, struct dp_price price);

/*
 * The epsilon >= 0 at a total of `delta` of what was spent, rounded up: where
 * the account stands.  The promise to everybody who saw all answers is that of
 * the limit (dp/filter.md, "Spent is not promised"); it is this epsilon only
 * when what was asked did not depend on answers.
 *
 * DP_EDOM   delta is not in [0, 1), or is 0 and the notion is not pure
 * DP_ERANGE the deltas spent leave nothing of it
 */
enum dp_status dp_filter_eps(double *eps, const struct dp_filter *f,
                             double delta) DP_MUST_CHECK;

#endif
