#include "dp/convert.h"

#include <math.h>

#include "dp/gauss.h"
#include "tests/table.h"

/* From the formula in 50 digits (mpmath). */
static const struct row {
    const char *name;
    double rho, delta, eps;
} rows[] = {
    { "rho 0.0001, delta 1e-06", 0.0001, 1e-06, 0.0537271206348598696 },
    { "rho 0.0001, delta 1e-09", 0.0001, 1e-09, 0.0743627931141362465 },
    { "rho 0.0001, delta 1e-14", 0.0001, 1e-14, 0.100121176170598172 },
    { "rho 0.006642, delta 1e-06", 0.0066415243566604904, 1e-06,
      0.499999999999999536 },
    { "rho 0.006642, delta 1e-09", 0.0066415243566604904, 1e-09,
      0.654733676657613976 },
    { "rho 0.006642, delta 1e-14", 0.0066415243566604904, 1e-14,
      0.854558287206642542 },
    { "rho 0.006642, delta 0.01", 0.0066415243566604904, 0.01,
      0.162992082168596649 },
    { "rho 0.02436, delta 1e-06", 0.0243559703595383, 1e-06,
      0.999999999999998389 },
    { "rho 0.02436, delta 1e-09", 0.0243559703595383, 1e-09,
      1.28964480675448842 },
    { "rho 0.02436, delta 1e-14", 0.0243559703595383, 1e-14,
      1.66695542191202204 },
    { "rho 0.02436, delta 0.01", 0.0243559703595383, 0.01,
      0.392865318039176384 },
    { "rho 0.1, delta 1e-06", 0.10000000000000001, 1e-06, 2.14193892838547373 },
    { "rho 0.1, delta 1e-09", 0.10000000000000001, 1e-09, 2.71548188673050201 },
    { "rho 0.1, delta 1e-14", 0.10000000000000001, 1e-14, 3.46896749433410873 },
    { "rho 0.1, delta 0.01", 0.10000000000000001, 0.01, 0.978754757625594095 },
    { "rho 0.311, delta 1e-06", 0.311, 1e-06, 3.99953419240023759 },
    { "rho 0.311, delta 1e-09", 0.311, 1e-09, 4.99395449240139579 },
    { "rho 0.311, delta 1e-14", 0.311, 1e-14, 6.30823258017541974 },
    { "rho 0.311, delta 0.01", 0.311, 0.01, 2.02491340324645585 },
    { "rho 1.052, delta 1e-06", 1.052, 1e-06, 7.99841652725444771 },
    { "rho 1.052, delta 1e-09", 1.052, 1e-09, 9.79757002288781884 },
    { "rho 1.052, delta 1e-14", 1.052, 1e-14, 12.18867569868091 },
    { "rho 1.052, delta 0.01", 1.052, 0.01, 4.48916658933165598 },
    { "rho 5, delta 1e-06", 5, 1e-06, 20.5519488140412519 },
    { "rho 5, delta 1e-09", 5, 1e-09, 24.4059875575593805 },
    { "rho 5, delta 1e-14", 5, 1e-14, 29.556673325817616 },
    { "rho 5, delta 0.01", 5, 0.01, 13.1559786331613895 },
    { "rho 50, delta 1e-06", 50, 1e-06, 100.689905161058238 },
    { "rho 50, delta 1e-09", 50, 1e-09, 112.664954968251027 },
    { "rho 50, delta 1e-14", 50, 1e-14, 128.748370122207334 },
    { "rho 50, delta 0.01", 50, 0.01, 78.0051443326773921 },
};

static void check_row(void **state)
{
    const struct row *row = *state;
    double eps, rho, delta;
    assert_int_equal(dp_eps_of_rho(&eps, row->rho, row->delta), DP_OK);
    assert_true(eps >= row->eps * (1 - 2e-16));
    assert_true(eps <= row->eps * (1 + 1e-12));
    assert_int_equal(dp_rho_of_eps(&rho, row->eps, row->delta), DP_OK);
    assert_true(rho <= row->rho * (1 + 2e-15));
    assert_true(rho >= row->rho * (1 - 1e-12));
    assert_int_equal(dp_delta_of_rho(&delta, row->rho, row->eps), DP_OK);
    assert_true(fabs(delta / row->delta - 1) < 1e-12 * (1 + row->eps));
}

static const struct bad_row {
    const char *name;
    double x, delta;
} bad_rows[] = {
    { "negative", -1, 1e-6 },
    { "NaN", (double)NAN, 1e-6 },
    { "infinite", HUGE_VAL, 1e-6 },
    { "delta 0", 1, 0 },
    { "delta 1", 1, 1 },
    { "delta NaN", 1, (double)NAN },
    { "delta below 0", 1, -1e-9 },
};

static void check_bad(void **state)
{
    const struct bad_row *row = *state;
    double out = 77;
    assert_int_equal(dp_eps_of_rho(&out, row->x, row->delta), DP_EDOM);
    assert_int_equal(dp_rho_of_eps(&out, row->x, row->delta), DP_EDOM);
    assert_true(out == 77);
}

/* Round trips and monotony over six decades of rho and twelve of delta. */
static void round_trips_and_rises(void **state)
{
    (void)state;
    for (double delta = 1e-14; delta < 0.5; delta *= 37) {
        double last = 0;
        for (double rho = 1e-6; rho < 20; rho *= 1.7) {
            double eps, back;
            assert_int_equal(dp_eps_of_rho(&eps, rho, delta), DP_OK);
            assert_true(eps >= last);
            last = eps;
            if (eps == 0)
                continue;
            assert_int_equal(dp_rho_of_eps(&back, eps, delta), DP_OK);
            assert_true(back <= rho * (1 + 1e-13));
            assert_true(back >= rho * (1 - 1e-12));
        }
    }
}

/*
 * pure -> zcdp -> (eps, delta): never above pure by more than the conversion,
 * and below it once many are composed; gdp -> zcdp -> (eps, delta): above the
 * Gaussian's own curve, by at most 20 % in epsilon for delta at most 1e-4.
 */
static void notions_convert_in_order(void **state)
{
    (void)state;
    for (double delta = 1e-14; delta < 2e-4; delta *= 41) {
        double last_pure = 0, last_gdp = 0;
        for (double x = 0.01; x < 4; x *= 1.4) {
            double by_rho, exact, mu, back;
            assert_int_equal(dp_eps_of_rho(&by_rho, dp_rho_of_pure(x), delta),
                             DP_OK);
            assert_true(by_rho >= last_pure);
            assert_true(by_rho <= x * x / 2 + x * sqrt(-2 * log(delta)));
            last_pure = by_rho;

            assert_int_equal(dp_eps_of_rho(&by_rho, dp_rho_of_gdp(x), delta),
                             DP_OK);
            assert_int_equal(dp_gauss_eps(&exact, x, delta), DP_OK);
            assert_true(by_rho >= exact && by_rho <= exact * 1.2);
            assert_true(exact >= last_gdp);
            last_gdp = exact;
            assert_int_equal(dp_gauss_mu(&mu, exact, delta), DP_OK);
            assert_true(fabs(mu / x - 1) < 1e-13);
            assert_int_equal(dp_gauss_eps(&back, mu, delta), DP_OK);
            assert_true(fabs(back / exact - 1) < 1e-12);
        }
    }
}

/* zcdp -> Renyi -> (eps, delta): every order is above dp_eps_of_rho(), the best
 * of a fine grid meets it. */
static void one_order_is_never_below_the_best(void **state)
{
    (void)state;
    for (double rho = 1e-4; rho < 10; rho *= 3)
        for (double delta = 1e-12; delta < 0.1; delta *= 100) {
            double best = HUGE_VAL, least, eps;
            assert_int_equal(dp_eps_of_rho(&least, rho, delta), DP_OK);
            for (double b = 1e-2; b < 1e4; b *= 1.01) {
                assert_int_equal(
                    dp_eps_of_renyi(&eps, 1 + b, (1 + b) * rho, delta), DP_OK);
                assert_true(eps >= least * (1 - 1e-14));
                best = fmin(best, eps);
            }
            assert_true(best <= least * (1 + 1e-4));
        }
    double eps = 77;
    assert_int_equal(dp_eps_of_renyi(&eps, 1, 1, 0.1), DP_EDOM);
    assert_int_equal(dp_eps_of_renyi(&eps, 2, -1, 0.1), DP_EDOM);
    assert_int_equal(dp_eps_of_renyi(&eps, HUGE_VAL, 1, 0.1), DP_EDOM);
    assert_true(eps == 77);
}

/* Squares round up at both ends of doubles. */
static void squares_saturate(void **state)
{
    (void)state;
    assert_true(dp_rho_of_pure(0) == 0 && dp_rho_of_gdp(0) == 0);
    assert_true(dp_rho_of_pure(1e-300) > 0);
    assert_true(dp_rho_of_pure(1e200) == HUGE_VAL);
    for (double x = 1e-3; x < 1e3; x *= 1.0007) {
        const long double exact = (long double)x * (long double)x / 2;
        assert_true(dp_rho_of_pure(x) >= exact && dp_rho_of_gdp(x) >= exact);
        assert_true(dp_rho_of_pure(x) <= exact * (1 + 5e-16L));
        assert_true(dp_rho_of_gdp(x) <= exact * (1 + 5e-16L));
    }
}

static void edges(void **state)
{
    (void)state;
    double x;
    assert_int_equal(dp_eps_of_rho(&x, 0, 1e-6), DP_OK);
    assert_true(x == 0);
    assert_int_equal(dp_rho_of_eps(&x, 0, 1e-6), DP_OK);
    assert_true(x > 0 && x < 1e-9);
    assert_int_equal(dp_eps_of_rho(&x, 1e-30, 1e-6), DP_OK);
    assert_true(x < 1e-13);
    assert_int_equal(dp_eps_of_rho(&x, 1e6, 1e-300), DP_OK);
    assert_true(x > 1e6 && x < 1.1e6);
    assert_int_equal(dp_delta_of_rho(&x, 0, 1), DP_OK);
    assert_true(x == 0);
    /* eps' = 1.1856: 50:50 becomes at most 77:23. */
    assert_true(fabs(dp_odds_of_rho(0.0244, 1e-6) - 0.76595) < 1e-5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(round_trips_and_rises),
        cmocka_unit_test(notions_convert_in_order),
        cmocka_unit_test(one_order_is_never_below_the_best),
        cmocka_unit_test(squares_saturate),
        cmocka_unit_test(edges),
    };
    return RUN_ROWS(rows, check_row) + RUN_ROWS(bad_rows, check_bad) +
           cmocka_run_group_tests(tests, NULL, NULL);
}
