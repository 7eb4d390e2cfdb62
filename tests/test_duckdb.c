#include "server/engine/duckdb.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "server/base/utf8.h"
#include "tests/lib_engine.h"
#include "tests/table.h"

/* What databases and files can hold, and policies declare. */
static const char *const make_files[] = {
    "COPY (SELECT * FROM (VALUES "
    "(1, 'a', 1.5::DOUBLE, DATE '2020-02-29', TIMESTAMP '2020-02-29 12:00:00'),"
    "(2, 'b', 'nan'::DOUBLE, DATE 'infinity', TIMESTAMP 'infinity'),"
    "(3, 'c', 'inf'::DOUBLE, DATE '-infinity', TIMESTAMP '-infinity'),"
    "(9223372036854775807, 'd', '-inf'::DOUBLE, DATE '0001-01-01',"
    " TIMESTAMP '0001-01-01'),"
    "(-9223372036854775808, repeat('x', 1000000), -0.0, NULL, NULL),"
    "(NULL, NULL, NULL, DATE '9999-12-31', TIMESTAMP '9999-12-31 23:59:59'),"
    "(7, concat('n', chr(0), 'l'), 1e308, NULL, NULL)) "
    "t(\"key\", txt, num, day, moment)) TO '@/odd.parquet'",
    "COPY (SELECT i AS \"key\", i % 3 AS grp, i::DECIMAL(9,2) / 4 AS price, "
    "uuid() AS id, [i] AS list FROM range(1000) r(i)) TO '@/plain.parquet'",
    "COPY (SELECT i AS \"key\", i % 3 AS grp FROM range(1000, 1500) r(i)) "
    "TO '@/part-1.parquet'",
    "COPY (SELECT i AS \"key\", i % 3 AS grp FROM range(500) r(i)) "
    "TO '@/part-2.parquet'",
    "COPY (VALUES ('key,grp'), ('1,0'), ('2,x'), ('3'), ('\"4\",\"1\"'), "
    "('5,1,1'), (',1')) TO '@/lines.csv' "
    "(HEADER false, QUOTE '', ESCAPE '', DELIMITER '|')",
    "COPY (VALUES ('key,key')) TO '@/twice.csv' "
    "(HEADER false, QUOTE '', DELIMITER '|')",
    "COPY (SELECT 1 AS \"key\", 0 AS grp) TO '@/a''b \"c\".parquet'",
    "ATTACH '@/shop.db' AS shop",
    "CREATE TABLE shop.people AS SELECT i AS \"key\", i % 3 AS grp "
    "FROM range(10) r(i)",
    "CREATE SCHEMA shop.deep",
    "CREATE TABLE shop.deep.t AS SELECT 1 AS \"key\", 2 AS grp",
    "DETACH shop",
};

static struct lib_files files;
static struct arena arena;
static const uint8_t secret[32] = { 1, 2, 3 };

static const struct column {
    const char *name;
    enum policy_type type;
} key_grp[] = { { "key", POLICY_INT }, { "grp", POLICY_INT } };

/* Open one table called t. */
static enum err_code open_table(struct engine **out, enum policy_source kind,
                                const char *source,
                                const struct column *columns, size_t n,
                                const struct engine_options *options,
                                struct err *err)
{
    struct policy_column c[8] = { 0 };
    for (size_t i = 0; i < n; i++)
        c[i] = (struct policy_column){ .name = columns[i].name,
                                       .type = columns[i].type,
                                       .line = 10 + (unsigned)i };
    struct policy_table t = { .name = "t", .columns = c, .n_columns = n };
    struct policy p = { .source = kind, .tables = &t, .n_tables = 1 };
    char path[256];
    (void)snprintf(path, sizeof path, "%s", lib_files_path(&files, source));
    t.source = path;
    p.database = lib_files_path(&files, "@/shop.db");
    return engine_open(out, &p, options, err);
}

static enum err_code run(struct engine *e, struct engine_result *out,
                         const char *sql, const char *keys, size_t measures)
{
    static const atomic_int go;
    const struct plan plan = lib_plan(sql, keys, measures);
    struct err err = { 0 };
    const enum err_code code =
        engine_run(e, out, &plan, secret, &go, &arena, &err);
    assert_int_equal(code, err.code);
    return code;
}

/* Keys and measures as text: "1,a:5 2,b:6", rows as they come. */
static const char *shown(const struct engine_result *r, size_t keys,
                         size_t measures)
{
    static char text[4096];
    struct writer w = writer_of(text, sizeof text);
    for (size_t i = 0; i < r->n_rows; i++) {
        writer_str(&w, i ? " " : "");
        for (size_t k = 0; k < keys; k++) {
            const struct value *v = &r->keys[i * keys + k];
            writer_str(&w, k ? "," : "");
            if (v->type == VALUE_NULL)
                writer_str(&w, "NULL");
            value_print(&w, v);
        }
        for (size_t m = 0; m < measures; m++) {
            const dp_int n = r->measures[i * measures + m].touched;
            writer_str(&w, m ? "," : ":");
            if (n > INT64_MAX || n < INT64_MIN)
                writer_printf(&w, "%lldx2^64+%llu", (long long)(n >> 64),
                              (unsigned long long)n);
            else
                writer_printf(&w, "%lld", (long long)n);
        }
    }
    assert_true(writer_cstr(&w));
    return text;
}

static const struct answer {
    const char *name, *source;
    struct column columns[4];
    size_t n_columns;
    const char *sql, *keys;
    size_t measures;
    const char *want;
} answers[] = {
    { "a count",
      "@/plain.parquet",
      { { "key", POLICY_INT } },
      1,
      "SELECT count(*)::HUGEINT AS m0 FROM src.t",
      "",
      1,
      ":1000" },
    { "groups and sums",
      "@/plain.parquet",
      { { "key", POLICY_INT }, { "grp", POLICY_INT } },
      2,
      "SELECT grp AS k0, count(*)::HUGEINT AS m0, sum(\"key\")::HUGEINT AS m1 "
      "FROM src.\"t\" GROUP BY 1 ORDER BY 1",
      "i",
      2,
      "0:334,166833 1:333,166167 2:333,166500" },
    { "only declared columns are shown",
      "@/plain.parquet",
      { { "key", POLICY_INT } },
      1,
      "SELECT count(*)::HUGEINT AS m0 FROM information_schema.columns "
      "WHERE table_schema = 'src'",
      "",
      1,
      ":1" },
    { "several files by a pattern",
      "@/part-*.parquet",
      { { "key", POLICY_INT } },
      1,
      "SELECT count(*)::HUGEINT AS m0 FROM src.t",
      "",
      1,
      ":1000" },
    { "a name with quotes in it",
      "@/a'b \"c\".parquet",
      { { "key", POLICY_INT } },
      1,
      "SELECT count(*)::HUGEINT AS m0 FROM src.t",
      "",
      1,
      ":1" },
    { "decimals become doubles",
      "@/plain.parquet",
      { { "price", POLICY_DOUBLE } },
      1,
      "SELECT max(price) AS k0, 1::HUGEINT AS m0 FROM src.t",
      "d",
      1,
      "249.75:1" },
    { "a uuid is text",
      "@/plain.parquet",
      { { "id", POLICY_UUID } },
      1,
      "SELECT count(DISTINCT id)::HUGEINT AS m0 FROM src.t "
      "WHERE length(id) = 36",
      "",
      1,
      ":1000" },
    { "integers of 128 bits, both signs",
      "@/plain.parquet",
      { { "key", POLICY_INT } },
      1,
      "SELECT 170141183460469231731687303715884105727::HUGEINT AS m0, "
      "(-170141183460469231731687303715884105727)::HUGEINT AS m1, "
      "(-1)::HUGEINT AS m2",
      "",
      3,
      ":9223372036854775807x2^64+18446744073709551615,"
      "-9223372036854775808x2^64+1,-1" },
    { "64-bit keys at their ends",
      "@/odd.parquet",
      { { "key", POLICY_INT } },
      1,
      "SELECT \"key\" AS k0, 1::HUGEINT AS m0 FROM src.t "
      "WHERE abs(\"key\"::HUGEINT) > 100 OR \"key\" IS NULL "
      "ORDER BY 1 NULLS LAST",
      "i",
      1,
      "-9223372036854775808:1 9223372036854775807:1 NULL:1" },
    { "infinite dates and times are NULL",
      "@/odd.parquet",
      { { "key", POLICY_INT },
        { "day", POLICY_DATE },
        { "moment", POLICY_TIMESTAMP } },
      3,
      "SELECT day AS k0, moment AS k1, 1::HUGEINT AS m0 FROM src.t "
      "WHERE \"key\" IN (1, 2, 3) ORDER BY \"key\"",
      "DT",
      1,
      "2020-02-29,2020-02-29 12:00:00:1 NULL,NULL:1 NULL,NULL:1" },
    { "dates at their ends",
      "@/odd.parquet",
      { { "txt", POLICY_TEXT }, { "day", POLICY_DATE } },
      2,
      "SELECT day AS k0, 1::HUGEINT AS m0 FROM src.t "
      "WHERE txt = 'd' OR txt IS NULL ORDER BY 1",
      "D",
      1,
      "0001-01-01:1 9999-12-31:1" },
    { "a NUL in a key is shown as its symbol",
      "@/odd.parquet",
      { { "key", POLICY_INT }, { "txt", POLICY_TEXT } },
      2,
      "SELECT txt AS k0, 1::HUGEINT AS m0 FROM src.t WHERE \"key\" = 7",
      "t",
      1,
      "n\xe2\x90\x80l:1" },
    { "a sum over NaN, infinities and NULL clamped in the statement",
      "@/odd.parquet",
      { { "num", POLICY_DOUBLE } },
      1,
      "SELECT sum(CASE WHEN num > 10 THEN 10 WHEN num < -10 THEN -10 "
      "WHEN num IS NULL THEN 0 ELSE floor(num + 0.5) END::BIGINT)::HUGEINT "
      "AS m0 FROM src.t WHERE NOT isnan(num)",
      "",
      1,
      ":12" },
    { "a sum over nothing is zero",
      "@/plain.parquet",
      { { "key", POLICY_INT } },
      1,
      "SELECT sum(\"key\")::HUGEINT AS m0 FROM src.t WHERE false",
      "",
      1,
      ":0" },
    { "no groups",
      "@/plain.parquet",
      { { "key", POLICY_INT } },
      1,
      "SELECT \"key\" AS k0, 1::HUGEINT AS m0 FROM src.t WHERE false",
      "i",
      1,
      "" },
    { "CSV: what does not convert is NULL, broken lines are dropped",
      "@/lines.csv",
      { { "key", POLICY_INT }, { "grp", POLICY_INT } },
      2,
      "SELECT \"key\" AS k0, grp AS k1, 1::HUGEINT AS m0 FROM src.t "
      "ORDER BY 1 NULLS LAST",
      "ii",
      1,
      "1,0:1 2,NULL:1 4,1:1 NULL,1:1" },
};

static void check_answer(void **state)
{
    const struct answer *row = *state;
    struct engine *e = NULL;
    struct engine_result r = { 0 };
    struct err err = { 0 };
    arena_reset(&arena);
    const enum err_code code =
        open_table(&e, SOURCE_FILES, row->source, row->columns, row->n_columns,
                   NULL, &err);
    if (code != ERR_OK)
        print_error("%s (%s)\n", err.msg, err.hint);
    assert_int_equal(code, ERR_OK);
    assert_int_equal(run(e, &r, row->sql, row->keys, row->measures), ERR_OK);
    assert_string_equal(shown(&r, strlen(row->keys), row->measures), row->want);
    engine_close(e);
}

/* Everything that is not one SELECT over the views. */
static const struct attack {
    const char *name, *sql;
} attacks[] = {
    { "COPY to a new file", "COPY (SELECT 1) TO '@/new.csv'" },
    { "COPY over the source", "COPY (SELECT 1 AS \"key\", 1 AS grp) TO "
                              "'@/plain.parquet' (USE_TMP_FILE false)" },
    { "COPY from a file", "COPY src.t FROM '/etc/passwd'" },
    { "ATTACH a file", "ATTACH '@/new.db'" },
    { "ATTACH memory", "ATTACH ':memory:' AS x" },
    { "INSTALL", "INSTALL httpfs" },
    { "LOAD", "LOAD httpfs" },
    { "SET", "SET threads = 7" },
    { "SET what is locked", "SET enable_external_access = true" },
    { "RESET", "RESET lock_configuration" },
    { "PRAGMA", "PRAGMA enable_profiling" },
    { "PRAGMA with a value", "PRAGMA threads = 7" },
    { "EXPORT", "EXPORT DATABASE '@/out'" },
    { "CREATE TABLE", "CREATE TABLE x AS SELECT 1" },
    { "DROP VIEW", "DROP VIEW src.t" },
    { "INSERT", "INSERT INTO src.t VALUES (1)" },
    { "EXPLAIN", "EXPLAIN ANALYZE SELECT 1::HUGEINT AS m0" },
    { "CALL", "CALL enable_logging()" },
    { "two statements", "SELECT 1::HUGEINT AS m0; SELECT 1::HUGEINT AS m0" },
    { "a second statement hidden", "SELECT 1::HUGEINT AS m0; DROP VIEW src.t" },
    { "/etc/passwd as text", "SELECT count(*)::HUGEINT AS m0 FROM "
                             "read_text('/etc/passwd')" },
    { "/etc/passwd as CSV", "SELECT count(*)::HUGEINT AS m0 FROM "
                            "read_csv('/etc/passwd', header = false)" },
    { "a file by name", "SELECT count(*)::HUGEINT AS m0 FROM "
                        "'@/odd.parquet'" },
    { "a file beside the source", "SELECT count(*)::HUGEINT AS m0 FROM "
                                  "read_parquet('@/odd.parquet')" },
    { "the folder", "SELECT count(*)::HUGEINT AS m0 FROM glob('@/*')" },
    { "the network", "SELECT count(*)::HUGEINT AS m0 FROM "
                     "read_csv('http://127.0.0.1:9/x')" },
    { "the environment", "SELECT length(getenv('PATH'))::HUGEINT AS m0" },
    { "nothing", "" },
    { "not SQL", "SELEC" },
    { "an error that depends on data",
      "SELECT sum(CAST('x' || \"key\" AS BIGINT))::HUGEINT AS m0 FROM src.t" },
};

static const char *failure;
static void on_failed(void *ctx, const char *class_name)
{
    (void)ctx;
    failure = class_name;
}

static void check_attack(void **state)
{
    const struct attack *row = *state;
    const struct engine_options o = { .failed = on_failed };
    struct engine *e = NULL;
    struct engine_result r = { 0 };
    struct err err = { 0 };
    arena_reset(&arena);
    assert_int_equal(
        open_table(&e, SOURCE_FILES, "@/plain.parquet", key_grp, 2, &o, &err),
        ERR_OK);
    failure = NULL;
    assert_int_equal(run(e, &r, lib_files_path(&files, row->sql), "", 1),
                     ERR_MISS);
    assert_non_null(failure);
    assert_int_equal(r.n_rows, 0);

    /* The engine still answers, from data that is still whole. */
    assert_int_equal(
        run(e, &r, "SELECT count(*)::HUGEINT AS m0 FROM src.t", "", 1), ERR_OK);
    assert_string_equal(shown(&r, 0, 1), ":1000");
    engine_close(e);
}

/* A statement that is not the plan's is a fault of ours, told apart. */
static const struct shape {
    const char *name, *sql, *keys;
    size_t measures;
} shapes[] = {
    { "a column too many", "SELECT 1::HUGEINT AS m0, 2::HUGEINT AS m1", "", 1 },
    { "a column too few", "SELECT 1::HUGEINT AS m0", "", 2 },
    { "a double as measure", "SELECT 1::DOUBLE AS m0", "", 1 },
    { "a text for a number", "SELECT 'a' AS k0, 1::HUGEINT AS m0", "i", 1 },
    { "a time zone", "SELECT now() AS k0, 1::HUGEINT AS m0", "T", 1 },
    { "a parameter", "SELECT $1::VARCHAR AS k0, 1::HUGEINT AS m0", "t", 1 },
};

static void check_shape(void **state)
{
    const struct shape *row = *state;
    struct engine *e = NULL;
    struct engine_result r = { 0 };
    struct err err = { 0 };
    assert_int_equal(
        open_table(&e, SOURCE_FILES, "@/plain.parquet", key_grp, 2, NULL, &err),
        ERR_OK);
    assert_int_equal(run(e, &r, row->sql, row->keys, row->measures),
                     ERR_INTERNAL);
    engine_close(e);
}

static const struct opening {
    const char *name;
    enum policy_source kind;
    const char *source;
    struct column columns[2];
    size_t n_columns;
    enum err_code want;
    const char *says; /* part of message or hint */
} openings[] = {
    { "a file",
      SOURCE_FILES,
      "@/plain.parquet",
      { { "key", POLICY_INT } },
      1,
      ERR_OK,
      "" },
    { "a table of a database",
      SOURCE_DUCKDB,
      "people",
      { { "key", POLICY_INT } },
      1,
      ERR_OK,
      "" },
    { "a table in a schema of a database",
      SOURCE_DUCKDB,
      "deep.t",
      { { "key", POLICY_INT } },
      1,
      ERR_OK,
      "" },
    { "a CSV file with types declared",
      SOURCE_FILES,
      "@/lines.csv",
      { { "key", POLICY_INT }, { "grp", POLICY_DATE } },
      2,
      ERR_OK,
      "" },
    { "no such file",
      SOURCE_FILES,
      "@/none.parquet",
      { { "key", POLICY_INT } },
      1,
      ERR_NOT_FOUND,
      "none.parquet" },
    { "a pattern that matches nothing",
      SOURCE_FILES,
      "@/none*.parquet",
      { { "key", POLICY_INT } },
      1,
      ERR_NOT_FOUND,
      "none*" },
    { "a folder",
      SOURCE_FILES,
      "@/",
      { { "key", POLICY_INT } },
      1,
      ERR_NOT_FOUND,
      "" },
    { "a missing column",
      SOURCE_FILES,
      "@/plain.parquet",
      { { "nope", POLICY_INT } },
      1,
      ERR_INVALID,
      "no column nope" },
    { "a column in another case",
      SOURCE_FILES,
      "@/plain.parquet",
      { { "KEY", POLICY_INT } },
      1,
      ERR_INVALID,
      "it has key" },
    { "text declared for a number",
      SOURCE_FILES,
      "@/plain.parquet",
      { { "key", POLICY_TEXT } },
      1,
      ERR_INVALID,
      "declare it as int" },
    { "a number declared for text",
      SOURCE_FILES,
      "@/odd.parquet",
      { { "txt", POLICY_INT } },
      1,
      ERR_INVALID,
      "stored as VARCHAR" },
    { "an int declared for a decimal",
      SOURCE_FILES,
      "@/plain.parquet",
      { { "price", POLICY_INT } },
      1,
      ERR_INVALID,
      "declare it as double" },
    { "a list cannot be used",
      SOURCE_FILES,
      "@/plain.parquet",
      { { "list", POLICY_TEXT } },
      1,
      ERR_INVALID,
      "leave the column out" },
    { "names that differ in case",
      SOURCE_FILES,
      "@/plain.parquet",
      { { "key", POLICY_INT }, { "Key", POLICY_INT } },
      2,
      ERR_INVALID,
      "only in case" },
    { "a CSV header with a name twice",
      SOURCE_FILES,
      "@/twice.csv",
      { { "key", POLICY_INT } },
      1,
      ERR_INVALID,
      "column 2" },
    { "a database as a file",
      SOURCE_FILES,
      "@/shop.db",
      { { "key", POLICY_INT } },
      1,
      ERR_INVALID,
      "under `database`" },
    { "a missing table",
      SOURCE_DUCKDB,
      "nobody",
      { { "key", POLICY_INT } },
      1,
      ERR_INVALID,
      "no table nobody" },
};

static void check_opening(void **state)
{
    const struct opening *row = *state;
    struct engine *e = NULL;
    struct err err = { 0 };
    char said[700];
    const enum err_code code = open_table(
        &e, row->kind, row->source, row->columns, row->n_columns, NULL, &err);
    (void)snprintf(said, sizeof said, "%s | %s", err.msg, err.hint);
    if (!strstr(said, row->says) || code != row->want)
        print_error("%s\n", said);
    assert_int_equal(code, row->want);
    assert_non_null(strstr(said, row->says));
    assert_int_equal(e != NULL, code == ERR_OK);
    engine_close(e);
}

struct stopper {
    atomic_int stop;
    int why;
};

static void *stop_soon(void *arg)
{
    struct stopper *s = arg;
    const struct timespec wait = { .tv_nsec = 50 * 1000 * 1000 };
    (void)nanosleep(&wait, NULL);
    atomic_store(&s->stop, s->why);
    return NULL;
}

/*
 * A query of hours ends within 100 ms (plus scheduling) of being told to, also
 * when its one thread is deep in one task.
 */
static void check_stop(void **state)
{
    static const int reasons[] = { ERR_DEADLINE, ERR_CANCELLED };
    const struct engine_options o = { .threads = 1 };
    const struct plan plan =
        lib_plan("SELECT count(*)::HUGEINT AS m0 FROM range(10000000) a(x), "
                 "range(300000) b(y) WHERE hash(x, y) = 1",
                 "", 1);
    struct engine *e = NULL;
    struct err err = { 0 };
    (void)state;
    assert_int_equal(
        open_table(&e, SOURCE_FILES, "@/plain.parquet", key_grp, 2, &o, &err),
        ERR_OK);
    for (size_t i = 0; i < 2; i++) {
        struct stopper s = { .why = reasons[i] };
        struct timespec t0, t1;
        struct engine_result r = { 0 };
        pthread_t thread;
        (void)clock_gettime(CLOCK_MONOTONIC, &t0);
        assert_int_equal(pthread_create(&thread, NULL, stop_soon, &s), 0);
        assert_int_equal(
            engine_run(e, &r, &plan, secret, &s.stop, &arena, &err),
            reasons[i]);
        (void)clock_gettime(CLOCK_MONOTONIC, &t1);
        (void)pthread_join(thread, NULL);
        const double took = (double)(t1.tv_sec - t0.tv_sec) +
                            1e-9 * (double)(t1.tv_nsec - t0.tv_nsec);
        assert_true(took < 1.0); /* a loaded machine's margin */
    }
    engine_close(e);
}

static void *ask_often(void *arg)
{
    static const atomic_int go;
    const struct plan plan = { .sql =
                                   "SELECT count(*)::HUGEINT AS m0 FROM src.t",
                               .n_measures = 1 };
    for (int i = 0; i < 25; i++) {
        struct arena a;
        struct engine_result r = { 0 };
        struct err err;
        arena_init(&a, 1 << 16);
        if (engine_run(arg, &r, &plan, secret, &go, &a, &err) != ERR_OK ||
            r.measures[0].touched != 1000)
            return arg;
        arena_fini(&a);
    }
    return NULL;
}

static void check_threads(void **state)
{
    enum { THREADS = 20 }; /* more than connections are kept */
    pthread_t threads[THREADS];
    struct engine *e = NULL;
    struct err err;
    (void)state;
    assert_int_equal(
        open_table(&e, SOURCE_FILES, "@/plain.parquet", key_grp, 2, NULL, &err),
        ERR_OK);
    for (size_t i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, ask_often, e), 0);
    for (size_t i = 0; i < THREADS; i++) {
        void *bad = NULL;
        assert_int_equal(pthread_join(threads[i], &bad), 0);
        assert_null(bad);
    }
    engine_close(e);
}

/* Many groups, long keys, and every arena too small for them. */
static void check_sizes(void **state)
{
    static const atomic_int go;
    const char *sql = "SELECT concat(i, repeat('\xc3\xa9', 3000)) AS k0, "
                      "i::HUGEINT AS m0 FROM range(5000) r(i)";
    const struct plan plan = lib_plan(sql, "t", 1);
    struct engine *e = NULL;
    struct err err;
    (void)state;
    assert_int_equal(
        open_table(&e, SOURCE_FILES, "@/plain.parquet", key_grp, 2, NULL, &err),
        ERR_OK);
    size_t cap = 1000;
    enum err_code code;
    do {
        struct arena a;
        struct engine_result r = { 0 };
        arena_init(&a, cap);
        code = engine_run(e, &r, &plan, secret, &go, &a, &err);
        if (code == ERR_OK) {
            assert_int_equal(r.n_rows, 5000);
            for (size_t i = 0; i < r.n_rows; i++) {
                assert_in_range(r.keys[i].text.len, ENGINE_TEXT_MAX - 1,
                                ENGINE_TEXT_MAX);
                assert_true(utf8_is_text(r.keys[i].text.s, r.keys[i].text.len));
            }
        } else {
            assert_int_equal(code, ERR_MISS);
            assert_int_equal(r.n_rows, 0);
        }
        arena_fini(&a);
        cap *= 4;
    } while (code == ERR_MISS && cap < (size_t)1 << 30);
    assert_int_equal(code, ERR_OK);
    engine_close(e);
}

/* Out of memory is a miss with a class, and the engine lives on. */
static void check_memory(void **state)
{
    const struct engine_options o = { .memory_limit = 24 << 20,
                                      .threads = 1,
                                      .failed = on_failed };
    struct engine *e = NULL;
    struct engine_result r = { 0 };
    struct err err;
    (void)state;
    assert_int_equal(
        open_table(&e, SOURCE_FILES, "@/plain.parquet", key_grp, 2, &o, &err),
        ERR_OK);
    assert_int_equal(run(e, &r,
                         "SELECT count(DISTINCT hash(i))::HUGEINT AS m0 "
                         "FROM range(20000000) r(i)",
                         "", 1),
                     ERR_MISS);
    assert_string_equal(failure, "out_of_memory");
    assert_int_equal(
        run(e, &r, "SELECT count(*)::HUGEINT AS m0 FROM src.t", "", 1), ERR_OK);
    engine_close(e);
}

/* What is kept of people grows on a heap with half of the memory: when that is
 * full, the statement that may go to disk answers, and without one it is a
 * miss.
 */
static void check_spare(void **state)
{
    static const atomic_int go;
    const struct engine_options o = { .memory_limit = 24 << 20,
                                      .threads = 1,
                                      .failed = on_failed };
    const char *spares[] = { "SELECT 7::HUGEINT AS m0", NULL,
                             "SELECT count(DISTINCT hash(i))::HUGEINT AS m0 "
                             "FROM range(20000000) r(i)" };
    struct engine *e = NULL;
    struct err err;
    (void)state;
    assert_int_equal(
        open_table(&e, SOURCE_FILES, "@/plain.parquet", key_grp, 2, &o, &err),
        ERR_OK);
    for (size_t i = 0; i < sizeof spares / sizeof spares[0]; i++) {
        struct engine_result r = { 0 };
        struct plan plan = lib_plan(
            "SELECT len(halftone_evenly_i(CAST(1 AS BIGINT), 1, 1, CAST(0 AS "
            "UBIGINT), i, CAST(0 AS UBIGINT)))::HUGEINT AS m0 FROM "
            "range(3000000) r(i)",
            "", 1);
        plan.spare_sql = spares[i];
        failure = "";
        assert_int_equal(engine_run(e, &r, &plan, secret, &go, &arena, &err),
                         i == 0 ? ERR_OK : ERR_MISS);
        assert_string_equal(failure, i == 0 ? "" : "out_of_memory");
        if (i == 0)
            assert_string_equal(shown(&r, 0, 1), ":7");
    }
    engine_close(e);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(check_stop),  cmocka_unit_test(check_threads),
        cmocka_unit_test(check_sizes), cmocka_unit_test(check_memory),
        cmocka_unit_test(check_spare),
    };
    lib_files_make(&files, make_files, sizeof make_files / sizeof *make_files);
    arena_init(&arena, 64 << 20);
    const int failed =
        RUN_ROWS(answers, check_answer) + RUN_ROWS(attacks, check_attack) +
        RUN_ROWS(shapes, check_shape) + RUN_ROWS(openings, check_opening) +
        cmocka_run_group_tests(tests, NULL, NULL);
    arena_fini(&arena);
    lib_files_remove(&files);
    return failed;
}
