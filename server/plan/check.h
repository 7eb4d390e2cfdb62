#ifndef PLAN_CHECK_H
#define PLAN_CHECK_H

#include "server/plan/draft.h"

/*
 * One call being checked: a rule per operation gives each argument the type it
 * asks for, replacing it by a cast where that loses nothing, and tells the type
 * of the result.
 */
struct check {
    struct draft *d;
    enum expr_op op;
    struct typed **args;
    size_t n;
    struct place at;
    enum value_type type; /* result, set by the rule */
};

static inline bool check_is_number(enum value_type t)
{
    return t == VALUE_INT || t == VALUE_DOUBLE;
}

static inline bool check_is_time(enum value_type t)
{
    return t == VALUE_DATE || t == VALUE_TIMESTAMP;
}

/* A literal in quotes: text, until something makes it another type. */
static inline bool check_is_literal(const struct typed *e)
{
    return typed_is_const(e) && e->value.type == VALUE_TEXT;
}

/* check_type.c: the argument is not of the type that is `wanted`. */
enum err_code check_mismatch(const struct check *c, const struct typed *arg,
                             const char *wanted, struct err *err);

/* Bring args[from], args[from + step], ... to one type: *out. */
enum err_code check_unify(enum value_type *out, struct check *c, size_t from,
                          size_t step, struct err *err) MUST_CHECK;

/* A literal as a constant of `type`; ERR_INVALID when it is not one. */
enum err_code check_parse(struct typed **e, struct draft *d,
                          enum value_type type, struct err *err) MUST_CHECK;

/* A literal in quotes becomes a constant of `type`; other arguments stay. */
enum err_code check_literal(struct check *c, size_t i, enum value_type type,
                            struct err *err) MUST_CHECK;

/* Argument i must be of `type`: a literal or NULL becomes one, else
 * ERR_INVALID at its place. */
enum err_code check_want(struct check *c, size_t i, enum value_type type,
                         struct err *err) MUST_CHECK;

/* *e cast to `type`, or itself. */
enum err_code check_convert(struct typed **e, struct draft *d,
                            enum value_type type, struct err *err) MUST_CHECK;

/* check_func.c: the functions of func.def. */
enum err_code check_func(struct check *c, struct err *err) MUST_CHECK;

#endif
