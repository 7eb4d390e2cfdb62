/* The first k groups: which questions are, what each way costs, what leaves. */
#include "server/plan/plan.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include <gsl/gsl_cdf.h>

#include "dp/init.h"
#include "server/main/noise.h"
#include "server/sql/sql.h"
#include "tests/lib_plan.h"
#include "tests/lib_rng.h"
#include "tests/table.h"

/*
 * By hand: every group costs n L0, n numbers of which one counts people where
 * groups are private; the first k cost n' min(k, L0) + w k, n' without that
 * count and without a number that is only ordered by.  `ratio` is the second
 * over the first.
 *
 * Public groups: w = pi^2/24 = 0.4112 under zcdp and 1/sqrt(2) under pure; L0
 * 2, Linf 3.  Private groups: as many people have to be enough.  With rho 0.1
 * over n L0 = 8, x = sqrt(0.2 / 8), the noise on people is 6.325 wide, passed
 * at delta 1 - (1 - 1e-8)^(1/4) by X >= 38, the threshold; a stop one person's
 * reach and a step below it has eps = ln(4 k / 1e-8) / 36 = 0.5502, 0.5694,
 * 0.5807 for k 1, 2, 3, and w = (eps^2 / 8) / (x^2 / 2) = 3.0271, 3.2427,
 * 3.3721.  With n L0 = 4 the threshold is 27 at 1e-8 / 4 and 1e-8 / 2 alike:
 * eps = ln(2e8) / 25 = 0.7646 and w 2.9227 where L0 is 2, 0.7923 and 3.1385
 * where it is 4.  12: 46, x = sqrt(0.2 / 12), eps = 0.4502, w 3.0396.
 */
static const struct row {
    const char *name, *sql;
    uint32_t k;   /* picks; 0: every group is released */
    double ratio; /* 0: not one of these questions */
    bool hidden, pure;
    uint32_t l0, linf; /* asked for; 0: 2 and 3 */
} rows[] = {
    { "one city: (1 + w) / (2 x 2)",
      "SELECT city, COUNT(*) FROM buys GROUP BY city ORDER BY 2 DESC LIMIT 1",
      1, 0.980677, false, false, 0, 1 },
    { "two cities: (2 + 2 w) / 4 is more than 1",
      "SELECT city, COUNT(*) AS c FROM buys GROUP BY city ORDER BY c DESC "
      "LIMIT 2",
      0, 2.069265, false, false, 0, 1 },
    { "one city of people in four: (1 + w) / 8",
      "SELECT city, COUNT(*) FROM buys GROUP BY city ORDER BY 2 DESC LIMIT 1",
      1, 0.503391, false, false, 4, 1 },
    { "a row counts for one person at least, of three: 27 people have 27 rows, "
      "eps = ln(2e8) / (27 - 4) x 3, w = 31.0779",
      "SELECT city, COUNT(*) FROM buys GROUP BY city ORDER BY 2 DESC LIMIT 1",
      0, 8.019484, false, false, 0, 0 },
    { "names alone of people in four: 2 w / 8",
      "SELECT city FROM buys GROUP BY city ORDER BY COUNT(*) DESC LIMIT 2", 2,
      0.810677, true, false, 4, 1 },
    { "more names: 3 w / 8",
      "SELECT city FROM buys GROUP BY city ORDER BY COUNT(*) DESC LIMIT 3", 0,
      1.264593, false, false, 4, 1 },
    { "by people, who select for nothing: (1 + w) / 4",
      "SELECT city, COUNT(DISTINCT who) FROM buys GROUP BY city ORDER BY 2 "
      "DESC LIMIT 1",
      0, 1.034633, false, false, 4, 0 },
    { "by people, names alone: w / 4",
      "SELECT city FROM buys GROUP BY city ORDER BY COUNT(DISTINCT who) DESC "
      "LIMIT 1",
      1, 0.784633, true, false, 4, 0 },
    { "ordered by one number, another told: (1 + w) / 12",
      "SELECT city, SUM(n) FROM buys GROUP BY city ORDER BY COUNT(*) DESC "
      "LIMIT 1",
      1, 0.336637, true, false, 4, 1 },
    { "public groups: (1 + w) / 2",
      "SELECT land, COUNT(*) FROM buys GROUP BY land ORDER BY 2 DESC LIMIT 1",
      1, 0.705617, false, false, 0, 0 },
    { "public groups under pure: (1 + 0.7071) / 2",
      "SELECT land, COUNT(*) FROM buys GROUP BY land ORDER BY 2 DESC LIMIT 1",
      1, 0.853553, false, true, 0, 0 },
    { "public groups by a sum of what is never negative",
      "SELECT land, SUM(n) FROM buys GROUP BY land ORDER BY SUM(n) DESC LIMIT "
      "1",
      1, 0.705617, false, false, 0, 0 },
    { "public groups by a count with a filter",
      "SELECT land, COUNT(*) FILTER (WHERE ok) FROM buys GROUP BY land ORDER "
      "BY 2 DESC LIMIT 1",
      1, 0.705617, false, false, 0, 0 },
    { "a sum, of which many people may have little",
      "SELECT city, SUM(n) FROM buys GROUP BY city ORDER BY SUM(n) DESC LIMIT "
      "1",
      0, HUGE_VAL, false, false, 0, 1 },
    { "a count with a filter, of which they may have none",
      "SELECT city, COUNT(*) FILTER (WHERE ok) FROM buys GROUP BY city ORDER "
      "BY 2 DESC LIMIT 1",
      0, HUGE_VAL, false, false, 0, 1 },
    { "a count of what may be NULL",
      "SELECT city, COUNT(n) FROM buys GROUP BY city ORDER BY 2 DESC LIMIT 1",
      0, HUGE_VAL, false, false, 0, 1 },
    { "an offset is picked, too: (2 + 2 w) / 4",
      "SELECT land, COUNT(*) FROM buys GROUP BY land ORDER BY 2 DESC LIMIT 1 "
      "OFFSET 1",
      0, 1.411234, false, false, 0, 0 },
    { "an offset is picked, too: 2 w / 8",
      "SELECT city FROM buys GROUP BY city ORDER BY COUNT(*) DESC LIMIT 1 "
      "OFFSET 1",
      2, 0.810677, true, false, 4, 1 },
    { "a second key orders what was picked",
      "SELECT city, COUNT(*) FROM buys GROUP BY city ORDER BY 2 DESC, city "
      "LIMIT 1",
      1, 0.980677, false, false, 0, 1 },
    { "a SELECT around it",
      "SELECT MAX(c) FROM (SELECT city, COUNT(*) AS c FROM buys GROUP BY city "
      "ORDER BY c DESC LIMIT 1) x",
      1, 0.980677, false, false, 0, 1 },
    { "as many as there are public groups",
      "SELECT land, COUNT(*) FROM buys GROUP BY land ORDER BY 2 DESC LIMIT 4",
      0, 0, false, false, 0, 0 },
    { "the least frequent",
      "SELECT city, COUNT(*) FROM buys GROUP BY city ORDER BY 2 LIMIT 1", 0, 0,
      false, false, 0, 0 },
    { "a key first",
      "SELECT city, COUNT(*) FROM buys GROUP BY city ORDER BY city DESC, 2 "
      "DESC "
      "LIMIT 1",
      0, 0, false, false, 0, 0 },
    { "HAVING comes before the LIMIT",
      "SELECT city, COUNT(*) FROM buys GROUP BY city HAVING COUNT(*) < 9 ORDER "
      "BY 2 DESC LIMIT 1",
      0, 0, false, false, 0, 0 },
    { "a share of the total of every group",
      "SELECT city, COUNT(*), SUM(COUNT(*)) OVER () FROM buys GROUP BY city "
      "ORDER BY 2 DESC LIMIT 1",
      0, 0, false, false, 0, 0 },
    { "no LIMIT",
      "SELECT city, COUNT(*) FROM buys GROUP BY city ORDER BY 2 DESC", 0, 0,
      false, false, 0, 0 },
    { "a number that a person can lower",
      "SELECT city, SUM(price) FROM buys GROUP BY city ORDER BY 2 DESC LIMIT 1",
      0, 0, false, false, 0, 0 },
    { "a mean",
      "SELECT city, AVG(n) FROM buys GROUP BY city ORDER BY 2 DESC LIMIT 1", 0,
      0, false, false, 0, 0 },
    { "different values",
      "SELECT city, COUNT(DISTINCT n) FROM buys GROUP BY city ORDER BY 2 DESC "
      "LIMIT 1",
      0, 0, false, false, 0, 0 },
    { "arithmetic over a count",
      "SELECT city, COUNT(*) FROM buys GROUP BY city ORDER BY COUNT(*) * 2 "
      "DESC "
      "LIMIT 1",
      0, 0, false, false, 0, 0 },
    { "grouping sets",
      "SELECT city, kind, COUNT(*) FROM buys GROUP BY GROUPING SETS ((city), "
      "(kind)) ORDER BY 3 DESC LIMIT 1",
      0, 0, false, false, 0, 0 },
    { "without groups",
      "SELECT COUNT(*) FROM buys ORDER BY COUNT(*) DESC LIMIT 1", 0, 0, false,
      false, 0, 0 },
};

static struct plan *planned(const char *sql, const struct request *req,
                            bool pure, struct arena *a)
{
    struct err err = { 0 };
    struct plan *p = NULL;
    if (plan_sql(&p, sql, req, pure ? &plan_shop_pure : &plan_shop, a, &err) !=
        ERR_OK)
        fail_msg("%s (%s)", err.msg, err.hint);
    return p;
}

static double units_of(const struct plan *p)
{
    return p->policy->notion == DP_PURE ? (double)p->price.eps_nano * 1e-9
                                        : (double)p->price.rho_pico * 1e-12;
}

/* Gaussian: L0 D^2 / (2 sigma^2); Laplace: L0 D / t. */
static double price_of_numbers(const struct plan *p)
{
    double sum = 0;
    for (size_t i = 0; i < p->n_measures; i++) {
        const struct plan_measure *m = &p->measures[i];
        const double x =
            (double)m->bound * (double)m->noise.den / (double)m->noise.num;
        const uint32_t l0 = p->top.t.k < p->l0 ? p->top.t.k : p->l0;
        if (p->top.hidden && i == p->top.score)
            continue;
        sum += l0 * (p->policy->notion == DP_PURE ? x : x * x / 2);
    }
    return sum;
}

/* Numbers with no more noise than a release of every group has, a stop no
 * higher than the score of as many people as its threshold. */
static void of_no_less_use(const struct plan *p)
{
    for (size_t i = 0; i < p->n_measures; i++)
        if (!plan_hides(p, i))
            assert_true(dp_mechanism_variance(&p->measures[i].noise) <=
                        dp_mechanism_variance(&p->wider->measures[i].noise));
    if (p->selects)
        assert_true(dp_topk_margin(&p->top.t) <= p->wider->keep.above);
}

static void write_k(char text[256], const char *sql, unsigned k)
{
    const char *at = strstr(sql, "%d");
    (void)snprintf(text, 256, "%.*s%u", (int)(at - sql), sql, k);
}

static void check_row(void **state)
{
    const struct row *row = *state;
    const struct request req = { .purpose = "stats",
                                 .bounds = { .max_groups = row->l0,
                                             .max_rows = row->linf } };
    struct arena a;
    arena_init(&a, 1 << 22);
    const struct plan *p = planned(row->sql, &req, row->pure, &a);
    assert_int_equal(p->top.on ? p->top.t.k : 0, row->k);
    assert_true(row->ratio == p->top.ratio ||
                fabs(p->top.ratio - row->ratio) < 1e-5);
    if (row->k > 0) {
        const struct dp_choice *pick = &p->top.t.pick;
        const double eps = (double)pick->eps_nano * 1e-9;
        const double picks = row->k * (row->pure ? eps : eps * eps / 8);
        assert_int_equal(p->top.hidden, row->hidden);
        assert_int_equal(pick->sensitivity, p->measures[p->top.score].bound);
        assert_true(pick->monotone);
        assert_int_equal(p->top.t.l0, p->l0);
        assert_true(fabs((picks + price_of_numbers(p)) / units_of(p) - 1) <
                    1e-5);
        assert_true(units_of(p) <= (row->pure ? 1 : 0.1) &&
                    units_of(p) > (row->pure ? 1 : 0.1) * 0.999);
        assert_int_equal(p->price.delta_atto, p->selects ? 10000000000 : 0);
        assert_non_null(p->wider);
        assert_true(p->wider->top.ratio == p->top.ratio && !p->wider->top.on);
        of_no_less_use(p);
    }
    arena_fini(&a);
}

/* \302\261100 at 95 % is sigma 51.276 exactly as a release of every group has
 * it, and each pick is as wide. */
static void an_accuracy_is_met_by_both(void **state)
{
    (void)state;
    static const char sql[] = "SELECT land, COUNT(*) FROM buys GROUP BY land "
                              "ORDER BY COUNT(*) DESC LIMIT 1";
    const struct request req = { .purpose = "stats",
                                 .ask = { .kind = ASK_ACCURACY_ABS,
                                          .half_width = 100 } };
    struct arena a;
    arena_init(&a, 1 << 22);
    const struct plan *p = planned(sql, &req, false, &a);
    assert_true(p->top.on && p->top.ratio < 1);
    const struct dp_mechanism *m = &p->measures[0].noise;
    const double sigma = (double)m->num / (double)m->den;
    const double eps = (double)p->top.t.pick.eps_nano * 1e-9;
    assert_true(fabs(sigma / 51.276 - 1) < 1e-2);
    assert_true(fabs(eps * sigma / (3 * M_PI / sqrt(6)) - 1) < 1e-6);
    assert_true(fabs(units_of(p) / (eps * eps / 8 + 9 / (2 * sigma * sigma)) -
                     1) < 1e-6);
    assert_true(p->wider->measures[0].noise.num * m->den ==
                m->num * p->wider->measures[0].noise.den);
    arena_fini(&a);
}

/*
 * \302\26120 at 95 % for private groups: numbers as a release of every group
 * has them, beside people at the default price, 0.05 over four groups, whose
 * threshold is 38; the stop of a pick lies no higher, though a pick could be as
 * wide as the numbers for less.
 */
static void an_accuracy_leaves_the_stop_where_it_was(void **state)
{
    (void)state;
    static const char sql[] = "SELECT city, COUNT(*) FROM buys GROUP BY city "
                              "ORDER BY COUNT(*) DESC LIMIT 1";
    const struct request req = { .purpose = "stats",
                                 .bounds = { .max_groups = 4, .max_rows = 1 },
                                 .ask = { .kind = ASK_ACCURACY_ABS,
                                          .half_width = 20 } };
    struct arena a;
    arena_init(&a, 1 << 22);
    const struct plan *p = planned(sql, &req, false, &a);
    assert_true(p->top.on && p->top.ratio < 1);
    const double eps = (double)p->top.t.pick.eps_nano * 1e-9;
    const double sd = sqrt(dp_mechanism_variance(&p->measures[0].noise));
    assert_int_equal(p->wider->keep.above, 38);
    assert_true(fabs(eps / (log(4e8) / 36) - 1) < 1e-6);
    assert_true(eps > 3 * M_PI / sqrt(6) / sd);
    assert_true(fabs(units_of(p) / (eps * eps / 8 + 1 / (2 * sd * sd)) - 1) <
                1e-5);
    of_no_less_use(p);
    arena_fini(&a);
}

/* Whatever is picked is of no less use, by either notion, with or without a
 * minimum audience, at any price and accuracy. */
static void picks_are_of_no_less_use(void **state)
{
    static const char *const sql[] = {
        "SELECT city, COUNT(*) FROM buys GROUP BY city ORDER BY 2 DESC LIMIT "
        "%d",
        "SELECT city, SUM(n), AVG(n) FROM buys GROUP BY city ORDER BY COUNT(*) "
        "DESC LIMIT %d",
        "SELECT city, AVG(n) FROM buys GROUP BY city ORDER BY COUNT(DISTINCT "
        "who) DESC LIMIT %d",
        "SELECT city FROM buys GROUP BY city ORDER BY COUNT(*) DESC LIMIT %d",
    };
    unsigned picked = 0;
    (void)state;
    for (unsigned i = 0; i < 4 * 2 * 2 * 3 * 2 * 3; i++) {
        struct policy policy = plan_shop;
        const unsigned k = i / 96 + 1;
        struct request req = { .purpose = "stats",
                               .bounds = { .max_groups = 1 + i / 4 % 2 * 3,
                                           .max_rows = 1 + i / 8 % 2 } };
        char text[256];
        struct arena a;
        struct err err = { 0 };
        struct plan *p = NULL;
        policy.notion = i / 16 % 2 ? DP_GDP : DP_ZCDP;
        policy.min_audience = i / 32 % 3 * 30;
        if (i % 3 == 1)
            req.ask = (struct ask){ ASK_RHO, .price = 0.001 };
        if (i % 3 == 2)
            req.ask = (struct ask){ ASK_ACCURACY_ABS, .half_width = 300 };
        write_k(text, sql[i % 4], k);
        arena_init(&a, 1 << 22);
        if (plan_sql(&p, text, &req, &policy, &a, &err) != ERR_OK)
            fail_msg("%s: %s", text, err.msg);
        if (p->top.on) {
            of_no_less_use(p);
            picked++;
        }
        arena_fini(&a);
    }
    assert_true(picked > 40);
}

/* Where every group would cost more than one query may, picks still fit. */
static void picks_fit_where_all_groups_do_not(void **state)
{
    (void)state;
    static const char sql[] = "SELECT land, COUNT(*) FROM buys GROUP BY land "
                              "ORDER BY COUNT(*) DESC LIMIT 1";
    const struct request req = {
        .purpose = "stats", .ask = { .kind = ASK_ACCURACY_ABS, .half_width = 7 }
    };
    struct arena a;
    arena_init(&a, 1 << 22);
    const struct plan *p = planned(sql, &req, false, &a);
    assert_true(p->top.on && p->top.ratio == 0 && !p->wider);
    assert_true(units_of(p) < 0.5);
    arena_fini(&a);
}

static const struct pair {
    const char *name, *left, *right;
    bool same;
} pairs[] = {
    { "k is of the release",
      "SELECT city FROM buys GROUP BY city ORDER BY COUNT(*) DESC LIMIT 1",
      "SELECT city FROM buys GROUP BY city ORDER BY COUNT(*) DESC LIMIT 2",
      false },
    { "an offset is another k",
      "SELECT city FROM buys GROUP BY city ORDER BY COUNT(*) DESC LIMIT 1",
      "SELECT city FROM buys GROUP BY city ORDER BY COUNT(*) DESC LIMIT 1 "
      "OFFSET 1",
      false },
    { "one k, cut elsewhere",
      "SELECT city FROM buys GROUP BY city ORDER BY COUNT(*) DESC LIMIT 2",
      "SELECT city FROM buys GROUP BY city ORDER BY COUNT(*) DESC, city LIMIT "
      "1 OFFSET 1",
      true },
    { "what is ordered by",
      "SELECT city, SUM(n) FROM buys GROUP BY city ORDER BY COUNT(*) DESC "
      "LIMIT 1",
      "SELECT city, SUM(n) FROM buys GROUP BY city ORDER BY COUNT(DISTINCT "
      "who) DESC LIMIT 1",
      false },
    { "a number that is told and one that is not",
      "SELECT city, SUM(n) FROM buys GROUP BY city ORDER BY COUNT(*) DESC "
      "LIMIT 1",
      "SELECT city, SUM(n), COUNT(*) FROM buys GROUP BY city ORDER BY COUNT(*) "
      "DESC LIMIT 1",
      false },
    { "every group",
      "SELECT city, COUNT(*) FROM buys GROUP BY city ORDER BY 2 DESC LIMIT 1",
      "SELECT city, COUNT(*) FROM buys GROUP BY city", false },
};

/* People in up to four cities, a row each. */
static const struct request narrow = {
    .purpose = "stats", .bounds = { .max_groups = 4, .max_rows = 1 }
};

static void check_pair(void **state)
{
    const struct pair *row = *state;
    struct arena a;
    arena_init(&a, 1 << 22);
    const struct plan *l = planned(row->left, &narrow, false, &a);
    const struct plan *r = planned(row->right, &narrow, false, &a);
    assert_true(l->top.on);
    assert_int_equal(memcmp(l->release_hash, r->release_hash, 32) == 0,
                     row->same);
    if (l->wider && !r->top.on)
        assert_memory_equal(l->wider->release_hash, r->release_hash, 32);
    arena_fini(&a);
}

static void explained(void **state)
{
    (void)state;
    static const struct {
        const char *sql, *says[4];
    } texts[] = {
        { "EXPLAIN (PRIVACY) SELECT city, COUNT(*) FROM buys GROUP BY city "
          "ORDER BY 2 DESC LIMIT 1",
          { "Top 1 by rows: picked one by one by the exponential mechanism",
            "moves a number by at most 1", "delta 1e-8",
            "would cost 1.99 times as much at equal noise and with groups of "
            "as few people shown" } },
        { "EXPLAIN (PRIVACY) SELECT city FROM buys GROUP BY city ORDER BY "
          "COUNT(*) DESC LIMIT 2",
          { "Top 2 by rows", "rows orders them and is not told itself",
            "would cost 1.23 times", "private, picked" } },
        { "EXPLAIN (PRIVACY) SELECT city, COUNT(*) FROM buys GROUP BY city "
          "ORDER BY 2 DESC LIMIT 2",
          { "Every group is released", "to pick 2 would cost 1.06 times",
            "private, selected", "exceeds" } },
        { "EXPLAIN (PRIVACY) SELECT city, SUM(n) FROM buys GROUP BY city ORDER "
          "BY 2 DESC LIMIT 2",
          { "Every group is released",
            "had 2 been picked, groups that this shows might not be shown",
            "private, selected", "exceeds" } },
        { "EXPLAIN (PRIVACY) SELECT land, SUM(n) FROM buys GROUP BY land ORDER "
          "BY 2 DESC LIMIT 1",
          { "Top 1 by sum of n",
            "would cost 2.83 times as much at equal noise\n",
            "one person moves a number by at most 10", "public, 4 values" } },
    };
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        struct arena a;
        arena_init(&a, 1 << 22);
        const struct plan *p = planned(texts[i].sql, &narrow, false, &a);
        for (size_t s = 0; s < 4; s++)
            if (!strstr(p->text, texts[i].says[s]))
                fail_msg("no \"%s\" in\n%s", texts[i].says[s], p->text);
        arena_fini(&a);
    }
}

/* ---- what leaves ---- */

enum { GROUPS = 5 };

/* Rows as an engine gives them, one count each. */
struct found {
    struct value keys[GROUPS];
    struct dp_exact measures[GROUPS];
    struct engine_result result;
};

static void fill(struct found *f, const char *const *keys, const int *counts,
                 size_t n)
{
    for (size_t i = 0; i < n; i++) {
        f->keys[i] = value_text(keys[i], strlen(keys[i]));
        f->measures[i].touched = counts[i];
    }
    f->result = (struct engine_result){ .keys = f->keys,
                                        .measures = f->measures,
                                        .n_rows = n };
}

static const char *const CITIES[GROUPS] = { "E", "B", "D", "A", "C" };
static const char *const LANDS[] = { "DE", "AT" };

static struct plan_noisy released(const struct plan *p, const struct found *f,
                                  gsl_rng *rng, struct arena *a)
{
    struct plan_noisy noisy = { 0 };
    struct err err = { 0 };
    assert_int_equal(noise_release(&noisy, p, &f->result, NULL, rng, a, &err),
                     ERR_OK);
    return noisy;
}

/*
 * One public land of four, counts 30, 24, 0, 0: the first pick follows
 * exp(eps c / D), by chi-square over 20,000 releases (a false alarm once in
 * 10^6); its number has the mean and the deviation of its own noise, whichever
 * was picked, and its interval covers at least 95 %.
 */
static void picks_follow_their_law(void **state)
{
    enum { N = 20000, LANDS_N = 4 };
    static const char sql[] = "SELECT land, COUNT(*) AS c FROM buys GROUP BY "
                              "land ORDER BY c DESC LIMIT 1";
    static const int counts[] = { 30, 24 };
    static const char *const names[LANDS_N] = { "AT", "DE", "FR", "other" };
    static const double exact[LANDS_N] = { 24, 30, 0, 0 };
    const struct request req = { .purpose = "stats" };
    double seen[LANDS_N] = { 0 }, total = 0, chi = 0, sum = 0, squares = 0;
    unsigned covered = 0;
    struct arena a, each;
    struct found f;
    gsl_rng *rng = test_rng_new(31);
    (void)state;
    arena_init(&a, 1 << 22);
    arena_init(&each, 1 << 20);
    const struct plan *p = planned(sql, &req, false, &a);
    assert_true(p->top.on && p->top.t.declared);
    fill(&f, LANDS, counts, 2);
    for (int i = 0; i < N; i++) {
        const struct plan_noisy noisy = released(p, &f, rng, &each);
        struct reply_table table = { 0 };
        struct err err = { 0 };
        size_t land = 0;
        assert_int_equal(noisy.n_rows, 1);
        while (strcmp(noisy.keys[0].text.s, names[land]) != 0)
            land++;
        seen[land]++;
        const double off = (double)noisy.measures[0].v - exact[land];
        sum += off;
        squares += off * off;
        assert_int_equal(plan_finish(&table, p, &noisy, &each, &err), ERR_OK);
        covered += table.intervals[1].lo <= exact[land] &&
                   exact[land] <= table.intervals[1].hi;
        arena_reset(&each);
    }
    const double rate = (double)p->top.t.pick.eps_nano * 1e-9 / 3;
    for (size_t i = 0; i < LANDS_N; i++)
        total += exp(rate * exact[i]);
    for (size_t i = 0; i < LANDS_N; i++) {
        const double want = N * exp(rate * exact[i]) / total;
        chi += (seen[i] - want) * (seen[i] - want) / want;
    }
    assert_true(chi < gsl_cdf_chisq_Qinv(1e-6, LANDS_N - 1));
    const double sd = sqrt(dp_mechanism_variance(&p->measures[0].noise));
    assert_true(fabs(sum / N) < 5 * sd / sqrt(N));
    assert_true(fabs(sqrt(squares / N) / sd - 1) < 0.03);
    assert_true(covered >= 0.95 * N - 5 * sqrt(0.95 * 0.05 * N));
    gsl_rng_free(rng);
    arena_fini(&each);
    arena_fini(&a);
}

/* Private groups far above the margin come in their order, those of nobody and
 * those below it do not come; the number that orders is not told. */
static void the_clear_ones_are_found(void **state)
{
    (void)state;
    static const char sql[] = "SELECT city FROM buys GROUP BY city ORDER BY "
                              "COUNT(*) DESC LIMIT 2";
    static const int counts[GROUPS] = { 0, 900, 2, 0, 800 };
    struct arena a;
    struct found f;
    struct err err = { 0 };
    struct reply_table table = { 0 };
    gsl_rng *rng = test_rng_new(32);
    arena_init(&a, 1 << 22);
    const struct plan *p = planned(sql, &narrow, false, &a);
    assert_true(p->top.on && p->top.hidden && !p->has_people);
    fill(&f, CITIES, counts, GROUPS);
    const struct plan_noisy noisy = released(p, &f, rng, &a);
    assert_int_equal(noisy.n_rows, 2);
    for (size_t i = 0; i < 2; i++)
        assert_true(noisy.measures[i].v == 0);
    assert_int_equal(plan_finish(&table, p, &noisy, &a, &err), ERR_OK);
    assert_int_equal(table.n_rows, 2);
    assert_string_equal(table.cells[0].text.s, "B");
    assert_string_equal(table.cells[1].text.s, "C");
    gsl_rng_free(rng);
    arena_fini(&a);
}

/* In whatever order the engine gives groups that tie, the same are picked. */
static void ties_do_not_tell_the_order_of_rows(void **state)
{
    (void)state;
    static const char sql[] = "SELECT city FROM buys GROUP BY city ORDER BY "
                              "COUNT(*) DESC LIMIT 2";
    static const int counts[GROUPS] = { 500000, 500000, 500000, 500000,
                                        500000 };
    static const char *const other[GROUPS] = { "C", "D", "A", "E", "B" };
    struct arena a;
    arena_init(&a, 1 << 22);
    const struct plan *p = planned(sql, &narrow, false, &a);
    assert_true(p->top.on);
    for (unsigned seed = 0; seed < 20; seed++) {
        struct found f, g;
        gsl_rng *l = test_rng_new(seed), *r = test_rng_new(seed);
        fill(&f, CITIES, counts, GROUPS);
        fill(&g, other, counts, GROUPS);
        const struct plan_noisy x = released(p, &f, l, &a);
        const struct plan_noisy y = released(p, &g, r, &a);
        assert_int_equal(x.n_rows, 2);
        assert_int_equal(y.n_rows, 2);
        for (size_t i = 0; i < 2; i++)
            assert_int_equal(value_cmp(&x.keys[i], &y.keys[i]), 0);
        gsl_rng_free(l);
        gsl_rng_free(r);
    }
    arena_fini(&a);
}

int main(void)
{
    const struct CMUnitTest single[] = {
        cmocka_unit_test(an_accuracy_is_met_by_both),
        cmocka_unit_test(an_accuracy_leaves_the_stop_where_it_was),
        cmocka_unit_test(picks_are_of_no_less_use),
        cmocka_unit_test(picks_fit_where_all_groups_do_not),
        cmocka_unit_test(explained),
        cmocka_unit_test(picks_follow_their_law),
        cmocka_unit_test(the_clear_ones_are_found),
        cmocka_unit_test(ties_do_not_tell_the_order_of_rows),
    };
    dp_init();
    sql_init();
    return RUN_ROWS(rows, check_row) + RUN_ROWS(pairs, check_pair) +
           cmocka_run_group_tests(single, NULL, NULL);
}
