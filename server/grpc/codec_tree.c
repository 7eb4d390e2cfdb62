/* StructuredQuery -> struct select.  Declared in codec_value.h. */
#include <string.h>
#include <strings.h>

#include "server/grpc/codec_value.h"

static enum err_code full(struct err *err)
{
    return err_set(err, ERR_LIMIT, "the request needs too much memory");
}

/* By name and number of arguments: "-" is both a difference and a negation. */
static enum err_code find_op(enum expr_op *out, const char *name, size_t n,
                             struct err *err)
{
    bool known = false;
    for (int op = 0; op < OP_COUNT; op++) {
        const struct op_info *info = op_info_of((enum expr_op)op);
        if (strcasecmp(info->sql, name) != 0)
            continue;
        known = true;
        if (n >= info->min_args && n <= info->max_args) {
            *out = (enum expr_op)op;
            return ERR_OK;
        }
    }
    if (known)
        err_set(err, ERR_INVALID,
                "operation '%.40s' does not take %zu "
                "arguments",
                name, n);
    else
        err_set(err, ERR_INVALID, "no operation is called '%.40s'", name);
    return err_hint(err, "docs/sql.md lists the operations");
}

static enum err_code get_expr(struct expr **out,
                              const Halftone__V1__Expression *m, unsigned depth,
                              struct arena *a, struct err *err);

static enum err_code get_call(struct expr *e, const Halftone__V1__Operation *m,
                              unsigned depth, struct arena *a, struct err *err)
{
    e->kind = EXPR_CALL;
    TRY(find_op(&e->call.op, m->op, m->n_args, err));
    e->call.n_args = m->n_args;
    e->call.args = ARENA_NEW_N(a, m->n_args, struct expr *);
    if (!e->call.args)
        return full(err);
    for (size_t i = 0; i < m->n_args; i++)
        TRY(get_expr(&e->call.args[i], m->args[i], depth + 1, a, err));
    return ERR_OK;
}

static enum err_code get_expr(struct expr **out,
                              const Halftone__V1__Expression *m, unsigned depth,
                              struct arena *a, struct err *err)
{
    if (depth > CODEC_DEPTH_MAX)
        return err_set(err, ERR_LIMIT, "expressions nest more than %d deep",
                       CODEC_DEPTH_MAX);
    struct expr *e = *out = ARENA_NEW(a, struct expr);
    if (!e)
        return full(err);
    switch (m->kind_case) {
    case HALFTONE__V1__EXPRESSION__KIND_COLUMN:
        e->kind = EXPR_COLUMN;
        e->column.name = m->column;
        return ERR_OK;
    case HALFTONE__V1__EXPRESSION__KIND_CONSTANT:
        e->kind = EXPR_CONST;
        return codec_value_get(&e->value, m->constant, err);
    case HALFTONE__V1__EXPRESSION__KIND_OPERATION:
        return get_call(e, m->operation, depth, a, err);
    case HALFTONE__V1__EXPRESSION__KIND__NOT_SET:
    case _HALFTONE__V1__EXPRESSION__KIND__CASE_IS_INT_SIZE:
        break;
    }
    err_set(err, ERR_INVALID, "an Expression has no kind");
    return err_hint(err, "set one of column, constant and operation");
}

/* Function, whether DISTINCT, and the column name SQL would give it. */
static const struct function {
    Halftone__V1__Aggregate__Function function;
    enum agg_kind kind;
    bool star, distinct;
    const char *name;
} FUNCTIONS[] = {
    { HALFTONE__V1__AGGREGATE__FUNCTION__COUNT_ROWS, AGG_COUNT, true, false,
      "count" },
    { HALFTONE__V1__AGGREGATE__FUNCTION__COUNT, AGG_COUNT, false, false,
      "count" },
    { HALFTONE__V1__AGGREGATE__FUNCTION__COUNT_DISTINCT, AGG_COUNT, false, true,
      "count" },
    { HALFTONE__V1__AGGREGATE__FUNCTION__SUM, AGG_SUM, false, false, "sum" },
    { HALFTONE__V1__AGGREGATE__FUNCTION__AVG, AGG_AVG, false, false, "avg" },
    { HALFTONE__V1__AGGREGATE__FUNCTION__VAR_POP, AGG_VAR_POP, false, false,
      "var_pop" },
    { HALFTONE__V1__AGGREGATE__FUNCTION__VAR_SAMP, AGG_VAR_SAMP, false, false,
      "var_samp" },
    { HALFTONE__V1__AGGREGATE__FUNCTION__STDDEV_POP, AGG_STDDEV_POP, false,
      false, "stddev_pop" },
    { HALFTONE__V1__AGGREGATE__FUNCTION__STDDEV_SAMP, AGG_STDDEV_SAMP, false,
      false, "stddev_samp" },
    { HALFTONE__V1__AGGREGATE__FUNCTION__PERCENTILE_CONT, AGG_PERCENTILE_CONT,
      false, false, "percentile_cont" },
    { HALFTONE__V1__AGGREGATE__FUNCTION__PERCENTILE_DISC, AGG_PERCENTILE_DISC,
      false, false, "percentile_disc" },
};

/* A constant, as the tree keeps it; the planner checks that it is a fraction.
 */
static enum err_code get_fraction(struct expr *e,
                                  const Halftone__V1__Aggregate *m,
                                  struct arena *a, struct err *err)
{
    if (!agg_is_percentile(e->agg.kind))
        return m->fraction == 0 ? ERR_OK
                                : err_set(err, ERR_INVALID,
                                          "only percentiles have a fraction");
    e->agg.fraction = ARENA_NEW(a, struct expr);
    if (!e->agg.fraction)
        return full(err);
    e->agg.fraction->kind = EXPR_CONST;
    e->agg.fraction->value = value_double(m->fraction);
    return ERR_OK;
}

static const struct function *find_function(const Halftone__V1__Aggregate *m)
{
    for (size_t i = 0; i < sizeof FUNCTIONS / sizeof FUNCTIONS[0]; i++)
        if (FUNCTIONS[i].function == m->function)
            return &FUNCTIONS[i];
    return NULL;
}

static enum err_code get_aggregate(struct select_item *out,
                                   const Halftone__V1__Aggregate *m,
                                   struct arena *a, struct err *err)
{
    const struct function *f = find_function(m);
    if (!f)
        return err_set(err, ERR_INVALID, "an Aggregate names no function");
    if (f->star && m->argument)
        return err_set(err, ERR_INVALID, "COUNT_ROWS takes no argument");
    if (!f->star && !m->argument)
        return err_set(err, ERR_INVALID, "aggregate '%s' needs an argument",
                       f->name);

    struct expr *e = ARENA_NEW(a, struct expr);
    struct expr *star = ARENA_NEW(a, struct expr);
    if (!e || !star)
        return full(err);
    star->kind = EXPR_STAR;
    e->kind = EXPR_AGG;
    e->agg.kind = f->kind;
    e->agg.distinct = f->distinct;
    e->agg.arg = star;
    if (m->argument)
        TRY(get_expr(&e->agg.arg, m->argument, 0, a, err));
    TRY(get_fraction(e, m, a, err));
    *out = (struct select_item){ .expr = e,
                                 .alias = m->alias[0] ? m->alias : f->name };
    return ERR_OK;
}

/* filters[0] AND filters[1] AND ... */
static enum err_code get_filters(struct select *s,
                                 const Halftone__V1__StructuredQuery *m,
                                 struct arena *a, struct err *err)
{
    for (size_t i = 0; i < m->n_filters; i++) {
        struct expr *filter;
        TRY(get_expr(&filter, m->filters[i], 0, a, err));
        if (!s->where) {
            s->where = filter;
            continue;
        }
        struct expr *both = ARENA_NEW(a, struct expr);
        struct expr **args = ARENA_NEW_N(a, 2, struct expr *);
        if (!both || !args)
            return full(err);
        args[0] = s->where;
        args[1] = filter;
        both->kind = EXPR_CALL;
        both->call.op = OP_AND;
        both->call.args = args;
        both->call.n_args = 2;
        s->where = both;
    }
    return ERR_OK;
}

/* What the reply calls an item: its alias, or its column. */
static bool item_is_called(const struct select_item *item, const char *name)
{
    if (item->alias)
        return strcmp(item->alias, name) == 0;
    return item->expr->kind == EXPR_COLUMN &&
           strcmp(item->expr->column.name, name) == 0;
}

static enum err_code get_orders(struct select *s,
                                const Halftone__V1__StructuredQuery *m,
                                struct arena *a, struct err *err)
{
    s->n_orders = m->n_orders;
    s->orders = ARENA_NEW_N(a, m->n_orders, struct select_order);
    if (!s->orders)
        return full(err);
    for (size_t i = 0; i < m->n_orders; i++) {
        struct select_order *order = &s->orders[i];
        const char *name = m->orders[i]->column;
        for (size_t c = 0; c < s->n_items && !order->expr; c++)
            if (item_is_called(&s->items[c], name))
                order->expr = s->items[c].expr;
        if (!order->expr) {
            err_set(err, ERR_INVALID,
                    "an Order names '%.60s', which is no column of the reply",
                    name);
            return err_hint(err, "name a key's column or an alias");
        }
        order->descending = order->nulls_first = m->orders[i]->descending;
    }
    return ERR_OK;
}

/* "orders", or "shop.orders" as SQL says it. */
static enum err_code get_table(struct relation *out, const char *name,
                               struct arena *a, struct err *err)
{
    const char *dot = strchr(name, '.');
    out->table.name = dot ? dot + 1 : name;
    if (!dot)
        return ERR_OK;
    out->table.dataset = arena_strndup(a, name, (size_t)(dot - name));
    return out->table.dataset ? ERR_OK : full(err);
}

enum err_code codec_tree_get(struct select **out,
                             const Halftone__V1__StructuredQuery *m,
                             struct arena *a, struct err *err)
{
    struct select *s = ARENA_NEW(a, struct select);
    const size_t n_items = m->n_keys + m->n_aggregates;
    if (!s)
        return full(err);
    s->items = ARENA_NEW_N(a, n_items, struct select_item);
    s->keys = ARENA_NEW_N(a, m->n_keys, struct expr *);
    if (!s->items || !s->keys)
        return full(err);
    if (!m->table[0])
        return err_set(err, ERR_INVALID, "the structured query names no table");
    if (m->n_aggregates == 0)
        return err_set(err, ERR_INVALID,
                       "the structured query has no aggregate");
    s->from = ARENA_NEW(a, struct relation);
    if (!s->from)
        return full(err);
    s->from->kind = RELATION_TABLE;
    TRY(get_table(s->from, m->table, a, err));
    s->n_keys = m->n_keys;
    s->n_items = n_items;
    for (size_t i = 0; i < m->n_keys; i++) {
        TRY(get_expr(&s->keys[i], m->keys[i], 0, a, err));
        s->items[i].expr = s->keys[i];
    }
    for (size_t i = 0; i < m->n_aggregates; i++)
        TRY(get_aggregate(&s->items[m->n_keys + i], m->aggregates[i], a, err));
    TRY(get_filters(s, m, a, err));
    TRY(get_orders(s, m, a, err));
    s->has_limit = m->limit > 0;
    s->limit = m->limit;
    *out = s;
    return ERR_OK;
}
