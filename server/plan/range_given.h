#ifndef PLAN_RANGE_GIVEN_H
#define PLAN_RANGE_GIVEN_H

#include "server/plan/typed.h"

/*
 * What a condition tells of a number: `r` of x, less what `cond`, which is
 * `truth`, rules out by a simple test.  NULLs are ignored: a row in which x is
 * NULL has no number to be in a range.
 */
struct range range_given(struct range r, const struct typed *cond, bool truth,
                         const struct typed *x);

#endif
