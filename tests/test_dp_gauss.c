/* Sigma, mu, epsilon and delta of the Gaussian mechanism against roots found in
 * 60 digits or more. */
#include "dp/gauss.h"

#include <math.h>
#include <stdlib.h>

#include "tests/lib_vectors.h"
#include "tests/table.h"

/* Sigma at sensitivity 1 (mpmath, 120 to 400 digits). */
static const struct row {
    const char *name;
    double eps, delta, sigma;
} rows[] = {
    { "eps 0, delta 0.5", 0, 0.5, 0.74130110925280093027 },
    { "eps 0, delta 0.1", 0, 0.1, 3.9789482805452729588 },
    { "eps 0, delta 1e-3", 0, 1e-3, 398.94217595855781595 },
    { "eps 0, delta 1e-6", 0, 1e-6, 398942.28040132825315 },
    { "eps 0, delta 1e-10", 0, 1e-10, 3989422804.014326634 },
    { "eps 0, delta 1e-14", 0, 1e-14, 39894228040143.267841 },
    { "eps 0, delta 1e-30", 0, 1e-30, 3.9894228040143264469e+29 },
    { "eps 0, delta 1e-100", 0, 1e-100, 3.9894228040143266996e+99 },
    { "eps 0, delta 1e-300", 0, 1e-300, 3.9894228040143266794e+299 },
    { "eps 1e-6, delta 0.5", 1e-6, 0.5, 0.74130067693110438851 },
    { "eps 1e-6, delta 0.1", 1e-6, 0.1, 3.9789302808459648366 },
    { "eps 1e-6, delta 1e-3", 1e-6, 1e-3, 398.74303542310580176 },
    { "eps 1e-6, delta 1e-6", 1e-6, 1e-6, 276029.9039992015081 },
    { "eps 1e-6, delta 1e-10", 1e-6, 1e-10, 3062226.8063192810148 },
    { "eps 1e-6, delta 1e-14", 1e-6, 1e-14, 5012024.3268717156821 },
    { "eps 1e-6, delta 1e-30", 1e-6, 1e-30, 9744982.9595303962964 },
    { "eps 1e-6, delta 1e-100", 1e-6, 1e-100, 20321506.708410608663 },
    { "eps 1e-6, delta 1e-300", 1e-6, 1e-300, 36475988.480953099802 },
    { "eps 1e-3, delta 0.5", 1e-3, 0.5, 0.74086918519562635547 },
    { "eps 1e-3, delta 0.1", 1e-3, 0.1, 3.9610599667062759157 },
    { "eps 1e-3, delta 1e-3", 1e-3, 1e-3, 276.1288755692027804 },
    { "eps 1e-3, delta 1e-6", 1e-3, 1e-6, 2436.5524937485808217 },
    { "eps 1e-3, delta 1e-10", 1e-3, 1e-10, 4584.2182271742569532 },
    { "eps 1e-3, delta 1e-14", 1e-3, 1e-14, 6146.4284825639426815 },
    { "eps 1e-3, delta 1e-30", 1e-3, 1e-30, 10411.137950399482147 },
    { "eps 1e-3, delta 1e-100", 1e-3, 1e-100, 20656.29593228237961 },
    { "eps 1e-3, delta 1e-300", 1e-3, 1e-300, 36664.470095428496897 },
    { "eps 0.3, delta 0.5", 0.3, 0.5, 0.63894709422254101584 },
    { "eps 0.3, delta 0.1", 0.3, 0.1, 1.9619682037626485442 },
    { "eps 0.3, delta 1e-3", 0.3, 1e-3, 7.0708990010968454548 },
    { "eps 0.3, delta 1e-6", 0.3, 1e-6, 12.992382894843080847 },
    { "eps 0.3, delta 1e-10", 0.3, 1e-10, 18.730738158385989097 },
    { "eps 0.3, delta 1e-14", 0.3, 1e-14, 23.273902441983222319 },
    { "eps 0.3, delta 1e-30", 0.3, 1e-30, 36.484831180111368018 },
    { "eps 0.3, delta 1e-100", 0.3, 1e-100, 69.786085252822830439 },
    { "eps 0.3, delta 1e-300", 0.3, 1e-300, 122.74472150976271953 },
    { "eps 1, delta 0.5", 1, 0.5, 0.50706503147633135973 },
    { "eps 1, delta 0.1", 1, 0.1, 1.0858777651918564784 },
    { "eps 1, delta 1e-3", 1, 1e-3, 2.5746570186372061331 },
    { "eps 1, delta 1e-6", 1, 1e-6, 4.2246788893268352923 },
    { "eps 1, delta 1e-10", 1, 1e-10, 5.8677777496305263832 },
    { "eps 1, delta 1e-14", 1, 1e-14, 7.1892446015899096278 },
    { "eps 1, delta 1e-30", 1, 1e-30, 11.083102948976993429 },
    { "eps 1, delta 1e-100", 1, 1e-100, 21.009409042300620812 },
    { "eps 1, delta 1e-300", 1, 1e-300, 36.865497894111099653 },
    { "eps 7, delta 0.5", 7, 0.5, 0.25028222693723031634 },
    { "eps 7, delta 0.1", 7, 0.1, 0.34792276506444255771 },
    { "eps 7, delta 1e-3", 7, 1e-3, 0.53138000479705950012 },
    { "eps 7, delta 1e-6", 7, 1e-6, 0.73179948090660760756 },
    { "eps 7, delta 1e-10", 7, 1e-10, 0.94107094558344702912 },
    { "eps 7, delta 1e-14", 7, 1e-14, 1.1149230003076459841 },
    { "eps 7, delta 1e-30", 7, 1e-30, 1.6438869704020816417 },
    { "eps 7, delta 1e-100", 7, 1e-100, 3.0344788572149572238 },
    { "eps 7, delta 1e-300", 7, 1e-300, 5.2855720936593878989 },
    { "eps 30, delta 0.5", 30, 0.5, 0.12701068162904742146 },
    { "eps 30, delta 0.1", 30, 0.1, 0.1495925808927395727 },
    { "eps 30, delta 1e-3", 30, 1e-3, 0.18715702807456518517 },
    { "eps 30, delta 1e-6", 30, 1e-6, 0.22681570842753231112 },
    { "eps 30, delta 1e-10", 30, 1e-10, 0.26883004580327015427 },
    { "eps 30, delta 1e-14", 30, 1e-14, 0.30452036489646100932 },
    { "eps 30, delta 1e-30", 30, 1e-30, 0.41700371058233594475 },
    { "eps 30, delta 1e-100", 30, 1e-100, 0.72762887136274012781 },
    { "eps 30, delta 1e-300", 30, 1e-300, 1.2448244087827224237 },
    { "eps 100, delta 0.5", 100, 0.5, 0.07036032149083715732 },
    { "eps 100, delta 0.1", 100, 0.1, 0.077009402122327860221 },
    { "eps 100, delta 1e-3", 100, 1e-3, 0.087362736714413178104 },
    { "eps 100, delta 1e-6", 100, 1e-6, 0.097837223974441092561 },
    { "eps 100, delta 1e-10", 100, 1e-10, 0.10876042602012663672 },
    { "eps 100, delta 1e-14", 100, 1e-14, 0.11802875416433018153 },
    { "eps 100, delta 1e-30", 100, 1e-30, 0.14764248196644436025 },
    { "eps 100, delta 1e-100", 100, 1e-100, 0.23332466739028057757 },
    { "eps 100, delta 1e-300", 100, 1e-300, 0.38279839749776204799 },
};

/* All four functions at one point of the curve. */
static void check_row(void **state)
{
    const struct row *row = *state;
    double sigma, mu, eps, delta;
    assert_int_equal(dp_gauss_sigma(&sigma, row->eps, row->delta, 1), DP_OK);
    assert_true(sigma >= row->sigma * (1 - 2e-16)); /* the row's own rounding */
    assert_true(sigma <= row->sigma * (1 + 2e-15));
    assert_int_equal(dp_gauss_mu(&mu, row->eps, row->delta), DP_OK);
    assert_true(mu <= 1 / row->sigma * (1 + 4e-16));
    assert_true(mu >= 1 / row->sigma * (1 - 2e-15));

    assert_int_equal(dp_gauss_eps(&eps, mu, row->delta), DP_OK);
    assert_true(eps <= row->eps + 1e-15 * (1 + row->eps));
    assert_true(eps >= row->eps - 1e-14 * (1 + row->eps));
    assert_int_equal(dp_gauss_delta(&delta, mu, row->eps), DP_OK);
    assert_true(delta <= row->delta * (1 + 1e-15));
    assert_true(fabs(log(delta / row->delta)) < 1e-12);
}

static const struct bad_row {
    const char *name;
    double eps, delta, sensitivity;
} bad_rows[] = {
    { "epsilon below 0", -1, 1e-6, 1 },
    { "epsilon NaN", (double)NAN, 1e-6, 1 },
    { "epsilon infinite", HUGE_VAL, 1e-6, 1 },
    { "delta 0", 1, 0, 1 },
    { "delta 1", 1, 1, 1 },
    { "delta NaN", 1, (double)NAN, 1 },
    { "sensitivity 0", 1, 1e-6, 0 },
    { "sensitivity infinite", 1, 1e-6, HUGE_VAL },
};

static void check_bad(void **state)
{
    const struct bad_row *row = *state;
    double out = 77;
    assert_int_equal(
        dp_gauss_sigma(&out, row->eps, row->delta, row->sensitivity), DP_EDOM);
    if (row->sensitivity == 1) {
        assert_int_equal(dp_gauss_mu(&out, row->eps, row->delta), DP_EDOM);
        const double mu = row->eps == 1 ? 1 : row->eps;
        const double delta = row->eps == 1 ? row->delta : 0;
        assert_int_equal(dp_gauss_eps(&out, mu, delta), DP_EDOM);
    }
    assert_true(out == 77);
}

/* epsilon,delta,l2_sensitivity,sigma_analytic,... */
static void vector_row(char *const f[VECTOR_FIELDS])
{
    double sigma;
    assert_int_equal(dp_gauss_sigma(&sigma, strtod(f[0], NULL),
                                    strtod(f[1], NULL), strtod(f[2], NULL)),
                     DP_OK);
    const long double want = strtold(f[3], NULL);
    assert_true(sigma >= want);
    assert_true(sigma <= want * (1 + 2e-15L));
}

static void sigma_vectors(void **state)
{
    (void)state;
    if (!vectors_each("gauss_sigma.csv", vector_row))
        skip();
}

/* The sigma returned passes, and a hair less does not. */
static void sigma_is_least(void **state)
{
    (void)state;
    for (double eps = 1e-6; eps < 100; eps *= 3.7)
        for (double delta = 0.4; delta > 1e-60; delta /= 23) {
            double sigma, at, below;
            assert_int_equal(dp_gauss_sigma(&sigma, eps, delta, 3), DP_OK);
            assert_int_equal(dp_gauss_eps(&at, 3 / sigma, delta), DP_OK);
            assert_true(at <= eps * (1 + 1e-14) + 2e-15);
            assert_int_equal(
                dp_gauss_delta(&below, 3 / (sigma * (1 - 1e-13)), eps), DP_OK);
            assert_true(below > delta);
        }
}

static void rises_with_mu_and_falls_with_delta(void **state)
{
    (void)state;
    double last = 0, eps, delta;
    for (double mu = 1e-4; mu < 50; mu *= 1.3) {
        assert_int_equal(dp_gauss_eps(&eps, mu, 1e-9), DP_OK);
        assert_true(eps >= last);
        last = eps;
    }
    for (delta = 1e-200; delta < 0.9; delta *= 11) {
        assert_int_equal(dp_gauss_eps(&eps, 1.3, delta), DP_OK);
        assert_true(eps <= last);
        last = eps;
    }
    assert_int_equal(dp_gauss_eps(&eps, 0.1, 0.5), DP_OK);
    assert_true(eps == 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sigma_vectors),
        cmocka_unit_test(sigma_is_least),
        cmocka_unit_test(rises_with_mu_and_falls_with_delta),
    };
    return RUN_ROWS(rows, check_row) + RUN_ROWS(bad_rows, check_bad) +
           cmocka_run_group_tests(tests, NULL, NULL);
}
