/* Aggregates, without what stands behind OVER. */
#include "server/sql/sql_ctx.h"

#include <string.h>

/* Names an aggregate goes by beside its own. */
static const struct agg_name {
    const char *name;
    enum agg_kind kind;
} ALSO[] = {
    { "variance", AGG_VAR_SAMP },
    { "stddev", AGG_STDDEV_SAMP },
    { "median", AGG_PERCENTILE_CONT },
    { "quantile_cont", AGG_PERCENTILE_CONT },
    { "quantile_disc", AGG_PERCENTILE_DISC },
};

bool sql_agg_kind(enum agg_kind *out, const char *name)
{
    for (unsigned k = 0; k < AGG_KIND_COUNT; k++)
        if (strcmp(agg_kind_name((enum agg_kind)k), name) == 0) {
            *out = (enum agg_kind)k;
            return true;
        }
    for (size_t i = 0; i < sizeof ALSO / sizeof ALSO[0]; i++)
        if (strcmp(ALSO[i].name, name) == 0) {
            *out = ALSO[i].kind;
            return true;
        }
    return false;
}

const char *sql_agg_alias(const PgQuery__Node *n)
{
    if (n->node_case != PG_QUERY__NODE__NODE_FUNC_CALL)
        return NULL;
    const PgQuery__FuncCall *f = n->func_call;
    const char *name = f->n_funcname == 1 ? sql_string(f->funcname[0]) : NULL;
    for (size_t i = 0; name && i < sizeof ALSO / sizeof ALSO[0]; i++)
        if (strcmp(ALSO[i].name, name) == 0)
            return ALSO[i].name;
    if (name && strcmp(name, "to_char") == 0)
        return "to_char";
    return name && strcmp(name, "date_bin") == 0 ? "date_bin" : NULL;
}

/* Over the rows of an answer, SUM(COUNT(*)) OVER () has a meaning. */
static enum err_code read_inside(struct sql_ctx *c, struct expr **out,
                                 const PgQuery__FuncCall *f,
                                 const PgQuery__Node *n, const char *where)
{
    c->no_aggs = f->over ? NULL : where;
    TRY(sql_expr(c, out, n));
    c->no_aggs = NULL;
    return ERR_OK;
}

static enum err_code read_arg(struct sql_ctx *c, struct expr **out,
                              const PgQuery__FuncCall *f,
                              const PgQuery__Node *n)
{
    return read_inside(c, out, f, n, "the argument of another");
}

static enum err_code plain(struct sql_ctx *c, struct expr *e,
                           const PgQuery__FuncCall *f)
{
    const char *name = agg_kind_name(e->agg.kind);
    if (f->agg_within_group || f->n_agg_order > 0)
        return sql_refuse(c, REFUSAL_FUNCTION_OPTION, f->location,
                          f->agg_within_group ? "WITHIN GROUP" : "ORDER BY",
                          NULL);
    if (f->agg_star && e->agg.kind != AGG_COUNT)
        return sql_refuse(c, REFUSAL_AGG_STAR, f->location, name, NULL);
    if (f->agg_distinct && e->agg.kind != AGG_COUNT)
        return sql_refuse(c, REFUSAL_AGG_DISTINCT, f->location, name, NULL);
    if (f->agg_star)
        return sql_expr_new(c, &e->agg.arg, EXPR_STAR, f->location);
    if (f->n_args != 1)
        return sql_refuse(c, REFUSAL_FUNCTION_ARGS, f->location, name,
                          "1 argument");
    return read_arg(c, &e->agg.arg, f, f->args[0]);
}

static enum err_code fraction(struct sql_ctx *c, struct expr **out, double v,
                              int offset)
{
    TRY(sql_expr_new(c, out, EXPR_CONST, offset));
    (*out)->value = value_double(v);
    return ERR_OK;
}

/* ARRAY[0.25, 0.5], a cast around it perhaps. */
const PgQuery__Node *sql_fractions(const PgQuery__Node *n)
{
    enum agg_kind kind;
    if (n->node_case != PG_QUERY__NODE__NODE_FUNC_CALL)
        return NULL;
    const PgQuery__FuncCall *f = n->func_call;
    const char *name = f->n_funcname == 1 ? sql_string(f->funcname[0]) : NULL;
    if (!name || !sql_agg_kind(&kind, name) || !agg_is_percentile(kind) ||
        f->n_args != 1)
        return NULL;
    const PgQuery__Node *list = f->args[0];
    if (list->node_case == PG_QUERY__NODE__NODE_TYPE_CAST)
        list = list->type_cast->arg;
    return list->node_case == PG_QUERY__NODE__NODE_A_ARRAY_EXPR ? list : NULL;
}

/* Of a list the one that the output takes. */
static enum err_code read_fraction(struct sql_ctx *c, struct expr *e,
                                   const PgQuery__FuncCall *f, const char *name)
{
    const PgQuery__Node *n = f->args[0];
    if (n->node_case == PG_QUERY__NODE__NODE_TYPE_CAST &&
        n->type_cast->arg == c->fractions)
        n = c->fractions;
    if (n->node_case == PG_QUERY__NODE__NODE_A_ARRAY_EXPR) {
        const PgQuery__AArrayExpr *list = n->a_array_expr;
        if (n != c->fractions || c->fraction >= list->n_elements)
            return sql_refuse(c, REFUSAL_PERCENTILE, f->location, name, NULL);
        TRY(sql_fields(c, &list->base, list->location));
        n = list->elements[c->fraction];
    }
    TRY(read_arg(c, &e->agg.fraction, f, n));
    if (e->agg.fraction->kind == EXPR_CONST ||
        e->agg.fraction->kind == EXPR_PARAM)
        return ERR_OK;
    return sql_refuse(c, REFUSAL_PERCENTILE, f->location, name, NULL);
}

/* ORDER BY x DESC is the fraction counted from the other end. */
static enum err_code within_group(struct sql_ctx *c, struct expr *e,
                                  const PgQuery__FuncCall *f)
{
    const char *name = agg_kind_name(e->agg.kind);
    if (!f->agg_within_group || f->n_agg_order != 1 || f->n_args != 1 ||
        f->agg_order[0]->node_case != PG_QUERY__NODE__NODE_SORT_BY)
        return sql_refuse(c, REFUSAL_PERCENTILE, f->location, name, NULL);
    const PgQuery__SortBy *by = f->agg_order[0]->sort_by;
    TRY(sql_fields(c, &by->base, f->location));
    if (by->sortby_dir == PG_QUERY__SORT_BY_DIR__SORTBY_DESC ||
        by->sortby_dir == PG_QUERY__SORT_BY_DIR__SORTBY_USING)
        return sql_refuse(c, REFUSAL_PERCENTILE_ORDER,
                          sql_offset_of(by->node, f->location), name, NULL);
    TRY(read_fraction(c, e, f, name));
    return read_arg(c, &e->agg.arg, f, by->node);
}

/* median(x), quantile_cont(x, 0.9): not PostgreSQL's, but widely known. */
static enum err_code by_arguments(struct sql_ctx *c, struct expr *e,
                                  const PgQuery__FuncCall *f, const char *name)
{
    const bool median = strcmp(name, "median") == 0;
    if (f->agg_star || f->n_agg_order > 0 || f->n_args != (median ? 1u : 2u))
        return sql_refuse(c, REFUSAL_FUNCTION_ARGS, f->location, name,
                          median ? "1 argument" : "2 arguments");
    TRY(read_arg(c, &e->agg.arg, f, f->args[0]));
    if (median)
        return fraction(c, &e->agg.fraction, 0.5, f->location);
    TRY(read_arg(c, &e->agg.fraction, f, f->args[1]));
    if (e->agg.fraction->kind != EXPR_CONST &&
        e->agg.fraction->kind != EXPR_PARAM)
        return sql_refuse(c, REFUSAL_PERCENTILE, f->location, name, NULL);
    return ERR_OK;
}

static enum err_code arguments(struct sql_ctx *c, struct expr *e,
                               const PgQuery__FuncCall *f, const char *name)
{
    if (!agg_is_percentile(e->agg.kind))
        return plain(c, e, f);
    if (f->agg_distinct)
        return sql_refuse(c, REFUSAL_AGG_DISTINCT, f->location, name, NULL);
    if (strcmp(name, agg_kind_name(e->agg.kind)) == 0)
        return within_group(c, e, f);
    return by_arguments(c, e, f, name);
}

enum err_code sql_aggregate(struct sql_ctx *c, struct expr **out,
                            const PgQuery__FuncCall *f)
{
    const char *name = sql_string(f->funcname[f->n_funcname - 1]);
    struct expr *e = NULL;
    enum agg_kind kind;
    if (!name || !sql_agg_kind(&kind, name))
        return sql_refuse(c, REFUSAL_FUNCTION, f->location, name ? name : "?",
                          NULL);
    if (c->no_aggs)
        return sql_refuse(c, REFUSAL_AGG_PLACE, f->location, c->no_aggs, NULL);
    TRY(sql_expr_new(c, &e, EXPR_AGG, f->location));
    e->agg.kind = kind;
    e->agg.distinct = f->agg_distinct != 0;
    TRY(arguments(c, e, f, name));
    if (f->agg_filter)
        TRY(read_inside(c, &e->agg.filter, f, f->agg_filter, "FILTER"));
    *out = e;
    return ERR_OK;
}
