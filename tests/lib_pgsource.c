#include "tests/lib_pgsource.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/lib_postgres.h"

enum { TABLES = 3, ROWS = 60, PEOPLE = 8, SQL_MAX = 64 * 1024 };
static struct policy_table tables[TABLES];
static const char *const sources[TABLES] = { "shop.buys", "shop.trips",
                                             "shop.towns" };
static char reader_uri[300], writer_uri[300];

static const char MAKE[] =
    "SET client_min_messages = error;"
    "DROP SCHEMA IF EXISTS shop, halftone_shop CASCADE;"
    "DROP OWNED BY reader, writer; DROP ROLE IF EXISTS reader, writer;"
    "CREATE ROLE reader LOGIN; CREATE ROLE writer LOGIN; CREATE SCHEMA shop;"
    "CREATE SCHEMA halftone_shop AUTHORIZATION writer;"
    "CREATE TABLE shop.buys(who BIGINT, land TEXT, kind TEXT, city TEXT, n "
    "BIGINT, price DOUBLE PRECISION, free DOUBLE PRECISION, total DOUBLE "
    "PRECISION, ok BOOLEAN, day DATE, \"at\" TIMESTAMP, note TEXT, home TEXT);"
    "CREATE TABLE shop.trips(who INTEGER, city VARCHAR(50), km SMALLINT, day "
    "DATE); CREATE TABLE shop.towns(city TEXT, zone BIGINT);"
    "GRANT USAGE ON SCHEMA shop TO reader, writer;"
    "GRANT SELECT ON ALL TABLES IN SCHEMA shop TO reader, writer";

void pgsource_make(struct policy *out, bool consent)
{
    postgres_run(
        "DO $$ BEGIN IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname "
        "= 'reader') THEN CREATE ROLE reader; CREATE ROLE writer; END "
        "IF; END $$");
    postgres_run(MAKE);
    postgres_uri_of(reader_uri, sizeof reader_uri, "postgres", "reader");
    postgres_uri_of(writer_uri, sizeof writer_uri, "postgres", "writer");
    for (size_t i = 0; i < TABLES; i++) {
        tables[i] = plan_shop.tables[i];
        tables[i].source = sources[i];
    }
    *out = plan_shop;
    out->source = SOURCE_POSTGRESQL;
    out->database = reader_uri;
    out->writer = consent ? writer_uri : NULL;
    out->has_consent = consent;
    out->consent_interval_s = 3600;
    out->tables = tables;
}

void pgsource_both(struct plan_db *db, const char *sql)
{
    char text[SQL_MAX];
    (void)snprintf(text, sizeof text, "SET search_path = shop; %s", sql);
    postgres_run(text);
    (void)snprintf(text, sizeof text, "USE src; %s", sql);
    plan_db_run(db, text);
    plan_db_run(db, "USE main");
}

static unsigned draw(unsigned *seed, unsigned below)
{
    *seed = *seed * 1664525u + 1013904223u;
    return (*seed >> 8) % below;
}

/* One of a list, which holds NULL and quotes. */
#define PICK(seed, ...)                                                        \
    ((const char *const[]){ __VA_ARGS__ })[draw(                               \
        seed,                                                                  \
        sizeof((const char *const[]){ __VA_ARGS__ }) / sizeof(const char *))]

static const char *land(unsigned *s)
{
    return PICK(s, "'AT'", "'DE'", "'FR'", "'XX'", "''", "NULL");
}

static const char *city(unsigned *s)
{
    return PICK(s, "'W'", "'B'", "'b'", "'Zug'", "''", "'a:b|c'", "'\xc3\xa9'",
                "'it''s'", "NULL");
}

static const char *real(unsigned *s)
{
    return PICK(s, "0.5", "-1.25", "7.5", "9", "100.25", "-3", "NULL", "'nan'",
                "'infinity'", "'-infinity'", "1e300", "-1e300", "1e-300",
                "-0.0", "2.5", "1.375");
}

static const char *whole(unsigned *s)
{
    return PICK(s, "0", "1", "2", "3", "5", "7", "10", "99", "-4", "NULL",
                "9223372036854775807", "-9223372036854775808");
}

static const char *day(unsigned *s)
{
    return PICK(s, "'2024-01-01'", "'2024-01-31'", "'2024-02-29'",
                "'2024-03-31'", "'1969-12-31'", "'0001-01-01'", "'9999-12-31'",
                "'infinity'", "NULL");
}

static const char *at(unsigned *s)
{
    return PICK(s, "'2024-01-01 00:00:00'", "'2024-02-29 23:59:59.999999'",
                "'1969-12-31 23:59:59.5'", "'2024-03-05 12:34:56.789'",
                "'-infinity'", "NULL");
}

static void buy(FILE *f, unsigned *s)
{
    const unsigned who = draw(s, PEOPLE);
    if (draw(s, 12))
        (void)fprintf(f, "(%u", who);
    else
        (void)fprintf(f, "(NULL");
    (void)fprintf(f, ", %s, %s", land(s), PICK(s, "'a'", "'b'", "'c'", "NULL"));
    (void)fprintf(f, ", %s, %s", city(s), whole(s));
    (void)fprintf(f, ", %s", real(s));
    (void)fprintf(f, ", %s", real(s));
    (void)fprintf(f, ", %s", real(s));
    (void)fprintf(f, ", %s, %s", PICK(s, "TRUE", "FALSE", "NULL"), day(s));
    (void)fprintf(f, ", %s, %s", at(s), city(s));
    (void)fprintf(f, ", %s)", city(s));
}

static void trip(FILE *f, unsigned *s)
{
    const unsigned who = draw(s, PEOPLE);
    if (draw(s, 12))
        (void)fprintf(f, "(%u", who);
    else
        (void)fprintf(f, "(NULL");
    (void)fprintf(f, ", %s, %s", city(s),
                  PICK(s, "0", "3", "20", "25", "-1", "NULL"));
    (void)fprintf(f, ", %s)", day(s));
}

void pgsource_fill(struct plan_db *db, unsigned seed)
{
    char *sql = NULL;
    size_t len = 0;
    FILE *f = open_memstream(&sql, &len);
    assert(f);
    (void)fprintf(f, "DELETE FROM buys; DELETE FROM trips; DELETE FROM towns; "
                     "INSERT INTO towns VALUES ('W', 1), ('B', 2), ('b', 2), "
                     "('Zug', 9), ('', NULL), (NULL, 3); INSERT INTO buys "
                     "VALUES ");
    for (unsigned i = 0; i < ROWS; i++) {
        (void)fprintf(f, "%s", i ? ", " : "");
        buy(f, &seed);
    }
    (void)fprintf(f, "; INSERT INTO trips VALUES ");
    for (unsigned i = 0; i < ROWS; i++) {
        (void)fprintf(f, "%s", i ? ", " : "");
        trip(f, &seed);
    }
    (void)fclose(f);
    pgsource_both(db, sql);
    free(sql);
}

void pgsource_tame(struct plan_db *db)
{
    static const char *const reals[] = { "price", "free", "total" };
    char sql[400];
    for (size_t i = 0; i < sizeof reals / sizeof reals[0]; i++) {
        const char *x = reals[i];
        (void)snprintf(sql, sizeof sql,
                       "UPDATE buys SET %s = 8.5 WHERE %s <> 'nan' AND (abs(%s)"
                       " > 1e100 OR abs(%s) < 1e-100 AND %s <> 0)",
                       x, x, x, x, x);
        pgsource_both(db, sql);
    }
    pgsource_both(db, "UPDATE buys SET n = 8 WHERE n > 99 OR n < -99");
}

/* ---- answers ---- */

static int by_text(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static void print_value_to(FILE *f, const struct value *v)
{
    char text[5000];
    struct writer w = writer_of(text, sizeof text);
    value_print(&w, v);
    (void)fprintf(f, "%.*s", (int)w.len, text);
}

static void print_int(FILE *f, dp_int v)
{
    char digits[48];
    size_t at = sizeof digits;
    const bool negative = v < 0;
    do
        digits[--at] = (char)('0' + (int)(negative ? -(v % 10) : v % 10));
    while (v /= 10);
    (void)fprintf(f, "%s%.*s", negative ? "-" : "", (int)(sizeof digits - at),
                  digits + at);
}

static char *row_text(const struct engine_result *r, size_t row,
                      const struct plan *plan)
{
    char *line = NULL;
    size_t len = 0;
    FILE *f = open_memstream(&line, &len);
    assert(f);
    for (size_t k = 0; k < plan->n_keys; k++) {
        const struct value *v = &r->keys[row * plan->n_keys + k];
        (void)fprintf(f, "%s", k ? "|" : "");
        if (v->type == VALUE_NULL)
            (void)fprintf(f, "NULL");
        else
            print_value_to(f, v);
    }
    for (size_t m = 0; m < plan->n_measures; m++) {
        (void)fprintf(f, "%s", m + plan->n_keys ? "|" : "");
        print_int(f, r->measures[row * plan->n_measures + m].touched);
    }
    (void)fclose(f);
    return line;
}

char *pgsource_answer(struct engine *e, const struct plan *plan,
                      unsigned char secret, struct err *err)
{
    struct engine_result r = { .n_rows = 0 };
    struct arena a;
    uint8_t key[32];
    const atomic_int go_on = 0;
    char *text = NULL;
    size_t len = 0;
    memset(key, secret, sizeof key);
    arena_init(&a, 16 << 20);
    if (engine_run(e, &r, plan, key, &go_on, &a, err) == ERR_OK) {
        char **lines = calloc(r.n_rows + 1, sizeof *lines);
        FILE *f = open_memstream(&text, &len);
        assert(lines && f);
        for (size_t i = 0; i < r.n_rows; i++)
            lines[i] = row_text(&r, i, plan);
        qsort(lines, r.n_rows, sizeof *lines, by_text);
        for (size_t i = 0; i < r.n_rows; i++) {
            (void)fprintf(f, "%s\n", lines[i]);
            free(lines[i]);
        }
        free(lines);
        (void)fclose(f);
    }
    arena_fini(&a);
    return text;
}
