#ifndef MAIN_SLOT_H
#define MAIN_SLOT_H

#include <stdint.h>

#include "server/policy/policy.h"

/*
 * When an answer leaves: at the next slot of a geometric schedule after the
 * request was received (first, first * ratio, first * ratio^2, ...), so that
 * running time is told in steps only.
 * Returns nanoseconds after RECEIVED, at least elapsed_ns; 0 = at once, when
 * the policy switches slots off (first: 0).
 */
static inline uint64_t slot_after(const struct policy *p, uint64_t elapsed_ns)
{
    if (p->slot_first_ns == 0)
        return 0;
    double slot = (double)p->slot_first_ns;
    while (slot < (double)elapsed_ns)
        slot *= p->slot_ratio;
    return (uint64_t)slot < elapsed_ns ? elapsed_ns : (uint64_t)slot;
}

#endif
