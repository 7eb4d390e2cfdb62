#ifndef MAIN_CAP_H
#define MAIN_CAP_H

#include "server/main/question.h"

/*
 * The policy's daily cap of questions about one segment
 * (server/plan/segment.h), counted in the ledger by who charges: a team
 * together, or a principal.  What is stored already is not asked again, and
 * counts nothing.
 */
struct cap {
    struct ledger_segment *segments;
    const char **what; /* for people, of each */
    size_t n;
};

/* The segments of the questions a charge pays for, each as often as it is asked
 * about; into the charge's arguments.  NULLs are passed over. */
enum err_code cap_charge(struct ledger_charge_args *args, struct cap *out,
                         const struct segments *const *questions, size_t n,
                         const struct service_call *call,
                         const struct policy *policy, struct arena *a,
                         struct err *err) MUST_CHECK;

/* The charge is CAPPED: REFUSAL_SEGMENT_DAY. */
enum err_code cap_refuse(const struct cap *cap, const struct ledger_run *charge,
                         const struct policy *policy, struct err *err);

#endif
