#include "server/plan/plan.h"

#include <math.h>
#include <string.h>

#include "server/plan/release.h"
#include "server/sql/sql.h"
#include "tests/lib_plan.h"
#include "tests/table.h"

/*
 * What a query costs and how it is bounded, by hand.  rho of n measures sharing
 * a price P: each gets sigma = D sqrt(L0 n / (2 P)).
 */
static const struct priced {
    const char *name, *sql;
    struct ask ask;
    struct ask_bounds bounds;
    bool pure;
    uint32_t l0, linf;
    size_t n;           /* measures */
    double bounds_d[4]; /* D of each, units of its column */
    bool selects;
    double scale; /* of measure 0, grid steps; 0: not checked */
} priced[] = {
    { "people",
      "SELECT COUNT(DISTINCT who) FROM buys",
      { 0 },
      { 0 },
      false,
      1,
      3,
      1,
      { 1 },
      false,
      2.2360680 /* sqrt(1 / 0.2) */ },
    { "rows",
      "SELECT COUNT(*) FROM buys",
      { 0 },
      { 0 },
      false,
      1,
      3,
      1,
      { 3 },
      false,
      6.7082039 },
    { "two aggregates halve the price",
      "SELECT COUNT(*), COUNT(DISTINCT who) FROM buys",
      { 0 },
      { 0 },
      false,
      1,
      3,
      2,
      { 1, 3 },
      false,
      3.1622777 },
    { "groups multiply it",
      "SELECT land, COUNT(DISTINCT who) FROM buys GROUP BY land",
      { 0 },
      { 0 },
      false,
      2,
      3,
      1,
      { 1 },
      false,
      3.1622777 },
    { "L0 is at most the number of public groups",
      "SELECT ok, COUNT(DISTINCT who) FROM buys GROUP BY ok",
      { 0 },
      { 4, 0 },
      false,
      2,
      3,
      1,
      { 1 },
      false,
      0 },
    { "the analyst's bounds",
      "SELECT land, COUNT(*) FROM buys GROUP BY land",
      { 0 },
      { 3, 8 },
      false,
      3,
      8,
      1,
      { 8 },
      false,
      0 },
    { "a WHERE leaves one group",
      "SELECT land, COUNT(*) FROM buys WHERE land IN ('AT') GROUP BY land",
      { 0 },
      { 1, 1 },
      false,
      1,
      1,
      1,
      { 1 },
      false,
      0 },
    { "private groups add people",
      "SELECT city, SUM(n) FROM buys GROUP BY city",
      { 0 },
      { 0 },
      false,
      2,
      3,
      2,
      { 30, 1 },
      true,
      0 },
    { "a count of people selects by itself",
      "SELECT city, COUNT(DISTINCT who) FROM buys GROUP BY city",
      { 0 },
      { 0 },
      false,
      2,
      3,
      1,
      { 1 },
      true,
      0 },
    { "keys alone",
      "SELECT city FROM buys GROUP BY city",
      { 0 },
      { 0 },
      false,
      2,
      3,
      1,
      { 1 },
      true,
      0 },
    { "a sum: Linf times the farther end",
      "SELECT SUM(price) FROM buys",
      { 0 },
      { 0 },
      false,
      1,
      3,
      1,
      { 3 * 7.5 },
      false,
      0 },
    { "a person clamp replaces Linf",
      "SELECT SUM(total) FROM buys",
      { 0 },
      { 0 },
      false,
      1,
      3,
      1,
      { 150 },
      false,
      0 },
    { "a mean, its sum and its count share two measures",
      "SELECT AVG(price), SUM(price), COUNT(price) FROM buys",
      { 0 },
      { 0 },
      false,
      1,
      3,
      2,
      { 3, 3 * 4.25 },
      false,
      0 },
    { "the same aggregate twice is one",
      "SELECT SUM(n), SUM(n) + 1 FROM buys ORDER BY SUM(n)",
      { 0 },
      { 0 },
      false,
      1,
      3,
      1,
      { 30 },
      false,
      0 },
    { "FILTER is an aggregate of its own",
      "SELECT COUNT(*), COUNT(*) FILTER (WHERE n > 1) FROM buys",
      { 0 },
      { 0 },
      false,
      1,
      3,
      2,
      { 3, 3 },
      false,
      0 },
    { "different values: at most Linf of one person",
      "SELECT COUNT(DISTINCT city) FROM buys",
      { 0 },
      { 0 },
      false,
      1,
      3,
      1,
      { 3 },
      false,
      6.7082039 },
    { "a deviation: count, centred sum, centred squares",
      "SELECT STDDEV(price) FROM buys",
      { 0 },
      { 0 },
      false,
      1,
      3,
      3,
      { 3, 3 * 4.25, 3 * 4.25 * 4.25 / 2 },
      false,
      0 },
    { "spread, mean and sum of one value share three measures",
      "SELECT VAR_POP(price), AVG(price), SUM(price), STDDEV_SAMP(price), "
      "COUNT(price) FROM buys",
      { 0 },
      { 0 },
      false,
      1,
      3,
      3,
      { 3, 3 * 4.25, 3 * 4.25 * 4.25 / 2 },
      false,
      0 },
    { "a percentile has no measure where groups are public",
      "SELECT kind, COUNT(*), MEDIAN(n) FROM buys GROUP BY kind",
      { 0 },
      { 1, 0 },
      false,
      1,
      3,
      1,
      { 3 },
      false,
      9.4868330 /* half of the price */ },
    { "clamps narrow",
      "SELECT SUM(GREATEST(0, LEAST(5, free))) FROM buys",
      { 0 },
      { 0 },
      false,
      1,
      3,
      1,
      { 3 * 5 },
      false,
      0 },
    { "CASE narrows",
      "SELECT SUM(CASE WHEN free < 0 THEN 0 WHEN free > 5 THEN 5 ELSE free "
      "END) FROM buys",
      { 0 },
      { 0 },
      false,
      1,
      3,
      1,
      { 3 * 5 },
      false,
      0 },
    { "COALESCE takes in its constant",
      "SELECT SUM(COALESCE(n, 20)) FROM buys",
      { 0 },
      { 0 },
      false,
      1,
      3,
      1,
      { 60 },
      false,
      0 },
    { "products of ranges",
      "SELECT SUM(n * (n - 5)) FROM buys",
      { 0 },
      { 0 },
      false,
      1,
      3,
      1,
      { 150 },
      false,
      0 },
    { "a divisor that cannot be 0",
      "SELECT SUM(n / (n + 2)) FROM buys",
      { 0 },
      { 0 },
      false,
      1,
      3,
      1,
      { 15 },
      false,
      0 },
    { "pure: epsilon = D / t",
      "SELECT COUNT(*) FROM buys",
      { 0 },
      { 0 },
      true,
      1,
      3,
      1,
      { 3 },
      false,
      3 },
    { "pure: epsilon asked for",
      "SELECT land, COUNT(*) FROM buys GROUP BY land",
      { .kind = ASK_EPSILON, .price = 2 },
      { 0 },
      true,
      2,
      3,
      1,
      { 3 },
      false,
      3 },
    { "rho asked for",
      "SELECT COUNT(DISTINCT who) FROM buys",
      { .kind = ASK_RHO, .price = 0.5 },
      { 0 },
      false,
      1,
      3,
      1,
      { 1 },
      false,
      1 },
    { "an accuracy",
      "SELECT COUNT(DISTINCT who) FROM buys",
      { .kind = ASK_ACCURACY_ABS, .half_width = 100 },
      { 0 },
      false,
      1,
      3,
      1,
      { 1 },
      false,
      51.27 /* P[|X| <= 100] = 0.95: 100.5 / 1.959964 */ },
    { "a relative accuracy of a public size",
      "SELECT COUNT(DISTINCT who) FROM buys",
      { .kind = ASK_ACCURACY_REL, .half_width = 0.1 },
      { 0 },
      false,
      1,
      3,
      1,
      { 1 },
      false,
      51.27 },
};

static void check_priced(void **state)
{
    const struct priced *row = *state;
    const struct request req = { .purpose = "stats",
                                 .ask = row->ask,
                                 .bounds = row->bounds };
    struct arena a;
    struct err err = { 0 };
    struct plan *p = NULL;
    arena_init(&a, 1 << 22);
    const enum err_code rc = plan_sql(
        &p, row->sql, &req, row->pure ? &plan_shop_pure : &plan_shop, &a, &err);
    if (rc != ERR_OK)
        fail_msg("%s (%s)", err.msg, err.hint);
    assert_int_equal(p->l0, row->l0);
    assert_int_equal(p->linf, row->linf);
    assert_int_equal(p->n_measures, row->n);
    double rho = 0, eps = 0;
    for (size_t i = 0; i < p->n_measures; i++) {
        const struct plan_measure *m = &p->measures[i];
        const double step = ldexp(1, plan_measure_exp(m));
        const double scale = (double)m->noise.num / (double)m->noise.den * step;
        const double bound = (double)m->bound * step;
        /* Each of Linf = 3 squares is rounded by at most a step. */
        assert_true(fabs(bound - row->bounds_d[i]) <= 3 * step);
        rho += p->l0 * pow(bound / scale, 2) / 2;
        eps += p->l0 * bound / scale;
        if (i == 0 && row->scale > 0)
            assert_true(fabs(scale / row->scale - 1) < 2e-3);
    }
    for (size_t i = 0; i < p->n_picks; i++) {
        const double e = (double)p->picks[i].choice.eps_nano * 1e-9;
        const uint64_t rank = p->picks[i].q.den - p->picks[i].q.num;
        assert_true(p->picks[i].choice.sensitivity >= p->linf * rank);
        rho += p->l0 * e * e / 8;
        eps += p->l0 * e;
    }
    assert_int_equal(p->selects, row->selects);
    assert_int_equal(p->price.delta_atto, row->selects ? 10000000000 : 0);
    if (row->pure) {
        assert_int_equal(p->price.rho_pico, 0);
        assert_true(fabs((double)p->price.eps_nano * 1e-9 - eps) < 1e-6);
    } else {
        assert_int_equal(p->price.eps_nano, 0);
        assert_true((double)p->price.rho_pico * 1e-12 >= rho * (1 - 1e-12));
        assert_true((double)p->price.rho_pico * 1e-12 < rho + 1e-9);
    }
    arena_fini(&a);
}

/*
 * Under gdp: the same noise for a rho, but a rounded Gaussian, and an epsilon
 * asked for buys its own curve's mu^2/2.
 */
static void check_gdp(void **state)
{
    static const char SQL[] =
        "SELECT land, COUNT(DISTINCT who) FROM buys GROUP BY land";
    static const struct ask asks[] = { { 0 },
                                       { .kind = ASK_EPSILON, .price = 1 } };
    struct policy gdp = plan_shop;
    gdp.notion = DP_GDP;
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        const struct request req = { .purpose = "stats", .ask = asks[i] };
        struct plan *z = NULL, *g = NULL;
        struct err err = { 0 };
        struct arena a;
        arena_init(&a, 1 << 22);
        assert_int_equal(plan_sql(&z, SQL, &req, &plan_shop, &a, &err), ERR_OK);
        assert_int_equal(plan_sql(&g, SQL, &req, &gdp, &a, &err), ERR_OK);
        assert_int_equal(z->measures[0].noise.law, DP_DGAUSS);
        assert_int_equal(g->measures[0].noise.law, DP_RGAUSS);
        assert_string_equal(g->mechanism_text, "rounded Gaussian noise");
        const double ratio =
            (double)g->price.rho_pico / (double)z->price.rho_pico;
        assert_true(fabs(ratio - (i == 0 ? 1 : 1.1502)) < 1e-4);
        struct reply_estimate e;
        assert_int_equal(plan_estimate(&e, g, gdp.cap, &a, &err), ERR_OK);
        assert_true(i == 0 || (e.epsilon <= 1 && e.epsilon > 1 - 1e-6));
        arena_fini(&a);
    }
}

/* Shares of a stated rho: by the weights of server/plan/share.c. */
static const struct shared {
    const char *name, *sql;
    size_t n;
    double shares[3]; /* of the price, in order of the measures */
} shared_rows[] = {
    { "counts and sums alike",
      "SELECT COUNT(*), SUM(price) FROM buys",
      2,
      { 1.0 / 2, 1.0 / 2 } },
    { "a mean's count gets half of its sum's",
      "SELECT AVG(price) FROM buys",
      2,
      { 1.0 / 3, 2.0 / 3 } },
    { "a count that is also asked for, a little more",
      "SELECT AVG(price), COUNT(price) FROM buys",
      2,
      { 1.1180339887 / 2.1180339887, 1 / 2.1180339887 } },
};

static void check_shared(void **state)
{
    const struct shared *row = *state;
    const struct request req = { .purpose = "stats",
                                 .ask = { ASK_RHO, .price = 0.01 } };
    struct arena a;
    struct err err = { 0 };
    struct plan *p = NULL;
    arena_init(&a, 1 << 22);
    assert_int_equal(plan_sql(&p, row->sql, &req, &plan_shop, &a, &err),
                     ERR_OK);
    assert_int_equal(p->n_measures, row->n);
    assert_true((double)p->price.rho_pico * 1e-12 <= 0.01);
    assert_true((double)p->price.rho_pico * 1e-12 > 0.01 * (1 - 1e-6));
    for (size_t i = 0; i < row->n; i++) {
        const struct plan_measure *m = &p->measures[i];
        const double scale = (double)m->noise.num / (double)m->noise.den;
        const double rho = p->l0 * pow((double)m->bound / scale, 2) / 2;
        assert_true(fabs(rho / 0.01 - row->shares[i]) < 1e-4);
    }
    arena_fini(&a);
}

static const struct refused {
    const char *name, *sql;
    enum err_code want;
    const char *says, *hint; /* parts of message and hint */
    struct request req;
    bool pure;
} refused[] = {
    { "a table spelt nearly right",
      "SELECT COUNT(*) FROM byus",
      ERR_NOT_FOUND,
      "byus",
      "Did you mean \"buys\"?",
      { .purpose = "stats" },
      false },
    { "a column spelt nearly right",
      "SELECT COUNT(*) FROM buys WHERE prise > 2",
      ERR_NOT_FOUND,
      "prise",
      "Did you mean \"price\"?",
      { .purpose = "stats" },
      false },
    { "a column of one alias is none of another's",
      "SELECT COUNT(*) FROM buys b JOIN towns t ON b.city = t.city WHERE "
      "t.prise > 2",
      ERR_NOT_FOUND,
      "prise",
      "Describe",
      { .purpose = "stats" },
      false },
    { "a function spelt nearly right",
      "SELECT cuont(*) FROM buys",
      ERR_REFUSED,
      "cuont",
      "Did you mean count?",
      { .purpose = "stats" },
      false },
    { "a function of nobody",
      "SELECT frobnicate(n) FROM buys",
      ERR_REFUSED,
      "frobnicate",
      "docs/sql.md",
      { .purpose = "stats" },
      false },
    { "a percentile without bounds is told how to have some",
      "SELECT percentile_disc(0.5) WITHIN GROUP (ORDER BY free) FROM buys",
      ERR_REFUSED,
      "no public bounds",
      "WITHIN GROUP (ORDER BY GREATEST(lo, LEAST(hi, free)))",
      { .purpose = "stats" },
      false },
    { "a share that is too fine is told one that is not",
      "SELECT COUNT(*) FROM buys",
      ERR_BUDGET,
      "may cost",
      "an accuracy of 0.601% would fit",
      { .purpose = "stats",
        .ask = { .kind = ASK_ACCURACY_REL, .half_width = 1e-7 } },
      false },
    { "text and a number",
      "SELECT COUNT(*) FROM buys WHERE city > 5",
      ERR_INVALID,
      "> compares text with int",
      "quotes",
      { .purpose = "stats" },
      false },
};

static void check_refused(void **state)
{
    const struct refused *row = *state;
    struct arena a;
    struct err err = { 0 };
    struct plan *p = NULL;
    arena_init(&a, 1 << 24);
    const enum err_code rc =
        plan_sql(&p, row->sql, &row->req,
                 row->pure ? &plan_shop_pure : &plan_shop, &a, &err);
    if (rc != row->want || !strstr(err.msg, row->says) ||
        !strstr(err.hint, row->hint))
        fail_msg("%s: %s (%s)", err_info_of(rc)->name, err.msg, err.hint);
    assert_null(p);
    arena_fini(&a);
}

/* Two queries are one release or are not. */
static const struct pair {
    const char *name, *left, *right;
    bool same;
} pairs[] = {
    { "order, limit and names come after",
      "SELECT land, COUNT(*) FROM buys GROUP BY land",
      "SELECT COUNT(*) AS c, land FROM shop.buys b GROUP BY b.land HAVING "
      "COUNT(*) > 5 ORDER BY 1 DESC LIMIT 2",
      true },
    { "AND commutes", "SELECT COUNT(*) FROM buys WHERE n = 1 AND ok",
      "SELECT COUNT(*) FROM buys WHERE ok AND n = 1", true },
    { "OR commutes", "SELECT COUNT(*) FROM buys WHERE n = 1 OR ok OR n = 3",
      "SELECT COUNT(*) FROM buys WHERE n = 3 OR n = 1 OR ok", true },
    { "so does AND, below an OR",
      "SELECT COUNT(*) FROM buys WHERE n = 7 OR (n = 1 AND ok)",
      "SELECT COUNT(*) FROM buys WHERE (ok AND n = 1) OR n = 7", true },
    { "sums and products commute", "SELECT SUM(n + price * 2) FROM buys",
      "SELECT SUM(2 * price + n) FROM buys", true },
    { "equality is mutual", "SELECT COUNT(*) FROM buys WHERE n = 1 OR n <> 5",
      "SELECT COUNT(*) FROM buys WHERE 5 <> n OR 1 = n", true },
    { "what is greater has less on its other side",
      "SELECT COUNT(*) FROM buys WHERE n > 3 OR price >= 2.5",
      "SELECT COUNT(*) FROM buys WHERE 3 < n OR 2.5 <= price", true },
    { "values of a list in any order",
      "SELECT COUNT(*) FROM buys WHERE city IN ('a', 'bb', 'c')",
      "SELECT COUNT(*) FROM buys WHERE city IN ('c', 'a', 'bb')", true },
    { "the least and the greatest of some",
      "SELECT SUM(LEAST(n, GREATEST(price, 2), 7)) FROM buys",
      "SELECT SUM(LEAST(7, GREATEST(2, price), n)) FROM buys", true },
    { "a difference does not commute", "SELECT SUM(n - price) FROM buys",
      "SELECT SUM(price - n) FROM buys", false },
    { "nor does what is less", "SELECT COUNT(*) FROM buys WHERE n > 3 OR ok",
      "SELECT COUNT(*) FROM buys WHERE 3 > n OR ok", false },
    { "what is greater is not what is less",
      "SELECT COUNT(*) FROM buys WHERE n > price",
      "SELECT COUNT(*) FROM buys WHERE n < price", false },
    { "a list has another first", "SELECT COUNT(*) FROM buys WHERE 1 IN (n, 2)",
      "SELECT COUNT(*) FROM buys WHERE n IN (1, 2)", false },
    { "AND is not OR",
      "SELECT COUNT(*) FROM buys WHERE n = 7 OR (n = 1 AND ok)",
      "SELECT COUNT(*) FROM buys WHERE n = 7 AND (n = 1 OR ok)", false },
    { "constants are computed", "SELECT COUNT(*) FROM buys WHERE n = 1 + 1",
      "SELECT COUNT(*) FROM buys WHERE n = 2", true },
    { "times on the grain",
      "SELECT COUNT(*) FROM buys WHERE at >= '2024-01-01 10:00'",
      "SELECT COUNT(*) FROM buys WHERE at >= '2024-01-01 23:00'", true },
    { "another constant", "SELECT COUNT(*) FROM buys WHERE n = 1",
      "SELECT COUNT(*) FROM buys WHERE n = 2", false },
    { "another aggregate", "SELECT COUNT(*) FROM buys",
      "SELECT COUNT(DISTINCT who) FROM buys", false },
    { "another key", "SELECT land, COUNT(*) FROM buys GROUP BY land",
      "SELECT kind, COUNT(*) FROM buys GROUP BY kind", false },
    { "another spread in an earlier release",
      "SELECT COUNT(*) FROM buys WHERE n > (SELECT VAR_POP(n) FROM buys)",
      "SELECT COUNT(*) FROM buys WHERE n > (SELECT STDDEV_POP(n) FROM buys)",
      false },
    { "the same earlier release",
      "SELECT COUNT(*) FROM buys WHERE n > (SELECT VAR_POP(n) FROM buys)",
      "SELECT COUNT(*) AS c FROM buys WHERE n > (SELECT VAR_POP(n) FROM buys)",
      true },
    { "text is not a number", "SELECT COUNT(*) FROM buys WHERE city = '1'",
      "SELECT COUNT(*) FROM buys WHERE n = 1", false },
};

static void check_pair(void **state)
{
    const struct pair *row = *state;
    const struct request req = { .purpose = "stats" };
    struct arena a;
    struct err err = { 0 };
    struct plan *l = NULL, *r = NULL;
    arena_init(&a, 1 << 22);
    assert_int_equal(plan_sql(&l, row->left, &req, &plan_shop, &a, &err),
                     ERR_OK);
    assert_int_equal(plan_sql(&r, row->right, &req, &plan_shop, &a, &err),
                     ERR_OK);
    assert_int_equal(memcmp(l->release_hash, r->release_hash, 32) == 0,
                     row->same);
    arena_fini(&a);
}

/* Memory faults without a faulty allocator: any cap ends in ERR_LIMIT or OK. */
static void every_cap_ends_cleanly(void **state)
{
    const struct request req = { .purpose = "stats" };
    const char *sql =
        "SELECT land, date_trunc('month', day), AVG(price), SUM(n) FROM buys "
        "WHERE at > '2024-01-01 10:00' AND city LIKE 'a%' GROUP BY 1, 2";
    enum err_code got = ERR_LIMIT;
    struct select *tree = NULL;
    struct arena keep;
    struct err err = { 0 };
    (void)state;
    arena_init(&keep, 1 << 20);
    assert_int_equal(sql_parse(&tree, sql, strlen(sql), &keep, &err), ERR_OK);
    for (size_t cap = 0; got == ERR_LIMIT && cap < 1 << 20; cap += 64) {
        struct arena a;
        struct plan *p = NULL;
        arena_init(&a, cap);
        got = plan_query(&p, &req, tree, &plan_shop, &a, &err);
        assert_true(got == ERR_OK || (got == ERR_LIMIT && !p));
        arena_fini(&a);
    }
    assert_int_equal(got, ERR_OK);
    arena_fini(&keep);
}

/* Each set is bounded by itself and has its share of the price, by hand. */
static void sets_share_the_price(void **state)
{
    const struct request req = { .purpose = "stats" };
    struct arena a;
    struct err err = { 0 };
    struct plan *p = NULL, *other = NULL;
    double rho = 0;
    (void)state;
    arena_init(&a, 1 << 22);
    assert_int_equal(
        plan_sql(&p,
                 "SELECT land, city, COUNT(DISTINCT who) FROM "
                 "buys GROUP BY GROUPING SETS ((land), (city), ())",
                 &req, &plan_shop, &a, &err),
        ERR_OK);
    static const uint32_t l0[] = { 2, 2, 1 };
    assert_int_equal(p->n_parts, 3);
    for (size_t i = 0; i < 3; i++) {
        const struct plan_measure *m = &p->parts[i]->measures[0];
        const double sigma = (double)m->noise.num / (double)m->noise.den;
        assert_int_equal(p->parts[i]->l0, l0[i]);
        assert_int_equal(m->bound, 1);
        assert_true(fabs(sigma / sqrt(l0[i] / (2 * 0.1 / 3)) - 1) < 2e-3);
        rho += l0[i] / (2 * sigma * sigma);
    }
    assert_true(p->parts[1]->selects && !p->parts[0]->selects);
    assert_true(fabs((double)p->price.rho_pico * 1e-12 / rho - 1) < 1e-6);
    assert_true(p->price.rho_pico <= plan_shop.default_price.rho_pico);
    assert_true(p->price.delta_atto > 3e9 && p->price.delta_atto < 4e9);
    assert_int_equal(
        plan_sql(&other,
                 "SELECT land, city, COUNT(DISTINCT who) FROM "
                 "buys GROUP BY GROUPING SETS ((land), (), (city))",
                 &req, &plan_shop, &a, &err),
        ERR_OK);
    assert_memory_not_equal(p->release_hash, other->release_hash, 32);
    arena_fini(&a);
}

/* A quarter for the earlier release, once; the rest by halves; by hand. */
static void sets_share_a_chain(void **state)
{
    const struct request req = { .purpose = "stats",
                                 .ask = { .kind = ASK_RHO, .price = 0.2 } };
    struct arena a;
    struct err err = { 0 };
    struct plan *p = NULL;
    (void)state;
    arena_init(&a, 1 << 22);
    if (plan_sql(&p,
                 "SELECT kind, COUNT(*) FROM buys WHERE city IN (SELECT city "
                 "FROM buys GROUP BY city ORDER BY COUNT(DISTINCT who) DESC "
                 "LIMIT 9) GROUP BY ROLLUP (kind)",
                 &req, &plan_shop, &a, &err) != ERR_OK)
        fail_msg("%s (%s)", err.msg, err.hint);
    assert_int_equal(p->n_parts, 2);
    assert_int_equal(p->n_before, 1);
    const uint64_t unit = UINT64_C(1000000000000) / 1000;
    assert_in_range(p->before[0]->price.rho_pico, unit * 49, unit * 50);
    for (size_t i = 0; i < 2; i++) {
        assert_in_range(p->parts[i]->price.rho_pico, unit * 74, unit * 75);
        assert_int_equal(p->parts[i]->n_before, 1);
    }
    assert_in_range(p->price.rho_pico, unit * 199, unit * 200);
    assert_int_equal(p->price.delta_atto, p->before[0]->price.delta_atto);
    arena_fini(&a);
}

static void groups_are_numbered_both_ways(void **state)
{
    const struct request req = { .purpose = "stats" };
    struct arena a;
    struct err err = { 0 };
    struct plan *p = NULL;
    struct value keys[2];
    uint64_t back = 0;
    (void)state;
    arena_init(&a, 1 << 20);
    assert_int_equal(
        plan_sql(&p, "SELECT land, ok, COUNT(*) FROM buys GROUP BY 1, 2", &req,
                 &plan_shop, &a, &err),
        ERR_OK);
    assert_int_equal(p->groups_public, 8);
    for (uint64_t i = 0; i < p->groups_public; i++) {
        plan_group_keys(keys, p, i);
        assert_true(plan_group_index(&back, p, keys));
        assert_int_equal(back, i);
    }
    keys[0] = value_text("??", 2);
    assert_false(plan_group_index(&back, p, keys));
    arena_fini(&a);
}

/* A report follows its sum to whatever grid the price leaves. */
static void reports_follow_their_sums(void **state)
{
    (void)state;
    for (double hi = 1; hi < 1e12; hi *= 10)
        for (double rho = 1e-7; rho < 0.1; rho *= 10) {
            const struct request req = { .purpose = "stats",
                                         .bounds_report = true,
                                         .ask = { .kind = ASK_RHO,
                                                  .price = rho } };
            struct arena a;
            struct err err = { 0 };
            struct plan *p = NULL;
            char sql[128];
            arena_init(&a, 1 << 22);
            (void)snprintf(sql, sizeof sql,
                           "SELECT SUM(least(%.0f, greatest(0, free))) FROM "
                           "buys",
                           hi);
            const enum err_code rc =
                plan_sql(&p, sql, &req, &plan_shop, &a, &err);
            assert_true(rc == ERR_OK || rc == ERR_INVALID);
            arena_fini(&a);
        }
}

int main(void)
{
    const struct CMUnitTest single[] = {
        cmocka_unit_test(check_gdp),
        cmocka_unit_test(every_cap_ends_cleanly),
        cmocka_unit_test(groups_are_numbered_both_ways),
        cmocka_unit_test(sets_share_the_price),
        cmocka_unit_test(sets_share_a_chain),
        cmocka_unit_test(reports_follow_their_sums),
    };
    sql_init();
    return RUN_ROWS(priced, check_priced) +
           RUN_ROWS(shared_rows, check_shared) +
           RUN_ROWS(refused, check_refused) + RUN_ROWS(pairs, check_pair) +
           cmocka_run_group_tests(single, NULL, NULL);
}
