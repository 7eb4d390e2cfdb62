/*
 * What may stand in brackets: WITH, a set operation, a SELECT.
 *
 * A common table expression is read once, where it is defined; a reference to
 * it is a sub-query that shares its tree.  Whoever walks the tree walks it once
 * per reference, and references nest, so relations are counted as often as they
 * are met and capped: otherwise thirty lines could ask for 2^30.
 */
#include "server/sql/sql_ctx.h"

#include <stdio.h>
#include <string.h>

enum err_code sql_relation_new(struct sql_ctx *c, struct relation **out,
                               enum relation_kind kind, int offset)
{
    struct relation *r = ARENA_NEW(c->arena, struct relation);
    if (!r)
        return sql_no_memory(c);
    r->kind = kind;
    r->at = sql_place(c, offset);
    if (++c->n_relations > SQL_RELATIONS_MAX) {
        char most[16];
        (void)snprintf(most, sizeof most, "%d", SQL_RELATIONS_MAX);
        return sql_refuse(c, REFUSAL_RELATIONS, offset, most, NULL);
    }
    *out = r;
    return ERR_OK;
}

static const struct {
    const char *name;
    bool known, all;
    enum set_kind kind;
} SETS[2][4] = {
    { { 0 },
      { "UNION", true, false, SET_UNION },
      { "INTERSECT", true, false, SET_INTERSECT },
      { "EXCEPT", true, false, SET_EXCEPT } },
    { { 0 },
      { "UNION ALL", true, true, SET_UNION_ALL },
      { "INTERSECT ALL", false, true, SET_INTERSECT },
      { "EXCEPT ALL", false, true, SET_EXCEPT } },
};

/* None, UNION, INTERSECT, EXCEPT, as PostgreSQL numbers them from 1. */
static unsigned set_of(const PgQuery__SelectStmt *stmt)
{
    const unsigned op = (unsigned)stmt->op;
    const unsigned first = PG_QUERY__SET_OPERATION__SETOP_NONE;
    return op > first && op - first < 4 ? op - first : 0;
}

static bool has_clauses(const PgQuery__SelectStmt *stmt)
{
    return stmt->n_sort_clause > 0 || stmt->limit_count || stmt->limit_offset ||
           stmt->with_clause;
}

/* a UNION ALL b UNION ALL c leans left: (a UNION ALL b) UNION ALL c. */
static size_t count_arms(const PgQuery__SelectStmt *stmt)
{
    size_t n = 2;
    const PgQuery__SelectStmt *left = stmt->larg;
    while (stmt->all && left && left->op == stmt->op && left->all &&
           !has_clauses(left)) {
        n++;
        left = left->larg;
    }
    return n;
}

/* The place of a SELECT nobody tells the place of: its first output. */
static int place_of(const PgQuery__SelectStmt *stmt, int offset)
{
    if (offset >= 0 || stmt->n_target_list == 0)
        return offset;
    return sql_offset_of(stmt->target_list[0], offset);
}

/* An arm is told by its own place, the first by that of the whole. */
static int place_of_arm(const PgQuery__SelectStmt *stmt, int offset)
{
    const int own = place_of(stmt, -1);
    return own >= 0 ? own : offset;
}

enum err_code sql_set(struct sql_ctx *c, struct relation **out,
                      const PgQuery__SelectStmt *stmt, int offset)
{
    const unsigned op = set_of(stmt);
    struct relation *r = NULL;
    *out = NULL;
    if (op == 0)
        return ERR_OK;
    const bool all = stmt->all != 0;
    if (!SETS[all][op].known)
        return sql_refuse(c, REFUSAL_SET_OPERATION, offset, SETS[all][op].name,
                          NULL);
    TRY(sql_relation_new(c, &r, RELATION_SET, offset));
    r->set.kind = SETS[all][op].kind;
    r->set.n_arms = count_arms(stmt);
    if (r->set.n_arms > SQL_RELATIONS_MAX)
        return sql_refuse(c, REFUSAL_LIST_LENGTH, offset, SETS[all][op].name,
                          "64");
    r->set.arms = ARENA_NEW_N(c->arena, r->set.n_arms, struct select *);
    if (!r->set.arms)
        return sql_no_memory(c);
    for (size_t i = r->set.n_arms; i-- > 1; stmt = stmt->larg) {
        TRY(sql_fields(c, &stmt->base, offset));
        TRY(sql_query(c, &r->set.arms[i], stmt->rarg,
                      place_of_arm(stmt->rarg, offset)));
        if (i == 1)
            TRY(sql_query(c, &r->set.arms[0], stmt->larg, offset));
    }
    *out = r;
    return ERR_OK;
}

static enum err_code star(struct sql_ctx *c, struct select *s, int offset)
{
    s->items = ARENA_NEW(c->arena, struct select_item);
    if (!s->items)
        return sql_no_memory(c);
    s->n_items = 1;
    s->items[0].at = sql_place(c, offset);
    return sql_expr_new(c, &s->items[0].expr, EXPR_STAR, offset);
}

/* A name for each column, of an alias such as t(a, b). */
enum err_code sql_rename(struct sql_ctx *c, struct select *s,
                         PgQuery__Node *const *names, size_t n, int offset)
{
    bool has_star = false;
    for (size_t i = 0; i < s->n_items; i++)
        has_star |= s->items[i].expr->kind == EXPR_STAR;
    if (n > s->n_items || has_star)
        return sql_refuse(c, REFUSAL_FROM_COLUMNS, offset, NULL, NULL);
    for (size_t i = 0; i < n; i++) {
        const char *name = sql_string(names[i]);
        if (!name)
            return sql_refuse(c, REFUSAL_FROM_COLUMNS, offset, NULL, NULL);
        TRY(sql_name(c, &s->items[i].alias, name, offset));
    }
    return ERR_OK;
}

/* `outer` ends those of this WITH; a name hides one of an outer WITH. */
static enum err_code read_cte(struct sql_ctx *c, const PgQuery__Node *n,
                              const struct sql_cte *outer, int offset)
{
    if (n->node_case != PG_QUERY__NODE__NODE_COMMON_TABLE_EXPR)
        return sql_refuse_expr(c, n, offset);
    const PgQuery__CommonTableExpr *from = n->common_table_expr;
    const unsigned before = c->n_relations;
    struct sql_cte *cte = ARENA_NEW(c->arena, struct sql_cte);
    if (!cte)
        return sql_no_memory(c);
    TRY(sql_fields(c, &from->base, from->location));
    TRY(sql_name(c, &cte->name, from->ctename, from->location));
    if (from->ctequery->node_case != PG_QUERY__NODE__NODE_SELECT_STMT)
        return sql_refuse_statement(c, from->ctequery, from->location);
    TRY(sql_query(c, &cte->select, from->ctequery->select_stmt,
                  from->location));
    if (from->n_aliascolnames > 0)
        TRY(sql_rename(c, cte->select, from->aliascolnames,
                       from->n_aliascolnames, from->location));
    /* What nobody refers to is not read again; references add this up. */
    cte->n_relations = c->n_relations - before;
    c->n_relations = before;
    for (const struct sql_cte *p = c->ctes; p != outer; p = p->next)
        if (strcmp(p->name, cte->name) == 0)
            return sql_refuse(c, REFUSAL_WITH_TWICE, from->location, cte->name,
                              NULL);
    cte->next = c->ctes;
    c->ctes = cte;
    return ERR_OK;
}

static enum err_code read_with(struct sql_ctx *c,
                               const PgQuery__WithClause *with, int offset)
{
    const struct sql_cte *outer = c->ctes;
    if (!with)
        return ERR_OK;
    if (with->location >= 0)
        offset = with->location;
    TRY(sql_fields(c, &with->base, offset));
    for (size_t i = 0; i < with->n_ctes; i++)
        TRY(read_cte(c, with->ctes[i], outer, offset));
    return ERR_OK;
}

static enum err_code read_query(struct sql_ctx *c, struct select *s,
                                const PgQuery__SelectStmt *stmt, int offset)
{
    struct relation *set = NULL;
    TRY(sql_fields(c, &stmt->base, offset));
    TRY(read_with(c, stmt->with_clause, offset));
    TRY(sql_set(c, &set, stmt, offset));
    if (!set)
        return sql_select(c, s, stmt, offset);
    set->alias = SET_ALIAS;
    s->from = set;
    s->at = sql_place(c, offset);
    TRY(star(c, s, offset));
    return sql_order_limit(c, s, stmt, offset);
}

enum err_code sql_query(struct sql_ctx *c, struct select **out,
                        const PgQuery__SelectStmt *stmt, int offset)
{
    const struct sql_ctx outer = *c;
    struct select *s = ARENA_NEW(c->arena, struct select);
    if (!s)
        return sql_no_memory(c);
    /* A level of its own: queries nest without an expression in between. */
    if (c->depth > SQL_DEPTH_MAX)
        return sql_refuse(c, REFUSAL_TEXT_DEPTH, offset, "200", NULL);
    c->depth++;
    c->no_aggs = c->no_windows = NULL;
    c->repeats = 0;
    c->stmt = stmt;
    TRY(read_query(c, s, stmt, place_of(stmt, offset)));
    c->depth = outer.depth;
    c->no_aggs = outer.no_aggs;
    c->no_windows = outer.no_windows;
    c->repeats = outer.repeats;
    c->stmt = outer.stmt;
    c->ctes = outer.ctes;
    *out = s;
    return ERR_OK;
}

/* EXISTS (query), x IN (query), x = ANY (query), (query). */
enum err_code sql_sub_link(struct sql_ctx *c, struct expr **out,
                           const PgQuery__Node *n)
{
    const PgQuery__SubLink *link = n->sub_link;
    const bool exists =
        link->sub_link_type == PG_QUERY__SUB_LINK_TYPE__EXISTS_SUBLINK;
    const bool any =
        link->sub_link_type == PG_QUERY__SUB_LINK_TYPE__ANY_SUBLINK;
    const bool equal =
        link->n_oper_name == 0 ||
        (link->n_oper_name == 1 && sql_string(link->oper_name[0]) &&
         strcmp(sql_string(link->oper_name[0]), "=") == 0);
    const bool value =
        link->sub_link_type == PG_QUERY__SUB_LINK_TYPE__EXPR_SUBLINK;
    struct expr *e = NULL;
    if (!exists && !value && !(any && equal))
        return sql_refuse(c, REFUSAL_SUBQUERY, link->location,
                          any ? "ANY" : "ALL or ARRAY", NULL);
    if (link->subselect->node_case != PG_QUERY__NODE__NODE_SELECT_STMT)
        return sql_refuse_statement(c, link->subselect, link->location);
    TRY(sql_expr_new(c, &e, EXPR_QUERY, link->location));
    e->query.is_value = value;
    if (any)
        TRY(sql_expr(c, &e->query.operand, link->testexpr));
    TRY(sql_query(c, &e->query.select, link->subselect->select_stmt,
                  link->location));
    *out = e;
    return ERR_OK;
}
