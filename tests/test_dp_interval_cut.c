/* Numbers told only between two ends: coverage given that they were told. */
#include <math.h>

#include "dp/init.h"
#include "dp/interval.h"
#include "tests/table.h"

#define LAP(n, d)                                                              \
    {                                                                          \
        DP_DLAPLACE, n, d                                                      \
    }
#define GAUSS(n, d)                                                            \
    {                                                                          \
        DP_DGAUSS, n, d                                                        \
    }

/* By summing the exact law, for exact values from far below to far above. */
static const struct row {
    const char *name;
    struct dp_mechanism m;
    dp_int lo, hi, least;
    bool bounded; /* every interval is */
} rows[] = {
    { "above a line, counts", GAUSS(93, 10), 41, DP_INT_MAX, 0, true },
    { "above a line, sums: the one just past it may be anything below",
      GAUSS(93, 10), 41, DP_INT_MAX, DP_INT_MIN, false },
    { "below a line", GAUSS(93, 10), DP_INT_MIN, 40, 0, false },
    { "between two", GAUSS(93, 10), 10, 60, 0, false },
    { "between two that are close", GAUSS(93, 10), 20, 23, 0, false },
    { "one value alone", GAUSS(93, 10), 20, 20, 0, false },
    { "narrow noise between two", GAUSS(1, 2), 10, 14, 0, false },
    { "narrow noise above a line", GAUSS(1, 2), 10, DP_INT_MAX, 0, true },
    { "no line at all", GAUSS(93, 10), DP_INT_MIN, DP_INT_MAX, DP_INT_MIN,
      true },
    { "Laplace above a line", LAP(15, 2), 41, DP_INT_MAX, 0, true },
    { "Laplace below a line", LAP(15, 2), DP_INT_MIN, 40, 0, false },
    { "Laplace between two", LAP(15, 2), 10, 60, 0, false },
    { "rounded Gaussian between two",
      { DP_RGAUSS, 93, 10 },
      10,
      60,
      DP_INT_MIN,
      false },
};

static long double mass(const struct dp_mechanism *m, dp_int x)
{
    if (x > 0) /* mirrored: tails are small */
        x = -x;
    return expl(dp_mechanism_log_tail(m, -x - 1)) -
           expl(dp_mechanism_log_tail(m, -x));
}

static void covers(void **state)
{
    enum { WIDE = 400 };
    const struct row *row = *state;
    const double level = 0.95;
    struct dp_interval at[2 * WIDE + 1];
    bool bounded = true;
    for (dp_int v = -WIDE; v <= WIDE; v++) {
        const struct dp_reading r = { { v }, row->m };
        const struct dp_cut cut = { row->lo, row->hi, row->least };
        if (v < row->lo || v > row->hi)
            continue;
        assert_int_equal(dp_interval_of_cut(&at[v + WIDE], &r, cut, level),
                         DP_OK);
        const struct dp_interval *i = &at[v + WIDE];
        assert_true(i->lo <= i->hi);
        bounded &= i->kind == DP_INTERVAL_BOUNDED;
    }
    assert_int_equal(bounded, row->bounded);
    for (dp_int n = row->least == 0 ? 0 : -100; n <= 160; n += 10) {
        long double shown = 0, covered = 0;
        for (dp_int v = -WIDE; v <= WIDE; v++) {
            if (v < row->lo || v > row->hi)
                continue;
            const struct dp_interval *i = &at[v + WIDE];
            const long double p = mass(&row->m, v - n);
            shown += p;
            covered += i->lo <= (double)n && (double)n <= i->hi ? p : 0;
        }
        if (shown > 0 && !(covered / shown >= level - 1e-6))
            fail_msg("of %d %.4Lf", (int)n, covered / shown);
    }
}

static void far_from_both_ends_it_is_plain(void **state)
{
    const struct row *row = *state;
    const struct dp_reading r = { { 5000 }, row->m };
    struct dp_interval plain, cut;
    assert_int_equal(dp_interval_of_value(&plain, &r, 0.95), DP_OK);
    assert_int_equal(
        dp_interval_of_cut(&cut, &r, (struct dp_cut){ 4000, 6000, 0 }, 0.95),
        DP_OK);
    assert_true(plain.lo == cut.lo && plain.hi == cut.hi);
}

static void what_is_outside_the_domain_is_refused(void **state)
{
    (void)state;
    struct dp_interval i = { DP_INTERVAL_BOUNDED, 7, 7 };
    const struct dp_reading r = { { 50 }, GAUSS(10, 1) },
                            bad = { { 50 }, GAUSS(0, 1) },
                            huge = { { (dp_int)1 << 100 }, GAUSS(10, 1) };
    const struct dp_cut any = { DP_INT_MIN, DP_INT_MAX, DP_INT_MIN };
    const struct dp_cut above = { 51, DP_INT_MAX, 0 };
    const struct dp_cut below = { DP_INT_MIN, 49, 0 };
    assert_int_equal(dp_interval_of_cut(&i, &bad, any, 0.95), DP_EDOM);
    assert_int_equal(dp_interval_of_cut(&i, &huge, any, 0.95), DP_EDOM);
    assert_int_equal(dp_interval_of_cut(&i, &r, any, 1), DP_EDOM);
    assert_int_equal(dp_interval_of_cut(&i, &r, above, 0.95), DP_EDOM);
    assert_int_equal(dp_interval_of_cut(&i, &r, below, 0.95), DP_EDOM);
    assert_true(i.lo == 7 && i.hi == 7);
}

/* The law given that it passed is told the same by both. */
static void agrees_with_a_threshold(void **state)
{
    (void)state;
    const struct dp_mechanism m = GAUSS(93, 10);
    for (dp_int v = 41; v < 200; v++) {
        const struct dp_reading r = { { v }, m };
        struct dp_interval a, b;
        assert_int_equal(
            dp_interval_of_shown(&a, &r, (struct dp_threshold){ .above = 40 },
                                 0.95),
            DP_OK);
        assert_int_equal(
            dp_interval_of_cut(&b, &r, (struct dp_cut){ 41, DP_INT_MAX, 0 },
                               0.95),
            DP_OK);
        assert_true(a.lo == b.lo && a.hi == b.hi);
    }
}

int main(void)
{
    const struct CMUnitTest single[] = {
        cmocka_unit_test(what_is_outside_the_domain_is_refused),
        cmocka_unit_test(agrees_with_a_threshold),
    };
    dp_init();
    return RUN_ROWS(rows, covers) +
           RUN_ROWS(rows, far_from_both_ends_it_is_plain) +
           cmocka_run_group_tests(single, NULL, NULL);
}
