#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "server/plan/check.h"
#include "server/plan/dialect.h"
#include "server/plan/eval.h"
#include "server/plan/func.h"
#include "server/plan/range.h"
#include "server/query/refusal.h"

typedef enum err_code rule_fn(struct check *c, struct err *err);

static enum err_code rule_logic(struct check *c, struct err *err)
{
    c->type = VALUE_BOOL;
    for (size_t i = 0; i < c->n; i++)
        TRY(check_want(c, i, VALUE_BOOL, err));
    return ERR_OK;
}

static enum err_code rule_compare(struct check *c, struct err *err)
{
    enum value_type ignored;
    c->type = VALUE_BOOL;
    return check_unify(&ignored, c, 0, 1, err);
}

static enum err_code rule_is_null(struct check *c, struct err *err)
{
    (void)err;
    c->type = VALUE_BOOL;
    return ERR_OK;
}

/* The pattern must be known now: a trailing backslash is an engine's error. */
static enum err_code rule_like(struct check *c, struct err *err)
{
    c->type = VALUE_BOOL;
    TRY(check_want(c, 0, VALUE_TEXT, err));
    TRY(check_want(c, 1, VALUE_TEXT, err));
    if (!typed_is_const(c->args[1])) {
        return refuse(err, REFUSAL_LIKE_PATTERN, c->at, NULL, NULL);
    }
    if (typed_is_null(c->args[1]))
        return ERR_OK;
    const char *p = c->args[1]->value.text.s;
    while (*p)
        if (*p++ == '\\' && !*p++) {
            return refuse(err, REFUSAL_LIKE_BACKSLASH, c->at, NULL, NULL);
        }
    if (like_needs_regex(c->args[1]->value.text.s) &&
        c->args[1]->value.text.len > LIKE_REGEX_MAX)
        return refuse(err, REFUSAL_LIKE_LENGTH, c->at, NULL, NULL);
    return ERR_OK;
}

static bool has_time(const struct check *c)
{
    bool found = false;
    for (size_t i = 0; i < c->n; i++)
        found |= check_is_time(c->args[i]->type);
    return found;
}

/* A date and a constant number of days, or the days between two dates. */
static enum err_code rule_days(struct check *c, struct err *err)
{
    enum { DAYS_MOST = 365250 };
    struct typed **args = c->args;
    if (c->op == OP_ADD && check_is_time(args[1]->type)) {
        struct typed *const date = args[1];
        args[1] = args[0];
        args[0] = date;
    }
    /* A parameter beside a date: days behind +, a date in front of - or behind
     * it, as PostgreSQL takes it. */
    if (c->d->shape && args[0]->type == VALUE_DATE && args[1]->param > 0)
        TRY(check_convert(&args[1], c->d,
                          c->op == OP_SUB ? VALUE_DATE : VALUE_INT, err));
    if (c->d->shape && args[1]->type == VALUE_DATE && args[0]->param > 0)
        TRY(check_convert(&args[0], c->d, VALUE_DATE, err));
    TRY(check_literal(c, 0, VALUE_DATE, err));
    TRY(check_literal(c, 1, c->op == OP_SUB ? VALUE_DATE : VALUE_INT, err));
    const bool dates = c->op == OP_SUB && args[1]->type == VALUE_DATE;
    const bool days = args[1]->type == VALUE_INT && typed_is_const(args[1]);
    if (args[0]->type != VALUE_DATE || (!dates && !days) ||
        (days && !typed_is_null(args[1]) &&
         (args[1]->value.i > DAYS_MOST || args[1]->value.i < -DAYS_MOST)))
        return refuse(err, REFUSAL_DATE_DAYS, c->at, op_info_of(c->op)->sql,
                      NULL);
    c->type = dates ? VALUE_INT : VALUE_DATE;
    return ERR_OK;
}

/* -$1 and $1 + $2 are numbers, though nothing beside them says of what kind. */
static enum err_code params_alone(struct check *c, struct err *err)
{
    bool alone = c->d->shape != NULL;
    for (size_t i = 0; i < c->n; i++)
        alone &= c->args[i]->param > 0;
    for (size_t i = 0; alone && i < c->n; i++)
        TRY(check_convert(&c->args[i], c->d, VALUE_DOUBLE, err));
    return ERR_OK;
}

static enum err_code rule_arith(struct check *c, struct err *err)
{
    if ((c->op == OP_ADD || c->op == OP_SUB) && has_time(c))
        return rule_days(c, err);
    for (size_t i = 0; i < c->n; i++)
        if (check_is_literal(c->args[i]))
            TRY(check_parse(&c->args[i], c->d, VALUE_DOUBLE, err));
    for (size_t i = 0; i < c->n; i++)
        if (!check_is_number(c->args[i]->type) && !typed_is_null(c->args[i]))
            return check_mismatch(c, c->args[i], "a number", err);
    TRY(params_alone(c, err));
    TRY(check_unify(&c->type, c, 0, 1, err));
    if (c->type == VALUE_TEXT) /* NULL + NULL */
        c->type = VALUE_INT;
    return ERR_OK;
}

static enum err_code rule_common(struct check *c, struct err *err)
{
    return check_unify(&c->type, c, 0, 1, err);
}

/* Tests at even places (but a last one), results at odd ones and the last. */
static enum err_code rule_case(struct check *c, struct err *err)
{
    struct typed *results[66]; /* op.def: at most 129 arguments */
    struct check sub = { .d = c->d, .op = c->op, .args = results, .at = c->at };

    for (size_t i = 0; i + 1 < c->n; i += 2) {
        TRY(check_want(c, i, VALUE_BOOL, err));
        results[sub.n++] = c->args[i + 1];
    }
    if (c->n % 2)
        results[sub.n++] = c->args[c->n - 1];
    TRY(check_unify(&c->type, &sub, 0, 1, err));
    for (size_t i = 0; i < sub.n; i++)
        c->args[2 * i + 1 < c->n ? 2 * i + 1 : c->n - 1] = results[i];
    return ERR_OK;
}

static enum err_code lower_unit(struct check *c, struct err *err)
{
    if (!check_is_literal(c->args[0]))
        return check_mismatch(c, c->args[0], "the name of a unit in quotes",
                              err);
    char *name = arena_strdup(c->d->a, c->args[0]->value.text.s);
    if (!name)
        return draft_memory(err);
    for (char *p = name; *p; p++)
        *p = (char)tolower((unsigned char)*p);
    c->args[0] = draft_const(c->d, VALUE_TEXT, value_text(name, strlen(name)),
                             c->args[0]->at);
    return c->args[0] ? ERR_OK : draft_memory(err);
}

static enum err_code rule_time(struct check *c, struct err *err)
{
    TRY(lower_unit(c, err));
    const enum time_unit unit = time_unit_of(&c->args[0]->value);
    if (unit == UNIT_COUNT || (c->op == OP_DATE_TRUNC && unit >= UNIT_EPOCH))
        return refuse(err, REFUSAL_UNIT, c->at, op_info_of(c->op)->sql,
                      c->args[0]->value.text.s);
    const char *name = time_unit_name(unit);
    c->args[0] = draft_const(c->d, VALUE_TEXT, value_text(name, strlen(name)),
                             c->args[0]->at);
    if (!c->args[0])
        return draft_memory(err);
    if (check_is_literal(c->args[1]))
        TRY(check_parse(&c->args[1], c->d, VALUE_TIMESTAMP, err));
    if (!check_is_time(c->args[1]->type) && !typed_is_null(c->args[1]))
        return check_mismatch(c, c->args[1], "a date or timestamp", err);
    c->type = c->op == OP_EXTRACT ? VALUE_DOUBLE : VALUE_TIMESTAMP;
    return check_convert(&c->args[1], c->d, VALUE_TIMESTAMP, err);
}

/* Only numbers have intervals. */
static enum err_code rule_bound(struct check *c, struct err *err)
{
    c->type = VALUE_DOUBLE;
    if (!check_is_number(c->args[0]->type) && !typed_is_null(c->args[0]))
        return check_mismatch(c, c->args[0], "a number", err);
    c->d->wants_intervals = true;
    return ERR_OK;
}

/* The dataset's time, on its grain. */
static enum err_code rule_now(struct check *c, struct err *err)
{
    (void)err;
    c->type = c->op == OP_NOW ? VALUE_TIMESTAMP : VALUE_DATE;
    return ERR_OK;
}

static struct value now_of(const struct draft *d, enum value_type type)
{
    const uint64_t grain = d->policy->time_grain_us;
    int64_t us = draft_now_us(d);
    if (grain > 1 && grain < (uint64_t)INT64_MAX)
        us = time_floor_div(us, (int64_t)grain) * (int64_t)grain;
    return (struct value){ .type = type,
                           .i = type == VALUE_DATE
                                    ? time_floor_div(us, US_PER_DAY)
                                    : us };
}

/* By the engine; columns are read with a test of their years. */
static bool is_computed(const struct draft *d, const struct typed *e)
{
    const bool is_release = !d->block || d->block->is_release;
    switch (e->kind) {
    case TYPED_CALL:
    case TYPED_TEXT:
        return true;
    case TYPED_KEY:
    case TYPED_AGG:
        return !is_release;
    case TYPED_CONST:
    case TYPED_COLUMN:
    case TYPED_OVER:
        break;
    }
    return false;
}

static enum err_code rule_cast(struct check *c, struct err *err)
{
    /* Rows: result.  What each cast takes, as bits of enum value_type. */
    enum {
        B = 1 << VALUE_BOOL,
        I = 1 << VALUE_INT,
        D = 1 << VALUE_DOUBLE,
        T = 1 << VALUE_TEXT,
        DAY = 1 << VALUE_DATE,
        TIME = 1 << VALUE_TIMESTAMP,
        N = 1 << VALUE_NULL
    };
    static const struct {
        enum value_type type;
        unsigned takes;
    } to[] = {
        [OP_CAST_INT - OP_CAST_INT] = { VALUE_INT, N | B | I | D | T },
        [OP_CAST_DOUBLE - OP_CAST_INT] = { VALUE_DOUBLE, N | I | D | T },
        [OP_CAST_TEXT -
            OP_CAST_INT] = { VALUE_TEXT, N | B | I | T | DAY | TIME },
        [OP_CAST_DATE - OP_CAST_INT] = { VALUE_DATE, N | T | DAY | TIME },
        [OP_CAST_TIMESTAMP -
            OP_CAST_INT] = { VALUE_TIMESTAMP, N | T | DAY | TIME },
        [OP_CAST_BOOL - OP_CAST_INT] = { VALUE_BOOL, N | B | I | T },
    };
    c->type = to[c->op - OP_CAST_INT].type;
    draft_param_is(c->d, c->args[0], c->type);
    if (!(to[c->op - OP_CAST_INT].takes & 1u << c->args[0]->type))
        return check_mismatch(c, c->args[0], "something that converts", err);
    if ((c->op == OP_CAST_DATE || c->op == OP_CAST_TIMESTAMP) &&
        c->args[0]->type == VALUE_TEXT && is_computed(c->d, c->args[0]))
        return refuse(err, REFUSAL_COMPUTED_TIME, c->at,
                      value_type_name(c->type), NULL);
    return ERR_OK;
}

static rule_fn *const RULES[OP_COUNT] = {
    [OP_AND] = rule_logic,
    [OP_OR] = rule_logic,
    [OP_NOT] = rule_logic,
    [OP_EQ] = rule_compare,
    [OP_NE] = rule_compare,
    [OP_LT] = rule_compare,
    [OP_LE] = rule_compare,
    [OP_GT] = rule_compare,
    [OP_GE] = rule_compare,
    [OP_IS_NULL] = rule_is_null,
    [OP_IN] = rule_compare,
    [OP_BETWEEN] = rule_compare,
    [OP_IS_DISTINCT] = rule_compare,
    [OP_LIKE] = rule_like,
    [OP_ILIKE] = rule_like,
    [OP_ADD] = rule_arith,
    [OP_SUB] = rule_arith,
    [OP_MUL] = rule_arith,
    [OP_DIV] = rule_arith,
    [OP_MOD] = rule_arith,
    [OP_NEG] = rule_arith,
    [OP_LEAST] = rule_common,
    [OP_GREATEST] = rule_common,
    [OP_COALESCE] = rule_common,
    [OP_NULLIF] = rule_common,
    [OP_CASE] = rule_case,
    [OP_NOW] = rule_now,
    [OP_TODAY] = rule_now,
    [OP_DP_LOW] = rule_bound,
    [OP_DP_HIGH] = rule_bound,
    [OP_DATE_TRUNC] = rule_time,
    [OP_EXTRACT] = rule_time,
    [OP_CAST_INT] = rule_cast,
    [OP_CAST_DOUBLE] = rule_cast,
    [OP_CAST_TEXT] = rule_cast,
    [OP_CAST_DATE] = rule_cast,
    [OP_CAST_TIMESTAMP] = rule_cast,
    [OP_CAST_BOOL] = rule_cast,
};

enum err_code check_call(struct typed **out, struct draft *d, enum expr_op op,
                         struct typed **args, size_t n_args, struct place at,
                         struct err *err)
{
    const struct op_info *info = op_info_of(op);
    struct check c = { .d = d, .op = op, .args = args, .n = n_args, .at = at };

    if (n_args < info->min_args || n_args > info->max_args) {
        char takes[64];
        (void)snprintf(takes, sizeof takes, "%u to %u arguments, not %zu",
                       info->min_args, info->max_args, n_args);
        return refuse(err, REFUSAL_FUNCTION_ARGS, at, info->sql, takes);
    }
    TRY(RULES[op] ? RULES[op](&c, err) : check_func(&c, err));
    if (op == OP_NOW || op == OP_TODAY) {
        *out = draft_const(d, c.type, now_of(d, c.type), at);
        return *out ? ERR_OK : draft_memory(err);
    }
    return draft_call(out, d, op, c.type, args, n_args, at, err);
}
