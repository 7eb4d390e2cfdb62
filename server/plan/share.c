#include <math.h>

#include "dp/split.h"
#include "server/plan/draft.h"

/*
 * One price over the measures of a release, so that the squared errors of all
 * aggregates, each in units of what one person can change in it, add up to
 * least (dp/split.h).  An error of one person's bound D in
 *
 *   a measure that is asked for as it is      weighs 1
 *   the sum and the count of a mean           1 and 1/2: the mean is taken to
 *                                             lie half-way from the center
 *   the squares, sum and count of a spread    1, 1 and 1/2, the mean as above
 *   the centred sum and the count of a sum    h and c, of h + c
 *   the people that groups are selected by    1
 *   a report on what bounding cut off         1/4
 *
 * with h the farthest a value lies from the center and c the center's distance
 * from 0.  Weights are functions of the plan alone.
 */
#define REPORT_WEIGHT 0.25

static void add(double *weight, double share)
{
    *weight = hypot(*weight, share);
}

static void weigh_agg(double *weights, const struct plan *p,
                      const struct plan_agg *agg)
{
    const struct plan_measure *m = &p->measures[agg->measure];
    const double h = (double)m->bound / p->linf, c = fabs((double)m->center);
    if (agg->kind == PLAN_AGG_VARIANCE || agg->kind == PLAN_AGG_DEVIATION) {
        add(&weights[agg->square], 1);
        add(&weights[agg->measure], 1);
        add(&weights[agg->count], 0.5);
    } else if (agg->kind == PLAN_AGG_MEAN) {
        add(&weights[agg->measure], 1);
        add(&weights[agg->count], 0.5);
    } else if (agg->kind == PLAN_AGG_SUM) {
        add(&weights[agg->measure], h / (h + c));
        add(&weights[agg->count], c / (h + c));
    } else {
        add(&weights[agg->measure], 1);
    }
}

/* Of each measure; 1 where nothing asks for it. */
static void weigh(double *weights, const struct plan *p)
{
    for (size_t i = 0; i < p->n_aggs; i++)
        if (p->aggs[i].kind != PLAN_AGG_QUANTILE)
            weigh_agg(weights, p, &p->aggs[i]);
    if (p->has_people && (plan_thresholds(p) || p->audience > 0))
        add(&weights[p->people], 1);
    for (size_t i = 0; i < p->n_measures; i++)
        if (weights[i] == 0)
            weights[i] = i + p->n_reports < p->n_measures ? 1 : REPORT_WEIGHT;
}

enum dp_status draft_share(uint64_t *parts, const struct draft *d,
                           uint64_t total)
{
    const struct plan *p = d->plan;
    double weights[PLAN_MEASURES_MAX] = { 0 }, paid[PLAN_MEASURES_MAX];
    uint64_t shares[PLAN_MEASURES_MAX];
    size_t n = 0;
    weigh(weights, p);
    for (size_t i = 0; i < p->n_measures; i++)
        if (!plan_hides(p, i))
            paid[n++] = weights[i];
    if (n == 0)
        return DP_OK; /* percentiles alone, or picks */
    const enum dp_status status = dp_split_price(
        shares, paid, n, total, d->policy->notion, DP_SPLIT_SQUARES);
    for (size_t i = p->n_measures; status == DP_OK && i-- > 0;)
        parts[i] = plan_hides(p, i) ? 0 : shares[--n];
    return status;
}

/*
 * A price x of one release, split as above, gives its numbers squared errors
 * that add up to, but for a constant factor of the law,
 *
 *   zcdp, gdp   a^2 / x,    a = sqrt(L0) sum_i w_i
 *   pure        a^2 / x^2,  a = L0 (sum_i w_i^(2/3))^(3/2)
 *
 * which is what dp_split_price takes.  A percentile counts as a number of
 * weight 1.
 */
static double weight_alone(const struct plan *p)
{
    double weights[PLAN_MEASURES_MAX] = { 0 };
    const bool pure = p->policy->notion == DP_PURE;
    double sum = (double)p->n_picks;
    weigh(weights, p);
    for (size_t i = 0; i < p->n_measures; i++)
        sum += plan_hides(p, i) ? 0
               : pure           ? pow(weights[i], 2.0 / 3)
                                : weights[i];
    return pure ? p->l0 * pow(sum, 1.5) : sqrt(p->l0) * sum;
}

double plan_weight(const struct plan *p)
{
    double sum = 0;
    if (p->is_free)
        return 0;
    for (size_t i = 0; i < p->n_before; i++)
        sum += plan_weight(p->before[i]);
    for (size_t i = 0; i < p->n_parts; i++)
        sum += p->parts[i]->adds_up ? 0 : plan_weight(p->parts[i]);
    return p->n_parts ? sum : sum + weight_alone(p);
}
