#include "dp/price.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "dp/value.h"

static uint64_t add(uint64_t a, uint64_t b)
{
    uint64_t sum;
    return __builtin_add_overflow(a, b, &sum) ? UINT64_MAX : sum;
}

static uint64_t times(uint64_t a, uint64_t b)
{
    uint64_t product;
    return __builtin_mul_overflow(a, b, &product) ? UINT64_MAX : product;
}

static uint64_t left(uint64_t limit, uint64_t spent)
{
    return spent < limit ? limit - spent : 0;
}

struct dp_price dp_price_add(struct dp_price a, struct dp_price b)
{
    return (struct dp_price){
        .rho_pico = add(a.rho_pico, b.rho_pico),
        .eps_nano = add(a.eps_nano, b.eps_nano),
        .delta_atto = add(a.delta_atto, b.delta_atto),
    };
}

struct dp_price dp_price_times(struct dp_price p, uint64_t n)
{
    return (struct dp_price){
        .rho_pico = times(p.rho_pico, n),
        .eps_nano = times(p.eps_nano, n),
        .delta_atto = times(p.delta_atto, n),
    };
}

bool dp_price_fits(struct dp_price p, struct dp_price limit)
{
    return p.rho_pico <= limit.rho_pico && p.eps_nano <= limit.eps_nano &&
           p.delta_atto <= limit.delta_atto;
}

struct dp_price dp_price_left(struct dp_price limit, struct dp_price spent)
{
    return (struct dp_price){
        .rho_pico = left(limit.rho_pico, spent.rho_pico),
        .eps_nano = left(limit.eps_nano, spent.eps_nano),
        .delta_atto = left(limit.delta_atto, spent.delta_atto),
    };
}

static uint64_t min_u64(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

struct dp_price dp_price_least(struct dp_price a, struct dp_price b)
{
    return (struct dp_price){
        .rho_pico = min_u64(a.rho_pico, b.rho_pico),
        .eps_nano = min_u64(a.eps_nano, b.eps_nano),
        .delta_atto = min_u64(a.delta_atto, b.delta_atto),
    };
}

/* 10^n as an integer, n <= 38; callers bound n. */
static dp_uint power_of_ten(int n)
{
    dp_uint p = 1;
    for (int i = 0; i < n; i++)
        p *= 10;
    return p;
}

static dp_uint divide(dp_uint n, dp_uint d, bool up)
{
    return n / d + (up && n % d != 0);
}

/*
 * The decimal of 15 digits that reads back as v, as digits * 10^exponent.
 * The point is skipped whatever the locale prints.
 */
static bool decimal_of(double v, uint64_t *digits, int *exponent)
{
    char text[32];
    snprintf(text, sizeof text, "%.14e", v);
    if (strtod(text, NULL) != v)
        return false;

    uint64_t d = 0;
    const char *p = text;
    for (; *p != 'e'; p++)
        if (*p >= '0' && *p <= '9')
            d = d * 10 + (uint64_t)(*p - '0');
    *digits = d;
    *exponent = (int)strtol(p + 1, NULL, 10) - 14;
    return true;
}

/* v * 10^places, v < 2^64, rounded one way; saturates at the type's maximum. */
static dp_uint scaled(double v, int places, bool up)
{
    uint64_t digits;
    int exponent;
    if (decimal_of(v, &digits, &exponent)) {
        const int shift = exponent + places;
        if (shift < -38)
            return up && digits > 0;
        return shift < 0 ? divide(digits, power_of_ten(-shift), up)
                         : digits * power_of_ten(shift);
    }
    /* v = m 2^e with a 53-bit m, and m 10^18 < 2^113: exact. */
    int e;
    const double m = frexp(v, &e);
    const dp_uint n = (dp_uint)ldexp(m, 53) * power_of_ten(places);
    e -= 53;
    if (e >= 0)
        return n << e;
    return e <= -127 ? up : divide(n, (dp_uint)1 << -e, up);
}

static enum dp_status units(uint64_t *out, double v, double unit, bool up)
{
    const int places = unit == DP_PICO   ? 12
                       : unit == DP_NANO ? 9
                       : unit == DP_ATTO ? 18
                                         : 0;
    /* The first bound keeps every product below inside 128 bits. */
    if (places == 0 || !(v >= 0) || v >= (double)DP_PRICE_MAX * unit * 1.01)
        return DP_EDOM;
    const dp_uint n = scaled(v, places, up);
    if (n > DP_PRICE_MAX)
        return DP_EDOM;
    *out = (uint64_t)n;
    return DP_OK;
}

enum dp_status dp_units_up(uint64_t *out, double v, double unit)
{
    return units(out, v, unit, true);
}

enum dp_status dp_units_down(uint64_t *out, double v, double unit)
{
    return units(out, v, unit, false);
}
