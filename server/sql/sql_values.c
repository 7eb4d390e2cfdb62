/*
 * SELECT without FROM whose outputs are sub-queries, as a dashboard asks for
 * several totals at once:
 *
 *   SELECT (SELECT COUNT(*) FROM a) AS a, (SELECT COUNT(*) FROM b) AS b
 *   SELECT _v0._v0 AS a, _v1._v1 AS b
 *   FROM (SELECT COUNT(*) AS _v0 FROM a) AS _v0, (SELECT ..) AS _v1
 *
 * Each has aggregates and no groups, so that there is one row.
 */
#include "server/sql/sql_ctx.h"

struct values {
    struct sql_ctx *c;
    struct relation *from; /* so far, or NULL */
    size_t n;
    int offset;
    bool fits;
};

static bool has_aggregate(const struct expr *e)
{
    bool found = e->kind == EXPR_AGG;
    for (size_t i = 0; e->kind == EXPR_CALL && !found && i < e->call.n_args;
         i++)
        found = has_aggregate(e->call.args[i]);
    return found;
}

static bool is_one_row(const struct select *s)
{
    return s->n_items == 1 && s->n_keys == 0 && !s->having && !s->distinct &&
           s->n_distinct_on == 0 && !s->has_limit && s->offset == 0 &&
           has_aggregate(s->items[0].expr);
}

static enum err_code add(struct values *v, const char *name, struct select *s)
{
    struct relation *one = NULL, *both = NULL;
    TRY(sql_relation_new(v->c, &one, RELATION_QUERY, v->offset));
    one->alias = name;
    one->select = s;
    if (!v->from) {
        v->from = one;
        return ERR_OK;
    }
    TRY(sql_relation_new(v->c, &both, RELATION_JOIN, v->offset));
    v->c->n_relations--; /* only what is joined counts */
    both->join.kind = JOIN_INNER;
    both->join.left = v->from;
    both->join.right = one;
    v->from = both;
    return ERR_OK;
}

/* In place: each sub-query becomes the column of a relation. */
static enum err_code take(struct values *v, struct expr *e)
{
    for (size_t i = 0; e->kind == EXPR_CALL && i < e->call.n_args; i++)
        TRY(take(v, e->call.args[i]));
    if (e->kind != EXPR_QUERY || !e->query.is_value)
        return ERR_OK;
    struct select *s = e->query.select;
    const char *name = arena_printf(v->c->arena, "_v%zu", v->n++);
    if (!name)
        return sql_no_memory(v->c);
    v->fits &= is_one_row(s);
    if (!v->fits)
        return ERR_OK;
    s->items[0].alias = name;
    TRY(add(v, name, s));
    e->kind = EXPR_COLUMN;
    e->column.table = e->column.name = name;
    e->column.dataset = NULL;
    return ERR_OK;
}

enum err_code sql_from_values(struct sql_ctx *c, struct select *s, int offset)
{
    struct values v = { .c = c, .offset = offset, .fits = true };
    for (size_t i = 0; i < s->n_items; i++) {
        if (!s->items[i].alias)
            s->items[i].alias = select_item_name(&s->items[i]);
        TRY(take(&v, s->items[i].expr));
    }
    if (!v.fits || !v.from)
        return sql_refuse(c, REFUSAL_FROM_NONE, offset, NULL, NULL);
    s->from = v.from;
    return ERR_OK;
}
