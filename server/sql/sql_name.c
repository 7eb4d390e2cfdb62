/*
 * Positions and output names in GROUP BY and ORDER BY, by PostgreSQL's rules
 * (parse_clause.c, findTargetlistEntrySQL92): a bare integer is a position; a
 * bare name in ORDER BY is an output column first, in GROUP BY an input column
 * first.  Everything else is an expression over input columns.
 */
#include "server/sql/sql_ctx.h"

#include <stdio.h>
#include <string.h>

/* The text of a bare name, or NULL. */
static const char *bare_name(const PgQuery__Node *n)
{
    if (n->node_case != PG_QUERY__NODE__NODE_COLUMN_REF ||
        n->column_ref->n_fields != 1)
        return NULL;
    return sql_string(n->column_ref->fields[0]);
}

/* The one output column of that name; n_items when there is none. */
static enum err_code find_output(struct sql_ctx *c, size_t *out,
                                 const struct select *s, const char *name,
                                 const char *clause, int offset)
{
    *out = s->n_items;
    for (size_t i = 0; i < s->n_items; i++) {
        if (strcmp(select_item_name(&s->items[i]), name) != 0)
            continue;
        if (*out == s->n_items)
            *out = i;
        else if (!expr_equal(s->items[*out].expr, s->items[i].expr))
            return sql_refuse(c, REFUSAL_AMBIGUOUS, offset, clause, name);
    }
    return ERR_OK;
}

/* Behind a star nobody here knows which column stands where. */
static bool has_star(const struct select *s)
{
    bool found = false;
    for (size_t i = 0; i < s->n_items; i++)
        found |= s->items[i].expr->kind == EXPR_STAR;
    return found;
}

/* A position as an index; *is_position tells whether it is one. */
static enum err_code find_position(struct sql_ctx *c, size_t *out,
                                   bool *is_position, const struct select *s,
                                   const PgQuery__Node *n, const char *clause)
{
    int64_t i;
    *is_position = sql_is_int(n, &i);
    if (!*is_position)
        return ERR_OK;
    if (i < 1 || (uint64_t)i > s->n_items || has_star(s)) {
        char text[24];
        (void)snprintf(text, sizeof text, "%lld", (long long)i);
        return sql_refuse(c, REFUSAL_POSITION, sql_offset_of(n, -1), clause,
                          text);
    }
    *out = (size_t)i - 1;
    return ERR_OK;
}

static bool has_aggregate(const struct expr *e)
{
    if (e->kind == EXPR_AGG || e->kind == EXPR_WINDOW)
        return true;
    bool found = false;
    for (size_t i = 0; e->kind == EXPR_CALL && !found && i < e->call.n_args;
         i++)
        found = has_aggregate(e->call.args[i]);
    return found;
}

static enum err_code read_key(struct sql_ctx *c, struct select *s, size_t k,
                              const PgQuery__Node *n)
{
    static const char clause[] = "GROUP BY";
    const int offset = sql_offset_of(n, -1);
    const char *name = bare_name(n);
    bool is_position;
    size_t at = s->n_items;
    TRY(find_position(c, &at, &is_position, s, n, clause));
    if (name && !select_reads(s, name)) {
        TRY(find_output(c, &at, s, name, clause, offset));
        if (at < s->n_items)
            TRY(sql_name(c, &s->key_aliases[k], name, offset));
    }
    if (at < s->n_items)
        s->keys[k] = s->items[at].expr;
    else
        TRY(sql_expr(c, &s->keys[k], n));
    if (has_aggregate(s->keys[k]))
        return sql_refuse(c, REFUSAL_AGG_PLACE, offset, clause, NULL);
    if (s->keys[k]->kind == EXPR_CONST || s->keys[k]->kind == EXPR_PARAM)
        return sql_refuse(c, REFUSAL_GROUP_CONSTANT, offset, NULL, NULL);
    return ERR_OK;
}

/* A key by its expression; the same one again is one. */
enum err_code sql_group_key(struct sql_ctx *c, struct select *s, size_t *out,
                            const PgQuery__Node *n)
{
    if (s->n_keys == SQL_KEYS_MAX)
        return sql_refuse(c, REFUSAL_LIST_LENGTH, sql_offset_of(n, -1),
                          "GROUP BY", "64");
    const size_t k = s->n_keys;
    s->key_aliases[k] = NULL;
    TRY(read_key(c, s, k, n));
    *out = 0;
    while (*out < k && !expr_equal(s->keys[*out], s->keys[k]))
        ++*out;
    s->n_keys += *out == k;
    return ERR_OK;
}

static bool has_sets(const PgQuery__SelectStmt *stmt)
{
    bool found = false;
    for (size_t i = 0; i < stmt->n_group_clause; i++)
        found |= stmt->group_clause[i]->node_case ==
                 PG_QUERY__NODE__NODE_GROUPING_SET;
    return found;
}

enum err_code sql_group_by(struct sql_ctx *c, struct select *s,
                           const PgQuery__SelectStmt *stmt)
{
    if (stmt->n_group_clause == 0)
        return ERR_OK;
    s->keys = ARENA_NEW_N(c->arena, SQL_KEYS_MAX, struct expr *);
    s->key_aliases = ARENA_NEW_N(c->arena, SQL_KEYS_MAX, const char *);
    if (!s->keys || !s->key_aliases)
        return sql_no_memory(c);
    if (has_sets(stmt))
        return sql_grouping_sets(c, s, stmt);
    for (size_t i = 0; i < stmt->n_group_clause; i++)
        TRY(read_key(c, s, s->n_keys++, stmt->group_clause[i]));
    return ERR_OK;
}

/* The SELECT whose columns `s` has, when it selects * from it alone: of a
 * sub-query, or of the first arm of a set operation; or NULL. */
static const struct select *behind_star(const struct select *s)
{
    if (s->n_items != 1 || !has_star(s))
        return NULL;
    if (s->from->kind == RELATION_SET)
        return s->from->set.arms[0];
    return s->from->kind == RELATION_QUERY ? s->from->select : NULL;
}

/* A column behind a star by its position, as the SELECT inside names it. */
static enum err_code star_position(struct sql_ctx *c, struct expr **out,
                                   const struct select *s,
                                   const PgQuery__Node *n)
{
    const struct select *inside = behind_star(s);
    int64_t i;
    *out = NULL;
    if (!inside || !sql_is_int(n, &i))
        return ERR_OK;
    for (const struct select *more = inside; more; more = behind_star(more))
        inside = more;
    if (i < 1 || (uint64_t)i > inside->n_items || has_star(inside))
        return ERR_OK;
    TRY(sql_expr_new(c, out, EXPR_COLUMN, sql_offset_of(n, -1)));
    return sql_name(c, &(*out)->column.name,
                    select_item_name(&inside->items[i - 1]), -1);
}

static enum err_code order_expr(struct sql_ctx *c, struct select *s,
                                struct expr **out, const PgQuery__Node *n)
{
    static const char clause[] = "ORDER BY";
    const char *name = bare_name(n);
    bool is_position;
    size_t at = s->n_items;
    TRY(star_position(c, out, s, n));
    if (*out)
        return ERR_OK;
    TRY(find_position(c, &at, &is_position, s, n, clause));
    if (name)
        TRY(find_output(c, &at, s, name, clause, sql_offset_of(n, -1)));
    if (at == s->n_items)
        return sql_expr(c, out, n);
    *out = s->items[at].expr;
    return ERR_OK;
}

enum err_code sql_distinct_on(struct sql_ctx *c, struct select *s,
                              const PgQuery__SelectStmt *stmt)
{
    const size_t n = stmt->n_distinct_clause;
    if (n == 0 ||
        stmt->distinct_clause[0]->node_case == PG_QUERY__NODE__NODE__NOT_SET)
        return ERR_OK;
    if (n > SQL_KEYS_MAX)
        return sql_refuse(c, REFUSAL_LIST_LENGTH,
                          sql_offset_of(stmt->distinct_clause[0], -1),
                          "DISTINCT ON", "64");
    s->distinct = false;
    s->distinct_on = ARENA_NEW_N(c->arena, n, struct expr *);
    if (!s->distinct_on)
        return sql_no_memory(c);
    for (; s->n_distinct_on < n; s->n_distinct_on++)
        TRY(order_expr(c, s, &s->distinct_on[s->n_distinct_on],
                       stmt->distinct_clause[s->n_distinct_on]));
    return ERR_OK;
}

/* `s` is NULL in a window, which knows input columns only. */
static enum err_code read_order(struct sql_ctx *c, struct select_order *out,
                                struct select *s, const PgQuery__Node *n)
{
    struct select_order o = { 0 };
    if (n->node_case != PG_QUERY__NODE__NODE_SORT_BY)
        return sql_refuse_expr(c, n, sql_offset_of(n, -1));
    const PgQuery__SortBy *by = n->sort_by;
    const int offset = sql_offset_of(by->node, by->location);
    TRY(sql_fields(c, &by->base, offset));
    if (by->sortby_dir == PG_QUERY__SORT_BY_DIR__SORTBY_USING)
        return sql_refuse(c, REFUSAL_ORDER_USING, offset, NULL, NULL);
    if (s)
        TRY(order_expr(c, s, &o.expr, by->node));
    else
        TRY(sql_expr(c, &o.expr, by->node));
    o.descending = by->sortby_dir == PG_QUERY__SORT_BY_DIR__SORTBY_DESC;
    o.nulls_first =
        by->sortby_nulls == PG_QUERY__SORT_BY_NULLS__SORTBY_NULLS_FIRST ||
        (by->sortby_nulls != PG_QUERY__SORT_BY_NULLS__SORTBY_NULLS_LAST &&
         o.descending);
    *out = o;
    return ERR_OK;
}

static enum err_code read_orders(struct sql_ctx *c, struct select_order **out,
                                 size_t *n_out, struct select *s,
                                 PgQuery__Node *const *list, size_t n)
{
    *n_out = 0;
    if (n == 0)
        return ERR_OK;
    *out = ARENA_NEW_N(c->arena, n, struct select_order);
    if (!*out)
        return sql_no_memory(c);
    for (size_t i = 0; i < n; i++) {
        struct select_order *o = &(*out)[*n_out];
        TRY(read_order(c, o, s, list[i]));
        /* A constant orders nothing. */
        if (o->expr->kind != EXPR_CONST && o->expr->kind != EXPR_PARAM)
            ++*n_out;
    }
    return ERR_OK;
}

enum err_code sql_sort_list(struct sql_ctx *c, struct select_order **out,
                            size_t *n_out, PgQuery__Node *const *list, size_t n)
{
    return read_orders(c, out, n_out, NULL, list, n);
}

enum err_code sql_order_by(struct sql_ctx *c, struct select *s,
                           const PgQuery__SelectStmt *stmt)
{
    return read_orders(c, &s->orders, &s->n_orders, s, stmt->sort_clause,
                       stmt->n_sort_clause);
}
