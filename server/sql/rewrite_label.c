/*
 * Names of output columns without AS, as PostgreSQL gives them
 * (src/backend/parser/parse_target.c, FigureColname).  rewrite_ctx.h.
 */
#include <string.h>

#include "server/sql/rewrite_ctx.h"

/* How good a name is: a cast's own name serves when nothing inside has one. */
enum strength { NONE, WEAK, GOOD };

static enum strength label(const PgQuery__Node *n, const char **out);

static enum strength good(const char **out, const char *name)
{
    *out = name;
    return name && *name ? GOOD : NONE;
}

static enum strength of_column(const PgQuery__ColumnRef *c, const char **out)
{
    for (size_t i = c->n_fields; i-- > 0;) {
        const char *s = sql_string(c->fields[i]);
        if (s)
            return good(out, s);
    }
    return NONE;
}

static enum strength of_indirection(const PgQuery__AIndirection *a,
                                    const char **out)
{
    for (size_t i = a->n_indirection; i-- > 0;) {
        const char *s = sql_string(a->indirection[i]);
        if (s)
            return good(out, s);
    }
    return label(a->arg, out);
}

static enum strength of_cast(const PgQuery__TypeCast *c, const char **out)
{
    const enum strength inner = label(c->arg, out);
    if (inner == GOOD)
        return GOOD;
    *out = rewrite_last(c->type_name->names, c->type_name->n_names);
    return WEAK;
}

static enum strength of_sub_link(const PgQuery__SubLink *s, const char **out)
{
    if (s->sub_link_type == PG_QUERY__SUB_LINK_TYPE__EXISTS_SUBLINK)
        return good(out, "exists");
    if (s->sub_link_type == PG_QUERY__SUB_LINK_TYPE__ARRAY_SUBLINK)
        return good(out, "array");
    const PgQuery__SelectStmt *q =
        s->subselect->node_case == PG_QUERY__NODE__NODE_SELECT_STMT
            ? s->subselect->select_stmt
            : NULL;
    if (s->sub_link_type != PG_QUERY__SUB_LINK_TYPE__EXPR_SUBLINK || !q ||
        q->n_target_list == 0)
        return NONE;
    const PgQuery__ResTarget *t = q->target_list[0]->res_target;
    return t->name && *t->name ? good(out, t->name) : label(t->val, out);
}

static enum strength of_case(const PgQuery__CaseExpr *c, const char **out)
{
    const enum strength inner = c->defresult ? label(c->defresult, out) : NONE;
    if (inner == GOOD)
        return GOOD;
    *out = "case";
    return WEAK;
}

static enum strength of_value(const PgQuery__SQLValueFunction *f,
                              const char **out)
{
    static const char *const names[] = {
        [PG_QUERY__SQLVALUE_FUNCTION_OP__SVFOP_CURRENT_DATE] = "current_date",
        [PG_QUERY__SQLVALUE_FUNCTION_OP__SVFOP_CURRENT_ROLE] = "current_role",
        [PG_QUERY__SQLVALUE_FUNCTION_OP__SVFOP_CURRENT_USER] = "current_user",
        [PG_QUERY__SQLVALUE_FUNCTION_OP__SVFOP_USER] = "user",
        [PG_QUERY__SQLVALUE_FUNCTION_OP__SVFOP_SESSION_USER] = "session_user",
        [PG_QUERY__SQLVALUE_FUNCTION_OP__SVFOP_CURRENT_CATALOG] =
            "current_catalog",
        [PG_QUERY__SQLVALUE_FUNCTION_OP__SVFOP_CURRENT_SCHEMA] =
            "current_schema",
        [PG_QUERY__SQLVALUE_FUNCTION_OP__SVFOP_CURRENT_TIMESTAMP] =
            "current_timestamp",
    };
    const size_t op = (size_t)f->op;
    return good(out, op < sizeof names / sizeof *names ? names[op] : NULL);
}

static enum strength label(const PgQuery__Node *n, const char **out)
{
    switch ((int)n->node_case) {
    case PG_QUERY__NODE__NODE_COLUMN_REF:
        return of_column(n->column_ref, out);
    case PG_QUERY__NODE__NODE_A_INDIRECTION:
        return of_indirection(n->a_indirection, out);
    case PG_QUERY__NODE__NODE_FUNC_CALL:
        return good(out, rewrite_last(n->func_call->funcname,
                                      n->func_call->n_funcname));
    case PG_QUERY__NODE__NODE_A_EXPR:
        return n->a_expr->kind == PG_QUERY__A__EXPR__KIND__AEXPR_NULLIF
                   ? good(out, "nullif")
                   : NONE;
    case PG_QUERY__NODE__NODE_TYPE_CAST:
        return of_cast(n->type_cast, out);
    case PG_QUERY__NODE__NODE_COLLATE_CLAUSE:
        return label(n->collate_clause->arg, out);
    case PG_QUERY__NODE__NODE_SUB_LINK:
        return of_sub_link(n->sub_link, out);
    case PG_QUERY__NODE__NODE_CASE_EXPR:
        return of_case(n->case_expr, out);
    case PG_QUERY__NODE__NODE_A_ARRAY_EXPR:
        return good(out, "array");
    case PG_QUERY__NODE__NODE_ROW_EXPR:
        return good(out, "row");
    case PG_QUERY__NODE__NODE_COALESCE_EXPR:
        return good(out, "coalesce");
    case PG_QUERY__NODE__NODE_MIN_MAX_EXPR:
        return good(out,
                    n->min_max_expr->op == PG_QUERY__MIN_MAX_OP__IS_GREATEST
                        ? "greatest"
                        : "least");
    case PG_QUERY__NODE__NODE_SQLVALUE_FUNCTION:
        return of_value(n->sqlvalue_function, out);
    default:
        return NONE;
    }
}

const char *rewrite_label(const PgQuery__Node *value)
{
    const char *name = NULL;
    return label(value, &name) != NONE && name ? name : "?column?";
}
