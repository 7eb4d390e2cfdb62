/* Private clamp bounds: the buckets tile the integers, the picks keep their
 * word. */
#include "dp/bounds.h"

#include <math.h>

#include <gsl/gsl_randist.h>

#include "tests/lib_rng.h"
#include "tests/table.h"

static void buckets_tile_the_integers(void **state)
{
    (void)state;
    assert_true(dp_bounds_least(0) == INT64_MIN);
    assert_true(dp_bounds_greatest(DP_BOUNDS_BUCKETS - 1) == INT64_MAX);
    for (size_t i = 0; i < DP_BOUNDS_BUCKETS; i++) {
        const int64_t least = dp_bounds_least(i), most = dp_bounds_greatest(i);
        assert_true(least <= most);
        assert_true(i == 0 || dp_bounds_greatest(i - 1) == least - 1);
        assert_int_equal(dp_bounds_bucket(least), i);
        assert_int_equal(dp_bounds_bucket(most), i);
        assert_int_equal(
            dp_bounds_bucket((int64_t)(((dp_int)least + most) / 2)), i);
        /* A factor of two, and not more. */
        assert_true(i < 2 || i > 124 ||
                    (most >= 0 ? most : -least) <=
                        2 * (most >= 0 ? least : -most));
    }
}

static const struct row {
    const char *name;
    double mean, spread; /* of the logarithm */
    bool mirrored;       /* both signs */
    uint64_t linf;
    enum dp_notion notion;
    struct dp_price limit;
} rows[] = {
    { "prices in cents", 8, 1, false, 1, DP_ZCDP, { 10000000000, 0, 0 } },
    { "amounts of both signs", 8, 1, true, 1, DP_ZCDP, { 10000000000, 0, 0 } },
    { "a heavy tail", 4, 4, false, 1, DP_ZCDP, { 10000000000, 0, 0 } },
    { "pure", 8, 1, false, 1, DP_PURE, { 0, 200000000, 0 } },
    { "three rows a person", 8, 1, false, 3, DP_ZCDP, { 50000000000, 0, 0 } },
};

/*
 * 50 picks over 20,000 rows at alpha 10^-6: no side has nobody beyond it or
 * more than 2 reach + 1 rows; a false alarm once in 10^4 at most.
 */
static void check_bounds(void **state)
{
    enum { ROWS = 20000, N = 50 };
    const struct row *row = *state;
    gsl_rng *rng = test_rng_new(91);
    static int64_t x[ROWS];
    struct dp_exact count[DP_BOUNDS_BUCKETS] = { { 0 } };
    for (int i = 0; i < ROWS; i++) {
        x[i] = (int64_t)gsl_ran_lognormal(rng, row->mean, row->spread);
        x[i] = row->mirrored && i % 2 ? -x[i] : x[i];
        count[dp_bounds_bucket(x[i])].touched++;
    }
    struct dp_choice c;
    struct dp_price one;
    uint64_t reach;
    assert_int_equal(dp_bounds_choice(&c, row->linf, row->limit, row->notion),
                     DP_OK);
    assert_int_equal(dp_choice_price(&one, &c, row->notion), DP_OK);
    assert_true(dp_price_fits(dp_price_times(one, 2), row->limit));
    assert_int_equal(dp_quantile_reach(&reach, &c, DP_BOUNDS_BUCKETS, 1e-6),
                     DP_OK);
    assert_true(reach < ROWS / 20);
    for (int k = 0; k < N; k++) {
        struct dp_bounds b;
        assert_int_equal(dp_bounds_pick(&b, count, &c, 1e-6, rng), DP_OK);
        uint64_t under = 0, over = 0, low = 0, high = 0;
        for (int i = 0; i < ROWS; i++) {
            under += x[i]<b.lo, over += x[i]> b.hi;
            low += dp_bounds_bucket(x[i]) <= dp_bounds_bucket(b.lo);
            high += dp_bounds_bucket(x[i]) >= dp_bounds_bucket(b.hi);
        }
        assert_true(under <= 2 * reach + 1 && over <= 2 * reach + 1);
        assert_true(low >= 1 && high >= 1);
    }
    gsl_rng_free(rng);
}

static void too_few_rows_still_give_an_order(void **state)
{
    (void)state;
    const struct dp_exact none[DP_BOUNDS_BUCKETS] = { { 0 } };
    struct dp_choice c;
    assert_int_equal(
        dp_bounds_choice(&c, 1, (struct dp_price){ 1000000000, 0, 0 }, DP_ZCDP),
        DP_OK);
    gsl_rng *rng = test_rng_new(92);
    for (int i = 0; i < 200; i++) {
        struct dp_bounds b;
        assert_int_equal(dp_bounds_pick(&b, none, &c, 0.05, rng), DP_OK);
        assert_true(b.lo <= b.hi);
    }
    struct dp_bounds b = { 77, 77 };
    assert_int_equal(dp_bounds_pick(&b, none, &c, 0, rng), DP_EDOM);
    c.eps_nano = 0;
    assert_int_equal(dp_bounds_pick(&b, none, &c, 0.05, rng), DP_EDOM);
    assert_true(b.lo == 77 && b.hi == 77);
    gsl_rng_free(rng);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(buckets_tile_the_integers),
        cmocka_unit_test(too_few_rows_still_give_an_order),
    };
    return RUN_ROWS(rows, check_bounds) +
           cmocka_run_group_tests(tests, NULL, NULL);
}
