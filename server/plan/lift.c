#include "server/plan/lift.h"

#include <stdio.h>

#include "server/plan/mix.h"
#include "server/query/refusal.h"

enum { PIECES_MAX = 256, LIFT_DEPTH_MAX = 200 };

static const char CORE[] = "_core";

struct lift {
    struct draft *d;
    bool splits; /* groups or aggregates: what is read of them are pieces */
    struct select_item *pieces;
    size_t n_pieces;
    struct relation *from; /* with the values met so far */
    size_t n_values;
    bool fits;
    bool in_where; /* and what is read is true, or the row is left out: not
                      behind a NOT, nor inside anything else but AND and OR */
};

static bool is_value(const struct expr *e)
{
    return e->kind == EXPR_QUERY && e->query.is_value;
}

/* x IN (SELECT ..) */
static bool is_lookup(const struct expr *e)
{
    return e->kind == EXPR_QUERY && e->query.operand;
}

/* Outside the rows that aggregates and windows see. */
static bool has_value(const struct expr *e)
{
    bool found = e && (is_value(e) || is_lookup(e));
    for (size_t i = 0;
         e && e->kind == EXPR_CALL && !found && i < e->call.n_args; i++)
        found = has_value(e->call.args[i]);
    return found;
}

static bool is_constant(const struct expr *e)
{
    bool constant = e->kind == EXPR_CONST || e->kind == EXPR_PARAM ||
                    (e->kind == EXPR_CALL && e->call.n_args > 0);
    for (size_t i = 0; e->kind == EXPR_CALL && constant && i < e->call.n_args;
         i++)
        constant = is_constant(e->call.args[i]);
    return constant;
}

static enum err_code column(struct expr **out, const struct lift *l,
                            const char *table, const char *name,
                            struct place at, struct err *err)
{
    struct expr *e = ARENA_NEW(l->d->a, struct expr);
    if (!e || !name)
        return draft_memory(err);
    *e = (struct expr){ .kind = EXPR_COLUMN, .at = at };
    e->column.table = table;
    e->column.name = name;
    *out = e;
    return ERR_OK;
}

/* A part without sub-queries, computed by the SELECT inside. */
static enum err_code piece(struct expr **out, struct lift *l, struct expr *e,
                           struct err *err)
{
    size_t i = 0;
    while (i < l->n_pieces && !expr_equal(l->pieces[i].expr, e))
        i++;
    if (i == PIECES_MAX)
        return refuse(err, REFUSAL_LIST_LENGTH, e->at, "SELECT", "256");
    if (i == l->n_pieces)
        l->pieces[l->n_pieces++] = (struct select_item){
            .expr = e, .alias = arena_printf(l->d->a, "_c%zu", i), .at = e->at
        };
    return column(out, l, CORE, l->pieces[i].alias, e->at, err);
}

static bool is_one_row(const struct select *s)
{
    return s->n_items == 1 && s->n_keys == 0 && !s->having && !s->distinct &&
           s->n_distinct_on == 0 && !s->has_limit && s->offset == 0 &&
           draft_aggregates(s->items[0].expr);
}

/* The sub-query as a table beside the answer, its one column under a name. */
static enum err_code add_table(const char **name, struct relation **join,
                               struct lift *l, const struct expr *e,
                               struct err *err)
{
    struct arena *a = l->d->a;
    struct select *s = ARENA_NEW(a, struct select);
    struct relation *query = ARENA_NEW(a, struct relation);
    struct relation *both = ARENA_NEW(a, struct relation);
    *name = arena_printf(a, "_v%zu", l->n_values);
    l->fits &= l->n_values + 1 < MIX_ARMS_MAX &&
               e->query.select->n_items == 1 &&
               e->query.select->items[0].expr->kind != EXPR_STAR;
    if (!*name || !s || !query || !both)
        return draft_memory(err);
    *s = *e->query.select;
    s->items = ARENA_NEW(a, struct select_item);
    if (!s->items)
        return draft_memory(err);
    s->items[0] = e->query.select->items[0];
    s->items[0].alias = *name;
    *query = (struct relation){ .kind = RELATION_QUERY,
                                .at = e->at,
                                .alias = *name };
    query->select = s;
    *both = (struct relation){ .kind = RELATION_JOIN, .at = e->at };
    both->join.left = l->from;
    both->join.right = query;
    l->from = *join = both;
    l->n_values++;
    return ERR_OK;
}

/* A sub-query, beside the answer as a table of one row. */
static enum err_code value(struct expr **out, struct lift *l,
                           const struct expr *e, struct err *err)
{
    const char *name;
    struct relation *join;
    l->fits &= is_one_row(e->query.select);
    TRY(add_table(&name, &join, l, e, err));
    return column(out, l, name, name, e->at, err);
}

static enum err_code call(struct expr **out, const struct lift *l,
                          enum expr_op op, struct expr *a, struct expr *b,
                          struct err *err)
{
    struct expr *e = ARENA_NEW(l->d->a, struct expr);
    if (!e)
        return draft_memory(err);
    *e = (struct expr){ .kind = EXPR_CALL, .at = a->at };
    e->call.op = op;
    e->call.n_args = b ? 2 : 1;
    e->call.args = ARENA_NEW_N(l->d->a, 2, struct expr *);
    if (!e->call.args)
        return draft_memory(err);
    e->call.args[0] = a;
    e->call.args[1] = b;
    *out = e;
    return ERR_OK;
}

/* The values looked up, each once: SELECT DISTINCT _v FROM (the sub-query). */
static enum err_code make_distinct(struct relation *query, const struct lift *l,
                                   const char *name, struct err *err)
{
    struct select *s = ARENA_NEW(l->d->a, struct select);
    struct relation *inside = ARENA_NEW(l->d->a, struct relation);
    if (!s || !inside)
        return draft_memory(err);
    *inside = *query;
    *s = (struct select){ .at = query->at, .distinct = true, .from = inside };
    s->items = ARENA_NEW(l->d->a, struct select_item);
    if (!s->items)
        return draft_memory(err);
    s->n_items = 1;
    s->items[0] = (struct select_item){ .alias = name, .at = query->at };
    query->select = s;
    return column(&s->items[0].expr, l, name, name, query->at, err);
}

static enum err_code lift(struct expr **out, struct lift *l, struct expr *e,
                          unsigned depth, struct err *err);

/*
 * x IN (query), where it leaves rows out unless it is true: LEFT JOIN the
 * values on x = v, and v IS NOT NULL.
 */
static enum err_code lookup(struct expr **out, struct lift *l,
                            const struct expr *e, unsigned depth,
                            struct err *err)
{
    const char *name;
    struct relation *join;
    struct expr *x = NULL, *v = NULL, *none = NULL;
    l->fits &= l->in_where;
    TRY(lift(&x, l, e->query.operand, depth + 1, err));
    TRY(add_table(&name, &join, l, e, err));
    TRY(make_distinct(join->join.right, l, name, err));
    TRY(column(&v, l, name, name, e->at, err));
    join->join.kind = JOIN_LEFT;
    TRY(call(&join->join.on, l, OP_EQ, x, v, err));
    TRY(call(&none, l, OP_IS_NULL, v, NULL, err));
    return call(out, l, OP_NOT, none, NULL, err);
}

static enum err_code lift(struct expr **out, struct lift *l, struct expr *e,
                          unsigned depth, struct err *err)
{
    if (!e || is_constant(e)) {
        *out = e;
        return ERR_OK;
    }
    if (!has_value(e)) {
        *out = e;
        return l->splits ? piece(out, l, e, err) : ERR_OK;
    }
    if (is_value(e))
        return value(out, l, e, err);
    if (is_lookup(e))
        return lookup(out, l, e, depth, err);
    const bool was = l->in_where;
    l->in_where &= e->call.op == OP_AND || e->call.op == OP_OR;
    if (depth > LIFT_DEPTH_MAX)
        return refuse(err, REFUSAL_NEST_SIZE, e->at, NULL, NULL);
    struct expr *copy = ARENA_NEW(l->d->a, struct expr);
    if (!copy)
        return draft_memory(err);
    *copy = *e;
    copy->call.args = ARENA_NEW_N(l->d->a, e->call.n_args, struct expr *);
    if (!copy->call.args)
        return draft_memory(err);
    for (size_t i = 0; i < e->call.n_args; i++)
        TRY(lift(&copy->call.args[i], l, e->call.args[i], depth + 1, err));
    l->in_where = was;
    *out = copy;
    return ERR_OK;
}

static bool has_groups(const struct select *s)
{
    bool found = s->n_keys > 0 || s->having;
    for (size_t i = 0; i < s->n_items; i++)
        found |= draft_aggregates(s->items[i].expr);
    return found;
}

static bool has_values(const struct select *s)
{
    bool found =
        has_value(s->having) || (!has_groups(s) && has_value(s->where));
    for (size_t i = 0; i < s->n_items; i++)
        found |= has_value(s->items[i].expr);
    for (size_t i = 0; i < s->n_orders; i++)
        found |= has_value(s->orders[i].expr);
    return found;
}

static bool has_star(const struct select *s)
{
    bool found = false;
    for (size_t i = 0; i < s->n_items; i++)
        found |= s->items[i].expr->kind == EXPR_STAR;
    return found;
}

/* Outputs and orders, over pieces and values. */
static enum err_code lift_outputs(struct select *out, struct lift *l,
                                  const struct select *s, struct err *err)
{
    out->items = ARENA_NEW_N(l->d->a, s->n_items + 1, struct select_item);
    out->orders = ARENA_NEW_N(l->d->a, s->n_orders + 1, struct select_order);
    if (!out->items || !out->orders)
        return draft_memory(err);
    for (size_t i = 0; i < s->n_items; i++) {
        out->items[i] = s->items[i];
        out->items[i].alias = select_item_name(&s->items[i]);
        TRY(lift(&out->items[i].expr, l, s->items[i].expr, 0, err));
    }
    for (size_t i = 0; i < s->n_orders; i++) {
        out->orders[i] = s->orders[i];
        TRY(lift(&out->orders[i].expr, l, s->orders[i].expr, 0, err));
    }
    return ERR_OK;
}

/* The SELECT with the groups and aggregates, and the pieces of them. */
static void fill_core(struct select *core, const struct select *s,
                      const struct lift *l)
{
    *core = *s;
    core->items = l->pieces;
    core->n_items = l->n_pieces;
    core->explain = core->distinct = core->has_limit = false;
    core->distinct_on = NULL;
    core->orders = NULL;
    core->n_orders = core->n_distinct_on = 0;
    core->limit = core->offset = 0;
    core->limit_param = core->offset_param = 0;
    if (has_value(s->having))
        core->having = NULL;
}

enum err_code draft_lift(const struct select **out, struct draft *d,
                         const struct select *s, struct err *err)
{
    struct lift l = { .d = d, .splits = has_groups(s), .fits = true };
    struct select *lifted = ARENA_NEW(d->a, struct select);
    struct select *core = ARENA_NEW(d->a, struct select);
    struct relation *inside = ARENA_NEW(d->a, struct relation);
    *out = NULL;
    if (!has_values(s) || s->n_distinct_on > 0)
        return ERR_OK;
    l.pieces = ARENA_NEW_N(d->a, PIECES_MAX, struct select_item);
    if (!lifted || !core || !inside || !l.pieces)
        return draft_memory(err);
    if ((l.splits && has_star(s)) ||
        (!l.splits && s->from->kind == RELATION_TABLE))
        return ERR_OK;
    *inside =
        (struct relation){ .kind = RELATION_QUERY, .at = s->at, .alias = CORE };
    inside->select = core;
    l.from = l.splits ? inside : s->from;
    *lifted = *s;
    TRY(lift_outputs(lifted, &l, s, err));
    lifted->where = NULL;
    lifted->having = NULL;
    l.in_where = true;
    if (!l.splits)
        TRY(lift(&lifted->where, &l, s->where, 0, err));
    else if (has_value(s->having))
        TRY(lift(&lifted->where, &l, s->having, 0, err));
    lifted->from = l.from;
    if (l.splits) {
        fill_core(core, s, &l);
        lifted->keys = NULL;
        lifted->key_aliases = NULL;
        lifted->sets = NULL;
        lifted->n_keys = lifted->n_sets = 0;
    }
    if (l.fits && (!l.splits || l.n_pieces > 0))
        *out = lifted;
    return ERR_OK;
}
