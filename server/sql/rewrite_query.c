/* Types of queries: what is in sight, and what comes out.  rewrite_typer.h. */
#include <string.h>

#include "server/sql/rewrite_typer.h"

static void out_of_memory(struct typer *t)
{
    if (t->r->code == ERR_OK)
        t->r->code = sql_no_memory(t->r->sql);
}

static void add(struct typer *t, struct scope *s, const char *table,
                const char *name, uint32_t type)
{
    if (s->n == s->cap) {
        const size_t cap = s->cap ? 2 * s->cap : 64;
        struct named *more = ARENA_NEW_N(t->r->sql->arena, cap, struct named);
        if (!more) {
            out_of_memory(t);
            return;
        }
        if (s->n)
            memcpy(more, s->columns, s->n * sizeof *more);
        s->columns = more;
        s->cap = cap;
    }
    s->columns[s->n++] = (struct named){ table, name ? name : "", type };
}

static const struct cte *find_cte(const struct typer *t, const char *name)
{
    for (const struct cte *c = t->ctes; c; c = c->next)
        if (strcmp(c->name, name) == 0)
            return c;
    return NULL;
}

static void add_table(struct typer *t, struct scope *s,
                      const PgQuery__RangeVar *v)
{
    const char *alias = v->alias ? v->alias->aliasname : v->relname;
    const char *schema = v->schemaname ? v->schemaname : "";
    const struct cte *c = *schema ? NULL : find_cte(t, v->relname);
    if (c) {
        for (size_t i = 0; i < c->n_fields; i++)
            add(t, s, alias, c->fields[i].name, c->fields[i].type);
        return;
    }
    const struct rewrite_names *names = t->r->names;
    const struct rewrite_relation *rel =
        names->relation(names->ctx, schema, v->relname);
    for (size_t i = 0; rel && i < rel->n_columns; i++)
        add(t, s, alias, rel->columns[i].name, rel->columns[i].type);
}

static const char *renamed(const PgQuery__Alias *a, size_t i, const char *name)
{
    const char *other =
        a && i < a->n_colnames ? sql_string(a->colnames[i]) : NULL;
    return other ? other : name;
}

static void add_function(struct typer *t, struct scope *s,
                         const PgQuery__RangeFunction *f)
{
    const char *alias = f->alias ? f->alias->aliasname : "";
    for (size_t i = 0; i < f->n_functions; i++) {
        const PgQuery__Node *n = f->functions[i];
        if (n->node_case == PG_QUERY__NODE__NODE_LIST && n->list->n_items)
            n = n->list->items[0];
        add(t, s, alias, renamed(f->alias, i, alias),
            typer_expr(t, n, s->outer));
    }
    if (f->ordinality)
        add(t, s, alias, renamed(f->alias, f->n_functions, "ordinality"),
            T_INT8);
}

static void add_item(struct typer *t, struct scope *s, const PgQuery__Node *n)
{
    if (n->node_case == PG_QUERY__NODE__NODE_RANGE_VAR)
        add_table(t, s, n->range_var);
    if (n->node_case == PG_QUERY__NODE__NODE_RANGE_FUNCTION)
        add_function(t, s, n->range_function);
    if (n->node_case == PG_QUERY__NODE__NODE_JOIN_EXPR) {
        add_item(t, s, n->join_expr->larg);
        add_item(t, s, n->join_expr->rarg);
    }
    if (n->node_case == PG_QUERY__NODE__NODE_RANGE_SUBSELECT) {
        const PgQuery__Alias *a = n->range_subselect->alias;
        struct rewrite_field *fields = NULL;
        size_t count = 0;
        typer_query(t, n->range_subselect->subquery->select_stmt, s, &fields,
                    &count);
        for (size_t i = 0; i < count; i++)
            add(t, s, a ? a->aliasname : "", renamed(a, i, fields[i].name),
                fields[i].type);
    }
}

/* ---- two relations of one name ---- */

struct called {
    const char *schema, *name;
    const struct called *next;
};

static void call(struct typer *t, const struct called **list,
                 const char *schema, const char *name, int at)
{
    if (!name || !*name)
        return;
    for (const struct called *c = *list; c; c = c->next)
        if (strcmp(c->name, name) == 0 && strcmp(c->schema, schema) == 0)
            rewrite_fail(t->r, REFUSAL_ALIAS_TWICE, at, name);
    struct called *c = ARENA_NEW(t->r->sql->arena, struct called);
    if (!c) {
        out_of_memory(t);
        return;
    }
    *c = (struct called){ schema, name, *list };
    *list = c;
}

/* DuckDB takes a name twice as long as nothing is asked of it. */
static void call_item(struct typer *t, const struct called **list,
                      const PgQuery__Node *n)
{
    const PgQuery__Alias *a = NULL;
    if (n->node_case == PG_QUERY__NODE__NODE_RANGE_VAR) {
        const PgQuery__RangeVar *v = n->range_var;
        a = v->alias;
        if (!a)
            call(t, list, v->schemaname ? v->schemaname : "", v->relname,
                 v->location);
    } else if (n->node_case == PG_QUERY__NODE__NODE_RANGE_FUNCTION) {
        a = n->range_function->alias;
    } else if (n->node_case == PG_QUERY__NODE__NODE_RANGE_SUBSELECT) {
        a = n->range_subselect->alias;
    } else if (n->node_case == PG_QUERY__NODE__NODE_JOIN_EXPR) {
        call_item(t, list, n->join_expr->larg);
        call_item(t, list, n->join_expr->rarg);
    }
    if (a)
        call(t, list, "", a->aliasname, -1);
}

static void typed_ctes(struct typer *t, const PgQuery__WithClause *w,
                       const struct scope *outer)
{
    for (size_t i = 0; w && i < w->n_ctes; i++) {
        const PgQuery__CommonTableExpr *e = w->ctes[i]->common_table_expr;
        struct cte *c = ARENA_NEW(t->r->sql->arena, struct cte);
        if (!c) {
            out_of_memory(t);
            return;
        }
        c->name = e->ctename;
        typer_query(t, e->ctequery->select_stmt, outer, &c->fields,
                    &c->n_fields);
        for (size_t k = 0; k < c->n_fields && k < e->n_aliascolnames; k++)
            c->fields[k].name = sql_string(e->aliascolnames[k]);
        c->next = t->ctes;
        t->ctes = c;
    }
}

static bool is_star(const PgQuery__Node *v)
{
    return v->node_case == PG_QUERY__NODE__NODE_COLUMN_REF &&
           v->column_ref->fields[v->column_ref->n_fields - 1]->node_case ==
               PG_QUERY__NODE__NODE_A_STAR;
}

static size_t put_star(const struct scope *s, const PgQuery__ColumnRef *c,
                       struct rewrite_field *out)
{
    const char *table =
        c->n_fields > 1 ? rewrite_last(c->fields, c->n_fields - 1) : NULL;
    size_t n = 0;
    for (size_t i = 0; i < s->n; i++)
        if (!table || strcmp(s->columns[i].table, table) == 0)
            out[n++] = (struct rewrite_field){ s->columns[i].name,
                                               s->columns[i].type };
    return n;
}

static void targets_of(struct typer *t, const PgQuery__SelectStmt *s,
                       const struct scope *in, struct rewrite_field **out,
                       size_t *n)
{
    size_t room = s->n_target_list;
    for (size_t i = 0; i < s->n_target_list; i++)
        if (is_star(s->target_list[i]->res_target->val))
            room += in->n;
    *out = ARENA_NEW_N(t->r->sql->arena, room + 1, struct rewrite_field);
    *n = 0;
    if (!*out) {
        out_of_memory(t);
        return;
    }
    for (size_t i = 0; i < s->n_target_list; i++) {
        const PgQuery__ResTarget *r = s->target_list[i]->res_target;
        if (is_star(r->val)) {
            *n += put_star(in, r->val->column_ref, *out + *n);
            continue;
        }
        (*out)[(*n)++] =
            (struct rewrite_field){ r->name && *r->name ? r->name
                                                        : rewrite_label(r->val),
                                    typer_expr(t, r->val, in) };
    }
}

static void values_of(struct typer *t, const PgQuery__SelectStmt *s,
                      struct rewrite_field **out, size_t *n)
{
    const PgQuery__List *row = s->values_lists[0]->list;
    *n = row->n_items;
    *out = ARENA_NEW_N(t->r->sql->arena, *n + 1, struct rewrite_field);
    if (!*out) {
        out_of_memory(t);
        *n = 0;
        return;
    }
    for (size_t i = 0; i < *n; i++)
        (*out)[i] =
            (struct rewrite_field){ arena_printf(t->r->sql->arena, "column%zu",
                                                 i + 1),
                                    typer_expr(t, row->items[i], NULL) };
}

void typer_query(struct typer *t, const PgQuery__SelectStmt *s,
                 const struct scope *outer, struct rewrite_field **out,
                 size_t *n)
{
    struct scope in = { .outer = outer };
    *n = 0;
    *out = NULL;
    if (t->r->code != ERR_OK || ++t->depth > 64)
        return;
    typed_ctes(t, s->with_clause, outer);
    if (s->n_values_lists) {
        values_of(t, s, out, n);
    } else if (s->op != PG_QUERY__SET_OPERATION__SETOP_NONE) {
        typer_query(t, s->larg, outer, out, n);
    } else {
        const struct called *names = NULL;
        for (size_t i = 0; i < s->n_from_clause; i++) {
            call_item(t, &names, s->from_clause[i]);
            add_item(t, &in, s->from_clause[i]);
        }
        typer_params(t, s->where_clause, &in);
        targets_of(t, s, &in, out, n);
    }
    t->depth--;
}

enum err_code rewrite_types(struct rewrite_ctx *r, struct rewrite *out,
                            const PgQuery__SelectStmt *s)
{
    struct typer t = { .r = r };
    typer_query(&t, s, NULL, &out->fields, &out->n_fields);
    /* The tree's texts end with the parse. */
    for (size_t i = 0; i < out->n_fields; i++) {
        struct rewrite_field *f = &out->fields[i];
        f->name = f->name ? arena_strdup(r->sql->arena, f->name) : "?column?";
        if (!f->name)
            out_of_memory(&t);
    }
    return r->code;
}
