/* The filter's rule: sums of any adaptive choice stay within the limit, refused
 * charges change nothing, every edge of uint64 refuses. */
#include "dp/filter.h"

#include <math.h>

#include "dp/convert.h"
#include "dp/gauss.h"
#include "dp/value.h"
#include "tests/lib_rng.h"
#include "tests/table.h"

#define MOST DP_PRICE_MAX

static const struct charge_row {
    const char *name;
    struct dp_price limit, spent, price;
    bool want;
} charge_rows[] = {
    { "what is left exactly", { 10, 0, 5 }, { 4, 0, 2 }, { 6, 0, 3 }, true },
    { "one rho more", { 10, 0, 5 }, { 4, 0, 2 }, { 7, 0, 3 }, false },
    { "one delta more", { 10, 0, 5 }, { 4, 0, 2 }, { 6, 0, 4 }, false },
    { "an epsilon in a zcdp filter",
      { 10, 0, 5 },
      { 0, 0, 0 },
      { 1, 1, 1 },
      false },
    { "nothing, when nothing is left",
      { 10, 0, 5 },
      { 10, 0, 5 },
      { 0, 0, 0 },
      true },
    { "the largest limit",
      { MOST, 0, MOST },
      { 0, 0, 0 },
      { MOST, 0, MOST },
      true },
    { "one past the largest limit",
      { MOST, 0, MOST },
      { MOST, 0, 0 },
      { 1, 0, 0 },
      false },
    { "a sum that would wrap to 0",
      { MOST, 0, MOST },
      { 1, 0, 0 },
      { UINT64_MAX, 0, 0 },
      false },
    { "a delta that would wrap",
      { MOST, 0, MOST },
      { MOST, 0, MOST },
      { 0, 0, UINT64_MAX - MOST + 2 },
      false },
    { "a saturated price",
      { MOST, 0, MOST },
      { 0, 0, 0 },
      { UINT64_MAX, UINT64_MAX, UINT64_MAX },
      false },
};

static void check_charge(void **state)
{
    const struct charge_row *row = *state;
    struct dp_filter f;
    assert_int_equal(dp_filter_open(&f, DP_ZCDP, row->limit), DP_OK);
    assert_true(dp_filter_charge(&f, row->spent));
    const struct dp_filter before = f;
    assert_int_equal(dp_filter_charge(&f, row->price), row->want);
    assert_int_equal(dp_filter_affords(&before, row->price) > 0, row->want);
    if (!row->want)
        assert_memory_equal(&f, &before, sizeof f);
    else
        assert_true(f.charges == before.charges + 1);
}

static const struct open_row {
    const char *name;
    enum dp_notion notion;
    struct dp_price limit;
    enum dp_status want;
} open_rows[] = {
    { "zcdp with delta", DP_ZCDP, { 1, 0, 1 }, DP_OK },
    { "gdp", DP_GDP, { 1, 0, 0 }, DP_OK },
    { "pure", DP_PURE, { 0, 1, 0 }, DP_OK },
    { "zcdp with an epsilon", DP_ZCDP, { 1, 1, 0 }, DP_EDOM },
    { "pure with a rho", DP_PURE, { 1, 1, 0 }, DP_EDOM },
    { "above the largest limit", DP_ZCDP, { MOST + 1, 0, 0 }, DP_EDOM },
    { "no notion", (enum dp_notion)7, { 1, 0, 0 }, DP_EDOM },
};

static void check_open(void **state)
{
    const struct open_row *row = *state;
    struct dp_filter f = { .charges = 77 };
    assert_int_equal(dp_filter_open(&f, row->notion, row->limit), row->want);
    assert_true(f.charges == (row->want == DP_OK ? 0 : 77));
}

/* An adversary who sees what is left and asks near it, with every kind of
 * price: 128-bit sums of what was taken stay within the limit and are what the
 * filter says. */
static void an_adaptive_adversary_stays_within(void **state)
{
    (void)state;
    gsl_rng *rng = test_rng_new(4);
    for (int round = 0; round < 300; round++) {
        struct dp_filter f;
        const struct dp_price limit = { gsl_rng_get(rng) >> 2, 0,
                                        gsl_rng_get(rng) >> 2 };
        dp_uint rho = 0, delta = 0;
        assert_int_equal(dp_filter_open(&f, DP_ZCDP, limit), DP_OK);
        for (int i = 0; i < 200; i++) {
            const struct dp_price left = dp_price_left(limit, f.spent);
            const unsigned shift = (unsigned)(gsl_rng_get(rng) % 64);
            struct dp_price p = { gsl_rng_get(rng) >> shift, 0,
                                  gsl_rng_get(rng) >> shift };
            if (i % 7 == 0)
                p = (struct dp_price){ left.rho_pico + (gsl_rng_get(rng) & 1),
                                       0, left.delta_atto };
            const struct dp_filter before = f;
            if (dp_filter_charge(&f, p)) {
                rho += p.rho_pico;
                delta += p.delta_atto;
                assert_true(dp_filter_affords(&before, p) >= 1);
            } else {
                assert_memory_equal(&f, &before, sizeof f);
                assert_true(dp_filter_affords(&before, p) == 0);
            }
            assert_true(f.spent.rho_pico >= before.spent.rho_pico);
            assert_true(rho == f.spent.rho_pico && rho <= limit.rho_pico);
            assert_true(delta == f.spent.delta_atto &&
                        delta <= limit.delta_atto);
        }
    }
    gsl_rng_free(rng);
}

/* As many as it says, and not one more; whatever the order. */
static void affords_is_how_many(void **state)
{
    (void)state;
    struct dp_filter f;
    const struct dp_price p = { 7, 0, 3 };
    assert_int_equal(
        dp_filter_open(&f, DP_ZCDP, (struct dp_price){ 100, 0, 40 }), DP_OK);
    const uint64_t n = dp_filter_affords(&f, p);
    assert_true(n == 13);
    for (uint64_t i = 0; i < n; i++)
        assert_true(dp_filter_charge(&f, p));
    assert_false(dp_filter_charge(&f, p));
    assert_true(f.charges == n);
    assert_true(dp_filter_affords(&f, (struct dp_price){ 0, 0, 0 }) ==
                UINT64_MAX);
}

static void epsilon_is_of_what_was_spent(void **state)
{
    (void)state;
    struct dp_filter f;
    double eps, want;
    assert_int_equal(
        dp_filter_open(&f, DP_ZCDP, (struct dp_price){ MOST, 0, MOST }), DP_OK);
    assert_int_equal(dp_filter_eps(&eps, &f, 1e-6), DP_OK);
    assert_true(eps == 0);
    assert_true(dp_filter_charge(&f, (struct dp_price){ 24355970359, 0, 0 }));
    assert_int_equal(dp_filter_eps(&eps, &f, 1e-6), DP_OK);
    assert_true(fabs(eps - 1) < 1e-9);
    assert_true(dp_filter_charge(&f, (struct dp_price){ 0, 0, 400000000000 }));
    assert_int_equal(dp_filter_eps(&eps, &f, 1e-6), DP_OK);
    assert_int_equal(dp_eps_of_rho(&want, 24355970359e-12, 6e-7), DP_OK);
    assert_true(eps >= want && eps < want + 1e-9);
    assert_int_equal(dp_filter_eps(&eps, &f, 4e-7), DP_ERANGE);
    assert_int_equal(dp_filter_eps(&eps, &f, 0), DP_EDOM);
    assert_int_equal(dp_filter_eps(&eps, &f, 1), DP_EDOM);

    assert_int_equal(
        dp_filter_open(&f, DP_GDP, (struct dp_price){ MOST, 0, 0 }), DP_OK);
    assert_true(dp_filter_charge(&f, (struct dp_price){ 500000000000, 0, 0 }));
    assert_int_equal(dp_filter_eps(&eps, &f, 1e-6), DP_OK);
    assert_int_equal(dp_gauss_eps(&want, 1, 1e-6), DP_OK);
    assert_true(eps >= want && eps < want + 1e-9);

    assert_int_equal(
        dp_filter_open(&f, DP_PURE, (struct dp_price){ 0, 2000000000, 9 }),
        DP_OK);
    assert_true(dp_filter_charge(&f, (struct dp_price){ 0, 1500000000, 0 }));
    assert_int_equal(dp_filter_eps(&eps, &f, 0), DP_OK);
    assert_true(fabs(eps - 1.5) < 1e-9);
    assert_true(dp_filter_charge(&f, (struct dp_price){ 0, 0, 9 }));
    assert_int_equal(dp_filter_eps(&eps, &f, 0), DP_ERANGE);
    assert_int_equal(dp_filter_eps(&eps, &f, 9e-18), DP_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_adaptive_adversary_stays_within),
        cmocka_unit_test(affords_is_how_many),
        cmocka_unit_test(epsilon_is_of_what_was_spent),
    };
    return RUN_ROWS(charge_rows, check_charge) +
           RUN_ROWS(open_rows, check_open) +
           cmocka_run_group_tests(tests, NULL, NULL);
}
