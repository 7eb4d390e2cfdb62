/*
 * SELECTs around the one whose aggregates become a release.  What they do is
 * done with noisy numbers, so it is free, and mostly it means the same said in
 * the inner SELECT:
 *
 *   SELECT f(x) FROM (SELECT g AS x .. GROUP BY ..) WHERE p(x) ORDER BY ..
 *   SELECT f(g) .. GROUP BY .. HAVING p(g) ORDER BY ..
 *
 * Columns are replaced by what they stand for.  Each level may double what the
 * one before it holds, so the nodes are counted and capped.  What has no such
 * form (groups of groups, a filter behind a LIMIT) is left to after.h, and so
 * is everything around it.
 */
#include <string.h>

#include "server/plan/draft.h"
#include "server/query/refusal.h"

enum { NODES_MAX = 2000, DEPTH_MAX = 200 };

/* One level being merged into the SELECT inside it. */
struct nest {
    struct draft *d;
    const struct select *outer, *inner;
    const char *name; /* of the inner SELECT, or NULL */
    size_t nodes;
};

static enum err_code copy(struct expr **out, struct nest *n,
                          const struct expr *e, unsigned depth,
                          struct err *err);

static size_t nodes_of(const struct expr *e)
{
    size_t n = 1;
    if (!e)
        return 0;
    for (size_t i = 0; e->kind == EXPR_CALL && i < e->call.n_args; i++)
        n += nodes_of(e->call.args[i]);
    if (e->kind == EXPR_AGG)
        n += nodes_of(e->agg.arg) + nodes_of(e->agg.filter);
    const struct expr *part = NULL;
    for (size_t i = 0;
         e->kind == EXPR_WINDOW && (part = window_part(e->window, i)) != NULL;
         i++)
        n += nodes_of(part);
    return n;
}

static enum err_code count(struct nest *n, const struct expr *e, size_t more,
                           struct err *err)
{
    n->nodes += more;
    return n->nodes <= NODES_MAX
               ? ERR_OK
               : refuse(err, REFUSAL_NEST_SIZE, e->at, NULL, NULL);
}

/* What a column of the inner SELECT stands for. */
static enum err_code find(struct expr **out, struct nest *n,
                          const struct expr *e, struct err *err)
{
    const char *table = e->column.table;
    *out = NULL;
    if (table && !(n->name && strcmp(n->name, table) == 0))
        return refuse(err, REFUSAL_NO_ALIAS, e->at, table, NULL);
    for (size_t i = 0; i < n->inner->n_items; i++) {
        const struct select_item *item = &n->inner->items[i];
        if (strcmp(select_item_name(item), e->column.name) != 0)
            continue;
        if (*out)
            return refuse(err, REFUSAL_AMBIGUOUS_COLUMN, e->at, e->column.name,
                          NULL);
        *out = item->expr;
    }
    if (!*out)
        return refuse(err, REFUSAL_NO_OUTPUT, e->at, e->column.name, NULL);
    return count(n, e, nodes_of(*out), err);
}

static enum err_code copy_call(struct expr **out, struct nest *n,
                               const struct expr *e, unsigned depth,
                               struct err *err)
{
    struct expr *c = ARENA_NEW(n->d->a, struct expr);
    if (!c)
        return draft_memory(err);
    *c = *e;
    c->call.args = ARENA_NEW_N(n->d->a, e->call.n_args, struct expr *);
    if (!c->call.args)
        return draft_memory(err);
    for (size_t i = 0; i < e->call.n_args; i++)
        TRY(copy(&c->call.args[i], n, e->call.args[i], depth + 1, err));
    *out = c;
    return ERR_OK;
}

static enum err_code copy_list(struct expr ***out, struct nest *n,
                               struct expr *const *list, size_t n_list,
                               unsigned depth, struct err *err)
{
    *out = ARENA_NEW_N(n->d->a, n_list + 1, struct expr *);
    if (!*out)
        return draft_memory(err);
    for (size_t i = 0; i < n_list; i++)
        TRY(copy(&(*out)[i], n, list[i], depth, err));
    return ERR_OK;
}

static enum err_code copy_order_list(struct select_order **out, struct nest *n,
                                     const struct select_order *list,
                                     size_t n_list, unsigned depth,
                                     struct err *err)
{
    *out = ARENA_NEW_N(n->d->a, n_list + 1, struct select_order);
    if (!*out)
        return draft_memory(err);
    for (size_t i = 0; i < n_list; i++) {
        (*out)[i] = list[i];
        TRY(copy(&(*out)[i].expr, n, list[i].expr, depth, err));
    }
    return ERR_OK;
}

/* What stands before OVER: its arguments are over the columns inside. */
static enum err_code copy_over(struct expr **out, struct nest *n,
                               const struct expr *e, unsigned depth,
                               struct err *err)
{
    struct expr *agg = ARENA_NEW(n->d->a, struct expr);
    if (!agg)
        return draft_memory(err);
    *agg = *e;
    if (e->agg.arg->kind != EXPR_STAR)
        TRY(copy(&agg->agg.arg, n, e->agg.arg, depth, err));
    if (e->agg.filter)
        TRY(copy(&agg->agg.filter, n, e->agg.filter, depth, err));
    *out = agg;
    return ERR_OK;
}

/* Over the rows of the answer, which are those of the SELECT inside. */
static enum err_code copy_window(struct expr **out, struct nest *n,
                                 const struct expr *e, unsigned depth,
                                 struct err *err)
{
    const struct window *w = e->window;
    struct expr *c = ARENA_NEW(n->d->a, struct expr);
    struct window *to = ARENA_NEW(n->d->a, struct window);
    if (!c || !to)
        return draft_memory(err);
    *to = *w;
    *c = *e;
    c->window = to;
    if (w->kind == WINDOW_AGG)
        TRY(copy_over(&to->arg, n, w->arg, depth + 1, err));
    else if (w->arg)
        TRY(copy(&to->arg, n, w->arg, depth + 1, err));
    if (w->number)
        TRY(copy(&to->number, n, w->number, depth + 1, err));
    if (w->otherwise)
        TRY(copy(&to->otherwise, n, w->otherwise, depth + 1, err));
    TRY(copy_list(&to->partition, n, w->partition, w->n_partition, depth + 1,
                  err));
    TRY(copy_order_list(&to->orders, n, w->orders, w->n_orders, depth + 1,
                        err));
    *out = c;
    return ERR_OK;
}

/* `e` over the columns inside.  The copy is not written to by anyone else. */
static enum err_code copy(struct expr **out, struct nest *n,
                          const struct expr *e, unsigned depth, struct err *err)
{
    TRY(count(n, e, 1, err));
    if (depth > DEPTH_MAX)
        return refuse(err, REFUSAL_NEST_SIZE, e->at, NULL, NULL);
    switch (e->kind) {
    case EXPR_CONST:
    case EXPR_PARAM:
        *out = (struct expr *)(uintptr_t)e;
        return ERR_OK;
    case EXPR_COLUMN:
        return find(out, n, e, err);
    case EXPR_CALL:
        return copy_call(out, n, e, depth, err);
    case EXPR_WINDOW:
        return copy_window(out, n, e, depth, err);
    case EXPR_AGG: /* has_form() says no */
    case EXPR_STAR:
    case EXPR_QUERY:
        break;
    }
    return refuse(err, REFUSAL_QUERY_PLACE, e->at,
                  "a question, or beside aggregates", NULL);
}

static size_t items_at_most(const struct nest *n)
{
    size_t most = 0;
    for (size_t i = 0; i < n->outer->n_items; i++)
        most +=
            n->outer->items[i].expr->kind == EXPR_STAR ? n->inner->n_items : 1;
    return most;
}

static enum err_code copy_items(struct select *s, struct nest *n,
                                struct err *err)
{
    s->items = ARENA_NEW_N(n->d->a, items_at_most(n) + 1, struct select_item);
    s->n_items = 0;
    if (!s->items)
        return draft_memory(err);
    for (size_t i = 0; i < n->outer->n_items; i++) {
        const struct select_item *item = &n->outer->items[i];
        const bool star = item->expr->kind == EXPR_STAR;
        for (size_t k = 0; star && k < n->inner->n_items; k++) {
            s->items[s->n_items] = n->inner->items[k];
            s->items[s->n_items++].alias =
                select_item_name(&n->inner->items[k]);
        }
        if (star)
            continue;
        struct select_item *out = &s->items[s->n_items++];
        *out = (struct select_item){ .alias = select_item_name(item),
                                     .at = item->at };
        TRY(copy(&out->expr, n, item->expr, 0, err));
    }
    return ERR_OK;
}

/* WHERE over groups is HAVING. */
static enum err_code copy_where(struct select *s, struct nest *n,
                                struct err *err)
{
    struct expr *where = NULL, *both;
    if (!n->outer->where)
        return ERR_OK;
    TRY(copy(&where, n, n->outer->where, 0, err));
    if (!s->having) {
        s->having = where;
        return ERR_OK;
    }
    both = ARENA_NEW(n->d->a, struct expr);
    if (!both)
        return draft_memory(err);
    *both = (struct expr){ .kind = EXPR_CALL, .at = where->at };
    both->call.op = OP_AND;
    both->call.n_args = 2;
    both->call.args = ARENA_NEW_N(n->d->a, 2, struct expr *);
    if (!both->call.args)
        return draft_memory(err);
    both->call.args[0] = s->having;
    both->call.args[1] = where;
    s->having = both;
    return ERR_OK;
}

static enum err_code copy_orders(struct select *s, struct nest *n,
                                 struct err *err)
{
    if (n->outer->n_orders == 0)
        return ERR_OK;
    s->n_orders = n->outer->n_orders;
    return copy_order_list(&s->orders, n, n->outer->orders, s->n_orders, 0,
                           err);
}

/* Of the rows inside, those the outer SELECT leaves. */
static void limit(struct select *s, const struct select *outer)
{
    if (s->has_limit)
        s->limit = s->limit > outer->offset ? s->limit - outer->offset : 0;
    if (outer->has_limit && (!s->has_limit || outer->limit < s->limit))
        s->limit = outer->limit;
    s->has_limit |= outer->has_limit;
    s->offset += outer->offset;
}

static bool has_windows(const struct select *s)
{
    bool found = false;
    for (size_t i = 0; i < s->n_items; i++)
        found |= draft_windows(s->items[i].expr);
    for (size_t i = 0; i < s->n_orders; i++)
        found |= draft_windows(s->orders[i].expr);
    return found;
}

/* Is there a form inside for what the outer SELECT says?  Windows see the rows
 * before any LIMIT, and none sees what another computed. */
static bool has_form(const struct nest *n)
{
    const struct select *o = n->outer;
    const bool cuts = n->inner->has_limit || n->inner->offset > 0;
    const bool windows = has_windows(o), inside = has_windows(n->inner);
    bool groups =
        o->n_keys > 0 || o->having || o->distinct || o->n_distinct_on > 0;
    for (size_t i = 0; i < o->n_items; i++)
        groups |= draft_aggregates(o->items[i].expr);
    for (size_t i = 0; i < o->n_orders; i++)
        groups |= draft_aggregates(o->orders[i].expr);
    return !groups && !(cuts && (o->where || o->n_orders > 0 || windows)) &&
           !(inside && (o->where || windows));
}

static enum err_code merge(const struct select **out, struct nest *n,
                           struct err *err)
{
    struct select *s = ARENA_NEW(n->d->a, struct select);
    if (!s)
        return draft_memory(err);
    *s = *n->inner;
    TRY(copy_items(s, n, err));
    TRY(copy_where(s, n, err));
    TRY(copy_orders(s, n, err));
    limit(s, n->outer);
    *out = s;
    return ERR_OK;
}

/* The outer SELECT works on the answer. */
static enum err_code leave(struct draft *d, const struct select *s,
                           struct err *err)
{
    if (d->n_outers == DRAFT_OUTERS_MAX)
        return refuse(err, REFUSAL_NEST_SIZE, s->at, NULL, NULL);
    d->outers[d->n_outers++] = s;
    return ERR_OK;
}

/* Do sub-queries alone stand between `s` and `core`? */
static bool reaches(const struct select *s, const struct select *core)
{
    while (s != core && s->from->kind == RELATION_QUERY)
        s = s->from->select;
    return s == core;
}

static enum err_code merge_down(const struct select **out, struct draft *d,
                                const struct select *s,
                                const struct select *core, struct err *err)
{
    struct nest n = { .d = d, .outer = s };
    *out = core;
    if (s == core)
        return ERR_OK;
    TRY(merge_down(&n.inner, d, s->from->select, core, err));
    n.name = s->from->alias;
    if (d->n_outers == 0 && has_form(&n))
        return merge(out, &n, err);
    *out = n.inner;
    return leave(d, s, err);
}

enum err_code draft_nest(const struct select **out, struct draft *d,
                         const struct select *core, struct err *err)
{
    *out = d->tree;
    d->n_outers = 0;
    if (core == d->tree || !reaches(d->tree, core))
        return ERR_OK;
    return merge_down(out, d, d->tree, core, err);
}
