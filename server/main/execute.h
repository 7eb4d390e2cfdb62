#ifndef MAIN_EXECUTE_H
#define MAIN_EXECUTE_H

#include "server/main/service.h"

/*
 * CHARGED -> EXECUTED -> NOISED: a plan's statements, run on the dataset's
 * engine, and the noise of what they found.  From execute_run() on the charge
 * stays, whatever happens; an error is a miss, and nothing about it may be
 * told.
 *
 * A release is noised as soon as its statements have run, page by page where
 * there may be many groups, so that exact numbers are held no longer than that.
 */
struct executed {
    struct plan_noisy *noisy; /* plan_releases() */
};

/* A chain in turn, or grouping sets one by one.  What the earlier releases of a
 * chain tell leaves only inside the last one's answer. */
enum err_code execute_run(struct executed *out, struct service_call *call,
                          const struct dataset *dataset,
                          const struct plan *plan, struct arena *a,
                          struct err *err) MUST_CHECK;

/* The engine starts now: it is stopped when the policy's time for one query, or
 * the strict slot, is over. */
void execute_limit(struct service_call *call, const struct policy *policy);

#endif
