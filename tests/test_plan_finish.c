#include <math.h>
#include <string.h>

#include "server/plan/release.h"
#include "server/plan/typed.h"
#include "server/sql/sql.h"
#include "tests/lib_plan.h"
#include "tests/lib_rng.h"
#include "tests/table.h"

/*
 * From noisy integers, written down here, to the table people read.  Keys are
 * one column of text; measures come in the order the plan made them.
 */
enum { ROWS_MAX = 4, MEASURES_MAX = 3 };

static const struct row {
    const char *name, *sql;
    size_t n;
    const char *keys[ROWS_MAX];
    double noisy[ROWS_MAX][MEASURES_MAX]; /* in units of the column */
    const char *want;                     /* cells by |, rows by newline */
    uint32_t audience;
} rows[] = {
    { "a count below zero is shown as it is",
      "SELECT COUNT(*) FROM buys",
      1,
      { "" },
      { { -3 } },
      "-3\n",
      0 },
    { "a sum on a grid",
      "SELECT SUM(price) FROM buys",
      1,
      { "" },
      { { 1.75 } },
      "1.75\n",
      0 },
    { "a sum of whole numbers",
      "SELECT SUM(n) FROM buys",
      1,
      { "" },
      { { 7 } },
      "7\n",
      0 },
    { "a mean: center 13/4 + (S/4) / N",
      "SELECT AVG(price) FROM buys",
      1,
      { "" },
      { { 10, 5 } },
      "3.75\n",
      0 },
    { "a mean over no one is NULL",
      "SELECT AVG(price) FROM buys",
      1,
      { "" },
      { { 0, 5 } },
      "NULL\n",
      0 },
    { "a variance: around 3.25, squares around 4.25^2 / 2, half a step more",
      "SELECT VAR_POP(price), VAR_SAMP(price) FROM buys",
      1,
      { "" },
      { { 4, -3.5, 6.625 } },
      /* 4.25^2 / 2 + 6.625 / 4 - (3.5 / 4)^2 + 2^-21 */
      "9.921875476837158|13.229167302449545\n",
      0 },
    { "a variance below zero stays, its root is 0",
      "SELECT VAR_POP(price), STDDEV_POP(price) FROM buys",
      1,
      { "" },
      { { 1, 0, -10.03125 } },
      "-0.9999995231628418|0\n",
      0 },
    { "a variance and its root have intervals that hold them",
      "SELECT VAR_POP(price) AS v, STDDEV_POP(price) AS d FROM buys "
      "HAVING dp_low(v) > 9.9217 AND dp_low(v) < 9.9218 AND "
      "dp_high(v) > 9.9219 AND dp_high(v) < 9.922 AND "
      "dp_low(d) > 3.1498 AND dp_high(d) < 3.15",
      1,
      { "" },
      { { 4e6, -3.5e6, 6.625e6 } },
      "9.921875476837158|3.1499008677793587\n",
      0 },
    { "a variance of one row is NULL for a sample",
      "SELECT VARIANCE(price) FROM buys",
      1,
      { "" },
      { { 1, 0, 0 } },
      "NULL\n",
      0 },
    { "a median is its bucket's value",
      "SELECT MEDIAN(n), percentile_disc(0.9) WITHIN GROUP (ORDER BY n), "
      "MEDIAN(price) FROM buys",
      1,
      { "" },
      { { 3, 6, 9 } },
      "3|9|0.5\n",
      0 },
    { "the ends of a column's interval, by its name",
      "SELECT COUNT(DISTINCT who) AS people, dp_low(people), dp_high(people), "
      "dp_high(1 + people) FROM buys HAVING dp_low(people) > 90",
      1,
      { "" },
      { { 100 } },
      "100|95|104|105\n",
      0 },
    { "a quotient by what may be nothing is unbounded, and said so",
      "SELECT COUNT(*) / NULLIF(CAST(COUNT(DISTINCT who) AS double precision), "
      "0) AS r, dp_low(r), dp_high(r) FROM buys",
      1,
      { "" },
      { { 1, 50 } },
      "50|-Infinity|Infinity\n",
      0 },
    { "no interval of a key or of nothing",
      "SELECT dp_low(NULL), dp_low(COUNT(*) * COUNT(DISTINCT who)) FROM buys",
      1,
      { "" },
      { { 50, 1 } },
      "NULL|NULL\n",
      0 },
    { "a sum beside a mean adds the center back",
      "SELECT AVG(price), SUM(price) FROM buys",
      1,
      { "" },
      { { 10, 5 } },
      "3.75|37.5\n",
      0 },
    { "arithmetic",
      "SELECT SUM(n) * 100.0 / COUNT(*) AS x, COUNT(*) - 1 FROM buys",
      1,
      { "" },
      { { 4, 5 } },
      "125|3\n",
      0 },
    { "division by a noisy zero",
      "SELECT SUM(n) / COUNT(*) FROM buys",
      1,
      { "" },
      { { 0, 5 } },
      "NULL\n",
      0 },
    { "rows in the order of their keys",
      "SELECT land, COUNT(*) FROM buys GROUP BY land",
      3,
      { "FR", "AT", "DE" },
      { { 1 }, { 2 }, { 3 } },
      "AT|2\nDE|3\nFR|1\n",
      0 },
    { "rows in the order asked for, ties by key",
      "SELECT land, COUNT(*) FROM buys GROUP BY land ORDER BY COUNT(*) DESC",
      3,
      { "FR", "AT", "DE" },
      { { 1 }, { 2 }, { 2 } },
      "AT|2\nDE|2\nFR|1\n",
      0 },
    { "NULL goes where PostgreSQL puts it",
      "SELECT land, AVG(n) FROM buys GROUP BY land ORDER BY 2 DESC",
      2,
      { "AT", "DE" },
      { { 4, 4 }, { 0, 4 } },
      "DE|NULL\nAT|6\n",
      0 },
    { "HAVING, LIMIT and OFFSET",
      "SELECT land FROM buys GROUP BY land HAVING COUNT(*) > 1 ORDER BY "
      "COUNT(*) LIMIT 1 OFFSET 1",
      3,
      { "FR", "AT", "DE" },
      { { 1 }, { 3 }, { 2 } },
      "AT\n",
      0 },
    { "small groups are cut",
      "SELECT land, COUNT(*) FROM buys GROUP BY land",
      2,
      { "FR", "AT" },
      { { 9, 4 }, { 9, 5 } },
      "AT|9\n",
      5 },
    { "huge noise saturates",
      "SELECT SUM(n) FROM buys",
      1,
      { "" },
      { { 9.3e18 } },
      "9223372036854775807\n",
      0 },
    { "CASE over a noisy number",
      "SELECT CASE WHEN COUNT(*) > 5 THEN 'many' ELSE 'few' END FROM buys",
      1,
      { "" },
      { { 9 } },
      "many\n",
      0 },
};

static void print(char *out, size_t cap, const struct reply_table *t)
{
    struct writer w = writer_of(out, cap);
    for (size_t i = 0; i < t->n_rows * t->n_columns; i++) {
        if (t->cells[i].type == VALUE_NULL)
            writer_str(&w, "NULL");
        value_print(&w, &t->cells[i]);
        writer_str(&w, (i + 1) % t->n_columns ? "|" : "\n");
    }
    assert_true(writer_cstr(&w));
}

/* A number of the release; a pick is its own. */
static dp_int steps_of(const struct plan *p, size_t i, double v)
{
    const int exp = i < p->n_measures ? plan_measure_exp(&p->measures[i]) : 0;
    return (dp_int)ldexp(v, -exp);
}

static void check_row(void **state)
{
    const struct row *row = *state;
    const struct request req = { .purpose = "stats" };
    struct policy policy = plan_shop;
    struct plan *p = NULL;
    struct arena a;
    struct err err = { 0 };
    struct value keys[ROWS_MAX];
    struct dp_noisy noisy[ROWS_MAX * MEASURES_MAX];
    struct reply_table table;
    char text[256];

    arena_init(&a, 1 << 20);
    policy.min_audience = row->audience;
    assert_int_equal(plan_sql(&p, row->sql, &req, &policy, &a, &err), ERR_OK);
    for (size_t i = 0; i < row->n; i++) {
        keys[i] = value_text(row->keys[i], strlen(row->keys[i]));
        for (size_t m = 0; m < plan_width(p); m++)
            noisy[i * plan_width(p) + m].v = steps_of(p, m, row->noisy[i][m]);
    }
    const struct plan_noisy in = { .keys = keys,
                                   .measures = noisy,
                                   .n_rows = row->n };
    assert_int_equal(plan_finish(&table, p, &in, &a, &err), ERR_OK);
    print(text, sizeof text, &table);
    assert_string_equal(text, row->want);
    /* A NULL average says why. */
    const bool told =
        table.n_notices > 0 &&
        strstr(table.notices[table.n_notices - 1], "too small to divide by");
    const bool null = strstr(row->sql, "AVG(") && strstr(row->want, "NULL");
    assert_true(told == null || strstr(row->sql, "VARIANCE("));
    arena_fini(&a);
}

/* Free answers: no engine, no noise, the right shape. */
static const struct probe {
    const char *name, *sql, *want;
    enum value_type type; /* of column 0 */
} probes[] = {
    { "LIMIT 0", "SELECT land, COUNT(*) FROM buys GROUP BY land LIMIT 0", "",
      VALUE_TEXT },
    { "a false filter",
      "SELECT date_trunc('day', at), COUNT(*) FROM buys WHERE 1 = 0 GROUP BY 1",
      "", VALUE_TIMESTAMP },
    { "no groups left",
      "SELECT land, SUM(price) FROM buys WHERE land = 'XX' AND land <> 'XX' "
      "AND kind = 'q' AND false GROUP BY land",
      "", VALUE_TEXT },
    { "without GROUP BY one row",
      "SELECT COUNT(*), SUM(n), AVG(n) FROM buys WHERE false", "0|NULL|NULL\n",
      VALUE_INT },
    { "the privacy key is never NULL",
      "SELECT COUNT(*) FROM buys WHERE who IS NULL", "0\n", VALUE_INT },
    { "keys with public domains are listed, `other` too",
      "SELECT DISTINCT land FROM buys", "AT\nDE\nFR\nother\n", VALUE_TEXT },
    { "a list in the order asked for, cut",
      "SELECT upper(land) FROM buys WHERE n > 3 GROUP BY land HAVING land <> "
      "'FR' ORDER BY land DESC LIMIT 2",
      "OTHER\nDE\n", VALUE_TEXT },
    { "a list without the values that the WHERE excludes",
      "SELECT land FROM buys WHERE land IN ('AT', 'FR') AND land <> 'AT' GROUP "
      "BY land",
      "FR\nother\n", VALUE_TEXT },
    { "all combinations", "SELECT kind, ok FROM buys GROUP BY 1, 2",
      "a|false\na|true\nb|false\nb|true\n", VALUE_TEXT },
    { "a computed key of public values", "SELECT DISTINCT n > 3 FROM buys",
      "false\ntrue\nNULL\n", VALUE_BOOL },
    { "grouping sets of keys alone",
      "SELECT kind, GROUPING(kind) FROM buys GROUP BY ROLLUP (kind)",
      "a|0\nb|0\nNULL|1\n", VALUE_TEXT },
    { "a SELECT around a list",
      "SELECT COUNT(*) FROM (SELECT DISTINCT land FROM buys) x", "4\n",
      VALUE_INT },
    { "a list of nothing", "SELECT DISTINCT land FROM buys WHERE false", "",
      VALUE_TEXT },
    { "a list inside another's filter leaves none out",
      "SELECT DISTINCT kind FROM buys WHERE city IN (SELECT DISTINCT land FROM "
      "buys)",
      "a\nb\n", VALUE_TEXT },
};

static void check_probe(void **state)
{
    const struct probe *row = *state;
    const struct request req = { .purpose = "stats" };
    struct plan *p = NULL;
    struct arena a;
    struct err err = { 0 };
    struct reply_table table;
    char text[256];
    const struct plan_noisy none = { 0 };

    arena_init(&a, 1 << 20);
    assert_int_equal(plan_sql(&p, row->sql, &req, &plan_shop, &a, &err),
                     ERR_OK);
    assert_true(p->is_free);
    assert_int_equal(
        p->price.rho_pico + p->price.eps_nano + p->price.delta_atto, 0);
    assert_int_equal(plan_finish(&table, p, &none, &a, &err), ERR_OK);
    print(text, sizeof text, &table);
    assert_string_equal(text, row->want);
    assert_int_equal(table.columns[0].type, row->type);
    arena_fini(&a);
}

static const struct interval {
    const char *name, *sql;
    long long noisy[MEASURES_MAX];
    int kind;
    double lo, hi; /* within one part in a thousand */
} intervals[] = {
    { "a count: sigma 2.236, 95 %: \302\2614",
      "SELECT COUNT(DISTINCT who) FROM buys",
      { 100 },
      INTERVAL_BOUNDED,
      96,
      104 },
    { "moved and scaled",
      "SELECT 10 - 2 * COUNT(DISTINCT who) FROM buys",
      { 100 },
      INTERVAL_BOUNDED,
      -198,
      -182 },
    { "a mean over too few",
      "SELECT AVG(n) FROM buys",
      { 2, 50 },
      INTERVAL_UNBOUNDED,
      0,
      0 },
    { "rounded with the number",
      "SELECT round(COUNT(DISTINCT who) / 7.0, 1) FROM buys",
      { 100 },
      INTERVAL_BOUNDED,
      13.7,
      14.9 },
    { "a whole quotient by a constant",
      "SELECT COUNT(DISTINCT who) / 10 FROM buys",
      { 105 },
      INTERVAL_BOUNDED,
      10,
      10 },
    { "falling: the ends change places",
      "SELECT floor(-COUNT(DISTINCT who) / 8.0) FROM buys",
      { 100 },
      INTERVAL_BOUNDED,
      -13,
      -12 },
    { "cut at one",
      "SELECT greatest(COUNT(DISTINCT who), 1) FROM buys",
      { 2 },
      INTERVAL_BOUNDED,
      1,
      6 },
    { "cut by CASE, as far as its branches go",
      "SELECT CASE WHEN COUNT(DISTINCT who) < 98 THEN 98 WHEN COUNT(DISTINCT "
      "who) > 103 THEN 200 ELSE COUNT(DISTINCT who) END FROM buys",
      { 100 },
      INTERVAL_BOUNDED,
      98,
      200 },
    { "CASE that hides small numbers",
      "SELECT CASE WHEN COUNT(DISTINCT who) >= 99 THEN COUNT(DISTINCT who) END "
      "FROM buys",
      { 100 },
      INTERVAL_BOUNDED,
      99,
      104 },
    { "CASE whose condition is another number has none",
      "SELECT CASE WHEN COUNT(*) > 5 THEN COUNT(DISTINCT who) ELSE 0 END FROM "
      "buys",
      { 9, 5 },
      INTERVAL_NONE,
      0,
      0 },
    { "COALESCE with a constant",
      "SELECT coalesce(COUNT(DISTINCT who), 0) FROM buys",
      { 100 },
      INTERVAL_BOUNDED,
      96,
      104 },
    { "a rounded share",
      "SELECT round(100.0 * COUNT(*) / NULLIF(COUNT(DISTINCT who), 0), 2) FROM "
      "buys",
      { 5000, 9000 },
      INTERVAL_BOUNDED,
      179.6,
      180.4 },
    { "a logarithm of what may be nothing is unbounded",
      "SELECT ln(COUNT(DISTINCT who)) FROM buys",
      { 3 },
      INTERVAL_UNBOUNDED,
      0,
      0 },
    { "a root of what may be below nothing begins at 0",
      "SELECT sqrt(COUNT(DISTINCT who)) FROM buys",
      { 5 },
      INTERVAL_BOUNDED,
      1,
      3 },
    { "what may fall and rise has none",
      "SELECT abs(COUNT(DISTINCT who)) FROM buys",
      { 100 },
      INTERVAL_NONE,
      0,
      0 },
    { "two aggregates multiplied have none",
      "SELECT COUNT(*) * COUNT(DISTINCT who) FROM buys",
      { 9, 5 },
      INTERVAL_NONE,
      0,
      0 },
    { "a difference: each of sigma 9.487 and 3.162 at 97.5 %, \302\26121 and "
      "\302\2617",
      "SELECT COUNT(*) - COUNT(DISTINCT who) FROM buys",
      { 500, 900 },
      INTERVAL_BOUNDED,
      372,
      428 },
    { "a difference of rates by nothing is unbounded",
      "SELECT 1.0 * COUNT(*) / COUNT(DISTINCT who) - 1.0 * COUNT(*) / COUNT(n) "
      "FROM buys",
      { 900, 500, 1 },
      INTERVAL_UNBOUNDED,
      0,
      0 },
    { "a count that HAVING let through, far past the edge",
      "SELECT COUNT(DISTINCT who) FROM buys HAVING COUNT(DISTINCT who) > 10",
      { 100 },
      INTERVAL_BOUNDED,
      96,
      104 },
    { "three past it: lower than a number that was always told",
      "SELECT COUNT(DISTINCT who) FROM buys HAVING COUNT(DISTINCT who) > 100",
      { 104 },
      INTERVAL_BOUNDED,
      97,
      108 },
    { "just past it",
      "SELECT COUNT(DISTINCT who) FROM buys HAVING COUNT(DISTINCT who) > 100",
      { 101 },
      INTERVAL_BOUNDED,
      0,
      105 },
    { "below an edge: higher",
      "SELECT COUNT(DISTINCT who) FROM buys HAVING 2 * COUNT(DISTINCT who) < "
      "213",
      { 105 },
      INTERVAL_BOUNDED,
      101,
      123 },
    { "behind a LIMIT, by a WHERE around it",
      "SELECT x FROM (SELECT COUNT(DISTINCT who) AS x FROM buys LIMIT 3) y "
      "WHERE x >= 101",
      { 104 },
      INTERVAL_BOUNDED,
      97,
      108 },
    { "by the end of its interval: a number of 105 has one from 101 on",
      "SELECT COUNT(DISTINCT who) AS x FROM buys HAVING dp_low(x) >= 97",
      { 104 },
      INTERVAL_BOUNDED,
      97,
      108 },
    { "HAVING on another number changes nothing",
      "SELECT COUNT(DISTINCT who) FROM buys HAVING COUNT(*) > 899",
      { 100, 900 },
      INTERVAL_BOUNDED,
      94,
      106 },
    { "a quotient with a number near the edge: of two intervals at 97.5 %, "
      "879 to 921 and 89 to 111",
      "SELECT 1.0 * COUNT(*) / COUNT(DISTINCT who) FROM buys HAVING "
      "COUNT(DISTINCT who) > 100",
      { 104, 900 },
      INTERVAL_BOUNDED,
      7.9189,
      10.348 },
    { "and far from it, where Fieller's is narrower",
      "SELECT 1.0 * COUNT(*) / COUNT(DISTINCT who) FROM buys HAVING "
      "COUNT(DISTINCT who) > 100",
      { 5000, 9000 },
      INTERVAL_BOUNDED,
      1.796,
      1.804 },
    { "what a mean of it chose by has none",
      "SELECT COUNT(n) FROM buys HAVING AVG(n) > 3",
      { 5000, 0 },
      INTERVAL_NONE,
      0,
      0 },
    { "nor what OR chose by",
      "SELECT COUNT(*) FROM buys HAVING COUNT(*) < 3 OR COUNT(*) > 100",
      { 5000 },
      INTERVAL_NONE,
      0,
      0 },
    { "nor a percentile's neighbours",
      "SELECT COUNT(*) FROM buys HAVING COUNT(*) > 100 AND MEDIAN(n) > 3",
      { 5000, 9 },
      INTERVAL_BOUNDED,
      4977,
      5023 },
    { "a constant has none",
      "SELECT 1, COUNT(*) FROM buys",
      { 9 },
      INTERVAL_NONE,
      0,
      0 },
};

static void check_interval(void **state)
{
    const struct interval *row = *state;
    const struct request req = { .purpose = "stats" };
    struct plan *p = NULL;
    struct arena a;
    struct err err = { 0 };
    struct reply_table table;
    struct dp_noisy noisy[MEASURES_MAX];

    arena_init(&a, 1 << 20);
    assert_int_equal(plan_sql(&p, row->sql, &req, &plan_shop, &a, &err),
                     ERR_OK);
    for (size_t i = 0; i < MEASURES_MAX; i++)
        noisy[i].v = row->noisy[i];
    const struct plan_noisy in = { .keys = NULL,
                                   .measures = noisy,
                                   .n_rows = 1 };
    assert_int_equal(plan_finish(&table, p, &in, &a, &err), ERR_OK);
    const struct reply_interval *i = &table.intervals[0];
    assert_int_equal(i->kind, row->kind);
    if (row->kind == INTERVAL_BOUNDED) {
        assert_true(fabs(i->lo - row->lo) <= 1e-3 * fabs(row->lo));
        assert_true(fabs(i->hi - row->hi) <= 1e-3 * fabs(row->hi));
    }
    arena_fini(&a);
}

/* Groups that the first release of a chain left out are not answered, however
 * public they are; where rows of others may be, they are. */
static const struct chained {
    const char *name; /* the SQL */
    size_t left;      /* of 8 groups, land by kind; the chain says DE, FR */
} chains[] = {
    { "SELECT land, kind, COUNT(*) FROM buys WHERE land IN (SELECT land FROM "
      "buys GROUP BY land ORDER BY COUNT(*) DESC LIMIT 2) GROUP BY land, kind",
      4 },
    { "WITH top AS (SELECT land, COUNT(*) AS n FROM buys GROUP BY land ORDER "
      "BY "
      "2 DESC LIMIT 2) SELECT b.land, kind, COUNT(*) FROM buys b WHERE b.land "
      "IN (SELECT land FROM top) AND n > 3 GROUP BY b.land, kind",
      4 },
    { "SELECT land, kind, COUNT(*) FROM buys JOIN (SELECT land AS l, COUNT(*) "
      "FROM buys GROUP BY land LIMIT 2) s ON land = l GROUP BY land, kind",
      4 },
    { "SELECT land, kind, COUNT(*) FROM buys, (SELECT land AS l, COUNT(*) FROM "
      "buys GROUP BY land LIMIT 2) s WHERE l = land GROUP BY land, kind",
      4 },
    { "SELECT land, kind, COUNT(*) FROM buys LEFT JOIN (SELECT land AS l, "
      "COUNT(*) FROM buys GROUP BY land LIMIT 2) s ON land = l GROUP BY land, "
      "kind",
      8 },
    { "SELECT land, kind, COUNT(*) FROM buys WHERE land NOT IN (SELECT land "
      "FROM buys GROUP BY land ORDER BY COUNT(*) DESC LIMIT 2) GROUP BY land, "
      "kind",
      8 },
    { "SELECT land, kind, COUNT(*) FROM buys WHERE n = 1 OR land IN (SELECT "
      "land FROM buys GROUP BY land ORDER BY COUNT(*) DESC LIMIT 2) GROUP BY "
      "land, kind",
      8 },
};

static void check_chain(void **state)
{
    const struct chained *row = *state;
    const struct request req = { .purpose = "stats" };
    struct value keys[16], told[] = { value_text("DE", 2), value_int(9),
                                      value_text("FR", 2), value_int(8) };
    struct dp_noisy noisy[16 * MEASURES_MAX] = { { 0 } };
    struct reply_table before = { .cells = told, .n_rows = 2 };
    struct plan *p = NULL;
    struct arena a;
    struct err err = { 0 };
    arena_init(&a, 1 << 22);
    if (plan_sql(&p, row->name, &req, &plan_shop, &a, &err) != ERR_OK)
        fail_msg("%s (%s)", err.msg, err.hint);
    assert_int_equal(p->n_before, 1);
    assert_int_equal(p->groups_public, 8);
    before.n_columns = p->before[0]->n_outputs;
    if (before.n_columns == 1)
        told[1] = told[2];
    for (size_t i = 0; i < 8; i++) {
        plan_group_keys(&keys[2 * i], p, i);
        noisy[i * plan_width(p)].v = (dp_int)i;
    }
    struct plan_noisy in = { .keys = keys, .measures = noisy, .n_rows = 8 };
    plan_keep_amongs(&in, p, &before);
    assert_int_equal(in.n_rows, row->left);
    const size_t land = plan_key_place(p, 0);
    for (size_t i = 0; row->left < 8 && i < in.n_rows; i++)
        assert_true(strcmp(in.keys[2 * i + land].text.s, "DE") == 0 ||
                    strcmp(in.keys[2 * i + land].text.s, "FR") == 0);
    arena_fini(&a);
}

/* A number without an interval says why; texts, keys and others do not. */
static const struct silence {
    const char *name; /* the SQL */
    const char *says; /* in the one notice more, or NULL: none */
} silences[] = {
    { "SELECT COUNT(*), round(AVG(n), 1), 'x' FROM buys", NULL },
    { "SELECT COUNT(*) * COUNT(DISTINCT who) AS square FROM buys",
      "\"square\": it neither adds up" },
    { "SELECT rank() OVER (ORDER BY COUNT(*)) AS r FROM buys",
      "\"r\": it neither adds up" },
    { "SELECT CASE WHEN COUNT(*) > 3 THEN 'many' ELSE 'few' END FROM buys",
      NULL },
    { "SELECT MEDIAN(n) AS m FROM buys", "\"m\": percentiles have one when" },
    { "SELECT COUNT(*) AS n FROM buys HAVING COUNT(*) % 2 = 0",
      "\"n\": rows were chosen by it" },
    { "SELECT COUNT(*) AS n FROM buys HAVING COUNT(*) > 3 AND COUNT(*) < 950",
      NULL },
    { "SELECT a * 2 AS b, a, 7, lo FROM (SELECT COUNT(*) AS a, dp_low(a) AS lo "
      "FROM buys LIMIT 1) x WHERE a > 3",
      "\"b\": it does not pass through as one noisy number" },
    { "SELECT MAX(a) AS m FROM (SELECT COUNT(*) AS a FROM buys LIMIT 1) x",
      "\"m\": it does not pass through" },
    { "SELECT COUNT(*) AS n, dp_low(n), dp_high(n) FROM buys", NULL },
};

static void check_silence(void **state)
{
    const struct silence *row = *state;
    const struct request req = { .purpose = "stats" };
    struct dp_noisy noisy[MEASURES_MAX] = { { 900 }, { 500 }, { 700 } };
    const struct plan_noisy in = { .keys = NULL,
                                   .measures = noisy,
                                   .n_rows = 1 };
    struct reply_table table;
    struct plan *p = NULL;
    struct arena a;
    struct err err = { 0 };
    arena_init(&a, 1 << 20);
    if (plan_sql(&p, row->name, &req, &plan_shop, &a, &err) != ERR_OK)
        fail_msg("%s (%s)", err.msg, err.hint);
    assert_int_equal(plan_finish(&table, p, &in, &a, &err), ERR_OK);
    assert_int_equal(table.n_notices, p->n_notices + (row->says != NULL));
    if (row->says)
        assert_non_null(strstr(table.notices[table.n_notices - 1], row->says));
    arena_fini(&a);
}

/* n averages of 80,640 groups, planned; its text in `sql`. */
static enum err_code plan_many(struct plan **p, size_t n, struct arena *a)
{
    static const struct request req = { .purpose = "stats" };
    static char sql[4096];
    struct err err = { 0 };
    struct writer w = writer_of(sql, sizeof sql);
    writer_str(&w, "SELECT land, date_trunc('minute', at)");
    for (size_t i = 0; i < n; i++)
        writer_printf(&w, ", AVG(n) + %zu", i);
    writer_str(&w, " FROM buys WHERE at >= '2024-01-01' AND at < '2024-01-15' "
                   "GROUP BY 1, 2");
    assert_non_null(writer_cstr(&w));
    return plan_sql(p, sql, &req, &plan_shop, a, &err);
}

/* What memory cannot answer is refused before it is charged; all else fits. */
static void memory_is_known_before(void **state)
{
    enum { MOST = 60 };
    struct plan *p = NULL;
    struct reply_table t;
    struct arena a;
    struct err err = { 0 };
    size_t n = MOST;
    (void)state;
    for (;; n--) {
        arena_init(&a, PLAN_ARENA);
        const enum err_code code = plan_many(&p, n, &a);
        if (code == ERR_OK)
            break;
        assert_int_equal(code, ERR_LIMIT);
        arena_fini(&a);
    }
    assert_true(n > 2 && n < MOST);
    const size_t groups = (size_t)p->groups_public, wide = plan_width(p);
    struct plan_noisy in = {
        .keys = ARENA_NEW_N(&a, groups * p->n_keys, struct value),
        .measures = ARENA_NEW_N(&a, groups * wide, struct dp_noisy),
        .n_rows = groups
    };
    assert_true(in.keys && in.measures && groups == 80640);
    for (size_t i = 0; i < groups; i++)
        plan_group_keys(&in.keys[i * p->n_keys], p, i);
    assert_int_equal(plan_finish(&t, p, &in, &a, &err), ERR_OK);
    arena_fini(&a);
}

/* Asked for, and paid for: what bounds cut, summed over the groups. */
static void reports_are_notices(void **state)
{
    const struct request plain = { .purpose = "stats" };
    const struct request req = { .purpose = "stats",
                                 .bounds_report = true,
                                 .bounds = { .max_groups = 1 } };
    static const char sql[] = "SELECT kind, SUM(n) FROM buys GROUP BY kind";
    static const char *const told[] = {
        "rows with a clamped n: about 15 \302\261",
        "taken off by clamping n to [0, 10] (of a row at most 10): about 12 "
        "\302\261",
        "rows past the first 3 of a person in a group (of a person at most "
        "48): about 203,335 \302\261",
        "people of a group who count in 1 other instead (of a person at most 1 "
        "group): about -3 \302\261",
    };
    struct plan *p = NULL, *without = NULL;
    struct arena a;
    struct err err = { 0 };
    struct reply_table table;
    struct value keys[] = { value_text("a", 1), value_text("b", 1) };
    (void)state;
    arena_init(&a, 1 << 22);
    assert_int_equal(plan_sql(&without, sql, &plain, &plan_shop, &a, &err),
                     ERR_OK);
    assert_int_equal(plan_sql(&p, sql, &req, &plan_shop, &a, &err), ERR_OK);
    assert_int_equal(p->n_measures, 5);
    assert_int_equal(p->n_reports, 4);
    const double unit = ldexp(1, plan_measure_exp(&p->measures[2]));
    assert_int_equal(p->measures[1].bound, 3); /* clamped rows: Linf */
    assert_true((double)p->measures[2].bound * unit == 3 * 10.0);
    assert_int_equal(p->measures[3].bound, 48); /* rows: 16 Linf */
    assert_int_equal(p->measures[4].bound, 1);  /* in one other group */
    assert_int_equal(p->measures[4].l0, 1);
    struct dp_noisy noisy[] = {
        { 100 }, { 7 }, { (dp_int)(2 / unit) },  { 200000 }, { -1 },
        { 200 }, { 8 }, { (dp_int)(10 / unit) }, { 3335 },   { -2 },
    };
    const struct plan_noisy in = { .keys = keys,
                                   .measures = noisy,
                                   .n_rows = 2 };
    const double ratio = (double)p->measures[0].noise.num /
                         (double)without->measures[0].noise.num;
    assert_true(ratio > 0.9 && ratio < 1.1); /* half the price, half the L0 */
    assert_int_equal(plan_finish(&table, p, &in, &a, &err), ERR_OK);
    assert_int_equal(table.n_columns, 2);
    assert_int_equal(table.n_notices, p->n_notices + 4);
    for (size_t i = 0; i < 4; i++)
        if (!strstr(table.notices[p->n_notices + i], told[i]))
            fail_msg("%s", table.notices[p->n_notices + i]);
    assert_non_null(strstr(table.notices[p->n_notices + 2],
                           ", most in a: about 200,000 \302\261"));
    noisy[8].v = -190000; /* as many rows below none are noise, not the most */
    assert_int_equal(plan_finish(&table, p, &in, &a, &err), ERR_OK);
    assert_null(strstr(table.notices[p->n_notices + 2], "; b: "));
    arena_fini(&a);
}

/* A row that too few people are in is in no report either. */
static void reports_keep_the_audience(void **state)
{
    const struct request req = { .purpose = "stats", .bounds_report = true };
    static const char sql[] = "SELECT kind, SUM(n) FROM buys GROUP BY kind";
    struct policy policy = plan_shop;
    struct plan *p = NULL;
    struct arena a;
    struct err err = { 0 };
    struct reply_table table;
    struct value keys[] = { value_text("a", 1), value_text("b", 1) };
    (void)state;
    arena_init(&a, 1 << 22);
    policy.min_audience = 50;
    assert_int_equal(plan_sql(&p, sql, &req, &policy, &a, &err), ERR_OK);
    const size_t width = plan_width(p), cut = width - p->n_reports + 2;
    struct dp_noisy noisy[16] = { { 0 } };
    assert_true(2 * width <= sizeof noisy / sizeof noisy[0] && p->has_people);
    assert_int_equal(p->measures[cut].kind, MEASURE_CUT);
    noisy[p->people].v = 49;
    noisy[cut].v = 200000;
    noisy[width + p->people].v = 50;
    noisy[width + cut].v = 3000;
    const struct plan_noisy in = { .keys = keys,
                                   .measures = noisy,
                                   .n_rows = 2 };
    assert_int_equal(plan_finish(&table, p, &in, &a, &err), ERR_OK);
    assert_int_equal(table.n_rows, 1);
    const char *told = table.notices[p->n_notices + 2];
    if (!strstr(told, "about 3,000 \302\261") || strstr(told, " a: "))
        fail_msg("%s", told);
    noisy[width + p->people].v = 49;
    assert_int_equal(plan_finish(&table, p, &in, &a, &err), ERR_OK);
    assert_int_equal(table.n_notices, p->n_notices);
    arena_fini(&a);
}

/* Each grouping set tells its own; an earlier release of a chain none. */
static void reports_of_sets_and_chains(void **state)
{
    static const char *const sets =
        "SELECT kind, COUNT(*) FROM buys GROUP BY ROLLUP (kind)";
    static const char *const chain =
        "SELECT COUNT(*) FROM buys WHERE city IN (SELECT city FROM buys GROUP "
        "BY city ORDER BY COUNT(*) DESC LIMIT 2)";
    const struct request req = { .purpose = "stats", .bounds_report = true };
    struct plan *p = NULL;
    struct arena a;
    struct err err = { 0 };
    struct plan_noisy each[2] = { { 0 } }, all;
    struct reply_table table;
    struct value keys[] = { value_text("a", 1), value_text("b", 1) };
    struct dp_noisy cells[] = { { 1 }, { 2 }, { 3 }, { 4 } };
    (void)state;
    arena_init(&a, 1 << 22);
    assert_int_equal(plan_sql(&p, sets, &req, &plan_shop, &a, &err), ERR_OK);
    assert_int_equal(p->n_parts, 2);
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(p->parts[i]->n_measures, 2);
        assert_int_equal(p->parts[i]->n_reports, 1);
        each[i] = (struct plan_noisy){ .keys = keys,
                                       .measures = cells,
                                       .n_rows = p->parts[i]->n_keys ? 2 : 1 };
    }
    assert_int_equal(plan_gather(&all, p, each, &a, &err), ERR_OK);
    assert_int_equal(plan_finish(&table, p, &all, &a, &err), ERR_OK);
    assert_int_equal(table.n_notices, p->n_notices + 2);
    assert_non_null(strstr(table.notices[p->n_notices],
                           "cut off by bounds of grouping set 1: "));
    assert_non_null(strstr(table.notices[p->n_notices + 1],
                           "cut off by bounds of grouping set 2: "));
    assert_int_equal(plan_sql(&p, chain, &req, &plan_shop, &a, &err), ERR_OK);
    assert_int_equal(p->n_before, 1);
    assert_int_equal(p->n_reports, 1);
    assert_int_equal(p->before[0]->n_reports, 0);
    arena_fini(&a);
}

/*
 * Grouping sets: rows of each part, keys that it leaves out NULL, as one table
 * in the order asked for, then set by set.
 */
static void sets_are_one_table(void **state)
{
    const struct request req = { .purpose = "stats" };
    struct plan *p = NULL;
    struct arena a;
    struct err err = { 0 };
    struct plan_noisy each[3] = { { 0 } }, all, back;
    struct reply_table table;
    char text[512];
    (void)state;
    arena_init(&a, 1 << 22);
    assert_int_equal(
        plan_sql(
            &p,
            "SELECT kind, ok, COUNT(DISTINCT who) AS c, GROUPING(kind, ok) "
            "AS g, coalesce(kind, 'all') FROM buys GROUP BY ROLLUP (kind, "
            "ok) HAVING COUNT(DISTINCT who) > 10 ORDER BY g DESC, c DESC",
            &req, &plan_shop, &a, &err),
        ERR_OK);
    assert_int_equal(p->n_parts, 3);
    const size_t n_rows[] = { 4, 2, 1 };
    for (size_t i = 0; i < 3; i++) {
        const struct plan *part = p->parts[i];
        assert_int_equal(part->n_keys, 2 - i);
        assert_int_equal(part->groups_public, n_rows[i]);
        each[i].n_rows = n_rows[i];
        each[i].keys = ARENA_NEW_N(&a, 8, struct value);
        each[i].measures = ARENA_NEW_N(&a, 8, struct dp_noisy);
        for (size_t r = 0; r < n_rows[i]; r++) {
            if (part->n_keys > 0)
                plan_group_keys(&each[i].keys[r * part->n_keys], part, r);
            each[i].measures[r].v = (dp_int)(10 * (i + 1) + r);
        }
    }
    assert_int_equal(plan_gather(&all, p, each, &a, &err), ERR_OK);
    assert_int_equal(all.n_rows, 7);
    assert_int_equal(plan_part_rows(&back, p, &all, 1, &a, &err), ERR_OK);
    assert_int_equal(back.n_rows, 2);
    assert_string_equal(back.keys[1].text.s, "b");
    assert_int_equal((int)back.measures[1].v, 21);
    assert_int_equal(plan_finish(&table, p, &all, &a, &err), ERR_OK);
    print(text, sizeof text, &table);
    assert_string_equal(text, "NULL|NULL|30|3|all\n"
                              "b|NULL|21|1|b\n"
                              "a|NULL|20|1|a\n"
                              "b|true|13|0|b\n"
                              "b|false|12|0|b\n"
                              "a|true|11|0|a\n");
    assert_true(table.columns[0].is_key && !table.columns[2].is_key);
    arena_fini(&a);
}

/*
 * Quotients as people write them, over exact counts 3000 and 8000: the interval
 * holds the exact quotient at least as often as it says.  2,000 draws, a miss
 * rate of 5 % is told from one above 7 % at four standard errors.
 */
static void quotients_are_covered(void **state)
{
    static const char *const questions[] = {
        "SELECT 1.0 * COUNT(DISTINCT who) / COUNT(*) FROM buys",
        "SELECT 100 * (COUNT(DISTINCT who)::float8 / nullif(COUNT(*), 0)) "
        "FROM buys",
    };
    enum { DRAWS = 1000 };
    const double exact[] = { 3000.0 / 8000, 100 * 3000.0 / 8000 };
    const struct dp_exact in[2] = { { 3000 }, { 8000 } };
    const struct request req = { .purpose = "stats" };
    gsl_rng *rng = test_rng_new(5);
    struct arena a;
    int misses = 0;
    (void)state;
    for (size_t q = 0; q < 2; q++)
        for (int i = 0; i < DRAWS; i++) {
            struct plan *p = NULL;
            struct err err = { 0 };
            struct reply_table table;
            struct dp_noisy noisy[2];
            arena_init(&a, 1 << 20);
            assert_int_equal(
                plan_sql(&p, questions[q], &req, &plan_shop, &a, &err), ERR_OK);
            for (size_t m = 0; m < 2; m++)
                assert_int_equal(dp_mechanism_release(&noisy[m], &in[m], 1,
                                                      &p->measures[m].noise,
                                                      rng),
                                 DP_OK);
            const struct plan_noisy out = { .measures = noisy, .n_rows = 1 };
            assert_int_equal(plan_finish(&table, p, &out, &a, &err), ERR_OK);
            const struct reply_interval *at = &table.intervals[0];
            assert_int_equal(at->kind, INTERVAL_BOUNDED);
            assert_true(at->hi - at->lo < 0.02 * exact[q]);
            misses += exact[q] < at->lo || exact[q] > at->hi;
            arena_fini(&a);
        }
    assert_true(misses <= 2 * DRAWS * 7 / 100);
    gsl_rng_free(rng);
}

static void an_estimate_tells_what_is_left(void **state)
{
    const struct request req = { .purpose = "stats", .op = REQUEST_ESTIMATE };
    const struct dp_price left = { .rho_pico = UINT64_C(1050000000000),
                                   .delta_atto = 1000000000000 };
    struct plan *p = NULL;
    struct arena a;
    struct err err = { 0 };
    struct reply_estimate e;
    (void)state;
    arena_init(&a, 1 << 20);
    assert_int_equal(
        plan_sql(&p, "SELECT city, COUNT(*), AVG(n) FROM buys GROUP BY city",
                 &req, &plan_shop, &a, &err),
        ERR_OK);
    assert_int_equal(plan_estimate(&e, p, left, &a, &err), ERR_OK);
    assert_int_equal(e.queries_left, 10);
    assert_int_equal(e.n_columns, 3);
    assert_true(e.columns[1].expected_error > 10);
    assert_true(isnan(e.columns[2].expected_error));
    assert_non_null(strstr(e.plan, "rows whose who is NULL are dropped"));
    assert_non_null(strstr(e.plan, "in one pass over the rows"));
    assert_null(strstr(e.plan, "$1"));
    arena_fini(&a);
}

/* What is asked for is reached, and hardly more than that is paid for; what
 * Estimate tells is what the answer's interval shows. */
static void an_accuracy_of_a_sum_is_met_and_not_passed(void **state)
{
    (void)state;
    static const char *const sql[] = {
        "SELECT SUM(price), AVG(price) FROM buys", "SELECT AVG(price) FROM buys"
    };
    for (int k = 0; k < 2; k++)
        for (double w = 150; w < 1e5; w *= 5) {
            const struct request req = {
                .purpose = "stats",
                .op = REQUEST_ESTIMATE,
                .ask = { ASK_ACCURACY_ABS, .half_width = k ? w / 1000 : w },
            };
            struct plan *p = NULL;
            struct arena a;
            struct err err = { 0 };
            struct reply_estimate e;
            struct reply_table table;
            arena_init(&a, 1 << 20);
            assert_int_equal(plan_sql(&p, sql[k], &req, &plan_shop, &a, &err),
                             ERR_OK);
            assert_int_equal(
                plan_estimate(&e, p, (struct dp_price){ 0 }, &a, &err), ERR_OK);
            const double error = e.columns[0].expected_error;
            assert_true(error <= req.ask.half_width);
            assert_true(error >= 0.97 * req.ask.half_width);

            struct dp_noisy noisy[MEASURES_MAX] = { { 0 } };
            const struct plan_noisy in = { .keys = NULL,
                                           .measures = noisy,
                                           .n_rows = 1 };
            assert_int_equal(plan_finish(&table, p, &in, &a, &err), ERR_OK);
            const struct reply_interval *at = table.intervals;
            if (k == 0)
                assert_true(fabs((at->hi - at->lo) / 2 - error) < 1e-9 * error);
            arena_fini(&a);
        }
}

int main(void)
{
    const struct CMUnitTest single[] = {
        cmocka_unit_test(an_estimate_tells_what_is_left),
        cmocka_unit_test(quotients_are_covered),
        cmocka_unit_test(an_accuracy_of_a_sum_is_met_and_not_passed),
        cmocka_unit_test(sets_are_one_table),
        cmocka_unit_test(reports_are_notices),
        cmocka_unit_test(reports_keep_the_audience),
        cmocka_unit_test(memory_is_known_before),
        cmocka_unit_test(reports_of_sets_and_chains),
    };
    sql_init();
    return RUN_ROWS(rows, check_row) + RUN_ROWS(probes, check_probe) +
           RUN_ROWS(intervals, check_interval) +
           RUN_ROWS(silences, check_silence) + RUN_ROWS(chains, check_chain) +
           cmocka_run_group_tests(single, NULL, NULL);
}
