/*
 * dp_low(alias) and dp_high(alias): the name of an output column inside them
 * stands for what the column is.
 */
#include "server/sql/sql_ctx.h"

#include <string.h>

static struct expr *output_of(const struct select *s, const struct expr *e)
{
    if (e->kind != EXPR_COLUMN || e->column.table)
        return NULL;
    for (size_t i = 0; i < s->n_items; i++)
        if (s->items[i].expr != e && s->items[i].expr->kind != EXPR_STAR &&
            strcmp(select_item_name(&s->items[i]), e->column.name) == 0)
            return s->items[i].expr;
    return NULL;
}

static bool holds_bound(const struct expr *e)
{
    bool found = e->kind == EXPR_CALL &&
                 (e->call.op == OP_DP_LOW || e->call.op == OP_DP_HIGH);
    for (size_t i = 0; e->kind == EXPR_CALL && !found && i < e->call.n_args;
         i++)
        found = holds_bound(e->call.args[i]);
    return found;
}

static void name_bounds(const struct select *s, struct expr *e, bool inside)
{
    if (!e || e->kind != EXPR_CALL)
        return;
    inside |= e->call.op == OP_DP_LOW || e->call.op == OP_DP_HIGH;
    for (size_t i = 0; i < e->call.n_args; i++) {
        struct expr *of = inside ? output_of(s, e->call.args[i]) : NULL;
        if (of && !holds_bound(of)) /* or a column would stand in itself */
            e->call.args[i] = of;
        else
            name_bounds(s, e->call.args[i], inside);
    }
}

void sql_name_bounds(struct select *s)
{
    for (size_t i = 0; i < s->n_items; i++)
        name_bounds(s, s->items[i].expr, false);
    name_bounds(s, s->having, false);
    for (size_t i = 0; i < s->n_orders; i++)
        name_bounds(s, s->orders[i].expr, false);
}
