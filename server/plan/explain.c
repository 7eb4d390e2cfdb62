#include <math.h>
#include <string.h>

#include "dp/interval.h"
#include "dp/notion.h"
#include "server/plan/draft.h"
#include "server/plan/top.h"
#include "server/plan/totals.h"

static const char *law_name(const struct plan_measure *m)
{
    switch (m->noise.law) {
    case DP_DLAPLACE:
        return "discrete Laplace";
    case DP_DGAUSS:
        return "discrete Gaussian";
    case DP_RGAUSS:
        return "rounded Gaussian";
    }
    return "";
}

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

static double error_of_output(const struct plan *p, const struct plan_output *o)
{
    if (o->expr->kind == TYPED_AGG && !p->is_free)
        return error_of_agg(p, &p->aggs[o->expr->index]);
    return o->expr->kind == TYPED_CALL && !o->is_key ? (double)NAN : 0;
}

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

static const char *pick_text(const struct plan *p, size_t i, struct arena *a)
{
    const struct plan_pick *pick = &p->picks[i];
    return arena_printf(
        a, "%s over %zu buckets, epsilon %.6g, within %.6g rows",
        pick->choice.law == DP_EXPONENTIAL ? "exponential mechanism"
                                           : "permute-and-flip",
        p->hists[pick->hist].n_buckets, (double)pick->choice.eps_nano * DP_NANO,
        rows_off(p, pick));
}

/* A whole double that is a key stands inside a cast. */
static size_t key_index(const struct typed *e)
{
    return e->kind == TYPED_KEY ? e->index : e->call.args[0]->index;
}

static const char *mechanism_of_output(const struct plan *p,
                                       const struct plan_output *o,
                                       struct arena *a)
{
    if (o->is_key)
        return p->keys[key_index(o->expr)].is_public ? "public"
               : p->top.on                           ? "picked"
                                                     : "selected";
    if (o->expr->kind != TYPED_AGG || p->is_free)
        return "computed";
    const struct plan_agg *agg = &p->aggs[o->expr->index];
    const struct plan_measure *m = &p->measures[agg->measure];
    if (agg->kind == PLAN_AGG_QUANTILE)
        return pick_text(p, agg->pick, a);
    if (agg->kind == PLAN_AGG_MEASURE)
        return arena_printf(a, "%s, scale %.6g", law_name(m), scale_of(m));
    if (agg->kind == PLAN_AGG_VARIANCE || agg->kind == PLAN_AGG_DEVIATION)
        return arena_printf(a,
                            "%s, scale %.6g, with squares of scale %.6g and a "
                            "count of scale %.6g",
                            law_name(m), scale_of(m),
                            scale_of(&p->measures[agg->square]),
                            scale_of(&p->measures[agg->count]));
    return arena_printf(a, "%s, scale %.6g, %s a count of scale %.6g",
                        law_name(m), scale_of(m),
                        agg->kind == PLAN_AGG_MEAN ? "over" : "plus",
                        scale_of(&p->measures[agg->count]));
}

static void ownership(struct writer *w, const struct draft *d)
{
    const struct plan *p = d->plan;
    for (size_t i = 0; i < d->n_story; i++)
        writer_printf(w, "%s\n", d->story[i]);
    writer_printf(w, "  rows whose %s is NULL are dropped\n",
                  draft_key(d)->key_name);
    for (size_t i = 0; i < d->n_attributes; i++)
        writer_printf(w,
                      "  %s is an attribute of the person: the least value "
                      "of their rows\n",
                      d->attributes[i]->name);
    if (d->scope->one_row)
        writer_str(w, "  at most one row per person, by construction\n");
    for (size_t i = 0; i < d->where.n; i++) {
        writer_str(w, i ? "    and " : "  rows kept: ");
        typed_print(w, d->where.v[i]);
        writer_str(w, "\n");
    }
    if (p->n_keys > 0)
        writer_printf(w, "  each person in at most %u group%s (L0)%s%s\n",
                      p->l0, p->l0 == 1 ? "" : "s", d->bounding ? ": " : "",
                      d->bounding ? d->bounding : "");
    if (d->form)
        writer_printf(w, "  %s\n", d->form);
    writer_printf(w, "  at most %u row%s per person and group (Linf)\n",
                  p->linf, p->linf == 1 ? "" : "s");
}

static void groups(struct writer *w, const struct draft *d)
{
    const struct plan *p = d->plan;
    for (size_t k = 0; k < p->n_keys; k++) {
        writer_printf(w, "Group key %s: ", p->keys[k].name);
        if (!p->keys[k].is_public) {
            writer_str(w,
                       p->top.on ? "private, picked\n" : "private, selected\n");
            continue;
        }
        writer_printf(w, "public, %zu value%s, others ", p->keys[k].n_domain,
                      p->keys[k].n_domain == 1 ? "" : "s");
        if (d->others[k].type == VALUE_NULL) {
            writer_str(w, "dropped\n");
        } else {
            writer_str(w, "counted as ");
            value_print(w, &d->others[k]);
            writer_str(w, "\n");
        }
    }
    draft_top_explain(w, p);
    if (plan_thresholds(p))
        writer_printf(w,
                      "A group is shown when its noisy number of people "
                      "exceeds %llu (delta %.3g)\n",
                      (unsigned long long)p->keep.above,
                      (double)p->price.delta_atto * DP_ATTO);
    if (plan_thresholds(p))
        writer_printf(w,
                      "  of at most %llu groups; should there be more, those "
                      "with the most people\n",
                      (unsigned long long)p->rows_most);
    else if (p->audience > 0)
        writer_printf(w, "Groups with fewer than %llu noisy people are cut\n",
                      (unsigned long long)p->audience);
}

static void noise(struct writer *w, const struct plan *p)
{
    for (size_t i = 0; i < p->n_measures; i++) {
        const struct plan_measure *m = &p->measures[i];
        if (plan_hides(p, i))
            continue;
        writer_printf(w,
                      "Measure %s: %s; one person changes it by at most %.6g "
                      "per group; %s, scale %.6g; +-%.6g at %g %%\n",
                      m->name, m->what,
                      ldexp((double)m->bound, plan_measure_exp(m)), law_name(m),
                      scale_of(m), half_width(m, 1 - p->level), p->level * 100);
    }
    for (size_t i = 0; i < p->n_picks; i++) {
        const struct plan_pick *pick = &p->picks[i];
        const struct plan_hist *h = &p->hists[pick->hist];
        writer_printf(w,
                      "Percentile %.6g of %s: %zu buckets; one person has at "
                      "most %u row%s in a group; %s, epsilon %.6g per group; "
                      "within %.6g rows at %g %%\n",
                      (double)pick->q.num / pick->q.den, h->of.what,
                      h->n_buckets, p->linf, p->linf == 1 ? "" : "s",
                      pick->choice.law == DP_EXPONENTIAL
                          ? "exponential mechanism"
                          : "permute-and-flip",
                      (double)pick->choice.eps_nano * DP_NANO,
                      rows_off(p, pick), p->level * 100);
    }
    for (size_t i = 0; i < p->n_outputs; i++) {
        const double e = error_of_output(p, &p->outputs[i]);
        if (p->outputs[i].is_key || e == 0) /* a key, or a constant */
            continue;
        writer_printf(w, "Column %s: expected error ", p->outputs[i].name);
        if (isnan(e))
            writer_str(w, "depends on the noisy result\n");
        else
            writer_printf(w, "+-%.6g\n", e);
    }
}

void draft_explain_price(struct writer *w, const struct plan *p)
{
    double eps = 0;
    if (p->policy->notion == DP_PURE) {
        writer_printf(w, "Price: epsilon %.9g\n",
                      (double)p->price.eps_nano * DP_NANO);
        return;
    }
    const double rho = (double)p->price.rho_pico * DP_PICO;
    writer_printf(w, "Price: rho %.9g, delta %.3g", rho,
                  (double)p->price.delta_atto * DP_ATTO);
    if (dp_notion_eps(&eps, p->policy->notion, p->price,
                      p->policy->shown_delta) == DP_OK)
        writer_printf(w, "; alone epsilon %.4g at delta %.3g", eps,
                      p->policy->shown_delta);
    writer_str(w, "\n");
}

/* The secret is a name to people: $1 stands for it in the engine's text, and
 * nowhere else, for literals cannot hold an unquoted dollar. */
static void engine_sql(struct writer *w, const char *title, const char *sql)
{
    static const char secret[] = "CAST($1 AS BLOB)";
    const char *at;
    writer_printf(w, "%s:\n", title);
    while ((at = strstr(sql, secret)) != NULL) {
        writer_bytes(w, sql, (size_t)(at - sql));
        writer_str(w, ":key");
        sql = at + sizeof secret - 1;
    }
    writer_str(w, sql);
    writer_str(w, "\n");
}

void draft_explain_before(struct writer *w, const struct plan *p)
{
    for (size_t i = 0; i < p->n_before; i++)
        writer_printf(w, "First, as table s%zu, a release of its own:\n%s\n", i,
                      p->before[i]->text);
}

static void explain(struct writer *w, const struct draft *d)
{
    const struct plan *p = d->plan;
    if (!d->scope) {
        writer_str(w, "No row is asked for: names and types alone, free\n");
        return;
    }
    if (!p->is_free && d->n_parts == 0)
        draft_explain_before(w, p);
    if (p->adds_up) {
        totals_explain(w, d);
        noise(w, p);
        return;
    }
    ownership(w, d);
    groups(w, d);
    if (p->lists) {
        writer_str(w, "The answer is the policy's list, free: the domain is "
                      "public, and no row is read\n");
        return;
    }
    if (p->is_free) {
        writer_str(w, "No row can count: answered without the data, free\n");
        return;
    }
    for (size_t i = 0; i < p->n_notices; i++)
        if (i < d->plain_from || i >= d->plain_to)
            writer_printf(w, "Note: %s\n", p->notices[i]);
    noise(w, p);
    if (p->n_after > 0)
        writer_printf(w,
                      "Then, from the noisy answer: %zu SELECT%s around it, "
                      "free\n",
                      p->n_after, p->n_after == 1 ? "" : "s");
    draft_explain_price(w, p);
    if (p->rollup)
        engine_sql(w, "Engine, once the rollup is built", p->rollup_sql);
    if (p->n_measures > 0)
        engine_sql(w, "Engine", p->sql);
    for (size_t h = 0; h < p->n_hists; h++)
        engine_sql(w, "Engine", p->hists[h].sql);
}

static enum err_code write_text(struct draft *d, struct err *err)
{
    struct writer w = writer_of(NULL, 0);
    explain(&w, d);
    char *text = arena_alloc(d->a, w.need + 1, 1);
    if (!text)
        return draft_memory(err);
    w = writer_of(text, w.need + 1);
    explain(&w, d);
    if (!writer_cstr(&w))
        return err_set(err, ERR_INTERNAL, "the plan changed while printed");
    d->plan->text = text;
    return ERR_OK;
}

enum err_code draft_explain(struct draft *d, struct err *err)
{
    struct plan *p = d->plan;
    static const struct {
        const char *alone, *selecting, *picking;
    } texts[] = {
        [DP_DLAPLACE] = { "discrete Laplace noise",
                          "discrete Laplace noise, groups selected by a "
                          "threshold",
                          "discrete Laplace noise, groups picked by "
                          "permute-and-flip" },
        [DP_DGAUSS] = { "discrete Gaussian noise",
                        "discrete Gaussian noise, groups selected by a "
                        "threshold",
                        "discrete Gaussian noise, groups picked by the "
                        "exponential mechanism" },
        [DP_RGAUSS] = { "rounded Gaussian noise",
                        "rounded Gaussian noise, groups selected by a "
                        "threshold",
                        "rounded Gaussian noise, groups picked by the "
                        "exponential mechanism" },
    };
    const enum dp_law law = dp_notion_law(p->policy->notion);
    p->mechanism_text = p->is_free           ? "none: a public answer"
                        : p->top.on          ? texts[law].picking
                        : plan_thresholds(p) ? texts[law].selecting
                                             : texts[law].alone;
    p->text = "";
    return d->explains ? write_text(d, err) : ERR_OK;
}

static uint64_t times_left(uint64_t left, uint64_t price)
{
    return price ? left / price : UINT64_MAX;
}

static uint64_t least(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

enum err_code plan_estimate(struct reply_estimate *out, const struct plan *p,
                            struct dp_price left, struct arena *a,
                            struct err *err)
{
    size_t n;
    const struct plan_output *outputs = plan_columns(p, &n);
    *out = (struct reply_estimate){
        .n_columns = n,
        .level = p->level,
        .rho_pico = p->price.rho_pico,
        .eps_nano = p->price.eps_nano,
        .delta_atto = p->price.delta_atto,
        .shown_delta = p->policy->shown_delta,
        .pure = p->policy->notion == DP_PURE,
        .plan = p->text,
    };
    out->queries_left =
        least(times_left(left.rho_pico, p->price.rho_pico),
              least(times_left(left.eps_nano, p->price.eps_nano),
                    times_left(left.delta_atto, p->price.delta_atto)));
    out->columns = ARENA_NEW_N(a, n + 1, struct reply_estimate_column);
    if (!out->columns)
        return draft_memory(err);
    const struct plan *first = plan_release(p, 0);
    for (size_t i = 0; i < n; i++) {
        const bool after = p->n_after > 0; /* computed from the answer */
        const struct plan_output *o = after ? &outputs[i] : &first->outputs[i];
        const char *mechanism =
            after ? "computed" : mechanism_of_output(first, o, a);
        if (!mechanism)
            return draft_memory(err);
        out->columns[i] = (struct reply_estimate_column){
            o->name, mechanism, after ? (double)NAN : error_of_output(first, o)
        };
    }
    if (dp_notion_eps(&out->epsilon, p->policy->notion, p->price,
                      p->policy->shown_delta) != DP_OK)
        return err_set(err, ERR_INTERNAL, "the price has no epsilon");
    return ERR_OK;
}
