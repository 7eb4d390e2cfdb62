/* Aggregates and the intervals of each; laws.h. */
#include "server/plan/laws.h"

#include <math.h>

#include "server/plan/draft.h"

static struct value int_of(dp_int v)
{
    if (v > INT64_MAX)
        return value_int(INT64_MAX);
    return value_int(v < INT64_MIN ? INT64_MIN : (int64_t)v);
}

/* Of a whole number: ends between two of them move outward. */
static struct reply_interval to_whole(struct reply_interval i)
{
    if (i.kind == INTERVAL_BOUNDED) {
        i.lo = floor(i.lo);
        i.hi = ceil(i.hi);
    }
    return i;
}

static double real_of(dp_int v, unsigned bits)
{
    return ldexp((double)v, -(int)bits);
}

/* To the nearest whole number, halves up. */
static dp_int rounded(dp_int v, unsigned bits)
{
    const dp_int one = (dp_int)1 << bits, half = one / 2;
    const dp_int rest = ((v % one) + one) % one; /* 0 <= rest < one */
    return (v - rest) / one + (rest >= half && bits > 0);
}

static struct value number(dp_int v, unsigned bits, bool whole)
{
    return whole ? int_of(rounded(v, bits)) : value_double(real_of(v, bits));
}

/* Unbounded when the law gives none: never narrower than it should be. */
static struct reply_interval shown(enum dp_status rc, struct dp_interval i,
                                   double shift, unsigned bits)
{
    if (rc != DP_OK || i.kind != DP_INTERVAL_BOUNDED)
        return (struct reply_interval){ .kind = INTERVAL_UNBOUNDED };
    i = dp_interval_place(i, shift, bits);
    return (struct reply_interval){ INTERVAL_BOUNDED, i.lo, i.hi };
}

/* So unlikely that a level of 0.95 cannot tell it from never. */
static const double NEVER = 1e-12;

static uint64_t half_width(const struct dp_mechanism *m, double alpha)
{
    uint64_t k = UINT64_MAX;
    return dp_mechanism_quantile(&k, m, alpha) == DP_OK ? k : UINT64_MAX;
}

static uint64_t near_of(const struct dp_mechanism *m)
{
    const uint64_t far = half_width(m, NEVER);
    return far < UINT64_MAX / 2 ? 2 * far : UINT64_MAX;
}

/* Where no law is known the divisor reaches everything: no bound. */
static struct dp_ratio_law ratio_of(const struct plan *p,
                                    const struct plan_agg *agg)
{
    struct dp_ratio_law law = { .den = HUGE_VALL };
    if (agg->kind != PLAN_AGG_MEAN ||
        dp_ratio_law_of(&law, &p->measures[agg->measure].noise,
                        &p->measures[agg->count].noise, p->level) != DP_OK)
        law.den = HUGE_VALL;
    return law;
}

/* The centre is taken off every row, so it comes back with the count. */
static struct dp_sum_law sum_of(const struct plan *p,
                                const struct plan_agg *agg)
{
    struct dp_sum_law law;
    if (agg->kind != PLAN_AGG_SUM ||
        dp_sum_law_of(&law, &p->measures[agg->measure].noise,
                      &p->measures[agg->count].noise,
                      (double)p->measures[agg->measure].center,
                      p->level) != DP_OK)
        law = (struct dp_sum_law){ .half = HUGE_VAL };
    return law;
}

/* Where no law is known the count reaches 0: no bound. */
static struct dp_moments_law spread_of(const struct plan *p,
                                       const struct plan_agg *agg)
{
    struct dp_moments_law law = { .count = UINT64_MAX };
    const bool is_spread =
        agg->kind == PLAN_AGG_VARIANCE || agg->kind == PLAN_AGG_DEVIATION;
    if (!is_spread ||
        dp_moments_law_of(&law, &p->measures[agg->count].noise,
                          &p->measures[agg->measure].noise,
                          &p->measures[agg->square].noise, p->level) != DP_OK)
        law.count = UINT64_MAX;
    return law;
}

enum err_code laws_find(struct laws *l, const struct plan *p, struct arena *a,
                        struct err *err)
{
    *l = (struct laws){ .p = p, .a = a };
    l->alone = ARENA_NEW_N(a, p->n_measures + 1, uint64_t);
    l->shared = ARENA_NEW_N(a, p->n_measures + 1, uint64_t);
    l->sums = ARENA_NEW_N(a, p->n_aggs + 1, struct dp_sum_law);
    l->ratios = ARENA_NEW_N(a, p->n_aggs + 1, struct dp_ratio_law);
    l->spreads = ARENA_NEW_N(a, p->n_aggs + 1, struct dp_moments_law);
    l->near = ARENA_NEW_N(a, p->n_measures + 1, uint64_t);
    if (!l->alone || !l->shared || !l->sums || !l->ratios || !l->spreads ||
        !l->near)
        return draft_memory(err);
    for (size_t i = 0; i < p->n_measures && !p->is_free; i++) {
        l->alone[i] = half_width(&p->measures[i].noise, 1 - p->level);
        l->shared[i] = half_width(&p->measures[i].noise, (1 - p->level) / 2);
        l->near[i] = near_of(&p->measures[i].noise);
    }
    for (size_t i = 0; i < p->n_aggs && !p->is_free; i++) {
        l->sums[i] = sum_of(p, &p->aggs[i]);
        l->ratios[i] = ratio_of(p, &p->aggs[i]);
        l->spreads[i] = spread_of(p, &p->aggs[i]);
    }
    return laws_cuts_find(l, a, err);
}

/* Far from what rows were chosen by, the law given that and the plain one agree
 * but for NEVER: a number that would rarely pass comes that far even more
 * rarely. */
struct reply_interval laws_measure(const struct laws *l, enum laws_stage stage,
                                   size_t i, dp_int v, bool shared)
{
    if (!laws_is_uncut(l, stage, i, v))
        return laws_cut_interval(l, stage, i, v, shared);
    const uint64_t k = shared ? l->shared[i] : l->alone[i];
    const unsigned bits = l->p->measures[i].grid_bits;
    const struct dp_interval at = { DP_INTERVAL_BOUNDED, (double)v - (double)k,
                                    (double)v + (double)k };
    return shown(k == UINT64_MAX ? DP_ENOCONV : DP_OK, at, 0, bits);
}

static struct reply_interval of_sum(const struct laws *l,
                                    const struct plan_agg *agg,
                                    const struct dp_noisy *noisy)
{
    const struct plan_measure *m = &l->p->measures[agg->measure];
    const struct dp_sum_law *law = &l->sums[agg - l->p->aggs];
    const struct dp_interval at =
        dp_sum_law_interval(law, noisy[agg->measure], noisy[agg->count]);
    return shown(isfinite(law->half) ? DP_OK : DP_ENOCONV, at, 0, m->grid_bits);
}

static struct reply_interval of_mean(const struct laws *l,
                                     const struct plan_agg *agg,
                                     const struct dp_noisy *noisy)
{
    const struct plan_measure *m = &l->p->measures[agg->measure];
    const struct dp_interval at = dp_ratio_law_interval(
        &l->ratios[agg - l->p->aggs], noisy[agg->measure], noisy[agg->count]);
    return shown(DP_OK, at, real_of(m->center, m->grid_bits), m->grid_bits);
}

/* Variance or deviation: three noisy numbers, dp/moments.h. */
static void spread(struct value *out, struct reply_interval *bounds,
                   const struct laws *l, const struct plan_agg *agg,
                   const struct dp_noisy *noisy)
{
    const struct plan *p = l->p;
    const struct dp_moments_law *law = &l->spreads[agg - p->aggs];
    const struct plan_measure *sum = &p->measures[agg->measure];
    const struct plan_measure *square = &p->measures[agg->square];
    const struct dp_moments m = {
        .count = noisy[agg->count],
        .sum = noisy[agg->measure],
        .square = noisy[agg->square],
        .center = sum->center,
        .grid_bits = sum->grid_bits,
        .middle = square->middle,
        .coarse = square->coarse,
    };
    const bool is_root = agg->kind == PLAN_AGG_DEVIATION;
    double v = 0;
    const bool is_some = is_root ? dp_moments_deviation(&v, &m, agg->sample)
                                 : dp_moments_variance(&v, &m, agg->sample);
    *out = is_some ? value_double(v) : value_null();
    const struct dp_interval at =
        is_root ? dp_moments_law_deviation(law, &m, agg->sample)
                : dp_moments_law_variance(law, &m, agg->sample);
    *bounds = shown(DP_OK, at, 0, 0);
}

static dp_int saturating_sum(dp_int m, dp_int center, dp_int count)
{
    dp_int product, sum;
    if (__builtin_mul_overflow(center, count, &product) ||
        __builtin_add_overflow(m, product, &sum))
        return (m > 0) == (center > 0) ? DP_INT_MAX : DP_INT_MIN;
    return sum;
}

static double edge(const struct plan_hist *h, double steps)
{
    return ldexp((double)h->lo + steps, -(int)h->of.grid_bits);
}

/* The middle of the bucket; the interval from the lower edge of one pick to the
 * upper edge of another. */
static void quantile(struct value *out, struct reply_interval *bounds,
                     const struct plan *p, const struct plan_agg *agg,
                     const struct dp_noisy *noisy)
{
    const struct plan_hist *h = &p->hists[p->picks[agg->pick].hist];
    const struct dp_noisy *picks = &noisy[p->n_measures + agg->pick];
    const dp_int width = (dp_int)h->width;
    const dp_int middle = picks[0].v * width + (width - 1) / 2;
    *out = agg->whole ? int_of(h->lo + middle)
                      : value_double(edge(h, (double)middle));
    *bounds = (struct reply_interval){ .kind = INTERVAL_NONE };
    if (!agg->has_ends)
        return;
    /* Few rows can bring the ends out of order. */
    const dp_int a = picks[1].v, b = picks[2].v;
    const dp_int lo = a < b ? a : b, hi = a < b ? b : a;
    *bounds =
        (struct reply_interval){ INTERVAL_BOUNDED,
                                 edge(h, (double)(lo * width)),
                                 edge(h, (double)(hi * width + width - 1)) };
}

/* Is one of the numbers it is put together of near what rows were chosen by? */
static bool is_near(const struct laws *l, enum laws_stage stage,
                    const struct plan_agg *agg, const struct dp_noisy *noisy)
{
    const bool spreads =
        agg->kind == PLAN_AGG_VARIANCE || agg->kind == PLAN_AGG_DEVIATION;
    return agg->kind != PLAN_AGG_MEASURE &&
           (!laws_is_uncut(l, stage, agg->measure, noisy[agg->measure].v) ||
            !laws_is_uncut(l, stage, agg->count, noisy[agg->count].v) ||
            (spreads &&
             !laws_is_uncut(l, stage, agg->square, noisy[agg->square].v)));
}

/* Then a sum and a mean are put together of the intervals of both, each of
 * which may miss half the time; a spread is not. */
static struct reply_interval near_edge(const struct laws *l,
                                       enum laws_stage stage,
                                       const struct plan_agg *agg,
                                       const struct dp_noisy *noisy)
{
    const struct plan_measure *m = &l->p->measures[agg->measure];
    const double center = real_of(m->center, m->grid_bits);
    const struct reply_interval sum =
        laws_measure(l, stage, agg->measure, noisy[agg->measure].v, true);
    struct reply_interval of =
        laws_measure(l, stage, agg->count, noisy[agg->count].v, true);
    if (agg->kind != PLAN_AGG_SUM && agg->kind != PLAN_AGG_MEAN)
        return (struct reply_interval){ .kind = INTERVAL_NONE };
    if (agg->kind == PLAN_AGG_MEAN) {
        of = laws_combined(OP_DIV, sum, of);
        of.lo += center;
        of.hi += center;
        return of;
    }
    const double a = center * of.lo, b = center * of.hi;
    if (of.kind == INTERVAL_BOUNDED) {
        of.lo = fmin(a, b);
        of.hi = fmax(a, b);
    }
    return laws_combined(OP_ADD, sum, of);
}

static void aggregate(struct value *out, struct reply_interval *bounds,
                      const struct laws *l, enum laws_stage stage, size_t i,
                      const struct dp_noisy *noisy)
{
    const struct plan *p = l->p;
    const struct plan_agg *agg = &p->aggs[i];
    const struct plan_measure *m = &p->measures[agg->measure];
    const dp_int s = noisy[agg->measure].v;

    switch (agg->kind) {
    case PLAN_AGG_QUANTILE:
    case PLAN_AGG_MEASURE:
        *out = number(s, m->grid_bits, agg->whole);
        *bounds =
            laws_measure(l, stage, agg->measure, noisy[agg->measure].v, false);
        break;
    case PLAN_AGG_SUM:
        *out = number(saturating_sum(s, m->center, noisy[agg->count].v),
                      m->grid_bits, agg->whole);
        *bounds = of_sum(l, agg, noisy);
        break;
    case PLAN_AGG_MEAN:
        *out = noisy[agg->count].v > 0
                   ? value_double(real_of(m->center, m->grid_bits) +
                                  real_of(s, m->grid_bits) /
                                      (double)noisy[agg->count].v)
                   : value_null();
        *bounds = of_mean(l, agg, noisy);
        return;
    case PLAN_AGG_VARIANCE:
    case PLAN_AGG_DEVIATION:
        spread(out, bounds, l, agg, noisy);
        return;
    }
    if (agg->whole)
        *bounds = to_whole(*bounds);
}

void laws_aggregate(struct value *out, struct reply_interval *bounds,
                    const struct laws *l, enum laws_stage stage, size_t i,
                    const struct dp_noisy *noisy)
{
    const struct plan_agg *agg = &l->p->aggs[i];
    const bool picks = agg->kind == PLAN_AGG_QUANTILE;
    if (picks)
        quantile(out, bounds, l->p, agg, noisy);
    else
        aggregate(out, bounds, l, stage, i, noisy);
    if (picks && l->picks_lost[stage][agg->pick])
        *bounds = (struct reply_interval){ .kind = INTERVAL_NONE };
    if (!picks && is_near(l, stage, agg, noisy))
        *bounds = near_edge(l, stage, agg, noisy);
}
