/* The table against the law it stands for, and every way a draw can go. */
#include "dp/lattice.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "dp/expo.h"
#include "dp/mechanism.h"
#include "tests/lib_rng.h"
#include "tests/table.h"

enum { TABLE_MASS = 1 << 26, COLUMN_MASS = 1 << 16 };

static const struct row {
    const char *name;
    struct dp_mechanism m;
} rows[] = {
    { "Laplace 2^-20", { DP_DLAPLACE, 1, 1 << 20 } },
    { "Laplace 1/3", { DP_DLAPLACE, 1, 3 } },
    { "Laplace 42.5, the widest with one number a block",
      { DP_DLAPLACE, 85, 2 } },
    { "Laplace 42.501, the narrowest with two", { DP_DLAPLACE, 42501, 1000 } },
    { "Laplace 1000", { DP_DLAPLACE, 1000, 1 } },
    { "Laplace 2^40", { DP_DLAPLACE, UINT64_C(1) << 40, 1 } },
    { "Gaussian 2^-20", { DP_DGAUSS, 1, 1 << 20 } },
    { "Gaussian 5/3", { DP_DGAUSS, 5, 3 } },
    { "Gaussian 51, one number a block", { DP_DGAUSS, 51, 1 } },
    { "Gaussian 51.3", { DP_DGAUSS, 513, 10 } },
    { "Gaussian 12345678901/1048575", { DP_DGAUSS, 12345678901, 1048575 } },
    { "Gaussian 2^40, 2^20 denominators",
      { DP_DGAUSS, UINT64_C(1) << 60, 1 << 20 } },
    { "rounded Gaussian 2^-20", { DP_RGAUSS, 1, 1 << 20 } },
    { "rounded Gaussian 1/2", { DP_RGAUSS, 1, 2 } },
    { "rounded Gaussian 7", { DP_RGAUSS, 7, 1 } },
    { "rounded Gaussian 51.3", { DP_RGAUSS, 513, 10 } },
    { "rounded Gaussian 2^40, 2^20 denominators",
      { DP_RGAUSS, UINT64_C(1) << 60, 1 << 20 } },
};

/*
 * Is height 2^-level at most (sign -1) or at least (sign 1) unit f(distance)?
 * In 256 bits, so that a unit of the table, 2^-26, shows beyond doubt.
 */
static bool lies(const struct dp_lattice *l, uint32_t height, unsigned level,
                 int sign, uint64_t distance)
{
    enum { BITS = 256 };
    BN_CTX *ctx = BN_CTX_new();
    BIGNUM *n = BN_new(), *d = BN_new(), *lo = BN_new(), *hi = BN_new();
    assert_true(BN_set_word(n, distance) && BN_mul_word(n, l->grid.den));
    assert_true(BN_set_word(d, l->grid.num));
    if (l->grid.law != DP_DLAPLACE)
        assert_true(BN_sqr(n, n, ctx) && BN_sqr(d, d, ctx) && BN_lshift1(d, d));
    dp_expo_bounds(lo, hi, n, d, BITS);
    assert_true(BN_mul_word(lo, l->unit) && BN_mul_word(hi, l->unit));
    assert_true(BN_set_word(n, height) && BN_lshift(n, n, BITS - (int)level));
    const bool is = sign < 0 ? BN_cmp(n, lo) <= 0 : BN_cmp(n, hi) >= 0;
    BN_free(n), BN_free(d), BN_free(lo), BN_free(hi), BN_CTX_free(ctx);
    return is;
}

/* The least and greatest distance from 0 of the integers first..last, or of
 * their cells; all on one side of 0. */
static uint64_t nearest(const struct dp_lattice *l, int64_t first, int64_t last)
{
    const bool cell = l->grid.law == DP_RGAUSS;
    return (uint64_t)(first >= 0 ? first : -(last + cell));
}

static uint64_t farthest(const struct dp_lattice *l, int64_t first,
                         int64_t last)
{
    const bool cell = l->grid.law == DP_RGAUSS;
    return (uint64_t)(first >= 0 ? last + cell : -first);
}

/* In each block: sure is below the law everywhere, and sure and spread above.
 */
static const char *height_fault(const struct dp_lattice *l)
{
    const int64_t width = INT64_C(1) << l->width_log;
    for (int i = 0; i < 2 * l->blocks; i++) {
        const int64_t first = (i - l->blocks) * width, last = first + width - 1;
        if (!lies(l, l->sure[i], 0, -1, farthest(l, first, last)))
            return "a sure part rises above the law";
        if (!lies(l, l->sure[i] + l->spread[i], 0, 1, nearest(l, first, last)))
            return "a strip ends below the law";
    }
    /* Checked where a step begins; from there on the law falls. */
    for (unsigned t = 0; t < 200; t++) {
        const int64_t first = l->blocks * width + ((int64_t)t << l->tail_log);
        if (!lies(l, l->tail, t, 1, nearest(l, first, first)))
            return "a step of the tail is below the law";
    }
    return NULL;
}

/* What the columns give each strip, against the strips. */
static const char *column_fault(const struct dp_lattice *l)
{
    uint64_t mass[DP_LATTICE_COLUMNS] = { 0 };
    for (unsigned c = 0; c < DP_LATTICE_COLUMNS; c++) {
        mass[c] += l->column[c].keep;
        mass[l->column[c].other] += COLUMN_MASS - l->column[c].keep;
    }
    const unsigned sides = 2 * (unsigned)l->blocks,
                   tail = dp_lattice_tail_id(l);
    uint64_t rest = TABLE_MASS;
    for (unsigned i = 0; i < sides; i++) {
        if (mass[i] != l->sure[i])
            return "a sure part has another mass";
        if (mass[sides + i] != l->spread[i])
            return "a strip has another mass";
        rest -= mass[i] + mass[sides + i];
    }
    if (mass[tail] != (uint64_t)l->tail << (2 + l->tail_log - l->width_log))
        return "the tail has another mass";
    rest -= mass[tail];
    if (mass[tail + 1] != rest)
        return "what is drawn again has another mass";
    return rest < TABLE_MASS / 1000 ? NULL : "much is drawn again";
}

static const char *fault_of(const struct dp_lattice *l)
{
    const char *fault = column_fault(l);
    return fault ? fault : height_fault(l);
}

static struct dp_lattice table_of(struct dp_mechanism m)
{
    struct dp_lattice l;
    assert_int_equal(dp_lattice_init(&l, &m), DP_OK);
    return l;
}

static void check_table(void **state)
{
    const struct row *row = *state;
    const struct dp_lattice l = table_of(row->m);
    const char *fault = fault_of(&l);
    if (fault)
        fail_msg("%s", fault);
    assert_in_range(l.blocks, 1, DP_LATTICE_BLOCKS);
}

/*
 * Controls: one unit in one place is seen.  With one number a block the heights
 * have no room, but for 0, where unit f(0) is a whole number.
 */
static void a_unit_too_much_is_caught(void **state)
{
    (void)state;
    const struct dp_lattice good =
        table_of((struct dp_mechanism){ DP_DGAUSS, 51, 1 });
    assert_null(fault_of(&good));

    struct dp_lattice bad = good;
    bad.column[17].keep++;
    assert_non_null(column_fault(&bad));
    bad = good;
    bad.column[900].other ^= 1;
    assert_non_null(column_fault(&bad));
    for (int i = good.blocks % 30; i < 2 * good.blocks; i += 30) {
        bad = good;
        bad.sure[i] += 1, bad.spread[i] -= 1;
        assert_true((height_fault(&bad) != NULL) == (i != good.blocks));
        bad = good;
        bad.spread[i] -= 1;
        assert_non_null(height_fault(&bad));
        assert_non_null(column_fault(&bad));
    }
    bad = good;
    bad.tail -= 1;
    assert_non_null(height_fault(&bad));
    bad = good;
    bad.tail_log -= 5;
    assert_non_null(height_fault(&bad));
    bad = good;
    bad.grid.num += 1;
    assert_non_null(height_fault(&bad));
}

/* No floating point: the same on every machine. */
static void tables_are_the_same_everywhere(void **state)
{
    (void)state;
    const struct dp_lattice a = table_of(
                                (struct dp_mechanism){ DP_DLAPLACE, 1000, 1 }),
                            b = table_of(
                                (struct dp_mechanism){ DP_DGAUSS, 1000000, 1 });
    assert_int_equal(a.unit, 1048977);
    assert_int_equal(a.tail, 2559);
    assert_int_equal(b.unit, 865946);
    assert_int_equal(b.sure[b.blocks], 865481);
}

static void a_law_outside_its_domain_is_refused(void **state)
{
    (void)state;
    struct dp_lattice l;
    static const struct dp_mechanism bad[] = {
        { DP_DGAUSS, 0, 1 },
        { DP_DGAUSS, 1, 0 },
        { DP_DLAPLACE, 1, (1 << 20) + 1 },
        { DP_DLAPLACE, (UINT64_C(1) << 40) + 1, 1 },
        { (enum dp_law)3, 1, 1 },
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_int_equal(dp_lattice_init(&l, &bad[i]), DP_EDOM);
}

/* A word that picks strip `id` and `place` in its block. */
static uint64_t word_for(const struct dp_lattice *l, unsigned id,
                         uint64_t place)
{
    for (uint64_t c = 0; c < DP_LATTICE_COLUMNS; c++) {
        if (c == id && l->column[c].keep > 0)
            return c << 54 | place;
        if (l->column[c].other == id)
            return c << 54 | UINT64_C(0xffff) << 38 | place;
    }
    fail_msg("strip %u is nowhere", id);
    return 0;
}

/* The script is drawn whole and gives x. */
static void expect(const struct dp_lattice *l, const uint64_t *word, size_t n,
                   int64_t x)
{
    gsl_rng *rng = test_rng_scripted(word, n);
    int64_t got;
    dp_lattice_draw(l, rng, &got, 1);
    assert_int_equal(got, x);
    assert_int_equal(test_rng_drawn(rng), n);
    gsl_rng_free(rng);
}
#define EXPECT(l, x, ...)                                                      \
    expect(l, (const uint64_t[]){ __VA_ARGS__ },                               \
           sizeof((const uint64_t[]){ __VA_ARGS__ }) / sizeof(uint64_t), x)

static void every_way_of_a_draw_is_taken(void **state)
{
    (void)state;
    const struct dp_lattice table =
        table_of((struct dp_mechanism){ DP_DLAPLACE, 1000, 1 });
    const struct dp_lattice *l = &table;
    const unsigned B = (unsigned)l->blocks, tail = dp_lattice_tail_id(l);
    const int64_t w = INT64_C(1) << l->width_log, W = INT64_C(1) << l->tail_log;
    const int64_t from = (int64_t)B * w;
    const uint64_t left = UINT64_C(1) << 63;

    /* Sure: first and last place of a block, on both sides of 0. */
    EXPECT(l, 0, word_for(l, B, 0));
    EXPECT(l, w - 1, word_for(l, B, (uint64_t)w - 1));
    EXPECT(l, -w, word_for(l, B - 1, 0));
    EXPECT(l, -1, word_for(l, B - 1, (uint64_t)w - 1));
    EXPECT(l, -from, word_for(l, 0, 0));
    EXPECT(l, from - 1, word_for(l, 2 * B - 1, (uint64_t)w - 1));

    /* The coin: the bottom of a strip is below the law, its top above; then a
     * new word is drawn. */
    EXPECT(l, 3, word_for(l, 2 * B + B, 3), 0);
    EXPECT(l, 7, word_for(l, 2 * B + B, 3), UINT64_MAX, word_for(l, B, 7));
    EXPECT(l, -w + 5, word_for(l, 2 * B + B - 1, 5), 0);

    /* Nothing: a new word. */
    EXPECT(l, 1, word_for(l, tail + 1, 0), word_for(l, B, 1));

    /* The tail: step by the zeros of a word, side and place by the next. */
    EXPECT(l, from, word_for(l, tail, 0), 1, 0, 0);
    EXPECT(l, -1 - from, word_for(l, tail, 0), 1, left, 0);
    EXPECT(l, from + 3 * W + 17, word_for(l, tail, 0), 8, 17, 0);
    EXPECT(l, 2, word_for(l, tail, 0), 8, 17, UINT64_MAX, word_for(l, B, 2));

    /* 64 zeros and more: a weight 2^-125 of the step, so that the second word
     * of the height decides. */
    EXPECT(l, -1 - (from + 64 * W + 5), word_for(l, tail, 0), 0, 1, left | 5, 0,
           3);
    EXPECT(l, 4, word_for(l, tail, 0), 0, 1, left | 5, 0, 30,
           word_for(l, B, 4));
}

/* A rounded Gaussian is floored on a finer grid: half steps, or less. */
static void cells_of_a_finer_grid_are_joined(void **state)
{
    (void)state;
    const struct dp_lattice half = table_of(
                                (struct dp_mechanism){ DP_RGAUSS, 1000, 1 }),
                            sixteenth = table_of(
                                (struct dp_mechanism){ DP_RGAUSS, 1, 1 });
    assert_int_equal(half.finer, 1);
    assert_int_equal(sixteenth.finer, 4);
    const unsigned H = (unsigned)half.blocks, S = (unsigned)sixteenth.blocks;
    const uint64_t last = (UINT64_C(1) << half.width_log) - 1;
    assert_int_equal(sixteenth.width_log, 0);

    /* y in [0, 1/2) and [1/2, 1); then [-1/2, 0) and [-1, -1/2). */
    EXPECT(&half, 0, word_for(&half, H, 0));
    EXPECT(&half, 1, word_for(&half, H, 1));
    EXPECT(&half, 1, word_for(&half, H, 2));
    EXPECT(&half, 0, word_for(&half, H - 1, last));
    EXPECT(&half, -1, word_for(&half, H - 1, last - 1));
    EXPECT(&half, -1, word_for(&half, H - 1, last - 2));

    EXPECT(&sixteenth, 0, word_for(&sixteenth, S + 7, 0));
    EXPECT(&sixteenth, 1, word_for(&sixteenth, S + 8, 0));
    EXPECT(&sixteenth, 0, word_for(&sixteenth, S - 8, 0));
    EXPECT(&sixteenth, -1, word_for(&sixteenth, S - 9, 0));
}

/* Batches end where they should and each cell gets its own draw. */
static void a_vector_is_filled_and_no_more(void **state)
{
    (void)state;
    enum { N = 3000 };
    const struct dp_lattice l =
        table_of((struct dp_mechanism){ DP_RGAUSS, 1000000, 1 });
    gsl_rng *rng = test_rng_new(5);
    static const size_t lengths[] = { 0, 1, 511, 512, 513, N };
    for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
        static int64_t x[N + 1];
        for (size_t k = 0; k <= N; k++)
            x[k] = INT64_MIN;
        dp_lattice_draw(&l, rng, x, lengths[i]);
        for (size_t k = 0; k <= N; k++)
            assert_true((x[k] == INT64_MIN) == (k >= lengths[i]));
    }
    gsl_rng_free(rng);
}

/* Without a table, all laws: mean and variance within 6 standard errors, a
 * false alarm in 10^8. */
static void check_one(void **state)
{
    enum { N = 20000 };
    const struct row *row = *state;
    const double var = dp_mechanism_variance(&row->m);
    gsl_rng *rng = test_rng_new(11);
    double sum = 0, sum_sq = 0, sum_4 = 0;
    for (int i = 0; i < N; i++) {
        const double x = (double)dp_lattice_draw_one(&row->m, rng);
        sum += x, sum_sq += x * x, sum_4 += x * x * x * x;
    }
    gsl_rng_free(rng);
    const double fourth = fmax(sum_4 / N, fmax(var * var, var));
    assert_true(fabs(sum / N) <= 6 * sqrt(var / N) + 1e-6);
    assert_true(fabs(sum_sq / N - var) <= 6 * sqrt(fourth / N) + 1e-6);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_unit_too_much_is_caught),
        cmocka_unit_test(tables_are_the_same_everywhere),
        cmocka_unit_test(a_law_outside_its_domain_is_refused),
        cmocka_unit_test(every_way_of_a_draw_is_taken),
        cmocka_unit_test(cells_of_a_finer_grid_are_joined),
        cmocka_unit_test(a_vector_is_filled_and_no_more),
    };
    return RUN_ROWS(rows, check_table) + RUN_ROWS(rows, check_one) +
           cmocka_run_group_tests(tests, NULL, NULL);
}
