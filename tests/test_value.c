#include "server/query/value.h"

#include <limits.h>
#include <math.h>
#include <string.h>

#include "tests/table.h"

static const struct text_row {
    const char *name, *text;
    enum value_type type;
    const char *prints; /* NULL: refused */
} text_rows[] = {
    { "true", "true", VALUE_BOOL, "true" },
    { "false", "false", VALUE_BOOL, "false" },
    { "a bool is not a number", "1", VALUE_BOOL, NULL },
    { "a bool is lower case", "TRUE", VALUE_BOOL, NULL },
    { "zero", "0", VALUE_INT, "0" },
    { "least int", "-9223372036854775808", VALUE_INT, "-9223372036854775808" },
    { "greatest int", "9223372036854775807", VALUE_INT, "9223372036854775807" },
    { "one past the greatest int", "9223372036854775808", VALUE_INT, NULL },
    { "one below the least int", "-9223372036854775809", VALUE_INT, NULL },
    { "an int has digits", "-", VALUE_INT, NULL },
    { "an int is not empty", "", VALUE_INT, NULL },
    { "an int has no space", " 1", VALUE_INT, NULL },
    { "an int has no rest", "1x", VALUE_INT, NULL },
    { "a tenth", "0.1", VALUE_DOUBLE, "0.1" },
    { "a third in 16 digits", "0.3333333333333333", VALUE_DOUBLE,
      "0.3333333333333333" },
    { "17 digits where needed", "0.30000000000000004", VALUE_DOUBLE,
      "0.30000000000000004" },
    { "least denormal", "4.9406564584124654e-324", VALUE_DOUBLE,
      "4.94065645841247e-324" },
    { "no digits before the point", ".5", VALUE_DOUBLE, "0.5" },
    { "no digits after the point", "5.", VALUE_DOUBLE, "5" },
    { "exponent", "1E6", VALUE_DOUBLE, "1000000" },
    { "not a number", "NaN", VALUE_DOUBLE, "NaN" },
    { "infinity", "-Infinity", VALUE_DOUBLE, "-Infinity" },
    { "hexadecimal is no double", "0x10", VALUE_DOUBLE, NULL },
    { "nan is written NaN", "nan", VALUE_DOUBLE, NULL },
    { "a double that overflows", "1e999", VALUE_DOUBLE, NULL },
    { "an empty exponent", "1e", VALUE_DOUBLE, NULL },
    { "a lonely point", ".", VALUE_DOUBLE, NULL },
    { "text stays", "h\xc3\xa9 'x'", VALUE_TEXT, "h\xc3\xa9 'x'" },
    { "text is UTF-8", "\xff", VALUE_TEXT, NULL },
    { "a date", "2011-03-01", VALUE_DATE, "2011-03-01" },
    { "the epoch", "1970-01-01", VALUE_DATE, "1970-01-01" },
    { "a leap day", "2000-02-29", VALUE_DATE, "2000-02-29" },
    { "no leap day in 1900", "1900-02-29", VALUE_DATE, NULL },
    { "no 31 April", "2011-04-31", VALUE_DATE, NULL },
    { "no month 13", "2011-13-01", VALUE_DATE, NULL },
    { "no day 0", "2011-01-00", VALUE_DATE, NULL },
    { "year 0", "0000-01-01", VALUE_DATE, "0000-01-01" },
    { "a signed year", "+12345-12-31", VALUE_DATE, "+12345-12-31" },
    { "before year 0", "-0044-03-15", VALUE_DATE, "-0044-03-15" },
    { "five digits need a sign", "12345-12-31", VALUE_DATE, NULL },
    { "two digits of year", "11-12-31", VALUE_DATE, NULL },
    { "a year past 64 bits of days", "+99999999999999999-01-01", VALUE_DATE,
      NULL },
    { "American order", "12/31/2011", VALUE_DATE, NULL },
    { "a timestamp", "2011-03-01 12:34:56", VALUE_TIMESTAMP,
      "2011-03-01 12:34:56" },
    { "a fraction", "2011-03-01 12:34:56.0250", VALUE_TIMESTAMP,
      "2011-03-01 12:34:56.025" },
    { "T, no seconds, Z", "2011-03-01T12:34Z", VALUE_TIMESTAMP,
      "2011-03-01 12:34:00" },
    { "a date alone", "2011-03-01", VALUE_TIMESTAMP, "2011-03-01 00:00:00" },
    { "before 1970", "1969-12-31 23:59:59.999999", VALUE_TIMESTAMP,
      "1969-12-31 23:59:59.999999" },
    { "an offset", "2011-03-01 12:34:56+02", VALUE_TIMESTAMP, NULL },
    { "hour 24", "2011-03-01 24:00:00", VALUE_TIMESTAMP, NULL },
    { "minute 60", "2011-03-01 12:60:00", VALUE_TIMESTAMP, NULL },
    { "seven digits of fraction", "2011-03-01 12:00:00.1234567",
      VALUE_TIMESTAMP, NULL },
    { "a timestamp past 64 bits", "+300000-01-01 00:00:00", VALUE_TIMESTAMP,
      NULL },
    { "nothing is NULL", "", VALUE_NULL, "" },
    { "NULL has no text", "NULL", VALUE_NULL, NULL },
};

static void check_text(void **state)
{
    const struct text_row *row = *state;
    struct err err = { 0 };
    char text[64];
    struct value v = value_int(77);
    const enum err_code code =
        value_parse(&v, row->type, row->text, strlen(row->text), &err);
    if (!row->prints) {
        assert_int_equal(code, ERR_INVALID);
        assert_true(err.hint[0] != '\0' && v.i == 77);
        return;
    }
    assert_int_equal(code, ERR_OK);
    struct writer w = writer_of(text, sizeof text);
    value_print(&w, &v);
    assert_true(writer_cstr(&w));
    assert_string_equal(text, row->prints);
}

/* Rows ascend: each is below every later one. */
static const struct value ascending[] = {
    { .type = VALUE_BOOL, .b = false },
    { .type = VALUE_BOOL, .b = true },
    { .type = VALUE_INT, .i = INT64_MIN },
    { .type = VALUE_INT, .i = 5 },
    { .type = VALUE_INT, .i = INT64_MAX },
    { .type = VALUE_DOUBLE, .d = -HUGE_VAL },
    { .type = VALUE_DOUBLE, .d = 0.5 },
    { .type = VALUE_DOUBLE, .d = HUGE_VAL },
    { .type = VALUE_DOUBLE, .d = NAN },
    { .type = VALUE_TEXT, .text = { "", 0 } },
    { .type = VALUE_TEXT, .text = { "a", 1 } },
    { .type = VALUE_TEXT, .text = { "ab", 2 } },
    { .type = VALUE_TEXT, .text = { "b", 1 } },
    { .type = VALUE_TEXT, .text = { "\xc3\xa9", 2 } },
    { .type = VALUE_DATE, .i = -1 },
    { .type = VALUE_DATE, .i = 1 },
    { .type = VALUE_TIMESTAMP, .i = INT64_MIN },
    { .type = VALUE_TIMESTAMP, .i = INT64_MAX },
    { .type = VALUE_NULL },
};
enum { N_ASCENDING = sizeof ascending / sizeof ascending[0] };

static void check_order(void **state)
{
    (void)state;
    for (int i = 0; i < N_ASCENDING; i++)
        for (int j = 0; j < N_ASCENDING; j++) {
            const int c = value_cmp(&ascending[i], &ascending[j]);
            assert_int_equal((c > 0) - (c < 0), (i > j) - (i < j));
        }
}

static void check_binary(void **state)
{
    struct arena a;
    (void)state;
    arena_init(&a, 1024);
    for (int i = 0; i < N_ASCENDING; i++) {
        uint8_t bytes[32];
        struct err err = { 0 };
        struct value back;
        struct writer w = writer_of(bytes, sizeof bytes);
        value_write(&w, &ascending[i]);
        struct reader r = reader_of(bytes, w.len);
        assert_int_equal(value_read(&back, &r, &a, &err), ERR_OK);
        assert_int_equal(reader_left(&r), 0);
        assert_int_equal(back.type, ascending[i].type);
        assert_int_equal(value_cmp(&back, &ascending[i]), 0);
        for (size_t cut = 0; cut < w.len; cut++) {
            r = reader_of(bytes, cut);
            assert_int_equal(value_read(&back, &r, &a, &err), ERR_INVALID);
        }
    }
    arena_fini(&a);
}

static const struct bytes_row {
    const char *name;
    uint8_t bytes[8];
    size_t len;
    size_t cap; /* of the arena */
    enum err_code want;
} bytes_rows[] = {
    { "an unknown type", { VALUE_TYPE_COUNT }, 1, 64, ERR_INVALID },
    { "a bool of 2", { VALUE_BOOL, 2 }, 2, 64, ERR_INVALID },
    { "text that is not UTF-8",
      { VALUE_TEXT, 0, 0, 0, 1, 0xff },
      6,
      64,
      ERR_INVALID },
    { "text with a NUL", { VALUE_TEXT, 0, 0, 0, 1, 0 }, 6, 64, ERR_INVALID },
    { "text longer than its message",
      { VALUE_TEXT, 0xff, 0xff, 0xff, 0xff, 'a' },
      6,
      64,
      ERR_INVALID },
    { "no memory", { VALUE_TEXT, 0, 0, 0, 1, 'a' }, 6, 0, ERR_LIMIT },
};

static void check_bytes(void **state)
{
    const struct bytes_row *row = *state;
    struct arena a;
    struct err err = { 0 };
    struct value v;
    struct reader r = reader_of(row->bytes, row->len);
    arena_init(&a, row->cap);
    assert_int_equal(value_read(&v, &r, &a, &err), row->want);
    assert_true(err.msg[0] != '\0');
    arena_fini(&a);
}

/* Every text form reads back, at the edges and in between. */
static void round_trip(struct value v)
{
    char text[64];
    struct value back;
    struct err err = { 0 };
    struct writer w = writer_of(text, sizeof text);
    value_print(&w, &v);
    assert_false(w.overflow);
    assert_int_equal(value_parse(&back, v.type, text, w.len, &err), ERR_OK);
    assert_int_equal(value_cmp(&v, &back), 0);
}

static uint64_t next(uint64_t *s)
{
    uint64_t z = (*s += 0x9e3779b97f4a7c15);
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
    z = (z ^ z >> 27) * 0x94d049bb133111eb;
    return z ^ z >> 31;
}

static void check_round_trip(void **state)
{
    enum { TURNS = 20000 };
    static const enum value_type types[] = { VALUE_INT, VALUE_DATE,
                                             VALUE_TIMESTAMP };
    uint64_t seed = 1;
    (void)state;
    for (size_t t = 0; t < 3; t++)
        for (int i = 0; i < TURNS; i++) {
            /* Shifting spreads the sizes; the ends come first. */
            const int64_t n = i == 0 ? INT64_MIN
                              : i == 1
                                  ? INT64_MAX
                                  : (int64_t)next(&seed) >> next(&seed) % 64;
            round_trip((struct value){ .type = types[t], .i = n });
        }
    for (int i = 0; i < TURNS; i++) {
        const uint64_t bits = next(&seed);
        double d;
        memcpy(&d, &bits, sizeof d);
        round_trip(value_double(d));
    }
}

/* Days count up by one across 800 years, and invert. */
static void check_calendar(void **state)
{
    int64_t want = value_days_of_civil(1600, 1, 1);
    (void)state;
    assert_int_equal(value_days_of_civil(1970, 1, 1), 0);
    assert_int_equal(value_days_of_civil(2000, 3, 1), 11017);
    for (int year = 1600; year < 2400; year++)
        for (int month = 1; month <= 12; month++)
            for (int day = 1; value_civil_is_valid(year, month, day); day++) {
                int y, m, d;
                assert_int_equal(value_days_of_civil(year, month, day), want);
                value_civil_of_days(want++, &y, &m, &d);
                assert_true(y == year && m == month && d == day);
            }
    static const int years[] = { INT_MIN + 1000, -1, 0, 1, INT_MAX - 1000 };
    for (size_t i = 0; i < sizeof years / sizeof years[0]; i++) {
        int y, m, d;
        const int64_t days = value_days_of_civil(years[i], 12, 31);
        value_civil_of_days(days, &y, &m, &d);
        assert_true(y == years[i] && m == 12 && d == 31);
    }
    int y, m, d;
    value_civil_of_days(VALUE_DAYS_MAX, &y, &m, &d);
    value_civil_of_days(-VALUE_DAYS_MAX, &y, &m, &d);
}

static void check_names(void **state)
{
    (void)state;
    for (unsigned t = 0; t < VALUE_TYPE_COUNT; t++)
        assert_int_equal(
            value_type_of_name(value_type_name((enum value_type)t)), t);
    assert_int_equal(value_type_of_name("money"), VALUE_TYPE_COUNT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(check_order),      cmocka_unit_test(check_binary),
        cmocka_unit_test(check_round_trip), cmocka_unit_test(check_calendar),
        cmocka_unit_test(check_names),
    };
    return RUN_ROWS(text_rows, check_text) + RUN_ROWS(bytes_rows, check_bytes) +
           cmocka_run_group_tests(tests, NULL, NULL);
}
