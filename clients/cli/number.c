#include "clients/cli/number.h"

#include <ctype.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static uint64_t power_of_ten(unsigned n)
{
    uint64_t p = 1;
    while (n-- > 0)
        p *= 10;
    return p;
}

struct number_text number_scaled(uint64_t units, unsigned decimals)
{
    struct number_text t;
    const uint64_t one = power_of_ten(decimals);
    const uint64_t rest = units % one;
    if (rest == 0) {
        (void)snprintf(t.s, sizeof t.s, "%" PRIu64, units / one);
        return t;
    }
    const int len = snprintf(t.s, sizeof t.s, "%" PRIu64 ".%0*" PRIu64,
                             units / one, (int)decimals, rest);
    for (char *end = t.s + len - 1; *end == '0'; end--)
        *end = '\0';
    return t;
}

/* What one step of the last kept digit is worth, in units. */
static uint64_t step_of(uint64_t units, unsigned digits)
{
    const uint64_t least = power_of_ten(digits);
    uint64_t step = 1;
    while (units / step >= least)
        step *= 10;
    return step;
}

/* number_scaled, but with an exponent where many zeros would stand. */
static struct number_text scaled_for_people(uint64_t units, unsigned decimals)
{
    enum { ZEROS = 4 }; /* from 0.0001 on it is a plain number */
    struct number_text t;
    if (units == 0 || decimals < ZEROS ||
        units >= power_of_ten(decimals - ZEROS))
        return number_scaled(units, decimals);
    unsigned digits = 1;
    while (units / 10 >= power_of_ten(digits - 1))
        digits++;
    const struct number_text mantissa = number_scaled(units, digits - 1);
    (void)snprintf(t.s, sizeof t.s, "%.40se-%u", mantissa.s,
                   decimals - digits + 1);
    return t;
}

struct number_text number_scaled_up(uint64_t units, unsigned decimals,
                                    unsigned digits)
{
    const uint64_t step = step_of(units, digits);
    const uint64_t over = units % step;
    const uint64_t more = over ? step - over : 0;
    return scaled_for_people(units > UINT64_MAX - more ? units : units + more,
                             decimals);
}

struct number_text number_scaled_down(uint64_t units, unsigned decimals,
                                      unsigned digits)
{
    return scaled_for_people(units - units % step_of(units, digits), decimals);
}

struct number_text number_people(double d, unsigned digits)
{
    static const double SLACK = 1e-12; /* 0.3 in binary is no more than 0.3 */
    struct number_text t = { "0" };
    if (!(d > 0))
        return t;
    int exponent = (int)floor(log10(d));
    const double step = pow(10, (double)digits - 1);
    double mantissa = ceil(d / pow(10, exponent) * step * (1 - SLACK)) / step;
    if (mantissa >= 10) {
        mantissa /= 10;
        exponent++;
    }
    if (exponent < -4) {
        (void)snprintf(t.s, sizeof t.s, "%.*ge%d", (int)digits, mantissa,
                       exponent);
        return t;
    }
    const int decimals = (int)digits - 1 - exponent;
    (void)snprintf(t.s, sizeof t.s, "%.*f", decimals > 0 ? decimals : 0,
                   mantissa * pow(10, exponent));
    if (strchr(t.s, '.')) {
        char *end = t.s + strlen(t.s) - 1;
        while (*end == '0')
            *end-- = '\0';
        if (*end == '.')
            *end = '\0';
    }
    return t;
}

struct number_text number_shortest(double d)
{
    struct number_text t;
    if (isnan(d)) {
        (void)snprintf(t.s, sizeof t.s, "nan");
        return t;
    }
    /* 17 digits always read back; 15 mostly do (IEEE 754-2008, 5.12.2). */
    for (int digits = 15; digits <= 17; digits++) {
        (void)snprintf(t.s, sizeof t.s, "%.*g", digits, d);
        const double back = strtod(t.s, NULL);
        if (back >= d && back <= d)
            break;
    }
    return t;
}

struct number_text number_fixed(double d, unsigned decimals)
{
    struct number_text t;
    if (!isfinite(d) || fabs(d) >= 1e15 || decimals > 20)
        return number_shortest(d);
    (void)snprintf(t.s, sizeof t.s, "%.*f", (int)decimals, d);
    /* "-0" and "-0.00" would claim a sign that rounding took away. */
    if (t.s[0] == '-' && strspn(t.s + 1, "0.") == strlen(t.s + 1))
        memmove(t.s, t.s + 1, strlen(t.s));
    return t;
}

struct number_text number_grouped(const char *plain)
{
    struct number_text t;
    const char *digits = plain + (*plain == '-');
    const size_t n = strspn(digits, "0123456789");
    const char *tail = digits + n;
    const bool decimal = *tail == '\0' || *tail == '.';
    const size_t commas = n > 0 && decimal ? (n - 1) / 3 : 0;
    if (commas == 0 || strlen(plain) + commas >= sizeof t.s) {
        (void)snprintf(t.s, sizeof t.s, "%s", plain);
        return t;
    }
    char *out = t.s;
    if (*plain == '-')
        *out++ = '-';
    for (size_t i = 0; i < n; i++) {
        if (i > 0 && (n - i) % 3 == 0)
            *out++ = ',';
        *out++ = digits[i];
    }
    (void)snprintf(out, sizeof t.s - (size_t)(out - t.s), "%s", tail);
    return t;
}

bool number_parse(double *out, const char *text, size_t len)
{
    char copy[64];
    if (len == 0 || len >= sizeof copy || text[len - 1] == '\0')
        return false;
    for (size_t i = 0; i < len; i++)
        if (!strchr("0123456789+-.eE", text[i]) || text[i] == '\0')
            return false;
    memcpy(copy, text, len);
    copy[len] = '\0';
    char *end;
    const double d = strtod(copy, &end);
    if (*end != '\0' || end == copy || !isfinite(d))
        return false;
    *out = d;
    return true;
}
