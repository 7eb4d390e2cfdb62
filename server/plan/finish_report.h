#ifndef PLAN_FINISH_REPORT_H
#define PLAN_FINISH_REPORT_H

#include "server/plan/plan.h"

/*
 * What bounding cut off, as the release measured it, told in notices behind
 * those that `out` has: over all groups of the release, and of the groups where
 * most was cut and surely some.  A function of released numbers; nothing where
 * no report was asked for.
 */
enum err_code finish_reports(struct reply_table *out, const struct plan *plan,
                             const struct plan_noisy *noisy, struct arena *a,
                             struct err *err) MUST_CHECK;

/* A notice when some average or spread of the table is NULL. */
enum err_code finish_no_mean(struct reply_table *out, const struct plan *plan,
                             struct arena *a, struct err *err) MUST_CHECK;

#endif
