/* Function calls: aggregates, and functions by a table. */
#include "server/sql/sql_ctx.h"

#include <ctype.h>
#include <string.h>

static const char TIME_FORMAT[] = "YYYY-MM-DD HH24:MI:SS.US";
static const char DATE_FORMAT[] = "YYYY-MM-DD";

/* A constant text, or NULL. */
static const char *text_of(const struct expr *e)
{
    const bool is_text = e->kind == EXPR_CONST && e->value.type == VALUE_TEXT;
    return is_text ? e->value.text.s : NULL;
}

/* FILTER, DISTINCT and * belong to aggregates. */
static enum err_code no_aggregate_options(struct sql_ctx *c,
                                          const PgQuery__FuncCall *f)
{
    const char *what = f->agg_filter     ? "FILTER"
                       : f->agg_distinct ? "DISTINCT"
                       : f->agg_star     ? "*"
                                         : NULL;
    if (!what)
        return ERR_OK;
    return sql_refuse(c, REFUSAL_FUNCTION_OPTION, f->location, what, NULL);
}

/* The unit in front of date_trunc and extract: lower case, from a list. */
static enum err_code check_unit(struct sql_ctx *c, struct expr *e,
                                const char *const *units, const char *what,
                                const char *listed)
{
    const char *unit = text_of(e);
    char *lower = unit ? arena_strdup(c->arena, unit) : NULL;
    if (unit && !lower)
        return sql_no_memory(c);
    for (char *p = lower; p && *p; p++)
        *p = (char)tolower((unsigned char)*p);
    for (; lower && *units; units++)
        if (strcmp(*units, lower) == 0) {
            e->value.text.s = lower;
            return ERR_OK;
        }
    return refuse(c->err, REFUSAL_TIME_UNIT, e->at, what, listed);
}

static enum err_code date_trunc(struct sql_ctx *c, struct expr **out,
                                const PgQuery__FuncCall *f)
{
    static const char *const units[] = { "hour",    "day",  "week", "month",
                                         "quarter", "year", NULL };
    TRY(sql_call_of(c, out, OP_DATE_TRUNC, f->args, f->n_args, f->location));
    return check_unit(c, (*out)->call.args[0], units, "date_trunc",
                      "hour, day, week, month, quarter or year");
}

static enum err_code extract(struct sql_ctx *c, struct expr **out,
                             const PgQuery__FuncCall *f)
{
    static const char *const units[] = { "year", "quarter", "month", "week",
                                         "day",  "dow",     "hour",  NULL };
    TRY(sql_call_of(c, out, OP_EXTRACT, f->args, f->n_args, f->location));
    return check_unit(c, (*out)->call.args[0], units, "extract",
                      "year, quarter, month, week, day, dow or hour");
}

static enum err_code lower(struct sql_ctx *c, struct expr **out,
                           const PgQuery__FuncCall *f)
{
    return sql_call_of(c, out, OP_LOWER, f->args, f->n_args, f->location);
}

/* to_timestamp and to_date of constants, as BI tools write them. */
static enum err_code to_time(struct sql_ctx *c, struct expr **out,
                             const PgQuery__FuncCall *f, enum value_type type,
                             const char *format)
{
    const bool is_date = type == VALUE_DATE;
    const char *name = is_date ? "to_date" : "to_timestamp";
    struct expr *text = NULL, *how = NULL;
    if (f->n_args != 2)
        return sql_refuse(c, REFUSAL_FUNCTION_ARGS, f->location, name,
                          "2 arguments");
    TRY(sql_expr(c, &text, f->args[0]));
    TRY(sql_expr(c, &how, f->args[1]));
    if (!text_of(text) || !text_of(how) || strcmp(text_of(how), format) != 0)
        return sql_refuse(c, REFUSAL_FUNCTION_ARGS, f->location, name,
                          is_date ? "a constant and 'YYYY-MM-DD'"
                                  : "a constant and "
                                    "'YYYY-MM-DD HH24:MI:SS.US'");
    *out = text;
    const struct value s = text->value;
    if (value_parse(&text->value, type, s.text.s, s.text.len, c->err) != ERR_OK)
        return err_at(c->err, text->at.line, text->at.col);
    return ERR_OK;
}

static enum err_code to_timestamp(struct sql_ctx *c, struct expr **out,
                                  const PgQuery__FuncCall *f)
{
    return to_time(c, out, f, VALUE_TIMESTAMP, TIME_FORMAT);
}

static enum err_code to_date(struct sql_ctx *c, struct expr **out,
                             const PgQuery__FuncCall *f)
{
    return to_time(c, out, f, VALUE_DATE, DATE_FORMAT);
}

static enum err_code aggregate_arg(struct sql_ctx *c, struct expr *e,
                                   const PgQuery__FuncCall *f)
{
    const char *name = agg_kind_name(e->agg.kind);
    if (f->agg_star && e->agg.kind != AGG_COUNT)
        return sql_refuse(c, REFUSAL_AGG_STAR, f->location, name, NULL);
    if (f->agg_distinct && e->agg.kind != AGG_COUNT)
        return sql_refuse(c, REFUSAL_AGG_DISTINCT, f->location, name, NULL);
    if (f->agg_star)
        return sql_expr_new(c, &e->agg.arg, EXPR_STAR, f->location);
    if (f->n_args != 1)
        return sql_refuse(c, REFUSAL_FUNCTION_ARGS, f->location, name,
                          "1 argument");
    c->no_aggs = "the argument of another";
    TRY(sql_expr(c, &e->agg.arg, f->args[0]));
    c->no_aggs = NULL;
    return ERR_OK;
}

static enum err_code aggregate(struct sql_ctx *c, struct expr **out,
                               const PgQuery__FuncCall *f, enum agg_kind kind)
{
    struct expr *e = NULL;
    if (c->no_aggs)
        return sql_refuse(c, REFUSAL_AGG_PLACE, f->location, c->no_aggs, NULL);
    TRY(sql_expr_new(c, &e, EXPR_AGG, f->location));
    e->agg.kind = kind;
    e->agg.distinct = f->agg_distinct != 0;
    TRY(aggregate_arg(c, e, f));
    if (f->agg_filter) {
        c->no_aggs = "FILTER";
        TRY(sql_expr(c, &e->agg.filter, f->agg_filter));
        c->no_aggs = NULL;
    }
    *out = e;
    return ERR_OK;
}

enum err_code sql_aggregate(struct sql_ctx *c, struct expr **out,
                            const PgQuery__FuncCall *f)
{
    const char *name = sql_string(f->funcname[f->n_funcname - 1]);
    for (unsigned k = 0; name && k < AGG_KIND_COUNT; k++)
        if (strcmp(agg_kind_name((enum agg_kind)k), name) == 0)
            return aggregate(c, out, f, (enum agg_kind)k);
    return sql_refuse(c, REFUSAL_FUNCTION, f->location, name ? name : "?",
                      NULL);
}

typedef enum err_code func_fn(struct sql_ctx *c, struct expr **out,
                              const PgQuery__FuncCall *f);

static func_fn *function_of(const char *name)
{
    static const struct {
        const char *name;
        func_fn *fn;
    } functions[] = {
        { "date_trunc", date_trunc },
        { "lower", lower },
        { "to_timestamp", to_timestamp },
        { "to_date", to_date },
    };
    for (size_t i = 0; i < sizeof functions / sizeof functions[0]; i++)
        if (strcmp(functions[i].name, name) == 0)
            return functions[i].fn;
    return NULL;
}

/* What the grammar turns into calls of pg_catalog functions, by its SQL. */
static enum err_code catalog_function(struct sql_ctx *c, struct expr **out,
                                      const PgQuery__FuncCall *f,
                                      const char *name)
{
    if (strcmp(name, "extract") == 0) {
        TRY(no_aggregate_options(c, f));
        return extract(c, out, f);
    }
    if (strcmp(name, "timezone") == 0)
        return sql_refuse(c, REFUSAL_TIME_ZONE, f->location, NULL, NULL);
    if (strcmp(name, "like_escape") == 0 ||
        strcmp(name, "similar_to_escape") == 0)
        return sql_refuse(c, REFUSAL_LIKE_ESCAPE, f->location, NULL, NULL);
    return sql_refuse(c, REFUSAL_FUNCTION, f->location, name, NULL);
}

enum err_code sql_func(struct sql_ctx *c, struct expr **out,
                       const PgQuery__Node *n)
{
    const PgQuery__FuncCall *f = n->func_call;
    const char *name = sql_string(f->funcname[f->n_funcname - 1]);
    if (!name)
        return sql_refuse(c, REFUSAL_FUNCTION, f->location, "?", NULL);
    if (f->n_funcname > 1) {
        const char *schema = sql_string(f->funcname[0]);
        if (f->n_funcname == 2 && schema && strcmp(schema, "pg_catalog") == 0)
            return catalog_function(c, out, f, name);
        return sql_refuse(c, REFUSAL_FUNCTION_SCHEMA, f->location, name, NULL);
    }
    if (f->over)
        return sql_window(c, out, f);
    for (unsigned k = 0; k < AGG_KIND_COUNT; k++)
        if (strcmp(agg_kind_name((enum agg_kind)k), name) == 0)
            return aggregate(c, out, f, (enum agg_kind)k);
    func_fn *fn = function_of(name);
    if (!fn)
        return sql_refuse(c, REFUSAL_FUNCTION, f->location, name, NULL);
    TRY(no_aggregate_options(c, f));
    return fn(c, out, f);
}
