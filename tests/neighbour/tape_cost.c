#include "tests/neighbour/tape_cost.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "dp/notion.h"

/* Prices are rounded up to whole units, and these sums are of doubles. */
static const double ROUNDING = 1 + 1e-9;

void tape_cost_cell(struct tape_cost *c, enum dp_notion notion,
                    const struct dp_mechanism *noise, dp_uint by)
{
    const double steps = (double)by * (double)noise->den / (double)noise->num;
    if (notion == DP_PURE)
        c->main += noise->law == DP_DLAPLACE ? steps : HUGE_VAL;
    else if (notion == DP_GDP && noise->law == DP_DLAPLACE)
        c->main += (double)dp_notion_gdp_of_pure(steps);
    else
        c->main += steps * steps / 2;
}

void tape_cost_alone(struct tape_cost *c, const struct plan *plan)
{
    double tail = 1;
    const dp_int above = (dp_int)plan->keep.above - 1; /* 1 + X > T */
    if (dp_mechanism_tail(&tail, &plan->measures[plan->people].noise, above) !=
        DP_OK)
        abort();
    c->delta = 1 - (1 - c->delta) * (1 - tail);
}

void tape_cost_pick(struct tape_cost *c, enum dp_notion notion,
                    const struct dp_choice *choice, double by)
{
    struct dp_price price;
    if (dp_choice_price(&price, choice, notion) != DP_OK)
        abort();
    const double whole =
        (double)dp_notion_units(notion, price) * dp_notion_unit(notion);
    c->main += whole * (notion == DP_PURE ? by : by * by);
}

const char *tape_cost_wrong(const struct tape_cost *c, enum dp_notion notion,
                            struct dp_price charged)
{
    const double unit = dp_notion_unit(notion);
    const double most = ((double)dp_notion_units(notion, charged) + 1) * unit;
    if (c->main > most * ROUNDING)
        return "the person's part costs more than was charged";
    if (c->delta > ((double)charged.delta_atto + 1) * DP_ATTO * ROUNDING)
        return "the person's groups show more often than delta says";
    return NULL;
}
