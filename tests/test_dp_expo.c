/* exp(-x) between bounds, against reference values and against itself. */
#include "dp/expo.h"

#include <stdlib.h>

#include "tests/lib_rng.h"
#include "tests/table.h"

/* floor(2^bits exp(-n/d)) in 700 digits and more (mpmath). */
static const struct row {
    const char *name;
    uint64_t n, d;
    int bits;
    const char *want; /* hexadecimal */
} rows[] = {
    { "exp(0)", 0, 1, 63, "8000000000000000" },
    { "exp(-1) in 200 bits", 1, 1, 200,
      "5E2D58D8B3BCDF1ABADEC7829054F90DDA9805AAB56C773330" },
    { "exp(-1/2) in 128 bits", 1, 2, 128, "9B4597E37CB04FF3D675A35530CDD767" },
    { "exp(-22/7) in 300 bits", 22, 7, 300,
      "B0C7D0DCBBF5EACDFE7F9DA0AADA1BB7930BD81A091AA1F4B2BC939E849BF3D732EE7D"
      "3F6B" },
    { "exp(-355/113) in 64 bits", 355, 113, 64, "B10110C29B1415A" },
    { "exp(-1000003/999) in 1500 bits", 1000003, 999, 1500, "E7C28C8F108568" },
    { "exp(-2^-40) in 100 bits", 1, UINT64_C(1) << 40, 100,
      "FFFFFFFFFF00000000007FFFF" },
    { "exp(-64) is nothing in 64 bits", 64, 1, 64, "0" },
    { "exp(-64) in 128 bits", 64, 1, 128, "CB4EA3990" },
    { "exp(-2^64) is nothing in 2^20 bits", UINT64_MAX, 1, 1 << 20, "0" },
};

static BIGNUM *of_word(uint64_t v)
{
    BIGNUM *n = BN_new();
    assert_non_null(n);
    assert_true(BN_set_word(n, v));
    return n;
}

/* lo <= value <= hi, and no more than two units apart. */
static void check_bounds(void **state)
{
    const struct row *row = *state;
    BIGNUM *n = of_word(row->n), *d = of_word(row->d), *want = NULL;
    BIGNUM *lo = of_word(7), *hi = of_word(7);
    assert_true(BN_hex2bn(&want, row->want));

    dp_expo_bounds(lo, hi, n, d, row->bits);
    assert_true(BN_cmp(lo, want) <= 0);
    assert_true(row->n == 0 ? BN_cmp(hi, want) == 0 : BN_cmp(hi, want) > 0);
    assert_true(BN_sub(hi, hi, lo));
    assert_true(BN_get_word(hi) <= 2);
    BN_free(n), BN_free(d), BN_free(want), BN_free(lo), BN_free(hi);
}

/* The form in 63 bits at x, in units of 2^-63, against the bounds. */
static void compare(dp_uint x)
{
    BIGNUM *n = of_word((uint64_t)(x >> 64)), *d = of_word(DP_EXPO_ONE);
    BIGNUM *lo = of_word(0), *hi = of_word(0);
    assert_true(BN_lshift(n, n, 64) && BN_add_word(n, (uint64_t)x));
    dp_expo_bounds(lo, hi, n, d, 63);
    const uint64_t got = dp_expo(x);
    assert_true(got <= DP_EXPO_ONE);
    assert_true(got + DP_EXPO_ERROR >= BN_get_word(hi));
    assert_true(got <= BN_get_word(lo) + DP_EXPO_ERROR);
    BN_free(n), BN_free(d), BN_free(lo), BN_free(hi);
}

static void random_points_are_within_the_error(void **state)
{
    (void)state;
    gsl_rng *rng = test_rng_new(1);
    for (int i = 0; i < 20000; i++)
        compare(((dp_uint)gsl_rng_get(rng) << 64 | gsl_rng_get(rng)) >>
                (57 + i % 70));
    gsl_rng_free(rng);
}

/* Where a power of the table comes in, and all of them at once. */
static void corners_are_within_the_error(void **state)
{
    (void)state;
    for (int i = 0; i < 127; i++) {
        compare((dp_uint)1 << i);
        compare(((dp_uint)1 << i) - 1);
        compare(((dp_uint)1 << i) + 1);
    }
    assert_true(dp_expo(0) == DP_EXPO_ONE);
    assert_true(dp_expo((dp_uint)64 << 63) == 0);
    assert_true(dp_expo(~(dp_uint)0) == 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(random_points_are_within_the_error),
        cmocka_unit_test(corners_are_within_the_error),
    };
    return RUN_ROWS(rows, check_bounds) +
           cmocka_run_group_tests(tests, NULL, NULL);
}
