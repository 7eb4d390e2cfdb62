#include "server/plan/type.h"
#include "server/query/refusal.h"

/* The filter, and that the key is there. */
static enum err_code has_key(struct draft_agg *agg, struct draft *d,
                             const struct rel_column *key, struct err *err)
{
    /* NOT (key IS NULL) AND filter, each with its own arguments. */
    struct typed **args = ARENA_NEW_N(d->a, 4, struct typed *);
    struct typed *there = NULL;
    if (!args)
        return draft_memory(err);
    TRY(draft_key_column(&args[0], d, key, agg->at, err));
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

static enum err_code type_fraction(struct draft_agg *agg, struct draft *d,
                                   const struct expr *e, struct err *err)
{
    struct typed *t;
    if (!e->agg.fraction)
        return refuse(err, REFUSAL_PERCENTILE, e->at, agg_kind_name(agg->kind),
                      NULL);
    TRY(draft_row_at(&t, d, e->agg.fraction, USE_VALUE, 0, err));
    draft_param_is(d, t, VALUE_DOUBLE);
    if (d->shape && t->param > 0)
        return ERR_OK;
    if (!typed_is_const(t) || typed_is_null(t) ||
        (t->type != VALUE_INT && t->type != VALUE_DOUBLE))
        return refuse(err, REFUSAL_PERCENTILE, e->at, agg_kind_name(agg->kind),
                      NULL);
    agg->fraction = t->range.lo;
    if (agg->fraction >= 0 && agg->fraction <= 1)
        return ERR_OK;
    return refuse(err, REFUSAL_FRACTION, t->at, NULL, NULL);
}

static bool is_null(const struct expr *e)
{
    return e->kind == EXPR_CONST && e->value.type == VALUE_NULL;
}

/* CASE WHEN condition THEN key [ELSE NULL] END: the key where the condition is
 * true.  COUNT(DISTINCT of it) is COUNT(DISTINCT key) FILTER (WHERE condition).
 */
static const struct rel_column *key_of_case(const struct expr **condition,
                                            const struct draft *d,
                                            const struct expr *e)
{
    const size_t n =
        e->kind == EXPR_CALL && e->call.op == OP_CASE ? e->call.n_args : 0;
    if (n != 2 && !(n == 3 && is_null(e->call.args[2])))
        return NULL;
    *condition = e->call.args[0];
    return draft_bare_key(d, e->call.args[1]);
}

/* ... beside the FILTER that is there already. */
static enum err_code add_filter(struct draft_agg *agg, struct draft *d,
                                const struct expr *condition, struct err *err)
{
    const struct typed *more = NULL;
    struct typed *both = NULL, **args = ARENA_NEW_N(d->a, 2, struct typed *);
    if (!args)
        return draft_memory(err);
    TRY(draft_filter(&more, d, condition, err));
    if (!agg->filter || !more) {
        agg->filter = agg->filter ? agg->filter : more;
        return ERR_OK;
    }
    args[0] = (struct typed *)(uintptr_t)agg->filter;
    args[1] = (struct typed *)(uintptr_t)more;
    TRY(check_call(&both, d, OP_AND, args, 2, agg->at, err));
    agg->filter = both;
    return ERR_OK;
}

enum err_code draft_agg_of(struct draft_agg *agg, struct draft *d,
                           const struct expr *e, struct err *err)
{
    const struct expr *condition = NULL;
    *agg = (struct draft_agg){ .kind = e->agg.kind, .at = e->at };
    if (!e->agg.arg)
        return refuse(err, REFUSAL_FUNCTION_ARGS, e->at,
                      agg_kind_name(agg->kind), "one argument");
    const struct rel_column *key =
        e->agg.kind == AGG_COUNT ? draft_bare_key(d, e->agg.arg) : NULL;
    if (!key && e->agg.kind == AGG_COUNT)
        key = key_of_case(&condition, d, e->agg.arg);
    if (d->block->is_release)
        TRY(agg_refusals(e, err));
    agg->distinct = e->agg.distinct && !key;
    if (e->agg.filter)
        TRY(draft_filter(&agg->filter, d, e->agg.filter, err));
    if (condition && key)
        TRY(add_filter(agg, d, condition, err));
    if (key)
        return type_key_count(agg, d, e, key, err);
    if (e->agg.kind == AGG_COUNT && e->agg.arg->kind == EXPR_STAR)
        return ERR_OK;
    struct typed *value;
    TRY(draft_row_at(&value, d, e->agg.arg, USE_VALUE, 0, err));
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

enum value_type draft_agg_type(const struct draft_agg *agg)
{
    if (agg->kind == AGG_AVG || agg->kind == AGG_PERCENTILE_CONT ||
        agg_is_spread(agg->kind))
        return VALUE_DOUBLE;
    return agg->kind == AGG_SUM || agg->kind == AGG_PERCENTILE_DISC
               ? agg->value->type
               : VALUE_INT;
}

bool draft_agg_equal(const struct draft_agg *a, const struct draft_agg *b)
{
    return a->kind == b->kind && a->people == b->people &&
           a->distinct == b->distinct && a->fraction == b->fraction &&
           (a->value == b->value || typed_equal(a->value, b->value)) &&
           (a->filter == b->filter || typed_equal(a->filter, b->filter));
}

/* What stands before OVER is none of its own, but its arguments may be. */
static bool window_aggregates(const struct window *w)
{
    const struct expr *e;
    bool found =
        w->kind == WINDOW_AGG && (draft_aggregates(w->arg->agg.arg) ||
                                  draft_aggregates(w->arg->agg.filter));
    for (size_t i = w->kind == WINDOW_AGG;
         !found && (e = window_part(w, i)) != NULL; i++)
        found = draft_aggregates(e);
    return found;
}

bool draft_aggregates(const struct expr *e)
{
    bool found = e && (e->kind == EXPR_AGG || (e->kind == EXPR_WINDOW &&
                                               window_aggregates(e->window)));
    for (size_t i = 0;
         e && e->kind == EXPR_CALL && !found && i < e->call.n_args; i++)
        found = draft_aggregates(e->call.args[i]);
    return found;
}

bool draft_windows(const struct expr *e)
{
    bool found = e && e->kind == EXPR_WINDOW;
    for (size_t i = 0;
         e && e->kind == EXPR_CALL && !found && i < e->call.n_args; i++)
        found = draft_windows(e->call.args[i]);
    return found;
}
