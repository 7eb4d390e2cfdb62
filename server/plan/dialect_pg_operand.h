#ifndef PLAN_DIALECT_PG_OPERAND_H
#define PLAN_DIALECT_PG_OPERAND_H

#include "server/plan/dialect.h"

/*
 * What an operation of PostgreSQL's is given (dialect_pg.h): an argument made a
 * number that it cannot fail on, and, where a form names an argument twice, a
 * name for it:
 *
 *   (SELECT form of h1, h2 FROM (SELECT a AS h1, b AS h2 OFFSET 0) AS h)
 *
 * OFFSET keeps the engine's planner from putting a in the place of each h1, so
 * that nesting cannot double the text.
 */

/* As DOUBLE PRECISION, NULL or a number. */
void pg_real(struct writer *w, const struct typed *e);

/* ... that no operation can overflow or underflow with. */
void pg_tame(struct writer *w, const struct typed *e);

/* As BIGINT, NULL where it does not fit. */
void pg_int(struct writer *w, const struct typed *e);

/* Does it stand on a window function that no column below is?  No sub-query may
 * name that: dialect_lacks(w, PG_WIDE("a remainder"), ..) where one has to. */
#define PG_WIDE(what)                                                          \
    what " over a window function, in a sub-query of more than 256 columns "   \
         "and window functions,"
bool pg_holds_window(const struct writer *w, const struct typed *e);

/* Operands that are named, e[0] as ~1 of a form. */
enum { PG_LET_MAX = 2 };
struct pg_let {
    const struct typed *e[PG_LET_MAX];
    enum pg_let_as { PG_LET_AS_IS, PG_LET_REAL, PG_LET_TAME } as;
    const struct typed *call; /* whose other arguments the form names */
};

/*
 * A form with ~1 and ~2 for the operands; of the call $1 is the first argument
 * as it is, #1 as a double, @1 as one that is tame, %1 a bare constant.
 * `often`: operands are written out, else they are h1 and h2.
 */
void pg_form_print(struct writer *w, const struct pg_let *l, const char *form,
                   bool often);

/* The same with h1 and h2 named, where that is shorter. */
void pg_let_print(struct writer *w, const struct pg_let *l, const char *form);

#endif
