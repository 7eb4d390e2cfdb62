#include "server/engine/decisions.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "tests/lib_engine.h"
#include "tests/table.h"

/* Files of decisions, as DuckDB writes them and as people do. */
static const struct row {
    const char *name, *file;
    const char *sql;  /* writes @/FILE */
    const char *rows; /* "subject state purposes at until notice" a line; or: */
    const char *error;
} rows[] = {
    { "CSV with times as text", "d.csv",
      "COPY (SELECT 1 AS subject, 'granted' AS state, 'a;b' AS purposes, "
      "TIMESTAMP '2024-01-02 03:04:05' AS at) TO '@/d.csv' (HEADER)",
      "1 granted [a b] 1704164645000000 0 0\n", NULL },
    { "CSV with an end and a notice", "d.csv",
      "COPY (SELECT 'x:1' AS subject, 'Granted ' AS state, 'a' AS purpose, "
      "1704164645000000 AS at, TIMESTAMP '2025-01-01' AS \"until\", 3 AS "
      "notice) "
      "TO '@/d.csv' (HEADER)",
      "x:1 granted [a] 1704164645000000 1735689600000000 3\n", NULL },
    { "Parquet", "d.parquet",
      "COPY (SELECT i AS subject, 'withdrawn' AS state, ['a', 'b'] AS "
      "purposes, TIMESTAMP '2024-01-02' + to_seconds(i) AS at FROM range(2) "
      "t(i)) TO '@/d.parquet'",
      "0 withdrawn [a b] 1704153600000000 0 0\n"
      "1 withdrawn [a b] 1704153601000000 0 0\n",
      NULL },
    { "JSON lines", "d.jsonl",
      "COPY (SELECT '7' AS subject, 'objected' AS state, ['a'] AS purposes, "
      "'2024-01-02T00:00:00' AS at) TO '@/d.jsonl' (FORMAT json)",
      "7 objected [a] 1704153600000000 0 0\n", NULL },
    { "marks have no purposes", "d.csv",
      "COPY (SELECT 1 AS subject, 'special' AS state, NULL AS purposes, "
      "1704164645000000 AS at) TO '@/d.csv' (HEADER)",
      "1 special [] 1704164645000000 0 0\n", NULL },
    { "choices of channels", "d.csv",
      "COPY (SELECT 1 AS subject, 'email' AS channel, '2 per month' AS at_most,"
      " 1704164645000000 AS at) TO '@/d.csv' (HEADER)",
      "1  [] 1704164645000000 0 0 email 2 per month\n", NULL },
    { "choices beside decisions", "d.jsonl",
      "COPY (SELECT * FROM (VALUES (1, 'contact', '', 'sms', 'never', "
      "1704164645000000), (2, 'granted', 'a', NULL, NULL, 1704164645000000)) "
      "t(subject, state, purposes, channel, at_most, \"at\")) TO '@/d.jsonl' "
      "(FORMAT json)",
      "1 contact [] 1704164645000000 0 0 sms never\n"
      "2 granted [a] 1704164645000000 0 0\n",
      NULL },
    { "choices that do not say how often", "d.csv",
      "COPY (SELECT 1 AS subject, 'email' AS channel, '2024-01-01' AS at) TO "
      "'@/d.csv' (HEADER)",
      NULL, "no column 'at_most'" },
    { "a row that says nothing", "d.csv",
      "COPY (SELECT 1 AS subject, '' AS channel, '' AS at_most, '2024-01-01' "
      "AS "
      "at) TO '@/d.csv' (HEADER)",
      NULL, "row 1: 'state'" },
    { "an end that is none", "d.csv",
      "COPY (SELECT 1 AS subject, 'granted' AS state, 'a' AS purposes, "
      "1704164645000000 AS at, 'next year' AS \"until\") TO '@/d.csv' (HEADER)",
      NULL, "row 1: 'until'" },
    { "an end that is left out", "d.csv",
      "COPY (SELECT 1 AS subject, 'granted' AS state, 'a' AS purposes, "
      "1704164645000000 AS at, '' AS \"until\", '' AS notice) TO '@/d.csv' "
      "(HEADER, FORCE_QUOTE (\"until\"))",
      "1 granted [a] 1704164645000000 0 0\n", NULL },
    { "a notice that is no number", "d.csv",
      "COPY (SELECT 1 AS subject, 'granted' AS state, 'a' AS purposes, "
      "1704164645000000 AS at, 'v2' AS notice) TO '@/d.csv' (HEADER)",
      NULL, "row 1: 'notice'" },
    { "no column of times", "d.csv",
      "COPY (SELECT 1 AS subject, 'granted' AS state, 'a' AS purposes) TO "
      "'@/d.csv' (HEADER)",
      NULL, "no column 'at'" },
    { "a time that is none", "d.csv",
      "COPY (SELECT 1 AS subject, 'granted' AS state, 'a' AS purposes, "
      "'yesterday' AS at) TO '@/d.csv' (HEADER)",
      NULL, "row 1: 'at'" },
    { "nobody", "d.parquet",
      "COPY (SELECT CASE i WHEN 1 THEN NULL ELSE i END AS subject, 'granted' "
      "AS state, 'a' AS purposes, TIMESTAMP '2024-01-02' AS at FROM range(3) "
      "t(i)) TO '@/d.parquet'",
      NULL, "row 2: 'subject'" },
    { "a file of another kind", "d.txt",
      "COPY (SELECT 1 AS subject) TO '@/d.txt' (FORMAT csv)", NULL,
      "no file of decisions" },
};

static void check(void **state)
{
    const struct row *row = *state;
    struct lib_files files;
    struct decisions *d = NULL;
    struct err err = { 0 };
    char path[128], out[1024] = "";
    size_t len = 0;
    lib_files_make(&files, &row->sql, 1);
    (void)snprintf(path, sizeof path, "%s/%s", files.dir, row->file);
    enum err_code code = decisions_open(&d, path, &err);
    bool found = code == ERR_OK;
    while (found) {
        struct decision one;
        code = decisions_next(&found, &one, d, &err);
        found = found && code == ERR_OK;
        if (found)
            len += (size_t)snprintf(
                out + len, sizeof out - len,
                "%s %s [%s] %lld %lld %u%s%s%s%s\n", one.subject, one.state,
                one.purposes, (long long)one.at_us, (long long)one.until_us,
                one.notice, one.channel[0] ? " " : "", one.channel,
                one.at_most[0] ? " " : "", one.at_most);
    }
    if (row->error) {
        assert_int_not_equal(code, ERR_OK);
        if (!strstr(err.msg, row->error))
            fail_msg("%s", err.msg);
    } else {
        assert_int_equal(code, ERR_OK);
        assert_string_equal(out, row->rows);
    }
    decisions_close(d);
    lib_files_remove(&files);
}

/* Wherever a CSV file is cut but between two rows, no row of it is sent. */
static void check_cut(void **state)
{
    static const char *const sql =
        "COPY (SELECT i AS subject, 'granted' AS state, 'a' AS purposes, "
        "'2026-11-01T12:30:15' AS at FROM range(2) t(i)) TO '@/d.csv' (HEADER)";
    struct lib_files files;
    char path[128], text[256];
    (void)state;
    lib_files_make(&files, &sql, 1);
    (void)snprintf(path, sizeof path, "%s/d.csv", files.dir);
    FILE *f = fopen(path, "rb");
    assert_non_null(f);
    const size_t len = fread(text, 1, sizeof text, f);
    (void)fclose(f);
    assert_true(len > 0 && len < sizeof text && text[len - 1] == '\n');
    for (size_t n = len; n-- > 1;) {
        struct decisions *d = NULL;
        struct err err = { 0 };
        assert_int_equal(truncate(path, (off_t)n), 0);
        const enum err_code code = decisions_open(&d, path, &err);
        decisions_close(d);
        if ((text[n - 1] == '\n') != (code == ERR_OK))
            fail_msg("cut after %zu bytes: %s", n, err.msg);
    }
    lib_files_remove(&files);
}

static void check_nowhere(void **state)
{
    struct decisions *d = NULL;
    struct err err = { 0 };
    (void)state;
    assert_int_equal(decisions_open(&d, "/nowhere/d.csv", &err), ERR_NOT_FOUND);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(check_nowhere),
                                        cmocka_unit_test(check_cut) };
    return RUN_ROWS(rows, check) + cmocka_run_group_tests(tests, NULL, NULL);
}
