#include <math.h>
#include <string.h>

#include "dp/interval.h"
#include "dp/notion.h"
#include "server/base/shown.h"
#include "server/plan/draft.h"
#include "server/plan/explain.h"
#include "server/plan/top.h"
#include "server/plan/totals.h"

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

/* An expression, and the column that shows it. */
static void key_name(struct writer *w, const struct plan *p, size_t k)
{
    writer_printf(w, "Group key %s", p->keys[k].name);
    for (size_t i = 0; i < p->n_outputs; i++) {
        const struct plan_output *o = &p->outputs[i];
        if (o->is_key && explain_key(o->expr) == k &&
            strcmp(o->name, p->keys[k].name) != 0) {
            writer_printf(w, ", shown as %s", o->name);
            break;
        }
    }
    writer_str(w, ": ");
}

static void groups(struct writer *w, const struct draft *d)
{
    const struct plan *p = d->plan;
    for (size_t i = 0; i < p->n_keys; i++) {
        const size_t k = plan_key_place(p, i);
        key_name(w, p, k);
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
                      "exceeds %llu (delta %s)\n",
                      (unsigned long long)p->keep.above,
                      shown_of((double)p->price.delta_atto * DP_ATTO, 3).s);
    if (plan_thresholds(p))
        writer_printf(w,
                      "  of at most %llu groups; should there be more, those "
                      "with the most people\n",
                      (unsigned long long)p->rows_most);
    else if (p->audience > 0)
        writer_printf(w, "Groups with fewer than %llu noisy people are cut\n",
                      (unsigned long long)p->audience);
}

void draft_explain_price(struct writer *w, const struct plan *p)
{
    double eps = 0;
    if (p->policy->notion == DP_PURE) {
        writer_printf(w, "Price: epsilon %s\n",
                      shown_of((double)p->price.eps_nano * DP_NANO, 9).s);
        return;
    }
    const double rho = (double)p->price.rho_pico * DP_PICO;
    writer_printf(w, "Price: rho %s, delta %s", shown_of(rho, 9).s,
                  shown_of((double)p->price.delta_atto * DP_ATTO, 3).s);
    if (dp_notion_eps(&eps, p->policy->notion, p->price,
                      p->policy->shown_delta) == DP_OK)
        writer_printf(w, "; alone epsilon %s at delta %s", shown_of(eps, 4).s,
                      shown_of(p->policy->shown_delta, 3).s);
    writer_str(w, "\n");
}

static void engine_sql(struct writer *w, const char *title, const char *sql)
{
    writer_printf(w, "%s:\n", title);
    explain_sql(w, sql);
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
        explain_noise(w, p);
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
    explain_noise(w, p);
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
    for (size_t i = 0; i < n; i++) {
        out->columns[i] = (struct reply_estimate_column){
            outputs[i].name, explain_mechanism(p, i, a), explain_error(p, i)
        };
        if (!out->columns[i].mechanism)
            return draft_memory(err);
    }
    if (dp_notion_eps(&out->epsilon, p->policy->notion, p->price,
                      p->policy->shown_delta) != DP_OK)
        return err_set(err, ERR_INTERNAL, "the price has no epsilon");
    return ERR_OK;
}
