/*
 * GROUPING SETS, ROLLUP and CUBE, written out: each item of GROUP BY is a list
 * of sets of keys, and the sets of the whole are their combinations.
 */
#include "server/sql/sql_ctx.h"

#include <stdio.h>

enum { SETS_MAX = 64, SET_KEYS_MAX = 16 };

struct sets {
    uint32_t v[SETS_MAX]; /* keys as bits */
    size_t n;
};

static enum err_code too_many(struct sql_ctx *c, int offset)
{
    char most[16];
    (void)snprintf(most, sizeof most, "%d", SETS_MAX);
    return sql_refuse(c, REFUSAL_LIST_LENGTH, offset, "GROUPING SETS", most);
}

static enum err_code add(struct sql_ctx *c, struct sets *out, uint32_t set,
                         int offset)
{
    if (out->n == SETS_MAX)
        return too_many(c, offset);
    out->v[out->n++] = set;
    return ERR_OK;
}

/* One key, or several in brackets. */
static enum err_code keys_of(struct sql_ctx *c, struct select *s, uint32_t *out,
                             const PgQuery__Node *n)
{
    const int at = sql_offset_of(n, -1);
    size_t k = 0;
    *out = 0;
    if (n->node_case == PG_QUERY__NODE__NODE_ROW_EXPR) {
        const PgQuery__RowExpr *row = n->row_expr;
        TRY(sql_fields(c, &row->base, row->location));
        for (size_t i = 0; i < row->n_args; i++) {
            uint32_t one;
            TRY(keys_of(c, s, &one, row->args[i]));
            *out |= one;
        }
        return ERR_OK;
    }
    TRY(sql_group_key(c, s, &k, n));
    if (k >= SET_KEYS_MAX)
        return sql_refuse(c, REFUSAL_LIST_LENGTH, at,
                          "GROUP BY with GROUPING SETS", "16");
    *out = UINT32_C(1) << k;
    return ERR_OK;
}

static enum err_code sets_of(struct sql_ctx *c, struct select *s,
                             struct sets *out, const PgQuery__Node *n,
                             unsigned depth);

/* ROLLUP (a, b): (a, b), (a), ().  CUBE (a, b): (a, b), (a), (b), (). */
static enum err_code prefixes(struct sql_ctx *c, struct select *s,
                              struct sets *out, const PgQuery__GroupingSet *g,
                              bool cube)
{
    uint32_t parts[SET_KEYS_MAX];
    const size_t n = g->n_content;
    if (n > SET_KEYS_MAX || (cube && n > 6))
        return too_many(c, g->location);
    for (size_t i = 0; i < n; i++)
        TRY(keys_of(c, s, &parts[i], g->content[i]));
    const size_t count = cube ? (size_t)1 << n : n + 1;
    for (size_t k = 0; k < count; k++) {
        uint32_t set = 0;
        /* CUBE: the bits of k, from the top, tell which parts are left out. */
        for (size_t i = 0; i < n; i++)
            if (cube ? !(k >> (n - 1 - i) & 1) : i < n - k)
                set |= parts[i];
        TRY(add(c, out, set, g->location));
    }
    return ERR_OK;
}

static enum err_code grouping(struct sql_ctx *c, struct select *s,
                              struct sets *out, const PgQuery__GroupingSet *g,
                              unsigned depth)
{
    TRY(sql_fields(c, &g->base, g->location));
    switch ((unsigned)g->kind) {
    case PG_QUERY__GROUPING_SET_KIND__GROUPING_SET_EMPTY:
        return add(c, out, 0, g->location);
    case PG_QUERY__GROUPING_SET_KIND__GROUPING_SET_ROLLUP:
        return prefixes(c, s, out, g, false);
    case PG_QUERY__GROUPING_SET_KIND__GROUPING_SET_CUBE:
        return prefixes(c, s, out, g, true);
    default:
        break;
    }
    for (size_t i = 0; i < g->n_content; i++)
        TRY(sets_of(c, s, out, g->content[i], depth + 1));
    return ERR_OK;
}

static enum err_code sets_of(struct sql_ctx *c, struct select *s,
                             struct sets *out, const PgQuery__Node *n,
                             unsigned depth)
{
    uint32_t set;
    if (depth > SQL_DEPTH_MAX)
        return sql_refuse(c, REFUSAL_TEXT_DEPTH, sql_offset_of(n, -1), "200",
                          NULL);
    if (n->node_case == PG_QUERY__NODE__NODE_GROUPING_SET)
        return grouping(c, s, out, n->grouping_set, depth);
    TRY(keys_of(c, s, &set, n));
    return add(c, out, set, sql_offset_of(n, -1));
}

/* Each set of one with each of the other. */
static enum err_code combine(struct sql_ctx *c, struct sets *all,
                             const struct sets *item, int offset)
{
    const struct sets was = *all;
    all->n = 0;
    for (size_t i = 0; i < was.n; i++)
        for (size_t j = 0; j < item->n; j++)
            TRY(add(c, all, was.v[i] | item->v[j], offset));
    return ERR_OK;
}

enum err_code sql_grouping_sets(struct sql_ctx *c, struct select *s,
                                const PgQuery__SelectStmt *stmt)
{
    struct sets all = { .v = { 0 }, .n = 1 };
    for (size_t i = 0; i < stmt->n_group_clause; i++) {
        const PgQuery__Node *n = stmt->group_clause[i];
        struct sets item = { .n = 0 };
        TRY(sets_of(c, s, &item, n, 0));
        TRY(combine(c, &all, &item, sql_offset_of(n, -1)));
    }
    if (s->n_keys == 0)
        return ERR_OK; /* GROUP BY () */
    s->n_sets = all.n;
    s->sets = ARENA_NEW_N(c->arena, all.n, uint32_t);
    if (!s->sets)
        return sql_no_memory(c);
    for (size_t i = 0; i < all.n; i++)
        s->sets[i] = all.v[i];
    return ERR_OK;
}
