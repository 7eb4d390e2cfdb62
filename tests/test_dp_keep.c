/* The optimal selection rule: reference chances, the two inequalities between
 * the integers drawn from, the draw and its price. */
#include "dp/keep.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "dp/big.h"
#include "dp/expo.h"
#include "tests/lib_rng.h"
#include "tests/lib_vectors.h"
#include "tests/table.h"

static dp_uint room[DP_KEEP_CHANCES_MAX];

static struct dp_keep keep_of(const struct dp_keep_rule *rule)
{
    struct dp_keep k;
    assert_int_equal(dp_keep_init(&k, rule, room, DP_KEEP_CHANCES_MAX), DP_OK);
    return k;
}

/* epsilon,delta,l0,n,keep_probability,n_half,n_certain */
static void vector_row(char *const f[VECTOR_FIELDS])
{
    struct dp_keep_rule rule = { .l0 = (uint32_t)strtoul(f[2], NULL, 10) };
    assert_int_equal(dp_units_down(&rule.eps_nano, strtod(f[0], NULL), DP_NANO),
                     DP_OK);
    assert_int_equal(
        dp_units_down(&rule.delta_atto, strtod(f[1], NULL), DP_ATTO), DP_OK);
    const struct dp_keep k = keep_of(&rule);
    const double want = strtod(f[4], NULL);
    const double got = dp_keep_chance(&k, strtoul(f[3], NULL, 10));
    double law;
    assert_true(fabs(got - want) <= 1e-13 * want);
    assert_int_equal(dp_keep_law(&law, strtod(f[0], NULL), strtod(f[1], NULL),
                                 rule.l0, strtoul(f[3], NULL, 10)),
                     DP_OK);
    assert_true(fabs(law - want) <= 1e-13 * want);
    assert_int_equal(dp_keep_half(&k), strtoul(f[5], NULL, 10));
    assert_int_equal(dp_keep_certain(&k), strtoul(f[6], NULL, 10));
}

static void the_reference_chances(void **state)
{
    (void)state;
    if (!vectors_each("partition_keep.csv", vector_row))
        skip();
}

static const struct row {
    const char *name;
    struct dp_keep_rule rule;
} rows[] = {
    { "eps 1, delta 1e-6", { 1000000000, 1000000000000, 1, 0 } },
    { "eps 1 over 7 groups", { 1000000000, 1000000000000, 7, 0 } },
    { "a delta of one atto over 4,000 groups", { 2000000000000, 1, 4000, 0 } },
    { "eps 50, past which a step jumps to almost 1",
      { 50000000000, 1000000000000, 1, 0 } },
    { "eps 2^30, cut at 64", { UINT64_C(1) << 60, 1000, 1, 0 } },
    { "eps 0.0003", { 300000, 1000000000000, 1, 0 } },
    { "delta just below 1", { 1000000, 999999999999999999, 1, 0 } },
};

static void set_wide(BIGNUM *out, dp_uint v)
{
    BN_zero(out);
    dp_big_append(out, (uint64_t)(v >> 64));
    dp_big_append(out, (uint64_t)v);
}

/* eps' and delta' as they are: exp(-eps') 2^BITS from above, and the integers
 * of delta' = num / den. */
enum { BITS = 400 };
struct exact {
    BIGNUM *decay, *num, *den, *one;
};

static struct exact exact_of(const struct dp_keep_rule *r, BN_CTX *ctx)
{
    struct exact e = { dp_big_new(ctx), dp_big_new(ctx), dp_big_new(ctx),
                       dp_big_new(ctx) };
    BIGNUM *low = dp_big_new(ctx), *n = dp_big_new(ctx), *d = dp_big_new(ctx);
    set_wide(n, r->eps_nano);
    set_wide(d, (dp_uint)1000000000 * r->l0);
    dp_expo_bounds(low, e.decay, n, d, BITS);
    set_wide(e.num, r->delta_atto);
    set_wide(e.den, (dp_uint)1000000000000000000 * r->l0);
    set_wide(e.one, DP_KEEP_ONE);
    return e;
}

/* Is (more - delta' ONE) exp(-eps') <= less, surely? */
static bool allows(const struct exact *e, dp_uint more, dp_uint less,
                   BN_CTX *ctx)
{
    BN_CTX_start(ctx);
    BIGNUM *left = dp_big_new(ctx), *right = dp_big_new(ctx),
           *t = dp_big_new(ctx);
    set_wide(t, more);
    dp_big_must(BN_mul(left, t, e->den, ctx) &&
                BN_mul(t, e->num, e->one, ctx) && BN_sub(left, left, t) &&
                BN_mul(left, left, e->decay, ctx));
    set_wide(t, less);
    dp_big_must(BN_mul(right, t, e->den, ctx) && BN_lshift(right, right, BITS));
    const bool fits = BN_cmp(left, right) <= 0;
    BN_CTX_end(ctx);
    return fits;
}

/*
 * Both inequalities of (eps', delta')-DP between neighbours, in whole numbers
 * with exp(-eps') to 400 bits: rounding one step the wrong way fails here.  And
 * one of the two is tight: the rule is the greatest.
 */
static void check_neighbours(void **state)
{
    const struct row *row = *state;
    const struct dp_keep k = keep_of(&row->rule);
    const long double one = ldexpl(1, 126), l0 = row->rule.l0;
    const long double e =
        fminl((long double)row->rule.eps_nano * 1e-9L / l0, 9999);
    const long double delta = (long double)row->rule.delta_atto * 1e-18L / l0;
    DP_BIG_SCOPE(ctx);
    const struct exact exact = exact_of(&row->rule, ctx);

    assert_true(k.chance[0] == 0 && k.chance[k.n_chances - 1] == DP_KEEP_ONE);
    for (size_t n = 0; n + 1 < k.n_chances; n++) {
        const dp_uint p = k.chance[n], p1 = k.chance[n + 1];
        assert_true(p1 > p);
        assert_true(allows(&exact, p1, p, ctx));
        assert_true(allows(&exact, DP_KEEP_ONE - p, DP_KEEP_ONE - p1, ctx));

        const long double y = (long double)(DP_KEEP_ONE - p) / one;
        const long double rise = expl(e) * (long double)p / one + delta,
                          fall = y > delta ? expl(-e) * (y - delta) : 0;
        assert_true(e > 64 || (long double)p1 / one >= rise * (1 - 1e-9L) ||
                    (long double)(DP_KEEP_ONE - p1) / one <=
                        fall * (1 + 1e-9L) + 1e-18L * y);
    }
}

/* 10^5 draws within 6 standard errors: a false alarm in 10^8. */
static void the_draw_keeps_as_often_as_it_says(void **state)
{
    (void)state;
    enum { N = 100000 };
    const struct dp_keep_rule rule = { 1000000000, UINT64_C(20000000000000000),
                                       2, 5 };
    const struct dp_keep k = keep_of(&rule);
    gsl_rng *rng = test_rng_new(61);
    for (int people = 3; people < 20; people += 2) {
        double kept = 0;
        for (int i = 0; i < N; i++)
            kept += dp_keep_draw(&k, (struct dp_exact){ people }, rng);
        const double p = dp_keep_chance(&k, (uint64_t)people);
        assert_true(fabs(kept / N - p) <= 6 * sqrt(p * (1 - p) / N));
    }
    gsl_rng_free(rng);
}

/* The closed form against the table, at every number of people. */
static void the_closed_form_agrees_with_the_recursion(void **state)
{
    (void)state;
    static const struct dp_keep_rule rules[] = {
        { 1000000000, 1000000000000, 1, 0 },
        { 1000000000, 1000000000000, 3, 0 },
        { 3000000, 1000000, 1, 0 },
        { 60000000000, 1000000, 1, 0 },
        { 700000000, 400000000000000000, 1, 0 },
        { 100000000, 999999000000000000, 1, 0 },
    };
    double law;
    for (size_t r = 0; r < sizeof rules / sizeof *rules; r++) {
        const struct dp_keep k = keep_of(&rules[r]);
        for (size_t n = 0; n < k.n_chances + 2; n++) {
            const double want = dp_keep_chance(&k, n);
            assert_int_equal(dp_keep_law(&law, (double)rules[r].eps_nano * 1e-9,
                                         (double)rules[r].delta_atto * 1e-18,
                                         rules[r].l0, n),
                             DP_OK);
            assert_true(fabs(law - want) <= 1e-12 * want);
        }
    }
    assert_int_equal(dp_keep_law(&law, 1e300, 1e-300, 1, 2), DP_OK);
    assert_true(law == 1);
    assert_int_equal(dp_keep_law(&law, 1e-6, 1e-300, 1, 1), DP_OK);
    assert_true(law == 1e-300);
    assert_int_equal(dp_keep_law(&law, 1, 1e-6, 1, UINT64_MAX), DP_OK);
    assert_true(law == 1);
    assert_int_equal(dp_keep_law(&law, 0, 1e-6, 1, 1), DP_EDOM);
    assert_int_equal(dp_keep_law(&law, HUGE_VAL, 1e-6, 1, 1), DP_EDOM);
    assert_int_equal(dp_keep_law(&law, 1, 1, 1, 1), DP_EDOM);
    assert_int_equal(dp_keep_law(&law, 1, 1e-6, 0, 1), DP_EDOM);
}

static void a_minimum_audience_shifts_the_rule(void **state)
{
    (void)state;
    struct dp_keep_rule rule = { 1000000000, 1000000000000, 1, 0 };
    const struct dp_keep plain = keep_of(&rule);
    const double two = dp_keep_chance(&plain, 2);
    const uint64_t half = dp_keep_half(&plain), all = dp_keep_certain(&plain);
    rule.least = 10;
    const struct dp_keep k = keep_of(&rule);
    assert_true(dp_keep_chance(&k, 9) == 0);
    assert_true(dp_keep_chance(&k, 10) == 1e-6);
    assert_true(dp_keep_chance(&k, 11) == two);
    assert_int_equal(dp_keep_half(&k), half + 9);
    assert_int_equal(dp_keep_certain(&k), all + 9);
}

static void counts_at_the_ends_of_the_type(void **state)
{
    (void)state;
    const struct dp_keep_rule rule = { 1000000000, 1000000000000, 1, 3 };
    const struct dp_keep k = keep_of(&rule);
    gsl_rng *rng = test_rng_new(62);
    assert_false(dp_keep_draw(&k, (struct dp_exact){ DP_INT_MIN }, rng));
    assert_false(dp_keep_draw(&k, (struct dp_exact){ -1 }, rng));
    assert_false(dp_keep_draw(&k, (struct dp_exact){ 0 }, rng));
    assert_true(dp_keep_draw(&k, (struct dp_exact){ DP_INT_MAX }, rng));
    gsl_rng_free(rng);
}

static const struct price_row {
    const char *name;
    struct dp_keep_rule rule;
    enum dp_notion notion;
    enum dp_status want;
    uint64_t rho_pico;
} price_rows[] = {
    { "one group costs eps^2 / 2",
      { 1000000000, 7, 1, 0 },
      DP_ZCDP,
      DP_OK,
      500000000000 },
    { "four groups at eps / 4 cost a quarter",
      { 1000000000, 7, 4, 0 },
      DP_ZCDP,
      DP_OK,
      125000000000 },
    { "four groups under GDP, by 40 digits",
      { 1000000000, 7, 4, 0 },
      DP_GDP,
      DP_OK,
      195912334192 },
    { "a price no limit covers under GDP",
      { DP_PRICE_MAX, 7, 1, 0 },
      DP_GDP,
      DP_OK,
      UINT64_MAX },
    { "a price is rounded up", { 1, 7, 3, 0 }, DP_ZCDP, DP_OK, 1 },
    { "a price no limit covers",
      { DP_PRICE_MAX, 7, 1, 0 },
      DP_ZCDP,
      DP_OK,
      UINT64_MAX },
    { "pure has no delta to pay",
      { 1000000000, 7, 1, 0 },
      DP_PURE,
      DP_EDOM,
      0 },
    { "eps 0 is refused", { 0, 7, 1, 0 }, DP_ZCDP, DP_EDOM, 0 },
    { "delta 0 is refused", { 1, 0, 1, 0 }, DP_ZCDP, DP_EDOM, 0 },
    { "delta 1 is refused",
      { 1, 1000000000000000000, 1, 0 },
      DP_ZCDP,
      DP_EDOM,
      0 },
    { "no groups is refused", { 1, 7, 0, 0 }, DP_ZCDP, DP_EDOM, 0 },
};

static void check_price(void **state)
{
    const struct price_row *row = *state;
    struct dp_price p = { 0 };
    size_t n = 77;
    assert_int_equal(dp_keep_price(&p, &row->rule, row->notion), row->want);
    assert_true(p.rho_pico == row->rho_pico && p.eps_nano == 0);
    assert_true(p.delta_atto ==
                (row->want == DP_OK ? row->rule.delta_atto : 0));
    if (row->want == DP_EDOM && row->notion == DP_ZCDP) {
        assert_int_equal(dp_keep_length(&n, &row->rule), DP_EDOM);
        assert_int_equal(n, 77);
    }
}

static void too_many_chances_or_too_little_room(void **state)
{
    (void)state;
    const struct dp_keep_rule long_one = { 1000, 1, 1, 0 };
    const struct dp_keep_rule rule = { 1000000000, 1000000000000, 1, 0 };
    size_t n;
    struct dp_keep k = { .n_chances = 77 };
    assert_int_equal(dp_keep_length(&n, &long_one), DP_ERANGE);
    assert_int_equal(dp_keep_length(&n, &rule), DP_OK);
    assert_int_equal(dp_keep_init(&k, &rule, room, n - 1), DP_ERANGE);
    assert_int_equal(k.n_chances, 77);
    assert_int_equal(dp_keep_init(&k, &rule, room, n), DP_OK);
    assert_int_equal(k.n_chances, n);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_reference_chances),
        cmocka_unit_test(the_draw_keeps_as_often_as_it_says),
        cmocka_unit_test(the_closed_form_agrees_with_the_recursion),
        cmocka_unit_test(a_minimum_audience_shifts_the_rule),
        cmocka_unit_test(counts_at_the_ends_of_the_type),
        cmocka_unit_test(too_many_chances_or_too_little_room),
    };
    return RUN_ROWS(rows, check_neighbours) +
           RUN_ROWS(price_rows, check_price) +
           cmocka_run_group_tests(tests, NULL, NULL);
}
