/* Sums of many readings, and shares: coverage by summing the exact laws. */
#include "dp/interval.h"

#include <math.h>
#include <stdlib.h>

#include "tests/table.h"

/* A law on -reach .. reach, all but 10^-7 of it on either side. */
struct masses {
    double *mass;
    dp_int reach;
};

static struct masses masses_of(const struct dp_mechanism *m)
{
    uint64_t k;
    assert_int_equal(dp_mechanism_quantile(&k, m, 1e-7), DP_OK);
    struct masses all = { calloc(2 * k + 1, sizeof(double)), (dp_int)k };
    assert_non_null(all.mass);
    for (dp_int x = -all.reach; x <= all.reach; x++)
        all.mass[x + all.reach] =
            (double)(expl(dp_mechanism_log_tail(m, x - 1)) -
                     expl(dp_mechanism_log_tail(m, x)));
    return all;
}

/* The law of a + weight * b. */
static struct masses added(const struct masses *a, const struct masses *b,
                           dp_int weight)
{
    struct masses sum = { .reach = a->reach + weight * b->reach };
    sum.mass = calloc((size_t)(2 * sum.reach + 1), sizeof(double));
    assert_non_null(sum.mass);
    for (dp_int x = -a->reach; x <= a->reach; x++)
        for (dp_int y = -b->reach; y <= b->reach; y++)
            sum.mass[x + weight * y + sum.reach] +=
                a->mass[x + a->reach] * b->mass[y + b->reach];
    return sum;
}

/* The law of n draws; the weight of the last is `last`, of the others 1. */
static struct masses total_of(const struct dp_mechanism *m, size_t n,
                              dp_int last)
{
    const struct masses one = masses_of(m);
    struct masses sum = masses_of(m);
    for (size_t i = 1; i < n; i++) {
        const struct masses more = added(&sum, &one, i + 1 < n ? 1 : last);
        free(sum.mass);
        sum = more;
    }
    free(one.mass);
    return sum;
}

static const struct total_row {
    const char *name;
    struct dp_mechanism m;
    size_t n;
    dp_int last;
    double most; /* covered at most at 0.9: the wider, the coarser the noise */
} totals[] = {
    { "one draw, by its own law", { DP_DGAUSS, 20, 1 }, 1, 1, 0.91 },
    { "two Gaussians", { DP_DGAUSS, 20, 1 }, 2, 1, 0.92 },
    { "eight Gaussians", { DP_DGAUSS, 12, 1 }, 8, 1, 0.95 },
    { "two rounded Gaussians", { DP_RGAUSS, 20, 1 }, 2, 1, 0.92 },
    { "eight rounded Gaussians", { DP_RGAUSS, 12, 1 }, 8, 1, 0.95 },
    { "two Laplaces", { DP_DLAPLACE, 15, 1 }, 2, 1, 0.92 },
    { "eight Laplaces", { DP_DLAPLACE, 6, 1 }, 8, 1, 0.95 },
    { "weights of their own", { DP_DGAUSS, 20, 1 }, 3, 4, 0.93 },
    { "one Laplace that outweighs the others",
      { DP_DLAPLACE, 10, 1 },
      3,
      6,
      0.94 },
    { "little noise on the lattice", { DP_DGAUSS, 1, 1 }, 6, 1, 1 },
    { "less than the lattice", { DP_DGAUSS, 1, 4 }, 6, 1, 1 },
    { "Laplaces below the lattice", { DP_DLAPLACE, 1, 4 }, 6, 1, 1 },
    { "rounded below the lattice", { DP_RGAUSS, 1, 3 }, 6, 1, 1 },
};

static void total_covers(void **state)
{
    const struct total_row *row = *state;
    const double levels[] = { 0.9, 0.95, 0.99 };
    const struct masses sum = total_of(&row->m, row->n, row->last);
    const double squares =
        (double)(row->n - 1) + (double)(row->last * row->last);
    for (size_t i = 0; i < sizeof levels / sizeof levels[0]; i++) {
        double reach, covered = 0;
        assert_int_equal(dp_reach_of_total(&reach, &row->m, row->n, levels[i]),
                         DP_OK);
        const double half = reach * sqrt(squares);
        for (dp_int x = -sum.reach; x <= sum.reach; x++)
            if (fabs((double)x) <= half)
                covered += sum.mass[x + sum.reach];
        assert_true(covered >= levels[i] - 1e-6);
        assert_true(i > 0 || covered <= row->most);
    }
    free(sum.mass);
}

static const struct share_row {
    const char *name;
    double a, t;
    struct dp_mechanism m;
    size_t own, rest;
    bool near_zero; /* unbounded now and then */
} shares[] = {
    { "a tenth", 100, 1000, { DP_DGAUSS, 10, 1 }, 1, 5, false },
    { "nearly all", 900, 1000, { DP_DGAUSS, 10, 1 }, 1, 3, false },
    { "all of it", 1000, 1000, { DP_RGAUSS, 10, 1 }, 3, 0, false },
    { "nothing", 0, 1000, { DP_RGAUSS, 10, 1 }, 1, 6, false },
    { "less than nothing", -50, 600, { DP_DGAUSS, 8, 1 }, 1, 2, false },
    { "half of Laplaces", 300, 600, { DP_DLAPLACE, 8, 1 }, 2, 2, false },
    { "a small total", 20, 50, { DP_DGAUSS, 10, 1 }, 1, 2, true },
};

static void share_covers(void **state)
{
    const struct share_row *row = *state;
    const double level = 0.9, want = row->a / row->t;
    const struct masses own = total_of(&row->m, row->own, 1);
    struct masses rest = { calloc(1, sizeof(double)), 0 };
    assert_non_null(rest.mass);
    rest.mass[0] = 1;
    if (row->rest > 0) {
        free(rest.mass);
        rest = total_of(&row->m, row->rest, 1);
    }
    double covered = 0, unbounded = 0;
    for (dp_int x = -own.reach; x <= own.reach; x++)
        for (dp_int y = -rest.reach; y <= rest.reach; y++) {
            const struct dp_share s = { row->a + (double)x,
                                        row->t + (double)(x + y), row->own,
                                        row->rest };
            struct dp_interval at;
            assert_int_equal(dp_interval_of_share(&at, &s, &row->m, level),
                             DP_OK);
            const double p =
                own.mass[x + own.reach] * rest.mass[y + rest.reach];
            covered += at.lo <= want && want <= at.hi ? p : 0;
            unbounded += at.kind == DP_INTERVAL_UNBOUNDED ? p : 0;
        }
    free(own.mass);
    free(rest.mass);
    assert_true(covered >= level - 1e-6);
    assert_true(row->near_zero ? unbounded > 0.001 : unbounded < 1e-6);
    assert_true(row->near_zero || row->rest == 0 || covered <= 0.97);
}

static void outside_the_domain(void **state)
{
    const struct dp_mechanism m = { DP_DGAUSS, 10, 1 },
                              bad = { DP_DGAUSS, 0, 1 };
    double reach = 77;
    (void)state;
    assert_int_equal(dp_reach_of_total(&reach, &m, 0, 0.95), DP_EDOM);
    assert_int_equal(dp_reach_of_total(&reach, &m, 2, 1), DP_EDOM);
    assert_int_equal(dp_reach_of_total(&reach, &bad, 2, 0.95), DP_EDOM);
    assert_true(reach == 77);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(outside_the_domain) };
    return RUN_ROWS(totals, total_covers) + RUN_ROWS(shares, share_covers) +
           cmocka_run_group_tests(tests, NULL, NULL);
}
