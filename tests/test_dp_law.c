/* Tails, quantiles and variance of the discrete laws, and the scale found from
 * them, against reference values. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "dp/dgauss.h"
#include "dp/dlaplace.h"
#include "dp/mechanism.h"
#include "dp/rgauss.h"
#include "tests/lib_vectors.h"
#include "tests/table.h"

static bool near(double got, double want, double relative)
{
    return fabs(got - want) <= relative * fabs(want);
}

/* ln P[X > k] in 40 digits (mpmath), across both ways of summing. */
static const struct tail_row {
    const char *name;
    double sigma, k, log_tail;
} tail_rows[] = {
    { "sigma 9.53674e-07, k 0", 9.5367431640625e-07, 0, -549755813888.0 },
    { "sigma 9.53674e-07, k 1", 9.5367431640625e-07, 1, -2199023255552.0 },
    { "sigma 0.25, k 0", 0.25, 0, -8.0006707002483491761 },
    { "sigma 0.25, k 3", 0.25, 3, -128.00067070028610052 },
    { "sigma 0.75, k 0", 0.75, 0, -1.4522355014746527527 },
    { "sigma 0.75, k 1", 0.75, 1, -4.1751438875605579539 },
    { "sigma 0.75, k 8", 0.75, 8, -72.63128653895609192 },
    { "sigma 1, k 0", 1, 0, -1.2022114868014890437 },
    { "sigma 1, k 10", 1, 10, -61.418928408475208116 },
    { "sigma 1, k 36", 1, 36, -685.41893853855524866 },
    { "sigma 5, k 0", 5, 0, -0.77629887688775960073 },
    { "sigma 5, k 7", 5, 7, -2.7108071237360694756 },
    { "sigma 5, k 100", 5, 100, -206.53098898355884743 },
    { "sigma 5, k 180", 5, 180, -657.7476731097166569 },
    { "sigma 15.9375, k 0", 15.9375, 0, -0.7184974736829240692 },
    { "sigma 15.9375, k 1", 15.9375, 1, -0.77110500965007342701 },
    { "sigma 15.9375, k 30", 15.9375, 30, -3.5824475236589250094 },
    { "sigma 15.9375, k 500", 15.9375, 500, -497.62708974612609 },
    { "sigma 16, k 0", 16, 0, -0.71839718830435369441 },
    { "sigma 16, k 1", 16, 1, -0.77078917807407659946 },
    { "sigma 16, k 5", 16, 5, -1.0064996539336009604 },
    { "sigma 16, k 25", 16, 25, -2.8919677994338427786 },
    { "sigma 16, k 26", 16, 26, -3.019854580124564908 },
    { "sigma 16, k 600", 16, 600, -709.06200416712895698 },
    { "sigma 50, k 0", 50, 0, -0.70115802749267737663 },
    { "sigma 50, k 100", 50, 100, -3.8070405866831923792 },
    { "sigma 50, k 249", 50, 249, -15.013612240185403025 },
    { "sigma 50, k 251", 50, 251, -15.221466065071054771 },
    { "sigma 50, k 1900", 50, 1900, -726.9615107892717604 },
    { "sigma 100.5, k 0", 100.5, 0, -0.69712465516437096767 },
    { "sigma 100.5, k 200", 100.5, 200, -3.7714077473002117819 },
    { "sigma 100.5, k 3000", 100.5, 3000, -450.00216232769350947 },
    { "sigma 1000, k 0", 1000, 0, -0.69354620243898916795 },
    { "sigma 1000, k 1", 1000, 1, -0.69434472377092945707 },
    { "sigma 1000, k 2000", 1000, 2000, -3.7843712500191240271 },
    { "sigma 1000, k 30000", 1000, 30000, -454.33629825358603052 },
    { "sigma 1.04858e+06, k 0", 1048576, 0, -0.69314756102102423211 },
    { "sigma 1.04858e+06, k 1048576", 1048576, 1048576,
      -1.8410223722505833137 },
    { "sigma 1.04858e+06, k 39845888", 1048576, 39845888,
      -726.55723415121804069 },
    { "sigma 1.09951e+12, k 0", 1099511627776, 0, -0.69314718056030814531 },
    { "sigma 1.09951e+12, k 1099511627776", 1099511627776, 1099511627776,
      -1.841021645009957057 },
    { "sigma 1.09951e+12, k 41781441855488", 1099511627776, 41781441855488,
      -726.55721601883742245 },
};

static const struct tail_row rounded_rows[] = {
    { "rounded, sigma 0.25, k 0", 0.25, 0, -3.7831843336820319488 },
    { "rounded, sigma 0.25, k 3", 0.25, 3, -101.56303440744995824 },
    { "rounded, sigma 0.75, k 1", 0.75, 1, -3.7831843336820319488 },
    { "rounded, sigma 1, k 0", 1, 0, -1.1759117615936186089 },
    { "rounded, sigma 1, k 36", 1, 36, -670.64200000031370137 },
    { "rounded, sigma 15.9375, k 30", 15.9375, 30, -3.5817262212510154167 },
    { "rounded, sigma 51.25, k 100", 51.25, 100, -3.6912448863638777928 },
    { "rounded, sigma 1000, k 2000", 1000, 2000, -3.7843710521647922953 },
    { "rounded, sigma 1000, k 30000", 1000, 30000, -454.33626071103894403 },
    { "rounded, sigma 2^20, k 38 sigma", 1048576, 39845888,
      -726.55723415116328158 },
    { "rounded, sigma 2^20, k 140 sigma", 1048576, 146800640,
      -9805.8606987303239669 },
    { "rounded, sigma 2^40, k 38 sigma", 1099511627776, 41781441855488,
      -726.55721601883742245 },
};

static void check_rounded_tail(void **state)
{
    const struct tail_row *row = *state;
    const long double got =
        dp_rgauss_log_tail((long double)row->sigma, (dp_uint)row->k);
    const double room = 1e-15 * (1 + fabs(row->log_tail));
    assert_true(fabs((double)(got - (long double)row->log_tail)) < room);
}

/* In 60 digits (mpmath), across both ways of summing. */
static const struct variance_case {
    const char *name;
    double sigma, variance;
} rounded_variances[] = {
    { "rounded, variance at 0.1", 0.1, 5.73303143758387823e-7 },
    { "rounded, variance at 0.25", 0.25, 0.0455002698158842846 },
    { "rounded, variance at 0.5", 0.5, 0.32541276258633084 },
    { "rounded, variance at 0.75", 0.75, 0.645797916650248021 },
    { "rounded, variance at 0.999", 0.999, 1.0813343219417662 },
    { "rounded, variance at 1", 1, 1.08333332236111802 },
    { "rounded, variance at 1.001", 1.001, 1.08533432276546927 },
    { "rounded, variance at 3", 3, 9.08333333333333333 },
    { "rounded, variance at 1000", 1000, 1000000.08333333333 },
};

static void check_rounded_variance(void **state)
{
    const struct variance_case *row = *state;
    assert_true(near(dp_rgauss_variance((long double)row->sigma), row->variance,
                     1e-14));
}

static void check_tail(void **state)
{
    const struct tail_row *row = *state;
    const long double got =
        dp_dgauss_log_tail((long double)row->sigma, (dp_uint)row->k);
    const double room = 1e-15 + 2e-16 * fabs(row->log_tail);
    assert_true(fabs((double)(got - (long double)row->log_tail)) < room);
}

/* kind,scale,variance,norm_const,p0,p1,tail_gt_10scale */
static void variance_row(char *const f[VECTOR_FIELDS])
{
    const double scale = strtod(f[1], NULL);
    const bool gauss = strcmp(f[0], "dgauss") == 0;
    const long double t = strtold(f[1], NULL);
    const double variance =
        gauss ? dp_dgauss_variance(t) : dp_dlaplace_variance(t);
    assert_true(near(variance, strtod(f[2], NULL), 1e-13));

    long double (*tail)(long double, dp_uint) =
        gauss ? dp_dgauss_log_tail : dp_dlaplace_log_tail;
    const long double t0 = expl(tail(t, 0)), t1 = expl(tail(t, 1));
    assert_true(near((double)(1 - 2 * t0), strtod(f[4], NULL), 1e-14));
    assert_true(near((double)(t0 - t1), strtod(f[5], NULL), 1e-11));
    const dp_uint ten = (dp_uint)floor(10 * scale + 1e-9);
    assert_true(near((double)(2 * expl(tail(t, ten))), strtod(f[6], NULL),
                     1e-10)); /* the reference has 12 digits */
}

static void variance_vectors(void **state)
{
    (void)state;
    if (!vectors_each("discrete_variance.csv", variance_row))
        skip();
}

/* epsilon,l1,alpha,continuous,discrete_int,discrete_coverage */
static void laplace_row(char *const f[VECTOR_FIELDS])
{
    const double eps = strtod(f[0], NULL), alpha = strtod(f[2], NULL);
    const struct dp_mechanism m = { DP_DLAPLACE, 100,
                                    (uint64_t)lround(100 * eps) };
    uint64_t k;
    double tail;
    assert_int_equal(dp_mechanism_quantile(&k, &m, alpha), DP_OK);
    assert_true(k == strtoull(f[4], NULL, 10));
    assert_int_equal(dp_mechanism_tail(&tail, &m, (dp_int)k), DP_OK);
    assert_true(near(1 - 2 * tail, strtod(f[5], NULL), 1e-13));
}

static void laplace_quantile_vectors(void **state)
{
    (void)state;
    if (!vectors_each("laplace_quantile.csv", laplace_row))
        skip();
}

/* A wide discrete Gaussian has the continuous quantile, to half a step. */
static void gauss_row(char *const f[VECTOR_FIELDS])
{
    const double alpha = strtod(f[0], NULL), z = strtod(f[1], NULL);
    const uint64_t sigma = 1000000;
    const struct dp_mechanism m = { DP_DGAUSS, sigma, 1 };
    uint64_t k;
    assert_int_equal(dp_mechanism_quantile(&k, &m, alpha), DP_OK);
    assert_true((double)k >= z * 1e6 - 0.5 - 1e-3);
    assert_true((double)k <= z * 1e6 + 0.5 + 1e-3);
}

static void gauss_quantile_vectors(void **state)
{
    (void)state;
    if (!vectors_each("gauss_quantile.csv", gauss_row))
        skip();
}

static const struct mechanism_row {
    const char *name;
    struct dp_mechanism m;
} mechanism_rows[] = {
    { "Laplace 2^-20", { DP_DLAPLACE, 1, 1 << 20 } },
    { "Laplace 1/2", { DP_DLAPLACE, 1, 2 } },
    { "Laplace 100.5", { DP_DLAPLACE, 201, 2 } },
    { "Laplace 2^40", { DP_DLAPLACE, UINT64_C(1) << 40, 1 } },
    { "Gaussian 2^-20", { DP_DGAUSS, 1, 1 << 20 } },
    { "Gaussian 1/2", { DP_DGAUSS, 1, 2 } },
    { "Gaussian 15.9", { DP_DGAUSS, 159, 10 } },
    { "Gaussian 16.1", { DP_DGAUSS, 161, 10 } },
    { "Gaussian 3000", { DP_DGAUSS, 3000, 1 } },
    { "Gaussian 2^40", { DP_DGAUSS, UINT64_C(1) << 40, 1 } },
    { "rounded Gaussian 2^-20", { DP_RGAUSS, 1, 1 << 20 } },
    { "rounded Gaussian 1/2", { DP_RGAUSS, 1, 2 } },
    { "rounded Gaussian 16.1", { DP_RGAUSS, 161, 10 } },
    { "rounded Gaussian 2^40", { DP_RGAUSS, UINT64_C(1) << 40, 1 } },
};

/*
 * Tails fall from 1 to 0 and mirror; the quantile is the least k that covers;
 * the scale found for its half width is at least the one it came from.
 */
static void check_shape(void **state)
{
    const struct mechanism_row *row = *state;
    const struct dp_mechanism *m = &row->m;
    const double scale = (double)m->num / (double)m->den;
    double last = 1, tail, mirror;
    for (double x = -50; x <= 50; x += 0.37) {
        const dp_int k = (dp_int)(x * scale);
        assert_int_equal(dp_mechanism_tail(&tail, m, k), DP_OK);
        assert_int_equal(dp_mechanism_cdf(&mirror, m, k), DP_OK);
        assert_true(tail > 0 && tail <= last * (1 + 1e-12));
        assert_true(fabs(tail + mirror - 1) < 1e-12);
        last = tail;
    }
    for (double alpha = 0.9; alpha > 1e-15; alpha /= 3.1) {
        uint64_t k;
        assert_int_equal(dp_mechanism_quantile(&k, m, alpha), DP_OK);
        assert_int_equal(dp_mechanism_tail(&tail, m, (dp_int)k), DP_OK);
        assert_true(2 * tail <= alpha * (1 + 1e-12));
        assert_int_equal(dp_mechanism_tail(&tail, m, (dp_int)k - 1), DP_OK);
        assert_true(k == 0 || 2 * tail >= alpha * (1 - 1e-12));

        /* 1 - alpha is off by up to 2^-54: relative 2^-54 / alpha. */
        const double level = 1 - alpha;
        struct dp_mechanism found;
        uint64_t again;
        assert_int_equal(
            dp_mechanism_of_accuracy(&found, m->law, (double)k, level), DP_OK);
        assert_int_equal(dp_mechanism_quantile(&again, &found, 1 - level),
                         DP_OK);
        assert_true(again <= k);
        assert_true((double)found.num / (double)found.den >=
                    scale * (1 - 1e-12 - 0x1p-53 / alpha));
    }
}

static void the_ends_of_the_type_have_a_tail(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof mechanism_rows / sizeof *mechanism_rows;
         i++) {
        const struct dp_mechanism *m = &mechanism_rows[i].m;
        double p;
        assert_int_equal(dp_mechanism_tail(&p, m, DP_INT_MAX), DP_OK);
        assert_true(p >= 0 && p < 1e-300);
        assert_int_equal(dp_mechanism_tail(&p, m, DP_INT_MIN), DP_OK);
        assert_true(p == 1);
        assert_int_equal(dp_mechanism_cdf(&p, m, DP_INT_MAX), DP_OK);
        assert_true(p == 1);
        assert_int_equal(dp_mechanism_cdf(&p, m, DP_INT_MIN), DP_OK);
        assert_true(p >= 0 && p < 1e-300);
    }
}

static void accuracy_is_met_and_not_wasted(void **state)
{
    (void)state;
    struct dp_mechanism m;
    uint64_t k;
    assert_int_equal(dp_mechanism_of_accuracy(&m, DP_DGAUSS, 100, 0.95), DP_OK);
    assert_int_equal(dp_mechanism_quantile(&k, &m, 0.05), DP_OK);
    assert_true(k == 100);
    /* (100 + 1/2) / 1.9599..., a hair off for the lattice. */
    assert_true(near((double)m.num / (double)m.den, 51.276, 1e-4));
    struct dp_mechanism wider = { m.law, m.num * (DP_SCALE_DEN_MAX / m.den) + 1,
                                  DP_SCALE_DEN_MAX };
    assert_int_equal(dp_mechanism_quantile(&k, &wider, 0.05), DP_OK);
    assert_true(k == 101);

    assert_int_equal(dp_mechanism_of_accuracy(&m, DP_DLAPLACE, 0.5, 0.95),
                     DP_OK);
    assert_int_equal(dp_mechanism_quantile(&k, &m, 0.05), DP_OK);
    assert_true(k == 0);
    assert_int_equal(dp_mechanism_of_accuracy(&m, DP_DLAPLACE, -1, 0.95),
                     DP_EDOM);
    assert_int_equal(dp_mechanism_of_accuracy(&m, DP_DLAPLACE, (double)NAN, .5),
                     DP_EDOM);
    assert_int_equal(dp_mechanism_of_accuracy(&m, DP_DLAPLACE, 5, 1), DP_EDOM);
    assert_int_equal(dp_mechanism_of_accuracy(&m, DP_DLAPLACE, 5, 0), DP_EDOM);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(variance_vectors),
        cmocka_unit_test(laplace_quantile_vectors),
        cmocka_unit_test(gauss_quantile_vectors),
        cmocka_unit_test(the_ends_of_the_type_have_a_tail),
        cmocka_unit_test(accuracy_is_met_and_not_wasted),
    };
    return RUN_ROWS(tail_rows, check_tail) +
           RUN_ROWS(rounded_rows, check_rounded_tail) +
           RUN_ROWS(rounded_variances, check_rounded_variance) +
           RUN_ROWS(mechanism_rows, check_shape) +
           cmocka_run_group_tests(tests, NULL, NULL);
}
