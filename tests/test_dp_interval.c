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
    { "rounded Gaussian 1/2", { DP_RGAUSS, 1, 2 } },
    { "rounded Gaussian 9.3", { DP_RGAUSS, 93, 10 } },
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

/* All of n cells at once, by summing the exact law. */
static void simultaneous_intervals_hold_together(void **state)
{
    (void)state;
    assert_true(dp_level_of_each(0.95, 1, DP_JOINT_ANY) >= 0.95);
    assert_true(dp_level_of_each(0.95, SIZE_MAX, DP_JOINT_ANY) < 1);
    for (size_t r = 0; r < sizeof rows / sizeof *rows; r++) {
        for (size_t n = 1; n < 100000; n *= 7) {
            const double each = dp_level_of_each(0.95, n, DP_JOINT_INDEPENDENT),
                         any = dp_level_of_each(0.95, n, DP_JOINT_ANY);
            uint64_t k, wide;
            assert_int_equal(dp_mechanism_quantile(&k, &rows[r].m, 1 - each),
                             DP_OK);
            assert_int_equal(dp_mechanism_quantile(&wide, &rows[r].m, 1 - any),
                             DP_OK);
            const double out =
                2 * exp((double)dp_mechanism_log_tail(&rows[r].m, (dp_int)k));
            assert_true(pow(1 - out, (double)n) >= 0.95 * (1 - 1e-9));
            assert_true(each <= any && k <= wide &&
                        any <= 1 - 0.0499 / (double)n);
        }
    }
}

enum { CELLS = 200 };

/* The bucket of the num/den quantile, by counting. */
static size_t quantile_of(const struct dp_exact *c, uint32_t num, uint32_t den)
{
    dp_int rows_in = 0, up_to = c[0].touched;
    for (size_t i = 0; i < CELLS; i++)
        rows_in += c[i].touched;
    size_t at = 0;
    while (up_to * den < rows_in * num)
        up_to += c[++at].touched;
    return at;
}

/*
 * 300 noisy histograms a law and quantile, at level 0.9: Chernoff's bound
 * covers more often.  Below 0.9 - 6 standard errors: a false alarm in 10^8.
 * Wider than 12 deviations of the noise: useless.
 */
static void a_histogram_tells_its_quantiles(void **state)
{
    const struct mechanism_row *row = *state;
    enum { N = 300 };
    struct dp_exact exact[CELLS];
    struct dp_noisy noisy[CELLS];
    for (int i = 0; i < CELLS; i++)
        exact[i].touched = 2 + i % 7;
    gsl_rng *rng = test_rng_new(33);
    for (uint32_t num = 0; num <= 10; num += 2) {
        const size_t want = quantile_of(exact, num, 10);
        double covered = 0, width = 0;
        for (int i = 0; i < N; i++) {
            size_t lo, hi;
            assert_int_equal(
                dp_mechanism_release(noisy, exact, CELLS, &row->m, rng), DP_OK);
            assert_int_equal(dp_interval_of_quantile(&lo, &hi, noisy, CELLS,
                                                     &row->m, num, 10, 0.9),
                             DP_OK);
            assert_true(lo <= hi && hi < CELLS);
            covered += lo <= want && want <= hi;
            width += (double)(hi - lo) / N;
        }
        assert_true(covered >= N * 0.9 - 6 * sqrt(N * 0.09));
        /* Of the sum over half of the cells, in cells of 5. */
        const double sd = sqrt(dp_mechanism_variance(&row->m) * CELLS / 4) / 5;
        assert_true(width <= 2 + 12 * sd);
    }
    gsl_rng_free(rng);
}

/* Coverage of a total's interval; of one value it is the value's own. */
static void a_total_is_covered(void **state)
{
    enum { DRAWS = 2000, PARTS = 20 };
    const struct mechanism_row *row = *state;
    const struct dp_exact exact[PARTS] = { { 0 } };
    struct dp_noisy noisy[PARTS];
    struct dp_interval i, own;
    double covered = 0;
    gsl_rng *rng = test_rng_new(34);
    for (int n = 0; n < DRAWS; n++) {
        struct dp_noisy total = { 0 };
        assert_int_equal(
            dp_mechanism_release(noisy, exact, PARTS, &row->m, rng), DP_OK);
        for (int c = 0; c < PARTS; c++)
            total.v += noisy[c].v;
        assert_int_equal(dp_interval_of_total(&i, total, PARTS, &row->m, 0.9),
                         DP_OK);
        covered += i.lo <= 0 && 0 <= i.hi;
    }
    assert_true(covered >= DRAWS * 0.9 - 6 * sqrt(DRAWS * 0.09));
    /* No wider than Chernoff's bound has to be; rounding adds to sigma. */
    const double sd = sqrt((dp_mechanism_variance(&row->m) + 1) * PARTS);
    assert_true(i.hi - i.lo <= 2 * 3.6 * sd + 2);

    const struct dp_reading one = { noisy[0], row->m };
    assert_int_equal(dp_interval_of_value(&own, &one, 0.9), DP_OK);
    assert_int_equal(dp_interval_of_total(&i, noisy[0], 1, &row->m, 0.9),
                     DP_OK);
    assert_true(i.lo == own.lo && i.hi == own.hi);
    assert_int_equal(dp_interval_of_total(&i, noisy[0], 0, &row->m, 0.9),
                     DP_EDOM);
    assert_int_equal(dp_interval_of_total(&i, noisy[0], 2, &row->m, 1),
                     DP_EDOM);
    gsl_rng_free(rng);
}

static void a_histogram_of_extremes_tells_nothing_wrong(void **state)
{
    (void)state;
    const struct dp_mechanism m = { DP_DGAUSS, 10, 1 };
    const struct dp_noisy ends[3] = { { DP_INT_MAX }, { DP_INT_MIN }, { 7 } },
                          negative[3] = { { -900 }, { -900 }, { -900 } };
    size_t lo = 77, hi = 77;
    assert_int_equal(dp_interval_of_quantile(&lo, &hi, ends, 3, &m, 1, 2, 0.9),
                     DP_OK);
    assert_true(lo <= hi && hi < 3);
    assert_int_equal(
        dp_interval_of_quantile(&lo, &hi, negative, 3, &m, 1, 2, 0.9), DP_OK);
    assert_true(lo == 0 && hi == 2);
    assert_int_equal(dp_interval_of_quantile(&lo, &hi, ends, 0, &m, 1, 2, 0.9),
                     DP_EDOM);
    assert_int_equal(dp_interval_of_quantile(&lo, &hi, ends, 3, &m, 3, 2, 0.9),
                     DP_EDOM);
    assert_int_equal(dp_interval_of_quantile(&lo, &hi, ends, 3, &m, 1, 2, 1),
                     DP_EDOM);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(extremes_stay_finite),
        cmocka_unit_test(placing_rounds_outward),
        cmocka_unit_test(what_is_outside_the_domain_is_refused),
        cmocka_unit_test(a_minimum_audience_bounds_a_shown_count),
        cmocka_unit_test(simultaneous_intervals_hold_together),
        cmocka_unit_test(a_histogram_of_extremes_tells_nothing_wrong),
    };
    return RUN_ROWS(rows, value_covers) + RUN_ROWS(rows, shown_covers) +
           RUN_ROWS(rows, shown_far_above_is_plain) +
           RUN_ROWS(rows, a_histogram_tells_its_quantiles) +
           RUN_ROWS(rows, a_total_is_covered) +
           cmocka_run_group_tests(tests, NULL, NULL);
}
