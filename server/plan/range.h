#ifndef PLAN_RANGE_H
#define PLAN_RANGE_H

#include <math.h>

#include "server/plan/typed.h"

/*
 * Interval arithmetic over checked expressions: the public range of a number
 * follows from the policy's column ranges and the query's constants.  Rows are
 * clamped to it on a grid before they are added up, so a range that is too
 * narrow costs accuracy, never privacy.  docs/intervals.md tells the rules.
 */

/* Fill in range, grid_bits, whole and never_null of `e` from those of its
 * arguments.
 */
void range_of(struct typed *e);

/* `r` of x, less what `cond`, which holds, rules out by a simple test. */
struct range range_given(struct range r, const struct typed *cond,
                         const struct typed *x);

/* Grid of a number nobody declared one for: about a thousandth. */
enum { RANGE_GRID_DEFAULT = 10 };

static inline bool range_is_bounded(struct range r)
{
    return r.lo > -HUGE_VAL && r.hi < HUGE_VAL;
}

#endif
