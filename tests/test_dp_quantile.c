/* Quantiles picked from bucket counts: the law of the pick, the sensitivity of
 * its scores, its accuracy, its interval. */
#include "dp/quantile.h"

#include <math.h>
#include <stdlib.h>

#include <gsl/gsl_cdf.h>

#include "tests/lib_rng.h"
#include "tests/table.h"

enum { SMALL = 12 };

/* The score as quantile.h words it: by walking the ranks, not by formula. */
static dp_int score_by_hand(const struct dp_exact *count, size_t n, size_t i,
                            const struct dp_quantile *q)
{
    dp_int rows = 0, low = 0;
    for (size_t j = 0; j < n; j++) {
        rows += count[j].touched;
        low += j < i ? count[j].touched : 0;
    }
    const dp_int target = rows * q->num + q->shift;
    dp_int best = DP_INT_MIN;
    for (dp_int at = low * q->den; at <= (low + count[i].touched) * q->den;
         at++) {
        const dp_int off = at > target ? target - at : at - target;
        best = off > best ? off : best;
    }
    return best;
}

static const struct row {
    const char *name;
    struct dp_quantile q;
    uint64_t linf;
    enum dp_choice_law law;
    int count[SMALL];
} rows[] = {
    { "median, exponential",
      { 1, 2, 0 },
      1,
      DP_EXPONENTIAL,
      { 1, 0, 0, 2, 3, 0, 4, 1, 0, 0, 0, 1 } },
    { "median, permute and flip",
      { 1, 2, 0 },
      1,
      DP_PERMUTE_AND_FLIP,
      { 1, 0, 0, 2, 3, 0, 4, 1, 0, 0, 0, 1 } },
    { "nine tenths, two rows a person",
      { 9, 10, 0 },
      2,
      DP_EXPONENTIAL,
      { 1, 0, 0, 2, 3, 0, 4, 1, 0, 0, 0, 1 } },
    { "one bucket holds most",
      { 1, 4, 0 },
      1,
      DP_EXPONENTIAL,
      { 0, 0, 0, 0, 30, 1, 1, 0, 0, 1, 0, 0 } },
    { "nobody", { 1, 2, 0 }, 1, DP_EXPONENTIAL, { 0 } },
    { "the least value", { 0, 1, 0 }, 1, DP_EXPONENTIAL, { 0, 0, 2, 2, 2 } },
    { "the greatest value", { 1, 1, 0 }, 1, DP_EXPONENTIAL, { 0, 0, 2, 2, 2 } },
};

static void fill(struct dp_exact *out, const int *in)
{
    for (size_t i = 0; i < SMALL; i++)
        out[i].touched = in[i];
}

/*
 * What a pick's law should be: the exponential mechanism's as it stands; that
 * of permute-and-flip by going over all sets of heads.
 */
static void law_of(double *p, const double *w, enum dp_choice_law law)
{
    double total = 0;
    for (size_t i = 0; i < SMALL; i++)
        total += p[i] = law == DP_EXPONENTIAL ? w[i] : 0;
    for (unsigned set = 1; law != DP_EXPONENTIAL && set < 1u << SMALL; set++) {
        double chance = 1;
        for (size_t i = 0; i < SMALL; i++)
            chance *= set >> i & 1 ? w[i] : 1 - w[i];
        for (size_t i = 0; i < SMALL; i++)
            if (set >> i & 1)
                p[i] += chance / __builtin_popcount(set);
        total += chance;
    }
    for (size_t i = 0; i < SMALL; i++)
        p[i] /= total;
}

/* Chi-square of 40,000 picks at eps 1; a false alarm once in 10^6. */
static void check_law(void **state)
{
    enum { N = 40000 };
    const struct row *row = *state;
    struct dp_exact count[SMALL], room[SMALL + 2];
    fill(count, row->count);
    const double moves = row->q.num > row->q.den - row->q.num
                             ? row->q.num
                             : row->q.den - row->q.num;
    struct dp_choice c;
    assert_int_equal(dp_quantile_choice(&c, &row->q, row->linf,
                                        (struct dp_price){ 0, 1000000000, 0 },
                                        DP_PURE),
                     DP_OK);
    c.law = row->law;

    double w[SMALL], p[SMALL], best = -HUGE_VAL, seen[SMALL] = { 0 };
    for (size_t i = 0; i < SMALL; i++) {
        w[i] = (double)score_by_hand(count, SMALL, i, &row->q);
        best = fmax(best, w[i]);
    }
    for (size_t i = 0; i < SMALL; i++)
        w[i] = exp((w[i] - best) / (2 * moves * (double)row->linf));
    law_of(p, w, row->law);

    gsl_rng *rng = test_rng_new(71);
    for (int i = 0; i < N; i++) {
        size_t pick;
        assert_int_equal(
            dp_quantile_pick(&pick, count, SMALL, &row->q, &c, room, rng),
            DP_OK);
        seen[pick]++;
    }
    gsl_rng_free(rng);
    double chi = 0, few_seen = 0, few_want = 0;
    unsigned cells = 0;
    for (size_t i = 0; i < SMALL; i++) {
        few_seen += seen[i], few_want += N * p[i];
        if (few_want < 10 && i < SMALL - 1)
            continue;
        const double d = few_seen - few_want;
        chi += few_want > 0 ? d * d / few_want : 0;
        few_seen = few_want = 0;
        cells++;
    }
    assert_true(chi < gsl_cdf_chisq_Qinv(1e-6, cells > 1 ? cells - 1 : 1));
}

static uint64_t below(gsl_rng *rng, uint64_t n)
{
    return gsl_rng_get(rng) % n;
}

/*
 * Over 20,000 random pairs of neighbours, no score moves by more than the
 * sensitivity that is paid for, and some score moves by just that.
 */
static void scores_move_by_the_sensitivity_at_most(void **state)
{
    (void)state;
    static const struct dp_quantile qs[] = {
        { 1, 2, 0 }, { 1, 4, 0 },  { 19, 20, 0 },
        { 0, 1, 3 }, { 1, 2, -9 }, { 19, 20, 31 },
    };
    gsl_rng *rng = test_rng_new(72);
    for (size_t k = 0; k < sizeof qs / sizeof *qs; k++) {
        dp_int most = 0;
        struct dp_choice c;
        const uint64_t linf = 1 + k % 3;
        assert_int_equal(dp_quantile_choice(
                             &c, &qs[k], linf,
                             (struct dp_price){ 100000000000, 0, 0 }, DP_ZCDP),
                         DP_OK);
        for (int i = 0; i < 20000 / 6; i++) {
            struct dp_exact a[SMALL], b[SMALL];
            for (size_t j = 0; j < SMALL; j++)
                b[j].touched = a[j].touched = (dp_int)below(rng, 5);
            const uint64_t joins = 1 + below(rng, linf);
            for (uint64_t r = 0; r < joins; r++)
                b[below(rng, SMALL)].touched++;
            for (size_t j = 0; j < SMALL; j++) {
                const dp_int moved = score_by_hand(a, SMALL, j, &qs[k]) -
                                     score_by_hand(b, SMALL, j, &qs[k]);
                most = moved > most ? moved : most;
                most = -moved > most ? -moved : most;
            }
        }
        assert_true(most == (dp_int)c.sensitivity);
    }
    gsl_rng_free(rng);
}

/* 4,000 people spread over 4,096 buckets, a tenth of them at one value. */
enum { PEOPLE = 4000, BUCKETS = 4096 };
static struct dp_exact people[BUCKETS], room[BUCKETS + 2];

static void spread_people(gsl_rng *rng)
{
    for (size_t i = 0; i < BUCKETS; i++)
        people[i].touched = 0;
    for (int i = 0; i < PEOPLE; i++)
        people[i % 10 ? below(rng, BUCKETS / 4) + below(rng, BUCKETS / 4) : 777]
            .touched++;
}

/* Rows by which bucket b misses the q quantile. */
static double rank_error(size_t b, double q)
{
    double low = 0, high;
    for (size_t i = 0; i < b; i++)
        low += (double)people[i].touched;
    high = low + (double)people[b].touched;
    return fmax(0, fmax(low - q * PEOPLE, q * PEOPLE - high));
}

/*
 * The mean error of 60 medians at epsilon 1 is below 0.1 % of the people (4
 * rows; its law has mean 1 and deviation 1), and every one is within the reach
 * of alpha = 10^-9.
 */
static void the_median_is_near(void **state)
{
    (void)state;
    const struct dp_quantile q = { 1, 2, 0 };
    struct dp_choice c;
    assert_int_equal(dp_quantile_choice(&c, &q, 1,
                                        (struct dp_price){ 0, 1000000000, 0 },
                                        DP_PURE),
                     DP_OK);
    uint64_t reach;
    assert_int_equal(dp_quantile_reach(&reach, &c, BUCKETS, 1e-9), DP_OK);
    gsl_rng *rng = test_rng_new(73);
    spread_people(rng);
    double sum = 0;
    for (int i = 0; i < 60; i++) {
        size_t pick;
        assert_int_equal(
            dp_quantile_pick(&pick, people, BUCKETS, &q, &c, room, rng), DP_OK);
        const double error = rank_error(pick, 0.5);
        sum += error;
        assert_true(error * 2 <= (double)reach);
    }
    gsl_rng_free(rng);
    assert_true(sum / 60 < 0.001 * PEOPLE);
}

/* Two more picks hold the exact bucket between them, at every place of the
 * distribution: at 1 - 2 alpha = 0.9 a union bound misses far less than 10 %.
 */
static void two_more_picks_are_an_interval(void **state)
{
    (void)state;
    enum { N = 40 };
    gsl_rng *rng = test_rng_new(74);
    spread_people(rng);
    for (uint32_t num = 0; num <= 8; num++) {
        const struct dp_quantile q = { num, 8, 0 };
        struct dp_choice c;
        uint64_t reach;
        assert_int_equal(
            dp_quantile_choice(&c, &q, 1,
                               (struct dp_price){ 20000000000, 0, 0 }, DP_ZCDP),
            DP_OK);
        assert_int_equal(dp_quantile_reach(&reach, &c, BUCKETS, 0.05), DP_OK);
        const struct dp_quantile low = dp_quantile_low(q, reach),
                                 high = dp_quantile_high(q, reach);
        size_t exact = 0;
        dp_int up_to = people[0].touched;
        while (up_to * 8 < PEOPLE * (dp_int)num)
            up_to += people[++exact].touched;
        int covered = 0;
        for (int i = 0; i < N; i++) {
            size_t from, to;
            assert_int_equal(
                dp_quantile_pick(&from, people, BUCKETS, &low, &c, room, rng),
                DP_OK);
            assert_int_equal(
                dp_quantile_pick(&to, people, BUCKETS, &high, &c, room, rng),
                DP_OK);
            covered += from <= exact && exact <= to;
        }
        assert_true(covered >= N - 4); /* more misses: once in 10^3 at 5 % */
    }
    gsl_rng_free(rng);
}

/* Each notion's own law, for all that the limit buys. */
static void a_choice_spends_its_limit(void **state)
{
    (void)state;
    const struct dp_price limit = { 50000000000, 300000000, 0 };
    for (int notion = DP_ZCDP; notion <= DP_GDP; notion++) {
        const struct dp_quantile q = { 3, 4, 0 };
        struct dp_choice c;
        struct dp_price p;
        assert_int_equal(
            dp_quantile_choice(&c, &q, 5, limit, (enum dp_notion)notion),
            DP_OK);
        assert_int_equal(c.law, notion == DP_PURE ? DP_PERMUTE_AND_FLIP
                                                  : DP_EXPONENTIAL);
        assert_int_equal(c.sensitivity, 15);
        assert_int_equal(dp_choice_price(&p, &c, (enum dp_notion)notion),
                         DP_OK);
        assert_true(dp_price_fits(p, limit));
        assert_true(
            p.rho_pico + p.eps_nano >=
            (notion == DP_PURE ? limit.eps_nano : limit.rho_pico / 1000 * 999));
    }
}

static void counts_beyond_any_table_do_not_overflow(void **state)
{
    (void)state;
    const struct dp_quantile q = { 999999, 1000000, 0 };
    struct dp_choice c;
    assert_int_equal(dp_quantile_choice(&c, &q, 1,
                                        (struct dp_price){ 0, 1000000000, 0 },
                                        DP_PURE),
                     DP_OK);
    for (size_t i = 0; i < BUCKETS; i++)
        people[i].touched = i % 2 ? DP_INT_MAX : DP_INT_MIN;
    gsl_rng *rng = test_rng_new(75);
    size_t pick = 0;
    assert_int_equal(
        dp_quantile_pick(&pick, people, BUCKETS, &q, &c, room, rng), DP_OK);
    gsl_rng_free(rng);
    assert_int_equal(pick, BUCKETS - 1);
}

static const struct refused_row {
    const char *name;
    struct dp_quantile q;
    uint64_t linf;
    size_t n;
} refused_rows[] = {
    { "a fraction above 1", { 3, 2, 0 }, 1, SMALL },
    { "a denominator of 0", { 0, 0, 0 }, 1, SMALL },
    { "a denominator above 2^20", { 1, (1 << 20) + 1, 0 }, 1, SMALL },
    { "a shift beyond 2^62", { 1, 2, INT64_MIN }, 1, SMALL },
    { "no buckets", { 1, 2, 0 }, 1, 0 },
    { "too many buckets", { 1, 2, 0 }, 1, DP_QUANTILE_N_MAX + 1 },
    { "no rows a person", { 1, 2, 0 }, 0, SMALL },
    { "more than 2^40 rows a person", { 1, 2, 0 }, UINT64_C(1) << 41, SMALL },
};

static void check_refused(void **state)
{
    const struct refused_row *row = *state;
    struct dp_choice c = { .eps_nano = 77 };
    const enum dp_status rc = dp_quantile_choice(
        &c, &row->q, row->linf, (struct dp_price){ 0, 1000000000, 0 }, DP_PURE);
    if (row->n == SMALL) {
        assert_int_equal(rc, DP_EDOM);
        assert_int_equal(c.eps_nano, 77);
        c = (struct dp_choice){ DP_EXPONENTIAL, 1000000000, 1000, false };
        if (row->linf != 1)
            return;
    }
    gsl_rng *rng = test_rng_new(76);
    size_t pick = 77;
    uint64_t reach;
    assert_int_equal(
        dp_quantile_pick(&pick, people, row->n, &row->q, &c, room, rng),
        DP_EDOM);
    assert_int_equal(pick, 77);
    if (row->n != SMALL)
        assert_int_equal(dp_quantile_reach(&reach, &c, row->n, 0.1), DP_EDOM);
    gsl_rng_free(rng);
}

static void a_choice_that_pays_too_little_is_refused(void **state)
{
    (void)state;
    const struct dp_quantile q = { 9, 10, 0 };
    struct dp_choice c = { DP_EXPONENTIAL, 1000000000, 8, false };
    gsl_rng *rng = test_rng_new(77);
    size_t pick;
    assert_int_equal(dp_quantile_pick(&pick, people, SMALL, &q, &c, room, rng),
                     DP_EDOM);
    c.sensitivity = 9;
    c.monotone = true;
    assert_int_equal(dp_quantile_pick(&pick, people, SMALL, &q, &c, room, rng),
                     DP_EDOM);
    gsl_rng_free(rng);
    struct dp_quantile of;
    assert_int_equal(dp_quantile_of(&of, 0.95), DP_OK);
    assert_true(of.num == 950000 && of.den == 1000000);
    assert_int_equal(dp_quantile_of(&of, 1.01), DP_EDOM);
    assert_int_equal(dp_quantile_of(&of, (double)NAN), DP_EDOM);
}

/* The least epsilon whose reach is what was asked. */
static void a_choice_reaches_what_was_asked(void **state)
{
    static const size_t sizes[] = { 1, 100, 65536 };
    (void)state;
    for (uint64_t reach = 1; reach < UINT64_C(1) << 50; reach *= 7)
        for (size_t i = 0; i < 3; i++)
            for (int pure = 0; pure < 2; pure++) {
                const struct dp_quantile q = { 1, 4, 0 };
                struct dp_choice c = { 0 };
                uint64_t got = 0;
                const enum dp_status rc = dp_quantile_choice_of_reach(
                    &c, &q, 3, reach, sizes[i], 0.05, pure ? DP_PURE : DP_ZCDP);
                if (rc == DP_ERANGE) {
                    assert_true(reach < 9); /* epsilon above 500 */
                    continue;
                }
                assert_int_equal(rc, DP_OK);
                assert_int_equal(c.sensitivity, 9);
                assert_int_equal(c.law,
                                 pure ? DP_PERMUTE_AND_FLIP : DP_EXPONENTIAL);
                assert_int_equal(dp_quantile_reach(&got, &c, sizes[i], 0.05),
                                 DP_OK);
                assert_true(got <= reach);
                if (c.eps_nano < 1000)
                    continue; /* a nano-epsilon shows */
                c.eps_nano -= c.eps_nano / 1000000 + 2;
                assert_int_equal(dp_quantile_reach(&got, &c, sizes[i], 0.05),
                                 DP_OK);
                assert_true(got > reach || reach == 1);
            }
    struct dp_choice c;
    const struct dp_quantile q = { 1, 2, 0 };
    assert_int_equal(
        dp_quantile_choice_of_reach(&c, &q, 1, 0, 9, 0.05, DP_ZCDP), DP_EDOM);
    assert_int_equal(
        dp_quantile_choice_of_reach(&c, &q, 0, 9, 9, 0.05, DP_ZCDP), DP_EDOM);
    assert_int_equal(dp_quantile_choice_of_reach(&c, &q, 1, 9, 9, 1, DP_ZCDP),
                     DP_EDOM);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_choice_reaches_what_was_asked),
        cmocka_unit_test(scores_move_by_the_sensitivity_at_most),
        cmocka_unit_test(the_median_is_near),
        cmocka_unit_test(two_more_picks_are_an_interval),
        cmocka_unit_test(a_choice_spends_its_limit),
        cmocka_unit_test(counts_beyond_any_table_do_not_overflow),
        cmocka_unit_test(a_choice_that_pays_too_little_is_refused),
    };
    return RUN_ROWS(rows, check_law) + RUN_ROWS(refused_rows, check_refused) +
           cmocka_run_group_tests(tests, NULL, NULL);
}
