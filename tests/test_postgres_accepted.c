/*
 * Each question of tests/sql_accepted.def, over tables whose columns have this
 * type or that, in a PostgreSQL: DuckDB's integers on the same rows.  None is
 * refused there alone; one that were would need a code and a hint
 * (lib_pgsame.c).
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/lib_pgsame.h"
#include "tests/lib_postgres.h"
#include "tests/table.h"

static const char *const accepted[] = {
#define ROW(sql, prints) sql,
#include "tests/sql_accepted.def"
#undef ROW
};

/* ---- tables t, u, v ---- */

enum { TABLES = 3, COLUMNS = 9, ROWS = 40 };
static const char *const table_names[TABLES] = { "t", "u", "v" };
static const char *const sources[TABLES] = { "shop.t", "shop.u", "shop.v" };
static const char *const letters[COLUMNS] = { "who", "a", "b",  "c", "d",
                                              "e",   "x", "ts", "n" };

static const struct typing {
    const char *name, *key;
    enum policy_type types[COLUMNS]; /* of `letters` */
} typings[] = {
#define TYPES(a, b, c, d)                                                      \
    {                                                                          \
        POLICY_INT, POLICY_##a, POLICY_##b, POLICY_##c, POLICY_##d,            \
            POLICY_INT, POLICY_INT, POLICY_TIMESTAMP, POLICY_INT               \
    }
    { "whole numbers", "who", TYPES(INT, INT, INT, INT) },
    { "a is the key", "a", TYPES(INT, INT, TEXT, DOUBLE) },
    { "texts", "who", TYPES(TEXT, TEXT, TEXT, INT) },
    { "times", "who", TYPES(TIMESTAMP, TIMESTAMP, DATE, INT) },
    { "real numbers", "who", TYPES(DOUBLE, DOUBLE, TEXT, BOOL) },
    { "truths", "who", TYPES(BOOL, BOOL, INT, TEXT) },
    { "days", "who", TYPES(DATE, INT, BOOL, DOUBLE) },
#undef TYPES
};
enum { TYPINGS = sizeof typings / sizeof typings[0] };

static struct policy_column columns[COLUMNS];
static struct policy_table here_tables[TABLES], there_tables[TABLES];

static size_t letter_of(const char *name)
{
    size_t i = 0;
    while (strcmp(letters[i], name) != 0)
        i++;
    return i;
}

static void declare(const struct typing *ty)
{
    static const double day_us = 86400e6;
    for (size_t i = 0; i < COLUMNS; i++) {
        const enum policy_type type = ty->types[i];
        const bool is_time = type == POLICY_DATE || type == POLICY_TIMESTAMP;
        columns[i] = (struct policy_column){
            .name = letters[i],
            .help = "",
            .type = type,
            .may_group = true,
            .may_filter = true,
            .has_range = type == POLICY_INT || type == POLICY_DOUBLE || is_time,
            .lo = is_time ? 19000 * day_us : 0,
            .hi = is_time ? 20000 * day_us : 10,
            .grid_bits = type == POLICY_DOUBLE ? 4 : 0
        };
    }
    columns[letter_of(ty->key)].has_range = false;
    for (size_t i = 0; i < TABLES; i++) {
        here_tables[i] = plan_shop.tables[0];
        here_tables[i].name = table_names[i];
        here_tables[i].columns = columns;
        here_tables[i].n_columns = COLUMNS;
        here_tables[i].key = letter_of(ty->key);
        there_tables[i] = here_tables[i];
        there_tables[i].source = sources[i];
    }
}

static const char *sql_type(enum policy_type type)
{
    static const char *const names[POLICY_TYPE_COUNT] = {
        [POLICY_BOOL] = "BOOLEAN",
        [POLICY_INT] = "BIGINT",
        [POLICY_DOUBLE] = "DOUBLE PRECISION",
        [POLICY_TEXT] = "TEXT",
        [POLICY_DATE] = "DATE",
        [POLICY_TIMESTAMP] = "TIMESTAMP",
        [POLICY_UUID] = "TEXT",
    };
    return names[type];
}

enum { VALUES = 8 };
static const char *value_of(enum policy_type type, unsigned i)
{
    static const char *const values[POLICY_TYPE_COUNT][VALUES] = {
        [POLICY_BOOL] = { "TRUE", "FALSE", "NULL", "TRUE", "FALSE", "TRUE",
                          "NULL", "FALSE" },
        [POLICY_INT] = { "1", "2", "3", "5", "-4", "NULL", "10", "11" },
        [POLICY_DOUBLE] = { "0.5", "-1.25", "7.5", "2.5", "'nan'", "NULL",
                            "100.25", "-3" },
        [POLICY_TEXT] = { "'x'", "'y,z'", "'Xy'", "''", "'2024-02-29'", "NULL",
                          "'5'", "' x '" },
        [POLICY_DATE] = { "'2024-01-01'", "'2024-02-29'", "'2023-12-31'",
                          "'1969-12-31'", "'infinity'", "NULL", "'2022-07-04'",
                          "'2024-03-31'" },
        [POLICY_TIMESTAMP] = { "'2024-01-01 00:00:00'",
                               "'2024-02-29 23:59:59.5'",
                               "'2023-12-31 01:02:03'", "'-infinity'",
                               "'1969-12-31 12:00:00'", "NULL",
                               "'2022-07-04 10:00:00'",
                               "'2024-03-31 10:11:12.123456'" },
        [POLICY_UUID] = { "''", "''", "''", "''", "''", "''", "''", "''" },
    };
    return values[type][i % VALUES];
}

static void make_tables(struct pgsame *s, const struct typing *ty,
                        unsigned seed)
{
    char *sql = NULL;
    size_t len = 0;
    FILE *f = open_memstream(&sql, &len);
    assert_non_null(f);
    for (size_t t = 0; t < TABLES; t++) {
        (void)fprintf(f, "DROP TABLE IF EXISTS %s; CREATE TABLE %s(",
                      table_names[t], table_names[t]);
        for (size_t c = 0; c < COLUMNS; c++)
            (void)fprintf(f, "%s%s %s", c ? ", " : "", letters[c],
                          sql_type(ty->types[c]));
        (void)fprintf(f, "); INSERT INTO %s VALUES ", table_names[t]);
        for (size_t r = 0; r < ROWS * COLUMNS; r++) {
            seed = seed * 1664525u + 1013904223u;
            (void)fprintf(f, "%s%s%s",
                          r == 0             ? "("
                          : r % COLUMNS == 0 ? "), ("
                                             : ", ",
                          value_of(ty->types[r % COLUMNS], seed >> 16), "");
        }
        (void)fprintf(f, ");");
    }
    (void)fclose(f);
    pgsource_both(&s->db, sql);
    free(sql);
    postgres_run("GRANT SELECT ON ALL TABLES IN SCHEMA shop TO reader");
}

/* ---- the test ---- */

static void each_accepted(void **state)
{
    struct value params[] = { { .type = VALUE_INT, .i = 2 },
                              { .type = VALUE_INT, .i = 3 } };
    struct pgsame s;
    (void)state;
    pgsame_open(&s);
    struct policy here = plan_shop, there = s.there;
    here.name = there.name = "s";
    here.tables = here_tables;
    there.tables = there_tables;
    here.n_tables = there.n_tables = TABLES;
    s.here = &here;
    s.there = there;
    s.params = params;
    s.n_params = 2;
    const char *only = getenv("TYPING");
    for (size_t i = 0; i < TYPINGS; i++) {
        if (only && strcmp(only, typings[i].name) != 0)
            continue;
        const unsigned before = s.same;
        declare(&typings[i]);
        make_tables(&s, &typings[i], (unsigned)i + 1);
        pgsame_connect(&s);
        for (size_t q = 0; q < sizeof accepted / sizeof accepted[0]; q++)
            pgsame_ask(&s, accepted[q]);
        print_message("%s: %u statements give the same integers\n",
                      typings[i].name, s.same - before);
    }
    print_message(
        "%u the same, %u differ, %u questions are refused here and %u "
        "on every engine\n",
        s.same, s.differ, s.refused, s.other);
    assert_int_equal(s.differ, 0);
    assert_int_equal(s.refused, 0); /* as docs/sources.md says */
    assert_true(only || s.same > 400);
    pgsame_close(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_accepted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
