/* Operators, patterns and arrays that DuckDB reads in another way.
 * rewrite_ctx.h. */
#include <string.h>

#include "server/sql/rewrite_ctx.h"

/* The next element of {a,"b c"}, unquoted in place; NULL: malformed. */
static char *element(char **at)
{
    char *from = *at, *to = from, *out = from;
    const bool is_quoted = *from == '"';
    for (from += is_quoted; *from && (is_quoted || *from != ','); from++) {
        if (is_quoted && *from == '"')
            break;
        if (*from == '\\' && from[1])
            from++;
        *to++ = *from;
    }
    from += is_quoted && *from == '"';
    if (*from && *from != ',')
        return NULL;
    *at = *from ? from + 1 : from;
    *to = 0;
    return out;
}

/* {a,b}: an array written as text, where an array is needed. */
void rewrite_array(struct rewrite_ctx *r, PgQuery__Node *n)
{
    enum { ITEMS_MAX = 1024 };
    const char *items[ITEMS_MAX];
    size_t count = 0;
    if (!n || n->node_case != PG_QUERY__NODE__NODE_A_CONST ||
        n->a_const->val_case != PG_QUERY__A__CONST__VAL_SVAL)
        return;
    const char *s = n->a_const->sval->sval;
    const size_t len = strlen(s);
    if (len < 2 || s[0] != '{' || s[len - 1] != '}')
        return;
    char *at = arena_strndup(r->sql->arena, s + 1, len - 2);
    while (at && *at && count < ITEMS_MAX)
        if (!(items[count++] = element(&at)))
            return;
    rewrite_become(n, rewrite_texts(r, items, count));
}

/* LIKE: PostgreSQL's escape is a backslash unless said otherwise. */
static void fix_like(struct rewrite_ctx *r, PgQuery__Node *n)
{
    PgQuery__AExpr *e = n->a_expr;
    const bool no_case = e->kind == PG_QUERY__A__EXPR__KIND__AEXPR_ILIKE;
    const bool negative = rewrite_last(e->name, e->n_name)[0] == '!';
    PgQuery__Node *args[3] = { e->lexpr, e->rexpr, NULL };
    if (e->rexpr->node_case == PG_QUERY__NODE__NODE_FUNC_CALL &&
        e->rexpr->func_call->n_args == 2 &&
        strcmp(rewrite_last(e->rexpr->func_call->funcname,
                            e->rexpr->func_call->n_funcname),
               "like_escape") == 0) {
        args[1] = e->rexpr->func_call->args[0];
        args[2] = e->rexpr->func_call->args[1];
    } else {
        args[2] = rewrite_text(r, "\\");
    }
    rewrite_become(
        n,
        rewrite_call(r,
                     no_case ? (negative ? "not_ilike_escape" : "ilike_escape")
                             : (negative ? "not_like_escape" : "like_escape"),
                     3, args));
}

/* ~ and its kin search; DuckDB's ~ matches the whole text. */
static void fix_match(struct rewrite_ctx *r, PgQuery__Node *n, const char *op)
{
    PgQuery__AExpr *e = n->a_expr;
    const bool negative = op[0] == '!';
    const bool no_case = op[strlen(op) - 1] == '*';
    PgQuery__Node *args[3] = { e->lexpr, e->rexpr,
                               no_case ? rewrite_text(r, "i") : NULL };
    PgQuery__Node *call =
        rewrite_call(r, "regexp_matches", no_case ? 3 : 2, args);
    if (negative)
        call = rewrite_op(r, "=", call,
                          rewrite_cast(r, rewrite_text(r, "f"), "bool"));
    rewrite_become(n, call);
}

static void become_call(struct rewrite_ctx *r, PgQuery__Node *n,
                        const char *name, PgQuery__Node *one,
                        PgQuery__Node *two)
{
    PgQuery__Node *args[] = { one, two };
    rewrite_become(n, rewrite_call(r, name, 2, args));
}

static bool is_list(const PgQuery__Node *n)
{
    return n->node_case == PG_QUERY__NODE__NODE_A_ARRAY_EXPR ||
           (n->node_case == PG_QUERY__NODE__NODE_SUB_LINK &&
            n->sub_link->sub_link_type ==
                PG_QUERY__SUB_LINK_TYPE__ARRAY_SUBLINK);
}

/* x = ANY (column): DuckDB makes a sub-query of it, which an outer join's
 * condition may not hold. */
static bool is_member(const PgQuery__AExpr *e, const char *op)
{
    return e->kind == PG_QUERY__A__EXPR__KIND__AEXPR_OP_ANY &&
           strcmp(op, "=") == 0 &&
           e->rexpr->node_case == PG_QUERY__NODE__NODE_COLUMN_REF;
}

void rewrite_operator(struct rewrite_ctx *r, PgQuery__Node *n)
{
    PgQuery__AExpr *e = n->a_expr;
    static const char *const matches[] = { "~", "!~", "~*", "!~*" };
    const char *op = rewrite_last(e->name, e->n_name);
    if (e->n_name > 1) { /* OPERATOR(pg_catalog.=) */
        e->name += e->n_name - 1;
        e->n_name = 1;
    }
    if (!e->lexpr && strcmp(op, "-") != 0 && strcmp(op, "+") != 0) {
        rewrite_fail(r, REFUSAL_CATALOG_FUNCTION, e->location, op);
        return;
    }
    if (e->kind == PG_QUERY__A__EXPR__KIND__AEXPR_LIKE ||
        e->kind == PG_QUERY__A__EXPR__KIND__AEXPR_ILIKE) {
        fix_like(r, n);
        return;
    }
    for (size_t i = 0; i < sizeof matches / sizeof *matches; i++)
        if (e->kind == PG_QUERY__A__EXPR__KIND__AEXPR_OP &&
            strcmp(op, matches[i]) == 0) {
            fix_match(r, n, matches[i]);
            return;
        }
    if (e->kind != PG_QUERY__A__EXPR__KIND__AEXPR_IN)
        rewrite_array(r, e->rexpr);
    if (strcmp(op, "/") == 0 && e->lexpr)
        become_call(r, n, "pgc_divide", e->lexpr, e->rexpr);
    else if (strcmp(op, "||") == 0 && is_list(e->rexpr))
        become_call(r, n, "list_concat", e->lexpr, e->rexpr);
    else if (is_member(e, op))
        become_call(r, n, "pgc_member", e->rexpr, e->lexpr);
}
