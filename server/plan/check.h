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
