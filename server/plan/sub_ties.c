/*
 * Rows of a window or a LIMIT that its ORDER BY does not tell apart: they come
 * in the order of everything that the sub-query reads, so that engines agree.
 */
#include "server/plan/dialect.h"
#include "server/plan/sub.h"
#include "server/query/refusal.h"

/* What the outputs and orders read, as one ORDER BY. */
struct ties {
    struct sub *u;
    bool all;
    const struct rel_column **columns;
    size_t n;
};

static void tie(struct ties *t, const struct rel_column *c)
{
    size_t i = 0;
    if (c->key == REL_KEY_OWN)
        return;
    while (i < t->n && t->columns[i] != c)
        i++;
    if (i < SUB_COLUMNS_MAX && i == t->n)
        t->columns[t->n++] = c;
    t->all |= i == SUB_COLUMNS_MAX;
}

static void tie_expr(struct ties *t, const struct expr *e)
{
    if (!e)
        return;
    const struct rel_column *c = draft_column_try(t->u->d, e);
    if (c)
        tie(t, c);
    t->all |= e->kind == EXPR_QUERY;
    for (size_t i = 0; e->kind == EXPR_CALL && i < e->call.n_args; i++)
        tie_expr(t, e->call.args[i]);
    if (e->kind == EXPR_AGG) {
        tie_expr(t, e->agg.arg);
        tie_expr(t, e->agg.filter);
    }
    if (e->kind != EXPR_WINDOW)
        return;
    tie_expr(t, e->window->arg);
    for (size_t i = 0; i < e->window->n_partition; i++)
        tie_expr(t, e->window->partition[i]);
    for (size_t i = 0; i < e->window->n_orders; i++)
        tie_expr(t, e->window->orders[i].expr);
}

static void print_ties(struct writer *w, const void *ctx)
{
    const struct ties *t = ctx;
    for (size_t i = 0; i < t->n; i++) {
        const struct typed e = { .kind = TYPED_COLUMN,
                                 .type = t->columns[i]->type,
                                 .column = t->columns[i] };
        writer_str(w, i ? ", " : "");
        dialect_expr(w, &e);
    }
}

enum err_code sub_ties(struct sub *u, struct err *err)
{
    const struct rel_scope *s = u->b.scope;
    struct ties t = { .u = u };
    t.columns =
        ARENA_NEW_N(u->d->a, SUB_COLUMNS_MAX, const struct rel_column *);
    if (!t.columns)
        return draft_memory(err);
    for (size_t i = 0; i < u->n_outputs; i++) {
        if (u->outputs[i].column)
            tie(&t, u->outputs[i].column);
        tie_expr(&t, u->outputs[i].e);
    }
    for (size_t i = 0; i < u->s->n_orders; i++)
        tie_expr(&t, u->s->orders[i].expr);
    for (size_t i = 0; i < u->s->n_distinct_on; i++)
        tie_expr(&t, u->s->distinct_on[i]);
    for (size_t i = 0; t.all && i < s->n_leaves; i++)
        for (size_t c = 0; c < s->leaves[i].rel->n_columns; c++)
            tie(&t, &s->leaves[i].columns[c]);
    if (t.n == SUB_COLUMNS_MAX)
        return refuse(err, REFUSAL_LIST_LENGTH, u->s->at, "A window", "512");
    u->b.ties = draft_print(u->d, print_ties, &t);
    return u->b.ties ? ERR_OK : draft_memory(err);
}
