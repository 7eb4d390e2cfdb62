#include <string.h>

#include "server/plan/plan.h"
#include "server/sql/sql.h"
#include "tests/lib_plan.h"
#include "tests/table.h"

/* What a plan tells its reader, and what an accuracy means for percentiles. */

/* What a reader is told; all of it, but for the rows that nobody owns. */
static const struct noted {
    const char *name, *sql;
    struct ask ask;
    const char *want[4];
} noted[] = {
    { "a declared range, and rows",
      "SELECT SUM(price) FROM buys",
      { 0 },
      { "each person counts with at most 3 rows in a group",
        "price counts as within [-1, 7.5]: what lies outside is clamped" } },
    { "a range once, whatever it is read for",
      "SELECT SUM(n), AVG(n), SUM(n + 1) FROM buys",
      { 0 },
      { "each person counts with at most 3 rows in a group",
        "n counts as within [0, 10]: what lies outside is clamped",
        "(n + 1) counts as within [1, 11]: what lies outside is clamped" } },
    { "what the query clamps by itself is no news",
      "SELECT SUM(LEAST(n, 3)), SUM(CASE WHEN n > 3 THEN 1 ELSE 0 END) FROM "
      "buys",
      { 0 },
      { "each person counts with at most 3 rows in a group" } },
    { "the clamp of a person",
      "SELECT SUM(total) FROM buys",
      { 0 },
      { "total counts per person and group as within [0, 150]: what lies "
        "outside is clamped" } },
    { "a percentile's rows and range",
      "SELECT MEDIAN(n) FROM buys",
      { 0 },
      { "each person counts with at most 3 rows in a group",
        "n counts as within [0, 10]: what lies outside is clamped" } },
    { "different values of one person",
      "SELECT COUNT(DISTINCT city) FROM buys",
      { 0 },
      { "of one person at most 3 different values of city count in a group" } },
    { "groups that may be hidden, and from where",
      "SELECT city, COUNT(DISTINCT who) FROM buys GROUP BY city",
      { 0 },
      { "each person counts in at most 2 groups",
        "there may be more groups: one is shown when its noisy number of "
        "people is above 19" } },
    { "a relative accuracy of a sum",
      "SELECT SUM(LEAST(5, n)) FROM buys",
      { .kind = ASK_ACCURACY_REL, .half_width = 0.5 },
      { "each person counts with at most 3 rows in a group",
        "a sum is held to 50 % of the public size times the largest value, not "
        "of the sum itself, which is smaller" } },
    { "an accuracy of a percentile is one of ranks",
      "SELECT MEDIAN(LEAST(5, n)) FROM buys",
      { .kind = ASK_ACCURACY_ABS, .half_width = 500 },
      { "each person counts with at most 3 rows in a group",
        "a percentile is held to \302\261500 rows: its rank may be off by so "
        "much, "
        "how far its value is depends on the data" } },
    { "a constant that nobody declared",
      "SELECT COUNT(*) FROM buys WHERE kind = 'c'",
      { 0 },
      { "'c' is none of the values declared for \"kind\" (a, b), so it may "
        "stand in no row",
        "each person counts with at most 3 rows in a group" } },
    { "one among others, in a filter, a key and a sub-query, once each",
      "SELECT CASE WHEN 'XX' <> land THEN 1 ELSE 0 END, COUNT(*) FILTER (WHERE "
      "kind IN ('b', 'z')) FROM (SELECT who, land, kind FROM buys WHERE land "
      "IN "
      "('XX', 'DE')) x GROUP BY 1",
      { 0 },
      { "'XX' is none of the values declared for \"land\" (AT, DE, FR), so it "
        "may stand in no row; only GROUP BY counts others together",
        "'z' is none of the values declared for \"kind\" (a, b), so it may "
        "stand in no row",
        "each person counts in at most 2 groups",
        "each person counts with at most 3 rows in a group" } },
    { "what stands for the others is not declared either",
      "SELECT COUNT(DISTINCT who) FROM buys WHERE land = 'other'",
      { 0 },
      { "'other' is none of the values declared for \"land\" (AT, DE, FR), so "
        "it may stand in no row; only GROUP BY counts others together" } },
    { "declared constants, and those of a column without a domain",
      "SELECT COUNT(DISTINCT who) FROM buys WHERE land = 'DE' AND kind <> 'a' "
      "AND city = 'XX' AND land = NULL",
      { 0 },
      { 0 } },
    { "one row per person has no limit on rows",
      "SELECT COUNT(*) FROM (SELECT who, COUNT(*) FROM buys GROUP BY who) x",
      { 0 },
      { 0 } },
};

static void check_noted(void **state)
{
    const struct noted *row = *state;
    const struct request req = { .purpose = "stats", .ask = row->ask };
    struct arena a;
    struct err err = { 0 };
    struct plan *p = NULL;
    size_t n = 0;
    arena_init(&a, 1 << 22);
    if (plan_sql(&p, row->sql, &req, &plan_shop, &a, &err) != ERR_OK)
        fail_msg("%s (%s)", err.msg, err.hint);
    while (n < 4 && row->want[n])
        n++;
    size_t seen = 0;
    for (size_t i = 0; i < p->n_notices; i++)
        if (strncmp(p->notices[i], "rows without \"who\"", 18) != 0) {
            assert_true(seen < n);
            assert_string_equal(p->notices[i], row->want[seen++]);
        }
    assert_int_equal(seen, n);
    arena_fini(&a);
}

/*
 * An accuracy holds a percentile's rank within so many rows, by the law of its
 * pick; and one of a public size needs that.
 */
static void percentiles_reach_an_accuracy(void **state)
{
    static const char sql[] =
        "SELECT MEDIAN(n), percentile_cont(0.9) WITHIN GROUP (ORDER BY n) FROM "
        "buys";
    struct policy nothing = plan_shop;
    (void)state;
    nothing.expected_size = 0;
    for (int rel = 0; rel < 2; rel++)
        for (double rows = 100; rows <= 500; rows += 100) {
            const double of = rel ? (double)plan_shop.expected_size : 1;
            const struct request req = {
                .purpose = "stats",
                .ask = { .kind = rel ? ASK_ACCURACY_REL : ASK_ACCURACY_ABS,
                         .half_width = rows / of }
            };
            struct arena a;
            struct err err = { 0 };
            struct plan *p = NULL;
            arena_init(&a, 1 << 22);
            if (plan_sql(&p, sql, &req, &plan_shop, &a, &err) != ERR_OK)
                fail_msg("%s (%s)", err.msg, err.hint);
            for (size_t i = 0; i < p->n_picks; i++) {
                const struct plan_pick *pick = &p->picks[i];
                uint64_t reach = 0;
                assert_int_equal(
                    dp_quantile_reach(&reach, &pick->choice,
                                      p->hists[pick->hist].n_buckets, 0.05),
                    DP_OK);
                const double got = (double)reach / pick->q.den;
                assert_true(got <= rows * (1 + 1e-9) && got > 0.999 * rows);
            }
            p = NULL;
            assert_int_equal(plan_sql(&p, sql, &req, &nothing, &a, &err),
                             rel ? ERR_REFUSED : ERR_OK);
            arena_fini(&a);
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(percentiles_reach_an_accuracy),
    };
    sql_init();
    return RUN_ROWS(noted, check_noted) +
           cmocka_run_group_tests(tests, NULL, NULL);
}
