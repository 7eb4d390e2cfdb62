#ifndef PLAN_LAWS_H
#define PLAN_LAWS_H

#include "dp/moments.h"
#include "server/plan/plan.h"

/*
 * Aggregates from a group's noisy numbers, with the interval that the laws of
 * the noise give each; and intervals of expressions over them.
 * docs/intervals.md tells how they combine.
 */
/*
 * What every row needs of the laws, found once: the half width of each measure
 * in grid steps, alone and where two share the error, the laws of aggregates
 * that take two or three measures, and the intervals of the count that selects,
 * by how far it passed the threshold.
 */
struct laws {
    const struct plan *p;
    uint64_t *alone, *shared;    /* UINT64_MAX: unknown */
    struct dp_sum_law *sums;     /* of the aggregates that are centred sums */
    struct dp_ratio_law *ratios; /* of the aggregates that are means */
    struct dp_moments_law *spreads; /* of those that are variances or roots */
    struct reply_interval *passed;
    bool *has_passed;
    uint64_t near; /* as far past the threshold as its law still shows */
};

/* One released group while it is finished. */
struct laws_row {
    const struct laws *laws;
    const struct value *aggs;
    const struct reply_interval *bounds; /* of aggs */
    const struct dp_noisy *noisy;
};

enum err_code laws_find(struct laws *l, const struct plan *p, struct arena *a,
                        struct err *err) MUST_CHECK;

/* Aggregate i of the group with these noisy numbers. */
void laws_aggregate(struct value *out, struct reply_interval *bounds,
                    const struct laws *l, size_t i,
                    const struct dp_noisy *noisy);

/* The interval of an expression whose value is `cell`: one aggregate moved by
 * constants, or the quotient of two; none for others. */
struct reply_interval laws_interval(const struct laws_row *row,
                                    const struct typed *e,
                                    const struct value *cell);

#endif
