#include "server/plan/explain.h"

#include <math.h>
#include <string.h>

#include "dp/interval.h"
#include "dp/notion.h"
#include "server/base/shown.h"
#include "server/plan/after.h"
#include "server/plan/draft.h"
#include "server/plan/laws.h"
#include "server/plan/mix.h"
#include "server/plan/over.h"

/* ---- one measure ---- */

static double scale_of(const struct plan_measure *m)
{
    return ldexp((double)m->noise.num / (double)m->noise.den,
                 plan_measure_exp(m));
}

/* Half width of a measure's own noise at 1 - alpha, in units of the column. */
static double half_width(const struct plan_measure *m, double alpha)
{
    uint64_t k = 0;
    if (dp_mechanism_quantile(&k, &m->noise, alpha) != DP_OK)
        return (double)NAN;
    return ldexp((double)k, plan_measure_exp(m));
}

static double center_of(const struct plan_measure *m)
{
    return ldexp((double)m->center, plan_measure_exp(m));
}

static void costs(struct writer *w, const struct plan *p, struct dp_price price)
{
    const enum dp_notion notion = p->policy->notion;
    writer_printf(w, "; costs %s %s", dp_notion_unit_name(notion),
                  shown_of((double)dp_notion_units(notion, price) *
                               dp_notion_unit(notion),
                           6)
                      .s);
}

static void print_measure(struct writer *w, const struct plan *p,
                          const struct plan_measure *m)
{
    const struct dp_vector_release v = { m->noise, m->bound,
                                         m->l0 ? m->l0 : plan_paid_groups(p) };
    struct dp_price price;
    writer_printf(w, "Measure %s: %s", m->name, m->what);
    if (m->kind == MEASURE_SUM && m->center != 0)
        writer_printf(w, ", each less %.10g", center_of(m));
    if (m->kind == MEASURE_SQUARES)
        writer_printf(w, ", each of the distance from %.10g",
                      ldexp((double)m->center, -(int)m->grid_bits));
    writer_printf(w,
                  "; one person changes it by at most %.6g per group; %s, "
                  "scale %.6g; \xc2\xb1%.6g at %g %%",
                  ldexp((double)m->bound, plan_measure_exp(m)),
                  dp_law_name(m->noise.law), scale_of(m),
                  half_width(m, 1 - p->level), p->level * 100);
    if (!p->adds_up && dp_vector_price(&price, &v, p->policy->notion) == DP_OK)
        costs(w, p, price);
    writer_str(w, "\n");
}

/* ---- one percentile ---- */

/* How far off a pick may be, in rows: the law's bound, which is mostly ten
 * times what happens. */
static double rows_off(const struct plan *p, const struct plan_pick *pick)
{
    uint64_t reach = 0;
    if (dp_quantile_reach(&reach, &pick->choice, p->hists[pick->hist].n_buckets,
                          1 - p->level) != DP_OK)
        return (double)NAN;
    return (double)reach / pick->q.den;
}

static const char *law_of_pick(const struct plan_pick *pick)
{
    return pick->choice.law == DP_EXPONENTIAL ? "exponential mechanism"
                                              : "permute-and-flip";
}

static void print_pick(struct writer *w, const struct plan *p,
                       const struct plan_pick *pick)
{
    const struct plan_hist *h = &p->hists[pick->hist];
    struct dp_price one;
    writer_printf(w,
                  "Percentile %.6g of %s: %zu buckets; one person has at "
                  "most %u row%s in a group; %s, epsilon %.6g per group; "
                  "within %.6g rows at %g %%",
                  (double)pick->q.num / pick->q.den, h->of.what, h->n_buckets,
                  p->linf, p->linf == 1 ? "" : "s", law_of_pick(pick),
                  (double)pick->choice.eps_nano * DP_NANO, rows_off(p, pick),
                  p->level * 100);
    if (dp_choice_price(&one, &pick->choice, p->policy->notion) == DP_OK)
        costs(w, p, dp_price_times(one, plan_paid_groups(p)));
    writer_str(w, "\n");
}

/* ---- one aggregate ---- */

/* That of the measure and so many times its count. */
static double half_width_of_sum(const struct plan *p,
                                const struct plan_agg *agg, double steps)
{
    const struct plan_measure *m = &p->measures[agg->measure];
    struct dp_sum_law law;
    if (dp_sum_law_of(&law, &m->noise, &p->measures[agg->count].noise, steps,
                      p->level) != DP_OK)
        return (double)NAN;
    return ldexp(law.half, plan_measure_exp(m));
}

/* NaN: a mean's error depends on how many there are, unless that is public. */
static double error_of_agg(const struct plan *p, const struct plan_agg *agg)
{
    const struct plan_measure *m = &p->measures[agg->measure];
    const double alpha = 1 - p->level;
    if (agg->kind == PLAN_AGG_QUANTILE)
        return (double)NAN;
    if (agg->kind == PLAN_AGG_MEASURE)
        return half_width(m, alpha);
    if (agg->kind == PLAN_AGG_VARIANCE || agg->kind == PLAN_AGG_DEVIATION)
        return (double)NAN;
    if (agg->kind == PLAN_AGG_SUM)
        return half_width_of_sum(p, agg, (double)m->center);
    if (p->selects || p->policy->expected_size == 0)
        return (double)NAN;
    const double size =
        (double)p->policy->expected_size / (double)p->groups_public;
    return half_width_of_sum(p, agg, (double)m->bound / p->linf) / size;
}

static const char *mechanism_of_agg(const struct plan *p,
                                    const struct plan_agg *agg, struct arena *a)
{
    const struct plan_measure *m = &p->measures[agg->measure];
    const struct plan_pick *pick = &p->picks[agg->pick];
    switch (agg->kind) {
    case PLAN_AGG_QUANTILE:
        return arena_printf(
            a, "%s over %zu buckets, epsilon %.6g, within %.6g rows",
            law_of_pick(pick), p->hists[pick->hist].n_buckets,
            (double)pick->choice.eps_nano * DP_NANO, rows_off(p, pick));
    case PLAN_AGG_MEASURE:
        return arena_printf(a, "%s, scale %.6g", dp_law_name(m->noise.law),
                            scale_of(m));
    case PLAN_AGG_VARIANCE:
    case PLAN_AGG_DEVIATION:
        return arena_printf(a,
                            "%s, scale %.6g, with squares of scale %.6g and a "
                            "count of scale %.6g",
                            dp_law_name(m->noise.law), scale_of(m),
                            scale_of(&p->measures[agg->square]),
                            scale_of(&p->measures[agg->count]));
    case PLAN_AGG_SUM:
    case PLAN_AGG_MEAN:
        break;
    }
    return arena_printf(a, "%s, scale %.6g, %s a count of scale %.6g",
                        dp_law_name(m->noise.law), scale_of(m),
                        agg->kind == PLAN_AGG_MEAN ? "over" : "plus",
                        scale_of(&p->measures[agg->count]));
}

static void print_agg(struct writer *w, const struct plan *p,
                      const struct plan_agg *agg)
{
    const struct plan_measure *m = &p->measures[agg->measure];
    const char *count = p->measures[agg->count].name;
    switch (agg->kind) {
    case PLAN_AGG_MEASURE:
        writer_str(w, m->name);
        return;
    case PLAN_AGG_SUM:
        writer_printf(w, "%s + %.10g x %s", m->name, center_of(m), count);
        return;
    case PLAN_AGG_MEAN:
        writer_printf(w, "%.10g + %s / %s", center_of(m), m->name, count);
        return;
    case PLAN_AGG_VARIANCE:
    case PLAN_AGG_DEVIATION:
        writer_printf(w, "%s, %s and %s", p->measures[agg->square].name,
                      m->name, count);
        return;
    case PLAN_AGG_QUANTILE:
        writer_printf(w, "percentile %.6g of %s",
                      (double)p->picks[agg->pick].q.num /
                          p->picks[agg->pick].q.den,
                      p->hists[p->picks[agg->pick].hist].of.what);
        return;
    }
}

/* ---- what an expression reads ---- */

/* Aggregates, as a set of bits. */
static uint64_t aggs_of(const struct plan *p, const struct typed *e)
{
    uint64_t all = 0;
    if (!e)
        return 0;
    if (e->kind == TYPED_AGG)
        return UINT64_C(1) << e->index;
    for (size_t i = 0; e->kind == TYPED_CALL && i < e->call.n_args; i++)
        all |= aggs_of(p, e->call.args[i]);
    if (e->kind != TYPED_OVER)
        return all;
    const struct plan_over *o = &p->overs[e->index];
    all =
        aggs_of(p, o->value) | aggs_of(p, o->filter) | aggs_of(p, o->otherwise);
    for (size_t i = 0; i < o->n_partition; i++)
        all |= aggs_of(p, o->partition[i]);
    for (size_t i = 0; i < o->n_orders; i++)
        all |= aggs_of(p, o->orders[i].expr);
    return all;
}

/* Each aggregate's number with its noise, at most a few. */
static void print_read(struct writer *w, const struct plan *p, uint64_t aggs)
{
    enum { MOST = 6 };
    unsigned shown = 0;
    for (size_t i = 0; i < p->n_aggs; i++) {
        if (!(aggs >> i & 1))
            continue;
        if (shown++ == MOST) {
            writer_str(w, ", ...");
            return;
        }
        const double e = error_of_agg(p, &p->aggs[i]);
        writer_str(w, shown == 1 ? "" : ", ");
        print_agg(w, p, &p->aggs[i]);
        if (!isnan(e))
            writer_printf(w, " (\xc2\xb1%.6g)", e);
    }
}

static const char *text_of_read(const struct plan *p, uint64_t aggs,
                                struct arena *a)
{
    static const char from[] = "computed from ";
    struct writer w = writer_of(NULL, 0);
    print_read(&w, p, aggs);
    const size_t len = sizeof from + w.need;
    char *text = arena_alloc(a, len, 1);
    if (!text)
        return NULL;
    w = writer_of(text, len);
    writer_str(&w, from);
    print_read(&w, p, aggs);
    return writer_cstr(&w) ? text : NULL;
}

/* ---- columns ---- */

/* A whole double that is a key stands inside a cast. */
size_t explain_key(const struct typed *e)
{
    return e->kind == TYPED_KEY ? e->index : e->call.args[0]->index;
}

/* Known from released numbers alone; those are told where they are shown. */
static bool is_end(const struct typed *e)
{
    return typed_is_call(e, OP_DP_LOW) || typed_is_call(e, OP_DP_HIGH);
}

static const char *mechanism_of(const struct plan *p,
                                const struct plan_output *o, struct arena *a)
{
    if (o->is_key)
        return p->keys[explain_key(o->expr)].is_public ? "public"
               : p->top.on                             ? "picked"
                                                       : "selected";
    const uint64_t aggs = p->is_free ? 0 : aggs_of(p, o->expr);
    if (aggs == 0)
        return "computed";
    if (is_end(o->expr))
        return "end of an interval";
    return o->expr->kind == TYPED_AGG
               ? mechanism_of_agg(p, &p->aggs[o->expr->index], a)
               : text_of_read(p, aggs, a);
}

static double error_of(const struct plan *p, const struct plan_output *o)
{
    const struct typed *e = o->expr;
    if (o->is_key || p->is_free)
        return e->kind == TYPED_CALL && !o->is_key ? (double)NAN : 0;
    const struct typed *leaf = laws_linear(e);
    if (leaf && leaf->kind == TYPED_AGG)
        return fabs(laws_linear_at(e, 1) - laws_linear_at(e, 0)) *
               error_of_agg(p, &p->aggs[leaf->index]);
    return aggs_of(p, e) ? (double)NAN : 0;
}

static void print_column(struct writer *w, const struct plan *p,
                         const struct plan_output *o)
{
    const double e = error_of(p, o);
    if (o->is_key || e == 0 || is_end(o->expr)) /* a key, or a constant */
        return;
    const bool plain = o->expr->kind == TYPED_AGG;
    const struct plan_agg *agg = plain ? &p->aggs[o->expr->index] : NULL;
    writer_printf(w, "Column %s: %s", o->name, plain ? "" : "computed from ");
    if (agg)
        print_agg(w, p, agg);
    else
        print_read(w, p, aggs_of(p, o->expr));
    if (agg && agg->kind == PLAN_AGG_QUANTILE)
        writer_printf(w, "; its rank is off by at most %.6g rows at %g %%\n",
                      rows_off(p, &p->picks[agg->pick]), p->level * 100);
    else if (isnan(e))
        writer_str(w, "; expected error depends on the noisy result\n");
    else
        writer_printf(w, "; expected error \xc2\xb1%.6g\n", e);
}

void explain_noise(struct writer *w, const struct plan *p)
{
    for (size_t i = 0; i < p->n_measures; i++)
        if (!plan_hides(p, i))
            print_measure(w, p, &p->measures[i]);
    for (size_t i = 0; i < p->n_picks; i++)
        print_pick(w, p, &p->picks[i]);
    for (size_t i = 0; i < p->n_outputs; i++)
        print_column(w, p, &p->outputs[i]);
}

/* The column of the release, or of a mix's table, that passes through all
 * SELECTs around it as this one of the answer; false when it is computed there.
 */
static bool passes_from(size_t *column, const struct plan *p)
{
    for (size_t k = p->n_after; k-- > 0;) {
        const struct plan_after *after = &p->after[k];
        const struct typed *e = after->outputs[*column].expr;
        if (e->kind == TYPED_KEY && after->groups)
            e = after->keys[e->index];
        if (e->kind != TYPED_COLUMN)
            return false;
        *column = (size_t)(e->column - after->columns);
    }
    return true;
}

/* The arm that a column of a mix's table comes from, of those united in it the
 * one that is least exact; *column becomes its own. */
static const struct plan *arm_of(size_t *column, const struct plan *p)
{
    const struct plan_mix_node *node = p->mix->root;
    while (node->kind == MIX_JOIN)
        node = node->parts[*column >= node->parts[1]->column];
    *column -= node->column;
    if (node->kind == MIX_ARM)
        return p->mix->arms[node->arm].plan;
    const struct plan *least = p->mix->arms[node->parts[0]->arm].plan;
    for (size_t i = 1; i < node->n_parts; i++) {
        const struct plan *arm = p->mix->arms[node->parts[i]->arm].plan;
        const double e = explain_error(arm, *column);
        if (isnan(e) || e > explain_error(least, *column))
            least = arm;
    }
    return least;
}

const struct plan_output *explain_origin(const struct plan *p, size_t i)
{
    if (!passes_from(&i, p))
        return NULL;
    if (!p->mix)
        return &plan_release(p, 0)->outputs[i];
    const struct plan *arm = arm_of(&i, p);
    return explain_origin(arm, i);
}

const char *explain_mechanism(const struct plan *p, size_t i, struct arena *a)
{
    const struct plan *first = plan_release(p, 0);
    if (!passes_from(&i, p))
        return "computed from the noisy answer";
    if (!p->mix)
        return mechanism_of(first, &first->outputs[i], a);
    const struct plan *arm = arm_of(&i, p);
    return explain_mechanism(arm, i, a);
}

double explain_error(const struct plan *p, size_t i)
{
    const struct plan *first = plan_release(p, 0);
    if (!passes_from(&i, p))
        return (double)NAN;
    if (!p->mix)
        return error_of(first, &first->outputs[i]);
    const struct plan *arm = arm_of(&i, p);
    return explain_error(arm, i);
}
