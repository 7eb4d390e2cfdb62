#ifndef PLAN_AFTER_H
#define PLAN_AFTER_H

#include "server/plan/plan.h"
#include "server/plan/rel.h"

/*
 * What a SELECT around the aggregates does that cannot be said inside them:
 * groups of groups, DISTINCT, a filter or an order behind a LIMIT.  A function
 * of noisy numbers alone, computed in the server, free.
 *
 *   rows of the answer before  -where-> -groups, aggregates-> -having->
 *   -window functions-> outputs -distinct, on-> -orders-> -offset, limit-> rows
 * of this one
 */
struct plan_after_agg {
    enum agg_kind kind;
    bool distinct;              /* COUNT */
    double fraction;            /* PERCENTILE_* */
    const struct typed *value;  /* or NULL: every row */
    const struct typed *filter; /* or NULL */
};

struct plan_after {
    const struct rel_column *columns; /* of the answer before, for COLUMN */
    struct typed **where;
    size_t n_where;
    bool groups;
    struct typed **keys;
    size_t n_keys;
    const uint32_t *sets; /* GROUPING SETS, of keys as bits; KEY n_keys is the
                             number of the set that a row is of */
    size_t n_sets;        /* 0 = one, of all keys */
    struct plan_after_agg *aggs;
    size_t n_aggs;
    const struct typed *having; /* or NULL */
    struct plan_over *overs;    /* window functions */
    size_t n_overs;
    struct plan_output *outputs;
    size_t n_outputs;
    struct plan_order *orders;
    size_t n_orders;
    struct typed **on; /* DISTINCT ON: of rows alike in these the first */
    size_t n_on;
    bool distinct, has_limit;
    uint64_t limit, offset;
};

/*
 * Replace the columns and rows of `table` by what `after` makes of them.  An
 * interval is kept where a number passes through unchanged, from its own row
 * or, by lag() and its like, from another.  ERR_LIMIT when the arena is full.
 */
enum err_code plan_after_apply(struct reply_table *table,
                               const struct plan_after *after, struct arena *a,
                               struct err *err) MUST_CHECK;

#endif
