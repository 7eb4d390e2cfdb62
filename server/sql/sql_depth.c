/*
 * How deep the tree is, exactly.  What a handler spells out (NOT IN, NULLIF)
 * makes it deeper than the text, and a reference to a common table expression
 * nests what it names.
 */
#include "server/sql/sql_ctx.h"

static unsigned select_depth(const struct select *s);
static unsigned expr_depth(const struct expr *e);

static unsigned max_of(unsigned a, unsigned b)
{
    return a > b ? a : b;
}

static unsigned list_depth(struct expr *const *list, size_t n)
{
    unsigned most = 0;
    for (size_t i = 0; i < n; i++)
        most = max_of(most, expr_depth(list[i]));
    return most;
}

static unsigned orders_depth(const struct select_order *orders, size_t n)
{
    unsigned most = 0;
    for (size_t i = 0; i < n; i++)
        most = max_of(most, expr_depth(orders[i].expr));
    return most;
}

static unsigned window_depth(const struct window *w)
{
    unsigned most = 0;
    const struct expr *e;
    for (size_t i = 0; (e = window_part(w, i)) != NULL; i++)
        most = max_of(most, expr_depth(e));
    return most;
}

/* Levels of an expression, as deep as any walker will recurse. */
static unsigned expr_depth(const struct expr *e)
{
    unsigned below = 0;
    if (!e)
        return 0;
    if (e->kind == EXPR_CALL)
        below = list_depth(e->call.args, e->call.n_args);
    if (e->kind == EXPR_AGG)
        below = max_of(expr_depth(e->agg.arg), expr_depth(e->agg.filter));
    if (e->kind == EXPR_WINDOW)
        below = window_depth(e->window);
    if (e->kind == EXPR_QUERY)
        below =
            max_of(expr_depth(e->query.operand), select_depth(e->query.select));
    return below + 1;
}

static unsigned relation_depth(const struct relation *r)
{
    unsigned below = 0;
    switch (r->kind) {
    case RELATION_TABLE:
        break;
    case RELATION_QUERY:
        below = select_depth(r->select);
        break;
    case RELATION_JOIN:
        below =
            max_of(relation_depth(r->join.left), relation_depth(r->join.right));
        below = max_of(below, expr_depth(r->join.on));
        break;
    case RELATION_SET:
        for (size_t i = 0; i < r->set.n_arms; i++)
            below = max_of(below, select_depth(r->set.arms[i]));
        break;
    }
    return below + 1;
}

static unsigned select_depth(const struct select *s)
{
    unsigned most = max_of(expr_depth(s->where), expr_depth(s->having));
    most = max_of(most, relation_depth(s->from));
    for (size_t i = 0; i < s->n_items; i++)
        most = max_of(most, expr_depth(s->items[i].expr));
    most = max_of(most, list_depth(s->keys, s->n_keys));
    most = max_of(most, list_depth(s->distinct_on, s->n_distinct_on));
    return max_of(most, orders_depth(s->orders, s->n_orders));
}

enum err_code sql_check_depth(struct sql_ctx *c, const struct select *s)
{
    if (select_depth(s) <= SQL_DEPTH_MAX)
        return ERR_OK;
    return sql_refuse(c, REFUSAL_TEXT_DEPTH, 0, "200", NULL);
}
