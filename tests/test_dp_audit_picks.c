/*
 * Quantiles, clamp bounds and top-k under the auditor, beside the same with a
 * mistake in them, which it must find.  A bound is above the true epsilon with
 * probability 10^-9 at most, so a right mechanism raises a false alarm once in
 * 10^9 runs over seeds.
 */
#include "dp/audit.h"

#include "dp/bounds.h"
#include "dp/topk.h"
#include "tests/lib_rng.h"
#include "tests/table.h"

enum { TRIALS = 20000, CELLS = 6 };

/* What is drawn from; each draw reads its part. */
struct subject {
    struct dp_quantile q;
    struct dp_choice choice;
    struct dp_topk topk;
    int64_t count[2][CELLS];
    size_t n;
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

/* The list as a number; groups are told apart by their counts on side 1. */
static int64_t draw_topk(int side, gsl_rng *rng, void *ctx)
{
    const struct subject *s = ctx;
    struct dp_exact in[CELLS], score[CELLS + 1];
    uint64_t width[CELLS + 1];
    size_t index[CELLS], n;
    exact(in, s, side);
    assert_int_equal(
        dp_topk_pick(index, &n, &s->topk, in,
                     s->n - (side == 0 && s->count[0][s->n - 1] == 0),
                     (struct dp_topk_room){ score, width }, rng),
        DP_OK);
    int64_t list = 0;
    for (size_t i = 0; i < n; i++)
        list = list * CELLS + (int64_t)index[i] + 1;
    return list;
}

static const struct row {
    const char *name;
    dp_audit_draw_fn *draw;
    struct subject s;
    double delta, claim,
        least;   /* the bound: at most the claim, at least this */
    bool broken; /* then: above the claim */
} rows[] = {
    { "a median",
      draw_quantile,
      { .q = { 1, 2, 0 },
        .choice = { DP_PERMUTE_AND_FLIP, 1000000000, 1, false },
        .count = { { 3, 0, 0, 0, 0, 3 }, { 3, 0, 0, 0, 0, 4 } } },
      0,
      1,
      0.2,
      false },
    { "a median paid for one row, of a person with four",
      draw_quantile,
      { .q = { 1, 2, 0 },
        .choice = { DP_EXPONENTIAL, 1000000000, 1, false },
        .count = { { 3, 0, 0, 0, 0, 3 }, { 3, 0, 0, 0, 0, 7 } } },
      0,
      1,
      1,
      true },
    { "the highest decile",
      draw_quantile,
      { .q = { 9, 10, 0 },
        .choice = { DP_EXPONENTIAL, 1000000000, 9, false },
        .count = { { 9, 0, 0, 0, 0, 1 }, { 9, 0, 0, 0, 0, 2 } } },
      0,
      1,
      0.1,
      false },
    { "bounds from below",
      draw_bounds,
      { .choice = { DP_EXPONENTIAL, 1000000000, 1, false },
        .count = { { 0, 9, 9, 0, 0, 0 }, { 1, 9, 9, 0, 0, 0 } } },
      0,
      2,
      0.05,
      false },
    { "two of three groups, of which one is new",
      draw_topk,
      { .topk = { false,
                  2,
                  1,
                  3,
                  UINT64_C(50000000000000000),
                  { DP_EXPONENTIAL, 1000000000, 1, true } },
        .count = { { 2, 2, 0 }, { 2, 2, 1 } },
        .n = 3 },
      0.05,
      2,
      0,
      false },
    { "the same with the margin of a delta of 0.9",
      draw_topk,
      { .topk = { false,
                  2,
                  1,
                  3,
                  UINT64_C(900000000000000000),
                  { DP_EXPONENTIAL, 1000000000, 1, true } },
        .count = { { 2, 2, 0 }, { 2, 2, 1 } },
        .n = 3 },
      0.05,
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
        .delta = row->delta,
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
