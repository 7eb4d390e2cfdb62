#include "server/main/leave.h"

#include <time.h>

#include "server/main/slot.h"

enum { NS_PER_US = 1000, NS_PER_S = 1000000000 };

/* From when slots count: strict ones from when the worker began. */
static uint64_t slots_from_ns(const struct service_call *call,
                              const struct policy *policy)
{
    return policy->slot_strict_ns > 0 ? call->started_ns : call->received_ns;
}

uint64_t leave_at_slot(struct service_call *call, const struct policy *policy,
                       uint64_t work_ns)
{
    const uint64_t from_ns = slots_from_ns(call, policy);
    const uint64_t elapsed_ns = clock_mono_ns(call->service->clock) - from_ns;
    const uint64_t slot = slot_after(policy, elapsed_ns + work_ns);
    call->leave_ns = slot ? from_ns + slot : 0;
    call->holds = policy->slot_strict_ns > 0;
    return slot;
}

bool leave_is_late(const struct service_call *call, const struct policy *policy,
                   uint64_t work_ns)
{
    const uint64_t elapsed_ns =
        clock_mono_ns(call->service->clock) - slots_from_ns(call, policy);
    return policy->slot_strict_ns > 0 &&
           elapsed_ns + work_ns >= policy->slot_strict_ns;
}

void leave_on_time(struct service_call *call, const struct policy *policy)
{
    if (clock_mono_ns(call->service->clock) > call->leave_ns)
        (void)leave_at_slot(call, policy, 0);
}

void leave_as_first(struct service_call *call, const struct policy *policy,
                    int64_t slot_ns)
{
    if (policy->slot_strict_ns > 0)
        (void)leave_at_slot(call, policy, 0);
    else if (slot_ns > 0)
        call->leave_ns = call->received_ns + (uint64_t)slot_ns;
}

void leave_hold(struct clock *clock, uint64_t leave_ns)
{
    for (;;) {
        const uint64_t now = clock_mono_ns(clock);
        if (now >= leave_ns)
            return;
        const uint64_t left = leave_ns - now;
        (void)nanosleep(
            &(struct timespec){ .tv_sec = (time_t)(left / NS_PER_S),
                                .tv_nsec = (long)(left % NS_PER_S) },
            NULL);
    }
}

int64_t leave_wall_us(const struct service_call *call)
{
    struct clock *clock = call->service->clock;
    const uint64_t now_ns = clock_mono_ns(clock);
    if (call->leave_ns <= now_ns)
        return 0;
    return clock_wall_us(clock) +
           (int64_t)((call->leave_ns - now_ns) / NS_PER_US) + 1;
}
