/* Expressions: one handler per kind of PostgreSQL's nodes. */
#include "server/sql/sql_ctx.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum err_code sql_expr_new(struct sql_ctx *c, struct expr **out,
                           enum expr_kind kind, int offset)
{
    struct expr *e = ARENA_NEW(c->arena, struct expr);
    if (!e)
        return sql_no_memory(c);
    e->kind = kind;
    e->at = sql_place(c, offset);
    *out = e;
    return ERR_OK;
}

static enum err_code refuse_args(struct sql_ctx *c, const struct op_info *info,
                                 size_t n, int offset)
{
    char want[64];
    if (n > info->max_args && info->max_args > 3) {
        /* The left side of IN is no entry of its list. */
        const bool is_in = info == op_info_of(OP_IN);
        (void)snprintf(want, sizeof want, "%u", info->max_args - is_in);
        return sql_refuse(c, REFUSAL_LIST_LENGTH, offset, info->sql, want);
    }
    if (info->min_args == info->max_args)
        (void)snprintf(want, sizeof want, "%u argument%s", info->min_args,
                       info->min_args == 1 ? "" : "s");
    else
        (void)snprintf(want, sizeof want, "%u to %u arguments", info->min_args,
                       info->max_args);
    return sql_refuse(c, REFUSAL_FUNCTION_ARGS, offset, info->sql, want);
}

enum err_code sql_call_new(struct sql_ctx *c, struct expr **out,
                           enum expr_op op, size_t n, int offset)
{
    const struct op_info *info = op_info_of(op);
    if (n < info->min_args || n > info->max_args)
        return refuse_args(c, info, n, offset);
    struct expr *e = NULL;
    TRY(sql_expr_new(c, &e, EXPR_CALL, offset));
    e->call.op = op;
    e->call.n_args = n;
    e->call.args = ARENA_NEW_N(c->arena, n ? n : 1, struct expr *);
    if (!e->call.args)
        return sql_no_memory(c);
    *out = e;
    return ERR_OK;
}

enum err_code sql_call_of(struct sql_ctx *c, struct expr **out, enum expr_op op,
                          PgQuery__Node *const *args, size_t n, int offset)
{
    struct expr *e = NULL;
    TRY(sql_call_new(c, &e, op, n, offset));
    for (size_t i = 0; i < n; i++)
        TRY(sql_expr(c, &e->call.args[i], args[i]));
    *out = e;
    return ERR_OK;
}

/* NOT e, at the place of e. */
static enum err_code negate(struct sql_ctx *c, struct expr **e)
{
    struct expr *inverse = NULL;
    TRY(sql_call_new(c, &inverse, OP_NOT, 1, -1));
    inverse->at = (*e)->at;
    inverse->call.args[0] = *e;
    *e = inverse;
    return ERR_OK;
}

/* A repeat within a repeat would double the tree with each level. */
enum err_code sql_repeated(struct sql_ctx *c, struct expr **out,
                           const PgQuery__Node *n, const char *what, int offset)
{
    if (c->repeats > 0)
        return sql_refuse(c, REFUSAL_REPEATED_OPERAND, offset, what, NULL);
    c->repeats++;
    TRY(sql_expr(c, out, n));
    c->repeats--;
    return ERR_OK;
}

/* [[dataset.]table.]: the parts of a name before the last. */
enum err_code sql_qualifier(struct sql_ctx *c, struct expr *e,
                            const PgQuery__ColumnRef *ref)
{
    const size_t n = ref->n_fields;
    if (n > 3)
        return sql_refuse(c, REFUSAL_COLUMN_PARTS, ref->location, NULL, NULL);
    if (n == 3)
        TRY(sql_name(c, &e->column.dataset, sql_string(ref->fields[0]),
                     ref->location));
    if (n >= 2)
        TRY(sql_name(c, &e->column.table, sql_string(ref->fields[n - 2]),
                     ref->location));
    return ERR_OK;
}

static enum err_code column(struct sql_ctx *c, struct expr **out,
                            const PgQuery__Node *n)
{
    const PgQuery__ColumnRef *ref = n->column_ref;
    struct expr *e = NULL;
    for (size_t i = 0; i < ref->n_fields; i++)
        if (!sql_string(ref->fields[i]))
            return sql_refuse(c, REFUSAL_SELECT_STAR, ref->location, NULL,
                              NULL);
    TRY(sql_expr_new(c, &e, EXPR_COLUMN, ref->location));
    TRY(sql_qualifier(c, e, ref));
    TRY(sql_name(c, &e->column.name, sql_string(ref->fields[ref->n_fields - 1]),
                 ref->location));
    *out = e;
    return ERR_OK;
}

/*
 * The number as written: PostgreSQL's lexer wraps it at 32 bits, so that
 * $4294967297 would read as $1.
 */
static enum err_code param(struct sql_ctx *c, struct expr **out,
                           const PgQuery__Node *n)
{
    enum { PARAM_MAX = 65535, DIGITS = 5 };
    const int at = n->param_ref->location;
    assert(at >= 0 && (size_t)at < c->len && c->text[at] == '$');
    const char *digits = c->text + at + 1;
    digits += strspn(digits, "0");
    const size_t len = strspn(digits, "0123456789");
    const long number = len <= DIGITS ? strtol(digits, NULL, 10) : 0;
    if (len == 0 || number < 1 || number > PARAM_MAX) {
        char shown[16];
        (void)snprintf(shown, sizeof shown, "%.*s", (int)(len > 12 ? 12 : len),
                       digits);
        return sql_refuse(c, REFUSAL_PARAM_NUMBER, at, len ? shown : "0", NULL);
    }
    TRY(sql_expr_new(c, out, EXPR_PARAM, at));
    (*out)->param = (unsigned)number;
    return ERR_OK;
}

/* The operator of an A_Expr as one word, or a refusal of OPERATOR(a.b). */
static enum err_code operator_of(struct sql_ctx *c, const char **out,
                                 const PgQuery__AExpr *a)
{
    if (a->n_name != 1 || !sql_string(a->name[0]))
        return sql_refuse(c, REFUSAL_OPERATOR_SCHEMA, a->location, NULL, NULL);
    *out = sql_string(a->name[0]);
    return ERR_OK;
}

/* x + interval, interval + x, x - interval. */
static enum err_code shift(struct sql_ctx *c, struct expr **out, bool *shifts,
                           const PgQuery__AExpr *a, const char *sql)
{
    const bool minus = strcmp(sql, "-") == 0;
    struct sql_interval i;
    if (!a->lexpr || (!minus && strcmp(sql, "+") != 0))
        return ERR_OK;
    TRY(sql_interval_of(c, &i, shifts, a->rexpr));
    if (*shifts)
        return sql_shift(c, out, a->lexpr, i, minus ? -1 : 1, a->location);
    if (minus)
        return ERR_OK;
    TRY(sql_interval_of(c, &i, shifts, a->lexpr));
    return *shifts ? sql_shift(c, out, a->rexpr, i, 1, a->location) : ERR_OK;
}

/* +x, -x, x op y. */
static enum err_code plain_operator(struct sql_ctx *c, struct expr **out,
                                    const PgQuery__AExpr *a)
{
    static const struct {
        const char *sql;
        enum expr_op op;
    } infix[] = {
        { "=", OP_EQ },    { "<>", OP_NE },     { "<", OP_LT },
        { "<=", OP_LE },   { ">", OP_GT },      { ">=", OP_GE },
        { "+", OP_ADD },   { "-", OP_SUB },     { "*", OP_MUL },
        { "/", OP_DIV },   { "%", OP_MOD },     { "||", OP_JOIN },
        { "~~", OP_LIKE }, { "~~*", OP_ILIKE },
    };
    const char *sql = NULL;
    bool shifts = false;
    TRY(operator_of(c, &sql, a));
    TRY(shift(c, out, &shifts, a, sql));
    if (shifts)
        return ERR_OK;
    if (!a->lexpr && strcmp(sql, "+") == 0)
        return sql_expr(c, out, a->rexpr);
    if (!a->lexpr && strcmp(sql, "-") == 0)
        return sql_call_of(c, out, OP_NEG, &a->rexpr, 1, a->location);
    PgQuery__Node *const sides[] = { a->lexpr, a->rexpr };
    for (size_t i = 0; a->lexpr && i < sizeof infix / sizeof infix[0]; i++)
        if (strcmp(infix[i].sql, sql) == 0)
            return sql_call_of(c, out, infix[i].op, sides, 2, a->location);
    return sql_refuse(c, strchr(sql, '~') ? REFUSAL_REGEX : REFUSAL_OPERATOR,
                      a->location, sql, NULL);
}

/* x IN (list), NOT IN, BETWEEN, NOT BETWEEN: one side, then a list. */
static enum err_code side_and_list(struct sql_ctx *c, struct expr **out,
                                   const PgQuery__AExpr *a, enum expr_op op)
{
    if (a->rexpr->node_case != PG_QUERY__NODE__NODE_LIST)
        return sql_refuse_expr(c, a->rexpr, a->location);
    const PgQuery__List *list = a->rexpr->list;
    TRY(sql_fields(c, &list->base, a->location));
    struct expr *e = NULL;
    TRY(sql_call_new(c, &e, op, list->n_items + 1, a->location));
    TRY(sql_expr(c, &e->call.args[0], a->lexpr));
    for (size_t i = 0; i < list->n_items; i++)
        TRY(sql_expr(c, &e->call.args[i + 1], list->items[i]));
    *out = e;
    return ERR_OK;
}

/* x = ANY (ARRAY[...]) is x IN (...), x <> ALL (ARRAY[...]) is NOT IN. */
static enum err_code quantified(struct sql_ctx *c, struct expr **out,
                                const PgQuery__AExpr *a, const char *sql,
                                const char *what)
{
    const bool all = strcmp(what, "ALL") == 0;
    if (a->rexpr->node_case != PG_QUERY__NODE__NODE_A_ARRAY_EXPR ||
        strcmp(sql, all ? "<>" : "=") != 0)
        return sql_refuse(c, REFUSAL_QUANTIFIED, a->location, what, NULL);
    const PgQuery__AArrayExpr *list = a->rexpr->a_array_expr;
    struct expr *e = NULL;
    TRY(sql_fields(c, &list->base, list->location));
    TRY(sql_call_new(c, &e, OP_IN, list->n_elements + 1, a->location));
    TRY(sql_expr(c, &e->call.args[0], a->lexpr));
    for (size_t i = 0; i < list->n_elements; i++)
        TRY(sql_expr(c, &e->call.args[i + 1], list->elements[i]));
    *out = e;
    return all ? negate(c, out) : ERR_OK;
}

/* Kinds of A_Expr that are one operation over both sides. */
struct a_kind {
    enum expr_op op;
    char negated; /* the operator's first letter when NOT stands there; 0: it
                     never does; '*': always */
    bool list;    /* the right side is a list */
};

/* What each kind of A_Expr is, and whether its operator negates it. */
static enum err_code a_expr(struct sql_ctx *c, struct expr **out,
                            const PgQuery__Node *n)
{
    static const struct a_kind kinds[] = {
        [PG_QUERY__A__EXPR__KIND__AEXPR_IN] = { OP_IN, '<', true },
        [PG_QUERY__A__EXPR__KIND__AEXPR_LIKE] = { OP_LIKE, '!', false },
        [PG_QUERY__A__EXPR__KIND__AEXPR_ILIKE] = { OP_ILIKE, '!', false },
        [PG_QUERY__A__EXPR__KIND__AEXPR_BETWEEN] = { OP_BETWEEN, 0, true },
        [PG_QUERY__A__EXPR__KIND__AEXPR_NOT_BETWEEN] = { OP_BETWEEN, '*',
                                                         true },
        [PG_QUERY__A__EXPR__KIND__AEXPR_DISTINCT] = { OP_IS_DISTINCT, 0,
                                                      false },
        [PG_QUERY__A__EXPR__KIND__AEXPR_NOT_DISTINCT] = { OP_IS_DISTINCT, '*',
                                                          false },
        [PG_QUERY__A__EXPR__KIND__AEXPR_NULLIF] = { OP_NULLIF, 0, false },
    };
    const PgQuery__AExpr *a = n->a_expr;
    PgQuery__Node *const sides[] = { a->lexpr, a->rexpr };
    const char *sql = NULL;
    const unsigned kind = (unsigned)a->kind;
    if (kind == PG_QUERY__A__EXPR__KIND__AEXPR_OP)
        return plain_operator(c, out, a);
    TRY(operator_of(c, &sql, a));
    if (kind == PG_QUERY__A__EXPR__KIND__AEXPR_OP_ANY)
        return quantified(c, out, a, sql, "ANY");
    if (kind == PG_QUERY__A__EXPR__KIND__AEXPR_OP_ALL)
        return quantified(c, out, a, sql, "ALL");
    if (kind == PG_QUERY__A__EXPR__KIND__AEXPR_SIMILAR)
        return sql_refuse(c, REFUSAL_SIMILAR, a->location, NULL, NULL);
    if (kind == PG_QUERY__A__EXPR__KIND__AEXPR_BETWEEN_SYM ||
        kind == PG_QUERY__A__EXPR__KIND__AEXPR_NOT_BETWEEN_SYM)
        return sql_refuse(c, REFUSAL_BETWEEN_SYMMETRIC, a->location,
                          "BETWEEN SYMMETRIC", NULL);
    /* OP_AND is no A_Expr: a kind with it has no row above. */
    if (kind >= sizeof kinds / sizeof kinds[0] || kinds[kind].op == OP_AND)
        return sql_refuse(c, REFUSAL_CONSTRUCT, a->location, "This expression",
                          NULL);
    const struct a_kind *k = &kinds[kind];
    if (k->list)
        TRY(side_and_list(c, out, a, k->op));
    else
        TRY(sql_call_of(c, out, k->op, sides, 2, a->location));
    const bool negated = k->negated == '*' || k->negated == sql[0];
    return negated ? negate(c, out) : ERR_OK;
}

/* IS TRUE is NOT (x IS DISTINCT FROM TRUE); IS UNKNOWN is IS NULL. */
static enum err_code boolean_test(struct sql_ctx *c, struct expr **out,
                                  const PgQuery__Node *n)
{
    static const struct {
        char value; /* 't', 'f', or 'n' for NULL */
        bool negated;
    } tests[] = {
        [PG_QUERY__BOOL_TEST_TYPE__IS_TRUE] = { 't', false },
        [PG_QUERY__BOOL_TEST_TYPE__IS_NOT_TRUE] = { 't', true },
        [PG_QUERY__BOOL_TEST_TYPE__IS_FALSE] = { 'f', false },
        [PG_QUERY__BOOL_TEST_TYPE__IS_NOT_FALSE] = { 'f', true },
        [PG_QUERY__BOOL_TEST_TYPE__IS_UNKNOWN] = { 'n', false },
        [PG_QUERY__BOOL_TEST_TYPE__IS_NOT_UNKNOWN] = { 'n', true },
    };
    const PgQuery__BooleanTest *t = n->boolean_test;
    const unsigned kind = (unsigned)t->booltesttype;
    struct expr *e = NULL;
    if (kind >= sizeof tests / sizeof tests[0] || !tests[kind].value)
        return sql_refuse(c, REFUSAL_CONSTRUCT, t->location, "This test", NULL);
    if (tests[kind].value == 'n') {
        TRY(sql_call_of(c, out, OP_IS_NULL, &n->boolean_test->arg, 1,
                        t->location));
        return tests[kind].negated ? negate(c, out) : ERR_OK;
    }
    TRY(sql_call_new(c, &e, OP_IS_DISTINCT, 2, t->location));
    TRY(sql_expr(c, &e->call.args[0], t->arg));
    TRY(sql_expr_new(c, &e->call.args[1], EXPR_CONST, t->location));
    e->call.args[1]->value =
        (struct value){ .type = VALUE_BOOL, .b = tests[kind].value == 't' };
    *out = e;
    return tests[kind].negated ? ERR_OK : negate(c, out);
}

/* current_timestamp and current_date are the dataset's time. */
static enum err_code session_value(struct sql_ctx *c, struct expr **out,
                                   const PgQuery__Node *n)
{
    const PgQuery__SQLValueFunction *f = n->sqlvalue_function;
    switch ((unsigned)f->op) {
    case PG_QUERY__SQLVALUE_FUNCTION_OP__SVFOP_CURRENT_DATE:
        return sql_call_of(c, out, OP_TODAY, NULL, 0, f->location);
    case PG_QUERY__SQLVALUE_FUNCTION_OP__SVFOP_CURRENT_TIMESTAMP:
    case PG_QUERY__SQLVALUE_FUNCTION_OP__SVFOP_CURRENT_TIMESTAMP_N:
    case PG_QUERY__SQLVALUE_FUNCTION_OP__SVFOP_LOCALTIMESTAMP:
    case PG_QUERY__SQLVALUE_FUNCTION_OP__SVFOP_LOCALTIMESTAMP_N:
        return sql_call_of(c, out, OP_NOW, NULL, 0, f->location);
    default:
        return sql_refuse(c, REFUSAL_SESSION_VALUE, f->location,
                          "The current user, role, schema or time of day",
                          NULL);
    }
}

static enum err_code bool_expr(struct sql_ctx *c, struct expr **out,
                               const PgQuery__Node *n)
{
    static const enum expr_op ops[] = {
        [PG_QUERY__BOOL_EXPR_TYPE__AND_EXPR] = OP_AND,
        [PG_QUERY__BOOL_EXPR_TYPE__OR_EXPR] = OP_OR,
        [PG_QUERY__BOOL_EXPR_TYPE__NOT_EXPR] = OP_NOT,
    };
    const PgQuery__BoolExpr *b = n->bool_expr;
    const unsigned kind = (unsigned)b->boolop;
    if (kind == 0 || kind >= sizeof ops / sizeof ops[0])
        return sql_refuse(c, REFUSAL_CONSTRUCT, b->location,
                          "This boolean operator", NULL);
    return sql_call_of(c, out, ops[kind], b->args, b->n_args, b->location);
}

static enum err_code null_test(struct sql_ctx *c, struct expr **out,
                               const PgQuery__Node *n)
{
    const PgQuery__NullTest *t = n->null_test;
    TRY(sql_call_of(c, out, OP_IS_NULL, &n->null_test->arg, 1, t->location));
    return t->nulltesttype == PG_QUERY__NULL_TEST_TYPE__IS_NOT_NULL
               ? negate(c, out)
               : ERR_OK;
}

/* One WHEN ... THEN; with an operand in front, WHEN v is operand = v. */
static enum err_code case_when(struct sql_ctx *c, struct expr **pair,
                               const PgQuery__Node *n, struct expr *operand,
                               int offset)
{
    if (n->node_case != PG_QUERY__NODE__NODE_CASE_WHEN)
        return sql_refuse_expr(c, n, offset);
    const PgQuery__CaseWhen *when = n->case_when;
    TRY(sql_fields(c, &when->base, when->location));
    TRY(sql_expr(c, &pair[0], when->expr));
    if (operand) {
        struct expr *eq = NULL;
        TRY(sql_call_new(c, &eq, OP_EQ, 2, when->location));
        eq->call.args[0] = operand;
        eq->call.args[1] = pair[0];
        pair[0] = eq;
    }
    return sql_expr(c, &pair[1], when->result);
}

static enum err_code case_expr(struct sql_ctx *c, struct expr **out,
                               const PgQuery__Node *n)
{
    const PgQuery__CaseExpr *x = n->case_expr;
    struct expr *e = NULL, *operand = NULL;
    if (x->arg)
        TRY(sql_repeated(c, &operand, x->arg, "CASE x WHEN", x->location));
    const size_t n_args = 2 * x->n_args + (x->defresult ? 1 : 0);
    TRY(sql_call_new(c, &e, OP_CASE, n_args, x->location));
    for (size_t i = 0; i < x->n_args; i++)
        TRY(case_when(c, &e->call.args[2 * i], x->args[i], operand,
                      x->location));
    if (x->defresult)
        TRY(sql_expr(c, &e->call.args[n_args - 1], x->defresult));
    *out = e;
    return ERR_OK;
}

/* least(x) is x: PostgreSQL takes one argument, the tree from two. */
static enum err_code one_or_more(struct sql_ctx *c, struct expr **out,
                                 enum expr_op op, PgQuery__Node *const *args,
                                 size_t n, int offset)
{
    if (n == 1)
        return sql_expr(c, out, args[0]);
    return sql_call_of(c, out, op, args, n, offset);
}

static enum err_code coalesce(struct sql_ctx *c, struct expr **out,
                              const PgQuery__Node *n)
{
    const PgQuery__CoalesceExpr *x = n->coalesce_expr;
    return one_or_more(c, out, OP_COALESCE, x->args, x->n_args, x->location);
}

static enum err_code min_max(struct sql_ctx *c, struct expr **out,
                             const PgQuery__Node *n)
{
    const PgQuery__MinMaxExpr *x = n->min_max_expr;
    const bool least = x->op == PG_QUERY__MIN_MAX_OP__IS_LEAST;
    return one_or_more(c, out, least ? OP_LEAST : OP_GREATEST, x->args,
                       x->n_args, x->location);
}

/* GROUPING (a, b) tells which of the keys a row is not grouped by. */
static enum err_code grouping_func(struct sql_ctx *c, struct expr **out,
                                   const PgQuery__Node *n)
{
    const PgQuery__GroupingFunc *f = n->grouping_func;
    return sql_call_of(c, out, OP_GROUPING, f->args, f->n_args, f->location);
}

typedef enum err_code expr_fn(struct sql_ctx *c, struct expr **out,
                              const PgQuery__Node *n);

static expr_fn *const HANDLERS[] = {
    [PG_QUERY__NODE__NODE_A_CONST] = sql_const,
    [PG_QUERY__NODE__NODE_TYPE_CAST] = sql_cast,
    [PG_QUERY__NODE__NODE_FUNC_CALL] = sql_func,
    [PG_QUERY__NODE__NODE_COLUMN_REF] = column,
    [PG_QUERY__NODE__NODE_PARAM_REF] = param,
    [PG_QUERY__NODE__NODE_A_EXPR] = a_expr,
    [PG_QUERY__NODE__NODE_BOOL_EXPR] = bool_expr,
    [PG_QUERY__NODE__NODE_NULL_TEST] = null_test,
    [PG_QUERY__NODE__NODE_CASE_EXPR] = case_expr,
    [PG_QUERY__NODE__NODE_COALESCE_EXPR] = coalesce,
    [PG_QUERY__NODE__NODE_MIN_MAX_EXPR] = min_max,
    [PG_QUERY__NODE__NODE_SUB_LINK] = sql_sub_link,
    [PG_QUERY__NODE__NODE_GROUPING_FUNC] = grouping_func,
    [PG_QUERY__NODE__NODE_BOOLEAN_TEST] = boolean_test,
    [PG_QUERY__NODE__NODE_SQLVALUE_FUNCTION] = session_value,
};

enum err_code sql_expr(struct sql_ctx *c, struct expr **out,
                       const PgQuery__Node *n)
{
    const unsigned kind = (unsigned)n->node_case;
    const int offset = sql_offset_of(n, -1);
    if (kind >= sizeof HANDLERS / sizeof HANDLERS[0] || !HANDLERS[kind])
        return sql_refuse_expr(c, n, offset);
    if (c->depth > SQL_DEPTH_MAX) {
        char most[16];
        (void)snprintf(most, sizeof most, "%d", SQL_DEPTH_MAX);
        return sql_refuse(c, REFUSAL_TEXT_DEPTH, offset, most, NULL);
    }
    TRY(sql_fields(c, sql_message_of(n), offset));
    c->depth++;
    TRY(HANDLERS[kind](c, out, n));
    c->depth--;
    return ERR_OK;
}
