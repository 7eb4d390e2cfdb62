/* WHERE and FILTER narrow what one person can change, and nothing else. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dp/init.h"
#include "server/sql/sql.h"
#include "tests/lib_plan.h"
#include "tests/table.h"

/*
 * The policy says n in 0..10 and price in -1..7.5 by quarters; Linf is 8, which
 * is as many rows as anyone has here.  `lo` and `hi` are what each row is
 * clamped to, by hand, so that one person moves a sum by 8 max(|lo|, |hi|).
 * `oracle` is the same question as plain SQL over values clamped to what the
 * policy says; rows[i].strays: over data some of which lie outside, too.
 */
static const struct row {
    const char *name, *sum, *where;
    double lo, hi;
    bool strays;
} rows[] = {
    { "as declared", "SUM(n)", "true", 0, 10, true },
    { "BETWEEN", "SUM(n)", "n BETWEEN 2 AND 6", 2, 6, true },
    { "at most", "SUM(n)", "n <= 4", 0, 4, true },
    { "below a whole number lies the one before", "SUM(n)", "n < 4", 0, 3,
      true },
    { "above, likewise", "SUM(-n)", "n > 4 AND n < 7", -6, -5, true },
    { "a real number between whole ones", "SUM(n)", "n < 4.5", 0, 4, true },
    { "the constant first", "SUM(n)", "4 >= n", 0, 4, true },
    { "equal", "SUM(n)", "n = 3", 3, 3, true },
    { "one of some", "SUM(n)", "n IN (3, 5, 4)", 3, 5, true },
    { "not more", "SUM(n)", "NOT (n > 6)", 0, 6, true },
    { "twice", "SUM(n)", "n >= 1 AND n < 9 AND n < 5", 1, 4, true },
    { "past the range every value counts as its end", "SUM(n)", "n > 20", 10,
      10, true },
    { "before it, too", "SUM(price)", "price < -3", -1, -1, true },
    { "reals keep the end", "SUM(price)", "price > 0 AND price < 2.3", 0, 2.3,
      true },
    { "OR says nothing", "SUM(n)", "n < 3 OR kind = 'a'", 0, 10, true },
    { "NULL tests say nothing", "SUM(n)", "n IS NOT NULL", 0, 10, true },
    { "another column says nothing", "SUM(n)", "price < 2", 0, 10, true },
    { "unequal says nothing", "SUM(n)", "n <> 10", 0, 10, true },
    { "what is computed of it", "SUM(2 * n + 1)", "n <= 4", 1, 9, false },
    { "what is compared is computed", "SUM(n - 5)", "n - 5 < 2", -5, 1, false },
    { "two columns", "SUM(n * price)", "n <= 2 AND price BETWEEN 0 AND 1", 0, 2,
      false },
    { "a filter", "SUM(n) FILTER (WHERE n < 3)", "true", 0, 2, true },
    { "a filter beside a WHERE", "SUM(n) FILTER (WHERE n < 6)", "n > 2", 3, 5,
      true },
    { "a filter of another column", "SUM(n) FILTER (WHERE kind = 'a')", "n < 3",
      0, 2, true },
    { "an arm of a CASE", "SUM(CASE WHEN n < 3 THEN n END)", "true", 0, 2,
      true },
    { "an arm of a CASE beside a constant",
      "SUM(CASE WHEN n BETWEEN 4 AND 6 THEN n ELSE 1 END)", "true", 1, 6,
      true },
    { "a CASE beside a WHERE", "SUM(CASE WHEN n < 7 THEN n ELSE 0 END)",
      "n >= 5", 0, 6, true },
};

static char *clamped(const struct row *row)
{
    static char sql[1024];
    (void)snprintf(
        sql, sizeof sql,
        "SELECT coalesce(%s, 0) FROM (SELECT kind, n AS raw_n, price AS "
        "raw_price, CASE WHEN n < 0 THEN 0 WHEN n > 10 THEN 10 ELSE n END AS "
        "n, "
        "CASE WHEN price < -1 THEN -1 WHEN price > 7.5 THEN 7.5 ELSE price END "
        "AS price FROM src.buys WHERE %s)",
        row->sum, row->where);
    return sql;
}

static double oracle(struct plan_db *db, const struct row *row)
{
    duckdb_result r;
    if (duckdb_query(db->conn, clamped(row), &r) != DuckDBSuccess)
        fail_msg("%s", duckdb_result_error(&r));
    const double v = duckdb_value_double(&r, 0, 0);
    duckdb_destroy_result(&r);
    return v;
}

/* People 1 to 6, a row of each of 48 in turn; values inside, or around. */
static void fill(struct plan_db *db, unsigned seed, bool strays)
{
    char sql[1024];
    (void)snprintf(
        sql, sizeof sql,
        "DELETE FROM src.buys; INSERT INTO src.buys (who, kind, n, price) "
        "SELECT 1 + range %% 6, (['a','b'])[1 + h %% 2], CASE WHEN h // 2 %% 9 "
        "> 0 THEN h // 18 %% %d - %d END, CASE WHEN h // 1000 %% 9 > 0 THEN "
        "(h // 9000 %% %d - %d) * 0.25 END FROM (SELECT range, "
        "CAST(hash(range + 1000 * %u) %% 1000000007 AS BIGINT) AS h FROM "
        "range(48))",
        strays ? 41 : 11, strays ? 15 : 0, strays ? 81 : 35, strays ? 40 : 4,
        seed);
    plan_db_run(db, sql);
}

static void check_row(void **state)
{
    const struct row *row = *state;
    const struct request req = { .purpose = "stats",
                                 .bounds = { .max_rows = 8 } };
    char sql[512];
    struct plan_db db;
    struct arena a;
    struct err err = { 0 };
    struct plan *p = NULL;
    arena_init(&a, 1 << 22);
    (void)snprintf(sql, sizeof sql, "SELECT %s FROM buys WHERE %s", row->sum,
                   row->where);
    if (plan_sql(&p, sql, &req, &plan_shop, &a, &err) != ERR_OK)
        fail_msg("%s (%s)", err.msg, err.hint);
    const struct plan_measure *m = &p->measures[0];
    const double most = 8 * fmax(fabs(row->lo), fabs(row->hi));
    const double bound = ldexp((double)m->bound, plan_measure_exp(m));
    if (fabs(bound - most) > 1e-3 * most)
        fail_msg("one person moves the sum by %g, by hand %g", bound, most);
    plan_db_open(&db);
    for (unsigned seed = 0; seed < 12; seed++) {
        fill(&db, seed, row->strays && seed % 2);
        char *got = plan_db_units(&db, p, 7);
        assert_non_null(got);
        const double want = oracle(&db, row);
        if (fabs(strtod(got, NULL) - want) > 1e-6)
            fail_msg("%s is not %.9g", got, want);
        free(got);
    }
    plan_db_close(&db);
    arena_fini(&a);
}

/* The other numbers that a range is of: AVG (8 times half of it), the squares
 * of a spread, and the buckets of a percentile. */
static void narrows_them_all(void **state)
{
    (void)state;
    static const char sql[] =
        "SELECT AVG(n), VAR_POP(n), MEDIAN(price) FROM buys WHERE n BETWEEN 2 "
        "AND 4 AND price < 1.5";
    const struct request req = { .purpose = "stats",
                                 .bounds = { .max_rows = 8 } };
    struct arena a;
    struct err err = { 0 };
    struct plan *p = NULL;
    arena_init(&a, 1 << 22);
    assert_int_equal(plan_sql(&p, sql, &req, &plan_shop, &a, &err), ERR_OK);
    for (size_t i = 0; i < p->n_measures; i++) {
        const struct plan_measure *m = &p->measures[i];
        const double bound = ldexp((double)m->bound, plan_measure_exp(m));
        const double want = m->kind == MEASURE_SUM       ? 8
                            : m->kind == MEASURE_SQUARES ? 4
                                                         : 8;
        if (fabs(bound - want) > 1e-3 * want)
            fail_msg("%s: %g is not %g", m->what, bound, want);
    }
    /* -1, -0.75, ..., 1.5 */
    assert_int_equal(p->hists[0].n_buckets, 11);
    arena_fini(&a);
}

/* Groups are what they were: below 2.5 there are 0, 1 and 2. */
static void keeps_groups(void **state)
{
    (void)state;
    const struct request req = { .purpose = "stats" };
    struct arena a;
    struct err err = { 0 };
    struct plan *p = NULL;
    arena_init(&a, 1 << 22);
    assert_int_equal(plan_sql(&p,
                              "SELECT n, COUNT(*) FROM buys WHERE n < 2.5 "
                              "GROUP BY n",
                              &req, &plan_shop, &a, &err),
                     ERR_OK);
    assert_int_equal(p->groups_public, 3);
    arena_fini(&a);
}

int main(void)
{
    const struct CMUnitTest single[] = {
        cmocka_unit_test(narrows_them_all),
        cmocka_unit_test(keeps_groups),
    };
    dp_init();
    sql_init();
    return RUN_ROWS(rows, check_row) +
           cmocka_run_group_tests(single, NULL, NULL);
}
