#include "server/grpc/grpc_timeout.h"

enum { DIGITS_MAX = 8 };

/* Nanoseconds of a unit, 0 when there is no such unit. */
static uint64_t unit_ns(uint8_t unit)
{
    const uint64_t second = UINT64_C(1000000000);
    switch (unit) {
    case 'H':
        return 3600 * second;
    case 'M':
        return 60 * second;
    case 'S':
        return second;
    case 'm':
        return second / 1000;
    case 'u':
        return second / 1000000;
    case 'n':
        return 1;
    default:
        return 0;
    }
}

bool grpc_timeout_parse(uint64_t *out_ns, const void *text, size_t len)
{
    const uint8_t *s = text;
    if (len < 2 || len > DIGITS_MAX + 1)
        return false;
    uint64_t n = 0;
    for (size_t i = 0; i < len - 1; i++) {
        if (s[i] < '0' || s[i] > '9')
            return false;
        n = n * 10 + (uint64_t)(s[i] - '0');
    }
    const uint64_t unit = unit_ns(s[len - 1]);
    if (unit == 0)
        return false;
    /* 99,999,999 hours are 3.6e20 ns, more than 64 bits: as good as never. */
    if (__builtin_mul_overflow(n, unit, &n))
        n = UINT64_MAX;
    *out_ns = n;
    return true;
}
