#ifndef PLAN_DIALECT_H
#define PLAN_DIALECT_H

#include "server/plan/rel.h"

/*
 * Checked row expressions as DuckDB SQL.  Printed from the tree alone; total:
 * no cast, quotient, overflow or pattern can fail whatever the data hold.
 *
 *   arithmetic          in DOUBLE; NaN becomes NULL (nullif: NaN = NaN there)
 *   x / 0               NULL
 *   times               NULL outside the years 1 to 9999
 *   casts               TRY_CAST, halves to even
 *   LIKE                constant pattern, checked, linear: dialect_like.c
 *
 * Columns know their alias.  Inside a sub-query that groups, keys and
 * aggregates are the columns g0.. and a0.. of the stage before.
 */
void duckdb_expr(struct writer *w, const struct typed *e);

/* The same, stored as its type: whole numbers as BIGINT, NULL where too large.
 */
void duckdb_typed(struct writer *w, const struct typed *e);

/* dialect_like.c: LIKE and ILIKE. */
void duckdb_like(struct writer *w, const struct typed *e);
/* A pattern that only a regular expression says; at most LIKE_REGEX_MAX bytes
 * long. */
bool like_needs_regex(const char *pattern);
enum { LIKE_REGEX_MAX = 256 };

/* One entry of an ORDER BY. */
void duckdb_order(struct writer *w, const struct typed *e, bool descending,
                  bool nulls_first);

/*
 * A term of the WHERE's AND.  A comparison of a bare column with constants
 * stays bare, so that the engine can skip blocks by it; the test that the value
 * is one at all stands beside it.
 */
void duckdb_term(struct writer *w, const struct typed *e);

/* " FROM ..." */
void duckdb_from(struct writer *w, const struct rel_scope *scope);

/* " WHERE ..." or nothing: the rows have a key, and pass every term. */
struct draft_terms;
void duckdb_where(struct writer *w, const struct rel_scope *scope,
                  const struct draft_terms *terms);

void duckdb_name(struct writer *w, const char *name);
void duckdb_value(struct writer *w, enum value_type type,
                  const struct value *v);
const char *duckdb_type(enum value_type type);

#endif
