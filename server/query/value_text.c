/* The text form of values, and the calendar it needs. */
#include "server/query/value.h"

#include <assert.h>
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dp/value.h"
#include "server/base/utf8.h"

static const int64_t DAY_US = INT64_C(86400000000);
static const int64_t SECOND_US = 1000000;

/*
 * Days from civil and back: Howard Hinnant, "chrono-compatible low-level date
 * algorithms".  Years start in March, so that the leap day comes last; 400
 * years (an era) have 146,097 days; day 0 of era 0 is 719,468 days before 1970.
 */
enum { ERA_DAYS = 146097, ERA_YEARS = 400, EPOCH_DAYS = 719468 };

struct civil {
    int64_t year;
    int month, day;
};

static int64_t floor_div(int64_t a, int64_t b)
{
    return a / b - (a % b != 0 && (a < 0) != (b < 0));
}

/* In 128 bits: an era may start before the least 64-bit day. */
static dp_int days_of(struct civil c)
{
    const int64_t year = c.year - (c.month <= 2);
    const int64_t era = floor_div(year, ERA_YEARS);
    const int64_t in_era = year - era * ERA_YEARS;
    const int64_t month = c.month > 2 ? c.month - 3 : c.month + 9;
    const int64_t day = (153 * month + 2) / 5 + c.day - 1;
    return (dp_int)era * ERA_DAYS + in_era * 365 + in_era / 4 - in_era / 100 +
           day - EPOCH_DAYS;
}

/* Any 64-bit day: the era is taken first, so that nothing overflows. */
static struct civil civil_of(int64_t days)
{
    const int64_t shifted = days % ERA_DAYS + EPOCH_DAYS;
    const int64_t era = days / ERA_DAYS + floor_div(shifted, ERA_DAYS);
    const int64_t d = shifted - floor_div(shifted, ERA_DAYS) * ERA_DAYS;
    const int64_t y = (d - d / 1460 + d / 36524 - d / 146096) / 365;
    const int64_t in_year = d - (365 * y + y / 4 - y / 100);
    const int month = (int)((5 * in_year + 2) / 153);
    return (struct civil){
        .year = era * ERA_YEARS + y + (month >= 10),
        .month = month < 10 ? month + 3 : month - 9,
        .day = (int)(in_year - (153 * month + 2) / 5 + 1),
    };
}

int64_t value_days_of_civil(int year, int month, int day)
{
    assert(month >= 1 && month <= 12 && day >= 1 && day <= 31);
    return (int64_t)days_of((struct civil){ year, month, day });
}

void value_civil_of_days(int64_t days, int *year, int *month, int *day)
{
    const struct civil c = civil_of(days);
    assert(c.year >= INT_MIN && c.year <= INT_MAX);
    *year = (int)c.year;
    *month = c.month;
    *day = c.day;
}

bool value_civil_is_valid(int year, int month, int day)
{
    static const int last[] = {
        31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31
    };
    if (month < 1 || month > 12 || day < 1)
        return false;
    const bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    return day <= last[month - 1] + (month == 2 && leap);
}

static void print_date(struct writer *w, int64_t days)
{
    const struct civil c = civil_of(days);
    /* ISO 8601: a year outside 0000..9999 carries its sign. */
    const char *form = c.year >= 0 && c.year <= 9999 ? "" : "+";
    if (*form)
        writer_printf(w, "%+05lld-%02d-%02d", (long long)c.year, c.month,
                      c.day);
    else
        writer_printf(w, "%04lld-%02d-%02d", (long long)c.year, c.month, c.day);
}

static void print_timestamp(struct writer *w, int64_t us)
{
    const int64_t days = floor_div(us, DAY_US);
    /* The first day of the range starts before INT64_MIN: no days * DAY_US. */
    const int64_t in_day = ((us % DAY_US) + DAY_US) % DAY_US;
    const long long s = in_day / SECOND_US;
    print_date(w, days);
    writer_printf(w, " %02lld:%02lld:%02lld", s / 3600, s / 60 % 60, s % 60);

    int64_t fraction = in_day % SECOND_US;
    if (fraction == 0)
        return;
    int digits = 6;
    for (; fraction % 10 == 0; fraction /= 10)
        digits--;
    writer_printf(w, ".%0*lld", digits, (long long)fraction);
}

/* Fewest digits that read back as the same number. */
static void print_double(struct writer *w, double d)
{
    char text[32];
    if (isnan(d)) {
        writer_str(w, "NaN");
        return;
    }
    if (isinf(d)) {
        writer_str(w, d < 0 ? "-Infinity" : "Infinity");
        return;
    }
    for (int digits = 15; digits <= 17; digits++) {
        (void)snprintf(text, sizeof text, "%.*g", digits, d);
        const double again = strtod(text, NULL);
        if (!(again < d) && !(again > d))
            break;
    }
    writer_str(w, text);
}

void value_print(struct writer *w, const struct value *v)
{
    switch (v->type) {
    case VALUE_BOOL:
        writer_str(w, v->b ? "true" : "false");
        break;
    case VALUE_INT:
        writer_printf(w, "%lld", (long long)v->i);
        break;
    case VALUE_DOUBLE:
        print_double(w, v->d);
        break;
    case VALUE_TEXT:
        writer_bytes(w, v->text.s, v->text.len);
        break;
    case VALUE_DATE:
        print_date(w, v->i);
        break;
    case VALUE_TIMESTAMP:
        print_timestamp(w, v->i);
        break;
    case VALUE_NULL:
    case VALUE_TYPE_COUNT:
        break;
    }
}

/* A cursor over text: each take_ moves past what it accepts or fails. */
struct text {
    const char *at, *end;
};

static bool take_char(struct text *t, const char *any)
{
    if (t->at == t->end || *t->at == '\0' || !strchr(any, *t->at))
        return false;
    t->at++;
    return true;
}

/* Between `least` and `most` digits as a number. */
static bool take_digits(struct text *t, size_t least, size_t most, int64_t *out)
{
    size_t n = 0;
    *out = 0;
    while (n < most && t->at < t->end && *t->at >= '0' && *t->at <= '9') {
        if (__builtin_mul_overflow(*out, 10, out) ||
            __builtin_add_overflow(*out, *t->at - '0', out))
            return false;
        t->at++;
        n++;
    }
    return n >= least;
}

/* An int64 with at most a minus in front; built downward to reach the least. */
static bool take_int(struct text *t, int64_t *out)
{
    const bool minus = take_char(t, "-");
    if (!minus)
        return take_digits(t, 1, SIZE_MAX, out);
    size_t n = 0;
    for (*out = 0; t->at < t->end && *t->at >= '0' && *t->at <= '9'; n++)
        if (__builtin_mul_overflow(*out, 10, out) ||
            __builtin_sub_overflow(*out, *t->at++ - '0', out))
            return false;
    return n > 0;
}

/* YYYY-MM-DD; after a sign the year may have up to 17 digits. */
static bool take_date(struct text *t, int64_t *days)
{
    enum { YEAR_DIGITS_MAX = 17 };
    const bool minus = t->at < t->end && *t->at == '-';
    const bool sign = take_char(t, "+-");
    int64_t year, month, day;
    if (!take_digits(t, 4, sign ? YEAR_DIGITS_MAX : 4, &year) ||
        !take_char(t, "-") || !take_digits(t, 2, 2, &month) ||
        !take_char(t, "-") || !take_digits(t, 2, 2, &day))
        return false;
    if (minus)
        year = -year;
    /* Leap years repeat every era. */
    if (!value_civil_is_valid((int)(year % ERA_YEARS), (int)month, (int)day))
        return false;
    const dp_int d = days_of((struct civil){ year, (int)month, (int)day });
    *days = (int64_t)d;
    return *days == d;
}

/* Up to six digits, as microseconds. */
static bool take_fraction(struct text *t, int64_t *us)
{
    const char *from = t->at;
    if (!take_digits(t, 1, 6, us))
        return false;
    for (long n = t->at - from; n < 6; n++)
        *us *= 10;
    return true;
}

/* A date, then at will a space or T, HH:MM, :SS, .ffffff and Z. */
static bool take_timestamp(struct text *t, int64_t *us)
{
    int64_t days, hour = 0, minute = 0, second = 0, fraction = 0;
    if (!take_date(t, &days))
        return false;
    if (take_char(t, " T")) {
        if (!take_digits(t, 2, 2, &hour) || !take_char(t, ":") ||
            !take_digits(t, 2, 2, &minute))
            return false;
        if (take_char(t, ":") && !take_digits(t, 2, 2, &second))
            return false;
        if (take_char(t, ".") && !take_fraction(t, &fraction))
            return false;
        (void)take_char(t, "Z");
    }
    if (hour > 23 || minute > 59 || second > 59)
        return false;
    const int64_t in_day =
        ((hour * 60 + minute) * 60 + second) * SECOND_US + fraction;
    /* Before 1970 count from the end of the day: its start may not fit. */
    if (days < 0)
        return !__builtin_mul_overflow(days + 1, DAY_US, us) &&
               !__builtin_add_overflow(*us, in_day - DAY_US, us);
    return !__builtin_mul_overflow(days, DAY_US, us) &&
           !__builtin_add_overflow(*us, in_day, us);
}

/* [-]digits[.digits][e[+-]digits], also ".5" and "5.", and the three names. */
static bool is_number(struct text t)
{
    (void)take_char(&t, "-");
    size_t digits = 0;
    bool point = false;
    for (; t.at < t.end; t.at++) {
        if (*t.at >= '0' && *t.at <= '9')
            digits++;
        else if (*t.at == '.' && !point)
            point = true;
        else
            break;
    }
    if (digits == 0)
        return false;
    if (take_char(&t, "eE")) {
        (void)take_char(&t, "+-");
        const char *from = t.at;
        while (take_char(&t, "0123456789"))
            continue;
        if (t.at == from)
            return false;
    }
    return t.at == t.end;
}

static bool take_double(struct text *t, double *d)
{
    enum { LONGEST = 1100 }; /* past any digits that can matter */
    char copy[LONGEST + 1];
    const size_t len = (size_t)(t->end - t->at);
    if (len > LONGEST)
        return false;
    memcpy(copy, t->at, len);
    copy[len] = '\0';
    t->at = t->end;
    if (strcmp(copy, "NaN") == 0 || strcmp(copy, "Infinity") == 0 ||
        strcmp(copy, "-Infinity") == 0) {
        *d = strtod(copy, NULL);
        return true;
    }
    if (!is_number((struct text){ copy, copy + len }))
        return false;
    *d = strtod(copy, NULL);
    return !isinf(*d);
}

static bool take_bool(struct text *t, bool *b)
{
    const size_t len = (size_t)(t->end - t->at);
    *b = len == 4 && memcmp(t->at, "true", 4) == 0;
    const bool is_false = len == 5 && memcmp(t->at, "false", 5) == 0;
    t->at = t->end;
    return *b || is_false;
}

static bool take_value(struct value *out, struct text *t)
{
    switch (out->type) {
    case VALUE_NULL:
        return true;
    case VALUE_BOOL:
        return take_bool(t, &out->b);
    case VALUE_INT:
        return take_int(t, &out->i);
    case VALUE_DOUBLE:
        return take_double(t, &out->d);
    case VALUE_TEXT:
        *out = value_text(t->at, (size_t)(t->end - t->at));
        t->at = t->end;
        return utf8_is_text(out->text.s, out->text.len);
    case VALUE_DATE:
        return take_date(t, &out->i);
    case VALUE_TIMESTAMP:
        return take_timestamp(t, &out->i);
    case VALUE_TYPE_COUNT:
        break;
    }
    return false;
}

enum err_code value_parse(struct value *out, enum value_type type,
                          const char *text, size_t len, struct err *err)
{
    static const char *const forms[VALUE_TYPE_COUNT] = {
        [VALUE_NULL] = "NULL is the empty text.",
        [VALUE_BOOL] = "Write true or false.",
        [VALUE_INT] = "Write digits, at most 64 bits of them.",
        [VALUE_DOUBLE] = "Write a number such as 0.5 or 1e6.",
        [VALUE_TEXT] = "Text is UTF-8 without NUL.",
        [VALUE_DATE] = "Write it as 2011-03-31.",
        [VALUE_TIMESTAMP] = "Write it in UTC, as 2011-03-31 12:00:00.",
    };
    enum { SHOWN = 60 };
    struct value v = { .type = type };
    struct text t = { text, text + len };
    if (take_value(&v, &t) && t.at == t.end) {
        *out = v;
        return ERR_OK;
    }
    const bool shows = len <= SHOWN && utf8_is_text(text, len);
    err_set(err, ERR_INVALID, "\"%.*s\" is not a value of type %s.",
            shows ? (int)len : 3, shows ? text : "...", value_type_name(type));
    return err_hint(err, "%s", forms[type]);
}
