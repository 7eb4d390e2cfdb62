/* Mean, variance and deviation from noisy sums: against plain arithmetic
 * without noise, and covered with it. */
#include "dp/moments.h"

#include <math.h>

#include "tests/lib_rng.h"
#include "tests/table.h"

enum { ROWS_MAX = 400 };

/* A column of integers clamped to center +- h, as an engine would sum it. */
struct column {
    int64_t x[ROWS_MAX];
    size_t n;
    int64_t center, h;
    unsigned grid_bits;
};

struct sums {
    struct dp_exact count, sum, square;
};

static struct sums sums_of(const struct column *c, struct dp_square sq)
{
    struct sums s = { { (dp_int)c->n }, { 0 }, { 0 } };
    for (size_t i = 0; i < c->n; i++) {
        const dp_int y = c->x[i] - c->center;
        assert_true(y >= -c->h && y <= c->h);
        const dp_int z = (y * y >> sq.coarse) - (dp_int)sq.middle;
        /* What the planner prices: no row adds more than the bound. */
        assert_true(z <= (dp_int)sq.bound && -z <= (dp_int)sq.bound);
        s.sum.touched += y;
        s.square.touched += z;
    }
    return s;
}

static struct dp_noisy noisy(struct dp_exact x, const struct dp_mechanism *m,
                             gsl_rng *rng)
{
    struct dp_noisy out = { x.touched };
    if (rng)
        assert_int_equal(dp_mechanism_release(&out, &x, 1, m, rng), DP_OK);
    return out;
}

/* Noise `scale` times what one row adds; rng NULL: none.  The law at 0.9. */
static struct dp_moments read_all(struct dp_moments_law *law_at,
                                  const struct column *c, struct dp_square sq,
                                  enum dp_law law, const uint64_t *scale,
                                  gsl_rng *rng)
{
    const struct sums s = sums_of(c, sq);
    const struct dp_mechanism one = { law, scale[0], 1 },
                              sum = { law, (uint64_t)c->h * scale[1], 1 },
                              square = { law, sq.bound * scale[2], 1 };
    if (law_at)
        assert_int_equal(dp_moments_law_of(law_at, &one, &sum, &square, 0.9),
                         DP_OK);
    return (struct dp_moments){
        .count = noisy(s.count, &one, rng),
        .sum = noisy(s.sum, &sum, rng),
        .square = noisy(s.square, &square, rng),
        .center = c->center,
        .grid_bits = c->grid_bits,
        .middle = (dp_int)sq.middle,
        .coarse = sq.coarse,
    };
}

static void draw_column(struct column *c, gsl_rng *rng)
{
    for (size_t i = 0; i < c->n; i++) {
        const double u = gsl_rng_uniform(rng) * gsl_rng_uniform(rng);
        c->x[i] = c->center + (int64_t)((2 * u - 1) * (double)c->h);
    }
}

static double variance_by_hand(const struct column *c, bool sample)
{
    long double mean = 0, v = 0;
    for (size_t i = 0; i < c->n; i++)
        mean += (long double)c->x[i];
    mean /= (long double)c->n;
    for (size_t i = 0; i < c->n; i++)
        v += ((long double)c->x[i] - mean) * ((long double)c->x[i] - mean);
    return (double)ldexpl(v / (long double)(c->n - sample),
                          -2 * (int)c->grid_bits);
}

static const struct row {
    const char *name;
    size_t n;
    int64_t center, h;
    unsigned grid_bits;
    uint64_t most; /* a row of the square adds at most */
    enum dp_law law;
    uint64_t scale[3]; /* of count, sum, square */
} rows[] = {
    { "a small column", 400, 50, 50, 0, UINT64_MAX, DP_DGAUSS, { 3, 3, 3 } },
    { "with Laplace noise",
      400,
      50,
      50,
      0,
      UINT64_MAX,
      DP_DLAPLACE,
      { 3, 3, 3 } },
    { "on a grid of 2^-8",
      300,
      12800,
      12800,
      8,
      UINT64_MAX,
      DP_DGAUSS,
      { 3, 3, 3 } },
    { "squares coarsened to 2^20",
      300,
      0,
      123456789,
      4,
      1 << 20,
      DP_DGAUSS,
      { 3, 3, 3 } },
    { "far from zero",
      400,
      1000000000,
      100,
      0,
      UINT64_MAX,
      DP_DGAUSS,
      { 3, 3, 3 } },
    { "noisy squares", 400, 50, 50, 0, UINT64_MAX, DP_DGAUSS, { 1, 1, 30 } },
    { "a noisy sum", 400, 50, 50, 0, UINT64_MAX, DP_DGAUSS, { 1, 30, 1 } },
    { "a noisy count", 400, 9, 50, 0, UINT64_MAX, DP_DGAUSS, { 40, 1, 1 } },
    { "two hundred rows", 200, -7, 9, 0, UINT64_MAX, DP_DGAUSS, { 3, 3, 3 } },
};

static struct column column_of(const struct row *row)
{
    return (struct column){ .n = row->n,
                            .center = row->center,
                            .h = row->h,
                            .grid_bits = row->grid_bits };
}

/* Without noise the moments are those of plain arithmetic, to the coarsening:
 * a row loses at most one step of 2^coarse. */
static void check_arithmetic(void **state)
{
    const struct row *row = *state;
    struct column c = column_of(row);
    gsl_rng *rng = test_rng_new(81);
    draw_column(&c, rng);
    gsl_rng_free(rng);
    const struct dp_square sq = dp_square_of((uint64_t)c.h, row->most);
    const struct dp_moments m =
        read_all(NULL, &c, sq, row->law, row->scale, NULL);
    const double step =
        sq.coarse ? ldexp(1, (int)sq.coarse - 2 * (int)c.grid_bits) : 0;
    double mean = 0, got;
    for (size_t i = 0; i < c.n; i++)
        mean += ldexp((double)c.x[i], -(int)c.grid_bits) / (double)c.n;
    assert_true(dp_moments_mean(&got, &m));
    assert_true(fabs(got - mean) <= 1e-12 * (1 + fabs(mean)));
    for (int sample = 0; sample < 2; sample++) {
        const double want = variance_by_hand(&c, sample);
        assert_true(dp_moments_variance(&got, &m, sample));
        assert_true(fabs(got - want) <= 1e-12 * want + step);
        const double v = got;
        assert_true(dp_moments_deviation(&got, &m, sample));
        assert_true(got == sqrt(v));
    }
}

/*
 * 1,000 draws at level 0.9: the box covers more often than that.  Fewer than
 * 0.9 - 6 standard errors would be a false alarm once in 10^8; an interval more
 * than six times as wide as the 90 % range of the estimates would be useless.
 */
static void check_coverage(void **state)
{
    enum { N = 1000 };
    const struct row *row = *state;
    struct column c = column_of(row);
    gsl_rng *rng = test_rng_new(82);
    draw_column(&c, rng);
    const struct dp_square sq = dp_square_of((uint64_t)c.h, row->most);
    const double want = variance_by_hand(&c, false),
                 of_sample = variance_by_hand(&c, true);
    double covered = 0, covered_sample = 0, sum = 0, squares = 0, width = 0;
    for (int i = 0; i < N; i++) {
        struct dp_moments_law law;
        const struct dp_moments m =
            read_all(&law, &c, sq, row->law, row->scale, rng);
        const struct dp_interval v = dp_moments_law_variance(&law, &m, false),
                                 d = dp_moments_law_deviation(&law, &m, true);
        double got;
        covered += v.lo <= want && want <= v.hi;
        width += (v.hi - v.lo) / N;
        assert_true(dp_moments_variance(&got, &m, false));
        sum += got / N, squares += got * got / N;

        covered_sample += d.lo <= sqrt(of_sample) && sqrt(of_sample) <= d.hi;
        assert_true(v.kind == DP_INTERVAL_BOUNDED && v.lo >= 0);
    }
    gsl_rng_free(rng);
    const double least = N * 0.9 - 6 * sqrt(N * 0.09);
    assert_true(covered >= least && covered_sample >= least);
    assert_true(width <= 6 * 2 * 1.645 * sqrt(squares - sum * sum));
}

static void the_greatest_square_is_halved(void **state)
{
    (void)state;
    const struct {
        uint64_t h, most, middle, bound;
        unsigned coarse;
    } is[] = {
        { 0, 1, 0, 0, 0 },
        { 1, 1, 0, 1, 0 },
        { 10, 50, 50, 50, 0 },
        { 10, 49, 25, 25, 1 },
        { 3, 4, 2, 2, 1 },
        { 3, 5, 4, 5, 0 },
        { (UINT64_C(1) << 60) - 1, 1 << 20, (1 << 20) - 1, 1 << 20, 99 },
    };
    for (size_t i = 0; i < sizeof is / sizeof *is; i++) {
        const struct dp_square sq = dp_square_of(is[i].h, is[i].most);
        assert_true(sq.middle == is[i].middle && sq.bound == is[i].bound);
        assert_int_equal(sq.coarse, is[i].coarse);
    }
}

static const struct dp_mechanism unit = { DP_DGAUSS, 1, 1 };

static struct dp_moments tiny(dp_int count, dp_int sum, dp_int square)
{
    return (struct dp_moments){
        .count = { count },
        .sum = { sum },
        .square = { square },
    };
}

/* The law of those three, the square's noise of another scale. */
static struct dp_moments_law law_at(double level, uint64_t square)
{
    const struct dp_mechanism wide = { DP_DGAUSS, square, 1 };
    struct dp_moments_law law;
    assert_int_equal(dp_moments_law_of(&law, &unit, &unit, &wide, level),
                     DP_OK);
    return law;
}

static void a_count_too_small_divides_nothing(void **state)
{
    (void)state;
    double out = 77;
    const struct dp_moments none = tiny(0, 5, 5), minus = tiny(-4, 5, 5),
                            one = tiny(1, 5, 25);
    assert_false(dp_moments_mean(&out, &none));
    assert_false(dp_moments_mean(&out, &minus));
    assert_false(dp_moments_variance(&out, &minus, false));
    assert_false(dp_moments_variance(&out, &one, true));
    assert_false(dp_moments_deviation(&out, &one, true));
    assert_true(out == 77);
    assert_true(dp_moments_variance(&out, &one, false) && out == 0);

    const struct dp_moments few = tiny(3, 5, 25);
    const struct dp_moments_law law = law_at(0.999, 1);
    assert_int_equal(dp_moments_law_variance(&law, &few, false).kind,
                     DP_INTERVAL_UNBOUNDED);
    assert_int_equal(dp_moments_law_deviation(&law, &few, false).kind,
                     DP_INTERVAL_UNBOUNDED);
}

static void noise_can_make_a_variance_negative_but_no_deviation(void **state)
{
    (void)state;
    double out;
    const struct dp_moments m = tiny(100, 100, -50);
    const struct dp_moments_law law = law_at(0.95, 1);
    assert_true(dp_moments_variance(&out, &m, false) && out == -1.5);
    assert_true(dp_moments_deviation(&out, &m, false) && out == 0);
    const struct dp_interval i = dp_moments_law_variance(&law, &m, false);
    assert_true(i.lo == 0 && i.hi >= 0 && i.hi < 1e-9);
}

/* One number noisy, the others hardly: its own interval at level^(1/3). */
static void each_number_has_its_share_of_the_error(void **state)
{
    (void)state;
    const struct dp_moments m = tiny(100000, 0, 50000000);
    const struct dp_mechanism wide = { DP_DGAUSS, 1000000, 1 };
    const struct dp_moments_law law = law_at(0.9, 1000000);
    uint64_t k;
    assert_int_equal(dp_mechanism_quantile(&k, &wide, 1 - cbrt(0.9)), DP_OK);
    const struct dp_interval i = dp_moments_law_variance(&law, &m, false);
    assert_true(fabs(i.hi - 500 - (double)k / 100000) < 0.1);
    assert_true(fabs(500 - i.lo - (double)k / 100000) < 0.1);
}

static void extremes_and_bad_levels(void **state)
{
    (void)state;
    struct dp_moments_law law = law_at(0.95, 1);
    struct dp_moments m = tiny(1000, DP_INT_MAX, 5);
    assert_int_equal(dp_moments_law_variance(&law, &m, false).kind,
                     DP_INTERVAL_UNBOUNDED);
    m = tiny(1000, 5, DP_INT_MIN);
    assert_int_equal(dp_moments_law_variance(&law, &m, false).kind,
                     DP_INTERVAL_UNBOUNDED);
    m = tiny(DP_INT_MAX - 9, DP_INT_MIN + 9, DP_INT_MAX - 9);
    const struct dp_interval i = dp_moments_law_variance(&law, &m, true);
    assert_true(!isnan(i.lo) && !isnan(i.hi) && i.lo <= i.hi);

    const struct dp_mechanism bad = { DP_DGAUSS, 0, 1 };
    law.count = 77;
    assert_int_equal(dp_moments_law_of(&law, &unit, &unit, &unit, 1), DP_EDOM);
    assert_int_equal(dp_moments_law_of(&law, &unit, &unit, &bad, 0.9), DP_EDOM);
    assert_int_equal(dp_moments_law_of(&law, &bad, &unit, &unit, 0.9), DP_EDOM);
    assert_int_equal(law.count, 77);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_greatest_square_is_halved),
        cmocka_unit_test(a_count_too_small_divides_nothing),
        cmocka_unit_test(noise_can_make_a_variance_negative_but_no_deviation),
        cmocka_unit_test(each_number_has_its_share_of_the_error),
        cmocka_unit_test(extremes_and_bad_levels),
    };
    return RUN_ROWS(rows, check_arithmetic) + RUN_ROWS(rows, check_coverage) +
           cmocka_run_group_tests(tests, NULL, NULL);
}
