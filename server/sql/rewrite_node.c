/*
 * Nodes whose PostgreSQL spelling DuckDB does not know, or knows with another
 * meaning: names, calls, subscripts.  rewrite_ctx.h.
 */
#include <string.h>

#include "server/sql/rewrite_ctx.h"

static bool is_schema(const char *s)
{
    return strcmp(s, "pg_catalog") == 0 || strcmp(s, "information_schema") == 0;
}

/* What DuckDB calls the schema that holds a relation's rows. */
static const char *schema_of(const struct rewrite_relation *rel)
{
    return strcmp(rel->schema, "pg_catalog") == 0 ? "pgc" : "infos";
}

/* What DuckDB is told a query of WITH is called: no name that a statement can
 * choose, so that where the query is not in sight there is nothing else (a view
 * or a file of DuckDB's).  NULL: `name` is none. */
static char *cte_name(struct rewrite_ctx *r, const char *name)
{
    for (size_t i = 0; i < r->n_ctes; i++)
        if (strcmp(r->ctes[i], name) == 0) {
            char *out = arena_printf(r->sql->arena, "with%zu__", i);
            if (!out && r->code == ERR_OK)
                r->code = sql_no_memory(r->sql);
            return out;
        }
    return NULL;
}

/* x stays x for those who refer to its columns. */
static void add_alias(struct rewrite_ctx *r, PgQuery__RangeVar *v)
{
    if (v->alias)
        return;
    PgQuery__Alias *alias = ARENA_NEW(r->sql->arena, PgQuery__Alias);
    if (!alias) {
        if (r->code == ERR_OK)
            r->code = sql_no_memory(r->sql);
        return;
    }
    pg_query__alias__init(alias);
    alias->aliasname = v->relname;
    v->alias = alias;
}

static void fix_table(struct rewrite_ctx *r, PgQuery__RangeVar *v)
{
    const char *schema = v->schemaname ? v->schemaname : "";
    char *cte = *schema ? NULL : cte_name(r, v->relname);
    if (cte) {
        add_alias(r, v);
        v->relname = cte;
    }
    if (cte || r->code != ERR_OK)
        return;
    const struct rewrite_relation *rel =
        r->names->relation(r->names->ctx, schema, v->relname);
    if (!rel) {
        rewrite_fail(r, REFUSAL_CATALOG_TABLE, v->location, v->relname);
        return;
    }
    if (rel->is_closed) {
        rewrite_fail(r, REFUSAL_CATALOG_CLOSED, v->location, v->relname);
        return;
    }
    add_alias(r, v);
    v->schemaname = arena_strdup(r->sql->arena, schema_of(rel));
    if (!v->schemaname && r->code == ERR_OK)
        r->code = sql_no_memory(r->sql);
    v->catalogname = NULL;
}

/* pg_catalog.pg_class.oid names the alias that its table was given. */
static void fix_column(PgQuery__ColumnRef *c)
{
    const char *first = c->n_fields > 2 ? sql_string(c->fields[0]) : NULL;
    if (first && is_schema(first)) {
        c->fields++;
        c->n_fields--;
    }
}

static void fix_subscript(struct rewrite_ctx *r, PgQuery__AIndirection *a)
{
    if (!rewrite_is_vector(a->arg))
        return;
    for (size_t i = 0; i < a->n_indirection; i++) {
        PgQuery__Node *n = a->indirection[i];
        if (n->node_case == PG_QUERY__NODE__NODE_A_INDICES &&
            n->a_indices->uidx)
            n->a_indices->uidx =
                rewrite_op(r, "+", n->a_indices->uidx, rewrite_int(r, 1));
    }
}

static bool in_from(const struct rewrite_ctx *r, const PgQuery__FuncCall *f)
{
    for (size_t i = 0; i < r->n_tables; i++)
        if (r->tables[i] == f)
            return true;
    return false;
}

static void fix_call(struct rewrite_ctx *r, PgQuery__Node *n)
{
    PgQuery__FuncCall *f = n->func_call;
    const char *name = rewrite_last(f->funcname, f->n_funcname);
    if (f->location < 0) /* one of ours */
        return;
    const char *schema = f->n_funcname > 1 ? sql_string(f->funcname[0]) : NULL;
    const struct rewrite_function *known =
        schema && !is_schema(schema) ? NULL
                                     : r->names->function(r->names->ctx, name);
    if (!known) {
        rewrite_fail(r, REFUSAL_CATALOG_FUNCTION, f->location, name);
        return;
    }
    if (rewrite_session(r, n, name))
        return;
    const bool is_table = in_from(r, f);
    /* Beside FROM it is a whole list in memory. */
    const bool is_list = !is_table && strcmp(known->as, "generate_series") == 0;
    f->funcname[0] = rewrite_string(r, is_list ? "pgc_series" : known->as);
    f->n_funcname = 1;
    f->funcformat = PG_QUERY__COERCION_FORM__COERCE_EXPLICIT_CALL;
    f->location = -1;
    if (rewrite_ends_with(known->as, "_is_visible") ||
        rewrite_ends_with(known->as, "_find")) {
        PgQuery__Node *args[] = { f->n_args ? f->args[0] : NULL,
                                  rewrite_schemas(r, true) };
        PgQuery__Node *call = rewrite_call(r, known->as, 2, args);
        if (f->n_args != 1 || !call) {
            rewrite_fail(r, REFUSAL_CATALOG_FUNCTION, f->location, name);
            return;
        }
        f->args = call->func_call->args;
        f->n_args = 2;
    }
    if (known->is_set && (!is_table || strncmp(known->as, "pgc_", 4) == 0)) {
        PgQuery__Node inner = *n,
                      *copy = ARENA_NEW(r->sql->arena, PgQuery__Node);
        if (!copy) {
            r->code = sql_no_memory(r->sql);
            return;
        }
        *copy = inner;
        PgQuery__Node *call = rewrite_call(r, "unnest", 1, &copy);
        if (call)
            call->func_call->location = -1;
        rewrite_become(n, call);
    }
}

/* Calls that stand in FROM, and there give rows by themselves. */
static void note_tables(struct rewrite_ctx *r, PgQuery__RangeFunction *f)
{
    /* f() AS s names its column s as well. */
    if (f->alias && f->alias->n_colnames == 0 && f->n_functions == 1) {
        PgQuery__Node **name = ARENA_NEW(r->sql->arena, PgQuery__Node *);
        if (name && (*name = rewrite_string(r, f->alias->aliasname))) {
            f->alias->colnames = name;
            f->alias->n_colnames = 1;
        }
    }
    for (size_t i = 0; i < f->n_functions; i++) {
        const PgQuery__Node *n = f->functions[i];
        if (n->node_case == PG_QUERY__NODE__NODE_LIST && n->list->n_items)
            n = n->list->items[0];
        if (n && n->node_case == PG_QUERY__NODE__NODE_FUNC_CALL &&
            r->n_tables < REWRITE_TABLES_MAX)
            r->tables[r->n_tables++] = n->func_call;
    }
}

static void fix_select(struct rewrite_ctx *r, const PgQuery__SelectStmt *s)
{
    if (s->into_clause || s->n_locking_clause)
        rewrite_fail(r, REFUSAL_CATALOG_SELECT, 0, NULL);
    for (size_t i = 0; i < s->n_target_list; i++) {
        PgQuery__ResTarget *t = s->target_list[i]->res_target;
        const bool is_star =
            t->val->node_case == PG_QUERY__NODE__NODE_COLUMN_REF &&
            t->val->column_ref->fields[t->val->column_ref->n_fields - 1]
                    ->node_case == PG_QUERY__NODE__NODE_A_STAR;
        if (!is_star && (!t->name || !*t->name))
            t->name = arena_strdup(r->sql->arena, rewrite_label(t->val));
    }
}

static void fix(struct rewrite_ctx *r, PgQuery__Node *n)
{
    while (r->code == ERR_OK &&
           n->node_case == PG_QUERY__NODE__NODE_COLLATE_CLAUSE)
        rewrite_become(n, n->collate_clause->arg);
    switch ((int)n->node_case) {
    case PG_QUERY__NODE__NODE_RANGE_VAR:
        fix_table(r, n->range_var);
        break;
    case PG_QUERY__NODE__NODE_COMMON_TABLE_EXPR:
        n->common_table_expr->ctename =
            cte_name(r, n->common_table_expr->ctename);
        break;
    case PG_QUERY__NODE__NODE_COLUMN_REF:
        fix_column(n->column_ref);
        break;
    case PG_QUERY__NODE__NODE_A_INDIRECTION:
        fix_subscript(r, n->a_indirection);
        break;
    case PG_QUERY__NODE__NODE_A_EXPR:
        rewrite_operator(r, n);
        break;
    case PG_QUERY__NODE__NODE_FUNC_CALL:
        fix_call(r, n);
        break;
    case PG_QUERY__NODE__NODE_SQLVALUE_FUNCTION:
        rewrite_value(r, n);
        break;
    case PG_QUERY__NODE__NODE_TYPE_CAST:
        rewrite_type_cast(r, n);
        break;
    case PG_QUERY__NODE__NODE_RANGE_FUNCTION:
        note_tables(r, n->range_function);
        break;
    default:
        break;
    }
}

static void walk_field(struct rewrite_ctx *r, ProtobufCMessage *m,
                       const ProtobufCFieldDescriptor *f)
{
    char *at = (char *)m + f->offset;
    if (f->label == PROTOBUF_C_LABEL_REPEATED) {
        const size_t n = *(size_t *)((char *)m + f->quantifier_offset);
        for (size_t i = 0; i < n; i++)
            rewrite_walk(r, (*(ProtobufCMessage ***)at)[i]);
    } else if (*(ProtobufCMessage **)at) {
        rewrite_walk(r, *(ProtobufCMessage **)at);
    }
}

/* A macro's text holds an argument so often, at most (macro.def). */
static unsigned copies_in(const PgQuery__Node *n)
{
    if (n->node_case != PG_QUERY__NODE__NODE_FUNC_CALL)
        return 1;
    const PgQuery__FuncCall *f = n->func_call;
    const char *name = rewrite_last(f->funcname, f->n_funcname);
    return strncmp(name, "pgc_", 4) != 0     ? 1
           : strcmp(name, "pgc_divide") == 0 ? 2
                                             : 8;
}

/* Macros inside macros multiply, and DuckDB puts in all of them before it can
 * be interrupted. */
static void walk_node(struct rewrite_ctx *r, PgQuery__Node *n)
{
    const unsigned times = r->times;
    fix(r, n);
    r->grown += times;
    if (r->grown > REWRITE_GROWN_MAX && r->code == ERR_OK)
        r->code = sql_no_memory(r->sql);
    if (r->code != ERR_OK)
        return;
    r->times *= copies_in(n);
    if (n->node_case != PG_QUERY__NODE__NODE__NOT_SET)
        rewrite_walk(r, (ProtobufCMessage *)n->string);
    r->times = times;
}

void rewrite_walk(struct rewrite_ctx *r, ProtobufCMessage *m)
{
    if (r->code != ERR_OK || !m)
        return;
    if (strcmp(m->descriptor->short_name, "Node") == 0) {
        walk_node(r, (PgQuery__Node *)m);
        return;
    }
    if (strcmp(m->descriptor->short_name, "SelectStmt") == 0)
        fix_select(r, (PgQuery__SelectStmt *)m);
    for (unsigned i = 0; i < m->descriptor->n_fields; i++)
        if (m->descriptor->fields[i].type == PROTOBUF_C_TYPE_MESSAGE &&
            !(m->descriptor->fields[i].flags & PROTOBUF_C_FIELD_FLAG_ONEOF))
            walk_field(r, m, &m->descriptor->fields[i]);
}
