#include <math.h>
#include <stdio.h>
#include <string.h>

#include "dp/init.h"
#include "dp/pld.h"
#include "server/sql/sql.h"
#include "tests/lib_rng.h"
#include "tests/neighbour/crew.h"
#include "tests/neighbour/grammar.h"
#include "tests/neighbour/pair.h"
#include "tests/table.h"

/*
 * What other libraries got wrong, as tests of ours.  Those of the server run
 * with and without one person, whose rows use up every bound, and once more
 * with the same mistake planted (tests/neighbour/control.h): then they must
 * fail.
 */

/* ---- the server ---- */

/* Person 1 is in three categories with five rows each; seven others have three
 * books and one meal.  Policy: at most 2 groups, at most 3 rows in each. */
static void fill(struct shop *s, const char *policy)
{
    static const char *const categories[] = { "'books'", "'food'", "'games'" };
    static const char *const customer[] = { "'DE'", "'old'", "'2024-01-05'",
                                            "'1.5'", "'true'" };
    shop_empty(s, SHOP_OF_GRAMMAR, policy);
    for (unsigned person = 1; person <= 8; person++) {
        shop_add(s, 0, person, customer);
        for (unsigned i = 0; i < (person == 1 ? 15 : 4); i++) {
            const char *category =
                person == 1 ? categories[i / 5] : categories[i / 3];
            const char *const order[] = {
                category, "'19'", "'10'", "'2024-01-10'", "''", "'2024-01-10'"
            };
            shop_add(s, 1, person, order);
        }
    }
}

static const struct peer {
    const char *name, *sql;
    unsigned policy;
    enum control control;
    size_t moved;        /* groups that the person changes */
    double used;         /* least part of the price that his rows use up */
    double asked;        /* price charged: within a thousandth below; 0 = any */
    double least, most;  /* the answer's first number */
    const char *says[2]; /* in the answer */
} peers[] = {
    { .name = "as many groups are kept as the noise is for",
      .sql = "/*rho=1*/ SELECT category, count(*) FROM orders GROUP BY 1",
      .control = CONTROL_KEEP_LESS,
      .moved = 2,
      .used = 0.999 },
    { .name = "... with people beside",
      .sql = "/*rho=1*/ SELECT category, count(*), count(DISTINCT customer_id) "
             "FROM orders GROUP BY 1",
      .control = CONTROL_KEEP_LESS,
      .moved = 2,
      .used = 0.999 },
    { .name = "... after a join",
      .sql = "/*rho=1 groups=2*/ SELECT category, count(*) FILTER (WHERE qty "
             "> 1) FROM orders o LEFT JOIN customers c ON c.customer_id = "
             "o.customer_id AND c.age = 'old' GROUP BY 1",
      .control = CONTROL_KEEP_LESS,
      .moved = 2,
      .used = 0.999 },
    { .name = "... from a rollup",
      .sql = "/*rho=1*/ SELECT category, count(*) FROM orders GROUP BY 1",
      .policy = SHOP_ROLLED,
      .control = CONTROL_KEEP_LESS,
      .moved = 2,
      .used = 0.999 },
    { .name = "COUNT(DISTINCT user) counts people, not rows",
      .sql = "/*rho=3*/ SELECT count(DISTINCT customer_id), min_rows FROM "
             "(SELECT customer_id, 1 AS min_rows FROM orders) o GROUP BY "
             "min_rows",
      .control = CONTROL_DISTINCT,
      .moved = 1,
      .least = 3,
      .most = 13 },
    { .name = "... in each group",
      .sql = "/*rho=3 groups=2*/ SELECT category, count(DISTINCT "
             "o.customer_id) FROM orders o JOIN customers c ON o.customer_id = "
             "c.customer_id GROUP BY 1 ORDER BY 1",
      .control = CONTROL_DISTINCT,
      .moved = 2,
      .least = 3,
      .most = 13 },
    { .name = "no noise comes from the engine",
      .sql = "/*rho=1*/ SELECT category, count(*) FROM orders GROUP BY 1",
      .control = CONTROL_RANDOM,
      .moved = 2 },
    { .name = "country, count(*) costs what was asked for, once",
      .sql = "/*rho=1*/ SELECT country, count(*) FROM customers GROUP BY 1",
      .control = CONTROL_DOUBLE,
      .moved = 1,
      .asked = 1 },
    { .name = "... and so does a selected key",
      .sql = "/*rho=1*/ SELECT campaign, count(*) FROM touches GROUP BY 1",
      .control = CONTROL_DOUBLE,
      .asked = 1 },
    { .name = "... and AVG",
      .sql = "/*rho=1*/ SELECT avg(amount) FROM orders",
      .control = CONTROL_DOUBLE,
      .moved = 1,
      .asked = 1 },
    { .name = "... and AVG in epsilon",
      .sql = "/*epsilon=1*/ SELECT avg(amount) FROM orders",
      .policy = 2,
      .control = CONTROL_DOUBLE,
      .moved = 1,
      .asked = 1 },
    { .name = "... and STDDEV beside AVG and COUNT",
      .sql = "/*rho=1*/ SELECT avg(qty), stddev(qty), count(*) FROM orders",
      .control = CONTROL_DOUBLE,
      .moved = 1,
      .asked = 1 },
    { .name = "what bounds cut off is told",
      .sql = "SELECT category, count(*) FROM orders GROUP BY 1",
      .control = CONTROL_SILENT,
      .moved = 2,
      .says = { "at most 2 groups", "at most 3 rows" } },
    { .name = "... with numbers, when asked for",
      .sql = "/*report*/ SELECT category, sum(amount) FROM orders GROUP BY 1",
      .control = CONTROL_SILENT,
      .says = { "clamp", "rows" } },
};

static const char *judge(const struct peer *row, const struct pair_verdict *v)
{
    const double units = row->policy == 2 ? (double)v->charged.eps_nano * 1e-9
                                          : (double)v->charged.rho_pico * 1e-12;
    if (v->code != ERR_OK)
        return v->said;
    if (v->wrong)
        return v->wrong;
    if (row->moved && v->moved != row->moved)
        return "the person is in another number of groups";
    if (v->used < row->used)
        return "noise for more than anybody can change";
    if (row->asked > 0 && !(units <= row->asked && units > row->asked * 0.999))
        return "the price is another than what was asked for";
    if (row->most > 0 && !(v->first >= row->least && v->first <= row->most))
        return "the number is another thing's";
    for (size_t i = 0; i < 2; i++)
        if (row->says[i] && !strstr(v->said, row->says[i]))
            return "a bound cut off without a word";
    return NULL;
}

static const char *ask(const struct peer *row, enum control control)
{
    static struct pair pair;
    static char said[4096];
    fill(&pair.shop, shop_policy(row->policy));
    pair_open_shop(&pair, control);
    const struct pair_verdict v = pair_ask(&pair, row->sql);
    const char *wrong = judge(row, &v);
    if (wrong)
        (void)snprintf(said, sizeof said, "%.500s (moved %zu, used %.4f)\n%s",
                       wrong, v.moved, v.used, v.said);
    pair_close(&pair);
    return wrong ? said : NULL;
}

static void holds_unless_planted(void **state)
{
    const struct peer *row = *state;
    const char *wrong = ask(row, CONTROL_NONE);
    if (wrong)
        fail_msg("%s", wrong);
    const char *planted = ask(row, row->control);
    assert_non_null(planted);
    print_message("planted: %.*s\n", (int)strcspn(planted, "\n"), planted);
}

/* ---- what statements say ---- */

/* Nothing that a statement calls gives another value tomorrow. */
static void statements_draw_nothing(void **state)
{
    static const char *const drawn[] = { "random",  "rand(", "uuid",
                                         "setseed", "now(",  "nextval",
                                         "sample",  NULL };
    static char sql[65536];
    struct draw d = { 5 };
    struct arena policies, a;
    struct policy_report report = { 0 };
    struct policy *policy;
    struct err err = { 0 };
    unsigned planned = 0;
    (void)state;
    arena_init(&policies, 16 << 20);
    assert_int_equal(policy_load_bytes(&policy, SHOP_POLICY,
                                       strlen(SHOP_POLICY), "shop.yaml",
                                       &report, &policies, &err),
                     ERR_OK);
    for (unsigned i = 0; i < 1500; i++) {
        struct writer w = writer_of(sql, sizeof sql);
        struct request req;
        struct value params[SIDE_PARAMS];
        struct select *tree;
        struct plan *plan;
        grammar_query(&w, &d, NULL);
        assert_true(writer_cstr(&w));
        arena_init(&a, 64 << 20);
        side_request(&req, params, sql);
        if (sql_parse(&tree, sql, strlen(sql), &a, &err) == ERR_OK &&
            plan_query(&plan, &req, tree, policy, &a, &err) == ERR_OK &&
            plan->sql) {
            planned++;
            for (size_t k = 0; drawn[k]; k++)
                if (strstr(plan->sql, drawn[k]))
                    fail_msg("%s in %s", drawn[k], plan->sql);
        }
        arena_fini(&a);
    }
    assert_true(planned > 1000);
    arena_fini(&policies);
}

/* ---- dp ---- */

/* How often a person alone in l0 groups is seen, by drawing. */
static double seen_share(const struct dp_threshold *t,
                         const struct dp_mechanism *noise, uint32_t l0,
                         unsigned draws, gsl_rng *rng)
{
    static struct dp_exact one[4096];
    static struct dp_noisy out[4096];
    const size_t n = 4096 / l0 * l0;
    unsigned seen = 0, persons = 0;
    for (size_t i = 0; i < n; i++)
        one[i].touched = 1;
    while (persons < draws) {
        assert_int_equal(dp_mechanism_release(out, one, n, noise, rng), DP_OK);
        for (size_t i = 0; i < n; i += l0, persons++) {
            bool shown = false;
            for (size_t g = i; g < i + l0; g++)
                shown |= dp_threshold_shows(*t, one[g], out[g]);
            seen += shown;
        }
    }
    return (double)seen / persons;
}

static void a_threshold_shows_as_rarely_as_it_says(void **state)
{
    static const struct {
        struct dp_mechanism noise;
        uint32_t l0;
        double delta;
    } rows[] = { { { DP_DLAPLACE, 1, 1 }, 1, 0.006 },
                 { { DP_DLAPLACE, 2, 1 }, 2, 0.004 },
                 { { DP_DGAUSS, 3, 2 }, 1, 0.005 },
                 { { DP_DGAUSS, 3, 1 }, 3, 0.01 },
                 { { DP_RGAUSS, 3, 1 }, 2, 0.005 } };
    enum { DRAWS = 200000 };
    gsl_rng *rng = test_rng_new(3);
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct dp_threshold t;
        assert_int_equal(
            dp_threshold_of(&t, &rows[i].noise, rows[i].l0, rows[i].delta, 0),
            DP_OK);
        const double delta = rows[i].delta;
        const double error = sqrt(delta / DRAWS); /* a standard error */
        const double share =
            seen_share(&t, &rows[i].noise, rows[i].l0, DRAWS, rng);
        /* The mistake: a group shown from its threshold on, not above it. */
        const struct dp_threshold planted = { .above = t.above - 1 };
        const double off =
            seen_share(&planted, &rows[i].noise, rows[i].l0, DRAWS, rng);
        print_message("delta %.4f: measured %.4f, one lower %.4f\n", delta,
                      share, off);
        assert_true(share <= delta + 5 * error);
        assert_true(off > delta + 5 * error);
    }
    gsl_rng_free(rng);
}

/* delta of one Laplace release of scale 1/e at epsilon x. */
static long double laplace_delta(long double x, long double e)
{
    if (x >= e)
        return 0;
    return x <= -e ? -expm1l(x) : -expm1l((x - e) / 2);
}

/* ... with n randomised responses of +-r beside: exact, term by term. */
static long double mixed_delta(long double x, long double e, long double r,
                               unsigned n)
{
    long double sum = 0;
    for (unsigned k = 0; k <= n; k++) {
        const long double chance =
            expl(lgammal(n + 1.0L) - lgammal(k + 1.0L) - lgammal(n - k + 1.0L) +
                 k * (r - log1pl(expl(r))) - (n - k) * log1pl(expl(r)));
        sum += chance * laplace_delta(x - ((long double)k - (n - k)) * r, e);
    }
    return sum;
}

static void a_loss_distribution_is_never_below_the_exact_one(void **state)
{
    static const double deltas[] = { 1e-4, 1e-6, 1e-9, 1e-12, 1e-14 };
    static const struct {
        double e, r;
        unsigned n;
    } rows[] = { { 0.5, 0.3, 4 }, { 0.1, 0.05, 40 }, { 2, 0.7, 3 } };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        for (size_t k = 0; k < sizeof deltas / sizeof deltas[0]; k++) {
            const struct dp_event events[] = {
                { .kind = DP_EVENT_LAPLACE, .eps = rows[i].e, .times = 1 },
                { .kind = DP_EVENT_RESPONSE,
                  .eps = rows[i].r,
                  .times = rows[i].n }
            };
            double eps;
            assert_int_equal(dp_pld_eps(&eps, events, 2, deltas[k]), DP_OK);
            const long double at =
                mixed_delta(eps, rows[i].e, rows[i].r, rows[i].n);
            /* The mistake: an epsilon that is a little too small. */
            const long double below = mixed_delta(
                (long double)eps - 1e-3L, rows[i].e, rows[i].r, rows[i].n);
            if (at > deltas[k] * (1 + 1e-12L) || below <= deltas[k])
                fail_msg("delta %g: epsilon %.12g has %Lg, a thousandth less "
                         "%Lg",
                         deltas[k], eps, at, below);
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(statements_draw_nothing),
        cmocka_unit_test(a_threshold_shows_as_rarely_as_it_says),
        cmocka_unit_test(a_loss_distribution_is_never_below_the_exact_one),
    };
    dp_init();
    sql_init();
    crew_in_memory();
    return cmocka_run_group_tests(tests, NULL, NULL) +
           RUN_ROWS(peers, holds_unless_planted);
}
