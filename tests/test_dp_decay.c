/* Bounds on exp(-x) in integers, and the coins behind them. */
#include "dp/decay.h"

#include <math.h>
#include <stdlib.h>

#include "tests/lib_rng.h"
#include "tests/table.h"

#define U(x) UINT64_C(x)

/* exp(-x) = mantissa 2^-(63 + halvings), rounded down at 120 digits. */
static const struct row {
    const char *name;
    uint64_t num, den, den_times, d, d_times;
    unsigned halvings;
    uint64_t mantissa;
} rows[] = {
    { "x = 0", 1, 1, 1, 0, 1, 0, U(9223372036854775808) },
    { "x = 1", 1, 1, 1, 1, 1, 1, U(6786177901268885274) },
    { "x = 1/3", 1, 3, 1, 1, 1, 0, U(6608834853477192516) },
    { "x = ln 2 less 10^-12", U(693147180559), U(1000000000000), 1, 1, 1, 0,
      U(4611686018431747374) },
    { "x = ln 2 and 10^-12 more", U(693147180560), U(1000000000000), 1, 1, 1, 1,
      U(9223372036854271376) },
    { "a nano-epsilon over a sensitivity of 2^56", 1, 2000000000,
      U(72057594037927936), U(12345678901234567890), 1, 0,
      U(9223371246731359972) },
    { "x just near", 1023999, 1000, 1, 1, 1, 1477, U(7397383735373209845) },
    { "x just near, in small steps", 1, U(3000000000), 1, U(3071000000000), 1,
      1476, U(5156780966891247379) },
    { "epsilon 0.1, sensitivity 3", 100000000, U(6000000000), 1, 777, 1, 18,
      U(5745344941085910872) },
    { "x = 44 in tiny steps", 11, U(10000000000000000), 1, U(40000000000000000),
      1, 63, U(6619455240844586927) },
    { "x = 500 in one step", U(500000000000), 1000000000, 1, 1, 1, 721,
      U(7248959092453946383) },
    { "x = 1000 in two", U(500000000000), 1000000000, 1, 2, 1, 1442,
      U(5697201382975950908) },
    { "scores and sensitivity past 64 bits, 1", U(281848216646),
      U(989824054622273689), U(54954937911), 1, U(8309876041668824027), 62,
      U(8497165312770380615) },
    { "scores and sensitivity past 64 bits, 2", U(274634625909),
      U(636243482920563285), U(16754240059), 1, U(3427154468784992512), 127,
      U(7067175013754971720) },
    { "scores and sensitivity past 64 bits, 3", U(598635796943),
      U(591580382580974425), U(20320279328), 1, U(9153819469248044065), 657,
      U(5869839348705549161) },
    { "scores and sensitivity past 64 bits, 4", U(428490528070),
      U(659392399504692055), U(43545674474), 22, U(1169291687124175224), 553,
      U(5207380778791307838) },
    { "scores and sensitivity past 64 bits, 5", U(961953863866),
      U(817947517631869874), U(20502428843), 1, U(4045844750099539805), 334,
      U(5236098286934811908) },
    { "scores and sensitivity past 64 bits, 6", U(218877881331),
      U(785910459779542571), U(20146153751), 1, U(4979760490998067594), 99,
      U(7408565440730890136) },
    { "scores and sensitivity past 64 bits, 7", U(288388593765),
      U(959062924711493376), U(61423869619), 14, U(7405761280114561942), 732,
      U(7695343605262482978) },
    { "scores and sensitivity past 64 bits, 8", U(372406633388),
      U(933817914403248358), U(61655764587), 1, U(2857153821662499135), 26,
      U(5829940452585177884) },
};

static void check_bounds(void **state)
{
    const struct row *row = *state;
    const struct dp_decay decay =
        dp_decay_of(row->num, (dp_uint)row->den * row->den_times);
    const dp_uint d = (dp_uint)row->d * row->d_times;
    const struct dp_decay_bounds e = dp_decay_bounds(&decay, d);
    assert_int_equal(dp_decay_halvings(&decay, d), e.halvings);
    assert_true(e.halvings == row->halvings || e.halvings + 1 == row->halvings);
    const unsigned shift = row->halvings - e.halvings;
    assert_true(e.lo <= row->mantissa >> shift);
    assert_true(e.hi > row->mantissa >> shift || e.hi == U(1) << 63);
    assert_true(e.hi - e.lo <= 32);
    assert_true(e.lo > U(1) << 61 && e.hi <= U(1) << 63);
}

/* Against expl(), which is right to an ulp or two of its own, where its
 * argument is exact. */
static void bounds_enclose(void **state)
{
    (void)state;
    const struct dp_decay decay = dp_decay_of(1, 1 << 20);
    for (uint64_t d = 0; d < U(40) << 20; d += 997) {
        const struct dp_decay_bounds e = dp_decay_bounds(&decay, d);
        const long double want =
            ldexpl(expl(-ldexpl((long double)d, -20)), 63 + (int)e.halvings);
        assert_true((long double)e.lo <= want + 2);
        assert_true((long double)e.hi >= want - 2);
        assert_true(e.hi - e.lo <= 32 && e.lo > U(1) << 61);
    }
}

static void far_is_bounded_by_zero_and_the_near(void **state)
{
    (void)state;
    const struct dp_decay decay = dp_decay_of(3, 7);
    const dp_uint d[] = { decay.far, decay.far + 1, U(1) << 63, (dp_uint)-1 };
    assert_true(decay.far * 3 >= 7 * 1024 && (decay.far - 1) * 3 < 7 * 1024);
    for (size_t i = 0; i < sizeof d / sizeof *d; i++) {
        const struct dp_decay_bounds e = dp_decay_bounds(&decay, d[i]);
        assert_true(e.lo == 0 && e.hi > 0 && e.halvings >= 1476);
    }
}

static const struct coin_row {
    const char *name;
    uint64_t num, den;
    struct dp_decay_odds odds;
} coin_rows[] = {
    { "exp(-1)", 1, 1, { 1, 1, 0, 1 } },
    { "exp(-1/3)", 1, 3, { 1, 1, 0, 1 } },
    { "exp(-7/2)", 7, 2, { 1, 1, 0, 1 } },
    { "exp(-20)", 1, 5, { 100, 1, 0, 1 } },
    { "exp(0)", 1, 5, { 0, 1, 0, 1 } },
    { "5/7 exp(0)", 1, 5, { 0, 5, 0, 7 } },
    { "2^32 times exp(-24)", 3, 1, { 8, U(1) << 31, 1, 1 } },
    { "2^95 / 2^96 times exp(-1/2)", 1, 2, { 1, 1, 95, (dp_uint)1 << 96 } },
    { "2^70 times exp(-49)", 7, 1, { 7, U(1) << 63, 7, 1 } },
    { "far: never in a lifetime", 1, 1, { (dp_uint)-1, 1, 0, 1 } },
};

/* Six standard errors each way: about 10^-8 a row over seeds. */
static void check_coin(void **state)
{
    enum { FAST = 200000, EXACT = 4000 };
    const struct coin_row *row = *state;
    const struct dp_decay decay = dp_decay_of(row->num, row->den);
    const long double x = (long double)row->odds.d * row->num / row->den;
    const double p =
        (double)(ldexpl((long double)row->odds.times, (int)row->odds.shift) *
                 expl(-x) / (long double)row->odds.of);
    gsl_rng *rng = test_rng_new(51);
    const bool is_plain =
        row->odds.times == 1 && row->odds.shift == 0 && row->odds.of == 1;
    double fast = 0, plain = 0, exact = 0;
    for (int i = 0; i < FAST; i++) {
        fast += dp_decay_coin(rng, &decay, &row->odds);
        plain += is_plain && dp_decay_plain_coin(rng, &decay, row->odds.d);
    }
    for (int i = 0; i < EXACT; i++)
        exact += dp_decay_coin_exact(rng, &decay, &row->odds, NULL);
    gsl_rng_free(rng);
    assert_true(fabs(fast / FAST - p) <= 6 * sqrt(p * (1 - p) / FAST));
    assert_true(!is_plain ||
                fabs(plain / FAST - p) <= 6 * sqrt(p * (1 - p) / FAST));
    assert_true(fabs(exact / EXACT - p) <= 6 * sqrt(p * (1 - p) / EXACT));
}

/*
 * exp(-1) in binary, by words (mpmath, 200 bits): a uniform number that agrees
 * with it to 128 bits is decided by the third word, and by the right side.
 */
static const struct tight_row {
    const char *name;
    uint64_t word[3];
    size_t drawn;
    bool heads;
} tight_rows[] = {
    { "far below, by the bounds alone", { U(1) << 62 }, 1, true },
    { "far above, by the bounds alone", { U(3) << 61 }, 1, false },
    { "a word below", { U(0x5e2d58d8b3bcdf19) }, 1, true },
    { "a word above", { U(0x5e2d58d8b3bcdf1b) }, 1, false },
    { "below in the second word",
      { U(0x5e2d58d8b3bcdf1a), U(0xbadec7829054f90c) },
      2,
      true },
    { "above in the second word",
      { U(0x5e2d58d8b3bcdf1a), U(0xbadec7829054f90e) },
      2,
      false },
    { "below in the third word",
      { U(0x5e2d58d8b3bcdf1a), U(0xbadec7829054f90d), U(0xda9805aab56c7732) },
      3,
      true },
    { "above in the third word",
      { U(0x5e2d58d8b3bcdf1a), U(0xbadec7829054f90d), U(0xda9805aab56c7734) },
      3,
      false },
};

static void check_tight(void **state)
{
    const struct tight_row *row = *state;
    gsl_rng *rng = test_rng_scripted(row->word, 3);
    const struct dp_decay decay = dp_decay_of(1, 1);
    const struct dp_decay_odds odds = { 1, 1, 0, 1 };
    assert_int_equal(dp_decay_coin(rng, &decay, &odds), row->heads);
    assert_int_equal(test_rng_drawn(rng), row->drawn);
    gsl_rng_free(rng);

    rng = test_rng_scripted(row->word, 3);
    assert_int_equal(dp_decay_plain_coin(rng, &decay, 1), row->heads);
    assert_int_equal(test_rng_drawn(rng), row->drawn);
    gsl_rng_free(rng);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bounds_enclose),
        cmocka_unit_test(far_is_bounded_by_zero_and_the_near),
    };
    return RUN_ROWS(rows, check_bounds) + RUN_ROWS(coin_rows, check_coin) +
           RUN_ROWS(tight_rows, check_tight) +
           cmocka_run_group_tests(tests, NULL, NULL);
}
