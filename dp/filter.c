#include "dp/filter.h"

#include <math.h>

#include "dp/notion.h"

static bool is_notion(enum dp_notion notion)
{
    return notion == DP_ZCDP || notion == DP_PURE || notion == DP_GDP;
}

enum dp_status dp_filter_open(struct dp_filter *out, enum dp_notion notion,
                              struct dp_price limit)
{
    const struct dp_price most = { DP_PRICE_MAX, DP_PRICE_MAX, DP_PRICE_MAX };
    if (!is_notion(notion) || !dp_price_fits(limit, most) ||
        (notion == DP_PURE ? limit.rho_pico : limit.eps_nano) != 0)
        return DP_EDOM;
    *out = (struct dp_filter){ .notion = notion, .limit = limit };
    return DP_OK;
}

bool dp_filter_charge(struct dp_filter *f, struct dp_price price)
{
    const struct dp_price sum = dp_price_add(f->spent, price);
    if (!dp_price_fits(sum, f->limit))
        return false;
    f->spent = sum;
    f->charges++;
    return true;
}

static uint64_t times_within(uint64_t left, uint64_t each)
{
    return each == 0 ? UINT64_MAX : left / each;
}

static uint64_t least(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

uint64_t dp_filter_affords(const struct dp_filter *f, struct dp_price price)
{
    const struct dp_price left = dp_price_left(f->limit, f->spent);
    return least(times_within(left.rho_pico, price.rho_pico),
                 least(times_within(left.eps_nano, price.eps_nano),
                       times_within(left.delta_atto, price.delta_atto)));
}

enum dp_status dp_filter_eps(double *eps, const struct dp_filter *f,
                             double delta)
{
    uint64_t atto;
    if (!(delta >= 0 && delta < 1) || (delta == 0 && f->notion != DP_PURE) ||
        dp_units_down(&atto, delta, DP_ATTO) != DP_OK)
        return DP_EDOM;
    if (f->spent.delta_atto == 0)
        return dp_notion_eps(eps, f->notion, f->spent, delta);
    if (atto < f->spent.delta_atto ||
        (atto == f->spent.delta_atto && f->notion != DP_PURE))
        return DP_ERANGE;
    /* Both are whole attos; one step down covers the product. */
    const double left = (double)(atto - f->spent.delta_atto) * DP_ATTO;
    return dp_notion_eps(eps, f->notion, f->spent, nextafter(left, 0));
}
