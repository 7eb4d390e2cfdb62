#include <math.h>
#include <stdio.h>
#include <string.h>

#include "dp/convert.h"
#include "server/sql/sql.h"
#include "tests/lib_plan.h"
#include "tests/table.h"

/*
 * What the planner derives of relations, without an engine: how many rows and
 * groups of a person count, which groups are public, what one person changes,
 * what a chain costs, what EXPLAIN tells, and what the ownership rules refuse.
 */

/* What is derived: rows and groups per person, and which groups are public. */
static const struct derived {
    const char *name, *sql;
    uint32_t l0, linf;
    bool selects;
    uint64_t groups; /* !selects */
} derived[] = {
    { "a table", "SELECT land, COUNT(*) FROM buys GROUP BY land", 2, 3, false,
      4 },
    { "grouped by the key",
      "SELECT c, COUNT(*) FROM (SELECT who, MIN(city) AS c FROM buys GROUP BY "
      "who) x GROUP BY c",
      1, 1, true, 0 },
    { "grouped by the key and more",
      "SELECT city, COUNT(*) FROM (SELECT who, city FROM buys GROUP BY who, "
      "city) x GROUP BY city",
      2, 3, true, 0 },
    { "DISTINCT key", "SELECT COUNT(*) FROM (SELECT DISTINCT who FROM buys) x",
      1, 1, false, 1 },
    { "LIMIT 1",
      "SELECT kind, COUNT(*) FROM (SELECT kind FROM buys ORDER BY "
      "day LIMIT 1) x GROUP BY kind",
      1, 1, false, 2 },
    { "LIMIT 2",
      "SELECT kind, COUNT(*) FROM (SELECT kind FROM buys ORDER BY "
      "day LIMIT 2) x GROUP BY kind",
      2, 3, false, 2 },
    { "DISTINCT ON the key",
      "SELECT kind, COUNT(*) FROM (SELECT DISTINCT ON (who) kind FROM buys "
      "ORDER BY who, day) x GROUP BY kind",
      1, 1, false, 2 },
    { "the first row by row_number",
      "SELECT kind, COUNT(*) FROM (SELECT kind, row_number() OVER (PARTITION "
      "BY who ORDER BY day) r FROM buys) x WHERE r = 1 GROUP BY kind",
      1, 1, false, 2 },
    { "the first rows by row_number",
      "SELECT kind, COUNT(*) FROM (SELECT kind, row_number() OVER (PARTITION "
      "BY who ORDER BY day) r FROM buys) x WHERE r <= 2 GROUP BY kind",
      2, 3, false, 2 },
    { "row_number in parts of a person",
      "SELECT kind, COUNT(*) FROM (SELECT kind, row_number() OVER (PARTITION "
      "BY who, city ORDER BY day) r FROM buys) x WHERE r = 1 GROUP BY kind",
      2, 3, false, 2 },
    { "rank ties",
      "SELECT kind, COUNT(*) FROM (SELECT kind, rank() OVER (PARTITION BY who "
      "ORDER BY day) r FROM buys) x WHERE r = 1 GROUP BY kind",
      2, 3, false, 2 },
    { "a number that a join repeats",
      "SELECT kind, COUNT(*) FROM (SELECT x.kind, x.r FROM (SELECT kind, city, "
      "row_number() OVER (PARTITION BY who ORDER BY day) r FROM buys) x JOIN "
      "towns t ON t.city = x.city) y WHERE r = 1 GROUP BY kind",
      2, 3, false, 2 },
    { "a number that UNION ALL repeats",
      "SELECT kind, COUNT(*) FROM (SELECT kind, row_number() OVER (PARTITION "
      "BY who ORDER BY day) r FROM buys UNION ALL SELECT kind, 1 FROM buys) x "
      "WHERE r = 1 GROUP BY kind",
      2, 3, false, 2 },
    { "one row a person joined to one row a person",
      "SELECT a.k, COUNT(*) FROM (SELECT who, MIN(kind) AS k FROM buys GROUP "
      "BY who) a LEFT JOIN (SELECT who, SUM(km) AS d FROM trips GROUP BY who) "
      "b ON a.who = b.who WHERE b.d > 3 GROUP BY a.k",
      1, 1, false, 2 },
    { "one row a person joined to rows",
      "SELECT COUNT(*) FROM (SELECT who, COUNT(*) AS c FROM buys GROUP BY who) "
      "a JOIN trips b ON a.who = b.who",
      1, 3, false, 1 },
    { "one row a person joined to public rows",
      "SELECT COUNT(*) FROM (SELECT who, MIN(city) AS c FROM buys GROUP BY "
      "who) a JOIN towns t ON t.city = a.c",
      1, 3, false, 1 },
    { "EXCEPT leaves one row a person",
      "SELECT COUNT(*) FROM (SELECT DISTINCT who FROM buys EXCEPT SELECT who "
      "FROM trips) x",
      1, 1, false, 1 },
    { "a domain passes through",
      "SELECT kind, COUNT(*) FROM (SELECT b.kind FROM buys b JOIN trips t ON "
      "b.who = t.who) x GROUP BY kind",
      2, 3, false, 2 },
    { "CASE between constants, inside",
      "SELECT band, COUNT(*) FROM (SELECT who, CASE WHEN COUNT(*) > 2 THEN "
      "'many' WHEN COUNT(*) > 1 THEN 'some' ELSE 'one' END AS band FROM buys "
      "GROUP BY who) x GROUP BY band",
      1, 1, false, 3 },
    { "a capped count, outside",
      "SELECT LEAST(4, c), COUNT(*) FROM (SELECT who, COUNT(*) AS c FROM buys "
      "GROUP BY who) x GROUP BY 1",
      1, 1, false, 4 },
    { "a capped count, inside",
      "SELECT c, COUNT(*) FROM (SELECT who, LEAST(4, COUNT(*)) AS c FROM buys "
      "GROUP BY who) x GROUP BY c",
      1, 1, false, 4 },
    { "months of a bound inside",
      "SELECT date_trunc('month', d), COUNT(*) FROM (SELECT day AS d FROM "
      "trips WHERE day >= '2024-02-01') x GROUP BY 1",
      2, 3, false, 2 },
    { "months of a first day",
      "SELECT date_trunc('month', d), COUNT(*) FROM (SELECT who, MIN(day) AS d "
      "FROM trips GROUP BY who) x GROUP BY 1",
      1, 1, false, 3 },
};

static void check_derived(void **state)
{
    const struct derived *row = *state;
    const struct request req = { .purpose = "stats" };
    struct arena a;
    struct err err = { 0 };
    struct plan *plan = NULL;
    arena_init(&a, 1 << 22);
    if (plan_sql(&plan, row->sql, &req, &plan_shop, &a, &err) != ERR_OK)
        fail_msg("%s (%s)", err.msg, err.hint);
    assert_int_equal(plan->l0, row->l0);
    assert_int_equal(plan->linf, row->linf);
    assert_int_equal(plan->selects, row->selects);
    assert_int_equal(plan->groups_public, row->groups);
    arena_fini(&a);
}

static const struct planned {
    const char *name; /* the SQL itself */
    uint32_t l0, linf;
    uint64_t groups; /* 0: selected */
    const char *measures;
    size_t n_before;
} planned[] = {
#define ROW(sql, l0, linf, groups, measures, before)                           \
    { sql, l0, linf, groups, measures, before },
#include "tests/plan_expected.def"
#undef ROW
};

static const char *measure_name(enum measure_kind kind)
{
    return kind == MEASURE_PEOPLE ? "people"
           : kind == MEASURE_ROWS ? "rows"
                                  : "sum";
}

/*
 * The price, worked out again: rho = L0 sum D^2 / (2 sigma^2), the policy's 0.1
 * to the last part in a thousand; delta, where groups are selected, 1e-8.
 */
static void check_price(const struct plan *p)
{
    long double rho = 0;
    for (size_t i = 0; i < p->n_measures; i++) {
        const struct plan_measure *m = &p->measures[i];
        const long double sigma =
            (long double)m->noise.num / (long double)m->noise.den;
        rho += (long double)p->l0 * (long double)m->bound *
               (long double)m->bound / (2 * sigma * sigma);
    }
    const double price = (double)p->price.rho_pico * DP_PICO;
    if (fabs(price - (double)rho) > 1e-9 * (double)rho + 1e-11 || price > 0.1 ||
        price < 0.0999)
        fail_msg("rho %.12g, by hand %.12g", price, (double)rho);
    assert_int_equal(p->price.delta_atto,
                     p->selects ? UINT64_C(10000000000) : 0);
}

static void check_planned(void **state)
{
    const struct planned *row = *state;
    const struct request req = { .purpose = "stats" };
    struct arena a;
    struct err err = { 0 };
    struct plan *plan = NULL;
    char got[256] = "";
    arena_init(&a, 1 << 22);
    if (plan_sql(&plan, row->name, &req, &plan_shop, &a, &err) != ERR_OK)
        fail_msg("%s (%s)", err.msg, err.hint);
    for (size_t i = 0; i < plan->n_measures; i++)
        (void)snprintf(got + strlen(got), sizeof got - strlen(got), "%s%s %.9g",
                       i ? ", " : "", measure_name(plan->measures[i].kind),
                       ldexp((double)plan->measures[i].bound,
                             plan_measure_exp(&plan->measures[i])));
    assert_string_equal(got, row->measures);
    assert_int_equal(plan->l0, row->l0);
    assert_int_equal(plan->linf, row->linf);
    assert_int_equal(plan->selects, row->groups == 0);
    assert_int_equal(plan->groups_public, row->groups);
    assert_int_equal(plan->n_before, row->n_before);
    if (plan->n_before == 0 && plan->n_picks == 0 && !plan->top.on &&
        !plan->is_free)
        check_price(plan);
    arena_fini(&a);
}

/* A chain costs what one question may: a quarter for each earlier release. */
static void check_chain_price(void **state)
{
    static const char sql[] =
        "SELECT COUNT(*) FROM buys WHERE city IN (SELECT city FROM buys GROUP "
        "BY city ORDER BY COUNT(DISTINCT who) DESC LIMIT 2)";
    static const char other[] =
        "SELECT COUNT(*) FROM buys WHERE city IN (SELECT city FROM buys GROUP "
        "BY city ORDER BY COUNT(DISTINCT who) DESC LIMIT 3)";
    const struct request req = { .purpose = "stats",
                                 .ask = { .kind = ASK_RHO, .price = 0.2 } };
    const uint64_t whole = UINT64_C(200000000000);
    struct arena a;
    struct err err = { 0 };
    struct plan *plan = NULL, *again = NULL;
    (void)state;
    arena_init(&a, 1 << 22);
    assert_int_equal(plan_sql(&plan, sql, &req, &plan_shop, &a, &err), ERR_OK);
    assert_int_equal(plan_sql(&again, other, &req, &plan_shop, &a, &err),
                     ERR_OK);
    assert_int_equal(plan->n_before, 1);
    assert_in_range(plan->price.rho_pico, whole - whole / 1000, whole);
    assert_in_range(plan->before[0]->price.rho_pico, whole / 4 - whole / 1000,
                    whole / 4);
    assert_true(plan->price.delta_atto > 0);
    assert_int_equal(plan->price.delta_atto, plan->before[0]->price.delta_atto);
    /* LIMIT decides what the earlier answer hands on: another release. */
    assert_memory_not_equal(plan->release_hash, again->release_hash,
                            sizeof plan->release_hash);
    arena_fini(&a);
}

/* EXPLAIN tells each relation's owner, the chain and what is done after it. */
static void check_explained(void **state)
{
    static const char sql[] =
        "EXPLAIN (PRIVACY) SELECT COUNT(*) FROM (SELECT b.city, COUNT(*) AS n "
        "FROM buys b JOIN (SELECT who, MIN(km) AS km FROM trips GROUP BY who) "
        "t "
        "ON t.who = b.who JOIN towns o ON o.city = b.city WHERE b.city IN "
        "(SELECT city FROM trips GROUP BY city LIMIT 3) GROUP BY b.city) x";
    static const char *const told[] = {
        "First, as table s0, a release of its own:\nOwned table shop.trips, "
        "one "
        "owner per row: who\n",
        "Owned table shop.buys, one owner per row: who\n",
        "Owned sub-query t, one owner per row: who, one row per person\n",
        "Public table shop.towns\n",
        "Then, from the noisy answer: 1 SELECT around it, free\n",
    };
    const struct request req = { .purpose = "stats" };
    struct reply_estimate estimate;
    struct arena a;
    struct err err = { 0 };
    struct plan *plan = NULL;
    (void)state;
    arena_init(&a, 1 << 22);
    if (plan_sql(&plan, sql, &req, &plan_shop, &a, &err) != ERR_OK)
        fail_msg("%s (%s)", err.msg, err.hint);
    for (size_t i = 0; i < sizeof told / sizeof told[0]; i++)
        if (!strstr(plan->text, told[i]))
            fail_msg("%s in\n%s", told[i], plan->text);
    assert_int_equal(plan_estimate(&estimate, plan, plan_shop.cap, &a, &err),
                     ERR_OK);
    assert_int_equal(estimate.n_columns, 1);
    assert_string_equal(estimate.columns[0].name, "count");
    assert_true(isnan(estimate.columns[0].expected_error));
    arena_fini(&a);
}

static const struct refused {
    const char *name; /* the SQL itself */
    const char *reason;
    unsigned line, col;
} refused[] = {
#define ROW(sql, reason, line, col) { sql, reason, line, col },
#include "tests/plan_refused.def"
#undef ROW
};

static void check_refused(void **state)
{
    const struct refused *row = *state;
    const struct request req = { .purpose = "stats" };
    struct arena a;
    struct err err = { 0 };
    struct plan *plan = NULL;
    arena_init(&a, 1 << 22);
    const enum err_code rc =
        plan_sql(&plan, row->name, &req, &plan_shop, &a, &err);
    assert_int_not_equal(rc, ERR_OK);
    if (!err.reason || strcmp(err.reason, row->reason) != 0 ||
        err.line != row->line || err.col != row->col)
        fail_msg("%s at %u:%u: %s", err.reason ? err.reason : "-", err.line,
                 err.col, err.msg);
    assert_true(err.hint[0] != '\0');
    assert_null(plan);
    arena_fini(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(check_chain_price),
                                        cmocka_unit_test(check_explained) };
    sql_init();
    return cmocka_run_group_tests(tests, NULL, NULL) +
           RUN_ROWS(derived, check_derived) + RUN_ROWS(planned, check_planned) +
           RUN_ROWS(refused, check_refused);
}
