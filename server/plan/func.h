#ifndef PLAN_FUNC_H
#define PLAN_FUNC_H

#include "server/plan/typed.h"

/*
 * Everything the planner knows about a function of op.def, one row each in
 * func.def: what it takes and gives, how the engine computes it, between which
 * public numbers its result lies, and its value on constants and noisy numbers.
 *
 *   takes   a letter per argument, the last one repeated:
 *             n  a number, all of one type     d  a number, as double
 *             t  a text                        s  a time, as timestamp
 *             a  a text, int, date or time, as text
 *             D  a constant number   I  a constant int   T  a constant text
 *   gives   n  the type of its numbers   d  double   w  double, always whole
 *           i  int   t  text   b  bool   s  timestamp   y  date
 *   duckdb  SQL with $1 for the first argument, #1 for it as DOUBLE, %1 for it
 *           as a bare integer; "one argument|two arguments"; NULL: name(args)
 *
 * All but concat are NULL when an argument is.
 */
typedef struct range func_range_fn(const struct typed *e);
/* NULL where PostgreSQL raises an error; VALUE_TYPE_COUNT: the arena is full.
 * Called without NULL arguments, but for concat. */
typedef struct value func_value_fn(const struct value *args, size_t n,
                                   struct arena *a);

struct func {
    const char *takes;
    char gives;
    bool may_null; /* NULL for some arguments that are not */
    const char *duckdb;
    func_range_fn *range; /* or NULL: any number */
    func_value_fn *value;
};

/* The row of an operation, or NULL when it is no function of func.def. */
const struct func *func_of(enum expr_op op);

/* func_value.c, func_text.c */
#define FUNC(id, takes, gives, nulls, duckdb, range, value) func_value_fn value;
#include "server/plan/func.def"
#undef FUNC

/* func_range.c */
func_range_fn range_increasing, range_abs, range_sign, range_power,
    range_bucket, range_text_length, range_position;

#endif
