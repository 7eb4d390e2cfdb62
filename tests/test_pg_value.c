/* Values on the wire, both formats, there and back. */
#include "server/pg/pg_value.h"

#include <stdio.h>
#include <string.h>

#include "server/pg/pg_numeric.h"
#include "tests/table.h"

#define INT(v)                                                                 \
    {                                                                          \
        .type = VALUE_INT, .i = (v)                                            \
    }
#define REAL(v)                                                                \
    {                                                                          \
        .type = VALUE_DOUBLE, .d = (v)                                         \
    }
#define TEXT(v)                                                                \
    {                                                                          \
        .type = VALUE_TEXT, .text = { v, sizeof(v) - 1 }                       \
    }
#define DATE(v)                                                                \
    {                                                                          \
        .type = VALUE_DATE, .i = (v)                                           \
    }
#define TIME(v)                                                                \
    {                                                                          \
        .type = VALUE_TIMESTAMP, .i = (v)                                      \
    }

/* Binary forms as PostgreSQL 15 gives them: encode(int4send(1), 'hex'), ... */
static const struct out_row {
    const char *name;
    uint32_t oid;
    struct value v;
    const char *text, *hex;
} out_rows[] = {
    { "true", PG_BOOL, { .type = VALUE_BOOL, .b = true }, "t", "01" },
    { "false as text", PG_TEXT, { .type = VALUE_BOOL }, "false", "66616c7365" },
    { "a bigint", PG_INT8, INT(-2), "-2", "fffffffffffffffe" },
    { "an integer", PG_INT4, INT(258), "258", "00000102" },
    { "a smallint", PG_INT2, INT(-1), "-1", "ffff" },
    { "an oid", PG_OID, INT(4294967295), "4294967295", "ffffffff" },
    { "a double", PG_FLOAT8, REAL(0.1), "0.1", "3fb999999999999a" },
    { "an integer in a double's column", PG_FLOAT8, INT(1), "1",
      "3ff0000000000000" },
    { "a real", PG_FLOAT4, REAL(1.5), "1.5", "3fc00000" },
    { "infinity", PG_FLOAT8, REAL(__builtin_inf()), "Infinity",
      "7ff0000000000000" },
    { "a numeric", PG_NUMERIC, REAL(12345.678), "12345.678",
      "000300010000000300010929 1a7c" },
    { "a small numeric", PG_NUMERIC, REAL(-0.00012), "-0.00012",
      "0002ffff40000005000107d0" },
    { "a numeric of many zeros", PG_NUMERIC, INT(1000000000000),
      "1000000000000", "000100030000000 00001" },
    { "a numeric larger than digits tell", PG_NUMERIC, REAL(1.5e21),
      "1500000000000000000000", "0001000500000000 000f" },
    { "nothing, as numeric", PG_NUMERIC, REAL(0), "0", "0000000000000000" },
    { "no number, as numeric", PG_NUMERIC, REAL(__builtin_nan("")), "NaN",
      "00000000c0000000" },
    { "an integer written as text", PG_INT4, TEXT("258"), "258", "00000102" },
    { "a boolean written as text", PG_BOOL, TEXT("f"), "f", "00" },
    { "a numeric written as text", PG_NUMERIC, TEXT("12345.678"), "12345.678",
      "0003000100000003000109291a7c" },
    { "a text", PG_TEXT, TEXT("ab"), "ab", "6162" },
    { "a name", PG_NAME, TEXT("ab"), "ab", "6162" },
    { "a date", PG_DATE, DATE(14975), "2011-01-01", "00000fb2" },
    { "a date before 2000", PG_DATE, DATE(0), "1970-01-01", "ffffd533" },
    { "a timestamp", PG_TIMESTAMP, TIME(1293883200500000),
      "2011-01-01 12:00:00.5", "00013bc66d541120" },
    { "a timestamp with time zone, which is UTC", PG_TIMESTAMPTZ,
      TIME(1293883200500000), "2011-01-01 12:00:00.5+00", "00013bc66d541120" },
    { "one written as text", PG_TIMESTAMPTZ, TEXT("2011-01-01 12:00:00.5+00"),
      "2011-01-01 12:00:00.5+00", "00013bc66d541120" },
    { "a time of a day", PG_TIME, TEXT("12:34:56.5"), "12:34:56.5",
      "0000000a8be1bd20" },
    { "an array of texts", 1009, TEXT("{a,\"b,c\",NULL}"), "{a,\"b,c\",NULL}",
      "00000001 00000001 00000019 00000003 00000001 00000001 61 00000003 "
      "622c63 "
      "ffffffff" },
    { "an array of integers", 1007, TEXT("{1,2}"), "{1,2}",
      "00000001 00000000 00000017 00000002 00000001 00000004 00000001 00000004 "
      "00000002" },
    { "an empty array", 1009, TEXT("{}"), "{}", "00000000 00000000 00000019" },
    { "a vector, from 0", PG_INT2VECTOR, TEXT("1 2"), "1 2",
      "00000001 00000000 00000015 00000002 00000000 00000002 0001 00000002 "
      "0002" },
    { "an interval", PG_INTERVAL, TEXT("1 year 2 mons 3 days 04:05:06.5"),
      "1 year 2 mons 3 days 04:05:06.5", "000000036c9361a0 00000003 0000000e" },
    { "a uuid", PG_UUID, TEXT("00010203-0405-0607-0809-0a0b0c0d0e0f"),
      "00010203-0405-0607-0809-0a0b0c0d0e0f",
      "000102030405060708090a0b0c0d0e0f" },
};

static void check_out(void **state)
{
    const struct out_row *row = *state;
    struct pg_out o;
    char hex[512], want[512];
    size_t n = 0;
    pg_out_init(&o, 4096);
    pg_value_text(&o, row->oid, &row->v);
    assert_int_equal(o.len, strlen(row->text));
    assert_memory_equal(o.data, row->text, o.len);
    o.len = 0;
    pg_value_binary(&o, row->oid, &row->v);
    for (size_t i = 0; i < o.len; i++)
        (void)snprintf(hex + 2 * i, 3, "%02x", o.data[i]);
    hex[2 * o.len] = '\0';
    for (const char *p = row->hex; *p; p++)
        if (*p != ' ')
            want[n++] = *p;
    want[n] = '\0';
    assert_string_equal(hex, want);
    pg_out_fini(&o);
}

/* A parameter: its bytes (hex when binary), and the value as text. */
static const struct in_row {
    const char *name;
    uint16_t format;
    uint32_t oid;
    enum value_type want;
    const char *data, *value;
    const char *state; /* of the error, when there is one */
} in_rows[] = {
    { "an integer of no type", 0, 0, VALUE_INT, "7", "int 7", NULL },
    { "a text where an integer is wanted", 0, PG_VARCHAR, VALUE_INT, "7",
      "int 7", NULL },
    { "a date of no type", 0, 0, VALUE_DATE, "2011-03-01", "date 2011-03-01",
      NULL },
    { "a time with an offset that a timestamp ignores", 0, 0, VALUE_TIMESTAMP,
      "2011-03-01 12:00:00+02", "timestamp 2011-03-01 12:00:00", NULL },
    { "a time with an offset that timestamptz obeys", 0, PG_TIMESTAMPTZ,
      VALUE_TIMESTAMP, "2011-03-01 12:00:00+02",
      "timestamp 2011-03-01 10:00:00", NULL },
    { "a boolean as drivers write it", 0, PG_BOOL, VALUE_BOOL, "t", "bool true",
      NULL },
    { "a numeric that is whole", 0, PG_NUMERIC, VALUE_DOUBLE, "3", "double 3",
      NULL },
    { "a double where an integer is wanted", 0, PG_FLOAT8, VALUE_INT, "3.0",
      "int 3", NULL },
    { "a bigint in binary", 1, PG_INT8, VALUE_INT, "fffffffffffffffe", "int -2",
      NULL },
    { "an integer in binary for a double", 1, PG_INT4, VALUE_DOUBLE, "00000005",
      "double 5", NULL },
    { "a smallint in binary", 1, PG_INT2, VALUE_INT, "ffff", "int -1", NULL },
    { "a double in binary", 1, PG_FLOAT8, VALUE_DOUBLE, "3fb999999999999a",
      "double 0.1", NULL },
    { "a numeric in binary", 1, PG_NUMERIC, VALUE_DOUBLE,
      "0003000100000003000109291a7c", "double 12345.678", NULL },
    { "a whole numeric in binary", 1, PG_NUMERIC, VALUE_INT,
      "000200010000000000010929", "int 12345", NULL },
    { "a timestamp in binary", 1, PG_TIMESTAMP, VALUE_TIMESTAMP,
      "00013bc66d541120", "timestamp 2011-01-01 12:00:00.5", NULL },
    { "a date in binary for a timestamp", 1, PG_DATE, VALUE_TIMESTAMP,
      "00000fb2", "timestamp 2011-01-01 00:00:00", NULL },
    { "a text in binary", 1, PG_TEXT, VALUE_TEXT, "6162", "text ab", NULL },
    { "a word that is no integer", 0, PG_INT8, VALUE_INT, "x", NULL, "22P02" },
    { "bytes that are too few", 1, PG_INT8, VALUE_INT, "00", NULL, "22P03" },
    { "a NUL in a text", 1, PG_TEXT, VALUE_TEXT, "6100", NULL, "22P03" },
    { "a numeric in binary for a text keeps its digits", 1, PG_NUMERIC,
      VALUE_TEXT, "000200000000000200011388", "text 1.50", NULL },
    { "an interval in binary", 1, PG_INTERVAL, VALUE_TEXT,
      "000000036c9361a0 00000003 0000000e",
      "text 1 year 2 mons 3 days 04:05:06.5", NULL },
    { "an interval of two signs", 1, PG_INTERVAL, VALUE_TEXT,
      "fffffffd7c451400 00000002 ffffffff", "text -1 mons +2 days -03:00:00",
      NULL },
    { "no time at all", 1, PG_INTERVAL, VALUE_TEXT,
      "0000000000000000 00000000 00000000", "text 00:00:00", NULL },
    { "an interval that ends", 1, PG_INTERVAL, VALUE_TEXT, "00", NULL,
      "22P03" },
    { "a time of a day in binary", 1, PG_TIME, VALUE_TEXT, "0000000a8be1bd20",
      "text 12:34:56.5", NULL },
    { "a time past the day", 1, PG_TIME, VALUE_TEXT, "000000141dd76001", NULL,
      "22P03" },
    { "a uuid in binary", 1, PG_UUID, VALUE_TEXT,
      "000102030405060708090a0b0c0d0e0f",
      "text 00010203-0405-0607-0809-0a0b0c0d0e0f", NULL },
    { "an array in binary", 1, 1009, VALUE_TEXT,
      "00000001 00000001 00000019 00000003 00000001 00000001 61 00000003 "
      "622c63 ffffffff",
      "text {a,\"b,c\",NULL}", NULL },
    { "an array of truths", 1, 1000, VALUE_TEXT,
      "00000001 00000000 00000010 00000002 00000001 00000001 01 00000001 00",
      "text {t,f}", NULL },
    { "an array of another type than it says", 1, 1009, VALUE_TEXT,
      "00000001 00000000 00000017 00000000 00000001", NULL, "22P03" },
    { "an array that ends early", 1, 1007, VALUE_TEXT,
      "00000001 00000000 00000017 00000009 00000001", NULL, "22P03" },
    { "a type that no value is of", 1, PG_ACLITEM, VALUE_TEXT, "00", NULL, "" },
    { "a format that is none", 2, PG_TEXT, VALUE_TEXT, "a", NULL, "22P02" },
    { "a numeric that is none", 1, PG_NUMERIC, VALUE_DOUBLE,
      "0001000000000000ffff", NULL, "22P03" },
};

static size_t unhex(uint8_t *out, const char *hex)
{
    size_t n = 0;
    unsigned byte;
    for (const char *p = hex; *p; p++)
        if (*p != ' ') {
            (void)sscanf(p, "%2x", &byte);
            out[n++] = (uint8_t)byte;
            p++;
        }
    return n;
}

static void check_in(void **state)
{
    const struct in_row *row = *state;
    uint8_t data[128];
    char got[128];
    struct writer w = writer_of(got, sizeof got);
    struct value v;
    struct err err = { 0 };
    struct arena a;
    arena_init(&a, 1 << 18);
    size_t len = strlen(row->data);
    if (row->format == 1)
        len = unhex(data, row->data);
    else
        memcpy(data, row->data, len);
    const struct pg_param p = { .data = data,
                                .len = len,
                                .format = row->format,
                                .oid = row->oid,
                                .want = row->want,
                                .n = 1 };
    const enum err_code code = pg_param_read(&v, &p, &a, &err);
    if (!row->value) {
        assert_int_not_equal(code, ERR_OK);
        assert_string_equal(err.reason ? err.reason : "", row->state);
        assert_non_null(strstr(err.msg, "parameter $1"));
    } else {
        assert_int_equal(code, ERR_OK);
        writer_printf(&w, "%s ", value_type_name(v.type));
        value_print(&w, &v);
        assert_true(writer_cstr(&w));
        assert_string_equal(got, row->value);
    }
    arena_fini(&a);
}

/* Every double that is printed as numeric is read back as itself. */
static void numerics_round_trip(void **state)
{
    uint64_t x = 88172645463325252u;
    (void)state;
    for (int i = 0; i < 20000; i++) {
        char text[PG_NUMERIC_TEXT_MAX], back[2 * PG_NUMERIC_TEXT_MAX];
        double d, got;
        x ^= x << 13, x ^= x >> 7, x ^= x << 17;
        memcpy(&d, &x, sizeof d);
        if (!(d > -1e30 && d < 1e30) || (d > -1e-60 && d < 1e-60))
            d = (double)(int64_t)x / 1000;
        struct writer w = writer_of(text, sizeof text);
        pg_numeric_print(&w, d);
        assert_true(writer_cstr(&w));
        struct pg_out o;
        pg_out_init(&o, 4096);
        pg_numeric_send(&o, text);
        struct writer r = writer_of(back, sizeof back);
        assert_true(pg_numeric_recv(&r, o.data, o.len));
        assert_int_equal(sscanf(back, "%lf", &got), 1);
        assert_true(got == d);
        pg_out_fini(&o);
    }
}

int main(void)
{
    const struct CMUnitTest others[] = {
        cmocka_unit_test(numerics_round_trip),
    };
    int failed = RUN_ROWS(out_rows, check_out);
    failed += RUN_ROWS(in_rows, check_in);
    return failed + cmocka_run_group_tests_name("numerics", others, NULL, NULL);
}
