#include "server/base/clock.h"

#include <assert.h>
#include <time.h>

static struct timespec now(clockid_t id)
{
    struct timespec t;
    const int failed = clock_gettime(id, &t);
    assert(!failed);
    return t;
}

static int64_t system_wall_us(struct clock *clock)
{
    (void)clock;
    const struct timespec t = now(CLOCK_REALTIME);
    return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

static uint64_t system_mono_ns(struct clock *clock)
{
    (void)clock;
    const struct timespec t = now(CLOCK_MONOTONIC);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

struct clock *clock_system(void)
{
    static struct clock system = { system_wall_us, system_mono_ns };
    return &system;
}
