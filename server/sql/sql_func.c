/* Function calls: aggregates, and functions by a table. */
#include "server/query/suggest.h"
#include "server/sql/sql_ctx.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

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
    const char *what = f->agg_filter         ? "FILTER"
                       : f->agg_within_group ? "WITHIN GROUP"
                       : f->n_agg_order > 0  ? "ORDER BY"
                       : f->agg_distinct     ? "DISTINCT"
                       : f->agg_star         ? "*"
                                             : NULL;
    if (!what)
        return ERR_OK;
    return sql_refuse(c, REFUSAL_FUNCTION_OPTION, f->location, what, NULL);
}

/* The unit in front of date_trunc and extract, a constant in lower case; which
 * units there are is the planner's to know. */
static enum err_code check_unit(struct sql_ctx *c, struct expr *e,
                                const char *what)
{
    const char *unit = text_of(e);
    char *lower = unit ? arena_strdup(c->arena, unit) : NULL;
    if (!unit)
        return refuse(c->err, REFUSAL_TIME_UNIT, e->at, what, NULL);
    if (!lower)
        return sql_no_memory(c);
    for (char *p = lower; *p; p++)
        *p = (char)tolower((unsigned char)*p);
    e->value.text.s = lower;
    return ERR_OK;
}

static enum err_code date_trunc(struct sql_ctx *c, struct expr **out,
                                const PgQuery__FuncCall *f)
{
    TRY(sql_call_of(c, out, OP_DATE_TRUNC, f->args, f->n_args, f->location));
    return check_unit(c, (*out)->call.args[0], "date_trunc");
}

static const PgQuery__AExpr *difference(const PgQuery__Node *n)
{
    if (n->node_case != PG_QUERY__NODE__NODE_A_EXPR)
        return NULL;
    const PgQuery__AExpr *a = n->a_expr;
    const bool minus = a->kind == PG_QUERY__A__EXPR__KIND__AEXPR_OP &&
                       a->n_name == 1 && sql_string(a->name[0]) &&
                       strcmp(sql_string(a->name[0]), "-") == 0;
    return minus && a->lexpr ? a : NULL;
}

static enum err_code number(struct sql_ctx *c, struct expr **out, double v,
                            int offset)
{
    TRY(sql_expr_new(c, out, EXPR_CONST, offset));
    (*out)->value =
        v == (double)(int64_t)v ? value_int((int64_t)v) : value_double(v);
    return ERR_OK;
}

static enum err_code call_two(struct sql_ctx *c, struct expr **out,
                              enum expr_op op, struct expr *a, struct expr *b,
                              int offset)
{
    TRY(sql_call_new(c, out, op, b ? 2 : 1, offset));
    (*out)->call.args[0] = a;
    if (b)
        (*out)->call.args[1] = b;
    return ERR_OK;
}

/* Of the seconds of a - b: all, or the whole days; an interval between two
 * times has neither months nor years. */
static enum err_code part_of_seconds(struct sql_ctx *c, struct expr **out,
                                     const char *unit, int offset)
{
    struct expr *day = NULL;
    if (strcmp(unit, "epoch") == 0)
        return ERR_OK;
    TRY(number(c, &day, 86400, offset));
    TRY(call_two(c, out, OP_DIV, *out, day, offset));
    return call_two(c, out, OP_TRUNC, *out, NULL, offset);
}

/* extract(epoch FROM a - b), or its days: between two times, of which a - b
 * alone would be an interval. */
static enum err_code seconds(struct sql_ctx *c, struct expr **out, bool *is_one,
                             const PgQuery__FuncCall *f)
{
    const PgQuery__AExpr *a = f->n_args == 2 ? difference(f->args[1]) : NULL;
    struct expr *unit = NULL;
    struct sql_interval i;
    *is_one = false;
    if (!a)
        return ERR_OK;
    TRY(sql_interval_of(c, &i, is_one, a->rexpr));
    if (*is_one) {
        *is_one = false; /* x - interval is a time */
        return ERR_OK;
    }
    TRY(sql_expr(c, &unit, f->args[0]));
    TRY(check_unit(c, unit, "extract"));
    if (strcmp(text_of(unit), "epoch") != 0 &&
        strcmp(text_of(unit), "day") != 0)
        return ERR_OK;
    PgQuery__Node *const sides[] = { a->lexpr, a->rexpr };
    *is_one = true;
    TRY(sql_call_of(c, out, OP_SECONDS, sides, 2, f->location));
    return part_of_seconds(c, out, text_of(unit), f->location);
}

static enum err_code extract(struct sql_ctx *c, struct expr **out,
                             const PgQuery__FuncCall *f)
{
    bool is_seconds;
    TRY(seconds(c, out, &is_seconds, f));
    if (is_seconds)
        return ERR_OK;
    TRY(sql_call_of(c, out, OP_EXTRACT, f->args, f->n_args, f->location));
    return check_unit(c, (*out)->call.args[0], "extract");
}

/* date_bin(stride, x, origin): the start of the stride that x is in, to whole
 * seconds.  to_timestamp(floor((extract(epoch FROM x) - o) / s) * s + o). */
static enum err_code date_bin(struct sql_ctx *c, struct expr **out,
                              const PgQuery__FuncCall *f)
{
    static const char *const what =
        "an interval of whole seconds, a time, and a constant TIMESTAMP";
    const int at = f->location;
    struct expr *origin = NULL, *unit = NULL, *x = NULL, *e = NULL;
    struct sql_interval i = { 0 };
    struct value start;
    struct err ignored = { 0 };
    bool is_one = false;
    if (f->n_args == 3)
        TRY(sql_interval_text(c, &i, &is_one, f->args[0]));
    if (f->n_args == 3)
        TRY(sql_expr(c, &origin, f->args[2]));
    if (!is_one || i.months != 0 || i.us < 1000000 || i.us % 1000000 != 0 ||
        origin->kind != EXPR_CONST)
        return sql_refuse(c, REFUSAL_FUNCTION_ARGS, at, "date_bin", what);
    start = origin->value;
    if (start.type == VALUE_TEXT &&
        value_parse(&start, VALUE_TIMESTAMP, start.text.s, start.text.len,
                    &ignored) != ERR_OK)
        return sql_refuse(c, REFUSAL_FUNCTION_ARGS, at, "date_bin", what);
    if (start.type == VALUE_DATE)
        start.i *= INT64_C(86400000000);
    else if (start.type != VALUE_TIMESTAMP)
        return sql_refuse(c, REFUSAL_FUNCTION_ARGS, at, "date_bin", what);
    const double from = (double)start.i / 1e6, stride = (double)i.us / 1e6;
    struct expr *o = NULL, *s = NULL;
    TRY(sql_expr(c, &x, f->args[1]));
    TRY(sql_expr_new(c, &unit, EXPR_CONST, at));
    unit->value = value_text("epoch", 5);
    TRY(number(c, &o, from, at));
    TRY(number(c, &s, stride, at));
    TRY(call_two(c, &e, OP_EXTRACT, unit, x, at));
    TRY(call_two(c, &e, OP_SUB, e, o, at));
    TRY(call_two(c, &e, OP_DIV, e, s, at));
    TRY(call_two(c, &e, OP_FLOOR, e, NULL, at));
    TRY(call_two(c, &e, OP_MUL, e, s, at));
    TRY(call_two(c, &e, OP_ADD, e, o, at));
    return call_two(c, out, OP_TO_TIMESTAMP, e, NULL, at);
}

/* Formats under which to_timestamp and to_date read what our own constants
 * look like. */
static bool is_known_format(const char *format, bool is_date)
{
    static const char *const formats[] = {
        "YYYY-MM-DD", "YYYY-MM-DD HH24:MI:SS", "YYYY-MM-DD HH24:MI:SS.US",
        "YYYY-MM-DD HH24:MI:SS.MS", "YYYY-MM-DD HH24:MI"
    };
    const size_t n = is_date ? 1 : sizeof formats / sizeof formats[0];
    for (size_t i = 0; i < n; i++)
        if (strcmp(formats[i], format) == 0)
            return true;
    return false;
}

/* to_timestamp and to_date of constants, as BI tools write them. */
static enum err_code to_time(struct sql_ctx *c, struct expr **out,
                             const PgQuery__FuncCall *f, enum value_type type)
{
    const bool is_date = type == VALUE_DATE;
    const char *name = is_date ? "to_date" : "to_timestamp";
    struct expr *text = NULL, *how = NULL;
    if (f->n_args != 2)
        return sql_refuse(c, REFUSAL_FUNCTION_ARGS, f->location, name,
                          is_date ? "2 arguments" : "1 or 2 arguments");
    TRY(sql_expr(c, &text, f->args[0]));
    TRY(sql_expr(c, &how, f->args[1]));
    if (!text_of(text) || !text_of(how) ||
        !is_known_format(text_of(how), is_date))
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
    if (f->n_args == 1)
        return sql_call_of(c, out, OP_TO_TIMESTAMP, f->args, 1, f->location);
    return to_time(c, out, f, VALUE_TIMESTAMP);
}

static enum err_code to_date(struct sql_ctx *c, struct expr **out,
                             const PgQuery__FuncCall *f)
{
    return to_time(c, out, f, VALUE_DATE);
}

/* substring(x from 'pattern') is a regular expression. */
static enum err_code substring(struct sql_ctx *c, struct expr **out,
                               const PgQuery__FuncCall *f)
{
    TRY(sql_call_of(c, out, OP_SUBSTRING, f->args, f->n_args, f->location));
    if (text_of((*out)->call.args[1]))
        return sql_refuse(c, REFUSAL_REGEX, f->location, "substring", NULL);
    return ERR_OK;
}

typedef enum err_code func_fn(struct sql_ctx *c, struct expr **out,
                              const PgQuery__FuncCall *f);

static func_fn *handler_of(const char *name)
{
    static const struct {
        const char *name;
        func_fn *fn;
    } functions[] = {
        { "date_trunc", date_trunc }, { "date_part", extract },
        { "extract", extract },       { "to_timestamp", to_timestamp },
        { "to_date", to_date },       { "substring", substring },
        { "substr", substring },      { "to_char", sql_to_char },
        { "date_bin", date_bin },
    };
    for (size_t i = 0; i < sizeof functions / sizeof functions[0]; i++)
        if (strcmp(functions[i].name, name) == 0)
            return functions[i].fn;
    return NULL;
}

/* Other names of operations, by which PostgreSQL knows them too. */
static enum expr_op op_by_name(const char *name)
{
    static const struct {
        const char *name;
        enum expr_op op;
    } also[] = {
        { "mod", OP_MOD },
        { "ceiling", OP_CEIL },
        { "pow", OP_POWER },
        { "dpow", OP_POWER },
        { "log10", OP_LOG },
        { "char_length", OP_LENGTH },
        { "character_length", OP_LENGTH },
        { "position", OP_STRPOS },
        { "date", OP_CAST_DATE },
        { "transaction_timestamp", OP_NOW },
        { "statement_timestamp", OP_NOW },
        { "clock_timestamp", OP_NOW },
    };
    for (size_t i = 0; i < sizeof also / sizeof also[0]; i++)
        if (strcmp(also[i].name, name) == 0)
            return also[i].op;
    for (unsigned op = 0; op < OP_COUNT; op++) {
        const struct op_info *info = op_info_of((enum expr_op)op);
        if (info->form == OP_FORM_FUNCTION && strcmp(info->sql, name) == 0)
            return (enum expr_op)op;
    }
    return OP_COUNT;
}

/* Functions with a reason of their own to be refused. */
static const struct refused_name {
    const char *name;
    enum refusal id;
} REFUSED_NAMES[] = {
    { "age", REFUSAL_AGE },
    { "regexp_match", REFUSAL_REGEX },
    { "regexp_matches", REFUSAL_REGEX },
    { "regexp_replace", REFUSAL_REGEX },
    { "regexp_like", REFUSAL_REGEX },
    { "regexp_count", REFUSAL_REGEX },
    { "regexp_instr", REFUSAL_REGEX },
    { "regexp_substr", REFUSAL_REGEX },
    { "regexp_split_to_array", REFUSAL_REGEX },
    { "bool_and", REFUSAL_BOOL_AGGREGATE },
    { "bool_or", REFUSAL_BOOL_AGGREGATE },
    { "every", REFUSAL_BOOL_AGGREGATE },
    { "array_agg", REFUSAL_AGGREGATE },
    { "string_agg", REFUSAL_AGGREGATE },
    { "json_agg", REFUSAL_AGGREGATE },
    { "jsonb_agg", REFUSAL_AGGREGATE },
    { "json_object_agg", REFUSAL_AGGREGATE },
    { "mode", REFUSAL_MODE },
    { "bit_and", REFUSAL_AGGREGATE },
    { "bit_or", REFUSAL_AGGREGATE },
    { "bit_xor", REFUSAL_AGGREGATE },
    { "corr", REFUSAL_AGGREGATE },
    { "covar_pop", REFUSAL_AGGREGATE },
    { "covar_samp", REFUSAL_AGGREGATE },
    { "regr_slope", REFUSAL_AGGREGATE },
    { "regr_intercept", REFUSAL_AGGREGATE },
    { "regr_r2", REFUSAL_AGGREGATE },
};

/* The function or aggregate that was meant, by its spelling; or NULL. */
static const char *near_name(const char *name)
{
    const char *names[OP_COUNT + AGG_KIND_COUNT + WINDOW_KIND_COUNT];
    size_t n = 0;
    for (unsigned k = 0; k < AGG_KIND_COUNT; k++)
        names[n++] = agg_kind_name((enum agg_kind)k);
    for (unsigned op = 0; op < OP_COUNT; op++)
        if (op_info_of((enum expr_op)op)->form == OP_FORM_FUNCTION)
            names[n++] = op_info_of((enum expr_op)op)->sql;
    for (unsigned k = WINDOW_AGG + 1; k < WINDOW_KIND_COUNT; k++)
        names[n++] = window_kind_name((enum window_kind)k);
    return suggest(name, names, n);
}

static enum err_code refuse_name(struct sql_ctx *c, const char *name,
                                 int offset)
{
    for (size_t i = 0; i < sizeof REFUSED_NAMES / sizeof REFUSED_NAMES[0]; i++)
        if (strcmp(REFUSED_NAMES[i].name, name) == 0)
            return sql_refuse(c, REFUSED_NAMES[i].id, offset, name, NULL);
    const char *write = sql_foreign_function(name);
    if (write)
        return sql_refuse(c, REFUSAL_FOREIGN_FUNCTION, offset, name, write);
    const enum err_code code =
        sql_refuse(c, REFUSAL_FUNCTION, offset, name, NULL);
    const char *near = near_name(name);
    return near ? err_hint(c->err,
                           "Did you mean %s?  docs/sql.md lists every "
                           "function there is.",
                           near)
                : code;
}

static enum err_code scalar(struct sql_ctx *c, struct expr **out,
                            const PgQuery__FuncCall *f, const char *name)
{
    func_fn *fn = handler_of(name);
    const enum expr_op op = fn ? OP_COUNT : op_by_name(name);
    if (!fn && op == OP_COUNT)
        return refuse_name(c, name, f->location);
    TRY(no_aggregate_options(c, f));
    if (fn)
        return fn(c, out, f);
    return sql_call_of(c, out, op, f->args, f->n_args, f->location);
}

/* AT TIME ZONE 'UTC' changes nothing; other zones would. */
static enum err_code time_zone(struct sql_ctx *c, struct expr **out,
                               const PgQuery__FuncCall *f)
{
    struct expr *zone = NULL;
    TRY(no_aggregate_options(c, f));
    if (f->n_args == 2)
        TRY(sql_expr(c, &zone, f->args[0]));
    const char *name = zone ? text_of(zone) : NULL;
    if (name && (strcasecmp(name, "utc") == 0 || strcasecmp(name, "gmt") == 0 ||
                 strcasecmp(name, "etc/utc") == 0))
        return sql_expr(c, out, f->args[1]);
    return sql_refuse(c, REFUSAL_TIME_ZONE, f->location, NULL, NULL);
}

/* What the grammar turns into calls of pg_catalog functions, by its SQL. */
static enum err_code catalog_function(struct sql_ctx *c, struct expr **out,
                                      const PgQuery__FuncCall *f,
                                      const char *name)
{
    static const char *const syntax[] = { "extract", "btrim",    "ltrim",
                                          "rtrim",   "position", "substring" };
    if (strcmp(name, "timezone") == 0)
        return time_zone(c, out, f);
    if (strcmp(name, "like_escape") == 0 ||
        strcmp(name, "similar_to_escape") == 0)
        return sql_refuse(c, REFUSAL_LIKE_ESCAPE, f->location, NULL, NULL);
    for (size_t i = 0; i < sizeof syntax / sizeof syntax[0]; i++)
        if (strcmp(syntax[i], name) == 0)
            return scalar(c, out, f, name);
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
    enum agg_kind kind;
    if (sql_agg_kind(&kind, name))
        return sql_aggregate(c, out, f);
    return scalar(c, out, f, name);
}
