/* Splits of a price: nothing else that adds up to as much has less error. */
#include "dp/split.h"

#include <math.h>

#include "tests/lib_rng.h"
#include "tests/table.h"

static double error_of(const uint64_t *parts, const double *a, size_t n,
                       enum dp_notion notion, enum dp_split least)
{
    double sum = 0, worst = 0;
    for (size_t i = 0; i < n; i++) {
        if (a[i] == 0)
            continue;
        const double x = (double)parts[i];
        const double e = a[i] / (notion == DP_PURE ? x : sqrt(2 * x));
        sum += least == DP_SPLIT_SUM ? e : e * e;
        worst = fmax(worst, e);
    }
    return least == DP_SPLIT_WORST ? worst : sum;
}

static const struct row {
    const char *name;
    double a[5];
    size_t n;
    uint64_t total;
} rows[] = {
    { "one takes all", { 3 }, 1, 1000000 },
    { "two alike share", { 2, 2 }, 2, 1000000 },
    { "far apart", { 1e-3, 1, 1e3 }, 3, 1000000000000 },
    { "a weight of 0 gets nothing", { 0, 1, 0, 5 }, 4, 1000000 },
    { "five of them", { 1, 2, 3, 4, 5 }, 5, 999999999989 },
    { "few units", { 1, 1e6, 1 }, 3, 17 },
    { "as many units as parts", { 1, 1e9, 1e-9 }, 3, 3 },
    { "the largest total", { 1, 3 }, 2, UINT64_MAX },
    { "the largest weights", { 1e308, 1e308, 1e-308 }, 3, 1000000 },
};

/* The sum is exact; moving a share between any two parts is no better. */
static void check_row(void **state)
{
    const struct row *row = *state;
    for (int notion = DP_ZCDP; notion <= DP_GDP; notion++)
        for (int least = DP_SPLIT_SUM; least <= DP_SPLIT_WORST; least++) {
            uint64_t parts[5], sum = 0;
            assert_int_equal(dp_split_price(parts, row->a, row->n, row->total,
                                            (enum dp_notion)notion,
                                            (enum dp_split)least),
                             DP_OK);
            for (size_t i = 0; i < row->n; i++) {
                sum += parts[i];
                assert_int_equal(parts[i] > 0, row->a[i] > 0);
            }
            assert_true(sum == row->total);
            if (row->total < 1000000 || row->a[0] > 1e300)
                continue;
            const double is =
                error_of(parts, row->a, row->n, (enum dp_notion)notion,
                         (enum dp_split)least);
            for (size_t i = 0; i < row->n; i++)
                for (size_t j = 0; j < row->n; j++) {
                    if (i == j || parts[i] < 1000 || parts[j] < 1000)
                        continue;
                    uint64_t other[5];
                    for (size_t k = 0; k < row->n; k++)
                        other[k] = parts[k];
                    const uint64_t move = parts[i] / 50;
                    other[i] -= move;
                    other[j] += move;
                    assert_true(error_of(other, row->a, row->n,
                                         (enum dp_notion)notion,
                                         (enum dp_split)least) >= is);
                }
        }
}

/* The closed form against 10^4 random splits: none is better. */
static void no_random_split_is_better(void **state)
{
    (void)state;
    gsl_rng *rng = test_rng_new(9);
    for (int round = 0; round < 60; round++) {
        double a[4];
        uint64_t parts[4], other[4];
        for (size_t i = 0; i < 4; i++)
            a[i] = exp(6 * gsl_rng_uniform(rng));
        const enum dp_notion notion = round % 2 ? DP_PURE : DP_ZCDP;
        const enum dp_split least = (enum dp_split)(round % 3);
        const uint64_t total = 1000000000;
        assert_int_equal(dp_split_price(parts, a, 4, total, notion, least),
                         DP_OK);
        const double is = error_of(parts, a, 4, notion, least);
        for (int t = 0; t < 200; t++) {
            double w[4], sum = 0;
            for (size_t i = 0; i < 4; i++)
                sum += w[i] = (double)parts[i] * exp(gsl_rng_uniform(rng) - .5);
            for (size_t i = 0; i < 4; i++)
                other[i] = (uint64_t)(w[i] / sum * (double)total);
            assert_true(error_of(other, a, 4, notion, least) >=
                        is * (1 - 1e-6));
        }
    }
    gsl_rng_free(rng);
}

static void bad_weights_are_refused(void **state)
{
    (void)state;
    static const double bad[][2] = {
        { 0, 0 }, { 1, -1 }, { 1, (double)NAN }, { (double)INFINITY, 1 }
    };
    uint64_t parts[2] = { 77, 78 };
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(
            dp_split_price(parts, bad[i], 2, 100, DP_ZCDP, DP_SPLIT_SUM),
            DP_EDOM);
    const double a[] = { 1, 2 };
    assert_int_equal(dp_split_price(parts, a, 0, 100, DP_ZCDP, DP_SPLIT_SUM),
                     DP_EDOM);
    assert_int_equal(dp_split_price(parts, a, 2, 1, DP_ZCDP, DP_SPLIT_SUM),
                     DP_ERANGE);
    assert_true(parts[0] == 77 && parts[1] == 78);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_random_split_is_better),
        cmocka_unit_test(bad_weights_are_refused),
    };
    return RUN_ROWS(rows, check_row) +
           cmocka_run_group_tests(tests, NULL, NULL);
}
