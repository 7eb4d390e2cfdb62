/*
 * Rows that are asked for but not shown: SELECT without aggregates under LIMIT
 * 0 or a filter that is never true, as clients write to learn a relation's
 * columns; or as the request wants it, where rows of people would be refused
 * (enum ask_rows).  Names and types are public; nothing is read or charged.
 */
#include "server/plan/draft.h"
#include "server/query/refusal.h"

/* Does it ask for rows as they are? */
bool draft_is_raw(const struct select *s)
{
    bool raw =
        s->n_keys == 0 && !s->having && !s->distinct && s->n_distinct_on == 0;
    for (size_t i = 0; i < s->n_items; i++)
        raw &= !draft_aggregates(s->items[i].expr);
    for (size_t i = 0; i < s->n_orders; i++)
        raw &= !draft_aggregates(s->orders[i].expr);
    return raw;
}

static bool has_window(const struct select *s)
{
    bool found = false;
    for (size_t i = 0; i < s->n_items; i++)
        found |= draft_windows(s->items[i].expr);
    return found;
}

static const struct select_item *star_of(const struct select *s)
{
    const struct select_item *found = NULL;
    for (size_t i = 0; i < s->n_items; i++)
        if (s->items[i].expr->kind == EXPR_STAR)
            found = &s->items[i];
    return found;
}

static enum err_code fill(struct draft *d, const struct rel *rel,
                          struct err *err)
{
    struct plan *p = d->plan;
    p->n_notices = 0; /* no row is cut or dropped */
    p->is_free = true;
    p->has_limit = true;
    p->limit = 0;
    p->groups_public = 1;
    p->n_outputs = rel->n_columns;
    p->outputs = ARENA_NEW_N(d->a, rel->n_columns + 1, struct plan_output);
    if (!p->outputs)
        return draft_memory(err);
    for (size_t i = 0; i < rel->n_columns; i++) {
        const struct rel_column *c = &rel->columns[i];
        const struct typed *none =
            draft_const(d, c->type, value_null(), d->tree->at);
        if (!none)
            return draft_memory(err);
        p->outputs[i] = (struct plan_output){ .name = c->name,
                                              .type = c->type,
                                              .is_key = true, /* as it is */
                                              .expr = none };
    }
    return ERR_OK;
}

/* Does the request want no row in place of a refusal? */
static bool wants_none(const struct draft *d)
{
    const struct select *s = d->tree;
    return d->req->rows == ASK_ROWS_NONE ||
           (d->req->rows == ASK_ROWS_PROBE && s->has_limit && s->limit == 1);
}

enum err_code draft_describe(bool *done, struct draft *d, struct err *err)
{
    const struct select *s = d->tree;
    const struct rel *rel = NULL;
    const bool none = s->has_limit && s->limit == 0;
    *done = false;
    if (!draft_is_raw(s) || !(none || s->where || star_of(s) || wants_none(d)))
        return ERR_OK;
    const enum err_code code = draft_sub(&rel, d, s, err);
    d->block = NULL;
    /* A window over rows of people is refused for what it is, later. */
    if (code != ERR_OK && !d->unkeyed && !has_window(s))
        return code;
    if (code == ERR_OK && (none || rel->never)) {
        *done = true;
        return fill(d, rel, err);
    }
    if (code == ERR_OK && (rel->owned || star_of(s)) && wants_none(d)) {
        *done = true;
        TRY(fill(d, rel, err));
        return draft_notice(d, err,
                            "rows are never released: these are the "
                            "columns' names and types");
    }
    if (code == ERR_OK && star_of(s)) {
        (void)refuse(err, REFUSAL_SELECT_STAR, star_of(s)->expr->at, NULL,
                     NULL);
        return draft_example(d, s, err);
    }
    /* Aggregates inside, or columns that stand by themselves: as any other. */
    *err = (struct err){ 0 };
    return ERR_OK;
}
