/* What type the arguments of a call are brought to. */
#include <stdio.h>
#include <string.h>

#include "server/plan/check.h"
#include "server/plan/eval.h"
#include "server/query/refusal.h"

enum err_code check_mismatch(const struct check *c, const struct typed *arg,
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

static const enum expr_op CASTS[VALUE_TYPE_COUNT] = {
    [VALUE_INT] = OP_CAST_INT,
    [VALUE_DOUBLE] = OP_CAST_DOUBLE,
    [VALUE_TEXT] = OP_CAST_TEXT,
    [VALUE_DATE] = OP_CAST_DATE,
    [VALUE_TIMESTAMP] = OP_CAST_TIMESTAMP,
};

/* A literal in quotes takes the type of what it stands beside. */
enum err_code check_parse(struct typed **e, struct draft *d,
                          enum value_type type, struct err *err)
{
    const struct place at = (*e)->at;
    const struct value *text = &(*e)->value;
    struct value v = value_null();
    struct err first = { 0 };

    enum err_code rc =
        value_parse(&v, type, text->text.s, text->text.len, &first);
    if (rc != ERR_OK && check_is_time(type)) {
        struct err second = { 0 };
        const enum value_type other =
            type == VALUE_DATE ? VALUE_TIMESTAMP : VALUE_DATE;
        rc = value_parse(&v, other, text->text.s, text->text.len, &second);
    }
    const int64_t day = v.type == VALUE_TIMESTAMP ? US_PER_DAY : 1;
    if (rc == ERR_OK && check_is_time(type) &&
        (v.i / day < TIME_MIN_US / US_PER_DAY ||
         v.i / day > TIME_MAX_US / US_PER_DAY))
        rc = ERR_INVALID;
    if (rc != ERR_OK) {
        char shown[80];
        (void)snprintf(shown, sizeof shown, "%.60s", text->text.s);
        return refuse(
            err, check_is_time(type) ? REFUSAL_TIME_TEXT : REFUSAL_LITERAL_TYPE,
            at, shown, value_type_name(type));
    }
    *e = draft_const(d, v.type, v, at);
    return *e ? ERR_OK : draft_memory(err);
}

enum err_code check_literal(struct check *c, size_t i, enum value_type type,
                            struct err *err)
{
    return check_is_literal(c->args[i]) && type != VALUE_TEXT
               ? check_parse(&c->args[i], c->d, type, err)
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
    TRY(draft_call(e, d, CASTS[type], type, args, 1, (*e)->at, err));
    /* Not the analyst's cast: a bigint beside a numeric becomes one. */
    (*e)->numeric = type == VALUE_DOUBLE && args[0]->type == VALUE_INT;
    return ERR_OK;
}

/* The type both can be brought to, or VALUE_TYPE_COUNT. */
static enum value_type common(enum value_type a, enum value_type b)
{
    if (a == b || b == VALUE_NULL)
        return a;
    if (a == VALUE_NULL)
        return b;
    if (check_is_number(a) && check_is_number(b))
        return VALUE_DOUBLE;
    if (check_is_time(a) && check_is_time(b))
        return VALUE_TIMESTAMP;
    return VALUE_TYPE_COUNT;
}

/* Bring args[from], args[from + step], ... to one type. */
enum err_code check_unify(enum value_type *out, struct check *c, size_t from,
                          size_t step, struct err *err)
{
    enum value_type type = VALUE_NULL;
    for (size_t i = from; i < c->n; i += step)
        if (!check_is_literal(c->args[i]) && type != VALUE_TYPE_COUNT)
            type = common(type, c->args[i]->type);
    if (type == VALUE_NULL)
        type = VALUE_TEXT;
    for (size_t i = from; i < c->n; i += step)
        if (check_is_literal(c->args[i]) && type != VALUE_TYPE_COUNT &&
            type != VALUE_TEXT) {
            TRY(check_parse(&c->args[i], c->d, type, err));
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
        return check_mismatch(c, c->args[i], value_type_name(type), err);
    return check_convert(&c->args[i], c->d, type, err);
}
