#ifndef PLAN_TOP_H
#define PLAN_TOP_H

#include "server/plan/draft.h"

/*
 * `GROUP BY x ORDER BY COUNT(*) DESC LIMIT k`: the same question planned a
 * second way, as k picks (dp/topk.h) and numbers of the picked groups alone.
 *
 *   every group   numbers of all groups, ordered and cut afterwards
 *                 rho = L0 n x^2 / 2            n numbers, D / sigma = x each
 *   the first k   picks on exact numbers, then numbers of what was picked
 *                 rho = min(k, L0) n' x^2 / 2 + k w x^2 / 2
 *
 * with n' = n without the count that only selects groups, and without a number
 * that is only ordered by, and w such that both are of equal use: they tell and
 * order equally well at the same x (dp_topk_weight()), and no group that the
 * first would show is stopped by the second.  So the cheaper one is the better
 * one, whether an accuracy was stated or a price.
 *
 * The last is about private groups: every group shows those of T people, its
 * threshold, and k picks those whose score is above a stop's.  T people have at
 * least a score of T when people or rows are counted, none of a sum or of a
 * count with a filter, which are therefore not picked by.  Where a pick as wide
 * as a number would have its stop above T, a pick is narrower, and dearer.
 *
 * Recognised: the first key of ORDER BY falls, and is COUNT(*), COUNT(x),
 * COUNT(DISTINCT key) or a sum of values that are never negative, with FILTER
 * or without; further keys, OFFSET and SELECTs around it are post-processing.
 * Not recognised: HAVING, which filters before the LIMIT; window
 * functions, which see every group; grouping sets; a
 * report on bounds, which is about all groups; a LIMIT that public groups do
 * not reach.
 */

/* *out is `d` planned that way, not priced, when the question is one; else
 * *fits is false.  To be called before `d` is priced. */
enum err_code draft_top(struct draft *out, bool *fits, const struct draft *d,
                        struct err *err) MUST_CHECK;

/* Before `top` is priced, and after `every` group was (as far as it could be):
 * what its picks need to be of equal use.  False where none are. */
bool draft_top_aim(struct draft *top, const struct draft *every) MUST_CHECK;

/* Is `top` the cheaper one?  Both are priced, unless `d` could not be.  Sets
 * the ratio of both. */
bool draft_top_wins(struct draft *top, struct draft *d, bool is_priced);

/* The part of `total` that the picks get; 0 for other plans. */
uint64_t draft_top_part(const struct draft *d, uint64_t total);
/* The picks for so much, and those as accurate as the numbers. */
enum err_code draft_top_buy(struct draft *d, uint64_t part,
                            struct err *err) MUST_CHECK;
enum err_code draft_top_reach(struct draft *d, struct err *err) MUST_CHECK;
enum err_code draft_top_price(struct dp_price *out, const struct draft *d,
                              struct err *err) MUST_CHECK;

/* What EXPLAIN (PRIVACY) says of it. */
void draft_top_explain(struct writer *w, const struct plan *p);

#endif
