#include "server/engine/duck_keep.h"

#include "server/engine/duck_bound.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/table.h"

/*
 * The aggregates that bound in one pass against the windows that say the same
 * in SQL: the same integers, whatever the threads and the order of the rows.
 */
#define KEY "encode(repeat('k', 64))"

static struct duck_keep_key key;
static struct duck_heap heap;

static const struct row {
    const char *name;
    const char *person, *type;
    unsigned l0, people, groups, rows;
    const char *value; /* of x, from r, a random number below 1000 */
} rows[] = {
    { "few groups each", "p", "i", 5, 500, 8, 4000, "r" },
    { "most are put out", "p", "i", 2, 50, 300, 40000, "r - 500" },
    { "one group each", "p", "i", 1, 2000, 40, 20000, "r" },
    { "persons of text", "'user-' || p || ':x'", "t", 3, 300, 60, 20000, "r" },
    { "names longer than a block", "repeat('long', 40) || p", "t", 3, 100, 60,
      5000, "r" },
    { "negative persons", "p - 100", "i", 4, 200, 30, 10000, "r" },
    { "values that are NULL", "p", "i", 4, 200, 30, 10000,
      "CASE WHEN r < 300 THEN NULL ELSE r END" },
    { "sums past 2^63", "p", "i", 3, 20, 10, 5000, "9223372036854775807 - r" },
    { "as many as the largest limit", "p", "i", 8, 100, 40, 30000, "r" },
};

static void text_of(char *out, size_t cap, struct duck *d, const char *sql)
{
    duckdb_result r;
    size_t len = 0;
    if (duckdb_query(d->con, sql, &r) != DuckDBSuccess)
        fail_msg("%s\n%s", duckdb_result_error(&r), sql);
    for (idx_t i = 0; i < duckdb_row_count(&r); i++)
        for (idx_t c = 0; c < duckdb_column_count(&r); c++) {
            char *cell = duckdb_value_varchar(&r, c, i);
            len += (size_t)snprintf(out + len, cap - len, "%s|",
                                    cell ? cell : "NULL");
            duckdb_free(cell);
            assert_true(len < cap);
        }
    duckdb_destroy_result(&r);
}

static void fill(struct duck *d, const struct row *row)
{
    char sql[1024];
    (void)snprintf(
        sql, sizeof sql,
        "CREATE TABLE rows AS SELECT %s AS p, 'g' || g AS g, "
        "CAST(%s AS BIGINT) AS x FROM (SELECT hash('p' || i) %% %u AS p, "
        "hash('g' || i) %% %u AS g, CAST(hash('r' || i) %% 1000 AS BIGINT) AS "
        "r FROM range(%u) t(i))",
        row->person[0] == 'p' ? "CAST(p AS BIGINT)" : row->person, row->value,
        row->people, row->groups, row->rows);
    if (strstr(row->person, " - 100"))
        (void)snprintf(
            sql, sizeof sql,
            "CREATE TABLE rows AS SELECT CAST(hash('p' || i) %% %u AS BIGINT) "
            "- 100 AS p, 'g' || hash('g' || i) %% %u AS g, CAST(hash('r' || i) "
            "%% 1000 AS BIGINT) AS x FROM range(%u) t(i)",
            row->people, row->groups, row->rows);
    if (!duck_exec(d, sql))
        fail_msg("no rows: %s", sql);
}

#define GROUP_TEXT "strlen(g) || ':' || g"

/* By a state of one size, or one that grows. */
static void one_pass(char *out, size_t cap, struct duck *d,
                     const struct row *row, bool grows)
{
    char sql[1024], name[64], code[128], of[KEEP_NAME_MAX];
    keep_name(name, row->type[0] == 't', row->l0, 2);
    keep_code_name(of, true);
    if (grows)
        (void)snprintf(name, sizeof name, "halftone_many2_%s(p, %u, 0, ",
                       row->type, row->l0);
    else
        strcat(name, "(p, ");
    (void)snprintf(code, sizeof code, "%s(g)", of);
    (void)snprintf(
        sql, sizeof sql,
        "WITH kept AS (SELECT p, unnest(%s%s, x, CAST(1 AS BIGINT))) AS e "
        "FROM rows GROUP BY p), names AS (SELECT %s AS c, any_value(g) AS g "
        "FROM rows GROUP BY 1) SELECT g, count(*), sum(e.a0), sum(e.a1), "
        "sum(least(e.a0, 700)) FROM kept JOIN names ON e.code = c GROUP BY g "
        "ORDER BY g",
        name, code, code);
    text_of(out, cap, d, sql);
}

#define NUMBER(digits)                                                         \
    "CAST(CAST('0x' || substr(" digits ") AS UBIGINT) AS HUGEINT)"

static void window(char *out, size_t cap, struct duck *d, const struct row *row)
{
    char sql[2048];
    (void)snprintf(
        sql, sizeof sql,
        "WITH pairs AS (SELECT p, g, coalesce(sum(x), 0) AS a0, count(*) AS "
        "a1, sha256(" KEY " || encode('p' || %s)) AS hp, sha256(" KEY
        " || encode('c' || " GROUP_TEXT ")) AS hc FROM rows GROUP BY p, g), "
        "ranked AS (SELECT *, dense_rank() OVER (PARTITION BY p ORDER BY "
        "((" NUMBER("hp, 1, 15") " + 1) * " NUMBER("hc, 1, 16") " + " NUMBER(
            "hp, 16, 15") ") %% 2305843009213693951, g) AS n FROM pairs) "
                          "SELECT g, count(*), sum(a0), sum(a1), "
                          "sum(least(a0, 700)) FROM ranked WHERE n <= %u "
                          "GROUP BY g ORDER BY g",
        row->type[0] == 't' ? "strlen(p) || ':' || p"
                            : "CAST(p AS VARCHAR) || ','",
        row->l0);
    text_of(out, cap, d, sql);
}

/* ---- different values, and rows, of the groups that are kept ---- */

enum { MOST = 3 };

/* Groups as ranked by their places, and rows of the groups that are kept. */
#define KEPT                                                                   \
    "WITH pairs AS (SELECT DISTINCT p, g FROM rows), placed AS (SELECT p, g, " \
    "dense_rank() OVER (PARTITION BY p ORDER BY halftone_place_%s(p, "         \
    "halftone_code_t(g)), g) AS n FROM pairs), kept AS (SELECT p, g FROM "     \
    "placed WHERE n <= %u), mine AS (SELECT rows.* FROM rows SEMI JOIN kept "  \
    "USING (p, g))"

static void values(char *out, size_t cap, struct duck *d, const struct row *row)
{
    char sql[1024];
    (void)snprintf(
        sql, sizeof sql,
        "WITH kept AS (SELECT p, unnest(halftone_values_%s(p, %u, %d, "
        "halftone_code_t(g), CASE WHEN x IS NOT NULL THEN hash(x) END)) AS e "
        "FROM rows GROUP BY p), names AS (SELECT halftone_code_t(g) AS c, "
        "any_value(g) AS g FROM rows GROUP BY 1) SELECT g, count(e.a0), "
        "sum(e.a0 "
        "%% 1000), count(DISTINCT e.a0), count(*) FILTER (e.a1) FROM kept JOIN "
        "names ON e.code = c GROUP BY g ORDER BY g",
        row->type, row->l0, MOST);
    text_of(out, cap, d, sql);
}

static void values_window(char *out, size_t cap, struct duck *d,
                          const struct row *row)
{
    char sql[2048];
    (void)snprintf(
        sql, sizeof sql,
        KEPT ", firsts AS (SELECT p, g, x, row_number() OVER (PARTITION BY p, "
             "g ORDER BY halftone_place_%s(p, hash(x))) AS n FROM (SELECT "
             "DISTINCT p, g, x FROM mine WHERE x IS NOT NULL)), few AS (SELECT "
             "p, g, hash(x) AS v FROM firsts WHERE n <= %d) SELECT k.g, "
             "count(v), sum(v %% 1000), count(DISTINCT v), count(DISTINCT k.p) "
             "FROM kept k LEFT JOIN few f ON k.p = f.p AND k.g = f.g GROUP BY "
             "k.g ORDER BY k.g",
        row->type, row->l0, row->type, MOST);
    text_of(out, cap, d, sql);
}

static void evenly(char *out, size_t cap, struct duck *d, const struct row *row)
{
    char sql[1024];
    (void)snprintf(
        sql, sizeof sql,
        "WITH kept AS (SELECT p, unnest(halftone_evenly_%s(p, %u, %d, "
        "halftone_code_t(g), x, hash(p))) AS e FROM rows GROUP BY p), names AS "
        "(SELECT halftone_code_t(g) AS c, any_value(g) AS g FROM rows GROUP BY "
        "1) SELECT g, e.a0 AS v, count(*) FROM kept JOIN names ON e.code = c "
        "GROUP BY ALL ORDER BY ALL",
        row->type, row->l0, MOST);
    text_of(out, cap, d, sql);
}

static void evenly_window(char *out, size_t cap, struct duck *d,
                          const struct row *row)
{
    char sql[2048];
    (void)snprintf(
        sql, sizeof sql,
        KEPT ", numbered AS (SELECT *, count(*) OVER (PARTITION BY p, g) AS n, "
             "row_number() OVER (PARTITION BY p, g ORDER BY x) AS o, "
             "CAST(hash(p) %% CAST(n AS UBIGINT) AS BIGINT) AS r FROM mine "
             "WHERE x IS NOT NULL) SELECT g, x, count(*) FROM numbered WHERE n "
             "<= %d OR (o * %d + r) // n > ((o - 1) * %d + r) // n GROUP BY "
             "ALL ORDER BY ALL",
        row->type, row->l0, MOST, MOST, MOST);
    text_of(out, cap, d, sql);
}

static void same_integers(void **state)
{
    const struct row *row = *state;
    static char fast[1 << 16], slow[1 << 16];
    struct duck d;
    struct err err = { 0 };
    const struct engine_options options = { .threads = 4 };
    assert_int_equal(duck_open(&d, &options, &err), ERR_OK);
    if (duck_keep_register(&d, &key, &heap, &err) != ERR_OK)
        fail_msg("%s", err.msg);
    fill(&d, row);
    window(slow, sizeof slow, &d, row);
    assert_true(slow[0] != '\0');
    for (int grows = 0; grows < 2; grows++) {
        one_pass(fast, sizeof fast, &d, row, grows);
        assert_string_equal(fast, slow);
    }
    values(fast, sizeof fast, &d, row);
    values_window(slow, sizeof slow, &d, row);
    assert_string_equal(fast, slow);
    evenly(fast, sizeof fast, &d, row);
    evenly_window(slow, sizeof slow, &d, row);
    assert_string_equal(fast, slow);
    assert_int_equal(heap.used, 0);
    duck_close(&d);
}

/* NULLs of the arguments that say whose row it is take no part. */
static void nulls_take_no_part(void **state)
{
    char got[256];
    struct duck d;
    struct err err = { 0 };
    (void)state;
    assert_int_equal(duck_open(&d, NULL, &err), ERR_OK);
    assert_int_equal(duck_keep_register(&d, &key, &heap, &err), ERR_OK);
    text_of(got, sizeof got, &d,
            "SELECT CAST(halftone_keep_i_2_1(p, c, x) AS VARCHAR) FROM (VALUES "
            "(NULL, 1::UBIGINT, 5), (1, NULL, 7), "
            "(1, 1, NULL), (1, 1, 8)) v(p, c, x)");
    assert_string_equal(got, "[{'code': 1, 'a0': 8}]|");
    text_of(got, sizeof got, &d,
            "SELECT halftone_keep_i_2_1(CAST(1 AS BIGINT), "
            "CAST(1 AS UBIGINT), CAST(1 AS BIGINT))::VARCHAR FROM range(0)");
    assert_string_equal(got, "[]|");
    duck_close(&d);
}

/*
 * Two of 20 groups kept of 50,000 people: each of the 190 pairs equally often.
 * Chi squared of 189 degrees has mean 189 and deviation 19.4; below 306, six
 * deviations up, but for one key in 10^7, and this key is fixed.
 */
static void pairs_of_groups_are_kept_evenly(void **state)
{
    char got[64];
    struct duck d;
    struct err err = { 0 };
    (void)state;
    assert_int_equal(duck_open(&d, NULL, &err), ERR_OK);
    assert_int_equal(duck_keep_register(&d, &key, &heap, &err), ERR_OK);
    text_of(got, sizeof got, &d,
            "WITH g AS (SELECT range AS g, halftone_code_t('g' || range) AS c "
            "FROM range(20)), placed AS (SELECT p.range AS p, g, "
            "row_number() OVER (PARTITION BY p ORDER BY "
            "halftone_place_i(p.range, c)) AS n FROM range(50000) p, g), "
            "pairs AS (SELECT min(g) AS a, max(g) AS b FROM placed WHERE n <= "
            "2 GROUP BY p), tally AS (SELECT a, b, count(*) AS n FROM pairs "
            "GROUP BY a, b) SELECT count(*), sum(pow(n - 50000 / 190.0, 2) / "
            "(50000 / 190.0)) BETWEEN 110 AND 306 FROM tally");
    assert_string_equal(got, "190|true|");
    duck_close(&d);
}

#define MANY_VALUES                                                            \
    "SELECT count(e.a0), sum(e.a0 % 1000) FROM (SELECT "                       \
    "unnest(halftone_values_i(p, 50, 9, CAST(x % 300 AS UBIGINT), hash(x))) "  \
    "AS e FROM (SELECT CAST(hash('p' || i) % 20000 AS BIGINT) AS p, "          \
    "CAST(hash('x' || i) % 100000 AS BIGINT) AS x FROM range(400000) t(i)) "   \
    "GROUP BY p)"

/* A heap that has no more ends the statement, not the process, and is empty. */
static void a_full_heap_is_told(void **state)
{
    struct duck d;
    struct err err = { 0 };
    duckdb_result r;
    (void)state;
    assert_int_equal(duck_open(&d, NULL, &err), ERR_OK);
    assert_int_equal(duck_keep_register(&d, &key, &heap, &err), ERR_OK);
    for (heap.most = 1 << 10; heap.most < 8 << 20; heap.most *= 4) {
        assert_int_equal(duckdb_query(d.con, MANY_VALUES, &r), DuckDBError);
        assert_non_null(strstr(duckdb_result_error(&r), DUCK_BOUND_FULL));
        duckdb_destroy_result(&r);
        assert_int_equal(heap.used, 0);
    }
    heap.most = 0;
    assert_true(duck_exec(&d, MANY_VALUES));
    assert_int_equal(heap.used, 0);
    duck_close(&d);
}

/* 500,000 people of 700,000, some with several rows. */
#define MANY_PEOPLE                                                            \
    " FROM (SELECT CAST(hash('p' || i) % 700000 AS BIGINT) AS p, "             \
    "CAST(hash('x' || i) % 1000 AS BIGINT) AS x FROM range(1000000) t(i)) "    \
    "GROUP BY p)"

/* States that are more than DuckDB's memory go to disk and back, those that
 * point to the heap too; without a folder for them there is no answer. */
static void states_go_to_disk_and_back(void **state)
{
    static const char *const sql[] = {
        "SELECT count(e.a0), sum(e.a0), sum(e.code % 1000) FROM (SELECT "
        "unnest(halftone_keep_i_5_2(p, CAST(x % 300 AS UBIGINT), x, CAST(1 AS "
        "BIGINT))) AS e" MANY_PEOPLE,
        "SELECT count(e.a0), sum(e.a0 % 1000), count(DISTINCT e.code) FROM "
        "(SELECT unnest(halftone_values_i(p, 2, 2, CAST(x % 300 AS UBIGINT), "
        "hash(x))) AS e" MANY_PEOPLE,
    };
    static const uint64_t most[] = { 96 << 20, 40 << 20 };
    static char got[2][256];
    (void)state;
    for (int i = 0; i < 6; i++) {
        const struct engine_options o = { .threads = 2,
                                          .memory_limit =
                                              i % 3 ? most[i / 3] : 0,
                                          .temp_dir =
                                              i % 3 == 1 ? "/tmp" : NULL };
        struct duck d;
        struct err err = { 0 };
        assert_int_equal(duck_open(&d, &o, &err), ERR_OK);
        assert_int_equal(duck_keep_register(&d, &key, &heap, &err), ERR_OK);
        if (i % 3 < 2)
            text_of(got[i % 3], sizeof got[0], &d, sql[i / 3]);
        else
            assert_false(duck_exec(&d, sql[i / 3]));
        if (i % 3 == 1)
            assert_string_equal(got[0], got[1]);
        assert_int_equal(heap.used, 0);
        duck_close(&d);
    }
}

/* Codes as keep.h has them, in SQL: of numbers, of NULL, and of several keys.
 */
static void codes_are_what_they_say(void **state)
{
    static const struct {
        const char *code, *spelled;
    } codes[] = {
        { "halftone_code_i(CAST(42 AS BIGINT))", "'42,'" },
        { "halftone_code_i(CAST(-9223372036854775808 AS BIGINT))",
          "'-9223372036854775808,'" },
        { "halftone_code_i(CAST(NULL AS BIGINT))", "'n'" },
        { "halftone_code_t(CAST(NULL AS VARCHAR))", "'n'" },
        { "halftone_code_t('a long text, longer than twelve bytes')",
          "'37:a long text, longer than twelve bytes'" },
    };
    char got[64], sql[1024];
    struct duck d;
    struct err err = { 0 };
    (void)state;
    assert_int_equal(duck_open(&d, NULL, &err), ERR_OK);
    assert_int_equal(duck_keep_register(&d, &key, &heap, &err), ERR_OK);
    for (size_t i = 0; i < sizeof codes / sizeof codes[0]; i++) {
        (void)snprintf(sql, sizeof sql,
                       "SELECT %s = " NUMBER("sha256(" KEY " || encode('c' || "
                                             "%s)), 1, 16"),
                       codes[i].code, codes[i].spelled);
        text_of(got, sizeof got, &d, sql);
        if (strcmp(got, "true|") != 0)
            fail_msg("%s: %s", sql, got);
    }
    text_of(got, sizeof got, &d,
            "SELECT count(DISTINCT halftone_both(a, b)), count(*) FROM (SELECT "
            "halftone_code_i(range) AS a FROM range(300)), (SELECT "
            "halftone_code_i(range) AS b FROM range(300))");
    assert_string_equal(got, "90000|90000|");
    duck_close(&d);
}

/* Of five groups of each of 40,000 people, at the corners of a square and one
 * beside it, one is kept: each as often.  Chi squared of 4 degrees: above 30
 * once in 200,000 keys, and this one is fixed. */
static void groups_of_two_keys_are_kept_evenly(void **state)
{
    char got[64];
    struct duck d;
    struct err err = { 0 };
    (void)state;
    assert_int_equal(duck_open(&d, NULL, &err), ERR_OK);
    assert_int_equal(duck_keep_register(&d, &key, &heap, &err), ERR_OK);
    text_of(got, sizeof got, &d,
            "WITH g AS (SELECT *, halftone_both(halftone_code_i(x), "
            "halftone_code_i(y)) AS c FROM (VALUES (CAST(0 AS BIGINT), CAST(0 "
            "AS BIGINT)), (0, 1), (1, 0), (1, 1), (2, 1)) v(x, y)), firsts AS "
            "(SELECT unnest(halftone_keep_i_1_0(p.range, c)) AS e FROM "
            "range(40000) p, g GROUP BY p.range), tally AS (SELECT e.code, "
            "count(*) AS n FROM firsts GROUP BY 1) SELECT count(*), sum(pow(n "
            "- 8000, 2) / 8000.0) < 30 FROM tally");
    assert_string_equal(got, "5|true|");
    duck_close(&d);
}

int main(void)
{
    memset(key.bytes, 'k', sizeof key.bytes);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nulls_take_no_part),
        cmocka_unit_test(pairs_of_groups_are_kept_evenly),
        cmocka_unit_test(codes_are_what_they_say),
        cmocka_unit_test(groups_of_two_keys_are_kept_evenly),
        cmocka_unit_test(a_full_heap_is_told),
        cmocka_unit_test(states_go_to_disk_and_back),
    };
    return RUN_ROWS(rows, same_integers) +
           cmocka_run_group_tests(tests, NULL, NULL);
}
