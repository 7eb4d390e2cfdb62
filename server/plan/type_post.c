#include "server/plan/numeric.h"
#include "server/plan/range.h"
#include "server/plan/type.h"
#include "server/query/refusal.h"

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

bool draft_same(const struct draft *d, const struct expr *a,
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
        if (!draft_same(d, a->call.args[i], b->call.args[i]))
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
enum err_code draft_as(struct typed **e, struct draft *d, enum expr_op op,
                       enum value_type type, struct err *err)
{
    struct typed **args = ARENA_NEW(d->a, struct typed *);
    if (!args)
        return draft_memory(err);
    args[0] = *e;
    return draft_call(e, d, op, type, args, 1, (*e)->at, err);
}

/* A whole double is kept as an integer: the one before that counts. */
static bool key_is_numeric(const struct draft_block *b, size_t i)
{
    const struct typed *key = b->keys[i];
    return b->real_keys[i] && typed_is_call(key, OP_CAST_INT)
               ? key->call.args[0]->numeric
               : key->numeric;
}

/* In a sub-query groups keep the range of the key. */
static enum err_code key_leaf(struct typed **out, struct draft *d, size_t i,
                              size_t index, struct place at, struct err *err)
{
    const struct draft_block *b = d->block;
    TRY(leaf(out, d, TYPED_KEY, b->keys[i]->type, index, at, err));
    if (b->is_release && b->real_keys[i])
        TRY(draft_as(out, d, OP_CAST_DOUBLE, VALUE_DOUBLE, err));
    (*out)->numeric = key_is_numeric(b, i);
    if (b->is_release)
        return ERR_OK;
    (*out)->behind = b->key_reach[i];
    (*out)->range = b->keys[i]->range;
    (*out)->grid_bits = b->keys[i]->grid_bits;
    (*out)->whole = b->keys[i]->whole;
    (*out)->never_null = b->keys[i]->never_null;
    return ERR_OK;
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
    const uint64_t behind = d->behind;
    (*out)->text = draft_agg_text(d, agg, "");
    (*out)->behind = d->behind - behind;
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
    TRY(draft_agg_of(&agg, d, e, err));
    if (b->is_value)
        return value_agg(out, d, &agg, err);
    b->reads_outer |= outer;
    while (i < b->n_aggs && !draft_agg_equal(&agg, &b->aggs[i]))
        i++;
    if (i == PLAN_MEASURES_MAX)
        return refuse(err, REFUSAL_LIST_LENGTH, e->at, "A list of aggregates",
                      "64");
    if (i == b->n_aggs)
        b->aggs[b->n_aggs++] = agg;
    TRY(leaf(out, d, TYPED_AGG,
             b->is_release ? draft_agg_type(&agg) : VALUE_INT, i, e->at, err));
    if (!b->is_release)
        TRY(draft_sub_agg(*out, d, &agg, err));
    (*out)->numeric = numeric_agg(agg.kind, agg.value);
    return ERR_OK;
}

static enum err_code ungrouped(struct draft *d, const struct expr *e,
                               struct err *err)
{
    const struct rel_column *c = NULL;
    TRY(draft_column(&c, d, e, err));
    TRY(draft_allow(d, c, USE_GROUP, e->at, err));
    (void)refuse(err, REFUSAL_UNGROUPED, e->at, c->name, NULL);
    /* Of one who asks for rows as they are, one more column is not it. */
    return draft_is_raw(d->block->tree) ? draft_example(d, d->block->tree, err)
                                        : err->code;
}

bool draft_is_key(const struct typed *e)
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
    if (!*out)
        return draft_memory(err);
    (*out)->numeric = key_is_numeric(b, i);
    return ERR_OK;
}

/* Over the rows of an answer, where each row is of a set of its own: CASE WHEN
 * set = 0 THEN .. WHEN set = 1 THEN .. END; `bits` of the argument i is the key
 * it names. */
static enum err_code grouping_of_row(struct typed **out, struct draft *d,
                                     const struct expr *e, const size_t *keys,
                                     struct err *err)
{
    const struct select *s = d->block->tree;
    struct typed *set = ARENA_NEW(d->a, struct typed);
    struct typed **args = ARENA_NEW_N(d->a, 2 * s->n_sets, struct typed *);
    if (!set || !args)
        return draft_memory(err);
    *set = (struct typed){ .kind = TYPED_KEY,
                           .type = VALUE_INT,
                           .at = e->at,
                           .range = { 0, (double)s->n_sets - 1 },
                           .whole = true,
                           .never_null = true,
                           .index = d->block->n_keys };
    for (size_t i = 0; i < s->n_sets; i++) {
        struct typed **eq = ARENA_NEW_N(d->a, 2, struct typed *);
        int64_t bits = 0;
        for (size_t k = 0; k < e->call.n_args; k++)
            bits = bits << 1 | !(s->sets[i] & UINT32_C(1) << keys[k]);
        args[2 * i + 1] = draft_const(d, VALUE_INT, value_int(bits), e->at);
        if (!eq || !args[2 * i + 1])
            return draft_memory(err);
        eq[0] = set;
        eq[1] = draft_const(d, VALUE_INT, value_int((int64_t)i), e->at);
        if (!eq[1])
            return draft_memory(err);
        TRY(check_call(&args[2 * i], d, OP_EQ, eq, 2, e->at, err));
    }
    return check_call(out, d, OP_CASE, args, 2 * s->n_sets, e->at, err);
}

/* GROUPING (a, b): a bit for each key that the set leaves out. */
static enum err_code grouping(struct typed **out, struct draft *d,
                              const struct expr *e, struct err *err)
{
    const struct draft_block *b = d->block;
    size_t keys[64];
    int64_t bits = 0;
    for (size_t i = 0; i < e->call.n_args && i < 64; i++) {
        size_t k = 0;
        while (k < b->n_keys &&
               !draft_same(d, e->call.args[i], b->tree->keys[k]))
            k++;
        if (k == b->n_keys)
            return refuse(err, REFUSAL_GROUPING_KEY, e->call.args[i]->at, NULL,
                          NULL);
        bits = bits << 1 | !draft_in_set(d, k);
        keys[i] = k;
    }
    if (b->is_answer && b->tree->n_sets > 0)
        return grouping_of_row(out, d, e, keys, err);
    if (b->is_answer)
        bits = 0;
    *out = draft_const(d, VALUE_INT, value_int(bits), e->at);
    return *out ? ERR_OK : draft_memory(err);
}

/* Beside aggregates, over the rows of the answer. */
static enum err_code post_window(struct typed **out, struct draft *d,
                                 const struct expr *e, struct err *err)
{
    const struct draft_block *b = d->block;
    if (!b->is_release && !b->is_answer)
        return refuse(err, REFUSAL_WINDOW_PLACE, e->at,
                      "a sub-query over rows of people, beside aggregates",
                      NULL);
    if (!b->in_output)
        return refuse(err, REFUSAL_WINDOW_PLACE, e->at, "this place", NULL);
    return draft_over(out, d, e, err);
}

/* An expression over group keys and aggregates. */
static enum err_code type_post(struct typed **out, struct draft *d,
                               const struct expr *e, unsigned depth,
                               struct err *err)
{
    if (depth > DRAFT_DEPTH_MAX)
        return draft_too_deep(e->at, err);
    struct draft_block *b = d->block;
    for (size_t i = 0; i < b->n_keys; i++)
        if (!typed_is_const(b->keys[i]) && draft_same(d, e, b->tree->keys[i])) {
            if (draft_bare_key(d, e)) /* not to be computed with */
                return draft_allow(d, b->keys[i]->column, USE_GROUP, e->at,
                                   err);
            return key_or_null(out, d, i, e->at, err);
        }
    if (e->kind == EXPR_CALL && e->call.op == OP_GROUPING)
        return grouping(out, d, e, err);
    if (e->kind == EXPR_AGG)
        return post_agg(out, d, e, err);
    if (e->kind == EXPR_COLUMN)
        return ungrouped(d, e, err);
    if (e->kind == EXPR_WINDOW)
        return post_window(out, d, e, err);
    if (e->kind == EXPR_QUERY)
        return refuse(err, REFUSAL_QUERY_PLACE, e->at,
                      "a question, or beside aggregates", NULL);
    if (e->kind != EXPR_CALL)
        return draft_row_at(out, d, e, USE_VALUE, depth, err);

    struct typed **args = ARENA_NEW_N(d->a, e->call.n_args, struct typed *);
    if (!args)
        return draft_memory(err);
    for (size_t i = 0; i < e->call.n_args; i++)
        TRY(type_post(&args[i], d, e->call.args[i], depth + 1, err));
    return check_call(out, d, e->call.op, args, e->call.n_args, e->at, err);
}

enum err_code draft_post(struct typed **out, struct draft *d,
                         const struct expr *e, struct err *err)
{
    return type_post(out, d, e, 0, err);
}
