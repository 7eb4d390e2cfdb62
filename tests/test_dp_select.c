#include "dp/select.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "tests/lib_rng.h"
#include "tests/lib_vectors.h"
#include "tests/table.h"

static const struct row {
    const char *name;
    struct dp_mechanism people;
    uint32_t l0;
    double delta;
    uint64_t floor;
    enum dp_status want;
    uint64_t above;
} rows[] = {
    /* 1 + T such that q^T / (1+q) is at most the share; see select.md. */
    { "Laplace 10, delta 1e-6",
      { DP_DLAPLACE, 10, 1 },
      1,
      1e-6,
      0,
      DP_OK,
      132 },
    { "Laplace 20, two groups",
      { DP_DLAPLACE, 20, 1 },
      2,
      1e-6,
      0,
      DP_OK,
      277 },
    { "a floor above the threshold wins",
      { DP_DLAPLACE, 10, 1 },
      1,
      1e-6,
      500,
      DP_OK,
      500 },
    { "a floor below it does not",
      { DP_DLAPLACE, 10, 1 },
      1,
      1e-6,
      131,
      DP_OK,
      132 },
    { "delta above a half needs no threshold",
      { DP_DGAUSS, 10, 1 },
      1,
      0.6,
      0,
      DP_OK,
      0 },
    { "delta 0 is refused", { DP_DGAUSS, 10, 1 }, 1, 0, 0, DP_EDOM, 77 },
    { "delta 1 is refused", { DP_DGAUSS, 10, 1 }, 1, 1, 0, DP_EDOM, 77 },
    { "delta NaN is refused",
      { DP_DGAUSS, 10, 1 },
      1,
      (double)NAN,
      0,
      DP_EDOM,
      77 },
    { "no groups is refused", { DP_DGAUSS, 10, 1 }, 0, 1e-6, 0, DP_EDOM, 77 },
    { "scale 0 is refused", { DP_DGAUSS, 0, 1 }, 1, 1e-6, 0, DP_EDOM, 77 },
    { "a delta no double tail can meet",
      { DP_DGAUSS, 10, 1 },
      1000,
      0x1p-1073,
      0,
      DP_ERANGE,
      77 },
};

static void check_row(void **state)
{
    const struct row *row = *state;
    struct dp_threshold t = { .above = 77 };
    assert_int_equal(
        dp_threshold_of(&t, &row->people, row->l0, row->delta, row->floor),
        row->want);
    assert_true(t.above == row->above);
}

/* The scale of a reference row in steps of 2^-20, rounded up. */
static struct dp_mechanism mechanism_of(enum dp_law law, const char *scale)
{
    const double num = ceil(strtod(scale, NULL) * 0x1p20);
    struct dp_mechanism m = { law, (uint64_t)num, 1 << 20 };
    dp_mechanism_reduce(&m);
    return m;
}

static bool is_near(double got, double want)
{
    return fabs(got - want) <= 1e-12 * fabs(want);
}

/* kind,epsilon,delta_noise,delta_threshold,l0,linf,scale,threshold,union */
static void vector_row(char *const f[VECTOR_FIELDS])
{
    const double eps = strtod(f[1], NULL), delta = strtod(f[3], NULL),
                 want = strtod(f[7], NULL);
    const uint32_t l0 = (uint32_t)strtoul(f[4], NULL, 10);
    struct dp_threshold t;
    double law;
    if (strcmp(f[0], "laplace") == 0) {
        assert_int_equal(dp_threshold_laplace(&law, eps, delta, l0), DP_OK);
        assert_true(is_near(law, want));
    } else if (strcmp(f[0], "discrete_laplace_keep_if_ge") == 0) {
        const struct dp_mechanism m = mechanism_of(DP_DLAPLACE, f[6]);
        assert_int_equal(dp_threshold_of(&t, &m, l0, delta, 0), DP_OK);
        assert_true((double)t.above + 1 == want);
        assert_int_equal(dp_threshold_dlaplace(&law, eps, delta, l0), DP_OK);
        assert_true(law == want);
    } else {
        assert_string_equal(f[0], "gaussian");
        assert_int_equal(
            dp_threshold_gaussian(&law, strtod(f[6], NULL), delta, l0), DP_OK);
        assert_true(is_near(law, want));
        /* The lattice's threshold is the continuous one, to a step. */
        const struct dp_mechanism m = mechanism_of(DP_DGAUSS, f[6]);
        assert_int_equal(dp_threshold_of(&t, &m, l0, delta, 0), DP_OK);
        assert_true(fabs((double)t.above - want) <= 1);
    }
}

static void threshold_vectors(void **state)
{
    (void)state;
    if (!vectors_each("partition_threshold.csv", vector_row))
        skip();
}

/* Least: the threshold's own delta fits, one below does not. */
static void the_threshold_is_least(void **state)
{
    (void)state;
    for (uint64_t num = 1; num < UINT64_C(1) << 50; num = num * 13 + 5) {
        for (uint32_t l0 = 1; l0 < 1000; l0 *= 7) {
            for (int law = 0; law < 2; law++) {
                const struct dp_mechanism m = { (enum dp_law)law, num, 1024 };
                const double delta = 3e-9;
                struct dp_threshold t;
                double tail;
                assert_int_equal(dp_threshold_of(&t, &m, l0, delta, 0), DP_OK);
                assert_int_equal(
                    dp_mechanism_tail(&tail, &m, (dp_int)t.above - 1), DP_OK);
                assert_true(-expm1(l0 * log1p(-tail)) <= delta);
                assert_int_equal(
                    dp_mechanism_tail(&tail, &m, (dp_int)t.above - 2), DP_OK);
                assert_true(t.above == 0 ||
                            -expm1(l0 * log1p(-tail)) > delta * (1 - 1e-9));
            }
        }
    }
}

/*
 * A group of one person passes as often as the share says: 10^5 seeded draws at
 * a share of 0.05, within 6 standard errors.
 */
static void one_person_passes_as_priced(void **state)
{
    (void)state;
    enum { N = 100000 };
    const struct dp_mechanism m = { DP_DGAUSS, 10, 1 };
    struct dp_threshold t;
    assert_int_equal(dp_threshold_of(&t, &m, 1, 0.05, 0), DP_OK);
    double p;
    assert_int_equal(dp_mechanism_tail(&p, &m, (dp_int)t.above - 1), DP_OK);
    gsl_rng *rng = test_rng_new(11);
    double kept = 0;
    for (int i = 0; i < N; i++) {
        struct dp_noisy out;
        assert_int_equal(
            dp_mechanism_release(&out, &(struct dp_exact){ 1 }, 1, &m, rng),
            DP_OK);
        kept += dp_threshold_keeps(t, out);
    }
    gsl_rng_free(rng);
    assert_true(p <= 0.05);
    assert_true(fabs(kept / N - p) < 6 * sqrt(p * (1 - p) / N));
}

static void keeping_is_strict(void **state)
{
    (void)state;
    const struct dp_threshold t = { .above = 5 }, none = { 0 };
    assert_false(dp_threshold_keeps(t, (struct dp_noisy){ 5 }));
    assert_true(dp_threshold_keeps(t, (struct dp_noisy){ 6 }));
    assert_false(dp_threshold_keeps(t, (struct dp_noisy){ -6 }));
    assert_false(dp_threshold_keeps(none, (struct dp_noisy){ 0 }));
    assert_false(dp_threshold_keeps(t, (struct dp_noisy){ DP_INT_MIN }));
    assert_true(dp_threshold_keeps(t, (struct dp_noisy){ DP_INT_MAX }));
}

/* The stated law against the exact tail, below one half and above. */
static void a_discrete_threshold_is_least(void **state)
{
    (void)state;
    for (double eps = 0.05; eps < 9; eps *= 1.7) {
        for (double delta = 1e-9; delta < 1; delta *= 3.1) {
            const long double t = 1 / (long double)eps, q = expl(-1 / t);
            double from;
            assert_int_equal(dp_threshold_dlaplace(&from, eps, delta, 1),
                             DP_OK);
            long double at[2]; /* P[1 + X >= from], and from one below */
            for (int i = 0; i < 2; i++) {
                const long double m = from - 1 - i;
                at[i] = m >= 0 ? powl(q, m) / (1 + q)
                               : 1 - powl(q, 1 - m) / (1 + q);
            }
            assert_true(at[0] <= delta && at[1] > delta * (1 - 1e-12));
        }
    }
}

static void a_continuous_threshold_leaves_delta(void **state)
{
    (void)state;
    double t;
    for (double delta = 1e-12; delta < 1; delta *= 9) {
        assert_int_equal(dp_threshold_laplace(&t, 0.5, delta, 1), DP_OK);
        const double x = (t - 1) * 0.5;
        assert_true(is_near(x > 0 ? exp(-x) / 2 : 1 - exp(x) / 2, delta));
    }
    assert_int_equal(dp_threshold_laplace(&t, 0, 1e-6, 1), DP_EDOM);
    assert_int_equal(dp_threshold_laplace(&t, 1, 0, 1), DP_EDOM);
    assert_int_equal(dp_threshold_dlaplace(&t, 1, 1, 1), DP_EDOM);
    assert_int_equal(dp_threshold_dlaplace(&t, HUGE_VAL, 1e-6, 1), DP_EDOM);
    assert_int_equal(dp_threshold_gaussian(&t, -1, 1e-6, 1), DP_EDOM);
    assert_int_equal(dp_threshold_gaussian(&t, 1, 1e-6, 0), DP_EDOM);
}

static void a_minimum_audience_cuts_exactly_and_costs_no_delta(void **state)
{
    (void)state;
    struct dp_threshold t = { .above = 132 };
    assert_int_equal(dp_threshold_raise(&t, 10), DP_OK);
    assert_true(t.above == 141 && t.least == 10);
    const struct dp_noisy high = { 1000 }, low = { 141 };
    assert_false(dp_threshold_shows(t, (struct dp_exact){ 9 }, high));
    assert_true(dp_threshold_shows(t, (struct dp_exact){ 10 }, high));
    assert_false(dp_threshold_shows(t, (struct dp_exact){ 10 }, low));

    for (uint64_t least = 0; least < 2; least++) {
        struct dp_threshold same = { .above = 132 };
        assert_int_equal(dp_threshold_raise(&same, least), DP_OK);
        assert_true(same.above == 132);
    }
    assert_int_equal(dp_threshold_raise(&t, UINT64_C(1) << 62), DP_ERANGE);
    assert_int_equal(dp_threshold_raise(&t, (UINT64_C(1) << 62) - 1),
                     DP_ERANGE);
    assert_true(t.above == 141 && t.least == 10);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(threshold_vectors),
        cmocka_unit_test(the_threshold_is_least),
        cmocka_unit_test(one_person_passes_as_priced),
        cmocka_unit_test(keeping_is_strict),
        cmocka_unit_test(a_discrete_threshold_is_least),
        cmocka_unit_test(a_continuous_threshold_leaves_delta),
        cmocka_unit_test(a_minimum_audience_cuts_exactly_and_costs_no_delta),
    };
    return RUN_ROWS(rows, check_row) +
           cmocka_run_group_tests(tests, NULL, NULL);
}
