#include "server/query/tree.h"

#include <assert.h>
#include <math.h>
#include <string.h>
#include <strings.h>

static const struct op_info OPS[OP_COUNT] = {
#define OP(id, sql_, form_, min_, max_, help_)                                 \
    [OP_##id] = { sql_, OP_FORM_##form_, min_, max_, help_ },
#include "server/query/op.def"
#undef OP
};

const struct op_info *op_info_of(enum expr_op op)
{
    assert(op < OP_COUNT);
    return &OPS[op];
}

enum expr_op op_of_sql(const char *sql, size_t n_args)
{
    unsigned op = 0;
    while (op < OP_COUNT &&
           (strcasecmp(OPS[op].sql, sql) != 0 || n_args < OPS[op].min_args ||
            n_args > OPS[op].max_args))
        op++;
    return (enum expr_op)op;
}

const char *agg_kind_name(enum agg_kind kind)
{
    static const char *const names[AGG_KIND_COUNT] = {
        [AGG_COUNT] = "count",
        [AGG_SUM] = "sum",
        [AGG_AVG] = "avg",
        [AGG_VAR_POP] = "var_pop",
        [AGG_VAR_SAMP] = "var_samp",
        [AGG_STDDEV_POP] = "stddev_pop",
        [AGG_STDDEV_SAMP] = "stddev_samp",
        [AGG_PERCENTILE_CONT] = "percentile_cont",
        [AGG_PERCENTILE_DISC] = "percentile_disc",
        [AGG_MIN] = "min",
        [AGG_MAX] = "max",
    };
    assert(kind < AGG_KIND_COUNT);
    return names[kind];
}

static bool text_equal(const char *a, const char *b)
{
    return a && b ? strcmp(a, b) == 0 : a == b;
}

/* As written: 0.0 and -0.0 differ here, though they compare equal. */
static bool value_equal(const struct value *a, const struct value *b)
{
    if (value_cmp(a, b) != 0)
        return false;
    return a->type != VALUE_DOUBLE || !signbit(a->d) == !signbit(b->d);
}

static bool call_equal(const struct expr *a, const struct expr *b)
{
    bool same = a->call.op == b->call.op && a->call.n_args == b->call.n_args;
    for (size_t i = 0; same && i < a->call.n_args; i++)
        same = expr_equal(a->call.args[i], b->call.args[i]);
    return same;
}

bool expr_equal(const struct expr *a, const struct expr *b)
{
    if (a == b)
        return true;
    if (!a || !b || a->kind != b->kind)
        return false;
    switch (a->kind) {
    case EXPR_CONST:
        return value_equal(&a->value, &b->value);
    case EXPR_PARAM:
        return a->param == b->param;
    case EXPR_COLUMN:
        return text_equal(a->column.dataset, b->column.dataset) &&
               text_equal(a->column.table, b->column.table) &&
               text_equal(a->column.name, b->column.name);
    case EXPR_STAR:
        return text_equal(a->column.dataset, b->column.dataset) &&
               text_equal(a->column.table, b->column.table);
    case EXPR_CALL:
        return call_equal(a, b);
    case EXPR_AGG:
        return a->agg.kind == b->agg.kind &&
               a->agg.distinct == b->agg.distinct &&
               expr_equal(a->agg.arg, b->agg.arg) &&
               expr_equal(a->agg.filter, b->agg.filter) &&
               expr_equal(a->agg.fraction, b->agg.fraction);
    case EXPR_WINDOW:
        return window_equal(a->window, b->window);
    case EXPR_QUERY:
        return a->query.is_value == b->query.is_value &&
               expr_equal(a->query.operand, b->query.operand) &&
               select_equal(a->query.select, b->query.select);
    }
    return false;
}

bool order_equal(const struct select_order *a, const struct select_order *b)
{
    return expr_equal(a->expr, b->expr) && a->descending == b->descending &&
           a->nulls_first == b->nulls_first;
}

static bool lists_equal(const struct select *a, const struct select *b)
{
    bool same = a->n_items == b->n_items && a->n_keys == b->n_keys &&
                a->n_orders == b->n_orders &&
                a->n_distinct_on == b->n_distinct_on && a->n_sets == b->n_sets;
    for (size_t i = 0; same && i < a->n_distinct_on; i++)
        same = expr_equal(a->distinct_on[i], b->distinct_on[i]);
    for (size_t i = 0; same && i < a->n_items; i++)
        same = expr_equal(a->items[i].expr, b->items[i].expr) &&
               text_equal(a->items[i].alias, b->items[i].alias);
    for (size_t i = 0; same && i < a->n_sets; i++)
        same = a->sets[i] == b->sets[i];
    for (size_t i = 0; same && i < a->n_keys; i++)
        same = expr_equal(a->keys[i], b->keys[i]);
    for (size_t i = 0; same && i < a->n_orders; i++)
        same = order_equal(&a->orders[i], &b->orders[i]);
    return same;
}

bool select_equal(const struct select *a, const struct select *b)
{
    if (a == b)
        return true;
    return a->explain == b->explain && a->distinct == b->distinct &&
           relation_equal(a->from, b->from) && expr_equal(a->where, b->where) &&
           expr_equal(a->having, b->having) && a->has_limit == b->has_limit &&
           a->limit_param == b->limit_param &&
           a->offset_param == b->offset_param &&
           (a->limit_param || a->limit == b->limit) &&
           (a->offset_param || a->offset == b->offset) && lists_equal(a, b);
}

static const char UNNAMED[] = "?column?";

/* PostgreSQL's FigureColname: a name from the argument, else a weak one. */
static const char *name_of(const struct expr *e, bool *is_weak);

static const char *name_or(const struct expr *e, const char *weak,
                           bool *is_weak)
{
    const char *name = name_of(e, is_weak);
    return *is_weak ? weak : name;
}

static const char *call_name(const struct expr *e, bool *is_weak)
{
    static const char *const casts[OP_COUNT] = {
        [OP_CAST_INT] = "int8",
        [OP_CAST_DOUBLE] = "float8",
        [OP_CAST_TEXT] = "text",
        [OP_CAST_DATE] = "date",
        [OP_CAST_TIMESTAMP] = "timestamp",
        [OP_CAST_BOOL] = "bool",
    };
    const size_t n = e->call.n_args;
    if (casts[e->call.op] && n > 0)
        return name_or(e->call.args[0], casts[e->call.op], is_weak);
    if (e->call.op == OP_CASE && n % 2 == 1)
        return name_or(e->call.args[n - 1], "case", is_weak);
    *is_weak = OPS[e->call.op].form != OP_FORM_FUNCTION &&
               e->call.op != OP_EXTRACT && e->call.op != OP_TODAY &&
               e->call.op != OP_SECONDS;
    if (e->call.op == OP_CASE)
        return "case";
    return *is_weak                   ? UNNAMED
           : e->call.op == OP_SECONDS ? "extract"
                                      : OPS[e->call.op].sql;
}

static const char *const_name(const struct value *v)
{
    if (v->type == VALUE_DATE || v->type == VALUE_TIMESTAMP)
        return value_type_name(v->type);
    return v->type == VALUE_BOOL ? "bool" : UNNAMED;
}

static const char *name_of(const struct expr *e, bool *is_weak)
{
    *is_weak = false;
    switch (e->kind) {
    case EXPR_COLUMN:
        return e->column.name;
    case EXPR_AGG:
        return agg_kind_name(e->agg.kind);
    case EXPR_CALL:
        return call_name(e, is_weak);
    case EXPR_WINDOW:
        if (e->window->kind == WINDOW_AGG)
            return agg_kind_name(e->window->arg->agg.kind);
        return window_kind_name(e->window->kind);
    case EXPR_QUERY:
        if (e->query.operand)
            break;
        if (e->query.is_value)
            return select_item_name(&e->query.select->items[0]);
        return "exists";
    case EXPR_CONST:
        *is_weak = true;
        return const_name(&e->value);
    case EXPR_PARAM:
    case EXPR_STAR:
        break;
    }
    *is_weak = true;
    return UNNAMED;
}

const char *select_item_name(const struct select_item *item)
{
    bool is_weak;
    return item->alias ? item->alias : name_of(item->expr, &is_weak);
}

static bool window_reads(const struct window *w, const char *name);

static bool reads(const struct expr *e, const char *name)
{
    if (!e)
        return false;
    if (e->kind == EXPR_WINDOW)
        return window_reads(e->window, name);
    if (e->kind == EXPR_QUERY)
        return reads(e->query.operand, name);
    if (e->kind == EXPR_COLUMN)
        return strcmp(e->column.name, name) == 0;
    if (e->kind == EXPR_AGG)
        return reads(e->agg.arg, name) || reads(e->agg.filter, name);
    bool found = false;
    for (size_t i = 0; e->kind == EXPR_CALL && !found && i < e->call.n_args;
         i++)
        found = reads(e->call.args[i], name);
    return found;
}

static bool window_reads(const struct window *w, const char *name)
{
    bool found = false;
    const struct expr *e;
    for (size_t i = 0; !found && (e = window_part(w, i)) != NULL; i++)
        found = reads(e, name);
    return found;
}

bool select_reads(const struct select *s, const char *name)
{
    bool found = reads(s->where, name);
    for (size_t i = 0; !found && i < s->n_items; i++)
        found = reads(s->items[i].expr, name);
    return found;
}
