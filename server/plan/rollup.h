#ifndef PLAN_ROLLUP_H
#define PLAN_ROLLUP_H

#include "server/base/arena.h"
#include "server/base/err.h"
#include "server/plan/keep.h"
#include "server/policy/policy.h"

/*
 * A maintained rollup (docs/policy.md, `rollups`): what each person has in each
 * group, added up before any limit, so that a count or a sum need not read the
 * rows.
 *
 *   roll."TABLE.NAME"         p person, c group, n rows, cJ rows with column J
 *                             not NULL, sJ_B sum of J in steps of 2^-B, g place
 *                             of the group in the person's order
 *   roll."TABLE.NAME.groups"  c, k0, k1, ... the group keys, placed in their
 *                             public domains
 *
 * J counts the policy's columns from 0.  Rows without a person, and groups that
 * are outside a domain without `other`, are in neither.  g is 1, 2, ... in the
 * order of keep.h, in which L0 groups are kept; so
 *
 *   WHERE g <= L0
 *
 * keeps what bounding over the rows keeps, and limits and clamps of a person in
 * a group apply to n, c and s as they do to counts and sums over rows: the
 * same integers.  That holds for questions with every row of the table, grouped
 * by exactly these keys.  A filter over the keys leaves groups out, and those
 * that are left are in the same order; one of other columns changes which rows
 * a person has, and is not the rollup's.  One that takes whole people out
 * (consent) changes nothing of g: `p` is there for it.
 */
enum { ROLLUP_TABLE_MAX = 2 * POLICY_NAME_MAX + 16 };
#define ROLLUP_SCHEMA "roll" /* a database attached under this name */

/*
 * The statements that build one generation of a rollup, in order, over
 * src."TABLE" and the functions of keep.h; that make it the one shown under the
 * names above; and that drop it.  Each list is one transaction.
 */
struct rollup_sql {
    const char *build[4], *show[2], *drop[2];
    size_t n_build, n_show, n_drop;
};

/*
 * ERR_INVALID, ERR_REFUSED, ERR_LIMIT: the policy's rollup cannot be asked for
 * as a question could; the message says why, the place is its line there.
 */
enum err_code rollup_print(struct rollup_sql *out, const struct policy *p,
                           const struct policy_table *t,
                           const struct policy_rollup *r, unsigned generation,
                           struct arena *a, struct err *err) MUST_CHECK;

#endif
