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

struct number_text number_scaled_up(uint64_t units, unsigned decimals,
                                    unsigned digits)
{
    const uint64_t step = step_of(units, digits);
    const uint64_t over = units % step;
    const uint64_t more = over ? step - over : 0;
    return number_scaled(units > UINT64_MAX - more ? units : units + more,
                         decimals);
}

struct number_text number_scaled_down(uint64_t units, unsigned decimals,
                                      unsigned digits)
{
    return number_scaled(units - units % step_of(units, digits), decimals);
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
