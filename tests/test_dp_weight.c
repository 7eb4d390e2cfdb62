/* The exact coin: its bounds, its odds, and the paths that chance never takes.
 */
#include "dp/weight.h"

#include <math.h>
#include <stdlib.h>

#include "dp/expo.h"
#include "dp/rng.h"
#include "tests/lib_rng.h"
#include "tests/table.h"

static const struct row {
    const char *name;
    struct dp_mechanism m;
} rows[] = {
    { "Laplace 1/3", { DP_DLAPLACE, 1, 3 } },
    { "Laplace 1000", { DP_DLAPLACE, 1000, 1 } },
    { "Laplace 2^40", { DP_DLAPLACE, UINT64_C(1) << 40, 1 } },
    { "Gaussian 2^-20", { DP_DGAUSS, 1, 1 << 20 } },
    { "Gaussian 5/3", { DP_DGAUSS, 5, 3 } },
    { "Gaussian 51.3", { DP_DGAUSS, 513, 10 } },
    { "Gaussian 2^40, 2^20 denominators",
      { DP_DGAUSS, UINT64_C(1) << 60, 1 << 20 } },
    { "rounded Gaussian 2^-20", { DP_RGAUSS, 1, 1 << 20 } },
    { "rounded Gaussian 1/2", { DP_RGAUSS, 1, 2 } },
    { "rounded Gaussian 7", { DP_RGAUSS, 7, 1 } },
    { "rounded Gaussian 2^40, 2^20 denominators",
      { DP_RGAUSS, UINT64_C(1) << 60, 1 << 20 } },
};

static long double scale_of(const struct dp_mechanism *m)
{
    return (long double)m->num / (long double)m->den;
}

static void check_bounds(void **state)
{
    const struct row *row = *state;
    const long double scale = scale_of(&row->m);
    for (double at = 0; at < 80; at += 0.173) {
        const uint64_t distance = (uint64_t)((long double)at * scale);
        const long double z = (long double)distance / scale;
        const long double f = expl(row->m.law == DP_DLAPLACE ? -z : -z * z / 2);
        const struct dp_weight w = dp_weight_at(&row->m, distance);
        assert_true(w.lo <= w.hi && w.hi - w.lo < 256 && w.hi <= DP_EXPO_ONE);
        assert_true((long double)w.lo <= f * 0x1p63L * (1 + 1e-17L) + 1);
        assert_true((long double)w.hi >= f * 0x1p63L * (1 - 1e-17L) - 1);
    }
}

/*
 * With the same words the quick coin and the slow one fall the same way, in
 * strips of every height, whatever side of 0, and at every level of a tail.
 */
static void check_quick_against_slow(void **state)
{
    const struct row *row = *state;
    gsl_rng *rng = test_rng_new(2);
    int heads = 0;
    for (int i = 0; i < 1500; i++) {
        const double at =
            i % 8 < 5 ? 3 * gsl_rng_uniform(rng) : 12 * gsl_rng_uniform(rng);
        int64_t x = (int64_t)((long double)at * scale_of(&row->m));
        if (i % 2)
            x = -x;
        const uint32_t unit = 1 + (uint32_t)(gsl_rng_get(rng) >> 39);
        const struct dp_weight w =
            dp_weight_at(&row->m, dp_weight_distance(&row->m, x));
        /* Some of the strip lies above the law, so both sides come up. */
        const bool tail = i % 8 >= 5;
        const unsigned level = tail ? (unsigned)i % 4 : 0;
        const uint32_t height =
            (uint32_t)(((dp_uint)unit * w.hi << level) * 5 / 4 / DP_EXPO_ONE) +
            1;
        const struct dp_strip strip = {
            .unit = unit,
            .sure = tail ? 0 : height - height / 3 - 1,
            .spread = tail ? height : height / 3 + 1,
            .level = level,
        };
        const uint64_t word[] = { gsl_rng_get(rng), gsl_rng_get(rng) };
        gsl_rng *script = test_rng_scripted(word, 2);
        const bool quick = dp_weight_accepts(&row->m, script, x, &strip);
        const struct dp_point point = { word[0],
                                        row->m.law == DP_RGAUSS ? word[1] : 0 };
        assert_true(dp_weight_refine(&row->m, script, x, &strip, point) ==
                    quick);
        gsl_rng_free(script);
        heads += quick;
    }
    /* A rounded Gaussian much narrower than a step is next to never below. */
    if (row->m.law != DP_RGAUSS || row->m.num > 1)
        assert_in_range(heads, 100, 1400);
    gsl_rng_free(rng);
}

/*
 * The odds of the coin over a whole cell, within 6 standard errors: a false
 * alarm in 10^8.  For the rounded Gaussian the cell's mean weight is
 * sigma sqrt(2 pi) times its probability.
 */
static void check_odds(void **state)
{
    enum { N = 20000 };
    const struct row *row = *state;
    const long double scale = scale_of(&row->m);
    const struct dp_strip strip = { .unit = 1, .spread = 1 };
    gsl_rng *rng = test_rng_new(3);
    for (int i = -2; i <= 3; i++) {
        const int64_t x = (int64_t)(0.6L * i * scale);
        const long double z = fabsl((long double)x) / scale;
        double p = (double)expl(row->m.law == DP_DLAPLACE ? -z : -z * z / 2);
        if (row->m.law == DP_RGAUSS) {
            const double s = (double)scale, to_erf = sqrt(0.5) / s,
                         y = (double)x;
            p = s > 1e6 ? p /* the difference would cancel */
                        : s * sqrt(M_PI / 2) *
                              (erf((y + 1) * to_erf) - erf(y * to_erf));
        }
        double heads = 0;
        for (int k = 0; k < N; k++)
            heads += dp_weight_accepts(&row->m, rng, x, &strip);
        assert_true(fabs(heads / N - p) <= 6 * sqrt(p * (1 - p) / N) + 1e-9);
    }
    gsl_rng_free(rng);
}

/*
 * Forced: the height drawn agrees with the law's own binary expansion for
 * `words` words of 64 bits and then is all zeros (below) or all ones (above).
 * The coin has to ask for each of these words, and for one more, to tell.
 */
static const struct forced_row {
    const char *name;
    struct dp_mechanism m;
    int64_t x;
    struct dp_strip strip;
    int words;
    bool below;
} forced_rows[] = {
    { "undecided after 64 bits, then below",
      { DP_DGAUSS, 513, 10 },
      40,
      { 1000, 0, 1000, 0 },
      1,
      true },
    { "undecided after 64 bits, then above",
      { DP_DGAUSS, 513, 10 },
      40,
      { 1000, 0, 1000, 0 },
      1,
      false },
    { "undecided after 320 bits, then below",
      { DP_DGAUSS, 513, 10 },
      -40,
      { 1000, 0, 1000, 0 },
      5,
      true },
    { "undecided after 320 bits, then above",
      { DP_DGAUSS, 513, 10 },
      -40,
      { 1000, 0, 1000, 0 },
      5,
      false },
    { "undecided after 1280 bits, Laplace of scale 1/3",
      { DP_DLAPLACE, 1, 3 },
      2,
      { 1 << 25, 83000, 180, 0 },
      20,
      true },
    { "undecided after 192 bits, a thin strip",
      { DP_DLAPLACE, 1000, 1 },
      40,
      { 1000000, 960780, 20, 0 },
      3,
      false },
    { "undecided after 192 bits, three steps down the tail",
      { DP_DLAPLACE, 1000, 1 },
      8192,
      { 1000000, 0, 2500, 3 },
      3,
      true },
    { "undecided after 192 bits, at the widest scale",
      { DP_DGAUSS, UINT64_C(1) << 60, 1 << 20 },
      INT64_C(1) << 40,
      { 900000, 540000, 10000, 0 },
      3,
      false },
    { "undecided after 128 bits, at a level past the quick coin",
      { DP_DLAPLACE, 1000, 1 },
      40000,
      { 1000000, 0, 1000, 40 },
      2,
      true },
};

/* words[0..n) = the first 64 n bits of (unit f(x) - sure) 2^level / spread. */
static void expand(uint64_t *words, int n, const struct forced_row *row)
{
    enum { MORE = 128 }; /* bits computed beyond those wanted */
    const int bits = 64 * n + MORE;
    BN_CTX *ctx = BN_CTX_new();
    BIGNUM *e = BN_new(), *d = BN_new(), *lo = BN_new(), *hi = BN_new();
    assert_true(BN_set_word(e, (uint64_t)llabs(row->x)) &&
                BN_mul_word(e, row->m.den) && BN_set_word(d, row->m.num));
    if (row->m.law == DP_DGAUSS)
        assert_true(BN_sqr(e, e, ctx) && BN_sqr(d, d, ctx) && BN_lshift1(d, d));
    dp_expo_bounds(lo, hi, e, d, bits);
    assert_true(BN_mul_word(lo, row->strip.unit));
    assert_true(BN_set_word(e, row->strip.sure) && BN_lshift(e, e, bits) &&
                BN_sub(lo, lo, e));
    assert_true(BN_lshift(lo, lo, (int)row->strip.level));
    assert_true(BN_div_word(lo, row->strip.spread) != (BN_ULONG)-1);
    assert_true(!BN_is_negative(lo) && BN_num_bits(lo) <= bits);
    assert_true(BN_rshift(lo, lo, MORE));
    for (int i = n - 1; i >= 0; i--) {
        BIGNUM *low = BN_dup(lo);
        if (BN_num_bits(low) > 64)
            assert_true(BN_mask_bits(low, 64));
        words[i] = BN_get_word(low);
        BN_free(low);
        assert_true(BN_rshift(lo, lo, 64));
    }
    BN_free(e), BN_free(d), BN_free(lo), BN_free(hi), BN_CTX_free(ctx);
}

static void check_forced(void **state)
{
    const struct forced_row *row = *state;
    uint64_t word[32];
    expand(word, row->words, row);
    word[row->words] = row->below ? 0 : UINT64_MAX;
    const size_t n = (size_t)row->words + 1;
    gsl_rng *rng = test_rng_scripted(word, n);
    assert_true(dp_weight_accepts(&row->m, rng, row->x, &row->strip) ==
                row->below);
    assert_int_equal(test_rng_drawn(rng), n);
    gsl_rng_free(rng);

    /* With the last word that agreed changed, nothing is left to ask. */
    const bool was_high = word[row->words - 1] >> 63;
    word[row->words - 1] ^= UINT64_C(1) << 63;
    rng = test_rng_scripted(word, n);
    assert_true(dp_weight_accepts(&row->m, rng, row->x, &row->strip) ==
                was_high);
    assert_int_equal(test_rng_drawn(rng), n - 1);
    gsl_rng_free(rng);
}

/* Both the height and the place in the cell are drawn on until they decide:
 * the density at the middle of cell 3 or -4, approached from either side. */
static void a_place_is_drawn_on_with_the_height(void **state)
{
    (void)state;
    const struct forced_row at_7_halves = { "", { DP_DGAUSS, 14, 1 },
                                            7,  { 1, 0, 1, 0 },
                                            3,  true };
    const struct dp_mechanism m = { DP_RGAUSS, 7, 1 };
    uint64_t height[3];
    expand(height, 3, &at_7_halves);
    for (int sign = -1; sign <= 1; sign += 2)
        for (int near = 0; near <= 1; near++) {
            /* Half of the cell lies nearer to 0: there it is denser. */
            const uint64_t middle =
                near ? (UINT64_C(1) << 63) - 1 : UINT64_C(1) << 63;
            const uint64_t then = near ? 0 : UINT64_MAX;
            const uint64_t word[] = { height[0], middle,
                                      height[1], near ? UINT64_MAX : 0,
                                      height[2], then };
            gsl_rng *rng = test_rng_scripted(word, 6);
            assert_true(dp_weight_accepts(&m, rng, sign > 0 ? 3 : -4,
                                          &at_7_halves.strip) == (near == 1));
            assert_int_equal(test_rng_drawn(rng), 6);
            gsl_rng_free(rng);
        }
}

/*
 * Where the density is steep the place decides: at one sigma, of 2^-10, it
 * falls by some 620 units of 2^-64 while the place runs through its first 64
 * bits.  A height 300 units below the near end is below the law there and above
 * it at the far end, and only the next word of the place tells which it is.
 */
static void a_place_can_decide_alone(void **state)
{
    (void)state;
    const struct forced_row near = { "", { DP_DGAUSS, 1, 1 },
                                     1,  { 1, 0, 1, 0 },
                                     1,  true };
    const struct dp_mechanism m = { DP_RGAUSS, 1, 1 << 10 };
    uint64_t height;
    expand(&height, 1, &near);
    for (int end = 0; end <= 1; end++) {
        const uint64_t word[] = { height - 300, UINT64_C(1) << 54, 0,
                                  end == 0 ? 0 : UINT64_MAX };
        for (int64_t x = -1; x <= 0; x++) {
            gsl_rng *rng = test_rng_scripted(word, 4);
            assert_true(dp_weight_accepts(&m, rng, x, &near.strip) ==
                        (end == 0));
            assert_int_equal(test_rng_drawn(rng), 4);
            gsl_rng_free(rng);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_place_is_drawn_on_with_the_height),
        cmocka_unit_test(a_place_can_decide_alone),
    };
    return RUN_ROWS(rows, check_bounds) +
           RUN_ROWS(rows, check_quick_against_slow) +
           RUN_ROWS(rows, check_odds) + RUN_ROWS(forced_rows, check_forced) +
           cmocka_run_group_tests(tests, NULL, NULL);
}
