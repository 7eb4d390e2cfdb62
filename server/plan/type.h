#ifndef PLAN_TYPE_H
#define PLAN_TYPE_H

#include "server/plan/draft.h"

/*
 * What the files that type a SELECT share; draft.h has what others call.
 *
 *   type_row.c    expressions over rows
 *   type_agg.c    aggregates, as written
 *   type_post.c   expressions over group keys and aggregates
 *   terms.c       the terms of a condition
 *   type.c        the clauses of a SELECT, in order
 */
enum { DRAFT_DEPTH_MAX = 256 };

/* An expression nested deeper than that. */
enum err_code draft_too_deep(struct place at, struct err *err);

/* draft_row, `depth` levels inside another expression. */
enum err_code draft_row_at(struct typed **out, struct draft *d,
                           const struct expr *e, enum draft_use use,
                           unsigned depth, struct err *err) MUST_CHECK;

/* May it be read for that?  Notes in the block what the column may be. */
enum err_code draft_allow(struct draft *d, const struct rel_column *c,
                          enum draft_use use, struct place at,
                          struct err *err) MUST_CHECK;

/* A condition over rows; *out is NULL when it always holds. */
enum err_code draft_filter(const struct typed **out, struct draft *d,
                           const struct expr *e, struct err *err) MUST_CHECK;

/* What an aggregate of the release gives. */
enum value_type draft_agg_type(const struct draft_agg *agg);
bool draft_agg_equal(const struct draft_agg *a, const struct draft_agg *b);

/* As expr_equal, but t.x is x and $1 is its value. */
bool draft_same(const struct draft *d, const struct expr *a,
                const struct expr *b);

/* *e becomes op(*e), a cast. */
enum err_code draft_as(struct typed **e, struct draft *d, enum expr_op op,
                       enum value_type type, struct err *err) MUST_CHECK;

/* Is it a group key, nothing more? */
bool draft_is_key(const struct typed *e);

#endif
