#ifndef MAIN_EXECUTE_H
#define MAIN_EXECUTE_H

#include "server/main/service.h"

/*
 * CHARGED -> EXECUTED -> NOISED: a plan's statements, run on the dataset's
 * engine, and the noise of what they found.  From execute_run() on the charge
 * stays, whatever happens; an error of either is a miss, and nothing about it
 * may be told.
 */
struct executed {
    struct execute_release *releases; /* plan_releases() */
};

/* A chain in turn, or grouping sets one by one.  The earlier releases of a
 * chain are noised in here: they leave only inside the last one's answer. */
enum err_code execute_run(struct executed *out, struct service_call *call,
                          const struct dataset *dataset,
                          const struct plan *plan, struct arena *a,
                          struct err *err) MUST_CHECK;

enum err_code execute_noise(struct plan_noisy *out, const struct executed *x,
                            struct service_call *call, const struct plan *plan,
                            struct arena *a, struct err *err) MUST_CHECK;

/* The engine starts now: it is stopped when the policy's time for one query, or
 * the strict slot, is over. */
void execute_limit(struct service_call *call, const struct policy *policy);

#endif
