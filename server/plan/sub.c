/*
 * A sub-query as a relation.  Over rows of people everything in it is per
 * person: groups and DISTINCT hold the key, LIMIT counts the rows of each.
 */
#include "server/plan/sub.h"

#include "server/plan/reach.h"
#include "server/query/refusal.h"

static bool has_key(const struct sub *u)
{
    bool found = false;
    for (size_t i = 0; i < u->b.n_keys; i++)
        found |= sub_is_key(u, i);
    return found;
}

static const char *key_name(const struct sub *u)
{
    const struct rel_scope *s = u->b.scope;
    return s->leaves[s->key].rel->key_name;
}

static enum err_code add_output(struct sub *u, struct sub_output o,
                                struct place at, struct err *err)
{
    if (u->n_outputs == SUB_COLUMNS_MAX)
        return refuse(err, REFUSAL_LIST_LENGTH, at, "SELECT", "512");
    u->outputs[u->n_outputs++] = o;
    return ERR_OK;
}

static enum err_code add_star(struct sub *u, const struct expr *star,
                              struct err *err)
{
    const struct rel_scope *s = u->b.scope;
    const char *table = star->column.table;
    bool found = false;
    if (u->groups)
        return refuse(err, REFUSAL_STAR_GROUPS, star->at, NULL, NULL);
    for (size_t i = 0; i < s->n_leaves; i++) {
        const struct rel_leaf *leaf = &s->leaves[i];
        if (!draft_leaf_fits(leaf, star))
            continue;
        found = true;
        for (size_t c = 0; c < leaf->rel->n_columns; c++) {
            const struct rel_column *column = &leaf->columns[c];
            if (!column->merged || table)
                TRY(add_output(u,
                               (struct sub_output){ .name = column->name,
                                                    .column = column },
                               star->at, err));
        }
    }
    return found ? ERR_OK
                 : refuse(err, REFUSAL_NO_ALIAS, star->at, table ? table : "*",
                          NULL);
}

static enum err_code list_outputs(struct sub *u, struct err *err)
{
    u->outputs = ARENA_NEW_N(u->d->a, SUB_COLUMNS_MAX, struct sub_output);
    if (!u->outputs)
        return draft_memory(err);
    for (size_t i = 0; i < u->s->n_items; i++) {
        const struct select_item *item = &u->s->items[i];
        if (item->expr->kind == EXPR_STAR) {
            TRY(add_star(u, item->expr, err));
            continue;
        }
        TRY(add_output(
            u,
            (struct sub_output){ .name = select_item_name(item),
                                 .column = draft_bare_key(u->d, item->expr),
                                 .e = item->expr },
            item->at, err));
    }
    return ERR_OK;
}

/* A column that passes through keeps what the policy says of it. */
static void keep_facts(struct sub *u, struct rel_column *out,
                       const struct rel_column *c)
{
    const char *name = out->name, *sql = out->sql;
    const uint64_t behind = out->behind;
    *out = *c;
    out->behind = behind;
    out->name = name;
    out->sql = sql;
    out->raw = false;
    out->merged = false;
    out->numbers = c->numbers && u->b.scope->n_leaves == 1;
    out->range = draft_range(&u->b.where, c);
    if (out->range.lo > out->range.hi) /* no row passes, whatever it holds */
        out->range.lo = out->range.hi;
}

static bool numbers_rows(const struct sub *u, const struct expr *e)
{
    if (!e || e->kind != EXPR_WINDOW || !u->b.scope->owned)
        return false;
    const struct window *w = e->window;
    return w->kind == WINDOW_ROW_NUMBER && w->n_partition == 1 &&
           draft_bare_key(u->d, w->partition[0]);
}

static enum err_code type_output(struct sub *u, struct sub_output *o,
                                 struct err *err)
{
    const struct place at = u->s->at;
    if (sub_is_own_key(o))
        return ERR_OK;
    if (u->groups) {
        TRY(draft_post(&o->typed, u->d, o->e, err));
        return o->typed->kind == TYPED_CALL
                   ? draft_check_read(u->d, USE_COMPUTE, o->e->at, err)
                   : ERR_OK;
    }
    if (!o->column)
        return draft_row(&o->typed, u->d, o->e, USE_VALUE, err);
    /* A key that may be missing passes as it is, to be tested for NULL. */
    if (o->column->key == REL_KEY_MAYBE)
        return draft_key_column(&o->typed, u->d, o->column, at, err);
    return draft_read(&o->typed, u->d, o->column, USE_VALUE, at, err);
}

/* The least or greatest value of a column with a public domain is one of it, or
 * outside of it as the column's are. */
static void keep_values(const struct sub *u, struct rel_column *out,
                        const struct typed *t)
{
    if (t->kind != TYPED_AGG || t->type != VALUE_TEXT)
        return;
    const struct draft_agg *agg = &u->b.aggs[t->index];
    if ((agg->kind != AGG_MIN && agg->kind != AGG_MAX) || agg->filter ||
        agg->value->kind != TYPED_COLUMN || !agg->value->column->policy ||
        !agg->value->column->policy->has_domain)
        return;
    out->values_of = agg->value->column->policy;
    out->is_least = agg->kind == AGG_MIN;
}

static enum err_code fill_column(struct sub *u, size_t i, struct err *err)
{
    struct sub_output *o = &u->outputs[i];
    struct rel_column *out = &u->rel->columns[i];
    out->name = o->name;
    if (sub_is_own_key(o)) {
        *out = *o->column;
        out->name = o->name;
        out->sql = "p";
        out->merged = false;
        return ERR_OK;
    }
    u->b.may_group = u->b.may_filter = true;
    TRY(type_output(u, o, err));
    out->sql = arena_printf(u->d->a, "c%zu", i);
    if (!out->sql)
        return draft_memory(err);
    const struct typed *t = o->typed;
    out->type = t->type == VALUE_NULL ? VALUE_TEXT : t->type;
    out->range = t->range;
    out->grid_bits = t->grid_bits;
    out->whole = t->whole;
    out->numeric = t->numeric;
    out->never_null = t->never_null;
    out->may_group = u->b.may_group;
    out->may_filter = u->b.may_filter;
    out->numbers = numbers_rows(u, o->e);
    /* What a window or an aggregate computes is computed once. */
    if (!(o->e && o->e->kind == EXPR_WINDOW) && t->kind != TYPED_AGG)
        out->behind = reach_expr(t);
    if (t->kind == TYPED_KEY && u->b.keys[t->index]->kind == TYPED_COLUMN)
        t = u->b.keys[t->index];
    if (t->kind == TYPED_COLUMN)
        keep_facts(u, out, t->column);
    out->of_person = draft_of_person(u->b.scope, t, u->b.keys);
    keep_values(u, out, t);
    /* One expression cannot leave what the engine's times hold; one on another,
     * level by level, could: each begins in the years 1 to 9999 anew. */
    if (out->type == VALUE_DATE || out->type == VALUE_TIMESTAMP) {
        out->raw = true;
        out->never_null = false;
    }
    return draft_keep_domain(out, u->d, t, err);
}

/* ORDER BY means something only beside LIMIT. */
static enum err_code type_order(struct sub *u, size_t i, struct err *err)
{
    const struct expr *e = u->s->orders[i].expr;
    const struct rel_column *key = draft_bare_key(u->d, e);
    u->order_outputs[i] = SUB_NONE;
    if (key && key->key == REL_KEY_OWN)
        return ERR_OK;
    for (size_t k = 0; k < u->n_outputs; k++)
        if (u->outputs[k].e && u->outputs[k].typed &&
            expr_equal(u->outputs[k].e, e)) {
            const struct rel_column *c = &u->rel->columns[k];
            u->order_outputs[i] = k;
            return c->may_filter
                       ? ERR_OK
                       : refuse(err, REFUSAL_MAY_FILTER, e->at, c->name, NULL);
        }
    if (u->s->distinct)
        return refuse(err, REFUSAL_ORDER_DISTINCT, e->at, NULL, NULL);
    u->b.may_filter = true;
    if (u->groups) {
        TRY(draft_post(&u->orders[i], u->d, e, err));
        return draft_check_read(u->d, USE_FILTER, e->at, err);
    }
    u->b.in_output = true;
    TRY(draft_row(&u->orders[i], u->d, e, USE_FILTER, err));
    u->b.in_output = false;
    return ERR_OK;
}

/* One row for each: of a person, so the key is among them. */
static enum err_code type_distinct_on(struct sub *u, struct err *err)
{
    bool has = !u->b.scope->owned;
    u->on = ARENA_NEW_N(u->d->a, u->s->n_distinct_on + 1, struct typed *);
    if (!u->on)
        return draft_memory(err);
    for (size_t i = 0; i < u->s->n_distinct_on; i++) {
        const struct expr *e = u->s->distinct_on[i];
        const struct rel_column *key = draft_bare_key(u->d, e);
        if (key && key->key == REL_KEY_OWN)
            has = true;
        else if (u->groups)
            TRY(draft_post(&u->on[u->n_on++], u->d, e, err));
        else
            TRY(draft_row(&u->on[u->n_on++], u->d, e, USE_GROUP, err));
    }
    if (has || u->s->n_distinct_on == 0)
        return ERR_OK;
    return refuse(err, REFUSAL_DISTINCT_ON_KEY, u->s->at, key_name(u), NULL);
}

static enum err_code type_orders(struct sub *u, struct err *err)
{
    const bool needed = sub_limits(u) || u->s->n_distinct_on > 0;
    const size_t n = needed ? u->s->n_orders : 0;
    u->orders = ARENA_NEW_N(u->d->a, n + 1, struct typed *);
    u->order_outputs = ARENA_NEW_N(u->d->a, n + 1, size_t);
    if (!u->orders || !u->order_outputs)
        return draft_memory(err);
    for (size_t i = 0; i < n; i++)
        TRY(type_order(u, i, err));
    return ERR_OK;
}

/* Everything inside a relation of people is per person. */
static enum err_code check_key(const struct sub *u, struct err *err)
{
    bool selects_key = false;
    for (size_t i = 0; i < u->n_outputs; i++)
        selects_key |= sub_is_own_key(&u->outputs[i]);
    if (!u->b.scope->owned)
        return draft_no_sets(u->d, "GROUPING SETS over public rows", err);
    u->d->unkeyed = u->s;
    if ((u->groups && !has_key(u)) || (u->s->distinct && !selects_key))
        return refuse(err, REFUSAL_GROUP_KEY, u->s->at, key_name(u), NULL);
    u->d->unkeyed = NULL;
    return draft_no_sets(u->d, "GROUPING SETS over rows of each person", err);
}

static enum err_code tell_limit(const struct sub *u, struct err *err)
{
    if (!sub_limits(u) || !u->b.scope->owned)
        return ERR_OK;
    return draft_notice(u->d, err,
                        "LIMIT and OFFSET in a sub-query over rows of people "
                        "count the rows of each \"%s\"",
                        key_name(u));
}

static enum err_code type_having(struct sub *u, struct err *err)
{
    if (!u->s->having)
        return ERR_OK;
    u->b.may_filter = true;
    TRY(draft_post(&u->having, u->d, u->s->having, err));
    TRY(draft_check_read(u->d, USE_FILTER, u->s->having->at, err));
    if (u->having->type == VALUE_BOOL || typed_is_null(u->having))
        return ERR_OK;
    return refuse(err, REFUSAL_HAVING_TYPE, u->having->at,
                  value_type_name(u->having->type), NULL);
}

/* DISTINCT makes groups of what it shows. */
static enum err_code check_distinct(const struct sub *u, struct err *err)
{
    for (size_t i = 0; u->s->distinct && i < u->n_outputs; i++)
        if (!sub_is_own_key(&u->outputs[i]) && !u->rel->columns[i].may_group)
            return refuse(err, REFUSAL_MAY_GROUP, u->s->at, u->outputs[i].name,
                          NULL);
    return ERR_OK;
}

static enum err_code type_sub(struct sub *u, struct err *err)
{
    TRY(draft_from(u->d, NULL, err));
    TRY(draft_rows(u->d, err));
    u->groups = u->s->n_keys > 0 || draft_aggregates(u->s->having);
    for (size_t i = 0; i < u->s->n_items; i++)
        u->groups |= draft_aggregates(u->s->items[i].expr);
    for (size_t i = 0; i < u->s->n_orders; i++)
        u->groups |= draft_aggregates(u->s->orders[i].expr);
    if (u->s->having && !u->groups)
        return refuse(err, REFUSAL_HAVING_ALONE, u->s->having->at, NULL, NULL);
    TRY(draft_keys(u->d, err));
    TRY(list_outputs(u, err));
    TRY(check_key(u, err));
    TRY(sub_ties(u, err));
    u->rel->n_columns = u->n_outputs;
    u->rel->columns = ARENA_NEW_N(u->d->a, u->n_outputs, struct rel_column);
    if (!u->rel->columns)
        return draft_memory(err);
    u->b.in_output = !u->groups;
    for (size_t i = 0; i < u->n_outputs; i++)
        TRY(fill_column(u, i, err));
    u->b.in_output = false;
    TRY(type_having(u, err));
    TRY(check_distinct(u, err));
    u->b.may_group = true;
    TRY(type_distinct_on(u, err));
    TRY(draft_check_read(u->d, USE_GROUP, u->s->at, err));
    TRY(type_orders(u, err));
    return tell_limit(u, err);
}

enum err_code draft_sub(const struct rel **out, struct draft *d,
                        const struct select *s, struct err *err)
{
    struct draft_block *const outer = d->block;
    struct sub *u = ARENA_NEW(d->a, struct sub);
    if (!u)
        return draft_memory(err);
    *u = (struct sub){ .d = d, .s = s, .b = { .tree = s, .ties = "" } };
    u->rel = ARENA_NEW(d->a, struct rel);
    if (!u->rel)
        return draft_memory(err);
    d->block = &u->b;
    d->unkeyed = NULL;
    const size_t n_story = d->n_story;
    const enum err_code code = type_sub(u, err);
    if (code != ERR_OK && d->unkeyed == s && d->chains) {
        *err = (struct err){ 0 };
        d->block = outer;
        d->n_story = n_story;
        return draft_chain(out, d, s, err);
    }
    TRY(code);
    d->block = outer;
    sub_own(u);
    const uint64_t behind = d->behind;
    u->rel->sql = draft_print(d, sub_print, u);
    *out = u->rel;
    if (!u->rel->sql)
        return draft_memory(err);
    return draft_reach(u->rel, sub_passes(u), d->behind - behind, s->at, err);
}
