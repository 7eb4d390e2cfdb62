#ifndef TESTS_LIB_PGSOURCE_H
#define TESTS_LIB_PGSOURCE_H

#include "server/engine/engine.h"
#include "tests/lib_plan.h"

/*
 * The shop of lib_plan.h in a PostgreSQL, as a source: tables in schema shop,
 * the roles reader (SELECT alone) and writer (the tables of who counts).
 */

/* Make schema, tables and roles anew, empty; *out is the policy, good until the
 * next call.  `consent`: with a register. */
void pgsource_make(struct policy *out, bool consent);

/* A statement for DuckDB's src.* and for shop.* alike. */
void pgsource_both(struct plan_db *db, const char *sql);

/* Random rows of all three tables, in both: some people, some values that are
 * NULL, NaN, infinite, huge, far away. */
void pgsource_fill(struct plan_db *db, unsigned seed);

/* No number of "buys" is absurd any more: the reals between 1e-100 and 1e100, 0
 * or NaN, the whole ones of two digits. */
void pgsource_tame(struct plan_db *db);

/* The rows as plan_db_answer writes them, for free(); NULL: it failed. */
char *pgsource_answer(struct engine *e, const struct plan *plan,
                      unsigned char secret, struct err *err);

#endif
