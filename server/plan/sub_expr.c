/*
 * Conditions with a sub-query.  Over rows of people the sub-query is of the
 * person outside: the key of its rows equals that of the outer row, said by a
 * term of its WHERE, or because the key itself is looked up:
 *
 *   EXISTS (SELECT .. FROM b WHERE b.key = a.key ..)
 *   x IN (SELECT y FROM b WHERE b.key = a.key ..)
 *   a.key IN (SELECT b.key FROM b ..)            any sub-query of people
 *   x IN (SELECT y FROM public ..)               any public sub-query
 *   (SELECT MIN(y) FROM b WHERE b.key = a.key ..)  one value
 *   (SELECT AVG(y) FROM b)                       over many people: a release
 */
#include <string.h>

#include "server/plan/dialect.h"
#include "server/plan/draft.h"
#include "server/plan/reach.h"
#include "server/query/refusal.h"

/* A sub-query whose rows depend on the outer row, and what is looked up. */
struct query {
    struct draft_block b;
    struct typed **sides; /* x and y of IN, of one type; or NULL */
    struct typed *value;  /* of a sub-query that is one; or NULL */
};

/* Rows of FROM and WHERE alone: nothing that needs a stage of its own. */
static bool is_simple(const struct select *s)
{
    return !s->distinct && s->n_distinct_on == 0 && s->n_keys == 0 &&
           !s->having && !s->has_limit && s->offset == 0 && s->n_items == 1 &&
           s->items[0].expr->kind != EXPR_STAR &&
           s->items[0].expr->kind != EXPR_WINDOW &&
           !draft_aggregates(s->items[0].expr);
}

/* EXISTS asks for rows only; what they show, and how often, is nothing to it.
 */
static bool only_rows(const struct select *s)
{
    bool only = s->n_keys == 0 && !s->having && !s->has_limit && s->offset == 0;
    for (size_t i = 0; i < s->n_items; i++)
        only &= !draft_aggregates(s->items[i].expr);
    return only;
}

static void print_query(struct writer *w, const void *ctx)
{
    const struct query *q = ctx;
    if (q->sides) {
        writer_str(w, "(");
        dialect_typed(w, q->sides[0]);
        writer_str(w, " IN (SELECT ");
        dialect_typed(w, q->sides[1]);
    } else if (q->value) {
        writer_str(w, "(SELECT ");
        dialect_typed(w, q->value);
    } else {
        writer_str(w, "EXISTS (SELECT 1");
    }
    dialect_from(w, q->b.scope);
    dialect_where(w, q->b.scope, &q->b.where);
    writer_str(w, q->sides ? "))" : ")");
}

/* `behind` the names in the text stand that many bytes. */
static enum err_code condition(struct typed **out, struct draft *d,
                               const char *text, uint64_t behind,
                               struct place at, struct err *err)
{
    struct typed *t = ARENA_NEW(d->a, struct typed);
    if (!t || !text)
        return draft_memory(err);
    *t = (struct typed){ .kind = TYPED_TEXT, .type = VALUE_BOOL, .at = at };
    t->text = text;
    t->behind = behind;
    *out = t;
    return ERR_OK;
}

/* The same type on both sides, by the rules of x = y. */
static enum err_code type_sides(struct query *q, struct draft *d,
                                struct typed *operand, struct typed *item,
                                struct place at, struct err *err)
{
    struct typed *unused = NULL;
    q->sides = ARENA_NEW_N(d->a, 2, struct typed *);
    if (!q->sides)
        return draft_memory(err);
    q->sides[0] = operand;
    q->sides[1] = item;
    return check_call(&unused, d, OP_EQ, q->sides, 2, at, err);
}

/* What the columns inside forbid, they forbid what is made of them. */
static void forbid(struct draft_block *outer, const struct draft_block *inner)
{
    outer->may_group &= inner->may_group;
    outer->may_filter &= inner->may_filter;
    if (inner->forbids)
        outer->forbids = inner->forbids;
}

static enum err_code correlated(struct typed **out, struct draft *d,
                                const struct expr *e, struct typed *operand,
                                struct err *err)
{
    struct draft_block *const outer = d->block;
    struct query q = {
        .b = { .tree = e->query.select, .may_group = true, .may_filter = true }
    };
    struct typed *item = NULL;
    d->block = &q.b;
    TRY(draft_from(d, outer->scope, err));
    TRY(draft_rows(d, err));
    if (operand) {
        TRY(draft_row(&item, d, e->query.select->items[0].expr, USE_FILTER,
                      err));
        TRY(type_sides(&q, d, operand, item, e->at, err));
    }
    d->block = outer;
    forbid(outer, &q.b);
    const uint64_t behind = d->behind;
    const char *text = draft_print(d, print_query, &q);
    TRY(condition(out, d, text, d->behind - behind, e->at, err));
    if (item && item->kind == TYPED_COLUMN) {
        (*out)->looked_up = operand;
        (*out)->looked_in = item->column;
    }
    return ERR_OK;
}

/* A relation of its own behind IN; `column` is what it is compared by. */
static const char *in_text(struct draft *d, const char *operand,
                           const char *column, const struct rel *rel)
{
    return draft_concat(
        d, (const char *[]){ "(", operand, " IN (SELECT ", column, " FROM ",
                             rel->sql, d->dialect ? " AS y))" : "))", NULL });
}

static enum err_code key_in(struct typed **out, struct draft *d,
                            const struct expr *e, const struct rel_column *key,
                            struct err *err)
{
    const struct rel *rel = NULL;
    if (key->key != REL_KEY_OWN)
        return refuse(err, REFUSAL_KEY_MAYBE, e->at, key->name, NULL);
    if (++d->n_relations > 64)
        return refuse(err, REFUSAL_RELATIONS, e->at, "64", NULL);
    TRY(draft_sub(&rel, d, e->query.select, err));
    if (!rel->owned || rel->n_columns != 1 ||
        rel->columns[0].key != REL_KEY_OWN)
        return refuse(err, REFUSAL_IN_KEY, e->at, key->name, NULL);
    return condition(out, d, in_text(d, key->sql, "p", rel), rel->behind, e->at,
                     err);
}

static void print_operand(struct writer *w, const void *ctx)
{
    dialect_typed(w, ctx);
}

static enum err_code public_in(struct typed **out, struct draft *d,
                               const struct expr *e, struct typed *operand,
                               struct err *err)
{
    const struct rel *rel = NULL;
    struct query q = { .b = { .tree = NULL } };
    struct typed item = { .kind = TYPED_COLUMN, .at = e->at };
    if (++d->n_relations > 64)
        return refuse(err, REFUSAL_RELATIONS, e->at, "64", NULL);
    TRY(draft_sub(&rel, d, e->query.select, err));
    if (rel->owned)
        return refuse(err, REFUSAL_QUERY_KEY, e->at, rel->key_name, NULL);
    if (rel->n_columns != 1)
        return refuse(err, REFUSAL_IN_COLUMNS, e->at, NULL, NULL);
    item.type = rel->columns[0].type;
    item.column = &rel->columns[0];
    TRY(type_sides(&q, d, operand, &item, e->at, err));
    const uint64_t behind = d->behind;
    const char *x = draft_print(d, print_operand, q.sides[0]);
    const char *y = draft_print(d, print_operand, q.sides[1]);
    if (!x || !y)
        return draft_memory(err);
    TRY(condition(out, d, in_text(d, x, y, rel),
                  reach_add(rel->behind, d->behind - behind), e->at, err));
    (*out)->looked_up = operand;
    (*out)->looked_in = item.column;
    return ERR_OK;
}

/* Aggregates without groups: one row, whatever there is. */
static bool is_one_value(const struct select *s)
{
    return !s->distinct && s->n_distinct_on == 0 && s->n_keys == 0 &&
           !s->having && !s->has_limit && s->offset == 0 && s->n_items == 1 &&
           draft_aggregates(s->items[0].expr);
}

static void keep_type(struct typed *out, const struct typed *value)
{
    out->type = value->type == VALUE_NULL ? VALUE_TEXT : value->type;
    out->range = value->range;
    out->grid_bits = value->grid_bits;
    out->whole = value->whole;
    out->never_null = value->never_null;
}

static enum err_code own_value(struct typed **out, struct query *q,
                               struct draft *d, const struct expr *e,
                               struct err *err)
{
    struct draft_block *const outer = d->block;
    d->block = &q->b;
    TRY(draft_from(d, outer->scope, err));
    TRY(draft_rows(d, err));
    TRY(draft_no_sets(d, "GROUPING SETS in a sub-query that is a value", err));
    TRY(draft_keys(d, err));
    TRY(draft_post(&q->value, d, e->query.select->items[0].expr, err));
    if (q->value->kind == TYPED_CALL)
        TRY(draft_check_read(d, USE_COMPUTE, e->at, err));
    d->block = outer;
    forbid(outer, &q->b);
    const uint64_t behind = d->behind;
    const char *text = draft_print(d, print_query, q);
    TRY(condition(out, d, text, d->behind - behind, e->at, err));
    keep_type(*out, q->value);
    return ERR_OK;
}

/* Of many people: the answer of an earlier release, which has one row. */
static enum err_code released_value(struct typed **out, struct draft *d,
                                    const struct expr *e, struct err *err)
{
    const struct rel *rel = NULL;
    TRY(draft_chain(&rel, d, e->query.select, err));
    TRY(condition(out, d,
                  arena_printf(d->a, "(SELECT %s FROM %s)", rel->columns[0].sql,
                               rel->sql),
                  0, e->at, err));
    (*out)->type = rel->columns[0].type;
    (*out)->range = rel->columns[0].range;
    (*out)->grid_bits = rel->columns[0].grid_bits;
    (*out)->whole = rel->columns[0].type == VALUE_INT;
    return ERR_OK;
}

static bool lacks_key(const struct err *err)
{
    const char *name = refusal_info_of(REFUSAL_QUERY_KEY)->name;
    return err->reason && strcmp(err->reason, name) == 0;
}

static enum err_code value(struct typed **out, struct draft *d,
                           const struct expr *e, struct err *err)
{
    struct draft_block *const outer = d->block;
    struct query q = { .b = { .tree = e->query.select,
                              .is_value = true,
                              .may_group = true,
                              .may_filter = true } };
    if (!is_one_value(e->query.select))
        return refuse(err, REFUSAL_VALUE_SHAPE, e->at, NULL, NULL);
    const enum err_code code = own_value(out, &q, d, e, err);
    if (code == ERR_OK || !lacks_key(err) || q.b.reads_outer || d->is_before)
        return code;
    *err = (struct err){ 0 };
    d->block = outer;
    return released_value(out, d, e, err);
}

static enum err_code type_query(struct typed **out, struct draft *d,
                                const struct expr *e, struct err *err)
{
    const struct select *s = e->query.select;
    struct typed *operand = NULL;
    if (e->query.is_value)
        return value(out, d, e, err);
    if (!e->query.operand) {
        if (!only_rows(s))
            return refuse(err, REFUSAL_EXISTS_SHAPE, e->at, NULL, NULL);
        return correlated(out, d, e, NULL, err);
    }
    const struct rel_column *key = draft_bare_key(d, e->query.operand);
    if (key)
        return key_in(out, d, e, key, err);
    TRY(draft_row(&operand, d, e->query.operand, USE_FILTER, err));
    return is_simple(s) ? correlated(out, d, e, operand, err)
                        : public_in(out, d, e, operand, err);
}

/* What counts over many people in here is a release before this one. */
enum err_code draft_query(struct typed **out, struct draft *d,
                          const struct expr *e, struct err *err)
{
    const bool chains = d->chains;
    d->chains = !d->is_before;
    TRY(type_query(out, d, e, err));
    d->chains = chains;
    return ERR_OK;
}
