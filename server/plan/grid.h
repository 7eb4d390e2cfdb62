#ifndef PLAN_GRID_H
#define PLAN_GRID_H

#include "server/plan/typed.h"

/*
 * How finely a number is written: bits behind the point, for the grid on which
 * it is added up; none when it is whole.
 */

/* Is a call whole on every row?  By its type, and by its arguments. */
bool grid_is_whole(const struct typed *e);

/* Of a constant; at most RANGE_GRID_DEFAULT. */
unsigned grid_of_const(double v);

/* Of a call whose `whole` is filled in. */
unsigned grid_of_call(const struct typed *e);

#endif
