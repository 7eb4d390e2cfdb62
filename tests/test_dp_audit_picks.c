/*
 * Skew quantiles and clamp bounds under the auditor, beside the same paid for
 * too few rows, which it must find (tests/test_dp_audit.c has the rest).  A
 * bound is above the true epsilon with probability 10^-9 at most, so a right
 * mechanism raises a false alarm once in 10^9 runs over seeds.
 */
#include "dp/audit.h"

#include "dp/bounds.h"
#include "tests/lib_rng.h"
#include "tests/table.h"

enum { TRIALS = 18000, CELLS = 6 };

/* What is drawn from; each draw reads its part. */
struct subject {
    struct dp_quantile q;
    struct dp_choice choice;
    int64_t count[2][CELLS];
};

static void exact(struct dp_exact *out, const struct subject *s, int side)
{
    for (size_t i = 0; i < CELLS; i++)
        out[i].touched = s->count[side][i];
}

static int64_t draw_quantile(int side, gsl_rng *rng, void *ctx)
{
    const struct subject *s = ctx;
    struct dp_exact in[CELLS], room[CELLS + 2];
    size_t pick;
    exact(in, s, side);
    assert_int_equal(
        dp_quantile_pick(&pick, in, CELLS, &s->q, &s->choice, room, rng),
        DP_OK);
    return (int64_t)pick;
}

/* Which bucket bounds from below; the counts are of the six about zero. */
static int64_t draw_bounds(int side, gsl_rng *rng, void *ctx)
{
    const struct subject *s = ctx;
    struct dp_exact in[DP_BOUNDS_BUCKETS] = { { 0 } };
    struct dp_bounds b;
    exact(in + 61, s, side);
    assert_int_equal(dp_bounds_pick(&b, in, &s->choice, 0.5, rng), DP_OK);
    return (int64_t)dp_bounds_bucket(b.lo);
}

static const struct row {
    const char *name;
    dp_audit_draw_fn *draw;
    struct subject s;
    double claim, least; /* the bound: at most the claim, at least this */
    bool broken;         /* then: above the claim */
} rows[] = {
    { "the highest decile",
      draw_quantile,
      { .q = { 9, 10, 0 },
        .choice = { DP_EXPONENTIAL, 1000000000, 9, false },
        .count = { { 9, 0, 0, 0, 0, 1 }, { 9, 0, 0, 0, 0, 2 } } },
      1,
      0.05,
      false },
    { "the highest decile of a person with ten rows, paid for one",
      draw_quantile,
      { .q = { 9, 10, 0 },
        .choice = { DP_EXPONENTIAL, 1000000000, 9, false },
        .count = { { 9, 0, 0, 0, 0, 0 }, { 9, 0, 0, 0, 0, 10 } } },
      1,
      1,
      true },
    { "bounds from below",
      draw_bounds,
      { .choice = { DP_EXPONENTIAL, 1000000000, 1, false },
        .count = { { 0, 9, 9, 0, 0, 0 }, { 1, 9, 9, 0, 0, 0 } } },
      2,
      0.05,
      false },
    { "bounds from below of a person with 20 rows, paid for one",
      draw_bounds,
      { .choice = { DP_EXPONENTIAL, 1000000000, 1, false },
        .count = { { 0, 9, 9, 0, 0, 0 }, { 20, 9, 9, 0, 0, 0 } } },
      2,
      2,
      true },
};

static void check_audit(void **state)
{
    const struct row *row = *state;
    struct subject s = row->s;
    const struct dp_audit a = {
        .draw = row->draw,
        .ctx = &s,
        .trials = TRIALS,
        .alpha = 1e-9,
    };
    gsl_rng *rng = test_rng_new(111);
    struct dp_audit_finding f;
    assert_int_equal(dp_audit(&f, &a, rng), DP_OK);
    gsl_rng_free(rng);
    print_message("eps >= %.3f\n", f.eps);
    if (row->broken)
        assert_true(f.eps > row->claim);
    else
        assert_true(f.eps <= row->claim && f.eps >= row->least);
}

int main(void)
{
    return RUN_ROWS(rows, check_audit);
}
