/*
 * One plan, two engines: the exact integers of PostgreSQL are those of DuckDB,
 * over the same random rows under the same secret, whatever the rows hold; and
 * what cannot be said in PostgreSQL's SQL is refused by a code.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/sql/sql.h"
#include "tests/lib_pgsame.h"
#include "tests/lib_relation.h"
#include "tests/table.h"

static const char *const asked[] = {
#define ROW(sql, l0, linf, groups, measures, before) sql,
#include "tests/plan_expected.def"
#undef ROW
};

/* A sum with public bounds, whatever x is. */
#define SUM(x) "SUM(greatest(-1000, least(1000, " x ")))"

/* Beside the planner's: what the engine adds up, keeps and bounds. */
static const char *const more_asked[] = {
    "SELECT city, COUNT(*), SUM(n), SUM(price), " SUM(
        "free") " FROM buys GROUP "
                "BY city",
    "SELECT city, kind, COUNT(*), COUNT(DISTINCT who) FROM buys GROUP BY city, "
    "kind",
    "SELECT city, kind, ok, day, SUM(n) FROM buys GROUP BY 1, 2, 3, 4",
    "SELECT at, COUNT(*) FROM buys GROUP BY at",
    "SELECT n, COUNT(DISTINCT city) FROM buys GROUP BY n",
    "SELECT city, COUNT(DISTINCT n), COUNT(DISTINCT day), SUM(n) FROM buys "
    "GROUP BY city",
    "SELECT COUNT(DISTINCT at), COUNT(DISTINCT ok), COUNT(DISTINCT n + 1) FROM "
    "buys",
    "SELECT VAR_POP(price), STDDEV_SAMP(n), AVG(price) FROM buys",
    "SELECT land, SUM(total), COUNT(*) FILTER (WHERE n > 2), SUM(price) FILTER "
    "(WHERE ok) FROM buys GROUP BY land",
    "SELECT percentile_disc(0.5) WITHIN GROUP (ORDER BY n) FROM buys",
    "SELECT land, percentile_cont(0.9) WITHIN GROUP (ORDER BY price), COUNT(*) "
    "FROM buys GROUP BY land",
    "SELECT city, percentile_disc(0.5) WITHIN GROUP (ORDER BY n) FROM buys "
    "GROUP BY city",
    "SELECT home, COUNT(DISTINCT who), SUM(n) FROM buys GROUP BY home",
    "SELECT date_trunc('month', day), COUNT(*) FROM buys GROUP BY 1",
    "SELECT extract(year FROM at), extract(second FROM at), COUNT(*) FROM buys "
    "GROUP BY 1, 2",
    "SELECT day - DATE '2024-01-01', COUNT(*) FROM buys GROUP BY 1",
    "SELECT city || '-' || n, COUNT(*) FROM buys GROUP BY 1",
    "SELECT concat(city, day, n), COUNT(*) FROM buys GROUP BY 1",
    "SELECT COUNT(*) FROM buys WHERE city LIKE '%u_' OR city LIKE '_' OR city "
    "LIKE 'a:%\\c'",
    "SELECT COUNT(*) FROM buys WHERE city < 'a' AND city >= 'B'",
    "SELECT left(city, 2), length(city), COUNT(*) FROM buys GROUP BY 1, 2",
    "SELECT CASE WHEN price > 1 THEN 'hi' WHEN price < -1 THEN 'lo' END, "
    "COUNT(*) FROM buys GROUP BY 1",
    "SELECT CAST(free AS int), COUNT(*) FROM buys GROUP BY 1",
    "SELECT SUM(CAST(ok AS int)), SUM(greatest(least(free, 5), 1)) FROM buys",
    "SELECT COUNT(*) FROM buys WHERE sqrt(free) > 1 OR ln(price) < 0",
    "SELECT lower(city), upper(kind), COUNT(*) FROM buys GROUP BY 1, 2",
    "SELECT COUNT(*) FROM buys WHERE city ILIKE 'z%' OR city ILIKE '%\xc3\x89'",
    "SELECT width_bucket(free, 0, 10, 4), COUNT(*) FROM buys GROUP BY 1",
    "SELECT to_timestamp(free), COUNT(*) FROM buys GROUP BY 1",
    "SELECT at + INTERVAL '1 month', COUNT(*) FROM buys GROUP BY 1",
    "SELECT " SUM("extract(epoch FROM at - TIMESTAMP '2024-01-01')") " FROM "
                                                                     "buys",
    "SELECT COUNT(*) FROM buys WHERE CAST(city AS int) > 1 OR CAST(city AS "
    "date) > '2020-01-01' OR CAST(city AS double precision) > 1 OR CAST(city "
    "AS "
    "timestamp) IS NOT NULL",
    "SELECT " SUM(
        "k") " FROM (SELECT who, n - lag(n) OVER (PARTITION BY who ORDER BY "
             "day, n) AS k FROM buys) x",
    "SELECT city, COUNT(*) FROM trips GROUP BY city",
    "SELECT b.city, SUM(t.km) FROM buys b JOIN trips t ON b.who = t.who GROUP "
    "BY b.city",
    "SELECT k, COUNT(*) FROM (SELECT who, SUM(n) AS k FROM buys GROUP BY who) "
    "x "
    "GROUP BY k",
    "SELECT COUNT(*), SUM(m) FROM (SELECT who, AVG(price) AS m, b FROM (SELECT "
    "who, price, ok AS b FROM buys) y GROUP BY who, b) x",
    "SELECT b, COUNT(*) FROM (SELECT who, MAX(ok) AS b, MIN(ok) AS c FROM buys "
    "GROUP BY who) x GROUP BY b",
};

/* What the engines say alike of numbers that are not absurd: PostgreSQL has no
 * more than 1e150, DuckDB a remainder of the nearest double. */
static const char *const computed[] = {
    "SELECT COUNT(*) FROM (SELECT who, ((((n + 1) * 2 + 1) * 2 + lag(n) OVER "
    "(PARTITION BY who ORDER BY day, n)) * 2.5 + 1) * 3 AS k FROM buys) x "
    "WHERE round(k * 2) * 2 > 1",
    "SELECT COUNT(*) FROM (SELECT who, lag(price) OVER (PARTITION BY who ORDER "
    "BY day) % 0.3 AS m FROM buys) x WHERE m > 0.1",
    "SELECT m, COUNT(*) FROM (SELECT who, CAST(lag(city) OVER (PARTITION BY "
    "who ORDER BY day) AS int) AS m FROM buys) x GROUP BY m",
    "SELECT COUNT(*) FROM (SELECT who, CAST(coalesce(lag(city) OVER (PARTITION "
    "BY who ORDER BY day), '2024-02-30') AS int) AS m, price FROM buys ORDER "
    "BY n DESC, price * lag(n) OVER (PARTITION BY who ORDER BY day) LIMIT 3) x "
    "WHERE m IS NOT NULL OR price > 1",
    "SELECT COUNT(*), " SUM(
        "k") " FROM (SELECT DISTINCT who, power(price, "
             "row_number() OVER (PARTITION BY who ORDER BY "
             "day, n)) AS k, (SELECT max(zone) FROM towns) * "
             "sqrt(price) * 2.5 AS z FROM buys) x WHERE k % "
             "0.7 > 0.1 OR z > 1",
    "SELECT COUNT(*) FROM buys b WHERE sqrt((SELECT max(t.km) FROM trips t "
    "WHERE t.who = b.who) * 2.5 + 1) * price > 2",
    "SELECT COUNT(*) FROM (SELECT b.who, round((b.n + lag(t.km) OVER "
    "(PARTITION BY b.who ORDER BY b.day, t.km)) * 0.37, 1) AS k FROM buys b "
    "JOIN trips t ON b.who = t.who) x WHERE k > 1",
    "SELECT SUM(m), " SUM("s") " FROM (SELECT who, percentile_cont(0.3) WITHIN "
                               "GROUP (ORDER BY price) AS m, "
                               "STDDEV_SAMP(price) AS s FROM buys GROUP BY "
                               "who) x",
    "SELECT SUM(n * price), SUM(n * n * n), SUM(-price), " SUM(
        "price / n") " "
                     "FROM buys",
    "SELECT " SUM("(free + price) * (free - total) / n") " FROM buys",
    "SELECT " SUM("price * free / total") ", " SUM("abs(free) + 1") ", " SUM(
        "n % 3") " FROM buys",
    "SELECT SUM(x) FROM (SELECT free * price * total AS x FROM buys WHERE "
    "free * total > 1 OR free / price > total - free) y WHERE x BETWEEN 0 AND "
    "100",
    "SELECT " SUM("round(free, 1)") ", " SUM("trunc(price, 1)") ", " SUM(
        "power(free, 2)") ", " SUM("power(price, n)") " FROM buys",
    "SELECT " SUM("exp(price)") ", " SUM("log(2, free)") ", " SUM(
        "log(free, price)") ", " SUM("power(2, n)") " FROM buys",
};

#define N_OF(list) (sizeof(list) / sizeof(list)[0])

/* Over what an analyst may nest: joins, groups, windows, sets. */
static void ask_relation(struct pgsame *s, unsigned seed)
{
    static const char *const selects[] = {
        "SELECT COUNT(DISTINCT who), COUNT(*), SUM(n), SUM(d) FROM %s r",
        "SELECT c, COUNT(*), AVG(n) FROM %s r GROUP BY c",
        "SELECT c, n, COUNT(DISTINCT who), COUNT(*) FILTER (WHERE d > 0.5) "
        "FROM "
        "%s r GROUP BY c, n",
        "SELECT c, COUNT(DISTINCT n) FROM %s r GROUP BY c",
        "SELECT percentile_disc(0.5) WITHIN GROUP (ORDER BY least(greatest(n, "
        "0), 9)) FROM %s r",
    };
    struct relation_gen g = { .seed = seed * 2654435761u };
    char *relation = relation_gen(&g, 1 + relation_draw(&g, 2));
    char *rest = NULL, *sql = NULL;
    const char *form =
        selects[relation_draw(&g, sizeof selects / sizeof selects[0])];
    const char *at = strstr(form, "%s");
    assert_true(asprintf(&rest, "%.*s%s%s", (int)(at - form), form, relation,
                         at + 2) > 0);
    assert_true(asprintf(&sql, "%s%s", g.with, rest) > 0);
    pgsame_ask(s, sql);
    free(relation);
    free(rest);
    free(sql);
}

static void ask_each(struct pgsame *s, const char *const *statements, size_t n)
{
    for (size_t i = 0; i < n; i++)
        pgsame_ask(s, statements[i]);
}

enum { RELATIONS = 40 };

static void every_shape(void **state)
{
    (void)state;
    struct pgsame s;
    pgsame_open(&s);
    const char *more = getenv("ENGINE_SEEDS");
    const unsigned seeds = more ? (unsigned)strtoul(more, NULL, 10) : 1;
    for (unsigned seed = 1; seed <= seeds; seed++) {
        pgsource_fill(&s.db, seed);
        ask_each(&s, asked, N_OF(asked));
        ask_each(&s, more_asked, N_OF(more_asked));
        for (unsigned i = 0; i < RELATIONS; i++)
            ask_relation(&s, seed * 1000 + i);
        pgsource_tame(&s.db);
        ask_each(&s, computed, N_OF(computed));
    }
    print_message("%u statements give the same integers, %u questions are "
                  "refused here and %u on every engine, %u differ\n",
                  s.same, s.refused, s.other, s.differ);
    assert_int_equal(s.differ, 0);
    assert_true(s.same > 5 * s.refused);
    pgsame_close(&s);
}

/* Whatever numbers, times and texts there are, no statement fails. */
static void nothing_fails(void **state)
{
    static const char *const reals[] = { "1e308",      "-1e308",
                                         "1e-308",     "-1e-308",
                                         "5e-324",     "0",
                                         "'nan'",      "NULL",
                                         "'infinity'", "'-infinity'",
                                         "-745.5",     "709.9",
                                         "1e150",      "9223372036854775808" };
    static const char *const texts[] = {
        "'99999999999999999999999999999999999999999999'",
        "'2023-02-29'",
        "'2024-13-01'",
        "'0000-01-01'",
        "'1e999'",
        "'1e-999'",
        "'-'",
        "'24:00'",
        "'2024-01-01 24:00:00'",
        "'%_\\'",
        "' 12 '",
        "'NaN'",
        "''"
    };
    enum {
        N = sizeof reals / sizeof reals[0],
        M = sizeof texts / sizeof texts[0]
    };
    (void)state;
    struct pgsame s;
    char *sql = NULL;
    size_t len = 0;
    pgsame_open(&s);
    s.only_runs = true;
    FILE *out = open_memstream(&sql, &len);
    assert_non_null(out);
    (void)fprintf(out, "DELETE FROM buys; INSERT INTO buys VALUES ");
    for (size_t i = 0; i < N * N; i++)
        (void)fprintf(out,
                      "%s(%zu, 'AT', 'a', %s, %s, %s, %s, %s, TRUE, %s, %s, "
                      "'', %s)",
                      i ? ", " : "", i % 7, texts[i % M],
                      i % 3 ? "9223372036854775807" : "-9223372036854775808",
                      reals[i % N], reals[i / N], reals[i % 5],
                      i % 2 ? "'0001-01-01'" : "'9999-12-31'",
                      i % 2 ? "'9999-12-31 23:59:59.999999'" : "'0001-01-01'",
                      texts[i / N % M]);
    (void)fclose(out);
    pgsource_both(&s.db, sql);
    free(sql);
    for (size_t i = 0; i < sizeof asked / sizeof asked[0]; i++)
        pgsame_ask(&s, asked[i]);
    ask_each(&s, more_asked, N_OF(more_asked));
    ask_each(&s, computed, N_OF(computed));
    assert_int_equal(s.differ, 0);
    pgsame_close(&s);
}

/* What there are no words for is told so, before anything is charged: more
 * window functions, and one of them an operand, than a stage has columns. */
static void without_words(void **state)
{
    enum { TOO_MANY = 150 }; /* twice */
    (void)state;
    struct pgsame s;
    char *sql = NULL;
    size_t len = 0;
    pgsame_open(&s);
    FILE *f = open_memstream(&sql, &len);
    assert_non_null(f);
    (void)fprintf(f, "SELECT COUNT(*) FROM (SELECT who, lag(price) OVER "
                     "(PARTITION BY who ORDER BY n) %% 0.3 AS m");
    for (unsigned i = 0; i < TOO_MANY; i++)
        (void)fprintf(f,
                      ", lag(n, %u) OVER (PARTITION BY who ORDER BY n) + "
                      "lag(price, %u) OVER (PARTITION BY who ORDER BY n) AS "
                      "c%u",
                      i, i, i);
    (void)fprintf(f, " FROM buys) x WHERE m > 0.1");
    (void)fclose(f);
    pgsame_ask(&s, sql);
    assert_int_equal(s.refused, 1);
    free(sql);
    pgsame_close(&s);
}

/* ---- expressions ---- */

enum source { A, B, Z };
static const struct {
    enum source from;
    const char *expr, *value;
} values[] = {
#define ROW(from, expr, value) { from, expr, value },
#include "tests/expr_values.def"
#undef ROW
};

static void insert_row(struct pgsame *s, enum source from)
{
    static const char *const rows[] = {
        [A] = "7, 2.5, 'Hello', '2024-05-05 10:11:12.345678', '2024-02-29', "
              "TRUE",
        [B] = "-7, -2.5, '  a,b,c ', '0001-01-01 00:00:00', '2023-12-31', "
              "FALSE",
        [Z] = "NULL, NULL, NULL, NULL, NULL, NULL",
    };
    char sql[512];
    (void)snprintf(sql, sizeof sql,
                   "DELETE FROM buys; INSERT INTO buys(who, n, free, city, "
                   "\"at\", day, ok) VALUES (1, %s)",
                   rows[from]);
    pgsource_both(&s->db, sql);
}

/* What PostgreSQL says of the expression is what our words for it say. */
static bool is_so(struct pgsame *s, size_t i)
{
    const struct request req = { .purpose = "stats" };
    struct err err = { 0 };
    struct plan *plan = NULL;
    struct arena a;
    char sql[1024];
    bool same = true;
    (void)snprintf(sql, sizeof sql,
                   "SELECT COUNT(*) FILTER (WHERE (%s) IS NOT DISTINCT FROM "
                   "%s) FROM buys",
                   values[i].expr, values[i].value);
    arena_init(&a, 1 << 22);
    if (plan_sql(&plan, sql, &req, &s->there, &a, &err) == ERR_OK) {
        char *got = pgsource_answer(s->engine, plan, PGSAME_SECRET, &err);
        same = got && strcmp(got, "1\n") == 0;
        if (!same)
            print_error("%s is not %s: %s\n%s\n", values[i].expr,
                        values[i].value, got ? got : err.msg, plan->sql);
        free(got);
        s->same += same;
        s->differ += !same;
    } else {
        assert_string_equal(err.reason, "engine_sql");
        s->refused++;
        if (s->verbose)
            print_message("refused: %s\n", values[i].expr);
    }
    arena_fini(&a);
    return same;
}

static void every_expression(void **state)
{
    (void)state;
    struct pgsame s;
    pgsame_open(&s);
    for (enum source from = A; from <= Z; from++) {
        insert_row(&s, from);
        for (size_t i = 0; i < sizeof values / sizeof values[0]; i++)
            if (values[i].from == from)
                (void)is_so(&s, i);
    }
    print_message("%u expressions are what PostgreSQL says, %u are refused\n",
                  s.same, s.refused);
    assert_int_equal(s.differ, 0);
    assert_true(s.same > 9 * s.refused);
    pgsame_close(&s);
}

/* Of more digits than a double has as text. */
static void long_remainders(void **state)
{
    (void)state;
    struct pgsame s;
    pgsame_open(&s);
    pgsource_both(&s.db,
                  "DELETE FROM buys; INSERT INTO buys(who, n) VALUES (1, "
                  "1234567890123457), (2, -1234567890123457), (3, NULL)");
    pgsame_ask(&s, "SELECT SUM(abs(n) % 7), SUM((-n) % 7) FROM buys");
    pgsame_ask(&s, "SELECT (-n) % 7, COUNT(*) FROM buys GROUP BY 1");
    assert_int_equal(s.same, 2);
    pgsame_close(&s);
}

/* fmod() of each with each, to the last bit: a remainder is in no other place
 * of a line of 2^k steps than DuckDB's. */
static void remainders_of_fractions(void **state)
{
    static const char *const reals[] = {
        "2.5",
        "-2.5",
        "0.1",
        "0.3",
        "7",
        "1e300",
        "-1e300",
        "1e-300",
        "5e-324",
        "0",
        "'infinity'",
        "'-infinity'",
        "NULL",
        "'nan'",
        "1e-310",
        "9007199254740993",
        "9223372036854775808",
        "3",
        "-0.75",
        "1.7976931348623157e308",
    };
    enum { N = sizeof reals / sizeof reals[0] };
    (void)state;
    struct pgsame s;
    char *sql = NULL;
    size_t len = 0;
    pgsame_open(&s);
    FILE *out = open_memstream(&sql, &len);
    assert_non_null(out);
    (void)fprintf(out, "DELETE FROM buys; INSERT INTO buys(who, free, price, "
                       "n, city) VALUES ");
    for (size_t i = 0; i < N * N; i++)
        (void)fprintf(out, "%s(%zu, %s, %s, %s, 'r%zu')", i ? ", " : "", i,
                      reals[i / N], reals[i % N],
                      i % 5 ? "9223372036854775807" : "-9007199254740993", i);
    (void)fclose(out);
    pgsource_both(&s.db, sql);
    free(sql);
    pgsame_ask(
        &s,
        "SELECT city, " SUM("free % price") ", " SUM(
            "free % price * 1e9") ", " SUM("free % price * 1e15") ", COUNT(*) "
                                                                  "FILTER "
                                                                  "(WHERE free "
                                                                  "% price = "
                                                                  "free), "
                                                                  "COUNT(*) "
                                                                  "FILTER "
                                                                  "(WHERE free "
                                                                  "% price < "
                                                                  "0), "
                                                                  "COUNT(free "
                                                                  "% price) "
                                                                  "FROM buys "
                                                                  "GROUP BY "
                                                                  "city");
    pgsame_ask(
        &s,
        "SELECT city, " SUM("free % 0.3 * 1e15") ", " SUM("price % 7") ", " SUM(
            "n % 1000") ", " SUM("n % 0.7 * "
                                 "1e12") " FROM buys "
                                         "GROUP BY city");
    pgsame_ask(
        &s,
        "SELECT city, COUNT(*) FROM buys WHERE (free % price) % 0.1 > 0.05 OR "
        "n % free = 1 GROUP BY 1");
    assert_int_equal(s.same, 3);
    pgsame_close(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_shape),
        cmocka_unit_test(nothing_fails),
        cmocka_unit_test(without_words),
        cmocka_unit_test(every_expression),
        cmocka_unit_test(long_remainders),
        cmocka_unit_test(remainders_of_fractions),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
