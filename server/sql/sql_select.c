/* One SELECT: its clauses in the order they are written. */
#include "server/sql/sql_ctx.h"

#include <stdio.h>
#include <string.h>

/* * or t.*, or any expression. */
static enum err_code output(struct sql_ctx *c, struct expr **out,
                            const PgQuery__Node *n)
{
    if (n->node_case != PG_QUERY__NODE__NODE_COLUMN_REF)
        return sql_expr(c, out, n);
    const PgQuery__ColumnRef *ref = n->column_ref;
    const size_t fields = ref->n_fields;
    if (ref->fields[fields - 1]->node_case != PG_QUERY__NODE__NODE_A_STAR)
        return sql_expr(c, out, n);
    TRY(sql_expr_new(c, out, EXPR_STAR, ref->location));
    return sql_qualifier(c, *out, ref);
}

static enum err_code read_item(struct sql_ctx *c, struct select_item *item,
                               const PgQuery__Node *n)
{
    if (n->node_case != PG_QUERY__NODE__NODE_RES_TARGET)
        return sql_refuse_expr(c, n, sql_offset_of(n, -1));
    const PgQuery__ResTarget *target = n->res_target;
    TRY(sql_fields(c, &target->base, target->location));
    item->at = sql_place(c, target->location);
    if (target->name && *target->name)
        TRY(sql_name(c, &item->alias, target->name, target->location));
    else
        item->alias = sql_agg_alias(target->val);
    return output(c, &item->expr, target->val);
}

static enum err_code too_many(struct sql_ctx *c, const char *what, int most,
                              int offset)
{
    char text[16];
    (void)snprintf(text, sizeof text, "%d", most);
    return sql_refuse(c, REFUSAL_LIST_LENGTH, offset, what, text);
}

static enum err_code read_items(struct sql_ctx *c, struct select *s,
                                const PgQuery__SelectStmt *stmt, int offset)
{
    s->n_items = stmt->n_target_list;
    if (s->n_items == 0)
        return sql_refuse(c, REFUSAL_SELECT_NOTHING, offset, NULL, NULL);
    if (s->n_items > SQL_LIST_MAX)
        return too_many(c, "SELECT", SQL_LIST_MAX, offset);
    s->items = ARENA_NEW_N(c->arena, s->n_items, struct select_item);
    if (!s->items)
        return sql_no_memory(c);
    for (size_t i = 0; i < s->n_items; i++)
        TRY(read_item(c, &s->items[i], stmt->target_list[i]));
    return ERR_OK;
}

/* A whole number, or NULL (as LIMIT ALL is written), which leaves *given. */
static enum err_code read_count(struct sql_ctx *c, uint64_t *out, bool *given,
                                const PgQuery__Node *n, const char *clause)
{
    int64_t i;
    if (!n ||
        (n->node_case == PG_QUERY__NODE__NODE_A_CONST && n->a_const->isnull))
        return ERR_OK;
    if (!sql_is_int(n, &i) || i < 0)
        return sql_refuse(c, REFUSAL_LIMIT_VALUE, sql_offset_of(n, -1), clause,
                          NULL);
    *out = (uint64_t)i;
    *given = true;
    return ERR_OK;
}

static enum err_code read_limit(struct sql_ctx *c, struct select *s,
                                const PgQuery__SelectStmt *stmt, int offset)
{
    bool has_offset = false;
    if (stmt->limit_option == PG_QUERY__LIMIT_OPTION__LIMIT_OPTION_WITH_TIES)
        return sql_refuse(c, REFUSAL_WITH_TIES,
                          stmt->limit_count
                              ? sql_offset_of(stmt->limit_count, offset)
                              : offset,
                          NULL, NULL);
    TRY(read_count(c, &s->limit, &s->has_limit, stmt->limit_count, "LIMIT"));
    return read_count(c, &s->offset, &has_offset, stmt->limit_offset, "OFFSET");
}

enum err_code sql_order_limit(struct sql_ctx *c, struct select *s,
                              const PgQuery__SelectStmt *stmt, int offset)
{
    if (stmt->n_sort_clause > SQL_KEYS_MAX)
        return too_many(c, "ORDER BY", SQL_KEYS_MAX, offset);
    TRY(sql_order_by(c, s, stmt));
    sql_name_bounds(s);
    return read_limit(c, s, stmt, offset);
}

enum err_code sql_select(struct sql_ctx *c, struct select *s,
                         const PgQuery__SelectStmt *stmt, int offset)
{
    s->distinct = stmt->n_distinct_clause > 0;
    s->at = sql_place(c, offset);
    TRY(read_items(c, s, stmt, offset));
    TRY(sql_from(c, &s->from, stmt, offset));
    if (stmt->where_clause) {
        c->no_aggs = "WHERE";
        TRY(sql_expr(c, &s->where, stmt->where_clause));
        c->no_aggs = NULL;
    }
    if (stmt->n_group_clause > SQL_KEYS_MAX)
        return too_many(c, "GROUP BY", SQL_KEYS_MAX, offset);
    TRY(sql_group_by(c, s, stmt));
    if (stmt->having_clause) {
        c->no_windows = "HAVING";
        TRY(sql_expr(c, &s->having, stmt->having_clause));
        c->no_windows = NULL;
    }
    TRY(sql_distinct_on(c, s, stmt));
    return sql_order_limit(c, s, stmt, offset);
}
