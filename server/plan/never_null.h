#ifndef PLAN_NEVER_NULL_H
#define PLAN_NEVER_NULL_H

#include "server/plan/typed.h"

/* Does a call have a value on every row?  By those of its arguments, and by its
 * own range, which is filled in. */
bool never_null(const struct typed *e);

#endif
