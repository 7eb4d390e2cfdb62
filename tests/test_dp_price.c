#include "dp/price.h"

#include <math.h>

#include "tests/table.h"

static const struct unit_row {
    const char *name;
    double v, unit;
    enum dp_status want;
    uint64_t down, up;
} unit_rows[] = {
    { "0.3 pico is the decimal it was written as", 0.3, DP_PICO, DP_OK,
      300000000000, 300000000000 },
    { "0.1 nano likewise", 0.1, DP_NANO, DP_OK, 100000000, 100000000 },
    { "1e-6 atto likewise", 1e-6, DP_ATTO, DP_OK, 1000000000000,
      1000000000000 },
    { "a third lies between two units", 1.0 / 3, DP_PICO, DP_OK, 333333333333,
      333333333334 },
    { "half a unit", 5e-13, DP_PICO, DP_OK, 0, 1 },
    { "the least double rounds up to one unit", 0x1p-1074, DP_ATTO, DP_OK, 0,
      1 },
    { "zero is zero both ways", 0, DP_NANO, DP_OK, 0, 0 },
    { "one atto", 1e-18, DP_ATTO, DP_OK, 1, 1 },
    { "binary fractions are exact", 0x1p-20, DP_ATTO, DP_OK, 953674316406,
      953674316407 },
    { "a value beyond the limit is refused", 4.7e6, DP_PICO, DP_EDOM, 0, 0 },
    { "a value just inside is not", 4.6e6, DP_PICO, DP_OK, 4600000000000000000,
      4600000000000000000 },
    { "negative is refused", -1e-300, DP_PICO, DP_EDOM, 0, 0 },
    { "NaN is refused", (double)NAN, DP_PICO, DP_EDOM, 0, 0 },
    { "infinity is refused", HUGE_VAL, DP_PICO, DP_EDOM, 0, 0 },
    { "another unit is refused", 1, 1e-3, DP_EDOM, 0, 0 },
};

static void check_units(void **state)
{
    const struct unit_row *row = *state;
    uint64_t down = 77, up = 77;
    assert_int_equal(dp_units_down(&down, row->v, row->unit), row->want);
    assert_int_equal(dp_units_up(&up, row->v, row->unit), row->want);
    assert_true(down == (row->want == DP_OK ? row->down : 77));
    assert_true(up == (row->want == DP_OK ? row->up : 77));
}

/* Any double: down and up enclose it (to half an ulp, for it may stand for a
 * decimal) and differ by at most one unit. */
static void units_enclose(void **state)
{
    (void)state;
    for (int i = 1; i < 20000; i++) {
        const double v = exp(-40 + 0.00271 * i);
        uint64_t down, up;
        if (dp_units_down(&down, v, DP_PICO) != DP_OK)
            continue;
        assert_int_equal(dp_units_up(&up, v, DP_PICO), DP_OK);
        assert_true(up - down <= 1);
        const long double exact = (long double)v * 1e12L;
        assert_true((long double)down <= exact * (1 + 0x1p-53L));
        assert_true((long double)up >= exact * (1 - 0x1p-53L));
    }
}

static void sums_saturate(void **state)
{
    (void)state;
    const struct dp_price most = { UINT64_MAX, UINT64_MAX, UINT64_MAX };
    const struct dp_price limit = { DP_PRICE_MAX, DP_PRICE_MAX, DP_PRICE_MAX };
    const struct dp_price one = { 1, 2, 3 };
    struct dp_price sum = dp_price_add(most, one);
    assert_memory_equal(&sum, &most, sizeof sum);
    sum = dp_price_times((struct dp_price){ 1, 1, 1 }, UINT64_MAX);
    assert_memory_equal(&sum, &most, sizeof sum);
    sum = dp_price_times(sum, 2);
    assert_false(dp_price_fits(sum, limit));

    sum = dp_price_add(one, dp_price_times(one, 9));
    assert_true(sum.rho_pico == 10 && sum.eps_nano == 20 &&
                sum.delta_atto == 30);
}

static void every_part_must_fit(void **state)
{
    (void)state;
    const struct dp_price limit = { 10, 10, 10 };
    assert_true(dp_price_fits(limit, limit));
    assert_false(dp_price_fits((struct dp_price){ 11, 0, 0 }, limit));
    assert_false(dp_price_fits((struct dp_price){ 0, 11, 0 }, limit));
    assert_false(dp_price_fits((struct dp_price){ 0, 0, 11 }, limit));
    const struct dp_price rest =
        dp_price_left(limit, (struct dp_price){ 4, 10, 11 });
    assert_true(rest.rho_pico == 6 && rest.eps_nano == 0 &&
                rest.delta_atto == 0);
    const struct dp_price both =
        dp_price_least(limit, (struct dp_price){ 4, 11, 3 });
    assert_true(dp_price_fits(both, limit) && both.rho_pico == 4 &&
                both.eps_nano == 10 && both.delta_atto == 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(units_enclose),
        cmocka_unit_test(sums_saturate),
        cmocka_unit_test(every_part_must_fit),
    };
    return RUN_ROWS(unit_rows, check_units) +
           cmocka_run_group_tests(tests, NULL, NULL);
}
