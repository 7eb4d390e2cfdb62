#include "dp/expo.h"

/* a b for fixed-point numbers of at most 1, rounded down. */
static uint64_t times(uint64_t a, uint64_t b)
{
    return (uint64_t)((dp_uint)a * b >> 63);
}

/* exp(-x) for x < 1/16 by its series; the first term left out is below 2^-69.
 */
static uint64_t expo_small(uint64_t x)
{
    static const uint64_t coefficient[] = {
        DP_EXPO_ONE / 3628800, /* 1/10! */
        DP_EXPO_ONE / 362880,  DP_EXPO_ONE / 40320, DP_EXPO_ONE / 5040,
        DP_EXPO_ONE / 720,     DP_EXPO_ONE / 120,   DP_EXPO_ONE / 24,
        DP_EXPO_ONE / 6,       DP_EXPO_ONE / 2,     DP_EXPO_ONE,
        DP_EXPO_ONE,
    };
    uint64_t p = coefficient[0];
    for (unsigned i = 1; i < sizeof coefficient / sizeof *coefficient; i++)
        p = coefficient[i] - times(x, p);
    return p;
}

uint64_t dp_expo(dp_uint x)
{
    /* exp(-2^i) for i = -4 .. 5, rounded down. */
    static const uint64_t power[] = {
        0x783eafef1c0a8f39, 0x70f5a893b608861e, 0x63afbe7ab2082ba1,
        0x4da2cbf1be5827f9, 0x2f16ac6c59de6f8d, 0x1152aaa3bf81cb9f,
        0x02582ab704279e8e, 0x000afe10820813d6, 0x000000f1aaddd774,
        0x000000000001c846,
    };
    enum { POWERS = sizeof power / sizeof *power, FIRST = 63 - 4 };

    if (x >> (FIRST + POWERS) != 0)
        return 0; /* exp(-64) < 2^-92 */
    uint64_t p = expo_small((uint64_t)(x & ((UINT64_C(1) << FIRST) - 1)));
    for (int i = 0; i < POWERS; i++)
        if (x >> (FIRST + i) & 1)
            p = times(p, power[i]);
    return p;
}
