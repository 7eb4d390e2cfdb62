#include <math.h>
#include <stdio.h>
#include <string.h>

#include "server/plan/after.h"
#include "server/plan/draft.h"
#include "server/plan/eval.h"
#include "server/plan/range.h"
#include "server/query/refusal.h"

enum { DEPTH_MAX = 256 };

static enum err_code type_row(struct typed **out, struct draft *d,
                              const struct expr *e, enum draft_use use,
                              unsigned depth, struct err *err);

static enum err_code allow_column(struct draft *d, const struct rel_column *c,
                                  enum draft_use use, struct place at,
                                  struct err *err)
{
    if (c->key != REL_KEY_NONE)
        return refuse(err, REFUSAL_PRIVACY_KEY, at, c->name, NULL);
    if (use == USE_FILTER && !c->may_filter)
        return refuse(err, REFUSAL_MAY_FILTER, at, c->name, NULL);
    if (use == USE_GROUP && !c->may_group)
        return refuse(err, REFUSAL_MAY_GROUP, at, c->name, NULL);
    d->block->may_group &= c->may_group;
    d->block->may_filter &= c->may_filter;
    return ERR_OK;
}

static enum err_code column_leaf(struct typed **out, struct draft *d,
                                 const struct rel_column *c, struct place at,
                                 struct err *err)
{
    struct typed *t = ARENA_NEW(d->a, struct typed);
    if (!t)
        return draft_memory(err);
    *t = (struct typed){
        .kind = TYPED_COLUMN, .at = at, .column = c, .type = c->type
    };
    range_of(t);
    *out = t;
    return ERR_OK;
}

enum err_code draft_read(struct typed **out, struct draft *d,
                         const struct rel_column *c, enum draft_use use,
                         struct place at, struct err *err)
{
    TRY(allow_column(d, c, use, at, err));
    return column_leaf(out, d, c, at, err);
}

enum err_code draft_key_column(struct typed **out, struct draft *d,
                               const struct rel_column *c, struct place at,
                               struct err *err)
{
    return column_leaf(out, d, c, at, err);
}

static enum err_code type_column(struct typed **out, struct draft *d,
                                 const struct expr *e, enum draft_use use,
                                 struct err *err)
{
    const struct rel_column *c = NULL;
    TRY(draft_column(&c, d, e, err));
    return draft_read(out, d, c, use, e->at, err);
}

static enum err_code type_const(struct typed **out, struct draft *d,
                                const struct expr *e, struct err *err)
{
    struct value v = e->kind == EXPR_CONST ? e->value : value_null();
    if (e->kind == EXPR_PARAM && d->shape)
        return draft_param(out, d, e, err);
    if (e->kind == EXPR_PARAM) {
        if (e->param < 1 || e->param > d->req->n_params) {
            char number[16], given[24];
            (void)snprintf(number, sizeof number, "%u", e->param);
            (void)snprintf(given, sizeof given, "%zu", d->req->n_params);
            return refuse(err, REFUSAL_PARAM_VALUE, e->at, number, given);
        }
        v = d->req->params[e->param - 1];
    }
    if (v.type == VALUE_DOUBLE && !isfinite(v.d))
        return refuse(err, REFUSAL_NOT_FINITE, e->at, NULL, NULL);
    const int64_t per = v.type == VALUE_TIMESTAMP ? US_PER_DAY : 1;
    if ((v.type == VALUE_DATE || v.type == VALUE_TIMESTAMP) &&
        (v.i / per < TIME_MIN_US / US_PER_DAY ||
         v.i / per > TIME_MAX_US / US_PER_DAY))
        return refuse(err, REFUSAL_TIME_RANGE, e->at, NULL, NULL);
    *out = draft_const(d, v.type, v, e->at);
    return *out ? ERR_OK : draft_memory(err);
}

/* The key that `e` tests for NULL, or NULL. */
static const struct rel_column *key_tested(const struct draft *d,
                                           const struct expr *e)
{
    if (e->call.op != OP_IS_NULL || e->call.n_args != 1)
        return NULL;
    return draft_bare_key(d, e->call.args[0]);
}

/*
 * Rows without a key are dropped first, so this one test of it has an answer;
 * where an outer join found no row it tells just that.
 */
static enum err_code type_key_test(struct typed **out, struct draft *d,
                                   const struct expr *e,
                                   const struct rel_column *key,
                                   struct err *err)
{
    const struct value no = { .type = VALUE_BOOL, .b = false };
    struct typed **arg = ARENA_NEW(d->a, struct typed *);
    if (!arg)
        return draft_memory(err);
    if (key->key == REL_KEY_OWN) {
        *out = draft_const(d, VALUE_BOOL, no, e->at);
        return *out ? ERR_OK : draft_memory(err);
    }
    TRY(column_leaf(arg, d, key, e->call.args[0]->at, err));
    return check_call(out, d, OP_IS_NULL, arg, 1, e->at, err);
}

static bool tests_rows(enum expr_op op)
{
    return op <= OP_STARTS_WITH;
}

static enum err_code type_call(struct typed **out, struct draft *d,
                               const struct expr *e, enum draft_use use,
                               unsigned depth, struct err *err)
{
    const struct rel_column *key = key_tested(d, e);
    if (key)
        return type_key_test(out, d, e, key, err);
    if (e->call.op == OP_DP_LOW || e->call.op == OP_DP_HIGH)
        return refuse(err, REFUSAL_BOUND_PLACE, e->at,
                      op_info_of(e->call.op)->sql, NULL);
    if (e->call.op == OP_GROUPING)
        return refuse(err, REFUSAL_GROUPING_KEY, e->at, NULL, NULL);
    struct typed **args = ARENA_NEW_N(d->a, e->call.n_args, struct typed *);
    if (!args)
        return draft_memory(err);
    const enum draft_use inner =
        use == USE_VALUE && tests_rows(e->call.op) ? USE_FILTER : use;
    for (size_t i = 0; i < e->call.n_args; i++) {
        const bool is_test = e->call.op == OP_CASE && use == USE_VALUE &&
                             i % 2 == 0 && i + 1 < e->call.n_args;
        TRY(type_row(&args[i], d, e->call.args[i], is_test ? USE_FILTER : inner,
                     depth + 1, err));
    }
    return check_call(out, d, e->call.op, args, e->call.n_args, e->at, err);
}

static enum err_code too_deep(struct place at, struct err *err)
{
    return refuse(err, REFUSAL_TEXT_DEPTH, at, "256", NULL);
}

static enum err_code type_row(struct typed **out, struct draft *d,
                              const struct expr *e, enum draft_use use,
                              unsigned depth, struct err *err)
{
    if (depth > DEPTH_MAX)
        return too_deep(e->at, err);
    switch (e->kind) {
    case EXPR_CONST:
    case EXPR_PARAM:
        return type_const(out, d, e, err);
    case EXPR_COLUMN:
        return type_column(out, d, e, use, err);
    case EXPR_CALL:
        return type_call(out, d, e, use, depth, err);
    case EXPR_STAR:
        return refuse(err, REFUSAL_SELECT_STAR, e->at, NULL, NULL);
    case EXPR_WINDOW:
        if (d->block->in_output)
            return draft_window(out, d, e, err);
        return refuse(err, REFUSAL_WINDOW_PLACE, e->at,
                      "a question, or beside aggregates", NULL);
    case EXPR_QUERY:
        if (!d->block->in_join)
            return draft_query(out, d, e, err);
        return refuse(err, REFUSAL_QUERY_PLACE, e->at, "ON", NULL);
    case EXPR_AGG:
        break;
    }
    return refuse(err, REFUSAL_AGG_PLACE, e->at, "this place", NULL);
}

static bool same_column(const struct draft *d, const struct expr *a,
                        const struct expr *b)
{
    const struct rel_column *c = draft_column_try(d, a);
    return c && c == draft_column_try(d, b);
}

static const struct value *constant(const struct draft *d, const struct expr *e)
{
    if (e->kind == EXPR_CONST)
        return &e->value;
    if (e->kind == EXPR_PARAM && e->param >= 1 && e->param <= d->req->n_params)
        return &d->req->params[e->param - 1];
    return NULL;
}

/* As expr_equal, but t.x is x and $1 is its value. */
static bool same(const struct draft *d, const struct expr *a,
                 const struct expr *b)
{
    const struct value *l = constant(d, a), *r = constant(d, b);
    if (l || r)
        return l && r && value_cmp(l, r) == 0;
    if (a->kind != b->kind)
        return false;
    if (a->kind == EXPR_PARAM)
        return a->param == b->param; /* without a value */
    if (a->kind == EXPR_COLUMN)
        return same_column(d, a, b);
    if (a->kind != EXPR_CALL || a->call.op != b->call.op ||
        a->call.n_args != b->call.n_args)
        return false;
    for (size_t i = 0; i < a->call.n_args; i++)
        if (!same(d, a->call.args[i], b->call.args[i]))
            return false;
    return true;
}

static enum err_code leaf(struct typed **out, struct draft *d,
                          enum typed_kind kind, enum value_type type,
                          size_t index, struct place at, struct err *err)
{
    struct typed *t = ARENA_NEW(d->a, struct typed);
    if (!t)
        return draft_memory(err);
    *t = (struct typed){ .kind = kind, .type = type, .at = at, .index = index };
    range_of(t);
    *out = t;
    return ERR_OK;
}

/* A whole number that was a double goes through the engine as an integer. */
static enum err_code as_type(struct typed **e, struct draft *d, enum expr_op op,
                             enum value_type type, struct err *err)
{
    struct typed **args = ARENA_NEW(d->a, struct typed *);
    if (!args)
        return draft_memory(err);
    args[0] = *e;
    return draft_call(e, d, op, type, args, 1, (*e)->at, err);
}

/* In a sub-query groups keep the range of the key. */
static enum err_code key_leaf(struct typed **out, struct draft *d, size_t i,
                              size_t index, struct place at, struct err *err)
{
    const struct draft_block *b = d->block;
    TRY(leaf(out, d, TYPED_KEY, b->keys[i]->type, index, at, err));
    if (b->is_release)
        return b->real_keys[i]
                   ? as_type(out, d, OP_CAST_DOUBLE, VALUE_DOUBLE, err)
                   : ERR_OK;
    (*out)->range = b->keys[i]->range;
    (*out)->grid_bits = b->keys[i]->grid_bits;
    (*out)->whole = b->keys[i]->whole;
    (*out)->never_null = b->keys[i]->never_null;
    return ERR_OK;
}

/* The filter, and that the key is there. */
static enum err_code has_key(struct draft_agg *agg, struct draft *d,
                             const struct rel_column *key, struct err *err)
{
    /* NOT (key IS NULL) AND filter, each with its own arguments. */
    struct typed **args = ARENA_NEW_N(d->a, 4, struct typed *);
    struct typed *there = NULL;
    if (!args)
        return draft_memory(err);
    TRY(column_leaf(&args[0], d, key, agg->at, err));
    TRY(check_call(&args[1], d, OP_IS_NULL, &args[0], 1, agg->at, err));
    TRY(check_call(&there, d, OP_NOT, &args[1], 1, agg->at, err));
    if (agg->filter) {
        args[2] = there;
        args[3] = (struct typed *)(uintptr_t)agg->filter;
        TRY(check_call(&there, d, OP_AND, &args[2], 2, agg->at, err));
    }
    agg->filter = there;
    return ERR_OK;
}

/*
 * COUNT(DISTINCT key), and COUNT(key), which is COUNT(*) since every row has
 * one; where an outer join may have found none, of the rows that have one.
 */
static enum err_code type_key_count(struct draft_agg *agg, struct draft *d,
                                    const struct expr *e,
                                    const struct rel_column *key,
                                    struct err *err)
{
    agg->people = e->agg.distinct;
    return key->key == REL_KEY_MAYBE ? has_key(agg, d, key, err) : ERR_OK;
}

static enum err_code agg_refusals(const struct expr *e, struct err *err)
{
    if (e->agg.kind == AGG_MIN || e->agg.kind == AGG_MAX)
        return refuse(err, REFUSAL_MIN_MAX, e->at, NULL, NULL);
    return ERR_OK;
}

static enum err_code type_filter(const struct typed **out, struct draft *d,
                                 const struct expr *e, struct err *err)
{
    struct typed *t;
    TRY(type_row(&t, d, e, USE_FILTER, 0, err));
    draft_param_is(d, t, VALUE_BOOL);
    if (t->type != VALUE_BOOL && !typed_is_null(t))
        return refuse(err, REFUSAL_FILTER_TYPE, t->at, value_type_name(t->type),
                      NULL);
    const bool always = typed_is_const(t) && !typed_is_null(t) && t->value.b;
    *out = always ? NULL : t;
    return ERR_OK;
}

static enum err_code type_fraction(struct draft_agg *agg, struct draft *d,
                                   const struct expr *e, struct err *err)
{
    struct typed *t;
    if (!e->agg.fraction)
        return err_set(err, ERR_INVALID, "a percentile lacks its fraction");
    TRY(type_row(&t, d, e->agg.fraction, USE_VALUE, 0, err));
    draft_param_is(d, t, VALUE_DOUBLE);
    if (d->shape && t->param > 0)
        return ERR_OK;
    if (!typed_is_const(t) || typed_is_null(t) ||
        (t->type != VALUE_INT && t->type != VALUE_DOUBLE))
        return refuse(err, REFUSAL_PERCENTILE, e->at, agg_kind_name(agg->kind),
                      NULL);
    agg->fraction = t->range.lo;
    return ERR_OK;
}

static enum err_code type_agg(struct draft_agg *agg, struct draft *d,
                              const struct expr *e, struct err *err)
{
    *agg = (struct draft_agg){ .kind = e->agg.kind, .at = e->at };
    if (!e->agg.arg)
        return err_set(err, ERR_INVALID, "an aggregate lacks its argument");
    const struct rel_column *key =
        e->agg.kind == AGG_COUNT ? draft_bare_key(d, e->agg.arg) : NULL;
    if (d->block->is_release)
        TRY(agg_refusals(e, err));
    agg->distinct = e->agg.distinct && !key;
    if (e->agg.filter)
        TRY(type_filter(&agg->filter, d, e->agg.filter, err));
    if (key)
        return type_key_count(agg, d, e, key, err);
    if (e->agg.kind == AGG_COUNT && e->agg.arg->kind == EXPR_STAR)
        return ERR_OK;
    struct typed *value;
    TRY(type_row(&value, d, e->agg.arg, USE_VALUE, 0, err));
    agg->value = value;
    if (agg->kind == AGG_COUNT) {
        agg->value = value->never_null && !agg->distinct ? NULL : value;
        return ERR_OK;
    }
    if (agg->kind == AGG_MIN || agg->kind == AGG_MAX)
        return ERR_OK; /* in sub-queries only, and of any type */
    if (value->type != VALUE_INT && value->type != VALUE_DOUBLE) {
        return refuse(err, REFUSAL_AGG_NUMBER, e->at,
                      agg_kind_name(e->agg.kind), value_type_name(value->type));
    }
    return agg_is_percentile(agg->kind) ? type_fraction(agg, d, e, err)
                                        : ERR_OK;
}

static enum value_type agg_type(const struct draft_agg *agg)
{
    if (agg->kind == AGG_AVG || agg->kind == AGG_PERCENTILE_CONT ||
        agg_is_spread(agg->kind))
        return VALUE_DOUBLE;
    return agg->kind == AGG_SUM || agg->kind == AGG_PERCENTILE_DISC
               ? agg->value->type
               : VALUE_INT;
}

static bool same_agg(const struct draft_agg *a, const struct draft_agg *b)
{
    return a->kind == b->kind && a->people == b->people &&
           a->distinct == b->distinct && a->fraction == b->fraction &&
           (a->value == b->value || typed_equal(a->value, b->value)) &&
           (a->filter == b->filter || typed_equal(a->filter, b->filter));
}

/* In a sub-query that is a value.  An aggregate of the row outside would be
 * that of the SELECT outside. */
static enum err_code value_agg(struct typed **out, struct draft *d,
                               const struct draft_agg *agg, struct err *err)
{
    if (d->block->reads_outer)
        return refuse(err, REFUSAL_VALUE_OUTER, agg->at, NULL, NULL);
    TRY(leaf(out, d, TYPED_TEXT, VALUE_INT, 0, agg->at, err));
    TRY(draft_sub_agg(*out, d, agg, err));
    (*out)->text = draft_agg_text(d, agg, "");
    return (*out)->text ? ERR_OK : draft_memory(err);
}

static enum err_code post_agg(struct typed **out, struct draft *d,
                              const struct expr *e, struct err *err)
{
    struct draft_agg agg;
    size_t i = 0;
    struct draft_block *b = d->block;
    const bool outer = b->reads_outer;
    b->reads_outer = false;
    TRY(type_agg(&agg, d, e, err));
    if (b->is_value)
        return value_agg(out, d, &agg, err);
    b->reads_outer |= outer;
    while (i < b->n_aggs && !same_agg(&agg, &b->aggs[i]))
        i++;
    if (i == PLAN_MEASURES_MAX)
        return refuse(err, REFUSAL_LIST_LENGTH, e->at, "A list of aggregates",
                      "64");
    if (i == b->n_aggs)
        b->aggs[b->n_aggs++] = agg;
    if (b->is_release)
        return leaf(out, d, TYPED_AGG, agg_type(&agg), i, e->at, err);
    TRY(leaf(out, d, TYPED_AGG, VALUE_INT, i, e->at, err));
    return draft_sub_agg(*out, d, &agg, err);
}

static enum err_code ungrouped(struct draft *d, const struct expr *e,
                               struct err *err)
{
    const struct rel_column *c = NULL;
    TRY(draft_column(&c, d, e, err));
    TRY(allow_column(d, c, USE_GROUP, e->at, err));
    return refuse(err, REFUSAL_UNGROUPED, e->at, c->name, NULL);
}

static bool is_key(const struct typed *e)
{
    return e->kind == TYPED_KEY || (typed_is_call(e, OP_CAST_DOUBLE) &&
                                    e->call.args[0]->kind == TYPED_KEY);
}

/* A key that the grouping set leaves out is NULL in its rows. */
static enum err_code key_or_null(struct typed **out, struct draft *d, size_t i,
                                 struct place at, struct err *err)
{
    const struct draft_block *b = d->block;
    size_t index = 0;
    for (size_t k = 0; k < i; k++)
        index += !b->is_release || draft_in_set(d, k);
    if (!b->is_release || draft_in_set(d, i))
        return key_leaf(out, d, i, index, at, err);
    *out = draft_const(d, b->real_keys[i] ? VALUE_DOUBLE : b->keys[i]->type,
                       value_null(), at);
    return *out ? ERR_OK : draft_memory(err);
}

/* GROUPING (a, b): a bit for each key that the set leaves out. */
static enum err_code grouping(struct typed **out, struct draft *d,
                              const struct expr *e, struct err *err)
{
    const struct draft_block *b = d->block;
    int64_t bits = 0;
    for (size_t i = 0; i < e->call.n_args; i++) {
        size_t k = 0;
        while (k < b->n_keys && !same(d, e->call.args[i], b->tree->keys[k]))
            k++;
        if (k == b->n_keys)
            return refuse(err, REFUSAL_GROUPING_KEY, e->call.args[i]->at, NULL,
                          NULL);
        bits = bits << 1 | !draft_in_set(d, k);
    }
    *out = draft_const(d, VALUE_INT, value_int(bits), e->at);
    return *out ? ERR_OK : draft_memory(err);
}

/* An expression over group keys and aggregates. */
static enum err_code type_post(struct typed **out, struct draft *d,
                               const struct expr *e, unsigned depth,
                               struct err *err)
{
    if (depth > DEPTH_MAX)
        return too_deep(e->at, err);
    struct draft_block *b = d->block;
    for (size_t i = 0; i < b->n_keys; i++)
        if (!typed_is_const(b->keys[i]) && same(d, e, b->tree->keys[i])) {
            if (draft_bare_key(d, e)) /* not to be computed with */
                return allow_column(d, b->keys[i]->column, USE_GROUP, e->at,
                                    err);
            return key_or_null(out, d, i, e->at, err);
        }
    if (e->kind == EXPR_CALL && e->call.op == OP_GROUPING)
        return grouping(out, d, e, err);
    if (e->kind == EXPR_AGG)
        return post_agg(out, d, e, err);
    if (e->kind == EXPR_COLUMN)
        return ungrouped(d, e, err);
    if (e->kind == EXPR_WINDOW || e->kind == EXPR_QUERY)
        return refuse(err,
                      e->kind == EXPR_WINDOW ? REFUSAL_WINDOW_PLACE
                                             : REFUSAL_QUERY_PLACE,
                      e->at, "a question, or beside aggregates", NULL);
    if (e->kind != EXPR_CALL)
        return type_row(out, d, e, USE_VALUE, depth, err);

    struct typed **args = ARENA_NEW_N(d->a, e->call.n_args, struct typed *);
    if (!args)
        return draft_memory(err);
    for (size_t i = 0; i < e->call.n_args; i++)
        TRY(type_post(&args[i], d, e->call.args[i], depth + 1, err));
    return check_call(out, d, e->call.op, args, e->call.n_args, e->at, err);
}

/* `list` with room for one more of `size` bytes. */
static void *grown(struct draft *d, void *list, size_t n, size_t *cap,
                   size_t size)
{
    if (n < *cap)
        return list;
    char *more = ARENA_NEW_N(d->a, (2 * *cap + 8) * size, char);
    if (more && n)
        memcpy(more, list, n * size);
    *cap = 2 * *cap + 8;
    return more;
}

enum err_code draft_add_term(struct draft_terms *t, struct draft *d,
                             struct typed *term, struct err *err)
{
    t->never |= typed_is_const(term); /* false or NULL */
    t->v = grown(d, t->v, t->n, &t->cap, sizeof *t->v);
    if (!t->v)
        return draft_memory(err);
    t->v[t->n++] = term;
    return ERR_OK;
}

enum err_code draft_key_pair(struct draft_terms *t, struct draft *d,
                             const struct rel_column *a,
                             const struct rel_column *b, struct place at,
                             struct err *err)
{
    struct typed *term = ARENA_NEW(d->a, struct typed);
    if (a->key != REL_KEY_OWN || b->key != REL_KEY_OWN)
        return refuse(err, REFUSAL_KEY_MAYBE, at,
                      a->key == REL_KEY_OWN ? b->name : a->name, NULL);
    t->pairs = grown(d, t->pairs, t->n_pairs, &t->cap_pairs, sizeof *t->pairs);
    if (!term || !t->pairs)
        return draft_memory(err);
    t->pairs[t->n_pairs++] = (struct draft_pair){ a, b };
    *term = (struct typed){ .kind = TYPED_TEXT, .type = VALUE_BOOL, .at = at };
    term->text = arena_printf(d->a, "(%s = %s)", a->sql, b->sql);
    return term->text ? draft_add_term(t, d, term, err) : draft_memory(err);
}

static enum err_code add_conjunct(struct draft_terms *t, struct draft *d,
                                  const struct expr *e, struct err *err)
{
    const struct typed *term;
    if (e->kind == EXPR_CALL && e->call.op == OP_EQ && e->call.n_args == 2) {
        const struct rel_column *a = draft_bare_key(d, e->call.args[0]);
        const struct rel_column *b = draft_bare_key(d, e->call.args[1]);
        if (a && b)
            return draft_key_pair(t, d, a, b, e->at, err);
    }
    TRY(type_filter(&term, d, e, err));
    if (!term)
        return ERR_OK;
    return draft_add_term(t, d, (struct typed *)(uintptr_t)term, err);
}

static enum err_code add_conjuncts(struct draft_terms *t, struct draft *d,
                                   const struct expr *e, unsigned depth,
                                   struct err *err)
{
    if (depth > DEPTH_MAX)
        return too_deep(e->at, err);
    if (e->kind != EXPR_CALL || e->call.op != OP_AND)
        return add_conjunct(t, d, e, err);
    for (size_t i = 0; i < e->call.n_args; i++)
        TRY(add_conjuncts(t, d, e->call.args[i], depth + 1, err));
    return ERR_OK;
}

enum err_code draft_conjuncts(struct draft_terms *t, struct draft *d,
                              const struct expr *e, struct err *err)
{
    return add_conjuncts(t, d, e, 0, err);
}

enum err_code draft_row(struct typed **out, struct draft *d,
                        const struct expr *e, enum draft_use use,
                        struct err *err)
{
    return type_row(out, d, e, use, 0, err);
}

enum err_code draft_post(struct typed **out, struct draft *d,
                         const struct expr *e, struct err *err)
{
    return type_post(out, d, e, 0, err);
}

enum err_code draft_agg_of(struct draft_agg *agg, struct draft *d,
                           const struct expr *e, struct err *err)
{
    return type_agg(agg, d, e, err);
}

bool draft_aggregates(const struct expr *e)
{
    bool found = e && e->kind == EXPR_AGG;
    for (size_t i = 0;
         e && e->kind == EXPR_CALL && !found && i < e->call.n_args; i++)
        found = draft_aggregates(e->call.args[i]);
    return found;
}

static enum err_code type_key(struct draft *d, size_t i, struct err *err)
{
    struct draft_block *b = d->block;
    const struct expr *e = b->tree->keys[i];
    const char *alias = b->tree->key_aliases ? b->tree->key_aliases[i] : NULL;
    const struct expr input = { .kind = EXPR_COLUMN,
                                .at = e->at,
                                .column = { .name = alias } };
    /* PostgreSQL prefers an input column, which the parser did not know of. */
    if (alias && draft_column_try(d, &input) && !same(d, e, &input))
        return refuse(err, REFUSAL_KEY_ALIAS, b->tree->at, alias, NULL);
    const struct rel_column *key = b->is_release ? NULL : draft_bare_key(d, e);
    if (key && key->key == REL_KEY_OWN)
        return column_leaf(&b->keys[i], d, key, e->at, err);
    TRY(type_row(&b->keys[i], d, e, USE_GROUP, 0, err));
    if (!b->is_release)
        return ERR_OK;
    b->real_keys[i] = b->keys[i]->type == VALUE_DOUBLE && b->keys[i]->whole;
    if (b->real_keys[i])
        TRY(as_type(&b->keys[i], d, OP_CAST_INT, VALUE_INT, err));
    if (b->keys[i]->type == VALUE_DOUBLE)
        return refuse(err, REFUSAL_GROUP_REAL, e->at, NULL, NULL);
    if (typed_is_const(b->keys[i]))
        return refuse(err, REFUSAL_GROUP_CONSTANT, e->at, NULL, NULL);
    return ERR_OK;
}

enum err_code draft_keys(struct draft *d, struct err *err)
{
    struct draft_block *b = d->block;
    if (b->tree->n_sets > 0 && !b->is_release)
        return refuse(err, REFUSAL_GROUPING_SETS, b->tree->at,
                      "GROUPING SETS in a sub-query", NULL);
    b->n_keys = b->tree->n_keys;
    b->aggs = ARENA_NEW_N(d->a, PLAN_MEASURES_MAX, struct draft_agg);
    if (!b->aggs)
        return draft_memory(err);
    if (b->n_keys > PLAN_KEYS_MAX)
        return refuse(err, REFUSAL_LIST_LENGTH, b->tree->at, "GROUP BY", "16");
    b->keys = ARENA_NEW_N(d->a, b->n_keys + 1, struct typed *);
    b->real_keys = ARENA_NEW_N(d->a, b->n_keys + 1, bool);
    if (!b->keys || !b->real_keys)
        return draft_memory(err);
    for (size_t i = 0; i < b->n_keys; i++)
        TRY(type_key(d, i, err));
    return ERR_OK;
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
        TRY(type_post(&t, d, d->tree->items[i].expr, 0, err));
        p->outputs[i] = (struct plan_output){
            .name = select_item_name(&d->tree->items[i]),
            .type = t->type == VALUE_NULL ? VALUE_TEXT : t->type,
            .is_key = is_key(t),
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
        TRY(type_post(&t, d, o->expr, 0, err));
        p->orders[i] = (struct plan_order){ t, o->descending, o->nulls_first };
    }
    return ERR_OK;
}

static enum err_code type_having(struct draft *d, struct err *err)
{
    struct typed *t;
    if (!d->tree->having)
        return ERR_OK;
    TRY(type_post(&t, d, d->tree->having, 0, err));
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
    d->n_relations = d->n_aliases = d->n_story = d->plan->n_notices = 0;
    return draft_from(d, NULL, err);
}

/*
 * The relations of the release.  Where a sub-query counts over many people, it
 * is the release, and the question does something with its answer; or it is
 * one of several relations, and a release before this one.
 */
static enum err_code release_from(struct draft *d, struct draft_block *b,
                                  struct err *err)
{
    if (d->tree->n_distinct_on > 0)
        return refuse(err, REFUSAL_DISTINCT_ON, d->tree->at, NULL, NULL);
    TRY(distinct_keys(d, err));
    const enum err_code code = read_from(d, b, err);
    if (code == ERR_OK || !d->unkeyed || d->is_before)
        return code;
    *err = (struct err){ 0 };
    TRY(draft_nest(&d->tree, d, d->unkeyed, err));
    TRY(distinct_keys(d, err));
    d->chains = true;
    TRY(read_from(d, b, err));
    d->chains = false;
    return ERR_OK;
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
        TRY(draft_after(after, d, d->outers[p->n_after], outputs, n, err));
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

enum err_code draft_types(struct draft *d, struct err *err)
{
    struct draft_block b;
    TRY(release_from(d, &b, err));
    if (!b.scope->owned)
        return refuse(err, REFUSAL_PUBLIC_ALONE, d->tree->from->at, NULL, NULL);
    /* Sets are those of the question as asked, over one release each. */
    if ((d->tree->n_sets > 0) != (d->set != NULL) ||
        (d->set && d->plan->n_before > 0))
        return refuse(err, REFUSAL_GROUPING_SETS, d->tree->at,
                      "GROUPING SETS around or inside a sub-query with "
                      "aggregates over people",
                      NULL);
    d->scope = b.scope;
    TRY(draft_rows(d, err));
    TRY(draft_keys(d, err));
    TRY(type_outputs(d, err));
    TRY(check_distinct(d, err));
    TRY(type_having(d, err));
    TRY(type_orders(d, err));
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
