/* Quotients and sums of two readings: coverage by summing both exact laws. */
#include "dp/interval.h"

#include <math.h>
#include <stdlib.h>

#include "tests/lib_rng.h"
#include "tests/table.h"

/* P[X = x], in extended precision: far tails are divided by one another. */
static long double mass(const struct dp_mechanism *m, dp_int x)
{
    return expl(dp_mechanism_log_tail(m, x - 1)) -
           expl(dp_mechanism_log_tail(m, x));
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
    { "the same with rounded Gaussians",
      1000,
      400,
      { DP_RGAUSS, 50, 1 },
      { DP_RGAUSS, 10, 1 },
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

/* The law within all but 10^-7 on either side: mass[i] is that of i - reach. */
struct masses {
    double *mass;
    dp_int reach;
};

static struct masses masses_of(const struct dp_mechanism *m)
{
    uint64_t k;
    assert_int_equal(dp_mechanism_quantile(&k, m, 1e-7), DP_OK);
    struct masses all = { calloc(2 * k + 1, sizeof(double)), (dp_int)k };
    assert_non_null(all.mass);
    for (uint64_t i = 0; i <= 2 * k; i++)
        all.mass[i] = (double)mass(m, (dp_int)i - all.reach);
    return all;
}

/*
 * Coverage at 90 % by summing both exact laws.  Where the divisor is near zero
 * many intervals are unbounded, and those cover.
 */
static void ratio_covers(void **state)
{
    const struct ratio_row *row = *state;
    const double level = 0.9, want = (double)row->a / (double)row->b;
    struct dp_ratio_law law;
    assert_int_equal(dp_ratio_law_of(&law, &row->ma, &row->mb, level), DP_OK);
    const struct masses a = masses_of(&row->ma), b = masses_of(&row->mb);
    double covered = 0, unbounded = 0;
    for (dp_int x = -a.reach; x <= a.reach; x++) {
        for (dp_int y = -b.reach; y <= b.reach; y++) {
            const struct dp_interval r =
                dp_ratio_law_interval(&law, (struct dp_noisy){ row->a + x },
                                      (struct dp_noisy){ row->b + y });
            const double p = a.mass[x + a.reach] * b.mass[y + b.reach];
            covered += r.lo <= want && want <= r.hi ? p : 0;
            unbounded += r.kind == DP_INTERVAL_UNBOUNDED ? p : 0;
        }
    }
    free(a.mass);
    free(b.mass);
    assert_true(covered >= level);
    assert_true(row->near_zero ? unbounded > 0.1 : unbounded < 0.01);
    /* On a coarse lattice an interval cannot but cover more. */
    const bool fine =
        row->ma.num >= 4 * row->ma.den && row->mb.num >= 4 * row->mb.den;
    assert_true(!fine || row->near_zero || covered <= level + 0.06);
}

/* The same two readings as a sum: coverage by both exact laws, and narrower
 * than both intervals added. */
static void sum_covers(void **state)
{
    const struct ratio_row *row = *state;
    const double level = 0.9;
    const struct masses a = masses_of(&row->ma), b = masses_of(&row->mb);
    static const double weights[] = { -7, -0.25, 0, 1, 5, 1000 };
    for (size_t i = 0; i < sizeof weights / sizeof *weights; i++) {
        const double w = weights[i], want = (double)row->a + w * (double)row->b;
        struct dp_sum_law law;
        double covered = 0;
        assert_int_equal(dp_sum_law_of(&law, &row->ma, &row->mb, w, level),
                         DP_OK);
        for (dp_int x = -a.reach; x <= a.reach; x++)
            for (dp_int y = -b.reach; y <= b.reach; y++) {
                const struct dp_interval r =
                    dp_sum_law_interval(&law, (struct dp_noisy){ row->a + x },
                                        (struct dp_noisy){ row->b + y });
                covered += r.lo <= want && want <= r.hi
                               ? a.mass[x + a.reach] * b.mass[y + b.reach]
                               : 0;
            }
        const double each = (1 - level) / 2;
        uint64_t ka, kb;
        assert_int_equal(dp_mechanism_quantile(&ka, &row->ma, each), DP_OK);
        assert_int_equal(dp_mechanism_quantile(&kb, &row->mb, each), DP_OK);
        assert_true(covered >= level);
        assert_true(law.half <=
                    (double)ka + fabs(w) * (double)kb + 1e-9 * (1 + fabs(w)));
    }
    struct dp_sum_law even;
    assert_int_equal(
        dp_sum_law_of(&even, &row->ma, &row->mb, (double)NAN, level), DP_EDOM);
    assert_int_equal(dp_sum_law_of(&even, &row->ma, &row->mb, 1, 1), DP_EDOM);
    free(a.mass);
    free(b.mass);
}

/* Two like parts err by the root of 2 together, not by 2, and need not share
 * the error: 37 % less. */
static void parts_of_a_sum_make_up_for_each_other(void **state)
{
    (void)state;
    const struct dp_mechanism sum = { DP_RGAUSS, 50000, 1 },
                              count = { DP_RGAUSS, 1000, 1 };
    struct dp_sum_law law;
    uint64_t k;
    assert_int_equal(dp_sum_law_of(&law, &sum, &count, 50, 0.95), DP_OK);
    assert_int_equal(dp_mechanism_quantile(&k, &sum, 0.025), DP_OK);
    assert_true(fabs(law.half / (2 * (double)k) - 1.96 / 2.2414 / sqrt(2)) <
                0.001);
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

/* One law for a column gives what each row's own would. */
static void a_ratio_law_serves_every_row(void **state)
{
    (void)state;
    const struct dp_mechanism ma = { DP_DGAUSS, 50, 1 },
                              mb = { DP_DLAPLACE, 10, 1 };
    struct dp_ratio_law law = { 77, 77 };
    assert_int_equal(dp_ratio_law_of(&law, &ma, &mb, 0.95), DP_OK);
    for (dp_int b = -50; b < 5000; b += 97) {
        const struct dp_reading num = { { 3 * b + 7 }, ma },
                                den = { { b }, mb };
        struct dp_interval own;
        assert_int_equal(dp_interval_of_ratio(&own, &num, &den, 0.95), DP_OK);
        const struct dp_interval row =
            dp_ratio_law_interval(&law, num.value, den.value);
        assert_true(own.kind == row.kind && own.lo == row.lo &&
                    own.hi == row.hi);
    }
    const struct dp_mechanism bad = { DP_DGAUSS, 0, 1 };
    law.num = 77;
    assert_int_equal(dp_ratio_law_of(&law, &ma, &bad, 0.95), DP_EDOM);
    assert_int_equal(dp_ratio_law_of(&law, &ma, &mb, 1), DP_EDOM);
    assert_true(law.num == 77);
}

/*
 * Far from a zero divisor the delta method covers as Fieller does (20,000 draws
 * at 0.95 within 6 standard errors) and is hardly narrower; near it, it stays
 * bounded where nothing is known.
 */
static void the_delta_method_where_it_holds(void **state)
{
    (void)state;
    enum { N = 20000 };
    const struct dp_mechanism ma = { DP_DGAUSS, 50, 1 },
                              mb = { DP_DGAUSS, 10, 1 };
    struct dp_ratio_law law;
    assert_int_equal(dp_ratio_law_of(&law, &ma, &mb, 0.95), DP_OK);
    gsl_rng *rng = test_rng_new(31);
    double covered = 0;
    for (int i = 0; i < N; i++) {
        struct dp_noisy a, b;
        assert_int_equal(
            dp_mechanism_release(&a, &(struct dp_exact){ 1000 }, 1, &ma, rng),
            DP_OK);
        assert_int_equal(
            dp_mechanism_release(&b, &(struct dp_exact){ 400 }, 1, &mb, rng),
            DP_OK);
        const struct dp_interval d = dp_ratio_law_delta(&law, a, b),
                                 f = dp_ratio_law_interval(&law, a, b);
        covered += d.lo <= 2.5 && 2.5 <= d.hi;
        assert_true(d.hi - d.lo <= f.hi - f.lo);
        assert_true(d.hi - d.lo > 0.98 * (f.hi - f.lo));
    }
    gsl_rng_free(rng);
    assert_true(covered / N > 0.95 - 6 * sqrt(0.95 * 0.05 / N));
    assert_true(covered / N < 0.96);
    const struct dp_noisy num = { 5 }, few = { 12 }, none = { 0 };
    assert_int_equal(dp_ratio_law_delta(&law, num, few).kind,
                     DP_INTERVAL_BOUNDED);
    assert_int_equal(dp_ratio_law_interval(&law, num, few).kind,
                     DP_INTERVAL_UNBOUNDED);
    assert_int_equal(dp_ratio_law_delta(&law, num, none).kind,
                     DP_INTERVAL_UNBOUNDED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parts_of_a_sum_make_up_for_each_other),
        cmocka_unit_test(a_zero_divisor_is_unbounded),
        cmocka_unit_test(a_ratio_law_serves_every_row),
        cmocka_unit_test(the_delta_method_where_it_holds),
    };
    return RUN_ROWS(ratio_rows, ratio_covers) +
           RUN_ROWS(ratio_rows, sum_covers) +
           cmocka_run_group_tests(tests, NULL, NULL);
}
