/* Parameters behind LIMIT and OFFSET; tree.h says what they mean. */
#include <stdio.h>

#include "server/query/refusal.h"

struct binding {
    const struct value *params;
    size_t n;
    bool *met; /* or NULL */
    struct err *err;
};

static enum err_code bind(const struct binding *b, const struct select *s);

static enum err_code bind_expr(const struct binding *b, const struct expr *e)
{
    const struct expr *part;
    if (!e)
        return ERR_OK;
    if (e->kind == EXPR_QUERY) {
        TRY(bind_expr(b, e->query.operand));
        return bind(b, e->query.select);
    }
    for (size_t i = 0; e->kind == EXPR_CALL && i < e->call.n_args; i++)
        TRY(bind_expr(b, e->call.args[i]));
    for (size_t i = 0;
         e->kind == EXPR_WINDOW && (part = window_part(e->window, i)) != NULL;
         i++)
        TRY(bind_expr(b, part));
    if (e->kind != EXPR_AGG)
        return ERR_OK;
    TRY(bind_expr(b, e->agg.arg));
    return bind_expr(b, e->agg.filter);
}

static enum err_code bind_relation(const struct binding *b,
                                   const struct relation *r)
{
    switch (r->kind) {
    case RELATION_TABLE:
        return ERR_OK;
    case RELATION_QUERY:
        return bind(b, r->select);
    case RELATION_JOIN:
        TRY(bind_relation(b, r->join.left));
        TRY(bind_relation(b, r->join.right));
        return bind_expr(b, r->join.on);
    case RELATION_SET:
        break;
    }
    for (size_t i = 0; i < r->set.n_arms; i++)
        TRY(bind(b, r->set.arms[i]));
    return ERR_OK;
}

/* A number of rows; *given is false for NULL. */
static enum err_code rows_of(uint64_t *out, bool *given,
                             const struct binding *b, unsigned param,
                             struct place at, const char *clause)
{
    char number[16], have[24];
    *given = false;
    if (param == 0)
        return ERR_OK;
    *out = 1;
    *given = true;
    if (b->met && param <= b->n) {
        b->met[param - 1] = true;
        return ERR_OK;
    }
    if (param > b->n) {
        (void)snprintf(number, sizeof number, "%u", param);
        (void)snprintf(have, sizeof have, "%zu", b->n);
        return refuse(b->err, REFUSAL_PARAM_VALUE, at, number, have);
    }
    const struct value *v = &b->params[param - 1];
    *given = v->type != VALUE_NULL;
    if (!*given)
        return ERR_OK;
    if (v->type != VALUE_INT || v->i < 0)
        return refuse(b->err, REFUSAL_LIMIT_VALUE, at, clause, NULL);
    *out = (uint64_t)v->i;
    return ERR_OK;
}

static enum err_code bind(const struct binding *b, const struct select *s)
{
    struct select *own = (struct select *)(uintptr_t)s; /* the caller's */
    bool given;
    TRY(rows_of(&own->limit, &given, b, s->limit_param, s->limit_at, "LIMIT"));
    if (s->limit_param)
        own->has_limit = given;
    TRY(rows_of(&own->offset, &given, b, s->offset_param, s->offset_at,
                "OFFSET"));
    if (s->offset_param && !given)
        own->offset = 0;
    TRY(bind_relation(b, s->from));
    TRY(bind_expr(b, s->where));
    TRY(bind_expr(b, s->having));
    for (size_t i = 0; i < s->n_items; i++)
        TRY(bind_expr(b, s->items[i].expr));
    for (size_t i = 0; i < s->n_keys; i++)
        TRY(bind_expr(b, s->keys[i]));
    for (size_t i = 0; i < s->n_orders; i++)
        TRY(bind_expr(b, s->orders[i].expr));
    return ERR_OK;
}

enum err_code select_bind_limits(const struct select *s,
                                 const struct value *params, size_t n,
                                 bool *met, struct err *err)
{
    const struct binding b = { params, n, met, err };
    return bind(&b, s);
}
