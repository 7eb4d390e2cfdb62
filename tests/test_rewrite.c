#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "server/engine/duck.h"
#include "server/engine/engine.h"
#include "server/sql/sql.h"
#include "tests/lib_source.h"
#include "tests/table.h"

/*
 * People who were erased are deleted from the sources.  Here the gate numbers
 * people by the digits that end their names, and 7 and 9 were erased.
 */
static uint32_t number(void *ctx, const char *key, size_t len, bool adds)
{
    uint32_t n = 0;
    size_t i = len;
    (void)ctx, (void)adds;
    while (i > 0 && key[i - 1] >= '0' && key[i - 1] <= '9')
        i--;
    for (; i < len; i++)
        n = (n * 10 + (uint32_t)(key[i] - '0')) % 1000;
    return n;
}

static void pin(void *ctx, struct gate_view *out,
                const struct policy_purpose *purpose)
{
    static const uint64_t erased[16] = { 1u << 7 | 1u << 9 };
    static const uint64_t none[16];
    *out = (struct gate_view){ .bits = purpose || ctx ? none : erased,
                               .n = 1000,
                               .inverts = purpose != NULL };
}

static void unpin(void *ctx, const struct gate_view *view)
{
    (void)ctx, (void)view;
}

#define HEAD                                                                   \
    "dataset: s\nexclusive: true\nversion: 1\ndata_version: a\n"               \
    "cap: {rho: 5, delta: 1e-9}\nmax_people: 1000\nslots: {first: 0}\n"        \
    "purposes: {p: {basis: legitimate_interest}}\n"
#define TABLE(name, from, type)                                                \
    "  " name ":\n    from: " from "\n    key: k\n    max_groups: 1\n"         \
    "    max_rows: 9\n    columns:\n      k: {type: " type "}\n"               \
    "      g: {type: int, range: [0, 9]}\n"
/* People 0..99, three rows each, one without a key among them. */
#define ROWS(key)                                                              \
    "(SELECT CASE WHEN i = 5 THEN NULL ELSE " key " END AS k, CAST(i % 10 AS " \
    "BIGINT) AS g, 'name ' || i || '.' AS name FROM (SELECT i // 3 AS i FROM " \
    "range(300) r(i)) ORDER BY hash(i))"

static const struct source_of {
    const char *name, *policy;
    const char *make[8];
    const char *left; /* true once they are gone, all else is there */
} sources[] = {
    { "a Parquet file",
      HEAD "consent: {erasure: {execute: true}}\ntables:\n" TABLE(
          "t", "t.parquet", "int"),
      { "COPY " ROWS("CAST(i AS BIGINT)") " TO '@/t.parquet'" },
      "SELECT count(*) = 294 AND count(*) FILTER (name IN ('name 7.', 'name "
      "9.')) = 0 AND count(*) FILTER (k IS NULL) = 3 AND sum(g) = 1302 FROM "
      "'@/t.parquet'" },
    { "Parquet files that match, some of them compressed",
      HEAD "consent: {erasure: {execute: true}}\ntables:\n" TABLE(
          "t", "t-*.parquet", "text"),
      { "COPY (FROM " ROWS("'who' || i") " WHERE g < 8) TO '@/t-1.parquet' "
                                         "(COMPRESSION gzip)",
        "COPY (FROM " ROWS("'who' || i") " WHERE g >= 8) TO '@/t-2.parquet'" },
      "SELECT count(*) = 294 AND count(*) FILTER (name IN ('name 7.', 'name "
      "9.')) = 0 AND (SELECT min(compression) = 'GZIP' FROM "
      "parquet_metadata('@/t-1.parquet')) FROM '@/t-*.parquet'" },
    { "a DuckDB file and all that is in it",
      HEAD "source: duckdb\ndatabase: s.db\nconsent: {erasure: {execute: "
           "true}}\ntables:\n" TABLE("t", "t", "int")
               TABLE("u", "deep.u", "int"),
      { "ATTACH '@/s.db' AS s", "CREATE SEQUENCE s.counter START 40",
        "CREATE TABLE s.t (k BIGINT, g BIGINT, name VARCHAR DEFAULT 'x', n "
        "BIGINT AS (g + 1))",
        "INSERT INTO s.t FROM " ROWS("CAST(i AS BIGINT)"),
        "CREATE INDEX t_k ON s.t (k); CREATE SCHEMA s.deep; CREATE TABLE "
        "s.deep.u AS FROM " ROWS("CAST(i AS BIGINT)"),
        "CREATE TABLE s.other (id BIGINT PRIMARY KEY); INSERT INTO s.other "
        "FROM range(50); CREATE VIEW s.v AS SELECT 7 AS seven",
        "DETACH s" },
      "ATTACH '@/s.db' AS s (READ_ONLY);SELECT (SELECT count(*) = 294 AND "
      "min(n) = 1 FROM s.t) AND (SELECT count(*) = 294 AND count(*) FILTER "
      "(name = 'name 7.') = 0 FROM s.deep.u) AND (SELECT count(*) FROM "
      "s.other) "
      "= 50 AND (SELECT seven FROM s.v) = 7 AND (SELECT count(*) FROM "
      "duckdb_indexes() WHERE index_name = 't_k') = 1" },
    { "data under pseudonyms, and the map of whose they are",
      HEAD "consent: {map: {from: m.parquet, key: k, subject: email}, erasure: "
           "{execute: true}}\ntables:\n" TABLE("t", "t.parquet", "int"),
      { "COPY " ROWS("CAST(i * 3 AS BIGINT)") " TO '@/t.parquet' (COMPRESSION "
                                              "uncompressed)",
        "COPY (SELECT CASE WHEN i <> 9 THEN i * 3 END AS k, 'mail' || i AS "
        "email FROM range(100) t(i)) TO '@/m.parquet'" },
      /* 9 has no rows: she is in the map alone. */
      "SELECT (SELECT count(*) = 297 AND count(*) FILTER (name = 'name 7.') = "
      "0 "
      "FROM '@/t.parquet') AND (SELECT count(*) = 98 FROM '@/m.parquet')" },
    { "Parquet files in folders whose names are values",
      HEAD "consent: {erasure: {execute: true}}\ntables:\n" TABLE(
          "t", "h/*/*.parquet", "int"),
      { "COPY (SELECT *, g % 2 AS half FROM " ROWS(
          "CAST(i AS BIGINT)") ") TO '@/h' (FORMAT parquet, PARTITION_BY "
                               "half)" },
      /* The files still have no such column. */
      "SELECT (SELECT count(*) = 294 FROM '@/h/*/*.parquet') AND NOT EXISTS "
      "(FROM parquet_schema('@/h/*/*.parquet') WHERE name = 'half')" },
};

static const struct gate GATE = { NULL, number, pin, unpin };

static void open_source(struct lib_source *o, const struct source_of *row)
{
    size_t n = 0;
    while (n < 8 && row->make[n])
        n++;
    lib_source_open(o, row->policy, row->make, n, &GATE);
}

static bool is_true(const struct lib_source *o, const char *sql)
{
    duckdb_database db;
    duckdb_connection con;
    duckdb_result r = { 0 };
    char text[4096];
    (void)snprintf(text, sizeof text, "%s", lib_files_path(&o->files, sql));
    char *second = strstr(text, ");SELECT");
    assert_int_equal(duckdb_open(NULL, &db), DuckDBSuccess);
    assert_int_equal(duckdb_connect(db, &con), DuckDBSuccess);
    if (second) {
        second[1] = '\0';
        assert_int_equal(duckdb_query(con, text, NULL), DuckDBSuccess);
    }
    if (duckdb_query(con, second ? second + 2 : text, &r) != DuckDBSuccess)
        fail_msg("%s", duckdb_result_error(&r));
    const bool is = duckdb_value_boolean(&r, 0, 0);
    duckdb_destroy_result(&r);
    duckdb_disconnect(&con);
    duckdb_close(&db);
    return is;
}

/* Is the text in any file of the folder, where that is not compressed? */
static bool stands_anywhere(const struct lib_source *o, const char *text)
{
    char command[256];
    (void)snprintf(command, sizeof command, "grep -qar '%s' %s", text,
                   o->files.dir);
    return system(command) == 0;
}

static void check_source(void **state)
{
    const struct source_of *row = *state;
    struct lib_source o;
    struct engine_erased found;
    struct err err = { 0 };
    open_source(&o, row);
    const int64_t before = lib_source_people(&o);
    const bool stood = stands_anywhere(&o, "name 7[.]");
    assert_true(engine_can_erase(o.engine));
    if (engine_find_erased(o.engine, &found, &o.a, &err) != ERR_OK)
        fail_msg("%s", err.msg);
    assert_int_equal(found.n, 2);
    if (engine_erase(o.engine, &found, &err) != ERR_OK)
        fail_msg("%s", err.msg);
    assert_true(is_true(&o, row->left));
    assert_false(stands_anywhere(&o, "name 7[.]"));
    assert_true(stood || strchr(row->name, 'P'));
    if (engine_find_erased(o.engine, &found, &o.a, &err) != ERR_OK)
        fail_msg("%s", err.msg);
    assert_int_equal(found.n, 0);
    /* Who is queried now is asked of the new files. */
    assert_int_equal(lib_source_people(&o),
                     before - (o.policy->map.source ? 1 : 2));
    if (engine_erase(o.engine, &found, &err) != ERR_OK)
        fail_msg("%s", err.msg);
    assert_true(is_true(&o, row->left));
    lib_source_close(&o);
}

/* ---- what is left alone ---- */

static void check_csv(void **state)
{
    static const struct source_of csv = {
        .policy = HEAD "consent: {erasure: {execute: true}}\ntables:\n" TABLE(
            "t", "t.csv", "int"),
        .make = { "COPY " ROWS(
            "CAST(i AS BIGINT)") " TO '@/t.csv' (HEADER)" }
    };
    struct lib_source o;
    struct engine_erased found;
    struct err err = { 0 };
    (void)state;
    open_source(&o, &csv);
    assert_false(engine_can_erase(o.engine));
    assert_int_equal(engine_find_erased(o.engine, &found, &o.a, &err), ERR_OK);
    assert_int_equal(found.n, 2);
    assert_int_equal(engine_erase(o.engine, &found, &err), ERR_INTERNAL);
    lib_source_close(&o);
}

static void check_not_allowed(void **state)
{
    static const struct source_of quiet = {
        .policy = HEAD "consent: {}\ntables:\n" TABLE("t", "t.parquet", "int"),
        .make = { "COPY " ROWS("CAST(i AS BIGINT)") " TO '@/t.parquet'" }
    };
    struct lib_source o;
    (void)state;
    open_source(&o, &quiet);
    assert_false(engine_can_erase(o.engine));
    lib_source_close(&o);
}

static void check_foreign_key(void **state)
{
    static const struct source_of keyed = {
        .policy = HEAD
        "source: duckdb\ndatabase: s.db\nconsent: {erasure: {execute: true}}\n"
        "tables:\n" TABLE("t", "t", "int"),
        .make = { "ATTACH '@/s.db' AS s",
                  "CREATE TABLE s.p (id BIGINT PRIMARY KEY); INSERT INTO s.p "
                  "FROM range(100)",
                  "USE s; CREATE TABLE t (k BIGINT REFERENCES p (id), g "
                  "BIGINT); INSERT INTO t SELECT i, 1 FROM range(100) r(i); "
                  "USE memory",
                  "DETACH s" }
    };
    struct lib_source o;
    struct engine_erased found;
    struct err err = { 0 };
    (void)state;
    open_source(&o, &keyed);
    assert_int_equal(engine_find_erased(o.engine, &found, &o.a, &err), ERR_OK);
    const enum err_code code = engine_erase(o.engine, &found, &err);
    if (code == ERR_OK) { /* a DuckDB that can copy them */
        assert_int_equal(lib_source_people(&o), 98);
    } else {
        assert_int_equal(code, ERR_INTERNAL);
        assert_non_null(strstr(err.hint, "erasures sign"));
        assert_int_equal(lib_source_people(&o), 100);
    }
    assert_int_not_equal(
        access(lib_files_path(&o.files, "@/.s.db.erasing"), F_OK), 0);
    lib_source_close(&o);
}

static void check_log(void **state)
{
    struct lib_source o;
    struct engine_erased found;
    struct err err = { 0 };
    (void)state;
    open_source(&o, &sources[2]);
    assert_int_equal(engine_find_erased(o.engine, &found, &o.a, &err), ERR_OK);
    const int fd =
        open(lib_files_path(&o.files, "@/s.db.wal"), O_CREAT | O_WRONLY, 0600);
    assert_true(fd >= 0);
    (void)close(fd);
    assert_int_equal(engine_erase(o.engine, &found, &err), ERR_UNAVAILABLE);
    assert_int_equal(lib_source_people(&o), 99);
    lib_source_close(&o);
}

/* Whether she is in a file that cannot be read, nobody knows. */
static void check_unreadable(void **state)
{
    static const char bytes[256] = { 'x' };
    struct lib_source o;
    struct engine_erased found;
    struct err err = { 0 };
    (void)state;
    open_source(&o, &sources[1]);
    assert_int_equal(engine_find_erased(o.engine, &found, &o.a, &err), ERR_OK);
    /* Its columns are told at its end. */
    const int fd = open(lib_files_path(&o.files, "@/t-1.parquet"), O_WRONLY);
    assert_int_equal(pwrite(fd, bytes, sizeof bytes, 4), sizeof bytes);
    assert_int_equal(close(fd), 0);
    assert_int_equal(engine_erase(o.engine, &found, &err), ERR_INTERNAL);
    assert_non_null(strstr(err.msg, "t-1.parquet"));
    assert_non_null(strstr(err.hint, "erasures sign"));
    lib_source_close(&o);
}

/* An owner puts another database in the place of the one that is open. */
static void check_replaced(void **state)
{
    static const char *const other[] = {
        "ATTACH '@/s.db' AS s",
        "CREATE TABLE s.t AS SELECT i AS k, 1::BIGINT AS g FROM range(20) r(i)",
        "CREATE SCHEMA s.deep; CREATE TABLE s.deep.u AS FROM s.t", "DETACH s"
    };
    struct lib_source o;
    struct lib_files files;
    char from[128], to[128];
    (void)state;
    open_source(&o, &sources[2]);
    lib_files_make(&files, other, 4);
    (void)snprintf(from, sizeof from, "%s/s.db", files.dir);
    (void)snprintf(to, sizeof to, "%s/s.db", o.files.dir);
    assert_int_equal(rename(from, to), 0);
    assert_int_equal(lib_source_people(&o), 99);
    engine_refresh(o.engine);
    assert_int_equal(lib_source_people(&o), 20);
    lib_files_remove(&files);
    lib_source_close(&o);
}

/* What a crash left beside the files goes at the next start. */
static void check_left_over(void **state)
{
    struct lib_source o;
    struct err err = { 0 };
    char name[128];
    (void)state;
    open_source(&o, &sources[2]);
    (void)snprintf(name, sizeof name, "%s/.s.db.erasing", o.files.dir);
    FILE *f = fopen(name, "w");
    assert_non_null(f);
    (void)fputs("name 7", f);
    (void)fclose(f);
    engine_close(o.engine);
    const struct engine_options options = { .gate = &GATE };
    assert_int_equal(engine_open(&o.engine, o.policy, &options, &err), ERR_OK);
    assert_int_not_equal(access(name, F_OK), 0);
    lib_source_close(&o);
}

int main(void)
{
    const struct CMUnitTest others[] = {
        { "a CSV file is its owner's", check_csv, NULL, NULL, NULL },
        { "nothing is written unless the policy says so", check_not_allowed,
          NULL, NULL, NULL },
        { "what cannot be copied stays as it is", check_foreign_key, NULL, NULL,
          NULL },
        { "a database that is being written stays as it is", check_log, NULL,
          NULL, NULL },
        { "a file that cannot be read may hold who was erased",
          check_unreadable, NULL, NULL, NULL },
        { "a database that was replaced is read", check_replaced, NULL, NULL,
          NULL },
        { "a crash leaves nothing beside the files", check_left_over, NULL,
          NULL, NULL },
    };
    sql_init();
    int failed = RUN_ROWS(sources, check_source);
    failed += cmocka_run_group_tests_name(__FILE__, others, NULL, NULL);
    return failed;
}
