/* Types of expressions.  rewrite_typer.h. */
#include <string.h>

#include "server/sql/rewrite_typer.h"

static uint32_t find(const struct scope *s, const char *table, const char *name)
{
    for (; s; s = s->outer)
        for (size_t i = 0; i < s->n; i++)
            if (strcmp(s->columns[i].name, name) == 0 &&
                (!table || strcmp(s->columns[i].table, table) == 0))
                return s->columns[i].type;
    return 0;
}

static uint32_t type_of_column(const PgQuery__ColumnRef *c,
                               const struct scope *s)
{
    const char *name = rewrite_last(c->fields, c->n_fields);
    return find(
        s, c->n_fields > 1 ? rewrite_last(c->fields, c->n_fields - 1) : NULL,
        name);
}

static uint32_t array_of(uint32_t type)
{
    switch (type) {
    case T_NAME:
        return T_ARRAY_NAME;
    case T_INT2:
        return T_ARRAY_INT2;
    case T_INT4:
        return T_ARRAY_INT4;
    case T_OID:
        return T_ARRAY_OID;
    case T_CHAR:
        return T_ARRAY_CHAR;
    case T_BOOL:
        return T_ARRAY_BOOL;
    case T_INT8:
        return T_ARRAY_INT8;
    case T_TEXT:
        return T_ARRAY_TEXT;
    default:
        return 0;
    }
}

static uint32_t element_of(uint32_t type)
{
    switch (type) {
    case T_ARRAY_NAME:
        return T_NAME;
    case T_ARRAY_INT2:
    case T_INT2VECTOR:
        return T_INT2;
    case T_ARRAY_INT4:
        return T_INT4;
    case T_ARRAY_OID:
    case T_OIDVECTOR:
        return T_OID;
    case T_ARRAY_TEXT:
        return T_TEXT;
    case T_ARRAY_BOOL:
        return T_BOOL;
    case T_ARRAY_INT8:
        return T_INT8;
    default:
        return 0;
    }
}

static uint32_t type_of_cast(struct typer *t, const PgQuery__TypeCast *c)
{
    const struct rewrite_names *names = t->r->names;
    const uint32_t type =
        names->type(names->ctx, rewrite_type_schema(c->type_name),
                    rewrite_type_name(c->type_name));
    const uint32_t out = c->type_name->n_array_bounds ? array_of(type) : type;
    if (c->arg->node_case == PG_QUERY__NODE__NODE_PARAM_REF) {
        const int i = c->arg->param_ref->number;
        if (i > 0 && i <= REWRITE_PARAMS_MAX)
            t->r->params[i - 1] = out;
    }
    return out;
}

static uint32_t type_of_call(struct typer *t, const PgQuery__FuncCall *f,
                             const struct scope *s)
{
    const struct rewrite_names *names = t->r->names;
    const char *name = rewrite_last(f->funcname, f->n_funcname);
    const struct rewrite_function *known = names->function(names->ctx, name);
    if (!known)
        return 0;
    if (known->type)
        return known->type;
    const uint32_t first = f->n_args ? typer_expr(t, f->args[0], s) : 0;
    if (strcmp(name, "array_agg") == 0)
        return array_of(first);
    if (strcmp(name, "unnest") == 0)
        return element_of(first);
    /* There is no aggregate of names; they become texts. */
    if ((strcmp(name, "max") == 0 || strcmp(name, "min") == 0) &&
        (first == T_NAME || first == T_CHAR))
        return T_TEXT;
    return first;
}

static uint32_t type_of_constant(const PgQuery__AConst *k)
{
    if (k->isnull)
        return T_TEXT;
    switch ((int)k->val_case) {
    case PG_QUERY__A__CONST__VAL_IVAL:
        return T_INT4;
    case PG_QUERY__A__CONST__VAL_FVAL:
        return T_NUMERIC;
    case PG_QUERY__A__CONST__VAL_BOOLVAL:
        return T_BOOL;
    default:
        return T_TEXT;
    }
}

static uint32_t type_of_link(struct typer *t, const PgQuery__SubLink *l,
                             const struct scope *s)
{
    struct rewrite_field *fields = NULL;
    size_t n = 0;
    if (l->sub_link_type != PG_QUERY__SUB_LINK_TYPE__EXPR_SUBLINK &&
        l->sub_link_type != PG_QUERY__SUB_LINK_TYPE__ARRAY_SUBLINK)
        return T_BOOL;
    typer_query(t, l->subselect->select_stmt, s, &fields, &n);
    const uint32_t first = n ? fields[0].type : 0;
    return l->sub_link_type == PG_QUERY__SUB_LINK_TYPE__EXPR_SUBLINK
               ? first
               : array_of(first);
}

/* Of arithmetic: the type that the other is widened to. */
static uint32_t wider(uint32_t a, uint32_t b)
{
    static const uint32_t order[] = { T_INT2,    T_INT4,   T_INT8,
                                      T_NUMERIC, T_FLOAT4, T_FLOAT8 };
    enum { N = sizeof order / sizeof order[0] };
    size_t i = 0, k = 0;
    while (i < N && order[i] != a)
        i++;
    while (k < N && order[k] != b)
        k++;
    return i < N && k < N ? order[i > k ? i : k] : a;
}

static uint32_t type_of_operator(struct typer *t, const PgQuery__AExpr *e,
                                 const struct scope *s)
{
    const char *op = rewrite_last(e->name, e->n_name);
    if (e->kind == PG_QUERY__A__EXPR__KIND__AEXPR_NULLIF)
        return typer_expr(t, e->lexpr, s);
    if (e->kind != PG_QUERY__A__EXPR__KIND__AEXPR_OP || strchr("=<>!~", op[0]))
        return T_BOOL;
    const uint32_t left = e->lexpr ? typer_expr(t, e->lexpr, s) : 0;
    if (strcmp(op, "||") == 0)
        return element_of(left) ? left : T_TEXT;
    const uint32_t right = typer_expr(t, e->rexpr, s);
    if (!e->lexpr)
        return right;
    return strchr("+-*/%", op[0]) ? wider(left, right) : left;
}

/* The first of several that is not a NULL. */
static uint32_t type_of_first(struct typer *t, PgQuery__Node *const *list,
                              size_t n, const struct scope *s)
{
    for (size_t i = 0; i < n; i++) {
        const PgQuery__Node *v =
            list[i]->node_case == PG_QUERY__NODE__NODE_CASE_WHEN
                ? list[i]->case_when->result
                : list[i];
        if (v->node_case != PG_QUERY__NODE__NODE_A_CONST || !v->a_const->isnull)
            return typer_expr(t, v, s);
    }
    return 0;
}

static uint32_t type_of_case(struct typer *t, const PgQuery__CaseExpr *c,
                             const struct scope *s)
{
    const uint32_t first = type_of_first(t, c->args, c->n_args, s);
    const PgQuery__Node *last = c->defresult;
    return first != T_TEXT && first != 0 ? first
           : last && !(last->node_case == PG_QUERY__NODE__NODE_A_CONST)
               ? typer_expr(t, last, s)
               : first;
}

static uint32_t type_of_value(const PgQuery__SQLValueFunction *f)
{
    switch ((int)f->op) {
    case PG_QUERY__SQLVALUE_FUNCTION_OP__SVFOP_CURRENT_DATE:
        return T_DATE;
    case PG_QUERY__SQLVALUE_FUNCTION_OP__SVFOP_CURRENT_TIMESTAMP:
        return T_TIMESTAMPTZ;
    default:
        return T_NAME;
    }
}

uint32_t typer_expr(struct typer *t, const PgQuery__Node *n,
                    const struct scope *s)
{
    if (!n)
        return 0;
    switch ((int)n->node_case) {
    case PG_QUERY__NODE__NODE_COLUMN_REF:
        return type_of_column(n->column_ref, s);
    case PG_QUERY__NODE__NODE_A_CONST:
        return type_of_constant(n->a_const);
    case PG_QUERY__NODE__NODE_TYPE_CAST:
        return type_of_cast(t, n->type_cast);
    case PG_QUERY__NODE__NODE_COLLATE_CLAUSE:
        return typer_expr(t, n->collate_clause->arg, s);
    case PG_QUERY__NODE__NODE_FUNC_CALL:
        return type_of_call(t, n->func_call, s);
    case PG_QUERY__NODE__NODE_A_EXPR:
        return type_of_operator(t, n->a_expr, s);
    case PG_QUERY__NODE__NODE_SUB_LINK:
        return type_of_link(t, n->sub_link, s);
    case PG_QUERY__NODE__NODE_CASE_EXPR:
        return type_of_case(t, n->case_expr, s);
    case PG_QUERY__NODE__NODE_COALESCE_EXPR:
        return type_of_first(t, n->coalesce_expr->args,
                             n->coalesce_expr->n_args, s);
    case PG_QUERY__NODE__NODE_A_INDIRECTION:
        return n->a_indirection->indirection[0]->node_case ==
                       PG_QUERY__NODE__NODE_A_INDICES
                   ? element_of(typer_expr(t, n->a_indirection->arg, s))
                   : 0;
    case PG_QUERY__NODE__NODE_A_ARRAY_EXPR:
        return array_of(type_of_first(t, n->a_array_expr->elements,
                                      n->a_array_expr->n_elements, s));
    case PG_QUERY__NODE__NODE_BOOL_EXPR:
    case PG_QUERY__NODE__NODE_NULL_TEST:
    case PG_QUERY__NODE__NODE_BOOLEAN_TEST:
        return T_BOOL;
    case PG_QUERY__NODE__NODE_SQLVALUE_FUNCTION:
        return type_of_value(n->sqlvalue_function);
    default:
        return 0;
    }
}

void typer_params(struct typer *t, const PgQuery__Node *n,
                  const struct scope *s)
{
    if (!n)
        return;
    if (n->node_case == PG_QUERY__NODE__NODE_BOOL_EXPR)
        for (size_t i = 0; i < n->bool_expr->n_args; i++)
            typer_params(t, n->bool_expr->args[i], s);
    if (n->node_case == PG_QUERY__NODE__NODE_TYPE_CAST)
        type_of_cast(t, n->type_cast);
    if (n->node_case != PG_QUERY__NODE__NODE_A_EXPR)
        return;
    const PgQuery__Node *sides[] = { n->a_expr->lexpr, n->a_expr->rexpr };
    for (size_t i = 0; i < 2; i++) {
        const PgQuery__Node *p = sides[i];
        if (!p || p->node_case != PG_QUERY__NODE__NODE_PARAM_REF) {
            typer_params(t, p, s);
            continue;
        }
        const int at = p->param_ref->number;
        const uint32_t type = typer_expr(t, sides[1 - i], s);
        if (at > 0 && at <= REWRITE_PARAMS_MAX && !t->r->params[at - 1])
            t->r->params[at - 1] =
                n->a_expr->kind == PG_QUERY__A__EXPR__KIND__AEXPR_OP_ANY
                    ? array_of(type)
                    : type;
    }
}
