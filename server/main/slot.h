#ifndef MAIN_SLOT_H
#define MAIN_SLOT_H

#include <stdint.h>

#include "server/policy/policy.h"

/*
 * When an answer leaves, so that running time is told in steps only.
 *
 * By default: at the next slot of a geometric schedule after the request was
 * received (first, first * ratio, first * ratio^2, ...).  Returns nanoseconds
 * after RECEIVED, at least elapsed_ns; 0 = at once, when the policy switches
 * slots off (first: 0).
 *
 * Strict mode: at one slot, counted from when a worker began, and the worker is
 * held until then, so that how long others queue depends on nothing but how
 * many queries there are.  The engine gets seven eighths of it; what has not
 * ended by then is a miss, and so is what noise or a full machine made too late
 * to be stored by the slot.  A miss that is late, or a commit that takes longer
 * than it should, leaves at the next multiple.
 */
static inline uint64_t slot_after(const struct policy *p, uint64_t elapsed_ns)
{
    if (p->slot_strict_ns > 0)
        return (elapsed_ns / p->slot_strict_ns + 1) * p->slot_strict_ns;
    if (p->slot_first_ns == 0)
        return 0;
    double slot = (double)p->slot_first_ns;
    while (slot < (double)elapsed_ns)
        slot *= p->slot_ratio;
    return (uint64_t)slot < elapsed_ns ? elapsed_ns : (uint64_t)slot;
}

/* How long an engine may run, in nanoseconds; 0 = as long as it takes. */
static inline uint64_t slot_engine_ns(const struct policy *p)
{
    const uint64_t most = p->deadline_ms * 1000000;
    const uint64_t strict = p->slot_strict_ns / 8 * 7;
    return strict > 0 && (most == 0 || strict < most) ? strict : most;
}

#endif
