#include <math.h>
#include <stdio.h>

#include "server/plan/eval.h"
#include "server/plan/range.h"
#include "server/plan/type.h"
#include "server/query/refusal.h"

enum err_code draft_allow(struct draft *d, const struct rel_column *c,
                          enum draft_use use, struct place at, struct err *err)
{
    if (c->key != REL_KEY_NONE)
        return refuse(err, REFUSAL_PRIVACY_KEY, at, c->name, NULL);
    if (use == USE_FILTER && !c->may_filter)
        return refuse(err, REFUSAL_MAY_FILTER, at, c->name, NULL);
    if (use == USE_COMPUTE && !c->may_filter)
        return refuse(err, REFUSAL_MAY_COMPUTE, at, c->name, NULL);
    if (use == USE_GROUP && !c->may_group)
        return refuse(err, REFUSAL_MAY_GROUP, at, c->name, NULL);
    if (!c->may_group || !c->may_filter)
        d->block->forbids = c->name;
    d->block->may_group &= c->may_group;
    d->block->may_filter &= c->may_filter;
    return ERR_OK;
}

enum err_code draft_check_read(const struct draft *d, enum draft_use use,
                               struct place at, struct err *err)
{
    const struct draft_block *b = d->block;
    if (use == USE_FILTER && !b->may_filter)
        return refuse(err, REFUSAL_MAY_FILTER, at, b->forbids, NULL);
    if (use == USE_COMPUTE && !b->may_filter)
        return refuse(err, REFUSAL_MAY_COMPUTE, at, b->forbids, NULL);
    if (use == USE_GROUP && !b->may_group)
        return refuse(err, REFUSAL_MAY_GROUP, at, b->forbids, NULL);
    return ERR_OK;
}

enum err_code draft_key_column(struct typed **out, struct draft *d,
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
    TRY(draft_allow(d, c, use, at, err));
    draft_note_attribute(d, c);
    return draft_key_column(out, d, c, at, err);
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
    if (!*out)
        return draft_memory(err);
    (*out)->numeric = e->kind == EXPR_CONST && v.type == VALUE_DOUBLE;
    return ERR_OK;
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
    TRY(draft_key_column(arg, d, key, e->call.args[0]->at, err));
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
    const bool is_value = use == USE_VALUE || use == USE_COMPUTE;
    const enum draft_use computed =
        tests_rows(e->call.op) ? USE_FILTER : USE_COMPUTE;
    const enum draft_use inner = is_value ? computed : use;
    for (size_t i = 0; i < e->call.n_args; i++) {
        const bool is_test = e->call.op == OP_CASE && is_value && i % 2 == 0 && i + 1 < e->call.n_args;
        TRY(draft_row_at(&args[i], d, e->call.args[i],
                         is_test ? USE_FILTER : inner, depth + 1, err));
    }
    return check_call(out, d, e->call.op, args, e->call.n_args, e->at, err);
}

enum err_code draft_too_deep(struct place at, struct err *err)
{
    return refuse(err, REFUSAL_TEXT_DEPTH, at, "256", NULL);
}

/* A sub-query, or a window: its columns are read inside, and what it gives is
 * used here. */
static enum err_code type_inner(struct typed **out, struct draft *d,
                                const struct expr *e, enum draft_use use,
                                struct err *err)
{
    struct draft_block *b = d->block;
    const bool may_group = b->may_group, may_filter = b->may_filter;
    b->may_group = b->may_filter = true;
    if (e->kind == EXPR_QUERY)
        TRY(draft_query(out, d, e, err));
    else
        TRY(b->is_answer ? draft_over(out, d, e, err)
                         : draft_window(out, d, e, err));
    TRY(draft_check_read(d, use, e->at, err));
    b->may_group &= may_group;
    b->may_filter &= may_filter;
    return ERR_OK;
}

enum err_code draft_row_at(struct typed **out, struct draft *d,
                           const struct expr *e, enum draft_use use,
                           unsigned depth, struct err *err)
{
    if (depth > DRAFT_DEPTH_MAX)
        return draft_too_deep(e->at, err);
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
            return type_inner(out, d, e, use, err);
        return refuse(err, REFUSAL_WINDOW_PLACE, e->at, "this place", NULL);
    case EXPR_QUERY:
        if (!d->block->in_join)
            return type_inner(out, d, e, use, err);
        return refuse(err, REFUSAL_QUERY_PLACE, e->at, "ON", NULL);
    case EXPR_AGG:
        break;
    }
    return refuse(err, REFUSAL_AGG_PLACE, e->at, "this place", NULL);
}

enum err_code draft_row(struct typed **out, struct draft *d,
                        const struct expr *e, enum draft_use use,
                        struct err *err)
{
    return draft_row_at(out, d, e, use, 0, err);
}

enum err_code draft_filter(const struct typed **out, struct draft *d,
                           const struct expr *e, struct err *err)
{
    struct typed *t;
    TRY(draft_row_at(&t, d, e, USE_FILTER, 0, err));
    draft_param_is(d, t, VALUE_BOOL);
    if (t->type != VALUE_BOOL && !typed_is_null(t))
        return refuse(err, REFUSAL_FILTER_TYPE, t->at, value_type_name(t->type),
                      NULL);
    const bool always = typed_is_const(t) && !typed_is_null(t) && t->value.b;
    *out = always ? NULL : t;
    return ERR_OK;
}
