#ifndef MAIN_LEAVE_H
#define MAIN_LEAVE_H

#include "server/main/service.h"

/*
 * When the answer of a call leaves (slot.h), kept in call->leave_ns.  From the
 * moment the time of leaving could depend on data, a slot has to be taken.
 */

/* What a commit takes on a disk that is well. */
enum { LEAVE_STORE_NS = 10 * 1000 * 1000 };

/*
 * Take a slot.  What is to be done before it, writing to the ledger, has
 * `work_ns`.  Returns nanoseconds after RECEIVED (strict: after a worker
 * began); 0 = at once, slots are off.
 */
uint64_t leave_at_slot(struct service_call *call, const struct policy *policy,
                       uint64_t work_ns);

/*
 * Strict mode: is it too late for its one slot, with `work_ns` still to do?
 * Then what was found must not leave at another: it is a miss.
 */
bool leave_is_late(const struct service_call *call, const struct policy *policy,
                   uint64_t work_ns);

/* The work took longer, and the slot has passed: the next one. */
void leave_on_time(struct service_call *call, const struct policy *policy);

/* A stored answer: at the slot of its first release, `slot_ns` after RECEIVED;
 * in strict mode all slots are one. */
void leave_as_first(struct service_call *call, const struct policy *policy,
                    int64_t slot_ns);

/* Strict mode: however soon it was done, the worker is taken until the slot. */
void leave_hold(struct clock *clock, uint64_t leave_ns);

/* Wall time of leaving, for the ledger to show the charge by; 0 = at once. */
int64_t leave_wall_us(const struct service_call *call);

#endif
