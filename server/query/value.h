#ifndef QUERY_VALUE_H
#define QUERY_VALUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "server/base/arena.h"
#include "server/base/err.h"
#include "server/base/reader.h"
#include "server/base/writer.h"

/*
 * A public value: a constant of a query, a key of a public domain, a released
 * number.  Never a value that touched data and was not released.
 */
enum value_type {
    VALUE_NULL,
    VALUE_BOOL,
    VALUE_INT,       /* 64-bit */
    VALUE_DOUBLE,    /* IEEE 754 binary64 */
    VALUE_TEXT,      /* UTF-8, no NUL inside */
    VALUE_DATE,      /* days since 1970-01-01 */
    VALUE_TIMESTAMP, /* microseconds since 1970-01-01 UTC */
    VALUE_TYPE_COUNT
};

struct value {
    enum value_type type;
    union {
        bool b;
        int64_t i; /* VALUE_INT, VALUE_DATE, VALUE_TIMESTAMP */
        double d;
        struct {
            const char *s; /* borrowed, NUL-terminated */
            size_t len;    /* bytes */
        } text;
    };
};

static inline struct value value_null(void)
{
    return (struct value){ .type = VALUE_NULL };
}

static inline struct value value_int(int64_t i)
{
    return (struct value){ .type = VALUE_INT, .i = i };
}

static inline struct value value_double(double d)
{
    return (struct value){ .type = VALUE_DOUBLE, .d = d };
}

static inline struct value value_text(const char *s, size_t len)
{
    return (struct value){ .type = VALUE_TEXT, .text = { s, len } };
}

/* Lower-case SQL name: "null", "bool", "int", "double", "text", ... */
const char *value_type_name(enum value_type type);

/* VALUE_TYPE_COUNT when there is no such name. */
enum value_type value_type_of_name(const char *name);

/*
 * Total order: NULL last, then by type, then by value; text by bytes; doubles
 * by value with NaN greatest.  Negative, 0 or positive like memcmp.
 */
int value_cmp(const struct value *a, const struct value *b);

/*
 * ISO text of a value ("2011-03-01", "2011-03-01 12:00:00.5", "0.5", "true");
 * doubles round-trip in the fewest digits of %.15g, %.16g and %.17g that do.
 * Years outside 0..9999 carry a sign (ISO 8601).  NULL writes nothing.  Needs
 * the C locale for numbers (the default: never set LC_NUMERIC).
 */
void value_print(struct writer *w, const struct value *v);

/*
 * Parse what value_print writes, as `type`, with these liberties: a timestamp
 * may be a date alone, have a T, lack seconds or end in Z.  An offset from UTC
 * is no part of the type.  ERR_INVALID names the text and hints at the form;
 * *out is then untouched.  Text results borrow from `text`.
 */
enum err_code value_parse(struct value *out, enum value_type type,
                          const char *text, size_t len,
                          struct err *err) MUST_CHECK;

/* Binary form, for stored answers and hashes; one byte of type, big endian. */
void value_write(struct writer *w, const struct value *v);
enum err_code value_read(struct value *out, struct reader *r, struct arena *a,
                         struct err *err) MUST_CHECK;

/*
 * Calendar (proleptic Gregorian, UTC; year 0 is 1 BC).  Any year of type int;
 * month 1..12 and day 1..31 are asserted.  A day past its month's end counts
 * on into the next: ask value_civil_is_valid first.  The year of `days` must
 * fit an int: |days| <= VALUE_DAYS_MAX.
 */
#define VALUE_DAYS_MAX INT64_C(784350000000)
int64_t value_days_of_civil(int year, int month, int day);
void value_civil_of_days(int64_t days, int *year, int *month, int *day);
bool value_civil_is_valid(int year, int month, int day);

#endif
