#ifndef PLAN_DIALECT_PG_SIZE_H
#define PLAN_DIALECT_PG_SIZE_H

#include "server/plan/typed.h"

/*
 * How large a number can be, as far as an expression's text says, whatever the
 * data hold: PostgreSQL's arithmetic of doubles raises an error where it
 * overflows or underflows (dialect_pg.h).
 *
 * Powers of ten: the number is 0, or between these.  `whole`: whole numbers.
 */
struct pg_size {
    double lo, hi;
    bool whole;
};
enum {
    PG_TAME = 150,         /* no operation on numbers within can do either */
    PG_BIGINT_DIGITS = 19, /* of the greatest */
};

/* Operands of its operations count as they are printed: tame. */
struct pg_size pg_size_of(const struct typed *e);

#endif
