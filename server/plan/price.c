#include <assert.h>
#include <math.h>
#include <stdio.h>

#include "dp/interval.h"
#include "dp/notion.h"
#include "server/plan/draft.h"
#include "server/plan/top.h"
#include "server/query/refusal.h"

/*
 * The price of a release is the sum, over its measures, of that of the vector
 * over the groups: Gaussian rho = L0 D^2 / (2 sigma^2), Laplace eps = L0 D / t.
 * A price asked for is split so that the errors of what was asked are least
 * together (share.c): evenly over counts and sums, which gives each the same
 * noise relative to what one person can change, D.  An accuracy asked for gives
 * each measure the noisiest mechanism that reaches it.
 */
static enum dp_notion notion_of(const struct draft *d)
{
    return d->policy->notion;
}

static enum dp_law law_of(const struct draft *d)
{
    return dp_notion_law(notion_of(d));
}

static uint64_t units(const struct draft *d, struct dp_price p)
{
    return dp_notion_units(notion_of(d), p);
}

static const char *unit_name(const struct draft *d)
{
    return dp_notion_unit_name(notion_of(d));
}

static double in_units(const struct draft *d, uint64_t n)
{
    return (double)n * dp_notion_unit(notion_of(d));
}

/* One measure over all groups that one person can be in. */
static struct dp_vector_release vector_of(const struct draft *d, size_t i)
{
    const struct plan_measure *m = &d->plan->measures[i];
    return (struct dp_vector_release){ m->noise, m->bound,
                                       m->l0 ? m->l0
                                             : plan_paid_groups(d->plan) };
}

/*
 * The price asked for is that of the whole chain: a quarter is for each earlier
 * release that costs any, the rest for this one; and grouping sets share it
 * evenly.
 */
static uint64_t of_chain(const struct draft *d, uint64_t total)
{
    uint64_t quarters = d->is_before ? 1 : 4;
    for (size_t i = 0; i < d->plan->n_before; i++)
        quarters -= !d->plan->before[i]->is_free;
    return (quarters == 4 ? total : total / 4 * quarters) / draft_sharers(d);
}

enum err_code plan_asked(uint64_t *out, const struct ask *ask,
                         const struct policy *policy, struct err *err)
{
    const enum dp_notion notion = policy->notion;
    double price = ask->price;
    *out = 0;
    if (ask->kind != ASK_RHO && ask->kind != ASK_EPSILON)
        return ERR_OK;
    if (!(price > 0) || !isfinite(price))
        return refuse(err, REFUSAL_PRICE_ASKED, REFUSAL_NOWHERE, NULL, NULL);
    if (ask->kind == ASK_RHO && notion == DP_PURE)
        return refuse(err, REFUSAL_PRICE_UNIT, REFUSAL_NOWHERE, NULL, NULL);
    if (ask->kind == ASK_EPSILON &&
        dp_notion_of_eps(&price, notion, ask->price, policy->shown_delta) !=
            DP_OK)
        return refuse(err, REFUSAL_PRICE_RANGE, REFUSAL_NOWHERE, NULL, NULL);
    if (dp_units_down(out, price, dp_notion_unit(notion)) != DP_OK)
        return refuse(err, REFUSAL_PRICE_RANGE, REFUSAL_NOWHERE, NULL, NULL);
    return ERR_OK;
}

/* This release's part of it, in units of the notion, rounded down. */
static enum err_code asked(uint64_t *out, const struct draft *d,
                           struct err *err)
{
    const struct ask *ask = &d->req->ask;
    if (ask->kind == ASK_DEFAULT)
        *out = units(d, d->policy->default_price);
    else
        TRY(plan_asked(out, ask, d->policy, err));
    *out = of_chain(d, *out);
    return ERR_OK;
}

/* The least noise that `part` of the price buys for a measure.  A sum whose
 * grid is too fine for its noise moves to a coarser one. */
static enum err_code buy(struct draft *d, size_t i, uint64_t part,
                         struct err *err)
{
    struct plan_measure *m = &d->plan->measures[i];
    const struct dp_price price = dp_notion_price(notion_of(d), part);
    struct dp_vector_release v;
    enum dp_status rc;
    do {
        v = vector_of(d, i);
        rc = part ? dp_vector_of_price(&v, law_of(d), price, notion_of(d))
                  : DP_EDOM;
        m->noise = v.noise;
    } while (rc == DP_ERANGE && draft_coarsen(d, i));
    if (rc == DP_OK)
        return ERR_OK;
    return refuse(err, REFUSAL_PRICE_SMALL, d->tree->at, m->what, NULL);
}

static uint64_t part_of(const struct draft *d, uint64_t total)
{
    const size_t n = plan_paid(d->plan);
    return n ? total / n : 0;
}

static enum err_code buy_all(struct draft *d, struct err *err)
{
    uint64_t total, parts[PLAN_MEASURES_MAX];
    TRY(asked(&total, d, err));
    const uint64_t top = draft_top_part(d, total);
    total -= top;
    const uint64_t picks = part_of(d, total) * d->plan->n_picks;
    const bool enough = draft_share(parts, d, total - picks) == DP_OK;
    for (size_t i = 0; i < d->plan->n_measures; i++)
        if (!plan_hides(d->plan, i))
            TRY(buy(d, i, enough ? parts[i] : 0, err));
    TRY(draft_top_buy(d, top, err));
    return draft_buy_picks(d, part_of(d, total), err);
}

/* People counted only to select groups, and reports, cost what they would by
 * default; percentiles are wrong by ranks, and held to so many rows. */
static enum err_code reach_accuracy(struct draft *d, struct err *err)
{
    bool has[PLAN_MEASURES_MAX] = { false };
    const double w = d->req->ask.half_width;
    const uint64_t usual =
        part_of(d, units(d, d->policy->default_price) / draft_sharers(d));

    if (!(w > 0) || !isfinite(w))
        return refuse(err, REFUSAL_ACCURACY_ASKED, REFUSAL_NOWHERE, NULL, NULL);
    TRY(draft_reach_outputs(d, has, err));
    for (size_t i = 0; i < d->plan->n_measures; i++)
        if (!has[i])
            TRY(buy(d, i, usual, err));
    TRY(draft_top_reach(d, err));
    if (d->plan->n_picks == 0)
        return ERR_OK;
    const double size = draft_public_size(d);
    if (d->req->ask.kind == ASK_ACCURACY_REL && size == 0)
        return draft_no_public_size(err);
    return draft_reach_picks(
        d, d->req->ask.kind == ASK_ACCURACY_REL ? w * size : w, err);
}

static enum err_code add_up(struct draft *d, struct err *err)
{
    struct plan *p = d->plan;
    TRY(draft_top_price(&p->price, d, err));
    for (size_t i = 0; i < p->n_measures; i++) {
        const struct dp_vector_release v = vector_of(d, i);
        struct dp_price price;
        if (plan_hides(p, i))
            continue;
        if (dp_vector_price(&price, &v, notion_of(d)) != DP_OK)
            return err_set(err, ERR_INTERNAL, "an accuracy has no price");
        p->price = dp_price_add(p->price, price);
    }
    for (size_t i = 0; i < p->n_picks; i++) {
        struct dp_price one;
        if (dp_choice_price(&one, &p->picks[i].choice, notion_of(d)) != DP_OK)
            return err_set(err, ERR_INTERNAL, "a percentile has no price");
        p->price =
            dp_price_add(p->price, dp_price_times(one, plan_paid_groups(p)));
    }
    return ERR_OK;
}

/* A part of a series is noised as the whole would be: each of its days is as
 * good, and what is paid is for the groups that a person can be in. */
static enum err_code noise_alike(struct draft *d, struct err *err)
{
    struct plan *p = d->plan;
    const struct plan *like = d->like;
    bool alike =
        p->n_measures == like->n_measures && p->n_picks == like->n_picks;
    for (size_t i = 0; alike && i < p->n_measures; i++) {
        while (p->measures[i].grid_bits > like->measures[i].grid_bits &&
               draft_coarsen(d, i))
            continue;
        p->measures[i].noise = like->measures[i].noise;
        alike = p->measures[i].kind == like->measures[i].kind &&
                p->measures[i].bound == like->measures[i].bound &&
                p->measures[i].grid_bits == like->measures[i].grid_bits;
    }
    for (size_t i = 0; alike && i < p->n_picks; i++)
        p->picks[i] = like->picks[i];
    return alike
               ? ERR_OK
               : err_set(err, ERR_INTERNAL, "a part of a series is unlike it");
}

static enum err_code select_groups(struct draft *d, struct err *err)
{
    struct plan *p = d->plan;
    const double share = d->like ? (double)p->l0 / d->like->l0 : 1;
    const double delta =
        d->policy->default_delta * share / (double)draft_sharers(d);
    if (!plan_thresholds(p))
        return ERR_OK;
    if (dp_threshold_of(&p->keep, &p->measures[p->people].noise, p->l0, delta,
                        p->audience ? p->audience - 1 : 0) != DP_OK ||
        dp_units_up(&p->price.delta_atto, delta, DP_ATTO) != DP_OK)
        return refuse(err, REFUSAL_SELECTION, d->tree->at, NULL, NULL);
    return ERR_OK;
}

/* Four digits, none too high, or too low: what is told to fit does. */
static double rounded_down(double x)
{
    const double unit = pow(10, floor(log10(x)) - 3);
    return x > 0 && isfinite(unit) ? floor(x / unit * (1 + 1e-12)) * unit : 0;
}

static double rounded_up(double x)
{
    const double unit = pow(10, floor(log10(x)) - 3);
    return x > 0 && isfinite(unit) ? ceil(x / unit * (1 - 1e-12)) * unit : x;
}

/* A price as it was asked for: in epsilon at the policy's delta, or in what is
 * charged. */
static double in_asked(const struct draft *d, struct dp_price price)
{
    double eps = 0;
    if (d->req->ask.kind == ASK_EPSILON &&
        dp_notion_eps(&eps, notion_of(d), price, d->policy->shown_delta) ==
            DP_OK)
        return eps;
    return in_units(d, units(d, price));
}

static bool asks_accuracy(const struct draft *d)
{
    const enum ask_kind kind = d->req->ask.kind;
    return kind == ASK_ACCURACY_ABS || kind == ASK_ACCURACY_REL;
}

/* How much wider an interval is that costs the most a question may, as prices
 * go with widths, and a little more. */
static double wider(const struct draft *d)
{
    const double is = in_units(d, units(d, d->plan->price));
    const double may = in_units(d, units(d, d->policy->max_price));
    return 1.01 * (notion_of(d) == DP_PURE ? is / may : sqrt(is / may));
}

static enum err_code hint_accuracy(const struct draft *d, double fits,
                                   struct err *err)
{
    fits = rounded_up(fits);
    if (d->req->ask.kind == ASK_ACCURACY_REL)
        return err_hint(err, "an accuracy of %.4g%% would fit", fits * 100);
    return err_hint(err,
                    fits < 1e4 ? "an accuracy of \xc2\xb1%.4g would fit"
                               : "an accuracy of \xc2\xb1%.0f would fit",
                    fits);
}

enum err_code draft_within_maximum(const struct draft *d, struct err *err)
{
    const struct plan *p = d->plan;
    const struct dp_price most = d->policy->max_price;
    const double asked_may = rounded_down(in_asked(d, most));
    const char *unit =
        d->req->ask.kind == ASK_EPSILON ? "epsilon" : unit_name(d);
    char costs[48], may_cost[32];

    if (p->price.delta_atto > most.delta_atto) {
        (void)snprintf(costs, sizeof costs, "%.3g",
                       (double)p->price.delta_atto * DP_ATTO);
        (void)snprintf(may_cost, sizeof may_cost, "%.3g",
                       (double)most.delta_atto * DP_ATTO);
        return refuse(err, REFUSAL_PRICE_DELTA, REFUSAL_NOWHERE, costs,
                      may_cost);
    }
    if (dp_price_fits(p->price, most))
        return ERR_OK;
    (void)snprintf(costs, sizeof costs, "%s %.4g", unit, in_asked(d, p->price));
    (void)snprintf(may_cost, sizeof may_cost, "%.4g", asked_may);
    (void)refuse(err, REFUSAL_PRICE_MOST, REFUSAL_NOWHERE, costs, may_cost);
    if (asks_accuracy(d))
        return hint_accuracy(d, d->req->ask.half_width * wider(d), err);
    return err_hint(err, "ask for at most %s %.4g", unit, asked_may);
}

static enum err_code price(struct draft *d, struct err *err)
{
    const bool accuracy = asks_accuracy(d);
    uint64_t total;

    if (d->like)
        TRY(noise_alike(d, err));
    else
        TRY(accuracy ? reach_accuracy(d, err) : buy_all(d, err));
    TRY(draft_aim_ends(d, err));
    TRY(add_up(d, err));
    if (!accuracy && !d->like) {
        TRY(asked(&total, d, err));
        assert(units(d, d->plan->price) <= total);
    }
    TRY(select_groups(d, err));
    /* Grouping sets have their earlier releases in common. */
    for (size_t i = 0; i < d->plan->n_before && d->n_parts == 0; i++)
        d->plan->price =
            dp_price_add(d->plan->price, d->plan->before[i]->price);
    return ERR_OK;
}

/*
 * An accuracy that the maximum pays for, told in place of the one that it does
 * not.  Noise of whole numbers does not go with widths below one as wider()
 * has it, so each guess is priced: up to the first that fits, then between it
 * and the last that does not.  `d` is refused, and its noise may change.
 */
static enum err_code guess_accuracy(struct draft *d, struct err *err)
{
    enum { GUESSES = 24 };
    struct request req = *d->req;
    struct draft t = *d;
    struct err ignored;
    double dear = req.ask.half_width, fits = 0; /* each a width */
    t.req = &req;
    for (int i = 0; i < GUESSES && (fits == 0 || fits > 1.02 * dear); i++) {
        req.ask.half_width = fits == 0 ? dear * wider(&t) : sqrt(dear * fits);
        if (price(&t, &ignored) != ERR_OK)
            break;
        if (dp_price_fits(t.plan->price, d->policy->max_price))
            fits = req.ask.half_width;
        else
            dear = req.ask.half_width;
    }
    return fits == 0 ? err->code : hint_accuracy(d, fits, err);
}

enum err_code draft_price(struct draft *d, struct err *err)
{
    TRY(price(d, err));
    const enum err_code code = draft_within_maximum(d, err);
    const bool costs_too_much =
        code != ERR_OK &&
        d->plan->price.delta_atto <= d->policy->max_price.delta_atto;
    return costs_too_much && asks_accuracy(d) ? guess_accuracy(d, err) : code;
}
