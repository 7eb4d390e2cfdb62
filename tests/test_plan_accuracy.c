/* What an accuracy asked for means for columns that are computed. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "dp/init.h"
#include "dp/interval.h"
#include "server/sql/sql.h"
#include "tests/lib_plan.h"
#include "tests/table.h"

/*
 * Each row asks for +-half at 95 %; its measures' noise is that of the question
 * `like`, asked for each half width in turn, by hand.  A group of land has 1000
 * / 4 = 250 people by what is public; 250 / sqrt(2) x 0.999 = 176.6.
 */
static const struct row {
    const char *name, *sql;
    double half;
    const char *like[2];
    double of[2];
} rows[] = {
    { "a count",
      "SELECT COUNT(*) FROM buys",
      50,
      { "SELECT COUNT(*) FROM buys" },
      { 50 } },
    { "a count over a constant",
      "SELECT COUNT(*) / 1000.0 FROM buys",
      0.05,
      { "SELECT COUNT(*) FROM buys" },
      { 50 } },
    { "moved and turned round",
      "SELECT 10 - 2 * COUNT(*) FROM buys",
      100,
      { "SELECT COUNT(*) FROM buys" },
      { 50 } },
    { "shown beside it, the stricter holds",
      "SELECT COUNT(*), COUNT(*) / 10.0 FROM buys",
      50,
      { "SELECT COUNT(*) FROM buys" },
      { 50 } },
    { "a share: a flag's count is at most its rows'",
      "SELECT land, 1.0 * COUNT(*) FILTER (WHERE ok) / COUNT(*) FROM buys "
      "GROUP BY land",
      0.2,
      { "SELECT land, COUNT(*) FROM buys GROUP BY land",
        "SELECT land, COUNT(*) FROM buys GROUP BY land" },
      { 0.2 * 176.6, 0.2 * 176.6 } },
    { "in per cent, and with NULLIF",
      "SELECT land, 100.0 * COUNT(*) FILTER (WHERE ok) / NULLIF(COUNT(*), 0) "
      "FROM buys GROUP BY land",
      20,
      { "SELECT land, COUNT(*) FROM buys GROUP BY land",
        "SELECT land, COUNT(*) FROM buys GROUP BY land" },
      { 0.2 * 176.6, 0.2 * 176.6 } },
    { "a sum by rows: at most 10 for each",
      "SELECT land, 1.0 * SUM(n) / COUNT(*) FROM buys GROUP BY land",
      2,
      { "SELECT land, SUM(n) FROM buys GROUP BY land",
        "SELECT land, COUNT(*) FROM buys GROUP BY land" },
      { 2 * 176.6, 0.2 * 176.6 } },
    { "a sum by people: at most 30 for each",
      "SELECT land, 1.0 * SUM(n) / COUNT(DISTINCT who) FROM buys GROUP BY land",
      3,
      { "SELECT land, SUM(n) FROM buys GROUP BY land",
        "SELECT land, COUNT(DISTINCT who) FROM buys GROUP BY land" },
      { 3 * 176.6, 0.1 * 176.6 } },
    { "a share beside its count, which is held to as much by itself",
      "SELECT land, COUNT(*), 100.0 * COUNT(*) FILTER (WHERE ok) / COUNT(*) "
      "FROM buys GROUP BY land",
      30,
      { "SELECT land, COUNT(*) FROM buys GROUP BY land",
        "SELECT land, COUNT(*) FROM buys GROUP BY land" },
      { 30, 0.3 * 176.6 } },
    { "of private groups no size is public: each in its own units",
      "SELECT city, 100.0 * COUNT(*) FILTER (WHERE ok) / COUNT(*) FROM buys "
      "GROUP BY city",
      40,
      { "SELECT city, COUNT(*) FROM buys GROUP BY city",
        "SELECT city, COUNT(*) FROM buys GROUP BY city" },
      { 40, 40 } },
};

static const struct plan *planned(const char *sql, double half, struct arena *a)
{
    const struct request req = {
        .purpose = "stats", .ask = { ASK_ACCURACY_ABS, .half_width = half }
    };
    struct err err = { 0 };
    struct plan *p = NULL;
    if (plan_sql(&p, sql, &req, &plan_shop, a, &err) != ERR_OK)
        fail_msg("%s (%s)", err.msg, err.hint);
    return p;
}

/* Noise of the i-th aggregate that is written. */
static double scale_of(const struct plan *p, size_t i)
{
    const struct plan_measure *m = &p->measures[p->aggs[i].measure];
    return ldexp((double)m->noise.num / (double)m->noise.den,
                 plan_measure_exp(m));
}

static void check_row(void **state)
{
    const struct row *row = *state;
    struct arena a;
    arena_init(&a, 1 << 22);
    const struct plan *p = planned(row->sql, row->half, &a);
    for (size_t i = 0; i < 2 && row->like[i]; i++) {
        const struct plan *like = planned(row->like[i], row->of[i], &a);
        const double got = scale_of(p, i), want = scale_of(like, 0);
        if (fabs(got / want - 1) > 2e-3)
            fail_msg("aggregate %zu: scale %g is not %g", i, got, want);
    }
    arena_fini(&a);
}

/* Of 250 people, all of whom have the flag, the quotient is as good as asked.
 */
static void a_quotient_is_as_good_as_asked(void **state)
{
    (void)state;
    struct arena a;
    arena_init(&a, 1 << 22);
    const struct plan *p =
        planned("SELECT land, 1.0 * COUNT(*) FILTER (WHERE ok) / COUNT(*) FROM "
                "buys GROUP BY land",
                0.2, &a);
    const struct dp_reading num = { { 250 }, p->measures[0].noise };
    const struct dp_reading den = { { 250 }, p->measures[1].noise };
    struct dp_interval i;
    assert_int_equal(dp_interval_of_ratio(&i, &num, &den, 0.95), DP_OK);
    assert_true(i.hi - i.lo < 2 * 0.2 * 1.1 && i.hi - i.lo > 2 * 0.2 * 0.9);
    assert_non_null(
        strstr(p->notices[0], "held to \302\2610.2 where it is over 250"));
    arena_fini(&a);
}

/* What a refused accuracy is told to ask for is granted, however fine it was;
 * for one question more than a tenth narrower it would not be. */
static void what_is_told_to_fit_does(void **state)
{
    static const char *const ASKED[] = {
        "SELECT COUNT(*) FROM buys",
        "SELECT SUM(price) FROM buys",
        "SELECT land, COUNT(DISTINCT who), AVG(n) FROM buys GROUP BY land",
        "SELECT VARIANCE(n), COUNT(*) FROM buys",
    };
    static const char fits[] = "an accuracy of \302\261";
    (void)state;
    for (size_t q = 0; q < sizeof ASKED / sizeof *ASKED; q++)
        for (double half = 1e-6; half < 2; half *= 10) {
            struct request req = { .purpose = "stats",
                                   .ask = { ASK_ACCURACY_ABS,
                                            .half_width = half } };
            struct arena a;
            struct err err = { 0 };
            struct plan *p = NULL;
            arena_init(&a, 1 << 22);
            const enum err_code code =
                plan_sql(&p, ASKED[q], &req, &plan_shop, &a, &err);
            if (code == ERR_BUDGET) {
                assert_memory_equal(err.hint, fits, sizeof fits - 1);
                req.ask.half_width = strtod(err.hint + sizeof fits - 1, NULL);
                if (plan_sql(&p, ASKED[q], &req, &plan_shop, &a, &err) !=
                    ERR_OK)
                    fail_msg("%s, %g: %s", ASKED[q], half, err.hint);
                req.ask.half_width *= 0.9;
                if (plan_sql(&p, ASKED[q], &req, &plan_shop, &a, &err) !=
                    ERR_BUDGET)
                    fail_msg("%s, %g: nine tenths of it fit, too", ASKED[q],
                             half);
            } else if (code != ERR_OK) {
                fail_msg("%s, %g: %s", ASKED[q], half, err.msg);
            }
            arena_fini(&a);
        }
}

int main(void)
{
    const struct CMUnitTest single[] = {
        cmocka_unit_test(what_is_told_to_fit_does),
        cmocka_unit_test(a_quotient_is_as_good_as_asked),
    };
    dp_init();
    sql_init();
    return RUN_ROWS(rows, check_row) +
           cmocka_run_group_tests(single, NULL, NULL);
}
