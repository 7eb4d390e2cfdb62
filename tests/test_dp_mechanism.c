/* Prices, refusals and saturation; the laws are in test_dp_law.c. */
#include "dp/mechanism.h"

#include <math.h>

#include "dp/notion.h"
#include "tests/lib_rng.h"
#include "tests/table.h"

static const struct price_row {
    const char *name;
    struct dp_mechanism m;
    uint64_t sensitivity;
    enum dp_notion notion;
    enum dp_status want;
    uint64_t units;
} price_rows[] = {
    { "a count under sigma 5",
      { DP_DGAUSS, 5, 1 },
      1,
      DP_ZCDP,
      DP_OK,
      20000000000 },
    { "sigma 10/3: 0.045",
      { DP_DGAUSS, 10, 3 },
      1,
      DP_ZCDP,
      DP_OK,
      45000000000 },
    { "a price is rounded up",
      { DP_DGAUSS, 3, 1 },
      1,
      DP_ZCDP,
      DP_OK,
      55555555556 },
    { "Laplace under zCDP: (1/2)^2 / 2",
      { DP_DLAPLACE, 2, 1 },
      1,
      DP_ZCDP,
      DP_OK,
      125000000000 },
    { "Laplace under pure: 7/3 up",
      { DP_DLAPLACE, 3, 1 },
      7,
      DP_PURE,
      DP_OK,
      2333333334 },
    { "no sensitivity, no price", { DP_DGAUSS, 5, 1 }, 0, DP_ZCDP, DP_OK, 0 },
    { "the least price is one unit",
      { DP_DGAUSS, UINT64_C(1) << 40, 1 },
      1,
      DP_ZCDP,
      DP_OK,
      1 },
    { "sensitivity 2^63 over 2^40",
      { DP_DGAUSS, UINT64_C(1) << 40, 1 },
      UINT64_C(1) << 63,
      DP_ZCDP,
      DP_OK,
      UINT64_MAX },
    { "a price no limit covers saturates",
      { DP_DGAUSS, 1, 1 << 20 },
      UINT64_MAX,
      DP_ZCDP,
      DP_OK,
      UINT64_MAX },
    { "2^53 + 1 is not rounded to a double",
      { DP_DLAPLACE, UINT64_C(1) << 40, 1 },
      (UINT64_C(1) << 53) + 1,
      DP_PURE,
      DP_OK,
      8192000000001 },
    { "a Gaussian has no pure price",
      { DP_DGAUSS, 5, 1 },
      1,
      DP_PURE,
      DP_EDOM,
      0 },
    { "a rounded Gaussian costs the same rho",
      { DP_RGAUSS, 5, 1 },
      1,
      DP_ZCDP,
      DP_OK,
      20000000000 },
    { "and that is half its mu squared",
      { DP_RGAUSS, 10, 3 },
      1,
      DP_GDP,
      DP_OK,
      45000000000 },
    { "a discrete Gaussian has no mu",
      { DP_DGAUSS, 5, 1 },
      1,
      DP_GDP,
      DP_EDOM,
      0 },
    { "a rounded Gaussian has no pure price either",
      { DP_RGAUSS, 5, 1 },
      1,
      DP_PURE,
      DP_EDOM,
      0 },
    { "Laplace under GDP at epsilon 1: 0.758955595370979 up",
      { DP_DLAPLACE, 3, 1 },
      3,
      DP_GDP,
      DP_OK,
      758955595372 },
    { "Laplace under GDP at epsilon 5",
      { DP_DLAPLACE, 1, 5 },
      1,
      DP_GDP,
      DP_OK,
      12234813822062 },
    { "no sensitivity, no price under GDP",
      { DP_DLAPLACE, 5, 1 },
      0,
      DP_GDP,
      DP_OK,
      0 },
    { "scale 0 is refused", { DP_DGAUSS, 0, 1 }, 1, DP_ZCDP, DP_EDOM, 0 },
    { "denominator 0 is refused",
      { DP_DLAPLACE, 1, 0 },
      1,
      DP_PURE,
      DP_EDOM,
      0 },
    { "a denominator beyond 2^20 is refused",
      { DP_DGAUSS, 1, (1 << 20) + 1 },
      1,
      DP_ZCDP,
      DP_EDOM,
      0 },
    { "a scale beyond 2^40 is refused",
      { DP_DGAUSS, (UINT64_C(1) << 40) + 1, 1 },
      1,
      DP_ZCDP,
      DP_EDOM,
      0 },
    { "an unknown law is refused",
      { (enum dp_law)7, 5, 1 },
      1,
      DP_ZCDP,
      DP_EDOM,
      0 },
};

static void check_price(void **state)
{
    const struct price_row *row = *state;
    struct dp_price p = { 0 };
    assert_int_equal(
        dp_mechanism_price(&p, &row->m, row->sensitivity, row->notion),
        row->want);
    assert_true(p.rho_pico == (row->notion != DP_PURE ? row->units : 0));
    assert_true(p.eps_nano == (row->notion == DP_PURE ? row->units : 0));
    assert_true(p.delta_atto == 0);
}

/*
 * Over a thousand pairs: the mechanism found costs at most the limit, and the
 * next finer scale costs more; prices rise with sensitivity.
 */
static void of_price_is_tight(void **state)
{
    (void)state;
    gsl_rng *rng = test_rng_new(3);
    for (int i = 0; i < 1000; i++) {
        static const struct {
            enum dp_notion notion;
            enum dp_law law;
        } pairs[] = { { DP_PURE, DP_DLAPLACE }, { DP_ZCDP, DP_DLAPLACE },
                      { DP_ZCDP, DP_DGAUSS },   { DP_ZCDP, DP_RGAUSS },
                      { DP_GDP, DP_RGAUSS },    { DP_GDP, DP_DLAPLACE } };
        const enum dp_notion notion = pairs[i % 6].notion;
        const enum dp_law law = pairs[i % 6].law;
        const uint64_t s = 1 + (gsl_rng_get(rng) >> (34 + i % 30));
        const uint64_t units = 1 + (gsl_rng_get(rng) >> (10 + i % 40));
        const struct dp_price limit = { units, units, 0 };
        struct dp_mechanism m;
        struct dp_price p, q;
        const enum dp_status got =
            dp_mechanism_of_price(&m, law, s, limit, notion);
        if (got == DP_ERANGE)
            continue;
        assert_int_equal(got, DP_OK);
        assert_int_equal(dp_mechanism_price(&p, &m, s, notion), DP_OK);
        assert_true(dp_price_fits(p, limit));
        assert_int_equal(dp_mechanism_price(&q, &m, s + 1, notion), DP_OK);
        assert_true(dp_price_fits(p, q));

        struct dp_mechanism finer = { law, m.num * (DP_SCALE_DEN_MAX / m.den),
                                      DP_SCALE_DEN_MAX };
        if (m.den & (m.den - 1) || --finer.num == 0)
            continue;
        assert_int_equal(dp_mechanism_price(&q, &finer, s, notion), DP_OK);
        assert_true(q.rho_pico > units || q.eps_nano > units);
    }
    gsl_rng_free(rng);
}

static const struct of_price_row {
    const char *name;
    enum dp_law law;
    uint64_t sensitivity;
    struct dp_price limit;
    enum dp_notion notion;
    enum dp_status want;
    uint64_t num, den;
} of_price_rows[] = {
    { "epsilon 1 is scale 1",
      DP_DLAPLACE,
      1,
      { .eps_nano = 1000000000 },
      DP_PURE,
      DP_OK,
      1,
      1 },
    { "epsilon 0.3 at sensitivity 2 is 20/3",
      DP_DLAPLACE,
      2,
      { .eps_nano = 300000000 },
      DP_PURE,
      DP_OK,
      20,
      3 },
    { "rho 1/2 is sigma 1",
      DP_DGAUSS,
      1,
      { .rho_pico = 500000000000 },
      DP_ZCDP,
      DP_OK,
      1,
      1 },
    { "no price, no mechanism", DP_DGAUSS, 1, { 0 }, DP_ZCDP, DP_ERANGE, 0, 0 },
    { "a scale beyond 2^40",
      DP_DLAPLACE,
      2000,
      { .eps_nano = 1 },
      DP_PURE,
      DP_ERANGE,
      0,
      0 },
    { "no sensitivity is refused",
      DP_DLAPLACE,
      0,
      { .eps_nano = 1 },
      DP_PURE,
      DP_EDOM,
      0,
      0 },
    { "a pure Gaussian is refused",
      DP_DGAUSS,
      1,
      { .eps_nano = 1 },
      DP_PURE,
      DP_EDOM,
      0,
      0 },
};

static void check_of_price(void **state)
{
    const struct of_price_row *row = *state;
    struct dp_mechanism m = { 0 };
    assert_int_equal(dp_mechanism_of_price(&m, row->law, row->sensitivity,
                                           row->limit, row->notion),
                     row->want);
    assert_true(m.num == row->num && m.den == row->den);
}

static const struct whole_row {
    const char *name;
    struct dp_vector_release v;
    enum dp_notion notion;
    uint64_t units;
} whole_rows[] = {
    { "five cells of a count under sigma 5: rho 0.1",
      { { DP_DGAUSS, 5, 1 }, 1, 5 },
      DP_ZCDP,
      100000000000 },
    { "a third of a unit in each of three cells is one, not three",
      { { DP_DGAUSS, 1224745, 1 }, 1, 3 },
      DP_ZCDP,
      1 },
    { "Laplace adds epsilons: 5 x 3/10",
      { { DP_DLAPLACE, 10, 1 }, 3, 5 },
      DP_PURE,
      1500000000 },
    { "Laplace adds rhos: 5 x (3/10)^2 / 2",
      { { DP_DLAPLACE, 10, 1 }, 3, 5 },
      DP_ZCDP,
      225000000000 },
    { "rounded Gaussians add half mu squares",
      { { DP_RGAUSS, 10, 1 }, 3, 5 },
      DP_GDP,
      225000000000 },
    { "no cell, no price", { { DP_DGAUSS, 5, 1 }, 7, 0 }, DP_ZCDP, 0 },
    { "2^32 - 1 cells of 2^64 - 1 saturate under zcdp",
      { { DP_DGAUSS, 1, 1 << 20 }, UINT64_MAX, UINT32_MAX },
      DP_ZCDP,
      UINT64_MAX },
    { "and under pure",
      { { DP_DLAPLACE, 1, 1 << 20 }, UINT64_MAX, UINT32_MAX },
      DP_PURE,
      UINT64_MAX },
    { "and Laplace under gdp",
      { { DP_DLAPLACE, 1, 1 << 20 }, UINT64_MAX, UINT32_MAX },
      DP_GDP,
      UINT64_MAX },
};

static void check_whole(void **state)
{
    const struct whole_row *row = *state;
    struct dp_price p = { 0 };
    assert_int_equal(dp_vector_price(&p, &row->v, row->notion), DP_OK);
    assert_true(dp_notion_units(row->notion, p) == row->units);
    assert_true(p.rho_pico == 0 || p.eps_nano == 0);
}

/* What a price buys for a whole vector costs no more than it, and a step less
 * noise costs more. */
static void a_vector_is_bought_tightly(void **state)
{
    (void)state;
    gsl_rng *rng = test_rng_new(4);
    for (int i = 0; i < 500; i++) {
        static const enum dp_notion notions[] = { DP_ZCDP, DP_PURE, DP_GDP };
        const enum dp_notion notion = notions[i % 3];
        struct dp_vector_release v = {
            .linf = 1 + (gsl_rng_get(rng) >> (34 + i % 30)),
            .l0 = 1 + (uint32_t)(gsl_rng_get(rng) >> (44 + i % 20)),
        };
        const uint64_t units = 1 + (gsl_rng_get(rng) >> (10 + i % 40));
        const struct dp_price limit = dp_notion_price(notion, units);
        struct dp_price p;
        const enum dp_status got =
            dp_vector_of_price(&v, dp_notion_law(notion), limit, notion);
        if (got == DP_ERANGE)
            continue;
        assert_int_equal(got, DP_OK);
        assert_int_equal(dp_vector_price(&p, &v, notion), DP_OK);
        assert_true(dp_price_fits(p, limit));
        const uint64_t up = DP_SCALE_DEN_MAX / v.noise.den;
        if (v.noise.den & (v.noise.den - 1) || v.noise.num * up == 1)
            continue;
        v.noise.num = v.noise.num * up - 1;
        v.noise.den = DP_SCALE_DEN_MAX;
        assert_int_equal(dp_vector_price(&p, &v, notion), DP_OK);
        assert_true(dp_notion_units(notion, p) > units);
    }
    gsl_rng_free(rng);
}

static void norms_of_a_vector(void **state)
{
    (void)state;
    const struct dp_vector_release v = { { DP_DGAUSS, 1, 1 }, 3, 4 }, huge = {
        { DP_DGAUSS, 1, 1 }, UINT64_MAX, 2
    };
    assert_true(dp_vector_l1(&v) == 12);
    assert_true(dp_vector_l2(&v) >= 6 && dp_vector_l2(&v) < 6 * (1 + 1e-15));
    assert_true(dp_vector_l1(&huge) == UINT64_MAX);
}

/* One by one and by a table; the values at the ends, or any others. */
static const struct vector_row {
    const char *name;
    struct dp_mechanism m;
    size_t n;
} vector_rows[] = {
    { "Laplace, one by one", { DP_DLAPLACE, 1000, 1 }, DP_MANY - 1 },
    { "Laplace, many", { DP_DLAPLACE, 1000, 1 }, DP_MANY },
    { "Gaussian, one by one", { DP_DGAUSS, 771, 4 }, DP_MANY - 1 },
    { "Gaussian, many", { DP_DGAUSS, 771, 4 }, 600 },
    { "rounded Gaussian, one by one", { DP_RGAUSS, 771, 4 }, DP_MANY - 1 },
    { "rounded Gaussian, many", { DP_RGAUSS, 771, 4 }, 600 },
};
enum { VECTOR_MAX = 600 };

static void release(struct dp_noisy out[VECTOR_MAX],
                    const struct vector_row *row, dp_int even, dp_int odd,
                    gsl_rng *rng)
{
    struct dp_exact in[VECTOR_MAX];
    for (size_t i = 0; i < row->n; i++)
        in[i].touched = i % 2 ? odd : even;
    assert_int_equal(dp_mechanism_release(out, in, row->n, &row->m, rng),
                     DP_OK);
}

static void check_saturation(void **state)
{
    const struct vector_row *row = *state;
    gsl_rng *rng = test_rng_new(5);
    struct dp_noisy out[VECTOR_MAX];
    double trials = 0, at_end = 0;
    for (int round = 0; round < 5; round++) {
        release(out, row, DP_INT_MIN, DP_INT_MAX, rng);
        for (size_t i = 0; i < row->n; i++) {
            assert_true(i % 2 ? out[i].v > DP_INT_MAX - 100000
                              : out[i].v < DP_INT_MIN + 100000);
            at_end += out[i].v == DP_INT_MAX || out[i].v == DP_INT_MIN;
            trials++;
        }
    }
    /* Half of them, within 6 standard errors: a false alarm in 10^8. */
    assert_true(fabs(at_end - trials / 2) < 3 * sqrt(trials) + 2);
    gsl_rng_free(rng);
}

/* The noise, and the words drawn for it, are the same whatever is noised. */
static void check_independence(void **state)
{
    const struct vector_row *row = *state;
    static const dp_int values[] = { 1, -1, INT64_MAX, INT64_MIN,
                                     (dp_int)1 << 100 };
    gsl_rng *rng = test_rng_new(9);
    struct dp_noisy zero[VECTOR_MAX], out[VECTOR_MAX];
    release(zero, row, 0, 0, rng);
    const unsigned long next = gsl_rng_get(rng);
    for (size_t k = 0; k < sizeof values / sizeof *values; k++) {
        gsl_rng_set(rng, 9);
        release(out, row, values[k], -values[k], rng);
        for (size_t i = 0; i < row->n; i++)
            assert_true(out[i].v - (i % 2 ? -values[k] : values[k]) ==
                        zero[i].v);
        assert_true(gsl_rng_get(rng) == next);
    }
    gsl_rng_free(rng);
}

static void a_refusal_touches_nothing(void **state)
{
    (void)state;
    gsl_rng *rng = test_rng_new(9), *twin = test_rng_new(9);
    const struct dp_mechanism m = { DP_DGAUSS, 0, 1 };
    const struct dp_exact in = { 3 };
    struct dp_noisy out = { 7 };
    assert_int_equal(dp_mechanism_release(&out, &in, 1, &m, rng), DP_EDOM);
    assert_true(out.v == 7);
    assert_true(gsl_rng_get(rng) == gsl_rng_get(twin));
    gsl_rng_free(rng);
    gsl_rng_free(twin);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(of_price_is_tight),
        cmocka_unit_test(a_vector_is_bought_tightly),
        cmocka_unit_test(norms_of_a_vector),
        cmocka_unit_test(a_refusal_touches_nothing),
    };
    return RUN_ROWS(price_rows, check_price) +
           RUN_ROWS(of_price_rows, check_of_price) +
           RUN_ROWS(whole_rows, check_whole) +
           RUN_ROWS(vector_rows, check_saturation) +
           RUN_ROWS(vector_rows, check_independence) +
           cmocka_run_group_tests(tests, NULL, NULL);
}
