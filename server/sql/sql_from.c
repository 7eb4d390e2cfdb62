/* FROM: tables, common table expressions, sub-queries, joins. */
#include "server/sql/sql_ctx.h"

#include <string.h>

static enum err_code read_relation(struct sql_ctx *c, struct relation **out,
                                   const PgQuery__Node *n, int offset);

/* The alias; names for columns where the relation is a query of its own. */
static enum err_code read_alias(struct sql_ctx *c, struct relation *r,
                                const PgQuery__Alias *alias, bool is_own,
                                int offset)
{
    if (!alias)
        return ERR_OK;
    TRY(sql_fields(c, &alias->base, offset));
    TRY(sql_name(c, &r->alias, alias->aliasname, offset));
    if (alias->n_colnames == 0)
        return ERR_OK;
    if (!is_own || r->kind != RELATION_QUERY)
        return sql_refuse(c, REFUSAL_FROM_COLUMNS, offset, NULL, NULL);
    return sql_rename(c, r->select, alias->colnames, alias->n_colnames, offset);
}

static const struct sql_cte *find_cte(const struct sql_ctx *c,
                                      const PgQuery__RangeVar *from)
{
    const struct sql_cte *cte = c->ctes;
    if (from->schemaname && *from->schemaname)
        return NULL;
    while (cte && strcmp(cte->name, from->relname) != 0)
        cte = cte->next;
    return cte;
}

static enum err_code reference(struct sql_ctx *c, struct relation **out,
                               const PgQuery__RangeVar *from,
                               const struct sql_cte *cte)
{
    struct relation *r = NULL;
    c->n_relations += cte->n_relations;
    TRY(sql_relation_new(c, &r, RELATION_QUERY, from->location));
    r->select = cte->select;
    r->alias = cte->name;
    TRY(read_alias(c, r, from->alias, false, from->location));
    *out = r;
    return ERR_OK;
}

static enum err_code table(struct sql_ctx *c, struct relation **out,
                           const PgQuery__Node *n, int offset)
{
    const PgQuery__RangeVar *from = n->range_var;
    const struct sql_cte *cte = find_cte(c, from);
    struct relation *r = NULL;
    (void)offset;
    TRY(sql_fields(c, &from->base, from->location));
    if (!from->inh)
        return sql_refuse(c, REFUSAL_FROM_ONLY, from->location, NULL, NULL);
    if (cte)
        return reference(c, out, from, cte);
    TRY(sql_relation_new(c, &r, RELATION_TABLE, from->location));
    TRY(sql_name(c, &r->table.name, from->relname, from->location));
    if (from->schemaname && *from->schemaname)
        TRY(sql_name(c, &r->table.dataset, from->schemaname, from->location));
    TRY(read_alias(c, r, from->alias, false, from->location));
    *out = r;
    return ERR_OK;
}

/* A set operation without clauses of its own needs no SELECT around it. */
static enum err_code bracketed(struct sql_ctx *c, struct relation **out,
                               const PgQuery__SelectStmt *stmt, int offset)
{
    const bool bare = stmt->n_sort_clause == 0 && !stmt->limit_count &&
                      !stmt->limit_offset && !stmt->with_clause;
    *out = NULL;
    if (bare) {
        TRY(sql_fields(c, &stmt->base, offset));
        TRY(sql_set(c, out, stmt, offset));
    }
    if (*out)
        return ERR_OK;
    TRY(sql_relation_new(c, out, RELATION_QUERY, offset));
    return sql_query(c, &(*out)->select, stmt, offset);
}

static enum err_code sub_query(struct sql_ctx *c, struct relation **out,
                               const PgQuery__Node *n, int offset)
{
    const PgQuery__RangeSubselect *from = n->range_subselect;
    const char *const no_aggs = c->no_aggs;
    if (!from->subquery ||
        from->subquery->node_case != PG_QUERY__NODE__NODE_SELECT_STMT)
        return sql_refuse_from(c, n, offset);
    const PgQuery__SelectStmt *stmt = from->subquery->select_stmt;
    const int first = stmt->n_target_list
                          ? sql_offset_of(stmt->target_list[0], offset)
                          : offset;
    TRY(sql_fields(c, &from->base, first));
    TRY(bracketed(c, out, stmt, first));
    c->no_aggs = no_aggs;
    return read_alias(c, *out, from->alias, true, first);
}

static enum err_code read_using(struct sql_ctx *c, struct relation *r,
                                const PgQuery__JoinExpr *join, int offset)
{
    const size_t n = join->n_using_clause;
    if (n > SQL_KEYS_MAX)
        return sql_refuse(c, REFUSAL_LIST_LENGTH, offset, "USING", "64");
    r->join.using = ARENA_NEW_N(c->arena, n + 1, const char *);
    if (!r->join.using)
        return sql_no_memory(c);
    for (; r->join.n_using < n; r->join.n_using++) {
        const char *name = sql_string(join->using_clause[r->join.n_using]);
        if (!name)
            return sql_refuse_from(c, join->using_clause[r->join.n_using],
                                   offset);
        TRY(sql_name(c, &r->join.using[r->join.n_using], name, offset));
    }
    return ERR_OK;
}

static enum err_code join_kind(struct sql_ctx *c, enum join_kind *out,
                               const PgQuery__JoinExpr *join, int offset)
{
    switch ((unsigned)join->jointype) {
    case PG_QUERY__JOIN_TYPE__JOIN_INNER:
        *out = JOIN_INNER;
        return ERR_OK;
    case PG_QUERY__JOIN_TYPE__JOIN_LEFT:
        *out = JOIN_LEFT;
        return ERR_OK;
    case PG_QUERY__JOIN_TYPE__JOIN_RIGHT:
        *out = JOIN_RIGHT;
        return ERR_OK;
    case PG_QUERY__JOIN_TYPE__JOIN_FULL:
        *out = JOIN_FULL;
        return ERR_OK;
    default:
        return sql_refuse(c, REFUSAL_FROM_ITEM, offset, "This join", NULL);
    }
}

static enum err_code join(struct sql_ctx *c, struct relation **out,
                          const PgQuery__Node *n, int offset)
{
    const PgQuery__JoinExpr *from = n->join_expr;
    struct relation *r = NULL;
    const int at = sql_offset_of(from->rarg, offset);
    TRY(sql_fields(c, &from->base, at));
    TRY(sql_relation_new(c, &r, RELATION_JOIN, at));
    c->n_relations--; /* only what is joined counts */
    TRY(join_kind(c, &r->join.kind, from, at));
    TRY(read_relation(c, &r->join.left, from->larg, offset));
    TRY(read_relation(c, &r->join.right, from->rarg, at));
    TRY(read_using(c, r, from, at));
    if (from->quals) {
        c->no_aggs = "ON";
        TRY(sql_expr(c, &r->join.on, from->quals));
        c->no_aggs = NULL;
    }
    *out = r;
    return ERR_OK;
}

static enum err_code read_relation(struct sql_ctx *c, struct relation **out,
                                   const PgQuery__Node *n, int offset)
{
    enum err_code code;
    offset = sql_offset_of(n, offset);
    if (c->depth > SQL_DEPTH_MAX)
        return sql_refuse(c, REFUSAL_TEXT_DEPTH, offset, "200", NULL);
    c->depth++;
    switch ((unsigned)n->node_case) {
    case PG_QUERY__NODE__NODE_RANGE_VAR:
        code = table(c, out, n, offset);
        break;
    case PG_QUERY__NODE__NODE_RANGE_SUBSELECT:
        code = sub_query(c, out, n, offset);
        break;
    case PG_QUERY__NODE__NODE_JOIN_EXPR:
        code = join(c, out, n, offset);
        break;
    default:
        code = sql_refuse_from(c, n, offset);
        break;
    }
    c->depth--;
    return code;
}

/* a, b is a CROSS JOIN b. */
enum err_code sql_from(struct sql_ctx *c, struct relation **out,
                       const PgQuery__SelectStmt *stmt, int offset)
{
    TRY(read_relation(c, out, stmt->from_clause[0], offset));
    for (size_t i = 1; i < stmt->n_from_clause; i++) {
        struct relation *both = NULL;
        const int at = sql_offset_of(stmt->from_clause[i], offset);
        TRY(sql_relation_new(c, &both, RELATION_JOIN, at));
        c->n_relations--;
        both->join.kind = JOIN_INNER;
        both->join.left = *out;
        TRY(read_relation(c, &both->join.right, stmt->from_clause[i], at));
        *out = both;
    }
    return ERR_OK;
}
