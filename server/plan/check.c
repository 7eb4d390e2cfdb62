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

static enum err_code mismatch(const struct check *c, const struct typed *arg,
                              const char *wanted, struct err *err)
{
    const struct place at = arg->at.line ? arg->at : c->at;
    char what[160];
    (void)snprintf(what, sizeof what, "%s wants %s", op_info_of(c->op)->sql,
                   wanted);
    return refuse(err, REFUSAL_ARG_TYPE, at, what, value_type_name(arg->type));
}

/* Arguments that no type holds: the first two that tell. */
static enum err_code differ(const struct check *c, size_t from, size_t step,
                            struct err *err)
{
    const struct typed *a = c->args[from], *b = a;
    for (size_t i = from; i < c->n && b->type == a->type; i += step)
        if (c->args[i]->type != VALUE_NULL)
            b = c->args[i];
    const struct place at = b->at.line ? b->at : c->at;
    char what[80];
    (void)snprintf(what, sizeof what, "%s with %s", value_type_name(a->type),
                   value_type_name(b->type));
    return refuse(err, REFUSAL_TYPES_DIFFER, at, op_info_of(c->op)->sql, what);
}

static bool is_number(enum value_type t)
{
    return t == VALUE_INT || t == VALUE_DOUBLE;
}

static bool is_time(enum value_type t)
{
    return t == VALUE_DATE || t == VALUE_TIMESTAMP;
}

static bool is_text_const(const struct typed *e)
{
    return typed_is_const(e) && e->value.type == VALUE_TEXT;
}

static const enum expr_op CASTS[VALUE_TYPE_COUNT] = {
    [VALUE_INT] = OP_CAST_INT,
    [VALUE_DOUBLE] = OP_CAST_DOUBLE,
    [VALUE_TEXT] = OP_CAST_TEXT,
    [VALUE_DATE] = OP_CAST_DATE,
    [VALUE_TIMESTAMP] = OP_CAST_TIMESTAMP,
};

/* A literal in quotes takes the type of what it stands beside. */
static enum err_code parse_literal(struct typed **e, struct draft *d,
                                   enum value_type type, struct err *err)
{
    const struct place at = (*e)->at;
    const struct value *text = &(*e)->value;
    struct value v = value_null();
    struct err first = { 0 };

    enum err_code rc =
        value_parse(&v, type, text->text.s, text->text.len, &first);
    if (rc != ERR_OK && is_time(type)) {
        struct err second = { 0 };
        const enum value_type other =
            type == VALUE_DATE ? VALUE_TIMESTAMP : VALUE_DATE;
        rc = value_parse(&v, other, text->text.s, text->text.len, &second);
    }
    const int64_t day = v.type == VALUE_TIMESTAMP ? US_PER_DAY : 1;
    if (rc == ERR_OK && is_time(type) &&
        (v.i / day < TIME_MIN_US / US_PER_DAY ||
         v.i / day > TIME_MAX_US / US_PER_DAY))
        rc = ERR_INVALID;
    if (rc != ERR_OK) {
        char shown[80];
        (void)snprintf(shown, sizeof shown, "%.60s", text->text.s);
        return refuse(err,
                      is_time(type) ? REFUSAL_TIME_TEXT : REFUSAL_LITERAL_TYPE,
                      at, shown, value_type_name(type));
    }
    *e = draft_const(d, v.type, v, at);
    return *e ? ERR_OK : draft_memory(err);
}

enum err_code check_literal(struct check *c, size_t i, enum value_type type,
                            struct err *err)
{
    return is_text_const(c->args[i]) && type != VALUE_TEXT
               ? parse_literal(&c->args[i], c->d, type, err)
               : ERR_OK;
}

enum err_code check_convert(struct typed **e, struct draft *d,
                            enum value_type type, struct err *err)
{
    if ((*e)->type == type)
        return ERR_OK;
    if (typed_is_null(*e)) {
        draft_param_is(d, *e, type);
        *e = draft_const(d, type, value_null(), (*e)->at);
        return *e ? ERR_OK : draft_memory(err);
    }
    struct typed **args = ARENA_NEW(d->a, struct typed *);
    if (!args)
        return draft_memory(err);
    args[0] = *e;
    return draft_call(e, d, CASTS[type], type, args, 1, (*e)->at, err);
}

/* The type both can be brought to, or VALUE_TYPE_COUNT. */
static enum value_type common(enum value_type a, enum value_type b)
{
    if (a == b || b == VALUE_NULL)
        return a;
    if (a == VALUE_NULL)
        return b;
    if (is_number(a) && is_number(b))
        return VALUE_DOUBLE;
    if (is_time(a) && is_time(b))
        return VALUE_TIMESTAMP;
    return VALUE_TYPE_COUNT;
}

/* Bring args[from], args[from + step], ... to one type. */
static enum err_code unify(enum value_type *out, struct check *c, size_t from,
                           size_t step, struct err *err)
{
    enum value_type type = VALUE_NULL;
    for (size_t i = from; i < c->n; i += step)
        if (!is_text_const(c->args[i]) && type != VALUE_TYPE_COUNT)
            type = common(type, c->args[i]->type);
    if (type == VALUE_NULL)
        type = VALUE_TEXT;
    for (size_t i = from; i < c->n; i += step)
        if (is_text_const(c->args[i]) && type != VALUE_TYPE_COUNT &&
            type != VALUE_TEXT) {
            TRY(parse_literal(&c->args[i], c->d, type, err));
            type = common(type, c->args[i]->type);
        }
    for (size_t i = from; i < c->n; i += step)
        if (type == VALUE_TYPE_COUNT)
            return differ(c, from, step, err);
        else
            TRY(check_convert(&c->args[i], c->d, type, err));
    *out = type;
    return ERR_OK;
}

enum err_code check_want(struct check *c, size_t i, enum value_type type,
                         struct err *err)
{
    TRY(check_literal(c, i, type, err));
    if (c->args[i]->type != type && !typed_is_null(c->args[i]))
        return mismatch(c, c->args[i], value_type_name(type), err);
    return check_convert(&c->args[i], c->d, type, err);
}

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
    return unify(&ignored, c, 0, 1, err);
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
        found |= is_time(c->args[i]->type);
    return found;
}

/* A date and a constant number of days, or the days between two dates. */
static enum err_code rule_days(struct check *c, struct err *err)
{
    enum { DAYS_MOST = 365250 };
    struct typed **args = c->args;
    if (c->op == OP_ADD && is_time(args[1]->type)) {
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
        if (is_text_const(c->args[i]))
            TRY(parse_literal(&c->args[i], c->d, VALUE_DOUBLE, err));
    for (size_t i = 0; i < c->n; i++)
        if (!is_number(c->args[i]->type) && !typed_is_null(c->args[i]))
            return mismatch(c, c->args[i], "a number", err);
    TRY(params_alone(c, err));
    TRY(unify(&c->type, c, 0, 1, err));
    if (c->type == VALUE_TEXT) /* NULL + NULL */
        c->type = VALUE_INT;
    return ERR_OK;
}

static enum err_code rule_common(struct check *c, struct err *err)
{
    return unify(&c->type, c, 0, 1, err);
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
    TRY(unify(&c->type, &sub, 0, 1, err));
    for (size_t i = 0; i < sub.n; i++)
        c->args[2 * i + 1 < c->n ? 2 * i + 1 : c->n - 1] = results[i];
    return ERR_OK;
}

static enum err_code lower_unit(struct check *c, struct err *err)
{
    if (!is_text_const(c->args[0]))
        return mismatch(c, c->args[0], "the name of a unit in quotes", err);
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
    if (is_text_const(c->args[1]))
        TRY(parse_literal(&c->args[1], c->d, VALUE_TIMESTAMP, err));
    if (!is_time(c->args[1]->type) && !typed_is_null(c->args[1]))
        return mismatch(c, c->args[1], "a date or timestamp", err);
    c->type = c->op == OP_EXTRACT ? VALUE_DOUBLE : VALUE_TIMESTAMP;
    return check_convert(&c->args[1], c->d, VALUE_TIMESTAMP, err);
}

/* Only numbers have intervals. */
static enum err_code rule_bound(struct check *c, struct err *err)
{
    c->type = VALUE_DOUBLE;
    if (!is_number(c->args[0]->type) && !typed_is_null(c->args[0]))
        return mismatch(c, c->args[0], "a number", err);
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
    int64_t us = d->req->now_us;
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
        return mismatch(c, c->args[0], "something that converts", err);
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

static bool is_ascii(const struct value *v)
{
    for (size_t i = 0; v->type == VALUE_TEXT && i < v->text.len; i++)
        if ((unsigned char)v->text.s[i] >= 0x80)
            return false;
    return true;
}

/* Matching one text against another may take as many steps as the product of
 * their lengths; the engine does so where that is much. */
static bool is_long_work(const struct typed *e)
{
    enum { BYTES_MOST = 1 << 20 };
    const enum expr_op op = e->call.op;
    const bool matches = op == OP_LIKE || op == OP_ILIKE || op == OP_BTRIM ||
                         op == OP_LTRIM || op == OP_RTRIM;
    if (!matches || e->call.n_args < 2)
        return false;
    const struct value *a = &e->call.args[0]->value;
    const struct value *b = &e->call.args[1]->value;
    return a->type == VALUE_TEXT && b->type == VALUE_TEXT && a->text.len > 0 &&
           b->text.len > BYTES_MOST / a->text.len;
}

/* The engine knows the case of letters that eval does not. */
static bool folds(const struct typed *e)
{
    const enum expr_op op = e->call.op;
    const bool by_case = op == OP_LOWER || op == OP_UPPER || op == OP_ILIKE;
    for (size_t i = 0; i < e->call.n_args; i++)
        if (!typed_is_const(e->call.args[i]) ||
            (by_case && !is_ascii(&e->call.args[i]->value)))
            return false;
    return !is_long_work(e);
}

enum err_code draft_call(struct typed **out, struct draft *d, enum expr_op op,
                         enum value_type type, struct typed **args,
                         size_t n_args, struct place at, struct err *err)
{
    struct typed *e = ARENA_NEW(d->a, struct typed);
    if (!e)
        return draft_memory(err);
    *e = (struct typed){ .kind = TYPED_CALL, .type = type, .at = at };
    e->call.op = op;
    e->call.args = args;
    e->call.n_args = n_args;
    if (folds(e)) {
        struct value v;
        TRY(eval(&v, e, NULL, d->a, err));
        *out = draft_const(d, type, v, at);
        return *out ? ERR_OK : draft_memory(err);
    }
    range_of(e);
    *out = e;
    return ERR_OK;
}

struct typed *draft_const(struct draft *d, enum value_type type, struct value v,
                          struct place at)
{
    struct typed *e = ARENA_NEW(d->a, struct typed);
    if (!e)
        return NULL;
    *e = (struct typed){
        .kind = TYPED_CONST, .type = type, .at = at, .value = v
    };
    range_of(e);
    return e;
}
