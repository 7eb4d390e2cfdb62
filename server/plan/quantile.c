#include <math.h>

#include "server/plan/draft.h"
#include "server/query/refusal.h"

/*
 * A quantile needs the rows of each group counted by value: a histogram over
 * the public range, pushed down to the engine, of which the noise stage picks a
 * bucket (dp/quantile.h).  Of one person at most Linf rows count in a group and
 * at most L0 groups, so a pick costs its price L0 times; quantiles of the same
 * values and filter share the histogram.
 */

/*
 * Buckets are as many as the grid has values, but at most BUCKETS_MOST, and
 * fewer where there are many groups, for all buckets of all groups must fit
 * into memory.  How many groups are selected privately is not known.
 */
enum {
    BUCKETS_MOST = 1 << 16,
    CELLS_MOST = 1 << 18,
    BUCKETS_PRIVATE = 1 << 10
};

/* Grid steps of a quantile's values: exact as doubles. */
#define STEPS_FINE 0x1p40

static uint64_t buckets_most(const struct plan *p)
{
    if (p->selects)
        return BUCKETS_PRIVATE;
    const uint64_t groups = p->groups_public ? p->groups_public : 1;
    const uint64_t share = CELLS_MOST / groups;
    return share < 2 ? 2 : share < BUCKETS_MOST ? share : BUCKETS_MOST;
}

static size_t find_hist(const struct draft *d, const struct draft_agg *agg)
{
    size_t h = 0;
    while (h < d->plan->n_hists &&
           !(typed_equal(d->hists[h].value, agg->value) &&
             typed_equal(d->hists[h].filter, agg->filter)))
        h++;
    return h;
}

static enum err_code add_hist(size_t *out, struct draft *d,
                              const struct draft_agg *agg, struct err *err)
{
    struct plan *p = d->plan;
    struct draft_measure w = { .filter = agg->filter, .value = agg->value };
    unsigned bits;
    *out = find_hist(d, agg);
    if (*out < p->n_hists)
        return ERR_OK;
    const struct draft_grid grid = { .fine = STEPS_FINE };
    TRY(draft_steps(&w, &bits, d, agg, grid, err));
    const uint64_t values = (uint64_t)(w.hi - w.lo) + 1;
    const uint64_t most = buckets_most(p);
    const uint64_t width = (values + most - 1) / most;
    struct plan_hist *h = &p->hists[*out];
    *h = (struct plan_hist){
        .of = { .kind = MEASURE_SUM,
                .grid_bits = bits,
                .what = draft_what(d, "", agg->value, agg->filter) },
        .lo = w.lo,
        .width = width,
        .n_buckets = (size_t)((values + width - 1) / width),
    };
    if (!h->of.what)
        return draft_memory(err);
    d->hists[*out] = w;
    p->n_hists++;
    return ERR_OK;
}

/* Picks of one histogram and fraction are shared; that of an interval's ends
 * stand right behind. */
enum err_code draft_quantile(struct plan_agg *out, struct draft *d,
                             const struct draft_agg *agg, struct err *err)
{
    struct plan *p = d->plan;
    struct dp_quantile q;
    size_t hist = 0, i = 0;
    const size_t step = d->wants_intervals ? 3 : 1;

    if (dp_quantile_of(&q, agg->fraction) != DP_OK)
        return refuse(err, REFUSAL_FRACTION, agg->at, NULL, NULL);
    TRY(add_hist(&hist, d, agg, err));
    while (i < p->n_picks &&
           !(p->picks[i].hist == hist && p->picks[i].q.num == q.num &&
             p->picks[i].q.den == q.den))
        i += step;
    *out = (struct plan_agg){ .kind = PLAN_AGG_QUANTILE,
                              .pick = i,
                              .has_ends = d->wants_intervals,
                              .whole = agg->kind == AGG_PERCENTILE_DISC &&
                                       agg->value->type == VALUE_INT };
    if (i < p->n_picks)
        return ERR_OK;
    for (size_t k = 0; k < step; k++)
        p->picks[p->n_picks++] = (struct plan_pick){ .hist = hist, .q = q };
    return ERR_OK;
}
