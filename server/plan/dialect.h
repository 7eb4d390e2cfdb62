#ifndef PLAN_DIALECT_H
#define PLAN_DIALECT_H

#include "server/plan/typed.h"

/*
 * Checked row expressions as DuckDB SQL.  Printed from the tree alone; total:
 * no cast, quotient, overflow or pattern can fail whatever the data hold.
 *
 *   arithmetic          in DOUBLE; NaN becomes NULL (nullif: NaN = NaN there)
 *   x / 0               NULL
 *   times               NULL outside the years 1 to 9999
 *   casts               TRY_CAST, halves to even
 *   LIKE                constant pattern, checked, ESCAPE '\'
 *
 * Columns read from the alias t.
 */
void duckdb_expr(struct writer *w, const struct typed *e);

/*
 * A term of the WHERE's AND.  A comparison of a bare column with constants
 * stays bare, so that the engine can skip blocks by it; the test that the value
 * is one at all stands beside it.
 */
void duckdb_term(struct writer *w, const struct typed *e);

void duckdb_name(struct writer *w, const char *name);
void duckdb_value(struct writer *w, enum value_type type,
                  const struct value *v);
const char *duckdb_type(enum value_type type);

#endif
