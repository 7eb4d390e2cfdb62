/*
 * SELECTs that read no data, of which PostgreSQL's clients write many: SELECT
 * 1, SELECT version(), SELECT * FROM halftone.budget.  What is not as simple is
 * for others to read.
 */
#include <string.h>

#include "server/sql/sql_ctx.h"

#define NODE(name) PG_QUERY__NODE__NODE_##name

enum { ARGS_MAX = 8, CASTS_MAX = 4 };

static const char *last_name(PgQuery__Node *const *names, size_t n)
{
    return n > 0 ? sql_string(names[n - 1]) : NULL;
}

static bool read_value(struct sql_constant *out, const PgQuery__AConst *k,
                       struct arena *a)
{
    out->type = "text";
    if (k->isnull)
        return true; /* value is zero, which is NULL */
    switch ((unsigned)k->val_case) {
    case PG_QUERY__A__CONST__VAL_SVAL:
        out->value =
            value_text(arena_strdup(a, k->sval->sval), strlen(k->sval->sval));
        return out->value.text.s;
    case PG_QUERY__A__CONST__VAL_FVAL:
        out->type = strpbrk(k->fval->fval, ".eE") ? "numeric" : "int8";
        out->value =
            value_text(arena_strdup(a, k->fval->fval), strlen(k->fval->fval));
        return out->value.text.s;
    case PG_QUERY__A__CONST__VAL_BOOLVAL:
        out->type = "bool";
        out->value =
            (struct value){ .type = VALUE_BOOL, .b = k->boolval->boolval };
        return true;
    case PG_QUERY__A__CONST__VAL_IVAL:
        out->type = "int4";
        out->value = value_int(k->ival->ival);
        return true;
    default: /* zero, which protobuf leaves out */
        out->type = "int4";
        out->value = value_int(0);
        return k->val_case == PG_QUERY__A__CONST__VAL__NOT_SET;
    }
}

/* CURRENT_USER and its like are calls without brackets. */
static const char *session_function(const PgQuery__SQLValueFunction *f)
{
    switch ((unsigned)f->op) {
    case PG_QUERY__SQLVALUE_FUNCTION_OP__SVFOP_CURRENT_USER:
    case PG_QUERY__SQLVALUE_FUNCTION_OP__SVFOP_CURRENT_ROLE:
        return "current_user";
    case PG_QUERY__SQLVALUE_FUNCTION_OP__SVFOP_USER:
        return "user";
    case PG_QUERY__SQLVALUE_FUNCTION_OP__SVFOP_SESSION_USER:
        return "session_user";
    case PG_QUERY__SQLVALUE_FUNCTION_OP__SVFOP_CURRENT_CATALOG:
        return "current_catalog";
    case PG_QUERY__SQLVALUE_FUNCTION_OP__SVFOP_CURRENT_SCHEMA:
        return "current_schema";
    default:
        return NULL;
    }
}

static bool is_plain_call(const PgQuery__FuncCall *f)
{
    return f->n_args <= ARGS_MAX && f->n_agg_order == 0 && !f->agg_filter &&
           !f->over && !f->agg_within_group && !f->agg_star &&
           !f->agg_distinct && !f->func_variadic;
}

static bool read_constant(struct sql_constant *out, const PgQuery__Node *n,
                          unsigned depth, struct arena *a);

static bool read_call(struct sql_constant *out, const PgQuery__FuncCall *f,
                      unsigned depth, struct arena *a)
{
    const char *name = last_name(f->funcname, f->n_funcname);
    if (!name || !is_plain_call(f))
        return false;
    out->kind = SQL_CONSTANT_CALL;
    out->function = arena_strdup(a, name);
    out->name = out->function;
    out->args = ARENA_NEW_N(a, f->n_args + 1, struct sql_constant);
    if (!out->function || !out->args)
        return false;
    for (size_t i = 0; i < f->n_args; i++)
        if (!read_constant(&out->args[out->n_args++], f->args[i], depth + 1, a))
            return false;
    return true;
}

/* A type of a schema other than pg_catalog is in the catalog, if anywhere. */
static bool is_foreign(const PgQuery__TypeName *t)
{
    const char *schema = t->n_names > 1 ? sql_string(t->names[0]) : NULL;
    return schema && strcmp(schema, "pg_catalog") != 0;
}

static bool read_cast(struct sql_constant *out, const PgQuery__TypeCast *t,
                      unsigned depth, struct arena *a)
{
    const char *type =
        t->type_name ? last_name(t->type_name->names, t->type_name->n_names)
                     : NULL;
    if (!type || !t->arg || !read_constant(out, t->arg, depth + 1, a) ||
        out->cast || is_foreign(t->type_name))
        return false;
    out->cast = arena_strdup(a, type);
    out->casts_array = t->type_name->n_array_bounds > 0;
    if (out->kind != SQL_CONSTANT_CALL)
        out->name = out->cast;
    return out->cast;
}

static bool read_constant(struct sql_constant *out, const PgQuery__Node *n,
                          unsigned depth, struct arena *a)
{
    const char *function;
    if (depth > CASTS_MAX)
        return false;
    *out = (struct sql_constant){ .name = "?column?" };
    switch ((unsigned)n->node_case) {
    case NODE(A_CONST):
        return read_value(out, n->a_const, a);
    case NODE(PARAM_REF):
        out->kind = SQL_CONSTANT_PARAM;
        out->param =
            n->param_ref->number > 0 ? (unsigned)n->param_ref->number : 0;
        return out->param > 0;
    case NODE(TYPE_CAST):
        return read_cast(out, n->type_cast, depth, a);
    case NODE(FUNC_CALL):
        return read_call(out, n->func_call, depth, a);
    case NODE(SQLVALUE_FUNCTION):
        function = session_function(n->sqlvalue_function);
        out->kind = SQL_CONSTANT_CALL;
        out->name = out->function = function;
        return function;
    default:
        return false;
    }
}

/* Nothing but a list of outputs, and FROM where `from` allows it. */
static bool is_bare(const PgQuery__SelectStmt *s, bool from)
{
    return s->n_target_list > 0 && (from || s->n_from_clause == 0) &&
           !s->where_clause && s->n_group_clause == 0 && !s->having_clause &&
           s->n_distinct_clause == 0 && s->n_values_lists == 0 &&
           s->n_window_clause == 0 && !s->with_clause && !s->into_clause &&
           s->n_locking_clause == 0 && !s->limit_offset && !s->larg;
}

enum err_code sql_constants_of(struct sql_ctx *c, struct sql_constants **out,
                               const PgQuery__SelectStmt *s)
{
    struct sql_constants *found = ARENA_NEW(c->arena, struct sql_constants);
    *out = NULL;
    if (!is_bare(s, false) || s->limit_count || s->n_sort_clause > 0)
        return ERR_OK;
    if (found)
        found->list =
            ARENA_NEW_N(c->arena, s->n_target_list, struct sql_constant);
    if (!found || !found->list)
        return sql_no_memory(c);
    for (size_t i = 0; i < s->n_target_list; i++) {
        const PgQuery__ResTarget *t = s->target_list[i]->res_target;
        struct sql_constant *one = &found->list[found->n++];
        if (!t->val || !read_constant(one, t->val, 0, c->arena))
            return ERR_OK;
        if (t->name && t->name[0]) {
            one->name = arena_strdup(c->arena, t->name);
            if (!one->name)
                return sql_no_memory(c);
        }
    }
    *out = found;
    return ERR_OK;
}

enum err_code sql_constant_list(struct sql_ctx *c, struct sql_constants **out,
                                PgQuery__Node *const *nodes, size_t n)
{
    struct sql_constants *found = ARENA_NEW(c->arena, struct sql_constants);
    *out = NULL;
    if (found)
        found->list = ARENA_NEW_N(c->arena, n + 1, struct sql_constant);
    if (!found || !found->list)
        return sql_no_memory(c);
    for (size_t i = 0; i < n; i++)
        if (!read_constant(&found->list[found->n++], nodes[i], 0, c->arena))
            return ERR_OK;
    *out = found;
    return ERR_OK;
}

/* ---- our own tables ---- */

static bool read_columns(struct sql_own *out, const PgQuery__SelectStmt *s,
                         struct arena *a)
{
    out->columns = ARENA_NEW_N(a, s->n_target_list, const char *);
    for (size_t i = 0; out->columns && i < s->n_target_list; i++) {
        const PgQuery__ResTarget *t = s->target_list[i]->res_target;
        if (!t->val || t->val->node_case != NODE(COLUMN_REF))
            return false;
        const PgQuery__ColumnRef *ref = t->val->column_ref;
        const PgQuery__Node *last = ref->fields[ref->n_fields - 1];
        if (last->node_case == NODE(A_STAR))
            return s->n_target_list == 1;
        const char *name = sql_string(last);
        out->columns[out->n++] = name ? arena_strdup(a, name) : NULL;
        if (!out->columns[out->n - 1])
            return false;
    }
    return out->columns;
}

enum err_code sql_own_of(struct sql_ctx *c, struct sql_own **out,
                         const PgQuery__SelectStmt *s, int offset)
{
    struct sql_own *own = ARENA_NEW(c->arena, struct sql_own);
    if (!own)
        return sql_no_memory(c);
    own->limit = INT64_MAX;
    if (!is_bare(s, true) || s->n_from_clause != 1 || s->n_sort_clause > 0 ||
        s->from_clause[0]->node_case != NODE(RANGE_VAR) ||
        !read_columns(own, s, c->arena) ||
        (s->limit_count && !sql_is_int(s->limit_count, &own->limit)))
        return sql_refuse(c, REFUSAL_OWN_TABLE, offset, NULL, NULL);
    const PgQuery__RangeVar *table = s->from_clause[0]->range_var;
    own->table = arena_strdup(c->arena, table->relname);
    own->at = sql_place(c, table->location);
    *out = own;
    return own->table ? ERR_OK : sql_no_memory(c);
}
