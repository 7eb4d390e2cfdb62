/* The discrete samplers against their exact laws. */
#include <math.h>

#include <gsl/gsl_cdf.h>

#include "dp/bernoulli.h"
#include "dp/mechanism.h"
#include "tests/lib_rng.h"
#include "tests/table.h"

static const struct row {
    const char *name;
    struct dp_mechanism m;
} rows[] = {
    { "Laplace 1/3", { DP_DLAPLACE, 1, 3 } },
    { "Laplace 1", { DP_DLAPLACE, 1, 1 } },
    { "Laplace 15/2", { DP_DLAPLACE, 15, 2 } },
    { "Laplace 1000", { DP_DLAPLACE, 1000, 1 } },
    { "Laplace 2^40, 2^20 denominators",
      { DP_DLAPLACE, UINT64_C(1) << 60, 1 << 20 } },
    { "Gaussian 1/2", { DP_DGAUSS, 1, 2 } },
    { "Gaussian 1", { DP_DGAUSS, 1, 1 } },
    { "Gaussian 5/3", { DP_DGAUSS, 5, 3 } },
    { "Gaussian 2 less a hair", { DP_DGAUSS, (1 << 21) - 1, 1 << 20 } },
    { "Gaussian 100.1", { DP_DGAUSS, 1001, 10 } },
    { "Gaussian 12345678901/1048575", { DP_DGAUSS, 12345678901, 1048575 } },
    { "Gaussian 2^40, 2^20 denominators",
      { DP_DGAUSS, UINT64_C(1) << 60, 1 << 20 } },
    { "rounded Gaussian 1/2", { DP_RGAUSS, 1, 2 } },
    { "rounded Gaussian 1/4", { DP_RGAUSS, 1, 4 } },
    { "rounded Gaussian 3/16", { DP_RGAUSS, 3, 16 } },
    { "rounded Gaussian 1 less a hair", { DP_RGAUSS, (1 << 20) - 1, 1 << 20 } },
    { "rounded Gaussian 5/3", { DP_RGAUSS, 5, 3 } },
    { "rounded Gaussian 100.1", { DP_RGAUSS, 1001, 10 } },
    { "rounded Gaussian 2^40, 2^20 denominators",
      { DP_RGAUSS, UINT64_C(1) << 60, 1 << 20 } },
};

enum { N = 100000, CELLS = 41 };

/* N samples, `batch` at a time: one by one, or by a table from DP_MANY on. */
static const dp_int *sample(const struct dp_mechanism *m, size_t batch,
                            unsigned long seed)
{
    static struct dp_exact in[N];
    static struct dp_noisy out[N];
    static dp_int x[N];
    gsl_rng *rng = test_rng_new(seed);
    for (size_t i = 0; i < N; i++)
        in[i].touched = 5;
    for (size_t i = 0; i < N; i += batch)
        assert_int_equal(dp_mechanism_release(out + i, in + i, batch, m, rng),
                         DP_OK);
    for (size_t i = 0; i < N; i++)
        x[i] = out[i].v - 5;
    gsl_rng_free(rng);
    return x;
}

/*
 * Chi-square over cells of a quarter of the scale (at least one integer), and
 * sample mean and variance within 6 standard errors.  Seeded; over seeds the
 * first fails once in 10^6 runs, the others about once in 10^8.
 */
static void check_law(const struct row *row, size_t batch)
{
    const double scale = (double)row->m.num / (double)row->m.den;
    const dp_int width = scale < 4 ? 1 : (dp_int)(scale / 4);
    const dp_int from = -width * (CELLS / 2) - 1; /* cell i: (edge, edge+w] */
    const dp_int *sampled = sample(&row->m, batch, 42);

    double seen[CELLS + 2] = { 0 }, sum = 0, sum_sq = 0, sum_4 = 0;
    for (int i = 0; i < N; i++) {
        const dp_int x = sampled[i];
        const dp_int cell = x <= from ? 0 : 1 + (x - from - 1) / width;
        seen[cell > CELLS ? CELLS + 1 : cell]++;
        const double y = (double)x;
        sum += y, sum_sq += y * y, sum_4 += y * y * y * y;
    }

    double chi = 0, pooled_seen = 0, pooled_want = 0, above = 1;
    unsigned used = 0;
    for (int i = 0; i < CELLS + 2; i++) {
        double next = 0;
        if (i <= CELLS)
            assert_int_equal(
                dp_mechanism_tail(&next, &row->m, from + i * width), DP_OK);
        pooled_want += N * (above - next);
        pooled_seen += seen[i];
        above = next;
        if (pooled_want < 10 && i <= CELLS)
            continue; /* chi-square wants ten or so in a cell */
        if (pooled_want > 0) {
            const double d = pooled_seen - pooled_want;
            chi += d * d / pooled_want;
            used++;
        }
        pooled_want = pooled_seen = 0;
    }
    assert_true(used >= 2);
    assert_true(chi < gsl_cdf_chisq_Qinv(1e-6, used - 1));

    const double var = dp_mechanism_variance(&row->m);
    const double fourth = fmax(sum_4 / N, var * var);
    assert_true(fabs(sum / N) < 6 * sqrt(var / N));
    assert_true(fabs(sum_sq / N - var) < 6 * sqrt(fourth / N));
}

static void check_one_by_one(void **state)
{
    check_law(*state, 1);
}

static void check_many(void **state)
{
    check_law(*state, N / 10);
}

/*
 * The low bits are those of an exact integer law: at scale 1000 the residue
 * modulo 16 is uniform to 1e-5, where float noise shows its grid.
 */
static void low_bits_are_uniform(void **state)
{
    const struct row *row = *state;
    if ((double)row->m.num / (double)row->m.den < 100)
        return;
    for (size_t batch = 1; batch <= N; batch *= N) {
        const dp_int *x = sample(&row->m, batch, 43);
        double seen[16] = { 0 }, chi = 0;
        for (int i = 0; i < N; i++)
            seen[(unsigned)x[i] % 16]++;
        for (int i = 0; i < 16; i++)
            chi += (seen[i] - N / 16.0) * (seen[i] - N / 16.0) / (N / 16.0);
        assert_true(chi < gsl_cdf_chisq_Qinv(1e-6, 15));
    }
}

static const struct coin_row {
    const char *name;
    uint64_t n, d;
} coin_rows[] = {
    { "exp(0)", 0, 7 },
    { "exp(-1)", 5, 5 },
    { "exp(-1/2)", 1, 2 },
    { "exp(-1/10^18)", 1, UINT64_C(1000000000000000000) },
    { "exp(-2/3)", UINT64_MAX / 3 * 2, UINT64_MAX / 3 * 3 },
};

/* Both coins within 6 standard errors: a false alarm in 10^8. */
static void check_coin(void **state)
{
    const struct coin_row *row = *state;
    const double x = (double)row->n / (double)row->d;
    const double p = exp(-x), p2 = exp(-x * x / 2);
    gsl_rng *rng = test_rng_new(44);
    double heads = 0, heads2 = 0;
    for (int i = 0; i < N; i++) {
        heads += dp_bernoulli_exp(rng, row->n, row->d);
        heads2 += dp_bernoulli_exp_half_square(rng, row->n, row->d);
    }
    gsl_rng_free(rng);
    assert_true(fabs(heads / N - p) <= 6 * sqrt(p * (1 - p) / N));
    assert_true(fabs(heads2 / N - p2) <= 6 * sqrt(p2 * (1 - p2) / N));
}

/* The narrowest scales there are: noise is 0 but for a chance below e^-10^11,
 * and drawn as fast as any, which a hat over a whole step would not be. */
static void noise_far_narrower_than_a_step_is_none(void **state)
{
    (void)state;
    for (int law = 0; law < 3; law++) {
        const struct dp_mechanism m = { (enum dp_law)law, 1, DP_SCALE_DEN_MAX };
        for (size_t batch = 1; batch <= 1000; batch *= 1000) {
            const dp_int *x = sample(&m, batch, 47);
            for (size_t i = 0; i < N; i++)
                assert_true(x[i] == 0);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(noise_far_narrower_than_a_step_is_none),
    };
    return RUN_ROWS(rows, check_one_by_one) + RUN_ROWS(rows, check_many) +
           RUN_ROWS(rows, low_bits_are_uniform) +
           RUN_ROWS(coin_rows, check_coin) +
           cmocka_run_group_tests(tests, NULL, NULL);
}
