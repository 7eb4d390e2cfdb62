#ifndef PLAN_LIFT_H
#define PLAN_LIFT_H

#include "server/plan/draft.h"

/*
 * Sub-queries that stand for a value beside numbers of an answer, a share of a
 * total: the same as answers put together (mix.h).
 *
 *   SELECT x, COUNT(*) / (SELECT COUNT(*) FROM t) FROM t GROUP BY x
 *   SELECT x, _c1 / _v0 FROM (SELECT x, COUNT(*) AS _c1 FROM t GROUP BY x)
 * _core CROSS JOIN (SELECT COUNT(*) AS _v0 FROM t) _v0
 *
 * So is x IN (SELECT y ..) in a WHERE or HAVING over rows of an answer: its
 * values are joined to them.
 *
 * Each value has one aggregate or more and no groups, so that it has one row
 * whatever the data.  Inside rows of people, in WHERE and in arguments of
 * aggregates, they are what chain.c and sub_expr.c say.
 */

/* *out is the question so written, or NULL when there is nothing to lift or it
 * cannot be said so. */
enum err_code draft_lift(const struct select **out, struct draft *d,
                         const struct select *s, struct err *err) MUST_CHECK;

#endif
