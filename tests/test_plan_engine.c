#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/sql/sql.h"
#include "tests/lib_plan.h"
#include "tests/table.h"

/*
 * The printed statement on the real engine: small tables whose answers are
 * counted by hand, and data chosen to break functions that are not total.
 */
static const char *const SMALL =
    "DELETE FROM src.buys; INSERT INTO src.buys(who, land, kind, city, n, "
    "price, total, ok, day) VALUES"
    "(1,'AT','a','W',1,1.0,100,true ,'2024-01-05'),"
    "(1,'AT','a','W',2,9.0,100,true ,'2024-01-06'),"
    "(1,'DE','a','B',3,NULL,5,false,'2024-02-05'),"
    "(2,'AT','b','W',4,2.0,7,NULL ,'2024-02-05'),"
    "(2,'XX','z','L',5,-5.0,8,true,'2024-03-31'),"
    "(3,NULL,NULL,NULL,99,'nan',NULL,NULL,NULL),"
    "(NULL,'AT','a','W',10,7,100,true,'2024-01-05');"
    "INSERT INTO src.buys(who, land, kind, n) SELECT 4, 'FR', 'a', 10 FROM "
    "range(20)";

static const struct row {
    const char *name, *sql, *want;
} small[] = {
    { "people", "SELECT COUNT(DISTINCT who) FROM buys", "4\n" },
    { "rows past Linf do not count", "SELECT COUNT(*) FROM buys", "9\n" },
    { "COUNT(x) counts what is not NULL; NaN is NULL",
      "SELECT COUNT(price) FROM buys", "4\n" },
    { "a filter per aggregate",
      "SELECT COUNT(*) FILTER (WHERE n > 2), COUNT(DISTINCT who) FILTER (WHERE "
      "kind = 'a') FROM buys",
      "2|7\n" },
    { "NULL and unknown keys go to the other key",
      "SELECT land, COUNT(DISTINCT who) FROM buys GROUP BY land",
      "AT|2\nDE|1\nFR|1\nother|2\n" },
    { "values outside a domain without one are dropped",
      "SELECT kind, COUNT(DISTINCT who) FROM buys GROUP BY kind",
      "a|2\nb|1\n" },
    { "NULL is a group of its own where groups are selected",
      "SELECT city, COUNT(DISTINCT who) FROM buys WHERE who IS NOT NULL AND n "
      "<> 10 GROUP BY city",
      "B|1\nL|1\nNULL|1\nW|2\n" },
    { "rows are clamped on the grid", "SELECT SUM(price) FROM buys",
      /* 1 + 7.5 + 2 - 1 */ "9.5\n" },
    { "a mean is centred: less (LO + HI) / 2 = 3.25 a row",
      "SELECT AVG(price) FROM buys", "4|-3.5\n" },
    { "a person's sum is clamped, rows are not limited",
      "SELECT SUM(total) FROM buys", "165\n" },
    { "a sum takes at most Linf rows",
      "SELECT SUM(n) FROM buys WHERE who = 4 OR n = 10", NULL },
    { "of equal rows any Linf do", "SELECT SUM(n) FROM buys WHERE land = 'FR'",
      "30\n" },
    { "months are public",
      "SELECT date_trunc('month', day), COUNT(*) FROM buys GROUP BY 1",
      "2024-01-01 00:00:00|2\n2024-02-01 00:00:00|2\n2024-03-01 00:00:00|1\n" },
    { "a filter drops NULL like SQL",
      "SELECT COUNT(*) FROM buys WHERE NOT (ok)", "1\n" },
    /* Without a key, hash(NULL) is hash of this number in DuckDB. */
    { "groups keep apart whatever keys one chooses",
      "SELECT CASE WHEN city = 'B' THEN -2930909409056394622 WHEN city = 'Q' "
      "THEN 1 WHEN city = 'R' THEN 2 END, COUNT(DISTINCT who) FROM buys GROUP "
      "BY 1",
      "-2930909409056394622|1\nNULL|4\n" },
    { "ranges by CASE",
      "SELECT CASE WHEN n < 3 THEN 'low' ELSE 'high' END, COUNT(*) FROM buys "
      "GROUP BY 1",
      "high|7\nlow|2\n" },
    { "text with quotes stays text",
      "SELECT COUNT(*) FROM buys WHERE city = 'W'' OR ''1''=''1'", "0\n" },
    { "different values", "SELECT COUNT(DISTINCT n) FROM buys", "7\n" },
    { "different values of each group, whoever has them",
      "SELECT land, COUNT(DISTINCT n), COUNT(DISTINCT who) FROM buys GROUP BY "
      "land",
      "AT|2|3\nDE|1|1\nFR|1|1\nother|2|2\n" },
    { "different values under a filter, beside sums",
      "SELECT SUM(n), COUNT(DISTINCT kind) FILTER (WHERE n > 2), COUNT(*) FROM "
      "buys",
      "9|3|55\n" },
    { "NULL is no value",
      "SELECT COUNT(DISTINCT price) FROM buys WHERE land = 'DE'", "0\n" },
    { "squares: y = x - 3.25, y^2 - 4.25^2 / 2 each",
      "SELECT VAR_POP(price) FROM buys", "4|-3.5|6.625\n" },
    { "integer division truncates, by zero is NULL",
      "SELECT COUNT(*) FROM buys WHERE 7 / n = 3 OR 1 / (n - n) = 1", "1\n" },
};

/* The first histogram of a plan: keys, bucket, rows. */
static const struct row hists[] = {
    { "a histogram: at most Linf rows, clamped", "SELECT MEDIAN(n) FROM buys",
      "10|4\n1|1\n2|1\n3|1\n4|1\n5|1\n" },
    { "a histogram by group and filter, on quarters from 0, which it leaves",
      "SELECT land, percentile_disc(0.9) WITHIN GROUP (ORDER BY price) FILTER "
      "(WHERE price > 0) FROM buys GROUP BY land",
      "AT|30|1\nAT|4|1\nAT|8|1\n" },
};

/* What bounding cuts off, behind the measures asked for. */
static const struct row reports[] = {
    { "rows past Linf: of 20 rows 3 count", "SELECT COUNT(*) FROM buys",
      "9|17\n" },
    { "clamped rows, at most Linf of a person: 9.0 and -5.0 of [-1, 7.5]",
      "SELECT SUM(price) FROM buys",
      /* 1.5 - 4 taken off */ "9.5|2|-2.5|17\n" },
    { "of a row at most the range: 10 of 99 - 10",
      "SELECT SUM(n) FROM buys WHERE city IS NULL AND land IS NULL",
      "10|1|10|0\n" },
    { "rows clamped under a filter, by group",
      "SELECT kind, SUM(price) FILTER (WHERE n > 1) FROM buys GROUP BY kind",
      "a|7.5|1|1.5|17\nb|2|0|0|0\n" },
    { "a person's sum is clamped: 205 to 150", "SELECT SUM(total) FROM buys",
      "165|55\n" },
    { "one row per person is never past a limit",
      "SELECT SUM(greatest(0, least(3, x))) FROM (SELECT who, COUNT(*) AS x "
      "FROM buys GROUP BY who) AS t",
      "9|0|0\n" },
    { "people alone are cut by no limit on rows",
      "SELECT COUNT(DISTINCT who) FROM buys", "4\n" },
};

static void plan_or_fail(struct plan **out, const char *sql, struct arena *a,
                         enum err_code want)
{
    const struct request req = { .purpose = "stats" };
    struct err err = { 0 };
    const enum err_code got = plan_sql(out, sql, &req, &plan_shop, a, &err);
    if (got != want)
        print_error("%s: %s (%s)\n", sql, err.msg, err.hint);
    assert_int_equal(got, want);
}

static void check_small(void **state)
{
    const struct row *row = *state;
    struct plan_db db;
    struct arena a;
    struct plan *plan = NULL;

    arena_init(&a, 1 << 22);
    plan_or_fail(&plan, row->sql, &a, row->want ? ERR_OK : ERR_REFUSED);
    if (row->want) {
        plan_db_open(&db);
        plan_db_run(&db, SMALL);
        struct plan view = *plan;
        if (plan->n_hists > 0) {
            view.sql = plan->hists[0].sql;
            view.spare_sql = plan->hists[0].spare_sql;
        }
        char *got = plan->n_hists > 0 ? plan_db_answer(&db, &view, 7)
                                      : plan_db_units(&db, &view, 7);
        assert_non_null(got);
        assert_string_equal(got, row->want);
        free(got);
        plan_db_close(&db);
    }
    arena_fini(&a);
}

static void check_report(void **state)
{
    const struct row *row = *state;
    const struct request req = { .purpose = "stats", .bounds_report = true };
    struct plan_db db;
    struct arena a;
    struct err err = { 0 };
    struct plan *plan = NULL;
    arena_init(&a, 1 << 22);
    if (plan_sql(&plan, row->sql, &req, &plan_shop, &a, &err) != ERR_OK)
        fail_msg("%s (%s)", err.msg, err.hint);
    plan_db_open(&db);
    plan_db_run(&db, SMALL);
    char *got = plan_db_units(&db, plan, 7);
    assert_non_null(got);
    assert_string_equal(got, row->want);
    free(got);
    plan_db_close(&db);
    arena_fini(&a);
}

/*
 * Whoever is in a group and does not count there is reported as left out of it;
 * and a group is there only when someone counts in it.
 */
static void left_out_people_are_reported(void **state)
{
    static const struct {
        const char *sql;
        long long people, groups; /* 0: the database's choice */
    } questions[] = {
        { "SELECT land, COUNT(DISTINCT who) FROM buys GROUP BY land", 6, 0 },
        { "SELECT city, COUNT(DISTINCT who) FROM buys GROUP BY city", 0, 3 },
    };
    const struct request req = { .purpose = "stats",
                                 .bounds_report = true,
                                 .bounds = { .max_groups = 1 } };
    struct plan_db db;
    struct arena a;
    struct err err = { 0 };
    (void)state;
    arena_init(&a, 1 << 22);
    plan_db_open(&db);
    plan_db_run(&db, SMALL);
    for (size_t i = 0; i < 2; i++) {
        struct plan *plan = NULL;
        char *save = NULL;
        long long all = 0, groups = 0;
        if (plan_sql(&plan, questions[i].sql, &req, &plan_shop, &a, &err) !=
            ERR_OK)
            fail_msg("%s (%s)", err.msg, err.hint);
        char *got = plan_db_answer(&db, plan, 7);
        assert_non_null(got);
        for (char *line = strtok_r(got, "\n", &save); line;
             line = strtok_r(NULL, "\n", &save), groups++) {
            long long counted = 0, left = 0;
            assert_int_equal(
                sscanf(strchr(line, '|'), "|%lld|%lld", &counted, &left), 2);
            assert_true(counted > 0 || questions[i].people > 0);
            all += counted + left;
        }
        if (questions[i].people)
            assert_int_equal(all, questions[i].people);
        else
            assert_true(groups <= questions[i].groups);
        free(got);
    }
    plan_db_close(&db);
    arena_fini(&a);
}

/* One person with ten values that nobody else has: Linf = 3 of them count. */
static void few_values_of_one_person(void **state)
{
    static const char *const questions[] = {
        "SELECT COUNT(DISTINCT n) FROM buys",
        "SELECT COUNT(DISTINCT city) FROM buys",
        "SELECT COUNT(DISTINCT free) FILTER (WHERE n >= 0) FROM buys",
    };
    struct plan_db db;
    struct arena a;
    (void)state;
    arena_init(&a, 1 << 22);
    plan_db_open(&db);
    plan_db_run(&db, "INSERT INTO src.buys(who, n, city, free) SELECT 1, i, "
                     "'c' || i, i / 7 FROM range(10) t(i)");
    for (size_t i = 0; i < sizeof questions / sizeof questions[0]; i++) {
        struct plan *plan = NULL;
        plan_or_fail(&plan, questions[i], &a, ERR_OK);
        char *got = plan_db_answer(&db, plan, 7);
        assert_non_null(got);
        assert_string_equal(got, "3\n");
        free(got);
    }
    plan_db_close(&db);
    arena_fini(&a);
}

/*
 * A thousand people of 20 rows each, of which one has n = 1 and the others 0:
 * past Linf = 3 each counts as 3 / 20, in whole steps of 1/4096 as 614 of
 * 614.4, not as 0.  The sum of n is 149.9, of n - 5 (the middle) 15000 less.
 */
static void rare_rows_of_people_past_linf(void **state)
{
    static const struct row questions[] = {
        { "one pass", "SELECT AVG(n), SUM(n) FROM buys",
          "3000|-14850.09765625\n" },
        { "a window", "SELECT AVG(n), SUM(n) FROM (SELECT * FROM buys) AS b",
          "3000|-14850.09765625\n" },
        { "by group, in one pass",
          "SELECT city, SUM(n) FROM buys GROUP BY city",
          "W|149.90234375|1000\n" },
        { "by group, by a window",
          "SELECT city, SUM(n) FROM (SELECT * FROM buys) AS b GROUP BY city",
          "W|149.90234375|1000\n" },
    };
    struct plan_db db;
    struct arena a;
    (void)state;
    arena_init(&a, 1 << 22);
    plan_db_open(&db);
    plan_db_run(&db, "INSERT INTO src.buys(who, city, n) SELECT i // 20, 'W', "
                     "CASE WHEN i % 20 = 7 THEN 1 ELSE 0 END FROM range(20000) "
                     "t(i)");
    for (size_t i = 0; i < sizeof questions / sizeof questions[0]; i++) {
        struct plan *plan = NULL;
        plan_or_fail(&plan, questions[i].sql, &a, ERR_OK);
        char *got = plan_db_units(&db, plan, 7);
        assert_non_null(got);
        assert_string_equal(got, questions[i].want);
        free(got);
    }
    plan_db_close(&db);
    arena_fini(&a);
}

/* Every function on every awkward value. */
static const char *const HOSTILE =
    "INSERT INTO src.buys SELECT who, t, t, t, i, d, d, d, b, day, ts, t, t "
    "FROM "
    "(VALUES (1), (NULL), (9223372036854775807), (-9223372036854775808)) "
    "a(who), "
    "(VALUES (''), (NULL), ('%_\\'), ('2024-02-30'), ('9e999'), (repeat('x', "
    "3000)), ('290000-01-01'), ('infinity')) c(t), "
    "(VALUES (CAST('NaN' AS DOUBLE)), (CAST('inf' AS DOUBLE)), (CAST('-inf' AS "
    "DOUBLE)), (1e308), (-0.0), (5e-324), (NULL)) e(d), "
    "(VALUES (9223372036854775807), (-9223372036854775808), (0), (NULL)) f(i), "
    "(VALUES (true), (NULL)) g(b), "
    "(VALUES (CAST('infinity' AS DATE)), (CAST('-infinity' AS DATE)), (DATE "
    "'290000-01-01'), (DATE '0001-01-01'), (NULL)) h(day), "
    "(VALUES (CAST('infinity' AS TIMESTAMP)), (CAST('-infinity' AS "
    "TIMESTAMP)), (TIMESTAMP '9999-12-31 23:59:59.999999')) j(ts)";

static const struct hostile {
    const char *name;
} exprs[] = {
    { "CAST(free / price AS int) = 1" },
    { "CAST(n * n * n * n AS int) > 3" },
    { "n / 0 = 1 OR n / (n - n) = 1" },
    { "-n < 0" },
    { "free * price - free * price > 0" },
    { "free + price = 1e308" },
    { "CAST(note2 AS int) = 1" },
    { "CAST(city AS int) = 1" },
    { "CAST(city AS double precision) = 1" },
    { "CAST(city AS date) = '2024-01-01'" },
    { "CAST(city AS timestamp) < '2024-01-01'" },
    { "date_trunc('month', CAST(city AS date)) < '2024-01-01'" },
    { "date_trunc('year', at) < '2024-01-01'" },
    { "date_trunc('week', day) < '2024-01-01'" },
    { "date_trunc('hour', at) < '2024-01-01'" },
    { "extract(week FROM at) = 1" },
    { "extract(dow FROM day) = 1" },
    { "extract(year FROM day) = 1" },
    { "CAST(day AS timestamp) > '2024-01-01'" },
    { "CAST(at AS date) > '2024-01-01'" },
    { "CAST(at AS text) = 'x'" },
    { "CAST(n AS text) = 'x'" },
    { "CAST(n * 2 AS text) = 'x'" },
    { "lower(city) LIKE '%\\\\' OR city LIKE '_\\%%'" },
    { "least(n, free) = greatest(price, 3)" },
    { "coalesce(free, n) IN (1, 2.5, NULL)" },
    { "CASE WHEN free > 0 THEN n ELSE free END BETWEEN 1 AND 2" },
    { "at BETWEEN '2024-01-01' AND '2024-02-01' OR at = '2024-01-01'" },
    { "day > '2024-01-01' AND at <= '2024-01-01 10:00'" },
    { "n IS DISTINCT FROM free OR ok IS NOT TRUE" },
    { "city ILIKE '%X_' OR starts_with(city, city)" },
    { "mod(n, n - n) = 1 OR free % price = 1" },
    { "day + 365250 > day OR day - 365250 < at" },
    { "day - CAST(at AS date) > 3" },
    { "at + INTERVAL '1000 years' > at - INTERVAL '365250 days'" },
    { "((at + INTERVAL '1000 years') + INTERVAL '1000 years') > at" },
    { "extract(epoch FROM at - day) > 3 OR extract(second FROM at) = 2" },
    { "date_trunc('century', at) = date_trunc('decade', day)" },
    { "date_trunc('millennium', at - INTERVAL '1000 years') = at" },
    { "extract(isoyear FROM at) = extract(doy FROM day)" },
    { "to_timestamp(free) > at OR to_timestamp(n) < at" },
    { "abs(n) = sign(free) OR abs(free) < 3" },
    { "ceil(free) = floor(price) OR trunc(n) = round(n)" },
    { "round(free, 3) = trunc(price, -3) OR round(n, -15) = 1" },
    { "sqrt(free) = exp(price) OR ln(n) = log(free)" },
    { "log(free, price) = log(n, n) OR power(free, price) = power(n, n)" },
    { "width_bucket(free, -1, 1e300, 1000000) = 1" },
    { "length(upper(city)) = strpos(city, 'x')" },
    { "substring(city, -5, 1000000) = left(city, -3) || right(city, -3)" },
    { "split_part(city, '%', -2) = replace(city, 'x', 'yyyyyyyy')" },
    { "concat(city, n, day, at) = btrim(city, '%') || n" },
    { "nullif(free, price) = nullif(n, 0)" },
    { "CAST(city AS boolean) OR CAST(n AS boolean) OR left(city, 3)::int = 1" },
};

static void check_hostile(void **state)
{
    const struct hostile *row = *state;
    static struct plan_db db;
    static bool open;
    char sql[1024];
    struct arena a;
    struct plan *plan = NULL;

    if (!open) {
        plan_db_open(&db);
        plan_db_run(&db, HOSTILE);
        open = true;
    }
    const bool unknown = strstr(row->name, "note2") != NULL;
    arena_init(&a, 1 << 22);
    (void)snprintf(
        sql, sizeof sql,
        "SELECT COUNT(*), COUNT(*) FILTER (WHERE %s) FROM buys WHERE NOT (%s)",
        row->name, row->name);
    plan_or_fail(&plan, sql, &a, unknown ? ERR_NOT_FOUND : ERR_OK);
    for (int pass = 0; !unknown && pass < 2; pass++) {
        char *got = plan_db_answer(&db, plan, 7);
        assert_non_null(got);
        free(got);
        (void)snprintf(sql, sizeof sql,
                       "SELECT city, kind, date_trunc('month', at), "
                       "AVG(price), SUM(total), SUM(n), COUNT(free), "
                       "SUM(greatest(-5, least(5, free * price / n))) FROM "
                       "buys WHERE %s GROUP BY 1, 2, 3",
                       row->name);
        plan_or_fail(&plan, sql, &a, ERR_OK);
    }
    arena_fini(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(few_values_of_one_person),
        cmocka_unit_test(left_out_people_are_reported),
        cmocka_unit_test(rare_rows_of_people_past_linf),
    };
    sql_init();
    return RUN_ROWS(small, check_small) + RUN_ROWS(hists, check_small) +
           RUN_ROWS(reports, check_report) + RUN_ROWS(exprs, check_hostile) +
           cmocka_run_group_tests(tests, NULL, NULL);
}
