#include "dp/interval.h"

#include <math.h>

#include "tests/lib_rng.h"
#include "tests/table.h"

static const struct mechanism_row {
    const char *name;
    struct dp_mechanism m;
} rows[] = {
    { "Laplace 1", { DP_DLAPLACE, 1, 1 } },
    { "Laplace 7.5", { DP_DLAPLACE, 15, 2 } },
    { "Gaussian 1/2", { DP_DGAUSS, 1, 2 } },
    { "Gaussian 1", { DP_DGAUSS, 1, 1 } },
    { "Gaussian 9.3", { DP_DGAUSS, 93, 10 } },
};

/* P[X = x], in extended precision: far tails are divided by one another. */
static long double mass(const struct dp_mechanism *m, dp_int x)
{
    return expl(dp_mechanism_log_tail(m, x - 1)) -
           expl(dp_mechanism_log_tail(m, x));
}

/* Coverage of a value's interval, by summing the exact law. */
static void value_covers(void **state)
{
    const struct mechanism_row *row = *state;
    for (double level = 0.5; level < 0.9999; level += (1 - level) / 3) {
        double covered = 0;
        for (dp_int x = -300; x <= 300; x++) {
            const struct dp_reading r = { { 1000 + x }, row->m };
            struct dp_interval i;
            assert_int_equal(dp_interval_of_value(&i, &r, level), DP_OK);
            if (i.lo <= 1000 && 1000 <= i.hi)
                covered += (double)mass(&row->m, x);
        }
        assert_true(covered >= level - 1e-12);
    }
}

/*
 * Coverage of a shown value's interval, given that it was shown, for counts
 * from far below the threshold to far above, by summing the exact law.
 */
static void shown_covers(void **state)
{
    const struct mechanism_row *row = *state;
    const struct dp_threshold t = { .above = 40 };
    const double level = 0.95;
    for (dp_int n = 1; n <= 120; n += 13) {
        const long double shown = expl(dp_mechanism_log_tail(&row->m, 40 - n));
        double covered = 0;
        for (dp_int v = 41; v <= 41 + 300; v++) {
            const struct dp_reading r = { { v }, row->m };
            struct dp_interval i;
            assert_int_equal(dp_interval_of_shown(&i, &r, t, level), DP_OK);
            assert_true(i.lo >= 0 && i.lo <= i.hi);
            if (i.lo <= (double)n && (double)n <= i.hi)
                covered += (double)(mass(&row->m, v - n) / shown);
        }
        assert_true(covered >= level - 1e-9);
    }
}

/* Far above the threshold the condition tells nothing new. */
static void shown_far_above_is_plain(void **state)
{
    const struct mechanism_row *row = *state;
    const struct dp_reading r = { { 5000 }, row->m };
    struct dp_interval plain, shown;
    assert_int_equal(dp_interval_of_value(&plain, &r, 0.95), DP_OK);
    assert_int_equal(dp_interval_of_shown(&shown, &r,
                                          (struct dp_threshold){ .above = 40 },
                                          0.95),
                     DP_OK);
    assert_true(plain.lo == shown.lo && plain.hi == shown.hi);
}

static const struct ratio_row {
    const char *name;
    dp_int a, b;
    struct dp_mechanism ma, mb;
    bool near_zero;
} ratio_rows[] = {
    { "mean 2.5 of 400 people, Gaussian",
      1000,
      400,
      { DP_DGAUSS, 50, 1 },
      { DP_DGAUSS, 10, 1 },
      false },
    { "the same with Laplace",
      1000,
      400,
      { DP_DLAPLACE, 50, 1 },
      { DP_DLAPLACE, 10, 1 },
      false },
    { "a mean of 0",
      0,
      400,
      { DP_DGAUSS, 50, 1 },
      { DP_DGAUSS, 10, 1 },
      false },
    { "a negative mean",
      -5000,
      60,
      { DP_DGAUSS, 50, 1 },
      { DP_DGAUSS, 8, 1 },
      false },
    { "little noise on the lattice",
      7,
      9,
      { DP_DGAUSS, 1, 1 },
      { DP_DGAUSS, 1, 1 },
      false },
    { "less than the lattice",
      7,
      9,
      { DP_DGAUSS, 1, 4 },
      { DP_DLAPLACE, 1, 4 },
      false },
    { "a divisor near 0",
      100,
      12,
      { DP_DGAUSS, 20, 1 },
      { DP_DGAUSS, 10, 1 },
      true },
};

/*
 * 20,000 seeded readings at 90 %: the interval misses at most 10 % and 6
 * standard errors.  Where the divisor is near zero many are unbounded, and
 * there the unbounded ones cover.
 */
static void ratio_covers(void **state)
{
    enum { N = 20000 };
    const struct ratio_row *row = *state;
    const double level = 0.9, want = (double)row->a / (double)row->b;
    gsl_rng *rng = test_rng_new(21);
    int missed = 0, unbounded = 0;
    for (int i = 0; i < N; i++) {
        struct dp_reading a = { { 0 }, row->ma }, b = { { 0 }, row->mb };
        const struct dp_exact ea = { row->a }, eb = { row->b };
        assert_int_equal(dp_mechanism_release(&a.value, &ea, 1, &row->ma, rng),
                         DP_OK);
        assert_int_equal(dp_mechanism_release(&b.value, &eb, 1, &row->mb, rng),
                         DP_OK);
        struct dp_interval r;
        assert_int_equal(dp_interval_of_ratio(&r, &a, &b, level), DP_OK);
        assert_true(r.lo <= r.hi);
        unbounded += r.kind == DP_INTERVAL_UNBOUNDED;
        missed += want < r.lo || want > r.hi;
    }
    gsl_rng_free(rng);
    assert_true(missed <= N * 0.1 + 6 * sqrt(N * 0.09));
    assert_true(row->near_zero ? unbounded > N / 10 : unbounded < N / 100);
}

static void a_zero_divisor_is_unbounded(void **state)
{
    (void)state;
    const struct dp_mechanism m = { DP_DGAUSS, 10, 1 };
    const struct dp_reading a = { { 500 }, m };
    struct dp_interval i;
    for (dp_int b = -19; b <= 19; b++) {
        const struct dp_reading r = { { b }, m };
        assert_int_equal(dp_interval_of_ratio(&i, &a, &r, 0.95), DP_OK);
        assert_int_equal(i.kind, DP_INTERVAL_UNBOUNDED);
        assert_true(isinf(i.lo) && isinf(i.hi));
    }
}

static void extremes_stay_finite(void **state)
{
    (void)state;
    const struct dp_mechanism m = { DP_DGAUSS, UINT64_C(1) << 40, 1 };
    const struct dp_reading top = { { DP_INT_MAX - 5 }, m },
                            end = { { DP_INT_MAX }, m },
                            bottom = { { DP_INT_MIN + 5 }, m };
    struct dp_interval i;
    assert_int_equal(dp_interval_of_value(&i, &top, 0.95), DP_OK);
    assert_true(i.lo < 0x1p127 && i.hi >= 0x1p127);
    assert_int_equal(dp_interval_of_value(&i, &end, 0.95), DP_OK);
    assert_int_equal(i.kind, DP_INTERVAL_UNBOUNDED);
    assert_int_equal(dp_interval_of_ratio(&i, &top, &bottom, 0.95), DP_OK);
    assert_int_equal(i.kind, DP_INTERVAL_BOUNDED);
    assert_true(i.lo <= -1 && i.hi >= -1 && i.hi - i.lo < 1e-6);
}

static void placing_rounds_outward(void **state)
{
    (void)state;
    struct dp_interval i = { DP_INTERVAL_BOUNDED, -10, 30 };
    i = dp_interval_place(i, 0, 2);
    assert_true(i.lo == -2.5 && i.hi == 7.5);
    i = dp_interval_place(i, 0.1, 0);
    assert_true(i.lo < -2.4 && i.hi > 7.6 && i.hi - i.lo < 10.0001);
    i = dp_interval_place(
        (struct dp_interval){ DP_INTERVAL_UNBOUNDED, -HUGE_VAL, HUGE_VAL }, 3,
        4);
    assert_true(isinf(i.lo) && isinf(i.hi));
}

static void what_is_outside_the_domain_is_refused(void **state)
{
    (void)state;
    struct dp_interval i = { DP_INTERVAL_BOUNDED, 7, 7 };
    const struct dp_reading good = { { 50 }, { DP_DGAUSS, 10, 1 } },
                            bad = { { 50 }, { DP_DGAUSS, 0, 1 } };
    const struct dp_threshold t = { .above = 40 }, high = { .above = 50 };
    assert_int_equal(dp_interval_of_value(&i, &bad, 0.95), DP_EDOM);
    assert_int_equal(dp_interval_of_value(&i, &good, 1), DP_EDOM);
    assert_int_equal(dp_interval_of_value(&i, &good, 0), DP_EDOM);
    assert_int_equal(dp_interval_of_value(&i, &good, (double)NAN), DP_EDOM);
    assert_int_equal(dp_interval_of_ratio(&i, &good, &bad, 0.95), DP_EDOM);
    assert_int_equal(dp_interval_of_shown(&i, &bad, t, 0.95), DP_EDOM);
    assert_int_equal(dp_interval_of_shown(&i, &good, high, 0.95), DP_EDOM);
    assert_true(i.lo == 7 && i.hi == 7);
}

/* No group of fewer people could have been shown. */
static void a_minimum_audience_bounds_a_shown_count(void **state)
{
    (void)state;
    const struct dp_mechanism m = { DP_DGAUSS, 10, 1 };
    const struct dp_reading r = { { 52 }, m };
    struct dp_threshold t = { .above = 40 };
    struct dp_interval plain, cut;
    assert_int_equal(dp_interval_of_shown(&plain, &r, t, 0.95), DP_OK);
    t.least = 30;
    assert_int_equal(dp_interval_of_shown(&cut, &r, t, 0.95), DP_OK);
    assert_true(plain.lo < 30 && cut.lo == 30 && cut.hi == plain.hi);
    t.least = 500;
    assert_int_equal(dp_interval_of_shown(&cut, &r, t, 0.95), DP_OK);
    assert_true(cut.lo == 500 && cut.hi == 500);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_zero_divisor_is_unbounded),
        cmocka_unit_test(extremes_stay_finite),
        cmocka_unit_test(placing_rounds_outward),
        cmocka_unit_test(what_is_outside_the_domain_is_refused),
        cmocka_unit_test(a_minimum_audience_bounds_a_shown_count),
    };
    return RUN_ROWS(rows, value_covers) + RUN_ROWS(rows, shown_covers) +
           RUN_ROWS(rows, shown_far_above_is_plain) +
           RUN_ROWS(ratio_rows, ratio_covers) +
           cmocka_run_group_tests(tests, NULL, NULL);
}
