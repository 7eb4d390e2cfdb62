/*
 * An accuracy asked for, as noise: each column of the answer within +-w, by the
 * noisiest mechanisms that reach it.  A count or sum by itself; one that is
 * moved by constants by as much as that says; a mean or a quotient through its
 * sum and count, over as many as a group has by the policy's public size.
 */
#include <math.h>

#include "dp/interval.h"
#include "dp/notion.h"
#include "server/plan/draft.h"
#include "server/plan/laws.h"
#include "server/query/refusal.h"

/* A measure's noise must stay within half_width (in its units) at `level`; of
 * several such wishes the strictest holds. */
static enum err_code need(struct draft *d, bool *has, size_t i,
                          double half_width, double level, struct err *err)
{
    struct plan_measure *m = &d->plan->measures[i];
    struct dp_mechanism noise;
    const double steps = ldexp(half_width, -plan_measure_exp(m));

    if (dp_mechanism_of_accuracy(&noise, dp_notion_law(d->policy->notion),
                                 steps, level) != DP_OK)
        return err_set(err, ERR_INTERNAL, "an accuracy has no noise");
    if (!has[i] || (double)noise.num / (double)noise.den <
                       (double)m->noise.num / (double)m->noise.den)
        m->noise = noise;
    has[i] = true;
    return ERR_OK;
}

static double value_of_steps(const struct plan_measure *m, double steps)
{
    return ldexp(steps, plan_measure_exp(m));
}

/* People in one group, as far as the policy makes it public; 0: unknown. */
double draft_public_size(const struct draft *d)
{
    const struct plan *p = d->plan;
    if (p->selects || d->policy->expected_size == 0)
        return 0;
    return (double)d->policy->expected_size / (double)p->groups_public;
}

enum err_code draft_no_public_size(struct err *err)
{
    return refuse(err, REFUSAL_ACCURACY_SIZE, REFUSAL_NOWHERE, NULL, NULL);
}

/*
 * S + steps N within +-w: like errors of both parts make up for each other, so
 * each may have w over the root of 2, a little less where the lattice shows; at
 * worst half of it at half of the error.
 */
static enum err_code need_sum(struct draft *d, bool *has,
                              const struct plan_agg *agg, double steps,
                              double w, struct err *err)
{
    enum { TRIES = 8 };
    const struct plan_measure *m = &d->plan->measures[agg->measure],
                              *n = &d->plan->measures[agg->count];
    const double level = d->plan->level,
                 weight = value_of_steps(m, fabs(steps));
    double part = w * M_SQRT1_2;
    for (int i = 0; i < TRIES; i++) {
        struct dp_sum_law law;
        TRY(need(d, has, agg->measure, part, level, err));
        TRY(need(d, has, agg->count, part / weight, level, err));
        if (dp_sum_law_of(&law, &m->noise, &n->noise, steps, level) != DP_OK)
            break;
        const double half = value_of_steps(m, law.half);
        if (half <= w)
            return ERR_OK;
        part *= w / half * (w / half); /* the lattice takes half a step back */
    }
    TRY(need(d, has, agg->measure, w / 2, (1 + level) / 2, err));
    return need(d, has, agg->count, w / (2 * weight), (1 + level) / 2, err);
}

/*
 * center + S / N is off by (S - theta N) / N with |theta| at most the farthest
 * a value lies from the center.  With no public size, S and N are each held to
 * +-w in their own units.
 */
static enum err_code need_mean(struct draft *d, bool *has,
                               const struct plan_agg *agg, double w,
                               struct err *err)
{
    const struct plan_measure *m = &d->plan->measures[agg->measure];
    const double n = draft_public_size(d), both = (1 + d->plan->level) / 2;
    if (n > 0)
        return need_sum(d, has, agg, (double)m->bound / d->plan->linf, w * n,
                        err);
    TRY(need(d, has, agg->measure, w, both, err));
    return need(d, has, agg->count, w, both, err);
}

/*
 * The variance Q/N - (S/N)^2 is within +-v, to first order, when each of the
 * three moves it by at most v/3; |S| <= h N and |Q| <= h^2 N / 2.  A deviation
 * is within +-w when its square is within +-w^2.
 */
static enum err_code need_spread(struct draft *d, bool *has,
                                 const struct plan_agg *agg, double w,
                                 struct err *err)
{
    const struct plan_measure *m = &d->plan->measures[agg->measure];
    const double n = draft_public_size(d);
    const double h = value_of_steps(m, (double)m->bound / d->plan->linf);
    const double v = agg->kind == PLAN_AGG_DEVIATION ? w * w : w;
    const double each = 1 - (1 - d->plan->level) / 3;
    if (n == 0)
        return draft_no_public_size(err);
    TRY(need(d, has, agg->square, v * n / 3, each, err));
    TRY(need(d, has, agg->measure, v * n / (6 * h), each, err));
    return need(d, has, agg->count, v * n / (7.5 * h * h), each, err);
}

static enum err_code need_agg(struct draft *d, bool *has, size_t i, double w,
                              struct err *err)
{
    const struct ask *ask = &d->req->ask;
    const struct plan_agg *agg = &d->plan->aggs[i];
    const struct plan_measure *m = &d->plan->measures[agg->measure];
    const double center = value_of_steps(m, fabs((double)m->center));

    if (ask->kind == ASK_ACCURACY_REL) {
        const bool sums =
            agg->kind == PLAN_AGG_MEASURE || agg->kind == PLAN_AGG_SUM;
        if (!sums || draft_public_size(d) == 0)
            return draft_no_public_size(err);
        w *= draft_public_size(d);
        if (m->kind == MEASURE_SUM)
            w *= center + value_of_steps(m, (double)m->bound) / d->plan->linf;
    }
    if (agg->kind == PLAN_AGG_MEAN)
        return need_mean(d, has, agg, w, err);
    if (agg->kind == PLAN_AGG_VARIANCE || agg->kind == PLAN_AGG_DEVIATION)
        return need_spread(d, has, agg, w, err);
    if (agg->kind == PLAN_AGG_MEASURE || center == 0)
        return need(d, has, agg->measure, w, d->plan->level, err);
    return need_sum(d, has, agg, (double)m->center, w, err);
}

/* ---- columns ---- */

/* All aggregates that `e` reads, as a set of bits. */
static uint64_t aggs_of(const struct typed *e)
{
    uint64_t all = e->kind == TYPED_AGG ? UINT64_C(1) << e->index : 0;
    for (size_t i = 0; e->kind == TYPED_CALL && i < e->call.n_args; i++)
        all |= aggs_of(e->call.args[i]);
    return all;
}

/* What a person moves it by at most, in units of the column. */
static double moves(const struct draft *d, size_t agg)
{
    const struct plan_measure *m =
        &d->plan->measures[d->plan->aggs[agg].measure];
    return value_of_steps(m, (double)m->bound);
}

/*
 * factor A / B is off by factor (X_A - r X_B) / B, r = A / B.  B is the public
 * size; r at most what one person moves A by beside B.  Like errors of both
 * make up for each other, so each may have w over the root of 2, as in
 * need_sum.
 */
static enum err_code need_quotient(struct draft *d, bool *has,
                                   const struct laws_quotient *q, double w,
                                   struct err *err)
{
    const double n = draft_public_size(d), level = d->plan->level;
    const double each = w * n / fabs(q->factor) * M_SQRT1_2 * 0.999;
    const double most = moves(d, q->num->index) / moves(d, q->den->index);
    TRY(draft_notice(
        d, err,
        "a quotient is held to \xc2\xb1%.4g where it is over %.0f or "
        "more, the public size of a group",
        w, n));
    TRY(need(d, has, d->plan->aggs[q->num->index].measure, each, level, err));
    return need(d, has, d->plan->aggs[q->den->index].measure, each / most,
                level, err);
}

static bool is_measure(const struct draft *d, const struct typed *leaf)
{
    return leaf && leaf->kind == TYPED_AGG &&
           d->plan->aggs[leaf->index].kind == PLAN_AGG_MEASURE;
}

/* One column that is computed; *is_met: this takes care of it. */
static enum err_code need_output(bool *is_met, struct draft *d, bool *has,
                                 const struct typed *e, struct err *err)
{
    const double w = d->req->ask.half_width;
    const struct typed *leaf = laws_linear(e);
    struct laws_quotient q;
    if (leaf && leaf->kind == TYPED_AGG) {
        const double slope = fabs(laws_linear_at(e, 1) - laws_linear_at(e, 0));
        *is_met = slope > 0 && isfinite(slope) &&
                  d->plan->aggs[leaf->index].kind != PLAN_AGG_QUANTILE;
        return *is_met ? need_agg(d, has, leaf->index, w / slope, err) : ERR_OK;
    }
    *is_met = laws_is_quotient(&q, e) && is_measure(d, q.num) &&
              is_measure(d, q.den) && q.num->index != q.den->index &&
              draft_public_size(d) > 0;
    return *is_met ? need_quotient(d, has, &q, w, err) : ERR_OK;
}

enum err_code draft_reach_outputs(struct draft *d, bool *has, struct err *err)
{
    const struct plan *p = d->plan;
    const double w = d->req->ask.half_width;
    uint64_t met = 0, others = 0;
    for (size_t i = 0; i < p->n_outputs; i++) {
        const struct typed *e = p->outputs[i].expr;
        bool is_met = false;
        if (e->kind != TYPED_AGG && d->req->ask.kind == ASK_ACCURACY_ABS)
            TRY(need_output(&is_met, d, has, e, err));
        *(is_met ? &met : &others) |= aggs_of(e);
    }
    for (size_t i = 0; i < p->n_aggs; i++)
        if (p->aggs[i].kind != PLAN_AGG_QUANTILE &&
            (!(met >> i & 1) || (others >> i & 1)))
            TRY(need_agg(d, has, i, w, err));
    return ERR_OK;
}
