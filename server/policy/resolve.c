#include <math.h>

#include "dp/notion.h"
#include "server/policy/parts.h"

/*
 * Prices as written to integers.  Limits round down: a cap never buys more than
 * its text says.
 *
 *   cap {epsilon, delta}   what may be *shown* at the end of the dataset's
 * life: delta = the filter's own + the conversion's cap {rho, delta}       the
 * filter itself; shown_delta comes on top
 */
enum { DEFAULT_PART = 1000, MAX_PART = 20, MAX_DELTA_TIMES = 10 };
#define SHOWN_DELTA_DEFAULT 1e-6

static struct yaml_place place(const struct policy_file *file,
                               const struct price_text *t)
{
    return yaml_place_of_key(t->node ? t->node : file->root);
}

/* `v` in units, at least one; notes a mistake when it is less. */
static uint64_t units(struct loader *l, struct yaml_place at, double v,
                      double unit, const char *what)
{
    uint64_t n;
    if (dp_units_down(&n, v, unit) == DP_OK && n > 0)
        return n;
    loader_mistake(
        l, at, arena_printf(l->a, "%s of %g is too small to spend", what, v),
        arena_printf(l->a, "the unit is %g", unit));
    return 0;
}

/* Exactly one of rho and epsilon, and the one that the notion knows. */
static bool names_one(struct loader *l, const struct policy_file *file,
                      const struct price_text *t)
{
    if (!t->node || t->node->kind != YAML_MAP)
        return false;
    const bool rho = yaml_tree_find(t->node, "rho");
    const bool eps = yaml_tree_find(t->node, "epsilon");
    if (file->p.notion == DP_PURE && rho) {
        loader_mistake(l, yaml_place_of(t->node),
                       "under the pure notion a price is an epsilon",
                       "write '{epsilon: ...}', or choose another notion");
        return false;
    }
    if (rho == eps) {
        loader_mistake(
            l, yaml_place_of(t->node),
            rho ? "a price is an epsilon or a rho, not both"
                : "a price needs an epsilon or a rho",
            file->p.notion == DP_PURE
                ? "write '{epsilon: 1}'"
                : "write '{epsilon: 1, delta: 1e-6}' or '{rho: 0.02, "
                  "delta: 1e-6}'");
        return false;
    }
    return rho ? !isnan(t->rho) : !isnan(t->eps);
}

/* The main part (rho or epsilon) of a price. */
static void resolve_main(struct loader *l, const struct policy_file *file,
                         const struct price_text *t, struct dp_price *out)
{
    if (!names_one(l, file, t))
        return;
    const struct yaml_place at = yaml_place_of(t->node);
    double rho = t->rho;
    if (file->p.notion == DP_PURE) {
        out->eps_nano = units(l, at, t->eps, DP_NANO, "an epsilon");
        return;
    }
    if (!isnan(t->eps) && (t->eps == 0 || !(file->p.shown_delta > 0) ||
                           dp_notion_of_eps(&rho, file->p.notion, t->eps,
                                            file->p.shown_delta) != DP_OK)) {
        loader_mistake(l, at,
                       arena_printf(l->a, "epsilon %g has no rho at delta %g",
                                    t->eps, file->p.shown_delta),
                       "name a rho, or an epsilon and a delta above 0");
        return;
    }
    out->rho_pico = units(l, at, rho, DP_PICO, "a rho");
}

/* The delta part; `otherwise` when absent. */
static void resolve_delta(struct loader *l, const struct policy_file *file,
                          const struct price_text *t, uint64_t otherwise,
                          struct dp_price *out)
{
    out->delta_atto = otherwise;
    if (isnan(t->delta))
        return;
    if (file->p.notion == DP_PURE && t->delta > 0)
        loader_mistake(l, yaml_place_of(t->node),
                       "under the pure notion delta is 0",
                       "remove 'delta', or choose another notion");
    if (dp_units_down(&out->delta_atto, t->delta, DP_ATTO) != DP_OK)
        out->delta_atto = 0;
}

/* How the cap's delta is shared between filter and conversion. */
static void resolve_cap(struct loader *l, struct policy_file *file)
{
    struct policy *p = &file->p;
    const struct price_text *t = &file->cap;
    if (!t->node)
        return;
    struct price_text own = *t;
    if (p->notion != DP_PURE) {
        if (t->node->kind == YAML_MAP && !yaml_tree_find(t->node, "delta"))
            loader_mistake(l, yaml_place_of(t->node),
                           p->notion == DP_GDP
                               ? "under gdp the cap needs a delta"
                               : "under zcdp the cap needs a delta",
                           "add 'delta: 1e-6': far below one in the number of "
                           "people");
        const bool by_eps = !isnan(t->eps);
        p->shown_delta = file->shown_delta;
        if (isnan(p->shown_delta))
            p->shown_delta = by_eps ? t->delta / 2 : SHOWN_DELTA_DEFAULT;
        p->cap_epsilon = by_eps ? t->eps : 0;
        if (by_eps)
            own.delta = t->delta - p->shown_delta;
        if (own.delta < 0) {
            loader_mistake(l, yaml_place_of(t->node),
                           "shown_delta takes more than the cap's whole delta",
                           "choose a smaller shown_delta");
            own.delta = 0;
        }
        if (isnan(own.delta) || isnan(p->shown_delta))
            return;
    }
    resolve_main(l, file, &own, &p->cap);
    resolve_delta(l, file, &own, 0, &p->cap);
}

static void resolve_default_delta(struct loader *l, struct policy_file *file)
{
    struct policy *p = &file->p;
    const struct yaml_node *node = yaml_tree_find(file->root, "default_delta");
    p->default_delta = file->default_delta;
    if (p->notion == DP_PURE) {
        if (p->default_delta > 0)
            loader_mistake(l, yaml_place_of(node),
                           "under the pure notion delta is 0",
                           "remove 'default_delta', or choose another notion");
        p->default_delta = 0;
        return;
    }
    if (isnan(p->default_delta))
        p->default_delta = (double)(p->cap.delta_atto / DEFAULT_PART) * DP_ATTO;
}

static void exceeds(struct loader *l, const struct policy_file *file,
                    const struct price_text *t, struct dp_price price,
                    struct dp_price limit, const char *what)
{
    if (dp_price_fits(price, limit))
        return;
    const char *part = price.delta_atto > limit.delta_atto ? "delta" : "price";
    loader_mistake(
        l, place(file, t),
        arena_printf(l->a, "the %s of %s passes its limit", part, what),
        "keep default_price <= max_price <= cap, each quota <= cap, "
        "counts.price <= counts.reserve <= cap, and default_delta <= the delta "
        "of max_price");
}

static struct dp_price part_of(struct dp_price cap, uint64_t part)
{
    return (struct dp_price){ .rho_pico = cap.rho_pico / part,
                              .eps_nano = cap.eps_nano / part };
}

static void resolve_counts(struct loader *l, struct policy_file *file)
{
    struct policy_counts *c = &file->p.counts;
    const struct price_text *price = &file->counts_price,
                            *reserve = &file->counts_reserve;
    if (!price->node || !reserve->node)
        return;
    resolve_main(l, file, price, &c->price);
    resolve_main(l, file, reserve, &c->reserve);
    if (price->delta > 0 || reserve->delta > 0)
        loader_mistake(l, yaml_place_of(price->node),
                       "counts of consent have no delta: their groups are the "
                       "purposes, which are public",
                       "leave 'delta' out");
    exceeds(l, file, price, c->price, c->reserve, "counts.price");
    exceeds(l, file, reserve, c->reserve, file->p.cap, "counts.reserve");
}

void policy_resolve_prices(struct loader *l, struct policy_file *file)
{
    struct policy *p = &file->p;
    resolve_cap(l, file);
    resolve_default_delta(l, file);
    if (p->cap.rho_pico == 0 && p->cap.eps_nano == 0)
        return; /* a mistake is noted; fractions of nothing add no others */

    uint64_t one = 0, ten = 0;
    if (dp_units_down(&one, p->default_delta, DP_ATTO) != DP_OK ||
        dp_units_down(&ten, p->default_delta * MAX_DELTA_TIMES, DP_ATTO) !=
            DP_OK)
        one = ten = 0;
    if (ten > p->cap.delta_atto && one <= p->cap.delta_atto)
        ten = p->cap.delta_atto;

    p->max_price = part_of(p->cap, MAX_PART);
    p->default_price = part_of(p->cap, DEFAULT_PART);
    if (file->max_price.node)
        resolve_main(l, file, &file->max_price, &p->max_price);
    resolve_delta(l, file, &file->max_price, ten, &p->max_price);
    if (file->default_price.node)
        resolve_main(l, file, &file->default_price, &p->default_price);
    resolve_delta(l, file, &file->default_price, one, &p->default_price);
    exceeds(l, file, &file->max_price, p->max_price, p->cap, "max_price");
    exceeds(l, file, &file->default_price, p->default_price, p->max_price,
            "default_price");
    for (size_t i = 0; i < p->n_quotas; i++) {
        const struct price_text *t = &file->quota_limits[i];
        if (!t->node)
            continue;
        resolve_main(l, file, t, &p->quotas[i].limit);
        resolve_delta(l, file, t, p->cap.delta_atto, &p->quotas[i].limit);
        exceeds(l, file, t, p->quotas[i].limit, p->cap, "the quota");
    }
    resolve_counts(l, file);
}
