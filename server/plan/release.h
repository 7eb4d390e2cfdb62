#ifndef PLAN_RELEASE_H
#define PLAN_RELEASE_H

#include "server/plan/plan.h"

/*
 * The public part of a release: which groups an all-public plan answers, in
 * which order.  Works on keys alone; numbers never pass here.
 *
 * The noise stage, for a plan without private keys:
 *   exact[groups_public * n_measures] = 0
 *   for each engine row: i = plan_group_index(plan, row keys); copy to exact[i]
 *   noise all of exact; the keys of row i are plan_group_keys(plan, i)
 * and for a plan that selects: noise measure `people` of every engine row,
 * keep those dp_threshold_keeps says, noise the other measures of the kept.
 *
 * Groups are numbered as a product of the domains, last key fastest.
 */

/*
 * The group these keys name: 0 <= *index < groups_public, and true; false when
 * some key is outside its domain (an engine that is out of step).  Requires
 * !plan->selects.
 */
bool plan_group_index(uint64_t *index, const struct plan *plan,
                      const struct value *keys) MUST_CHECK;

/* Write the n_keys keys of group `index` < groups_public.  Borrowed text. */
void plan_group_keys(struct value *keys, const struct plan *plan,
                     uint64_t index);

#endif
