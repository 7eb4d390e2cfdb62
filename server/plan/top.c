#include "server/plan/top.h"
#include "server/query/refusal.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "dp/notion.h"
#include "server/base/shown.h"

/*
 * How many of the largest private groups are weighed: as many as a pick goes
 * through in a fraction of a millisecond.  The more, the lower the stop lies
 * (dp/topk.h), so that fewer would be a list cut short.
 */
enum { TOP_FETCHED = 10000, TOP_MAX = 1000 };

/* ---- what is recognised ---- */

static bool mentions(const struct typed *e, size_t agg)
{
    bool found = e && e->kind == TYPED_AGG && e->index == agg;
    for (size_t i = 0;
         e && e->kind == TYPED_CALL && !found && i < e->call.n_args; i++)
        found = mentions(e->call.args[i], agg);
    return found;
}

/* Does a person who joins never lower it? */
static bool only_rises(const struct draft *d, const struct plan_agg *agg)
{
    const struct draft_measure *w = &d->measures[agg->measure];
    if (agg->kind != PLAN_AGG_MEASURE)
        return false;
    switch (d->plan->measures[agg->measure].kind) {
    case MEASURE_PEOPLE:
    case MEASURE_ROWS:
        return true;
    case MEASURE_SUM:
        return w->clamps_person ? w->person_lo >= 0 : w->lo >= 0;
    case MEASURE_SQUARES:
    case MEASURE_DISTINCT:
    case MEASURE_CLAMPED:
    case MEASURE_EXCESS:
    case MEASURE_CUT:
    case MEASURE_LEFT:
        break;
    }
    return false;
}

/* Whether the question is one, its k, and the aggregate it orders by. */
static bool is_top(uint64_t *k, size_t *agg, const struct draft *d)
{
    const struct plan *p = d->plan;
    const struct plan_order *first = &p->orders[0];
    *k = p->limit > TOP_MAX || p->offset > TOP_MAX ? 0 : p->limit + p->offset;
    /* A window function sees every group, also those that LIMIT leaves out. */
    if (p->is_free || p->n_keys == 0 || p->n_overs > 0 || d->set ||
        p->n_reports > 0 || p->n_overs > 0 || p->having || !p->has_limit ||
        *k < 1 || *k > TOP_MAX || (!p->selects && *k >= p->groups_public) ||
        p->n_orders == 0 || !first->descending ||
        first->expr->kind != TYPED_AGG)
        return false;
    *agg = first->expr->index;
    return only_rises(d, &p->aggs[*agg]);
}

static bool reads(const struct plan *p, size_t agg, size_t measure)
{
    const struct plan_agg *a = &p->aggs[agg];
    switch (a->kind) {
    case PLAN_AGG_MEASURE:
        return a->measure == measure;
    case PLAN_AGG_SUM:
    case PLAN_AGG_MEAN:
        return a->measure == measure || a->count == measure;
    case PLAN_AGG_VARIANCE:
    case PLAN_AGG_DEVIATION:
        return a->measure == measure || a->count == measure ||
               a->square == measure;
    case PLAN_AGG_QUANTILE:
        break;
    }
    return false;
}

/* Is the measure needed for a number that is shown, or ordered by but first? */
static bool is_shown(const struct plan *p, size_t measure)
{
    bool shown = false;
    for (size_t a = 0; a < p->n_aggs; a++) {
        if (!reads(p, a, measure))
            continue;
        for (size_t i = 0; i < p->n_outputs; i++)
            shown |= mentions(p->outputs[i].expr, a);
        for (size_t i = 1; i < p->n_orders; i++)
            shown |= mentions(p->orders[i].expr, a);
    }
    return shown;
}

static bool any_reads(const struct plan *p, size_t measure)
{
    bool found = false;
    for (size_t a = 0; a < p->n_aggs; a++)
        found |= reads(p, a, measure);
    return found;
}

/* ---- the second plan ---- */

static enum err_code copy(struct draft *out, const struct draft *d,
                          struct err *err)
{
    const size_t n = d->plan->n_measures;
    struct plan *p = ARENA_NEW(d->a, struct plan);
    if (!p)
        return draft_memory(err);
    *out = *d;
    *p = *d->plan;
    p->measures = ARENA_NEW_N(d->a, n + 1, struct plan_measure);
    out->measures = ARENA_NEW_N(d->a, n + 1, struct draft_measure);
    p->picks = ARENA_NEW_N(d->a, p->n_picks + 1, struct plan_pick);
    p->hists = ARENA_NEW_N(d->a, p->n_hists + 1, struct plan_hist);
    if (!p->measures || !out->measures || !p->picks || !p->hists)
        return draft_memory(err);
    memcpy(p->measures, d->plan->measures, n * sizeof *p->measures);
    memcpy(out->measures, d->measures, n * sizeof *out->measures);
    memcpy(p->picks, d->plan->picks, p->n_picks * sizeof *p->picks);
    memcpy(p->hists, d->plan->hists, p->n_hists * sizeof *p->hists);
    out->plan = p;
    return ERR_OK;
}

/* Nobody is counted to select groups any more; it was added last. */
static void drop_selection(struct plan *p)
{
    const bool only = p->has_people && p->people + 1 == p->n_measures &&
                      p->audience == 0 && !any_reads(p, p->people);
    p->n_measures -= only;
    p->has_people &= !only;
}

enum err_code draft_top(struct draft *out, bool *fits, const struct draft *d,
                        struct err *err)
{
    uint64_t k;
    size_t agg;
    *fits = is_top(&k, &agg, d);
    if (!*fits)
        return ERR_OK;
    TRY(copy(out, d, err));
    struct plan *p = out->plan;
    const size_t fetched = k > TOP_FETCHED ? (size_t)k : TOP_FETCHED;
    drop_selection(p);
    p->top = (struct plan_top){
        .on = true,
        .score = p->aggs[agg].measure,
        .t = { .declared = !p->selects,
               .k = (uint32_t)k,
               .l0 = p->l0,
               .fetched = p->selects ? fetched : (size_t)p->groups_public },
    };
    const bool counted = p->has_people && p->people == p->top.score;
    p->top.hidden = !is_shown(p, p->top.score) && !(counted && p->audience > 0);
    if (p->selects && dp_units_up(&p->top.t.delta_atto,
                                  d->policy->default_delta, DP_ATTO) != DP_OK)
        *fits = false;
    return ERR_OK;
}

/* ---- prices ---- */

static double pick_weight(const struct draft *d)
{
    return d->plan->top.t.k * d->plan->top.weight;
}

static double number_weight(const struct plan *p)
{
    return (double)plan_paid(p) * plan_paid_groups(p);
}

static uint64_t main_units(const struct draft *d)
{
    return dp_notion_units(d->policy->notion, d->plan->price);
}

/* What a person who is in a group adds to its score at least. */
static uint64_t least_of_person(const struct draft *d, size_t score)
{
    const struct draft_measure *w = &d->measures[score];
    const enum measure_kind kind = d->plan->measures[score].kind;
    const bool everyone = !w->filter && !w->value;
    return (kind == MEASURE_PEOPLE || kind == MEASURE_ROWS) && everyone;
}

/*
 * How far the stop may lie above the next group: not above the score of as many
 * people as the threshold of `every` asks for.
 */
static void aim_stop(struct draft *top, const struct draft *every)
{
    struct plan_top *t = &top->plan->top;
    const struct dp_mechanism *noise = &every->plan->measures[t->score].noise;
    const uint64_t bound = top->plan->measures[t->score].bound;
    struct dp_topk wide = t->t, low = t->t;
    t->most = every->plan->keep.above * least_of_person(every, t->score);
    if (dp_topk_of_spread(&wide, bound, sqrt(dp_mechanism_variance(noise)),
                          top->policy->notion) != DP_OK ||
        dp_topk_of_margin(&low, bound, t->most, top->policy->notion) != DP_OK) {
        t->most = 0;
        return;
    }
    const double times = (double)low.pick.eps_nano / (double)wide.pick.eps_nano;
    if (times > 1)
        t->weight *= times * times; /* under zcdp and gdp, the others */
}

bool draft_top_aim(struct draft *top, const struct draft *every)
{
    struct plan_top *t = &top->plan->top;
    t->weight = dp_topk_weight(top->policy->notion);
    if (t->t.declared)
        return true;
    aim_stop(top, every);
    if (t->most == 0) {
        every->plan->top.t.k = t->t.k;
        every->plan->top.ratio = HUGE_VAL;
    }
    return t->most > 0;
}

bool draft_top_wins(struct draft *top, struct draft *d, bool is_priced)
{
    const bool accuracy = d->req->ask.kind == ASK_ACCURACY_ABS ||
                          d->req->ask.kind == ASK_ACCURACY_REL;
    double ratio =
        (number_weight(top->plan) + pick_weight(top)) / number_weight(d->plan);
    if (accuracy)
        ratio = is_priced ? (double)main_units(top) / (double)main_units(d) : 0;
    top->plan->top.ratio = d->plan->top.ratio = ratio;
    d->plan->top.t.k = top->plan->top.t.k;
    return ratio < 1 &&
           (top->plan->top.t.declared ||
            dp_topk_margin(&top->plan->top.t) <= top->plan->top.most);
}

uint64_t draft_top_part(const struct draft *d, uint64_t total)
{
    if (!d->plan->top.on)
        return 0;
    const double picks = pick_weight(d), numbers = number_weight(d->plan);
    const double part = (double)total * (picks / (picks + numbers));
    return part < (double)total ? (uint64_t)part : total;
}

static enum err_code no_pick(const struct draft *d, struct err *err)
{
    char picks[32];
    (void)snprintf(picks, sizeof picks, "%u picks", d->plan->top.t.k);
    return refuse(err, REFUSAL_PRICE_SMALL, d->tree->at, picks, NULL);
}

enum err_code draft_top_buy(struct draft *d, uint64_t part, struct err *err)
{
    struct plan *p = d->plan;
    const enum dp_notion notion = d->policy->notion;
    if (p->top.on &&
        dp_topk_of_price(&p->top.t, p->measures[p->top.score].bound,
                         dp_notion_price(notion, part), notion) != DP_OK)
        return no_pick(d, err);
    return ERR_OK;
}

enum err_code draft_top_reach(struct draft *d, struct err *err)
{
    struct plan *p = d->plan;
    if (!p->top.on)
        return ERR_OK;
    struct plan_measure *m = &p->measures[p->top.score];
    const double sd = sqrt(dp_mechanism_variance(&m->noise));
    struct dp_topk low = p->top.t;
    if (dp_topk_of_spread(&p->top.t, m->bound, sd, d->policy->notion) != DP_OK)
        return no_pick(d, err);
    if (!low.declared && dp_topk_of_margin(&low, m->bound, p->top.most,
                                           d->policy->notion) != DP_OK)
        return no_pick(d, err);
    if (low.pick.eps_nano > p->top.t.pick.eps_nano)
        p->top.t = low;
    if (p->top.hidden)
        m->noise = (struct dp_mechanism){ 0 };
    return ERR_OK;
}

enum err_code draft_top_price(struct dp_price *out, const struct draft *d,
                              struct err *err)
{
    *out = (struct dp_price){ 0 };
    if (d->plan->top.on &&
        dp_topk_price(out, &d->plan->top.t, d->policy->notion) != DP_OK)
        return err_set(err, ERR_INTERNAL, "the picks have no price");
    return ERR_OK;
}

/* ---- for people ---- */

static void told_picks(struct writer *w, const struct plan *p)
{
    const struct dp_topk *t = &p->top.t;
    const struct plan_measure *m = &p->measures[p->top.score];
    uint64_t reach = 0;
    writer_printf(w,
                  "Top %u by %s: picked one by one by %s, epsilon %.6g a pick; "
                  "one person moves a number by at most %.6g, in however many "
                  "groups",
                  t->k, m->what,
                  t->pick.law == DP_EXPONENTIAL ? "the exponential mechanism"
                                                : "permute-and-flip",
                  (double)t->pick.eps_nano * DP_NANO,
                  ldexp((double)t->pick.sensitivity, plan_measure_exp(m)));
    if (dp_topk_reach(&reach, t, 1 - p->level) == DP_OK)
        writer_printf(w, "; each within %.6g of the greatest left at %g %%",
                      ldexp((double)reach, plan_measure_exp(m)),
                      p->level * 100);
    writer_str(w, "\n");
    if (!t->declared)
        writer_printf(w,
                      "  fewer are shown where the next lies less than about "
                      "%.6g above the %zuth (delta %s)\n",
                      ldexp((double)dp_topk_margin(t), plan_measure_exp(m)),
                      t->fetched + 1,
                      shown_of((double)t->delta_atto * DP_ATTO, 3).s);
    if (p->top.hidden)
        writer_printf(w, "  %s orders them and is not told itself\n", m->what);
    else
        writer_printf(
            w,
            "  numbers are of the picked groups alone: of a person at "
            "most %u group%s\n",
            plan_paid_groups(p), plan_paid_groups(p) == 1 ? "" : "s");
}

void draft_top_explain(struct writer *w, const struct plan *p)
{
    if (p->top.on)
        told_picks(w, p);
    const char *use =
        p->selects ? " and with groups of as few people shown" : "";
    if (p->top.on && p->top.ratio > 0)
        writer_printf(w,
                      "  chosen because every group, ordered and cut "
                      "afterwards, would cost %.3g times as much at equal "
                      "noise%s\n",
                      1 / p->top.ratio, use);
    else if (p->top.on)
        writer_str(w, "  chosen because every group, ordered and cut "
                      "afterwards, would cost more than one query may\n");
    else if (isinf(p->top.ratio))
        writer_printf(w,
                      "Every group is released, ordered and cut afterwards: "
                      "had %u been picked, groups that this shows might not "
                      "be shown\n",
                      p->top.t.k);
    else if (p->top.ratio > 0)
        writer_printf(w,
                      "Every group is released, ordered and cut afterwards: to "
                      "pick %u would cost %.3g times as much at equal "
                      "noise%s\n",
                      p->top.t.k, p->top.ratio, use);
}
