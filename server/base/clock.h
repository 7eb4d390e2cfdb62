#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#include <stdint.h>

/*
 * Time, behind a seam so that tests and simulations own it.
 * wall: microseconds since 1970-01-01 UTC.  mono: nanoseconds, never steps back.
 */
struct clock {
    int64_t (*wall_us)(struct clock *clock);
    uint64_t (*mono_ns)(struct clock *clock);
};

/* The system's clocks.  Borrowed, static, safe from any thread. */
struct clock *clock_system(void);

static inline int64_t clock_wall_us(struct clock *clock)
{
    return clock->wall_us(clock);
}

static inline uint64_t clock_mono_ns(struct clock *clock)
{
    return clock->mono_ns(clock);
}

#endif
