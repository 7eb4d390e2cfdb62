/*
 * Every mechanism of dp/ under the auditor, beside broken ones that it must
 * find.  A bound is above the true epsilon with probability 10^-9 at most, so
 * a right mechanism raises a false alarm once in 10^9 runs over seeds (here the
 * seed is fixed); "at least" states how near the bound comes to the claim, so
 * that the auditor is known to look in the right place.
 */
#include "dp/audit.h"

#include <math.h>

#include "dp/choose.h"
#include "dp/convert.h"
#include "dp/gauss.h"
#include "dp/keep.h"
#include "dp/quantile.h"
#include "dp/select.h"
#include "dp/topk.h"
#include "tests/lib_attack.h"
#include "tests/lib_rng.h"
#include "tests/table.h"

enum { KEEP_ROOM = 4096 };
#define NANO UINT64_C(1000000000)

/* What is drawn from; each row fills what its draw reads. */
struct subject {
    struct dp_mechanism m;
    int64_t value[2]; /* the exact value, or number of people, on each side */
    struct dp_threshold threshold;
    unsigned groups; /* that only the person on side 1 is in */
    struct dp_keep_rule rule;
    struct dp_choice choice;
    int64_t score[2][6];
    struct dp_topk topk;
    struct dp_noisy drawn[2][DP_MANY]; /* of a vector, left of them unused */
    size_t left[2];
};

static int64_t noisy(dp_int value, const struct dp_mechanism *m, gsl_rng *rng)
{
    struct dp_noisy out;
    const enum dp_status status =
        dp_mechanism_release(&out, &(struct dp_exact){ value }, 1, m, rng);
    assert_int_equal(status, DP_OK);
    return (int64_t)out.v;
}

static int64_t draw_value(int side, gsl_rng *rng, void *ctx)
{
    const struct subject *s = ctx;
    return noisy(s->value[side], &s->m, rng);
}

/* The same from a vector so long that a table draws it, cell by cell. */
static int64_t draw_cell(int side, gsl_rng *rng, void *ctx)
{
    struct subject *s = ctx;
    if (s->left[side] == 0) {
        struct dp_exact in[DP_MANY];
        for (int i = 0; i < DP_MANY; i++)
            in[i].touched = s->value[side];
        assert_int_equal(
            dp_mechanism_release(s->drawn[side], in, DP_MANY, &s->m, rng),
            DP_OK);
        s->left[side] = DP_MANY;
    }
    return (int64_t)s->drawn[side][--s->left[side]].v;
}

/* Two values of one person, 1 and 8, each with a scale of its own: which of
 * them came out at least as high as they are with the person? */
static int64_t draw_pair(int side, gsl_rng *rng, void *ctx)
{
    const struct subject *s = ctx;
    const struct dp_mechanism second = { s->m.law, s->m.num * 8, s->m.den };
    return (noisy(side, &s->m, rng) >= 1) +
           2 * (noisy(8 * side, &second, rng) >= 8);
}

/* The same, the scales mixed up. */
static int64_t draw_swapped(int side, gsl_rng *rng, void *ctx)
{
    const struct subject *s = ctx;
    const struct dp_mechanism second = { s->m.law, s->m.num * 8, s->m.den };
    return (noisy(side, &second, rng) >= 1) +
           2 * (noisy(8 * side, &s->m, rng) >= 8);
}

/* Noise on a value at the end of the type: does it saturate? */
static int64_t draw_end(int side, gsl_rng *rng, void *ctx)
{
    const struct subject *s = ctx;
    struct dp_noisy out;
    assert_int_equal(
        dp_mechanism_release(&out, &(struct dp_exact){ DP_INT_MAX - side }, 1,
                             &s->m, rng),
        DP_OK);
    return (int64_t)(DP_INT_MAX - out.v);
}

/* What the low bits of an output as a double tell (lib_attack.h). */
static int64_t low_bits(attack_release_fn *release, int side, gsl_rng *rng)
{
    const double y = release(side, rng);
    return attack_can_be(y, 0, 1) + 2 * attack_can_be(y, 1, 1);
}

/* On GSL's own generator, which the textbook would take. */
static int64_t draw_float_bits(int side, gsl_rng *rng, void *ctx)
{
    static gsl_rng *textbook;
    (void)rng;
    (void)ctx;
    if (!textbook)
        textbook = gsl_rng_alloc(gsl_rng_default);
    return low_bits(attack_textbook, side, textbook);
}

static int64_t draw_our_bits(int side, gsl_rng *rng, void *ctx)
{
    (void)ctx;
    return low_bits(attack_ours, side, rng);
}

/* Groups of value[side] people by a threshold: how many are shown, and the
 * first one's number; a group of nobody does not exist. */
static int64_t draw_threshold(int side, gsl_rng *rng, void *ctx)
{
    const struct subject *s = ctx;
    int64_t shown = 0, first = 0;
    for (unsigned i = 0; i < s->groups && s->value[side] > 0; i++) {
        const struct dp_exact people = { s->value[side] };
        const struct dp_noisy n = { noisy(people.touched, &s->m, rng) };
        const bool shows = dp_threshold_shows(s->threshold, people, n);
        shown += shows;
        first = i == 0 && shows ? (int64_t)n.v : first;
    }
    return shown * 1000000 + first;
}

static int64_t draw_keep(int side, gsl_rng *rng, void *ctx)
{
    static dp_uint room[KEEP_ROOM];
    static struct dp_keep keep;
    const struct subject *s = ctx;
    if (keep.chance != room || keep.rule.eps_nano != s->rule.eps_nano ||
        keep.rule.delta_atto != s->rule.delta_atto ||
        keep.rule.least != s->rule.least)
        assert_int_equal(dp_keep_init(&keep, &s->rule, room, KEEP_ROOM), DP_OK);
    return dp_keep_draw(&keep, (struct dp_exact){ s->value[side] }, rng);
}

static int64_t draw_choice(int side, gsl_rng *rng, void *ctx)
{
    const struct subject *s = ctx;
    struct dp_exact score[6];
    for (int i = 0; i < 6; i++)
        score[i].touched = s->score[side][i];
    size_t pick;
    assert_int_equal(dp_choose(&pick, score, NULL, 6, &s->choice, rng), DP_OK);
    return (int64_t)pick;
}

/* The bucket of a median; the person's row is the last of them. */
static int64_t draw_median(int side, gsl_rng *rng, void *ctx)
{
    const struct subject *s = ctx;
    const struct dp_quantile median = { 1, 2, 0 };
    struct dp_exact count[6], room[8];
    for (int i = 0; i < 6; i++)
        count[i].touched = s->score[side][i];
    size_t bucket;
    assert_int_equal(
        dp_quantile_pick(&bucket, count, 6, &median, &s->choice, room, rng),
        DP_OK);
    return (int64_t)bucket;
}

/*
 * The most frequent of groups that nobody declared, two fetched and one below.
 * The person makes group 3 as frequent as group 2, before which it stands.
 */
static int64_t draw_top(int side, gsl_rng *rng, void *ctx)
{
    static const int64_t name[2][2] = { { 1, 2 }, { 1, 3 } };
    const struct subject *s = ctx;
    struct dp_exact count[3], score[3];
    uint64_t width[3];
    for (int i = 0; i < 3; i++)
        count[i].touched = s->score[side][i];
    size_t index[1], picked;
    assert_int_equal(dp_topk_pick(index, &picked, &s->topk, count, 3,
                                  (struct dp_topk_room){ score, width }, rng),
                     DP_OK);
    return picked > 0 ? name[side][index[0]] : 0;
}

enum verdict { HOLDS, REFUTED };

static const struct row {
    const char *name;
    dp_audit_draw_fn *draw;
    struct subject subject;
    double delta,
        eps; /* the claim; eps 0: what rho = 1/(2 scale^2) converts to */
    double at_least; /* of the bound; refuted rows: more than eps anyway */
    enum verdict want;
    struct {
        double delta; /* of the threshold, when there is one, */
        uint32_t l0;
        uint64_t least;
        int off; /* and how wrong it is */
    } cut;
} rows[] = {
    { .name = "discrete Laplace",
      .draw = draw_value,
      .subject = { .m = { DP_DLAPLACE, 1, 1 }, .value = { 5, 6 } },
      .eps = 1,
      .at_least = 0.9 },
    { .name = "discrete Laplace of scale 7/2, sensitivity 2",
      .draw = draw_value,
      .subject = { .m = { DP_DLAPLACE, 7, 2 }, .value = { -1, 1 } },
      .eps = 4.0 / 7,
      .at_least = 0.4 },
    { .name = "half the scale is found",
      .draw = draw_value,
      .subject = { .m = { DP_DLAPLACE, 1, 2 }, .value = { 5, 6 } },
      .eps = 1,
      .want = REFUTED },
    { .name = "noise at the end of the type",
      .draw = draw_end,
      .subject = { .m = { DP_DLAPLACE, 2, 1 } },
      .eps = 0.5,
      .at_least = 0.4 },
    { .name = "discrete Gaussian of scale 2",
      .draw = draw_value,
      .subject = { .m = { DP_DGAUSS, 2, 1 }, .value = { 100, 101 } },
      .delta = 1e-3,
      .at_least = 0.5 },
    { .name = "discrete Gaussian of half the scale is found",
      .draw = draw_value,
      .subject = { .m = { DP_DGAUSS, 1, 1 }, .value = { 0, 1 } },
      .delta = 1e-3,
      .want = REFUTED },
    { .name = "rounded Gaussian of scale 2",
      .draw = draw_value,
      .subject = { .m = { DP_RGAUSS, 2, 1 }, .value = { 100, 101 } },
      .delta = 1e-3,
      .at_least = 0.5 },
    { .name = "rounded Gaussian of half the scale is found",
      .draw = draw_value,
      .subject = { .m = { DP_RGAUSS, 1, 1 }, .value = { 0, 1 } },
      .delta = 1e-3,
      .want = REFUTED },
    { .name = "discrete Laplace by a table",
      .draw = draw_cell,
      .subject = { .m = { DP_DLAPLACE, 1, 1 }, .value = { 5, 6 } },
      .eps = 1,
      .at_least = 0.9 },
    { .name = "discrete Gaussian by a table",
      .draw = draw_cell,
      .subject = { .m = { DP_DGAUSS, 2, 1 }, .value = { -1, 0 } },
      .delta = 1e-3,
      .at_least = 0.5 },
    { .name = "rounded Gaussian by a table",
      .draw = draw_cell,
      .subject = { .m = { DP_RGAUSS, 2, 1 }, .value = { -1, 0 } },
      .delta = 1e-3,
      .at_least = 0.5 },
    { .name = "a table for half the scale is found",
      .draw = draw_cell,
      .subject = { .m = { DP_DLAPLACE, 1, 2 }, .value = { 5, 6 } },
      .eps = 1,
      .want = REFUTED },
    { .name = "two values, each with its own scale",
      .draw = draw_pair,
      .subject = { .m = { DP_DLAPLACE, 2, 1 } },
      .eps = 1,
      .at_least = 0.8 },
    { .name = "scales of two values mixed up are found",
      .draw = draw_swapped,
      .subject = { .m = { DP_DLAPLACE, 2, 1 } },
      .eps = 1,
      .want = REFUTED },
    { .name = "low bits of floating-point noise are found",
      .draw = draw_float_bits,
      .eps = 1,
      .at_least = 5,
      .want = REFUTED },
    { .name = "low bits of ours tell nothing",
      .draw = draw_our_bits,
      .eps = 0.05 },
    { .name = "threshold: a group of one person",
      .draw = draw_threshold,
      .subject = { .m = { DP_DLAPLACE, 2, 1 }, .value = { 0, 1 }, .groups = 1 },
      .delta = 0.05,
      .eps = 0.5,
      .cut = { 0.05, 1 } },
    { .name = "threshold: three groups of one person",
      .draw = draw_threshold,
      .subject = { .m = { DP_DLAPLACE, 6, 1 }, .value = { 0, 1 }, .groups = 3 },
      .delta = 0.05,
      .eps = 0.5,
      .cut = { 0.05, 3 } },
    { .name = "threshold: groups on both sides",
      .draw = draw_threshold,
      .subject = { .m = { DP_DLAPLACE, 2, 1 }, .value = { 7, 8 }, .groups = 1 },
      .delta = 0.05,
      .eps = 0.5,
      .at_least = 0.2,
      .cut = { 0.05, 1 } },
    { .name = "threshold: one person more makes the minimum audience",
      .draw = draw_threshold,
      .subject = { .m = { DP_DLAPLACE, 2, 1 }, .value = { 4, 5 }, .groups = 1 },
      .delta = 0.05,
      .eps = 0.5,
      .cut = { 0.05, 1, 5 } },
    { .name = "Gaussian threshold: two groups of one person",
      .draw = draw_threshold,
      .subject = { .m = { DP_DGAUSS, 3, 1 }, .value = { 0, 1 }, .groups = 2 },
      .delta = 0.05,
      .eps = 0.5,
      .cut = { 0.05, 2 } },
    { .name = "a threshold one too low is found",
      .draw = draw_threshold,
      .subject = { .m = { DP_DLAPLACE, 2, 1 }, .value = { 0, 1 }, .groups = 1 },
      .delta = 0.035,
      .eps = 0.5,
      .want = REFUTED,
      .cut = { 0.035, 1, 0, -1 } },
    { .name = "a threshold for one group where there are three is found",
      .draw = draw_threshold,
      .subject = { .m = { DP_DLAPLACE, 6, 1 }, .value = { 0, 1 }, .groups = 3 },
      .delta = 0.05,
      .eps = 0.5,
      .want = REFUTED,
      .cut = { 0.05, 1 } },
    { .name = "a minimum audience that the threshold does not rise by is found",
      .draw = draw_threshold,
      .subject = { .m = { DP_DLAPLACE, 2, 1 }, .value = { 4, 5 }, .groups = 1 },
      .delta = 0.05,
      .eps = 0.5,
      .want = REFUTED,
      .cut = { 0.05, 1, 5, -4 } },
    { .name = "a delta stated 2.7 times too small is found",
      .draw = draw_threshold,
      .subject = { .m = { DP_DLAPLACE, 2, 1 }, .value = { 0, 1 }, .groups = 1 },
      .delta = 0.05 / 2.7,
      .eps = 0.5,
      .want = REFUTED,
      .cut = { 0.05, 1 } },
    { .name = "optimal rule: a group of one person",
      .draw = draw_keep,
      .subject = { .value = { 0, 1 }, .rule = { NANO, NANO * 10000000, 1, 0 } },
      .delta = 0.01,
      .eps = 1 },
    { .name = "optimal rule: where the chance rises",
      .draw = draw_keep,
      .subject = { .value = { 3, 4 }, .rule = { NANO, NANO * 10000000, 1, 0 } },
      .delta = 0.01,
      .eps = 1,
      .at_least = 0.8 },
    { .name = "optimal rule: where it nears 1",
      .draw = draw_keep,
      .subject = { .value = { 5, 6 }, .rule = { NANO, NANO * 10000000, 1, 0 } },
      .delta = 0.01,
      .eps = 1,
      .at_least = 0.7 },
    { .name = "optimal rule: one person more makes the minimum audience",
      .draw = draw_keep,
      .subject = { .value = { 9, 10 },
                   .rule = { NANO, NANO * 10000000, 1, 10 } },
      .delta = 0.01,
      .eps = 1 },
    { .name = "an optimal rule of twice the delta is found",
      .draw = draw_keep,
      .subject = { .value = { 0, 1 }, .rule = { NANO, NANO * 20000000, 1, 0 } },
      .delta = 0.01,
      .eps = 1,
      .want = REFUTED },
    { .name = "exponential mechanism",
      .draw = draw_choice,
      .subject = { .choice = { DP_EXPONENTIAL, 2 * NANO, 1, false },
                   .score = { { -3, 0, 0, 0, 0, 0 },
                              { -2, -1, -1, -1, -1, -1 } } },
      .eps = 2,
      .at_least = 1.3 },
    { .name = "exponential mechanism, monotone scores",
      .draw = draw_choice,
      .subject = { .choice = { DP_EXPONENTIAL, 2 * NANO, 1, true },
                   .score = { { 1, 2, 2, 2, 2, 2 }, { 1, 3, 3, 3, 3, 3 } } },
      .eps = 2,
      .at_least = 1.2 },
    { .name = "a set of choices likelier with the person",
      .draw = draw_choice,
      .subject = { .choice = { DP_EXPONENTIAL, 2 * NANO, 1, false },
                   .score = { { 0, -2, 0, -2, 0, -2 },
                              { -1, -1, -1, -1, -1, -1 } } },
      .eps = 2,
      .at_least = 1.25 },
    { .name = "a set of choices likelier without",
      .draw = draw_choice,
      .subject = { .choice = { DP_EXPONENTIAL, 2 * NANO, 1, false },
                   .score = { { -1, -1, -1, -1, -1, -1 },
                              { -2, 0, -2, 0, -2, 0 } } },
      .eps = 2,
      .at_least = 1.25 },
    { .name = "permute and flip",
      .draw = draw_choice,
      .subject = { .choice = { DP_PERMUTE_AND_FLIP, 2 * NANO, 1, false },
                   .score = { { -3, 0, 0, 0, 0, 0 },
                              { -2, -1, -1, -1, -1, -1 } } },
      .eps = 2,
      .at_least = 1.4 },
    { .name = "noisy max",
      .draw = draw_choice,
      .subject = { .choice = { DP_NOISY_MAX, 2 * NANO, 1, false },
                   .score = { { -3, 0, 0, 0, 0, 0 },
                              { -2, -1, -1, -1, -1, -1 } } },
      .eps = 2,
      .at_least = 1.4 },
    { .name = "scores called monotone that are not: found in the exponential",
      .draw = draw_choice,
      .subject = { .choice = { DP_EXPONENTIAL, 2 * NANO, 1, true },
                   .score = { { -3, 0, 0, 0, 0, 0 },
                              { -2, -1, -1, -1, -1, -1 } } },
      .eps = 2,
      .want = REFUTED },
    { .name = "in permute and flip",
      .draw = draw_choice,
      .subject = { .choice = { DP_PERMUTE_AND_FLIP, 2 * NANO, 1, true },
                   .score = { { -2, 0, 0, 0, 0, 0 },
                              { -1, -1, -1, -1, -1, -1 } } },
      .eps = 2,
      .want = REFUTED },
    { .name = "and in noisy max",
      .draw = draw_choice,
      .subject = { .choice = { DP_NOISY_MAX, 2 * NANO, 1, true },
                   .score = { { -2, 0, 0, 0, 0, 0 },
                              { -1, -1, -1, -1, -1, -1 } } },
      .eps = 2,
      .want = REFUTED },
    { .name = "median",
      .draw = draw_median,
      .subject = { .choice = { DP_EXPONENTIAL, 2 * NANO, 1, false },
                   .score = { { 3, 3, 3, 3, 0, 0 }, { 3, 3, 3, 3, 1, 0 } } },
      .eps = 2,
      .at_least = 0.4 },
    { .name = "a median of people with six rows, priced for one, is found",
      .draw = draw_median,
      .subject = { .choice = { DP_EXPONENTIAL, 2 * NANO, 1, false },
                   .score = { { 3, 3, 3, 3, 0, 0 }, { 3, 3, 3, 3, 6, 0 } } },
      .eps = 2,
      .want = REFUTED },
    { .name = "top of undeclared groups",
      .draw = draw_top,
      .subject = { .topk = { .k = 1,
                             .l0 = 1,
                             .fetched = 2,
                             .delta_atto = NANO * 50000000,
                             .pick = { DP_EXPONENTIAL, NANO, 1, true } },
                   .score = { { 1, 1, 1 }, { 1, 2, 1 } } },
      .delta = 0.05,
      .eps = 1 },
    { .name = "groups of one person beside none",
      .draw = draw_top,
      .subject = { .topk = { .k = 1,
                             .l0 = 1,
                             .fetched = 2,
                             .delta_atto = NANO * 50000000,
                             .pick = { DP_EXPONENTIAL, NANO, 1, true } },
                   .score = { { 0, 0, 0 }, { 0, 1, 0 } } },
      .delta = 0.05,
      .eps = 1 },
    { .name = "a stop that is too low for its delta is found",
      .draw = draw_top,
      .subject = { .topk = { .k = 1,
                             .l0 = 1,
                             .fetched = 2,
                             .delta_atto = NANO * 500000000,
                             .pick = { DP_EXPONENTIAL, NANO, 1, true } },
                   .score = { { 1, 1, 1 }, { 1, 2, 1 } } },
      .delta = 0.05,
      .eps = 1,
      .want = REFUTED },
};

static void check_row(void **state)
{
    enum { TRIALS = 60000 };
    const struct row *row = *state;
    struct subject s = row->subject;
    if (row->cut.l0 > 0) {
        assert_int_equal(
            dp_threshold_of(&s.threshold, &s.m, row->cut.l0, row->cut.delta, 0),
            DP_OK);
        assert_int_equal(dp_threshold_raise(&s.threshold, row->cut.least),
                         DP_OK);
        s.threshold.above += (uint64_t)row->cut.off;
    }
    double claim = row->eps;
    if (claim == 0)
        assert_int_equal(s.m.law == DP_RGAUSS
                             ? dp_gauss_eps(&claim, 0.5, row->delta)
                             : dp_eps_of_rho(&claim, 0.125, row->delta),
                         DP_OK);

    const struct dp_audit audit = { .draw = row->draw,
                                    .ctx = &s,
                                    .trials = TRIALS,
                                    .delta = row->delta,
                                    .alpha = 1e-9 };
    struct dp_audit_finding found;
    gsl_rng *rng = test_rng_new(71);
    assert_int_equal(dp_audit(&found, &audit, rng), DP_OK);
    gsl_rng_free(rng);
    print_message("claim %.4f, at least %.4f (%zu, %zu of %zu)\n", claim,
                  found.eps, found.hits[0], found.hits[1], found.tested);
    assert_true((found.eps > claim) == (row->want == REFUTED));
    assert_true(found.eps >= row->at_least);
    assert_true(found.hits[found.likelier] >= found.hits[!found.likelier]);
}

/* k, n, alpha and both bounds: at the ends by their closed forms, between by
 * 50-digit bisection. */
static const struct rate_row {
    const char *name;
    size_t k, n;
    double alpha, low, high;
} rate_rows[] = {
    { "no hits", 0, 1000, 0.01, 0, 1 - 0.995405417351527 },
    { "all hits", 1000, 1000, 0.01, 0.995405417351527, 1 },
    { "one trial", 1, 1, 0.05, 0.05, 1 },
    { "a few hits", 30, 1000, 1e-9, 0.00782314107815542, 0.0749927463011666 },
    { "most hits", 731, 1000, 0.05, 0.706947161230143, 0.754039751391038 },
    { "one hit", 1, 50000, 1e-9, 1.99999996490334e-14, 0.000478684739405121 },
    { "a million trials", 2000, 1000000, 1e-6, 0.0017947551941076,
      0.00222063072355055 },
};

static void check_rate(void **state)
{
    const struct rate_row *row = *state;
    assert_true(fabs(dp_audit_rate_low(row->k, row->n, row->alpha) - row->low) <
                1e-10);
    assert_true(fabs(dp_audit_rate_high(row->k, row->n, row->alpha) -
                     row->high) < 1e-10);
}

static void the_domain(void **state)
{
    (void)state;
    struct subject s = { .m = { DP_DLAPLACE, 1, 1 } };
    const struct dp_audit good = { draw_value, &s, 2, 0, 0.5 };
    struct dp_audit bad[6] = { good, good, good, good, good, good };
    bad[0].trials = 1;
    bad[1].trials = DP_AUDIT_TRIALS_MAX + 1;
    bad[2].delta = -1e-9;
    bad[3].delta = 1;
    bad[4].alpha = 0;
    bad[5].alpha = 1;
    struct dp_audit_finding found = { .eps = 77 };
    gsl_rng *rng = test_rng_new(72);
    for (int i = 0; i < 6; i++)
        assert_int_equal(dp_audit(&found, &bad[i], rng), DP_EDOM);
    assert_true(found.eps == 77);
    assert_int_equal(dp_audit(&found, &good, rng), DP_OK);
    gsl_rng_free(rng);
}

/*
 * The bound's own rate of false alarms: 2,000 audits of 200 draws at alpha 0.2,
 * of a mechanism whose epsilon is tight on the event chosen.  More than 0.2 of
 * them plus 6 standard errors would be wrong; none at all, too weak.
 */
static void the_bound_is_wrong_as_seldom_as_it_says(void **state)
{
    enum { AUDITS = 2000 };
    (void)state;
    struct subject s = { .m = { DP_DLAPLACE, 1, 1 }, .value = { 0, 1 } };
    const struct dp_audit audit = { draw_value, &s, 200, 0, 0.2 };
    gsl_rng *rng = test_rng_new(73);
    int wrong = 0;
    for (int i = 0; i < AUDITS; i++) {
        struct dp_audit_finding found;
        assert_int_equal(dp_audit(&found, &audit, rng), DP_OK);
        wrong += found.eps > 1;
    }
    gsl_rng_free(rng);
    print_message("%d of %d\n", wrong, AUDITS);
    assert_in_range(wrong, 1, (int)(AUDITS * (0.2 + 6 * 0.009)));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_domain),
        cmocka_unit_test(the_bound_is_wrong_as_seldom_as_it_says),
    };
    return RUN_ROWS(rows, check_row) + RUN_ROWS(rate_rows, check_rate) +
           cmocka_run_group_tests(tests, NULL, NULL);
}
