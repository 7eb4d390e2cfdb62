#ifndef NEIGHBOUR_DRAW_H
#define NEIGHBOUR_DRAW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Reproducible choices for the harness: one stream a case, so that a seed says
 * everything about it.  splitmix64; never used for noise.
 */
struct draw {
    uint64_t state;
};

static inline uint64_t draw_word(struct draw *d)
{
    uint64_t z = (d->state += UINT64_C(0x9e3779b97f4a7c15));
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

/* 0 <= result < below; slightly uneven, which tests do not mind. */
static inline unsigned draw_below(struct draw *d, unsigned below)
{
    return (unsigned)(draw_word(d) >> 33) % below;
}

static inline bool draw_chance(struct draw *d, unsigned percent)
{
    return draw_below(d, 100) < percent;
}

/* One of the texts of a NULL-terminated list. */
static inline const char *draw_text(struct draw *d, const char *const *list)
{
    unsigned n = 0;
    while (list[n])
        n++;
    return list[draw_below(d, n)];
}

#endif
