#include "server/pg/pg_interval.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "server/base/reader.h"

enum { TEXT_MAX = 256, MONTHS = 12 };

static const int64_t S_US = INT64_C(1000000), DAY_US = INT64_C(86400000000);

/* Microseconds that a double and an int64_t both hold. */
static const double MOST_US = 9.2e18;

struct span {
    int64_t months, days, us;
};

/* ---- from text ---- */

static bool copied(char out[TEXT_MAX], const char *text, size_t len)
{
    if (len == 0 || len >= TEXT_MAX || memchr(text, '\0', len))
        return false;
    memcpy(out, text, len);
    out[len] = '\0';
    return true;
}

/* "HH:MM:SS.ffffff", signed. */
static bool read_clock(const char *text, int64_t *us)
{
    char *end;
    const bool negative = *text == '-';
    const long h = strtol(text + (*text == '-' || *text == '+'), &end, 10);
    if (*end != ':')
        return false;
    const long m = strtol(end + 1, &end, 10);
    const double s = *end == ':' ? strtod(end + 1, &end) : 0;
    if (h < 0 || m < 0 || m > 59 || !(s >= 0 && s < 61) ||
        __builtin_mul_overflow(h, 3600 * S_US, us) ||
        __builtin_add_overflow(*us, m * 60 * S_US + llrint(s * 1e6), us))
        return false;
    if (negative)
        *us = -*us;
    return *end == '\0';
}

static bool is_whole(double n)
{
    return n == rint(n) && fabs(n) < 1e9;
}

/* `n` of a unit; years, months and days come whole. */
static bool add(struct span *s, double n, const char *unit)
{
    static const struct {
        const char *start;
        int months, days;
        double us;
    } units[] = {
        { "year", 12, 0, 0 },     { "mon", 1, 0, 0 },
        { "week", 0, 7, 0 },      { "day", 0, 1, 0 },
        { "hour", 0, 0, 3600e6 }, { "min", 0, 0, 60e6 },
        { "sec", 0, 0, 1e6 },     { "millisec", 0, 0, 1e3 },
        { "microsec", 0, 0, 1 },
    };
    for (size_t i = 0; i < sizeof units / sizeof units[0]; i++) {
        if (strncasecmp(unit, units[i].start, strlen(units[i].start)) != 0)
            continue;
        if (units[i].us == 0 && !is_whole(n))
            return false;
        s->months += units[i].us == 0 ? (int64_t)n * units[i].months : 0;
        s->days += units[i].us == 0 ? (int64_t)n * units[i].days : 0;
        const double us = n * units[i].us;
        return fabs(us) < MOST_US &&
               !__builtin_add_overflow(s->us, llrint(us), &s->us);
    }
    return false;
}

static bool read_interval(struct span *s, char *text)
{
    char *save = NULL;
    size_t words = 0;
    for (char *word = strtok_r(text, " ", &save); word;
         word = strtok_r(NULL, " ", &save), words++) {
        int64_t us;
        if (strchr(word, ':')) {
            if (!read_clock(word, &us) ||
                __builtin_add_overflow(s->us, us, &s->us))
                return false;
            continue;
        }
        char *end;
        const double n = strtod(word, &end);
        if (end == word)
            return false;
        const char *unit = *end ? end : strtok_r(NULL, " ", &save);
        if (!add(s, n, unit ? unit : "seconds"))
            return false;
    }
    return words > 0 && s->months == (int32_t)s->months &&
           s->days == (int32_t)s->days;
}

bool pg_interval_send(struct pg_out *o, const char *text, size_t len)
{
    char copy[TEXT_MAX];
    struct span s = { 0 };
    if (!copied(copy, text, len) || !read_interval(&s, copy))
        return false;
    pg_out_u64(o, (uint64_t)s.us);
    pg_out_u32(o, (uint32_t)(int32_t)s.days);
    pg_out_u32(o, (uint32_t)(int32_t)s.months);
    return true;
}

bool pg_time_send(struct pg_out *o, const char *text, size_t len)
{
    char copy[TEXT_MAX];
    int64_t us;
    if (!copied(copy, text, len) || !read_clock(copy, &us) || us < 0 ||
        us > DAY_US)
        return false;
    pg_out_u64(o, (uint64_t)us);
    return true;
}

/* ---- to text ---- */

static void put_clock(struct writer *w, uint64_t us)
{
    const uint64_t s = us / (uint64_t)S_US, part = us % (uint64_t)S_US;
    writer_printf(w, "%02" PRIu64 ":%02" PRIu64 ":%02" PRIu64, s / 3600,
                  s / 60 % 60, s % 60);
    if (part == 0)
        return;
    char digits[8];
    (void)snprintf(digits, sizeof digits, "%06" PRIu64, part);
    size_t n = 6;
    while (digits[n - 1] == '0')
        n--;
    writer_u8(w, '.');
    writer_bytes(w, digits, n);
}

/* Behind what is negative, what is not says so. */
static void put_part(struct writer *w, int64_t n, const char *unit,
                     bool *was_negative)
{
    if (n == 0)
        return;
    writer_printf(w, "%s%s%" PRId64 " %s%s", w->len ? " " : "",
                  *was_negative && n > 0 ? "+" : "", n, unit,
                  n == 1 ? "" : "s");
    *was_negative = n < 0;
}

bool pg_interval_recv(struct writer *w, const uint8_t *data, size_t len)
{
    struct reader r = reader_of(data, len);
    const int64_t us = (int64_t)reader_be64(&r);
    const int32_t days = (int32_t)reader_be32(&r);
    const int32_t months = (int32_t)reader_be32(&r);
    bool was_negative = false;
    if (r.short_read || reader_left(&r) > 0 || w->len > 0)
        return false;
    put_part(w, months / MONTHS, "year", &was_negative);
    put_part(w, months % MONTHS, "mon", &was_negative);
    put_part(w, days, "day", &was_negative);
    if (us != 0 || w->len == 0) {
        writer_str(w, w->len ? " " : "");
        writer_str(w, us < 0 ? "-" : was_negative ? "+" : "");
        put_clock(w, us < 0 ? -(uint64_t)us : (uint64_t)us);
    }
    return writer_cstr(w);
}

bool pg_time_recv(struct writer *w, const uint8_t *data, size_t len)
{
    struct reader r = reader_of(data, len);
    const uint64_t us = reader_be64(&r);
    if (r.short_read || reader_left(&r) > 0 || us > (uint64_t)DAY_US)
        return false;
    put_clock(w, us);
    return writer_cstr(w);
}
