#include "server/policy/scalar.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { NUMBER_MAX = 64 }; /* characters; longer text is no number */

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* Copy digits, dropping '_' between two of them; the number of digits, and
 * SIZE_MAX when an underscore stands elsewhere. */
static size_t take_digits(const char **p, char *buf, size_t *len)
{
    size_t n = 0;
    for (; n < NUMBER_MAX; n++) {
        if (**p == '_' && n > 0 && is_digit((*p)[1]))
            ++*p;
        if (!is_digit(**p))
            return n;
        buf[(*len)++] = *(*p)++;
    }
    return n;
}

/*
 * number: ['-'] digits ['.' digits] [('e'|'E') ['+'|'-'] digits]
 * Sets *end behind it.  strtod alone would take hex, "inf" and "nan".
 */
static bool parse_real(double *out, const char *text, const char **end)
{
    char buf[4 * NUMBER_MAX + 4];
    size_t len = 0;
    const char *p = text;
    if (*p == '-')
        buf[len++] = *p++;
    const size_t whole = take_digits(&p, buf, &len);
    size_t fraction = 0;
    if (*p == '.') {
        buf[len++] = *p++;
        fraction = take_digits(&p, buf, &len);
        if (fraction == 0)
            return false;
    }
    if (whole == 0 || whole == NUMBER_MAX || fraction == NUMBER_MAX)
        return false;
    if (*p == 'e' || *p == 'E') {
        buf[len++] = *p++;
        if (*p == '+' || *p == '-')
            buf[len++] = *p++;
        const size_t power = take_digits(&p, buf, &len);
        if (power == 0 || power == NUMBER_MAX)
            return false;
    }
    buf[len] = '\0';
    const double v = strtod(buf, NULL);
    if (!isfinite(v))
        return false;
    *out = v;
    *end = p;
    return true;
}

bool scalar_real(double *out, const char *text)
{
    const char *end;
    double v;
    if (!parse_real(&v, text, &end) || *end)
        return false;
    *out = v;
    return true;
}

static bool parse_digits(uint64_t *out, const char *text)
{
    uint64_t v = 0;
    if (!is_digit(*text))
        return false;
    for (const char *p = text; *p; p++) {
        if (*p == '_' && is_digit(p[-1]) && is_digit(p[1]))
            continue;
        if (!is_digit(*p) || __builtin_mul_overflow(v, 10, &v) ||
            __builtin_add_overflow(v, (uint64_t)(*p - '0'), &v))
            return false;
    }
    *out = v;
    return true;
}

bool scalar_whole(uint64_t *out, const char *text)
{
    const double exact_max = 9007199254740992.0; /* 2^53 */
    double v;
    if (parse_digits(out, text))
        return true;
    if (!strpbrk(text, ".eE") || !scalar_real(&v, text) || v < 0 ||
        v > exact_max || v != floor(v))
        return false;
    *out = (uint64_t)v;
    return true;
}

struct unit {
    const char *name;
    double size;
};

/* A number and a unit; false when the product is negative or passes max. */
static bool parse_measure(uint64_t *out, const char *text,
                          const struct unit *units, size_t n, double max)
{
    const char *p;
    double v;
    if (!parse_real(&v, text, &p) || v < 0)
        return false;
    while (*p == ' ')
        p++;
    if (!*p && v == 0) {
        *out = 0;
        return true;
    }
    for (size_t i = 0; i < n; i++) {
        if (strcmp(p, units[i].name) != 0)
            continue;
        const double size = floor(v * units[i].size + 0.5);
        if (size > max || (size == 0 && v > 0))
            return false;
        *out = (uint64_t)size;
        return true;
    }
    return false;
}

#define LEN(array) (sizeof(array) / sizeof((array)[0]))

bool scalar_duration_ns(uint64_t *out, const char *text)
{
    static const struct unit units[] = {
        { "ns", 1 },          { "us", 1e3 },         { "ms", 1e6 },
        { "s", 1e9 },         { "second", 1e9 },     { "seconds", 1e9 },
        { "min", 60e9 },      { "minute", 60e9 },    { "minutes", 60e9 },
        { "h", 3600e9 },      { "hour", 3600e9 },    { "hours", 3600e9 },
        { "d", 86400e9 },     { "day", 86400e9 },    { "days", 86400e9 },
        { "week", 604800e9 }, { "weeks", 604800e9 },
    };
    return parse_measure(out, text, units, LEN(units), 0x1p63);
}

bool scalar_bytes(uint64_t *out, const char *text)
{
    static const struct unit units[] = {
        { "", 1 },         { "B", 1 },        { "kB", 1e3 },
        { "KB", 1e3 },     { "MB", 1e6 },     { "GB", 1e9 },
        { "TB", 1e12 },    { "KiB", 0x1p10 }, { "MiB", 0x1p20 },
        { "GiB", 0x1p30 }, { "TiB", 0x1p40 },
    };
    return parse_measure(out, text, units, LEN(units), 0x1p53);
}

/* Exactly n digits at p. */
static bool fixed(int *out, const char *p, int n)
{
    int v = 0;
    for (int i = 0; i < n; i++) {
        if (!is_digit(p[i]))
            return false;
        v = v * 10 + (p[i] - '0');
    }
    *out = v;
    return true;
}

/* Days from 1970-01-01: Howard Hinnant, "chrono-Compatible Low-Level Date
 * Algorithms", days_from_civil; years here are positive. */
static int64_t days_of(int year, int month, int day)
{
    const int y = month <= 2 ? year - 1 : year;
    const int era = y / 400;
    const int yoe = y - era * 400;
    const int doy = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
    const int doe = yoe * 365 + yoe / 4 - yoe / 100 + doy;
    return (int64_t)era * 146097 + doe - 719468;
}

static bool parse_date(int64_t *us, const char *text, const char **end)
{
    static const int longest[] = { 31, 29, 31, 30, 31, 30,
                                   31, 31, 30, 31, 30, 31 };
    int y, m, d;
    if (!fixed(&y, text, 4) || text[4] != '-' || !fixed(&m, text + 5, 2) ||
        text[7] != '-' || !fixed(&d, text + 8, 2))
        return false;
    const bool leap = (y % 4 == 0 && y % 100 != 0) || y % 400 == 0;
    if (y < 1 || m < 1 || m > 12 || d < 1 || d > longest[m - 1] ||
        (m == 2 && d == 29 && !leap))
        return false;
    *us = days_of(y, m, d) * INT64_C(86400000000);
    *end = text + 10;
    return true;
}

bool scalar_date_us(int64_t *out, const char *text)
{
    const char *end;
    int64_t us;
    if (!parse_date(&us, text, &end) || *end)
        return false;
    *out = us;
    return true;
}

/* ".123456" as microseconds; nothing is 0. */
static bool parse_fraction(int *us, const char **p)
{
    *us = 0;
    if (**p != '.')
        return true;
    int weight = 100000;
    const char *first = ++*p;
    for (; is_digit(**p) && weight > 0; ++*p, weight /= 10)
        *us += weight * (**p - '0');
    return *p > first;
}

bool scalar_timestamp_us(int64_t *out, const char *text)
{
    const char *p;
    int64_t us;
    int h = 0, min = 0, s = 0, fraction = 0;
    if (!parse_date(&us, text, &p))
        return false;
    if (*p) {
        if ((*p != ' ' && *p != 'T') || !fixed(&h, p + 1, 2) || p[3] != ':' ||
            !fixed(&min, p + 4, 2))
            return false;
        p += 6;
        if (*p == ':') {
            if (!fixed(&s, p + 1, 2))
                return false;
            p += 3;
            if (!parse_fraction(&fraction, &p))
                return false;
        }
        if (*p == 'Z')
            p++;
    }
    if (*p || h > 23 || min > 59 || s > 59)
        return false;
    *out = us + ((h * 60 + min) * 60 + s) * INT64_C(1000000) + fraction;
    return true;
}
