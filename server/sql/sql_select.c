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

/* q of ARRAY[0.25, 0.999] is q_25 and q_99.9. */
static enum err_code name_fraction(struct sql_ctx *c, struct select_item *item)
{
    const struct expr *fraction = item->expr->agg.fraction;
    const struct value *v = &fraction->value;
    const char *name = select_item_name(item);
    if (fraction->kind == EXPR_PARAM ||
        (v->type != VALUE_INT && v->type != VALUE_DOUBLE))
        item->alias = arena_printf(c->arena, "%s_%zu", name, c->fraction + 1);
    else
        item->alias =
            arena_printf(c->arena, "%s_%.10g", name,
                         100 * (v->type == VALUE_INT ? (double)v->i : v->d));
    return item->alias ? ERR_OK : sql_no_memory(c);
}

/* An output, or one for each fraction of a list of them. */
static enum err_code read_outputs(struct sql_ctx *c, struct select *s,
                                  const PgQuery__Node *n, int offset)
{
    const bool is_target = n->node_case == PG_QUERY__NODE__NODE_RES_TARGET;
    const PgQuery__Node *list =
        is_target ? sql_fractions(n->res_target->val) : NULL;
    const size_t many = list ? list->a_array_expr->n_elements : 1;
    if (s->n_items + many > SQL_LIST_MAX)
        return too_many(c, "SELECT", SQL_LIST_MAX, offset);
    for (size_t i = 0; i < many; i++) {
        c->fractions = list; /* a query inside has its own */
        c->fraction = i;
        TRY(read_item(c, &s->items[s->n_items], n));
        c->fraction = i;
        if (list)
            TRY(name_fraction(c, &s->items[s->n_items]));
        s->n_items++;
    }
    c->fractions = NULL;
    return ERR_OK;
}

static enum err_code read_items(struct sql_ctx *c, struct select *s,
                                const PgQuery__SelectStmt *stmt, int offset)
{
    const size_t n = stmt->n_target_list;
    size_t most = n;
    if (n == 0)
        return sql_refuse(c, REFUSAL_SELECT_NOTHING, offset, NULL, NULL);
    if (n > SQL_LIST_MAX)
        return too_many(c, "SELECT", SQL_LIST_MAX, offset);
    for (size_t i = 0; i < n; i++)
        if (stmt->target_list[i]->node_case ==
                PG_QUERY__NODE__NODE_RES_TARGET &&
            sql_fractions(stmt->target_list[i]->res_target->val))
            most = SQL_LIST_MAX;
    s->items = ARENA_NEW_N(c->arena, most, struct select_item);
    if (!s->items)
        return sql_no_memory(c);
    for (size_t i = 0; i < n; i++)
        TRY(read_outputs(c, s, stmt->target_list[i], offset));
    return s->n_items > 0
               ? ERR_OK
               : sql_refuse(c, REFUSAL_PERCENTILE, offset, "ARRAY[]", NULL);
}

/* A whole number, a parameter, or NULL (as LIMIT ALL is written), which leaves
 * *given. */
static enum err_code read_count(struct sql_ctx *c, uint64_t *out,
                                unsigned *param, bool *given,
                                const PgQuery__Node *n, const char *clause)
{
    int64_t i;
    if (!n ||
        (n->node_case == PG_QUERY__NODE__NODE_A_CONST && n->a_const->isnull))
        return ERR_OK;
    if (n->node_case == PG_QUERY__NODE__NODE_PARAM_REF) {
        struct expr *e = NULL;
        TRY(sql_expr(c, &e, n));
        *param = e->param;
        *given = true;
        return ERR_OK;
    }
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
    if (stmt->limit_count)
        s->limit_at = sql_place(c, sql_offset_of(stmt->limit_count, offset));
    if (stmt->limit_offset)
        s->offset_at = sql_place(c, sql_offset_of(stmt->limit_offset, offset));
    TRY(read_count(c, &s->limit, &s->limit_param, &s->has_limit,
                   stmt->limit_count, "LIMIT"));
    return read_count(c, &s->offset, &s->offset_param, &has_offset,
                      stmt->limit_offset, "OFFSET");
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
    if (stmt->n_from_clause == 0)
        TRY(sql_from_values(c, s, offset));
    else
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
