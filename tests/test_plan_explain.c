/* EXPLAIN (PRIVACY): what a reader is told, in full, and that it adds up. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dp/init.h"
#include "server/plan/explain.h"
#include "server/sql/sql.h"
#include "tests/lib_plan.h"
#include "tests/table.h"

/* Lines of the text, in their order, others between them. */
enum { LINES = 9 };
static const struct row {
    const char *name, *sql;
    const char *says[LINES];
} rows[] = {
    { "a count: who owns it, its limits, its noise, its price",
      "SELECT COUNT(*) FROM buys WHERE kind = 'a'",
      { "Owned table shop.buys, one owner per row: who",
        "  rows whose who is NULL are dropped", "  rows kept: (kind = 'a')",
        "  at most 3 rows per person and group (Linf)",
        "Measure m0: rows; one person changes it by at most 3 per group; "
        "discrete Gaussian, scale 6.7082; \302\26113 at 95 %; costs rho 0.1",
        "Column count: m0; expected error \302\26113",
        "Price: rho 0.09999999, delta 0; alone epsilon 2.142 at delta 1e-6",
        "Engine:" } },
    { "public groups, a sum, a mean and a spread of the same numbers",
      "SELECT land, SUM(n), AVG(n), VAR_POP(n) FROM buys GROUP BY land",
      { "  each person in at most 2 groups (L0): in one pass over the rows",
        "Group key land: public, 4 values, others counted as other",
        "Note: n counts as within [0, 10]: what lies outside is clamped",
        "Measure m0: rows with n; one person changes it by at most 3 per group",
        "Measure m1: sum of n in [0, 10], each less 5; one person changes it "
        "by "
        "at most 15 per group",
        "Measure m2: squares of n, each of the distance from 5; one person",
        "Column sum: m1 + 5 x m0; expected error \302\261",
        "Column avg: 5 + m1 / m0; expected error \302\261",
        "Column var_pop: m2, m1 and m0; expected error depends" } },
    { "private groups",
      "SELECT city, COUNT(DISTINCT who) FROM buys GROUP BY city",
      { "Group key city: private, selected",
        "A group is shown when its noisy number of people exceeds 19 (delta "
        "1e-8)",
        "Column count: m0; expected error \302\261", "Price: rho " } },
    { "a percentile",
      "SELECT MEDIAN(n) FROM buys",
      { "Percentile 0.5 of n: 11 buckets; one person has at most 3 rows in a "
        "group; exponential mechanism, epsilon ",
        "Column median: percentile 0.5 of n; its rank is off by at most " } },
    { "a ratio is computed from counts whose noise is told",
      "SELECT 1.0 * COUNT(*) FILTER (WHERE ok) / COUNT(*) AS rate FROM buys",
      { "Measure m0: rows;", "Measure m1: rows where ok",
        "Column rate: computed from m1 (\302\26119), m0 (\302\26119); expected "
        "error "
        "depends on the noisy result" } },
    { "one number moved by constants",
      "SELECT 10 - 2 * COUNT(*) AS x FROM buys",
      { "Column x: computed from m0 (\302\26113); expected error "
        "\302\26126" } },
    { "what is computed over rows of the answer",
      "SELECT land, COUNT(*) - lag(COUNT(*)) OVER (ORDER BY land) AS d FROM "
      "buys GROUP BY land",
      { "Column d: computed from m0 (\302\26119); expected error depends" } },
    { "two tables of people",
      "SELECT COUNT(*) FROM buys b JOIN trips t ON b.who = t.who",
      { "Owned table shop.buys, one owner per row: who",
        "Owned table shop.trips, one owner per row: who",
        "Measure m0: rows; one person changes it by at most 3 per group" } },
    { "a SELECT around it, and an earlier release",
      "SELECT MAX(c) FROM (SELECT land, COUNT(*) AS c FROM buys WHERE city IN "
      "(SELECT city FROM buys GROUP BY city ORDER BY 1 LIMIT 5) GROUP BY land) "
      "x",
      { "First, as table s0, a release of its own:", "Price: rho 0.0249",
        "Measure m0: rows",
        "Then, from the noisy answer: 1 SELECT around it, free",
        "Price: rho 0.0999" } },
    { "grouping sets",
      "SELECT land, kind, COUNT(*) FROM buys GROUP BY GROUPING SETS ((land), "
      "(kind))",
      { "Grouping set 1 of 2:", "Price: rho 0.0499",
        "Grouping set 2 of 2:", "Price: rho 0.0499",
        "All 2 grouping sets together.  Price: rho 0.0999" } },
    { "free",
      "SELECT DISTINCT land FROM buys",
      { "The answer is the policy's list, free: the domain is public, and no "
        "row is read" } },
    { "nothing to count",
      "SELECT COUNT(*) FROM buys WHERE 1 = 0",
      { "No row can count: answered without the data, free" } },
};

/* "costs rho X" of every measure and percentile. */
static double costs_of(const char *text)
{
    static const char costs[] = "; costs rho ";
    double sum = 0;
    for (const char *at = text; (at = strstr(at, costs)) != NULL;
         at += sizeof costs - 1)
        sum += strtod(at + sizeof costs - 1, NULL);
    return sum;
}

static const struct plan *explained(const char *sql, struct arena *a)
{
    const struct request req = { .op = REQUEST_ESTIMATE, .purpose = "stats" };
    struct err err = { 0 };
    struct plan *p = NULL;
    if (plan_sql(&p, sql, &req, &plan_shop, a, &err) != ERR_OK)
        fail_msg("%s (%s)", err.msg, err.hint);
    return p;
}

static void check_row(void **state)
{
    const struct row *row = *state;
    struct arena a;
    arena_init(&a, 1 << 22);
    const struct plan *p = explained(row->sql, &a);
    const char *at = p->text;
    for (size_t i = 0; i < LINES && row->says[i]; i++) {
        const char *found = strstr(at, row->says[i]);
        if (!found)
            fail_msg("no \"%s\" in\n%.1500s", row->says[i], at);
        at = found + strlen(row->says[i]);
    }
    const double rho = (double)p->price.rho_pico * 1e-12;
    if (fabs(costs_of(p->text) - rho) > 1e-5 * rho)
        fail_msg("the parts cost %.9g, together %.9g", costs_of(p->text), rho);
    arena_fini(&a);
}

/* Columns of an answer as Estimate tells them: how they are made, how wrong
 * they may be (0: exact; -1: not known beforehand). */
static const struct estimated {
    const char *name, *sql, *mechanism[3];
    double error[3];
} estimated[] = {
    { "a key, a number and a quotient",
      "SELECT land, COUNT(*), AVG(n) / COUNT(*) FROM buys GROUP BY land",
      { "public", "discrete Gaussian, scale ",
        "computed from m0 (\302\26129), 5 + m2 / m1 (\302\2611.03" },
      { 0, 29, -1 } },
    { "columns that pass through a SELECT around it, in another order",
      "SELECT c, 2 * c, land FROM (SELECT land, COUNT(*) AS c FROM buys GROUP "
      "BY land) x",
      { "discrete Gaussian, scale 9.48", "computed from m0 (\302\261",
        "public" },
      { 19, 38, 0 } },
    { "columns of a SELECT that groups the answer",
      "SELECT c, SUM(c), 1 FROM (SELECT land, COUNT(*) AS c FROM buys GROUP BY "
      "land LIMIT 3) x GROUP BY c",
      { "discrete Gaussian, scale 9.48", "computed from the noisy answer", "" },
      { 19, -1, -1 } },
    { "a percentile beside a selected key",
      "SELECT city, MEDIAN(n) FROM buys GROUP BY city",
      { "selected", "exponential mechanism over 11 buckets, epsilon " },
      { 0, -1 } },
};

static void check_estimated(void **state)
{
    const struct estimated *row = *state;
    struct arena a;
    struct err err = { 0 };
    struct reply_estimate e;
    arena_init(&a, 1 << 22);
    const struct plan *p = explained(row->sql, &a);
    assert_int_equal(plan_estimate(&e, p, plan_shop.cap, &a, &err), ERR_OK);
    for (size_t i = 0; i < e.n_columns; i++) {
        const struct reply_estimate_column *c = &e.columns[i];
        if (strncmp(c->mechanism, row->mechanism[i],
                    strlen(row->mechanism[i])) != 0)
            fail_msg("%s: %s", c->name, c->mechanism);
        const double error = isnan(c->expected_error) ? -1 : c->expected_error;
        if (fabs(error - row->error[i]) > 1e-9)
            fail_msg("%s: +-%g", c->name, error);
    }
    arena_fini(&a);
}

/* What a price asked for may be at most is told in its own unit, and fits. */
static void a_maximum_is_told_as_it_was_asked_for(void **state)
{
    static const struct {
        enum ask_kind kind;
        const char *unit;
        const struct policy *policy;
    } asks[] = {
        { ASK_RHO, "rho", &plan_shop },
        { ASK_EPSILON, "epsilon", &plan_shop },
        { ASK_EPSILON, "epsilon", &plan_shop_pure },
    };
    (void)state;
    for (size_t i = 0; i < sizeof asks / sizeof asks[0]; i++)
        for (int k = 1; k < 40; k++) { /* maxima of many digits */
            struct policy policy = *asks[i].policy;
            struct request req = { .purpose = "stats",
                                   .ask = { asks[i].kind, .price = 50 } };
            struct arena a;
            struct err err = { 0 };
            struct plan *p = NULL;
            char most[32], says[96];
            policy.max_price.rho_pico =
                policy.max_price.rho_pico * 7 / 9 + (unsigned)k * 987654321;
            policy.max_price.eps_nano =
                policy.max_price.eps_nano * 7 / 9 + (unsigned)k * 98765;
            arena_init(&a, 1 << 22);
            assert_int_equal(plan_sql(&p, "SELECT COUNT(*) FROM buys", &req,
                                      &policy, &a, &err),
                             ERR_BUDGET);
            (void)snprintf(says, sizeof says, "The question costs %s 50, and",
                           asks[i].unit);
            if (strncmp(err.msg, says, strlen(says)) != 0)
                fail_msg("%s", err.msg);
            assert_int_equal(sscanf(err.hint, "ask for at most %*s %31s", most),
                             1);
            assert_non_null(strstr(err.hint, asks[i].unit));
            req.ask.price = strtod(most, NULL);
            if (plan_sql(&p, "SELECT COUNT(*) FROM buys", &req, &policy, &a,
                         &err) != ERR_OK)
                fail_msg("%s does not fit: %s", most, err.msg);
            arena_fini(&a);
        }
}

/* The statement in lines: nothing but spaces outside of quotes changed, no line
 * is long where it could be short, and the secret has no place. */
static const struct statement {
    const char *name; /* the question */
    const char *line; /* one of the lines */
} statements[] = {
    { "SELECT COUNT(*) FROM buys WHERE city = 'a FROM b  WHERE c, AND d' AND "
      "land IN ('AT', 'DE', 'FR') AND n > 3",
      "FROM src.\"buys\" AS t" },
    { "SELECT COUNT(*) FROM buys b LEFT JOIN trips t ON b.who = t.who WHERE "
      "b.n IS DISTINCT FROM t.km",
      "LEFT JOIN src.\"trips\" AS t1 ON (t.\"who\" = t1.\"who\")" },
    { "SELECT city, SUM(n), MEDIAN(price) FROM (SELECT * FROM buys WHERE ok "
      "UNION ALL SELECT * FROM buys WHERE NOT ok) x GROUP BY city",
      "UNION ALL SELECT" },
};

static void strip(char *out, const char *s)
{
    char quote = '\0';
    for (; *s; s++) {
        if (quote ? *s == quote : *s == '\'' || *s == '"')
            quote = quote ? '\0' : *s;
        if (quote || (*s != ' ' && *s != '\n'))
            *out++ = *s;
    }
    *out = '\0';
}

static void check_statement(void **state)
{
    const struct statement *row = *state;
    static char text[1 << 16], was[1 << 16], now[1 << 16];
    const struct request req = { .purpose = "stats" };
    struct writer w = writer_of(text, sizeof text);
    struct arena a;
    struct err err = { 0 };
    struct plan *p = NULL;
    arena_init(&a, 1 << 24);
    if (plan_sql(&p, row->name, &req, &plan_shop, &a, &err) != ERR_OK)
        fail_msg("%s", err.msg);
    explain_sql(&w, p->sql);
    assert_non_null(writer_cstr(&w));
    strip(was, p->sql);
    strip(now, text);
    assert_string_equal(now, was);
    if (!strstr(text, row->line))
        fail_msg("%s\nis not in\n%s", row->line, text);
    for (const char *s = text; *s;
         s += strcspn(s, "\n") + (strchr(s, '\n') != NULL))
        if (strcspn(s, "\n") > 200)
            fail_msg("a long line:\n%.*s", (int)strcspn(s, "\n"), s);
    arena_fini(&a);
}

int main(void)
{
    const struct CMUnitTest single[] = {
        cmocka_unit_test(a_maximum_is_told_as_it_was_asked_for),
    };
    dp_init();
    sql_init();
    return RUN_ROWS(rows, check_row) + RUN_ROWS(estimated, check_estimated) +
           RUN_ROWS(statements, check_statement) +
           cmocka_run_group_tests(single, NULL, NULL);
}
