#ifndef PLAN_SERIES_H
#define PLAN_SERIES_H

#include "server/plan/plan.h"
#include "server/query/answer.h"

/*
 * A time series: a question grouped by the days (weeks, months, ...) of a time
 * column, the time being bounded or not.  What was released of a day before is
 * shown again, and only the other days are paid for.
 *
 *   whole plan   all days of the question, never run when some are stored
 *   stored       rows of earlier releases of the same series, at least as
 *                accurate, each finished by the law of its own noise
 *   part         the days that are missing, as one release with the noise that
 *                the whole plan gives them
 *
 * A day of an earlier release serves when it is settled: all of it is asked for
 * and was then, and it was closed (ended at least the policy's closed_after
 * before), so that its rows are final by the steward's word.  Any other day
 * (today, a month that the range cuts) serves while its bounds and the state of
 * the data are the same, as any stored answer does.
 *
 * Rows of one table of people, joined with public tables, are a series.  What
 * is computed of a person from several rows is none: later rows change the
 * past.
 *
 * Two releases of one series are charged one after the other, each in full: a
 * person may count in L0 groups of each.  Which days are missing is a function
 * of the question, the policy, the clock and the ledger.  docs/reuse.md.
 */
struct plan_series {
    size_t key;              /* of the plan: its days */
    struct answer_day *days; /* of the key's domain, in order */
    size_t n_days;
    int64_t from_us, to_us; /* all of them lie in here */
    uint8_t hash[32];       /* equal: releases of one series */
    uint8_t state[32];      /* of policy and data, for days not settled */
};

/* Is the stored release at least as accurate as the plan's would be? */
bool plan_series_fits(const struct plan *whole, const struct answer *stored);

/* Does it have day `i` of the plan, as asked?  OPEN: it serves as long as any
 * stored answer; SETTLED: for the policy's closed_for. */
enum series_had { SERIES_NOT, SERIES_OPEN, SERIES_SETTLED };
enum series_had plan_series_has(const struct plan *whole, size_t i,
                                const struct answer *stored);

/* ... the same of a release to be made, another question's plan. */
bool plan_series_shares(const struct plan *whole, size_t i,
                        const struct plan *other);

/* The plan that finishes rows of the stored release; it cannot be run. */
enum err_code plan_series_like(struct plan **out, const struct plan *whole,
                               const struct answer *stored, struct arena *a,
                               struct err *err) MUST_CHECK;

/*
 * The days with want[i], as a release of their own.  `tree` is the question's.
 * Errors as plan_query; some day is wanted.
 */
enum err_code plan_series_part(struct plan **out, const struct plan *whole,
                               const struct select *tree, const bool *want,
                               struct arena *a, struct err *err) MUST_CHECK;

/* What a release of the plan, whole or part, stores for others to find. */
void plan_series_store(struct answer *answer, const struct plan *plan);

#endif
