/* What a price means under each notion, and how far a budget goes. */
#include "dp/notion.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "dp/account.h"
#include "dp/mechanism.h"
#include "tests/lib_vectors.h"
#include "tests/table.h"

/* In 40 digits (mpmath). */
static const struct pure_row {
    const char *name;
    double eps;
    long double half_mu2;
} pure_rows[] = {
    { "epsilon 1e-9 under GDP", 1e-9, 7.8539816339744830959e-19L },
    { "epsilon 0.001 under GDP", 0.001, 7.8539813530613535758e-7L },
    { "epsilon 0.1 under GDP", 0.1, 0.0078511742707244089373L },
    { "epsilon 1 under GDP", 1, 0.75895559537097931544L },
    { "epsilon 5 under GDP", 5, 12.234813822060340534L },
    { "epsilon 30 under GDP", 30, 108.27052192136237241L },
    { "epsilon 500 under GDP", 500, 1982.5222647233231798L },
    { "epsilon 2000 under GDP", 2000, 7979.7402160457333999L },
    { "epsilon 100000 under GDP", 100000, 399971.91222101879241L },
};

static void check_pure(void **state)
{
    const struct pure_row *row = *state;
    const long double got = dp_notion_gdp_of_pure(row->eps);
    assert_true(got >= row->half_mu2 * (1 - 1e-16L));
    assert_true(got <= row->half_mu2 * (1 + 1e-11L));
}

static void small_epsilons_join_smoothly(void **state)
{
    (void)state;
    const long double below = dp_notion_gdp_of_pure(1e-5L * (1 - 1e-13L)),
                      above = dp_notion_gdp_of_pure(1e-5L);
    assert_true(fabsl(above / below - 1) < 1e-11L);
    assert_true(dp_notion_gdp_of_pure(0) == 0);
}

static const struct notion_row {
    const char *name;
    enum dp_notion notion;
} notion_rows[] = { { "zcdp", DP_ZCDP },
                    { "pure", DP_PURE },
                    { "gdp", DP_GDP } };

/* Epsilon to the main part and back gains no more than an ulp of a double. */
static void check_round_trip(void **state)
{
    const enum dp_notion notion = ((const struct notion_row *)*state)->notion;
    for (double eps = 0.01; eps < 20; eps *= 1.7)
        for (double delta = 1e-3; delta > 1e-15; delta /= 71) {
            double main, back;
            uint64_t units;
            assert_int_equal(dp_notion_of_eps(&main, notion, eps, delta),
                             DP_OK);
            assert_int_equal(
                dp_units_down(&units, main, dp_notion_unit(notion)), DP_OK);
            const struct dp_price price = dp_notion_price(notion, units);
            assert_true(dp_notion_units(notion, price) == units);
            assert_int_equal(dp_notion_eps(&back, notion, price, delta), DP_OK);
            assert_true(back <= eps * (1 + 4e-16));
            assert_true(back >= eps * (1 - 1e-6));
        }
}

static void what_is_not_a_price_is_refused(void **state)
{
    (void)state;
    const struct dp_price one = { 1, 1, 0 };
    double out = 7;
    assert_int_equal(dp_notion_of_eps(&out, DP_GDP, 0, 1e-6), DP_EDOM);
    assert_int_equal(dp_notion_of_eps(&out, DP_PURE, -1, 1e-6), DP_EDOM);
    assert_int_equal(dp_notion_of_eps(&out, DP_ZCDP, (double)NAN, 1e-6),
                     DP_EDOM);
    assert_int_equal(dp_notion_of_eps(&out, DP_GDP, 1, 0), DP_EDOM);
    assert_int_equal(dp_notion_eps(&out, DP_GDP, one, 1), DP_EDOM);
    assert_int_equal(dp_notion_eps(&out, DP_ZCDP, one, 0), DP_EDOM);
    assert_true(out == 7);
    assert_int_equal(dp_notion_eps(&out, DP_GDP, (struct dp_price){ 0 }, 1e-6),
                     DP_OK);
    assert_true(out == 0);
}

/* How often `noise` is answered to one person's change of 1 at eps, delta. */
static uint64_t answers(struct dp_mechanism noise, enum dp_notion notion,
                        double eps, double delta)
{
    double main;
    uint64_t budget;
    struct dp_price one;
    assert_int_equal(dp_notion_of_eps(&main, notion, eps, delta), DP_OK);
    assert_int_equal(dp_units_down(&budget, main, dp_notion_unit(notion)),
                     DP_OK);
    assert_int_equal(dp_mechanism_price(&one, &noise, 1, notion), DP_OK);
    return budget / dp_notion_units(notion, one);
}

/*
 * Counts within +-100 at 95 % that one dataset answers at epsilon 1, delta
 * 1e-6.  With noise whose real-valued law has that half width (sigma = 100 /
 * 1.95996...) 126 under zcdp, 145 under gdp; the law on integers leaves half a
 * step more, P[|X| > 100] <= 5 %, and buys two more of each.
 */
static void how_far_a_budget_goes(void **state)
{
    (void)state;
    const uint64_t num = 51021346; /* 100 / 1.959963984540054, in 1e-6 */
    assert_int_equal(answers((struct dp_mechanism){ DP_DGAUSS, num, 1000000 },
                             DP_ZCDP, 1, 1e-6),
                     126);
    assert_int_equal(answers((struct dp_mechanism){ DP_RGAUSS, num, 1000000 },
                             DP_GDP, 1, 1e-6),
                     145);

    struct dp_mechanism discrete, rounded, laplace;
    assert_int_equal(dp_mechanism_of_accuracy(&discrete, DP_DGAUSS, 100, 0.95),
                     DP_OK);
    assert_int_equal(dp_mechanism_of_accuracy(&rounded, DP_RGAUSS, 100, 0.95),
                     DP_OK);
    assert_int_equal(answers(discrete, DP_ZCDP, 1, 1e-6), 128);
    assert_int_equal(answers(rounded, DP_GDP, 1, 1e-6), 147);
    assert_int_equal(answers(rounded, DP_ZCDP, 1, 1e-6), 128);

    assert_int_equal(dp_mechanism_of_accuracy(&laplace, DP_DLAPLACE, 100, 0.95),
                     DP_OK);
    assert_int_equal(answers(laplace, DP_PURE, 1, 1e-6), 33);
}

static void the_law_of_a_notion_has_a_price_under_it(void **state)
{
    (void)state;
    for (enum dp_notion n = DP_ZCDP; n <= DP_GDP; n++) {
        const struct dp_mechanism m = { dp_notion_law(n), 10, 1 };
        struct dp_price p;
        assert_int_equal(dp_mechanism_price(&p, &m, 1, n), DP_OK);
        assert_true(dp_notion_units(n, p) > 0);
    }
}

/* ledger,delta,eps_exact_if_closed_form,eps_lower,eps_upper: the Gaussians. */
static void ledger_row(char *const f[VECTOR_FIELDS])
{
    double sigma, eps;
    unsigned long times;
    char rest;
    if (sscanf(f[0], "G%lfx%lu%c", &sigma, &times, &rest) != 2)
        return;
    struct dp_price p;
    const struct dp_mechanism m = { DP_RGAUSS, (uint64_t)lround(sigma * 1000),
                                    1000 };
    assert_int_equal(dp_mechanism_price(&p, &m, 1, DP_GDP), DP_OK);
    p = dp_price_times(p, times);
    assert_int_equal(dp_notion_eps(&eps, DP_GDP, p, strtod(f[1], NULL)), DP_OK);
    const double want = strtod(f[2], NULL);
    assert_true(eps >= want * (1 - 1e-13) && eps <= want * (1 + 1e-9));
}

static void ledgers_of_gaussians_are_exact(void **state)
{
    (void)state;
    if (!vectors_each("accountant_eps.csv", ledger_row) ||
        !vectors_each("accountant_small_delta.csv", ledger_row))
        skip();
}

/*
 * One description for planner and accountant: what a vector costs under gdp and
 * what the GDP accountant says of it are the same epsilon; under pure the
 * epsilons add up alike.
 */
static void accountants_read_the_same_vector(void **state)
{
    (void)state;
    const struct dp_vector_release gauss = { { DP_RGAUSS, 513, 10 }, 7, 5 },
                                   laplace = { { DP_DLAPLACE, 200, 3 }, 7, 5 };
    struct dp_event e;
    struct dp_price p;
    double planned, accounted;
    assert_int_equal(dp_event_of_vector(&e, &gauss), DP_OK);
    assert_int_equal(dp_vector_price(&p, &gauss, DP_GDP), DP_OK);
    assert_int_equal(dp_notion_eps(&planned, DP_GDP, p, 1e-6), DP_OK);
    assert_int_equal(dp_account_eps(&accounted, DP_BY_GDP, &e, 1, 1e-6), DP_OK);
    assert_true(fabs(planned / accounted - 1) < 1e-9);

    assert_int_equal(dp_event_of_vector(&e, &laplace), DP_OK);
    assert_int_equal(dp_vector_price(&p, &laplace, DP_PURE), DP_OK);
    assert_int_equal(dp_account_eps(&accounted, DP_BY_PURE, &e, 1, 0), DP_OK);
    assert_true(fabs((double)p.eps_nano * DP_NANO / accounted - 1) < 1e-8);

    const struct dp_vector_release none[] = {
        { { DP_DGAUSS, 5, 1 }, 1, 1 },
        { { DP_RGAUSS, 5, 1 }, 0, 1 },
        { { DP_RGAUSS, 5, 1 }, 1, 0 },
        { { DP_RGAUSS, 5, 0 }, 1, 1 },
        { { DP_DLAPLACE, 1, 1 << 20 }, UINT64_MAX, 1 }
    };
    for (size_t i = 0; i < sizeof none / sizeof *none; i++)
        assert_int_equal(dp_event_of_vector(&e, &none[i]), DP_EDOM);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(small_epsilons_join_smoothly),
        cmocka_unit_test(what_is_not_a_price_is_refused),
        cmocka_unit_test(how_far_a_budget_goes),
        cmocka_unit_test(the_law_of_a_notion_has_a_price_under_it),
        cmocka_unit_test(ledgers_of_gaussians_are_exact),
        cmocka_unit_test(accountants_read_the_same_vector),
    };
    return RUN_ROWS(pure_rows, check_pure) +
           RUN_ROWS(notion_rows, check_round_trip) +
           cmocka_run_group_tests(tests, NULL, NULL);
}
