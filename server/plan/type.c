#include "server/plan/type.h"
#include "server/plan/after.h"
#include "server/plan/canon.h"
#include "server/plan/reach.h"
#include "server/query/refusal.h"

static enum err_code type_key(struct draft *d, size_t i, struct err *err)
{
    struct draft_block *b = d->block;
    const struct expr *e = b->tree->keys[i];
    const char *alias = b->tree->key_aliases ? b->tree->key_aliases[i] : NULL;
    const struct expr input = { .kind = EXPR_COLUMN,
                                .at = e->at,
                                .column = { .name = alias } };
    /* PostgreSQL prefers an input column, which the parser did not know of. */
    if (alias && draft_column_try(d, &input) && !draft_same(d, e, &input))
        return refuse(err, REFUSAL_KEY_ALIAS, b->tree->at, alias, NULL);
    const struct rel_column *key = b->is_release ? NULL : draft_bare_key(d, e);
    if (key && key->key == REL_KEY_OWN)
        return draft_key_column(&b->keys[i], d, key, e->at, err);
    TRY(draft_row_at(&b->keys[i], d, e, USE_GROUP, 0, err));
    if (!b->is_release)
        return ERR_OK;
    b->real_keys[i] = b->keys[i]->type == VALUE_DOUBLE && b->keys[i]->whole;
    if (b->real_keys[i])
        TRY(draft_as(&b->keys[i], d, OP_CAST_INT, VALUE_INT, err));
    if (b->keys[i]->type == VALUE_DOUBLE)
        return refuse(err, REFUSAL_GROUP_REAL, e->at, NULL, NULL);
    if (typed_is_const(b->keys[i]))
        return refuse(err, REFUSAL_GROUP_CONSTANT, e->at, NULL, NULL);
    return ERR_OK;
}

enum err_code draft_no_sets(const struct draft *d, const char *what,
                            struct err *err)
{
    const struct select *s = d->block->tree;
    return s->n_sets == 0
               ? ERR_OK
               : refuse(err, REFUSAL_GROUPING_SETS, s->at, what, NULL);
}

static bool has_key(struct draft *d, const struct select *s,
                    const struct expr *e)
{
    size_t i = 0;
    while (i < s->n_keys && !draft_same(d, s->keys[i], e))
        i++;
    return i < s->n_keys;
}

/* GROUP BY x, x groups by x: twice, its public values would make pairs.
 * Grouping sets name their keys by place, and the parser knows them apart. */
static enum err_code keys_once(struct draft *d, struct err *err)
{
    const struct select *t = d->block->tree;
    if (t->n_keys < 2 || t->n_sets > 0)
        return ERR_OK;
    struct select *s = ARENA_NEW(d->a, struct select);
    struct expr **keys = ARENA_NEW_N(d->a, t->n_keys, struct expr *);
    const char **aliases = ARENA_NEW_N(d->a, t->n_keys, const char *);
    if (!s || !keys || !aliases)
        return draft_memory(err);
    *s = *t;
    s->keys = keys;
    s->key_aliases = aliases;
    s->n_keys = 0;
    for (size_t i = 0; i < t->n_keys; i++)
        if (!has_key(d, s, t->keys[i])) {
            aliases[s->n_keys] = t->key_aliases ? t->key_aliases[i] : NULL;
            keys[s->n_keys++] = t->keys[i];
        }
    if (s->n_keys < t->n_keys)
        d->block->tree = s;
    return ERR_OK;
}

enum err_code draft_keys(struct draft *d, struct err *err)
{
    struct draft_block *b = d->block;
    TRY(keys_once(d, err));
    b->n_keys = b->tree->n_keys;
    b->aggs = ARENA_NEW_N(d->a, PLAN_MEASURES_MAX, struct draft_agg);
    if (!b->aggs)
        return draft_memory(err);
    if (b->n_keys > PLAN_KEYS_MAX)
        return refuse(err, REFUSAL_LIST_LENGTH, b->tree->at, "GROUP BY", "16");
    b->keys = ARENA_NEW_N(d->a, b->n_keys + 1, struct typed *);
    b->real_keys = ARENA_NEW_N(d->a, b->n_keys + 1, bool);
    b->key_reach = ARENA_NEW_N(d->a, b->n_keys + 1, uint64_t);
    if (!b->keys || !b->real_keys || !b->key_reach)
        return draft_memory(err);
    for (size_t i = 0; i < b->n_keys; i++)
        TRY(type_key(d, i, err));
    for (size_t i = 0; i < b->n_keys && !b->is_release; i++)
        b->key_reach[i] = reach_expr(b->keys[i]);
    return b->is_release ? canon_keys(d, err) : ERR_OK;
}

static enum err_code type_outputs(struct draft *d, struct err *err)
{
    struct plan *p = d->plan;
    p->n_outputs = d->tree->n_items;
    p->outputs = ARENA_NEW_N(d->a, p->n_outputs + 1, struct plan_output);
    if (!p->outputs)
        return draft_memory(err);
    for (size_t i = 0; i < p->n_outputs; i++) {
        struct typed *t;
        TRY(draft_post(&t, d, d->tree->items[i].expr, err));
        p->outputs[i] = (struct plan_output){
            .name = select_item_name(&d->tree->items[i]),
            .type = t->type == VALUE_NULL ? VALUE_TEXT : t->type,
            .is_key = draft_is_key(t),
            .expr = t,
        };
    }
    return ERR_OK;
}

static enum err_code type_orders(struct draft *d, struct err *err)
{
    struct plan *p = d->plan;
    p->n_orders = d->tree->n_orders;
    p->orders = ARENA_NEW_N(d->a, p->n_orders + 1, struct plan_order);
    if (!p->orders)
        return draft_memory(err);
    for (size_t i = 0; i < p->n_orders; i++) {
        const struct select_order *o = &d->tree->orders[i];
        struct typed *t;
        TRY(draft_post(&t, d, o->expr, err));
        p->orders[i] = (struct plan_order){ t, o->descending, o->nulls_first };
    }
    return ERR_OK;
}

static enum err_code type_having(struct draft *d, struct err *err)
{
    struct typed *t;
    if (!d->tree->having)
        return ERR_OK;
    TRY(draft_post(&t, d, d->tree->having, err));
    if (t->type != VALUE_BOOL && !typed_is_null(t))
        return refuse(err, REFUSAL_HAVING_TYPE, t->at, value_type_name(t->type),
                      NULL);
    d->plan->having = t;
    return ERR_OK;
}

/* SELECT DISTINCT a, b without aggregates is GROUP BY a, b. */
static enum err_code distinct_keys(struct draft *d, struct err *err)
{
    const struct select *t = d->tree;
    bool plain = t->distinct && t->n_keys == 0 && !t->having;
    for (size_t i = 0; i < t->n_items; i++)
        plain &= t->items[i].expr->kind != EXPR_STAR &&
                 !draft_aggregates(t->items[i].expr);
    if (!plain)
        return ERR_OK;
    struct select *s = ARENA_NEW(d->a, struct select);
    if (!s)
        return draft_memory(err);
    *s = *t;
    s->distinct = false;
    s->key_aliases = NULL;
    s->keys = ARENA_NEW_N(d->a, t->n_items, struct expr *);
    if (!s->keys)
        return draft_memory(err);
    for (size_t i = 0; i < t->n_items; i++)
        s->keys[s->n_keys++] = t->items[i].expr;
    d->tree = s;
    return ERR_OK;
}

/* Rows that show every group key differ already. */
static enum err_code check_distinct(const struct draft *d, struct err *err)
{
    const struct draft_block *b = d->block;
    bool all = b->n_keys > 0;
    for (size_t k = 0; k < b->n_keys; k++) {
        bool shown = false;
        for (size_t i = 0; i < d->plan->n_outputs; i++)
            shown |= d->plan->outputs[i].expr->kind == TYPED_KEY &&
                     d->plan->outputs[i].expr->index == k;
        all &= shown;
    }
    if (!b->tree->distinct || all)
        return ERR_OK;
    return refuse(err, REFUSAL_DISTINCT_ANSWER, b->tree->at, NULL, NULL);
}

static enum err_code read_from(struct draft *d, struct draft_block *b,
                               struct err *err)
{
    *b = (struct draft_block){ .tree = d->tree, .is_release = true };
    d->block = b; /* sub-queries that were refused left theirs */
    d->unkeyed = NULL;
    d->n_amongs = 0;
    d->n_relations = d->n_aliases = d->n_story = d->plan->n_notices = 0;
    return draft_from(d, NULL, err);
}

/* Around aggregates it picks from the answer; here it would pick from people.
 */
static enum err_code check_on(const struct draft *d, struct err *err)
{
    return d->tree->n_distinct_on == 0
               ? ERR_OK
               : refuse(err, REFUSAL_DISTINCT_ON, d->tree->at, NULL, NULL);
}

/*
 * The relations of the release.  Where a sub-query counts over many people, it
 * is the release, and the question does something with its answer; or it is
 * one of several relations, and a release before this one.
 */
static enum err_code release_from(struct draft *d, struct draft_block *b,
                                  struct err *err)
{
    TRY(distinct_keys(d, err));
    const enum err_code code = read_from(d, b, err);
    if (code == ERR_OK)
        return check_on(d, err);
    if (!d->unkeyed || d->is_before)
        return code;
    if (draft_finds_mix(d))
        return code;
    *err = (struct err){ 0 };
    TRY(draft_nest(&d->tree, d, d->unkeyed, err));
    TRY(distinct_keys(d, err));
    d->chains = true;
    TRY(read_from(d, b, err));
    d->chains = false;
    return check_on(d, err);
}

/* The SELECTs around, each over the columns of the one inside it. */
static enum err_code type_after(struct draft *d, struct err *err)
{
    struct plan *p = d->plan;
    const struct plan_output *outputs = p->outputs;
    size_t n = p->n_outputs;
    p->after = ARENA_NEW_N(d->a, d->n_outers + 1, struct plan_after);
    if (!p->after)
        return draft_memory(err);
    for (; p->n_after < d->n_outers; p->n_after++) {
        struct plan_after *after = &p->after[p->n_after];
        const struct select *s = d->outers[p->n_after];
        struct rel_scope *scope = NULL;
        TRY(draft_answer_scope(&scope, d, outputs, n, relation_name(s->from),
                               err));
        TRY(draft_after(after, d, s, scope, err));
        outputs = after->outputs;
        n = after->n_outputs;
        p->is_free |= after->has_limit && after->limit == 0;
    }
    return ERR_OK;
}

/* The keys of the grouping set alone. */
static void keep_set(struct draft *d, struct draft_block *b)
{
    size_t n = 0;
    for (size_t i = 0; i < b->n_keys; i++)
        if (draft_in_set(d, i))
            b->keys[n++] = b->keys[i];
    b->n_keys = n;
    d->plan->n_keys = n;
}

/* Windows see the rows of the answer, and without aggregates there are none. */
static enum err_code check_windows(const struct draft *d, struct err *err)
{
    const struct select *t = d->tree;
    const struct expr *window = NULL;
    bool groups = t->n_keys > 0 || draft_aggregates(t->having);
    for (size_t i = 0; i < t->n_items; i++) {
        groups |= draft_aggregates(t->items[i].expr);
        if (!window && draft_windows(t->items[i].expr))
            window = t->items[i].expr;
    }
    if (groups || !window)
        return ERR_OK;
    return refuse(err, REFUSAL_WINDOW_ROWS, window->at, draft_key(d)->key_name,
                  NULL);
}

static enum err_code type_all(struct draft *d, struct err *err)
{
    struct draft_block b;
    TRY(release_from(d, &b, err));
    if (!b.scope->owned)
        return refuse(err, REFUSAL_PUBLIC_ALONE, d->tree->from->at, NULL, NULL);
    /* One release for each set: sets.c asks for them one by one. */
    if ((d->tree->n_sets > 0) != (d->set != NULL)) {
        d->in_sets = d->set || d->is_before ? NULL : d->tree;
        return refuse(err, REFUSAL_GROUPING_SETS, d->tree->at,
                      "GROUPING SETS in a sub-query that is joined", NULL);
    }
    d->scope = b.scope;
    TRY(check_windows(d, err));
    TRY(draft_rows(d, err));
    TRY(draft_keys(d, err));
    TRY(draft_key_amongs(d, err));
    b.in_output = true;
    TRY(type_outputs(d, err));
    TRY(type_orders(d, err));
    b.in_output = false;
    TRY(check_distinct(d, err));
    TRY(type_having(d, err));
    d->plan->overs = b.overs;
    d->plan->n_overs = b.n_overs;
    keep_set(d, &b);
    if (b.n_keys == 0 && b.n_aggs == 0 && !d->set)
        return refuse(err, REFUSAL_NO_AGGREGATE, d->tree->at, NULL, NULL);
    d->where = b.where;
    d->never = b.where.never;
    d->keys = b.keys;
    d->aggs = b.aggs;
    d->n_aggs = b.n_aggs;
    d->block = NULL;
    return type_after(d, err);
}

/* Tables show the attributes of a person that are read: which they are is known
 * once all is typed, and then all is typed again. */
enum err_code draft_types(struct draft *d, struct err *err)
{
    const struct select *const tree = d->tree;
    bool again = true;
    while (again) {
        const size_t known = d->n_attributes;
        d->tree = tree;
        d->n_outers = 0;
        d->reads_rows = false;
        d->plan->n_before = d->plan->n_after = 0;
        TRY(type_all(d, err));
        again = d->n_attributes > known;
        if (!again && draft_people_alone(d))
            again = d->people_alone = true;
    }
    return ERR_OK;
}
