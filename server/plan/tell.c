/*
 * Notices: what a reader of the answer has to know of how it was bounded.  All
 * functions of the plan.
 */
#include <math.h>

#include "server/plan/draft.h"

static const char *plural(uint64_t n)
{
    return n == 1 ? "" : "s";
}

static bool counts_rows(const struct draft *d, size_t i)
{
    const enum measure_kind kind = d->plan->measures[i].kind;
    return kind == MEASURE_ROWS ||
           (kind == MEASURE_SUM && !d->measures[i].clamps_person);
}

static enum err_code tell_rows(struct draft *d, struct err *err)
{
    const struct plan *p = d->plan;
    bool rows = p->n_picks > 0;
    for (size_t i = 0; i < p->n_measures; i++)
        rows |= counts_rows(d, i);
    return rows ? draft_notice(d, err,
                               "each person counts with at most %u row%s in a "
                               "group",
                               p->linf, plural(p->linf))
                : ERR_OK;
}

static bool reads_declared(const struct typed *e)
{
    bool found = e->kind == TYPED_COLUMN && e->column->policy &&
                 e->column->policy->has_range;
    for (size_t i = 0; e->kind == TYPED_CALL && !found && i < e->call.n_args;
         i++)
        found = reads_declared(e->call.args[i]);
    return found;
}

/* Has WHERE or FILTER left no value beyond either declared end? */
static bool is_inside(const struct typed *value, struct range by)
{
    return value->kind == TYPED_COLUMN && by.lo > value->column->policy->lo &&
           by.hi < value->column->policy->hi;
}

/* Can it be outside?  Not where the query clamps it by itself, nor where its
 * range comes from what it computes. */
static bool may_exceed(const struct typed *value)
{
    const bool clamps =
        value->kind == TYPED_CALL &&
        (value->call.op == OP_LEAST || value->call.op == OP_GREATEST ||
         value->call.op == OP_CASE);
    return !clamps && reads_declared(value);
}

static enum err_code tell_range(struct draft *d, const struct typed *value,
                                struct range by, bool of_person,
                                struct err *err)
{
    const char *text = draft_text(d, value);
    if (!text)
        return draft_memory(err);
    return draft_notice(d, err,
                        "%.120s counts%s as within [%.10g, %.10g]: what lies "
                        "outside is clamped",
                        text, of_person ? " per person and group" : "", by.lo,
                        by.hi);
}

static bool is_told(const struct draft *d, const struct draft_measure *all,
                    size_t i)
{
    for (size_t j = 0; j < i; j++)
        if (all[j].value && typed_equal(all[j].value, all[i].value) &&
            all[j].clamps_person == all[i].clamps_person &&
            (all == d->hists || d->plan->measures[j].kind == MEASURE_SUM))
            return true;
    return false;
}

static enum err_code tell_ranges(struct draft *d, struct err *err)
{
    const struct plan *p = d->plan;
    for (size_t i = 0; i < p->n_measures; i++) {
        const struct draft_measure *w = &d->measures[i];
        const int bits = (int)p->measures[i].grid_bits;
        const struct range by =
            w->clamps_person
                ? (struct range){ ldexp((double)w->person_lo, -bits),
                                  ldexp((double)w->person_hi, -bits) }
                : w->row;
        if (p->measures[i].kind == MEASURE_SUM && may_exceed(w->value) &&
            !is_told(d, d->measures, i) &&
            (w->clamps_person || !is_inside(w->value, by)))
            TRY(tell_range(d, w->value, by, w->clamps_person, err));
    }
    for (size_t i = 0; i < p->n_hists; i++)
        if (may_exceed(d->hists[i].value) && !is_told(d, d->hists, i) &&
            !is_inside(d->hists[i].value, d->hists[i].row))
            TRY(tell_range(d, d->hists[i].value, d->hists[i].row, false, err));
    return ERR_OK;
}

static enum err_code tell_distinct(struct draft *d, struct err *err)
{
    const struct plan *p = d->plan;
    for (size_t i = 0; i < p->n_measures; i++) {
        if (p->measures[i].kind != MEASURE_DISTINCT)
            continue;
        const char *text = draft_text(d, d->measures[i].value);
        if (!text)
            return draft_memory(err);
        TRY(draft_notice(d, err,
                         "of one person at most %u different value%s of %.120s "
                         "count%s in a group",
                         p->linf, plural(p->linf), text,
                         p->linf == 1 ? "s" : ""));
    }
    return ERR_OK;
}

static enum err_code tell_groups(struct draft *d, struct err *err)
{
    const struct plan *p = d->plan;
    if (p->n_keys > 0)
        TRY(draft_notice(d, err, "each person counts in at most %u group%s",
                         p->l0, plural(p->l0)));
    if (p->selects && !p->top.on)
        return draft_notice(d, err,
                            "there may be more groups: one is shown when its "
                            "noisy number of people is above %llu%s",
                            (unsigned long long)p->keep.above,
                            p->n_overs ? "; window functions see those shown"
                                       : "");
    if (p->audience > 0)
        return draft_notice(d, err,
                            "groups with fewer than %llu noisy people are "
                            "left out",
                            (unsigned long long)p->audience);
    return ERR_OK;
}

/* What an accuracy asked for means where it is not what it seems. */
static enum err_code tell_accuracy(struct draft *d, struct err *err)
{
    const struct plan *p = d->plan;
    const enum ask_kind kind = d->req->ask.kind;
    const double w = d->req->ask.half_width;
    bool sums = false, means = false;
    if (kind != ASK_ACCURACY_ABS && kind != ASK_ACCURACY_REL)
        return ERR_OK;
    for (size_t i = 0; i < p->n_aggs; i++) {
        const struct plan_agg *agg = &p->aggs[i];
        sums |= agg->kind == PLAN_AGG_SUM ||
                (agg->kind == PLAN_AGG_MEASURE &&
                 p->measures[agg->measure].kind == MEASURE_SUM);
        means |= agg->kind == PLAN_AGG_MEAN;
    }
    if (kind == ASK_ACCURACY_REL && sums)
        TRY(draft_notice(d, err,
                         "a sum is held to %.4g %% of the public size times "
                         "the largest value, not of the sum itself, which is "
                         "smaller",
                         w * 100));
    if (kind == ASK_ACCURACY_ABS && means &&
        (p->selects || d->policy->expected_size == 0))
        TRY(draft_notice(d, err,
                         "no size is public, so an average's sum and count are "
                         "each held to \xc2\xb1%.4g, not the average",
                         w));
    if (p->n_picks > 0)
        return draft_notice(
            d, err,
            "a percentile is held to \xc2\xb1%.4g %s: its rank may "
            "be off by so much, how far its value is depends "
            "on the data",
            kind == ASK_ACCURACY_REL ? w * 100 : w,
            kind == ASK_ACCURACY_REL ? "% of the public size in rows" : "rows");
    return ERR_OK;
}

/* Who pays and sees fewer groups than asked for hears why, and a way out. */
static enum err_code tell_margin(struct draft *d, struct err *err)
{
    const struct plan *p = d->plan;
    const struct plan_measure *m = &p->measures[p->top.score];
    return draft_notice(
        d, err,
        "fewer groups, or none, are shown where %s is less than about %.4g; "
        "without LIMIT, groups are selected by people",
        m->what, ldexp((double)dp_topk_margin(&p->top.t), plan_measure_exp(m)));
}

enum err_code draft_tell(struct draft *d, struct err *err)
{
    d->plain_from = d->plan->n_notices;
    if (d->plan->top.on)
        TRY(draft_notice(
            d, err,
            "the groups were picked privately before their numbers "
            "were told: intervals are those of the groups picked, "
            "whichever they are"));
    if (d->plan->top.on && !d->plan->top.t.declared)
        TRY(tell_margin(d, err));
    TRY(draft_notice(d, err,
                     "rows without \"%s\" belong to nobody and are not "
                     "counted",
                     draft_key(d)->key_name));
    TRY(tell_groups(d, err));
    if (!d->scope->one_row)
        TRY(tell_rows(d, err));
    d->plain_to = d->plan->n_notices;
    if (!d->scope->one_row)
        TRY(tell_distinct(d, err));
    TRY(tell_ranges(d, err));
    return tell_accuracy(d, err);
}
