/* Typing of what after.h describes. */
#include "server/plan/after.h"

#include <math.h>

#include "server/plan/draft.h"
#include "server/plan/range.h"
#include "server/query/refusal.h"

enum { OUTPUTS_MAX = DRAFT_COLUMNS_MAX };

enum err_code draft_answer_leaf(struct rel_leaf *out, struct draft *d,
                                struct rel_column *columns,
                                const struct plan_output *outputs, size_t n,
                                const char *name, struct err *err)
{
    struct rel *rel = ARENA_NEW(d->a, struct rel);
    if (!rel)
        return draft_memory(err);
    for (size_t i = 0; i < n; i++) {
        const enum value_type type = outputs[i].type;
        columns[i] = (struct rel_column){
            .name = outputs[i].name,
            .sql = outputs[i].name,
            .type = type == VALUE_NULL ? VALUE_TEXT : type,
            .numeric = outputs[i].expr && outputs[i].expr->numeric,
            .may_group = true,
            .may_filter = true,
            .range = { -HUGE_VAL, HUGE_VAL },
        };
    }
    rel->columns = columns;
    rel->n_columns = n;
    *out = (struct rel_leaf){ .name = name, .rel = rel, .columns = columns };
    return ERR_OK;
}

enum err_code draft_answer_scope(struct rel_scope **out, struct draft *d,
                                 const struct plan_output *outputs, size_t n,
                                 const char *name, struct err *err)
{
    struct rel_scope *s = ARENA_NEW(d->a, struct rel_scope);
    struct rel_leaf *leaf = ARENA_NEW(d->a, struct rel_leaf);
    struct rel_column *columns = ARENA_NEW_N(d->a, n + 1, struct rel_column);
    if (!s || !leaf || !columns)
        return draft_memory(err);
    TRY(draft_answer_leaf(leaf, d, columns, outputs, n, name, err));
    *s = (struct rel_scope){ .leaves = leaf, .n_leaves = 1 };
    *out = s;
    return ERR_OK;
}

static enum err_code add_output(struct plan_after *after, struct draft *d,
                                const char *name, const struct typed *e,
                                struct err *err)
{
    if (after->n_outputs == OUTPUTS_MAX)
        return refuse(err, REFUSAL_LIST_LENGTH, e->at, "SELECT", "512");
    after->outputs[after->n_outputs++] = (struct plan_output){
        .name = name,
        .type = e->type == VALUE_NULL ? VALUE_TEXT : e->type,
        .expr = e,
    };
    (void)d;
    return ERR_OK;
}

static enum err_code type_star(struct plan_after *after, struct draft *d,
                               const struct expr *star, struct err *err)
{
    const struct rel_scope *s = d->block->scope;
    const char *table = star->column.table;
    bool found = false;
    if (after->groups)
        return refuse(err, REFUSAL_STAR_GROUPS, star->at, NULL, NULL);
    for (size_t l = 0; l < s->n_leaves; l++) {
        const struct rel_leaf *leaf = &s->leaves[l];
        if (!draft_leaf_fits(leaf, star))
            continue;
        found = true;
        for (size_t i = 0; i < leaf->rel->n_columns; i++) {
            struct typed *e = NULL;
            if (leaf->columns[i].merged && !table)
                continue;
            TRY(draft_read(&e, d, &leaf->columns[i], USE_VALUE, star->at, err));
            TRY(add_output(after, d, leaf->columns[i].name, e, err));
        }
    }
    return found ? ERR_OK
                 : refuse(err, REFUSAL_NO_ALIAS, star->at, table ? table : "*",
                          NULL);
}

static enum err_code type_one(struct typed **out,
                              const struct plan_after *after, struct draft *d,
                              const struct expr *e, struct err *err)
{
    return after->groups ? draft_post(out, d, e, err)
                         : draft_row(out, d, e, USE_VALUE, err);
}

static enum err_code type_outputs(struct plan_after *after, struct draft *d,
                                  const struct select *s, struct err *err)
{
    after->outputs = ARENA_NEW_N(d->a, OUTPUTS_MAX, struct plan_output);
    if (!after->outputs)
        return draft_memory(err);
    for (size_t i = 0; i < s->n_items; i++) {
        const struct select_item *item = &s->items[i];
        struct typed *e = NULL;
        if (item->expr->kind == EXPR_STAR) {
            TRY(type_star(after, d, item->expr, err));
            continue;
        }
        TRY(type_one(&e, after, d, item->expr, err));
        TRY(add_output(after, d, select_item_name(item), e, err));
    }
    return ERR_OK;
}

static enum err_code type_orders(struct plan_after *after, struct draft *d,
                                 const struct select *s, struct err *err)
{
    after->n_orders = s->n_orders;
    after->orders = ARENA_NEW_N(d->a, s->n_orders + 1, struct plan_order);
    if (!after->orders)
        return draft_memory(err);
    for (size_t i = 0; i < s->n_orders; i++) {
        struct typed *e = NULL;
        TRY(type_one(&e, after, d, s->orders[i].expr, err));
        after->orders[i] = (struct plan_order){ e, s->orders[i].descending,
                                                s->orders[i].nulls_first };
    }
    return ERR_OK;
}

static enum err_code type_on(struct plan_after *after, struct draft *d,
                             const struct select *s, struct err *err)
{
    after->on = ARENA_NEW_N(d->a, s->n_distinct_on + 1, struct typed *);
    if (!after->on)
        return draft_memory(err);
    for (; after->n_on < s->n_distinct_on; after->n_on++)
        TRY(type_one(&after->on[after->n_on], after, d,
                     s->distinct_on[after->n_on], err));
    return ERR_OK;
}

static enum err_code type_having(struct plan_after *after, struct draft *d,
                                 const struct select *s, struct err *err)
{
    struct typed *e = NULL;
    if (!s->having)
        return ERR_OK;
    TRY(draft_post(&e, d, s->having, err));
    if (e->type != VALUE_BOOL && !typed_is_null(e))
        return refuse(err, REFUSAL_HAVING_TYPE, e->at, value_type_name(e->type),
                      NULL);
    after->having = e;
    return ERR_OK;
}

/* MIN, MAX and their like are free of harm here: the numbers are noisy. */
static enum err_code take_aggs(struct plan_after *after, struct draft *d,
                               struct err *err)
{
    const struct draft_block *b = d->block;
    after->n_aggs = b->n_aggs;
    after->aggs = ARENA_NEW_N(d->a, b->n_aggs + 1, struct plan_after_agg);
    if (!after->aggs)
        return draft_memory(err);
    for (size_t i = 0; i < b->n_aggs; i++) {
        const struct draft_agg *agg = &b->aggs[i];
        after->aggs[i] =
            (struct plan_after_agg){ agg->kind, agg->distinct, agg->fraction,
                                     agg->value, agg->filter };
    }
    return ERR_OK;
}

static bool has_groups(const struct select *s)
{
    bool found = s->n_keys > 0 || draft_aggregates(s->having);
    for (size_t i = 0; i < s->n_items; i++)
        found |= draft_aggregates(s->items[i].expr);
    for (size_t i = 0; i < s->n_orders; i++)
        found |= draft_aggregates(s->orders[i].expr);
    return found;
}

enum err_code draft_after(struct plan_after *after, struct draft *d,
                          const struct select *s, struct rel_scope *scope,
                          struct err *err)
{
    /* Sub-queries would read what is not noisy: as in an ON, there are none. */
    struct draft_block b = { .tree = s,
                             .scope = scope,
                             .in_join = true,
                             .is_answer = true,
                             .groups = has_groups(s),
                             .ties = "" };
    *after = (struct plan_after){ .groups = b.groups,
                                  .distinct = s->distinct,
                                  .has_limit = s->has_limit,
                                  .limit = s->limit,
                                  .offset = s->offset };
    d->block = &b;
    after->columns = b.scope->leaves[0].columns;
    if (s->where)
        TRY(draft_conjuncts(&b.where, d, s->where, err));
    after->where = b.where.v;
    after->n_where = b.where.n;
    TRY(draft_keys(d, err));
    after->sets = s->sets;
    after->n_sets = s->n_sets;
    after->keys = b.keys;
    after->n_keys = b.n_keys;
    TRY(type_having(after, d, s, err));
    b.in_output = true;
    TRY(type_outputs(after, d, s, err));
    TRY(type_orders(after, d, s, err));
    TRY(type_on(after, d, s, err));
    after->overs = b.overs;
    after->n_overs = b.n_overs;
    TRY(take_aggs(after, d, err));
    d->block = NULL;
    return ERR_OK;
}
