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

/* Grid of a number nobody declared one for: about a thousandth. */
enum { RANGE_GRID_DEFAULT = 10 };

static inline bool range_is_bounded(struct range r)
{
    return r.lo > -HUGE_VAL && r.hi < HUGE_VAL;
}

static inline struct range range_hull(struct range a, struct range b)
{
    return (struct range){ fmin(a.lo, b.lo), fmax(a.hi, b.hi) };
}

/* Where they have nothing in common, the end of a that is nearest: values
 * outside a range count as the nearest within. */
static inline struct range range_meet(struct range a, struct range b)
{
    const struct range r = { fmax(a.lo, b.lo), fmin(a.hi, b.hi) };
    const double nearest = b.hi < a.lo ? a.lo : a.hi;
    return r.lo <= r.hi ? r : (struct range){ nearest, nearest };
}

#endif
