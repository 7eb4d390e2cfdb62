#ifndef PLAN_DIALECT_PG_H
#define PLAN_DIALECT_PG_H

#include "server/plan/dialect.h"

/*
 * What PostgreSQL says in other words than DuckDB, as total:
 *
 *   casts      there is no TRY_CAST: the range is asked for before
 *   numbers    a sum, product or quotient of doubles raises an error where it
 *              overflows, a product or quotient where it underflows too.  So
 *              operands of which the text does not say how large they are are
 *              taken between 1e-150 and 1e150 (or 0) first
 *   texts      compared and ordered by bytes, whatever the database's
 *              collation: each one has the collation "C"
 *   times      in UTC, which the connection says
 *
 * Source: PostgreSQL 15 manual, 9.3, 9.9, 24.2; src/include/utils/float.h.
 */

/* The collation by which letters have cases: the engine looks for it. */
#define PG_CASES "und-x-icu"

/* dialect_pg_cast.c: a cast; and what || joins, as text. */
void pg_cast(struct writer *w, const struct typed *e);
void pg_as_text(struct writer *w, const struct typed *e);

/* A call whose form differs; false: it is written as DuckDB's. */
bool pg_call(struct writer *w, const struct typed *e);

/* "x" is text: its collation. */
void pg_collate(struct writer *w);

/* A table of the policy as a relation of its declared columns, only people who
 * count where `purpose` is not NULL. */
struct pg_table {
    const struct policy *policy;
    const struct policy_table *table;
    const struct policy_purpose *purpose;
};
void pg_table_print(struct writer *w, const void *ctx); /* a struct pg_table */

/* A privacy key as the tables of who counts have it, compared by its bytes. */
void pg_key(struct writer *w, const struct policy_column *key);

/* "schema.table" as two quoted names, and the schema of the tables of who
 * counts. */
void pg_table_name(struct writer *w, const char *source);
enum { PG_SCHEMA_MAX = POLICY_NAME_MAX + 16 };
void pg_schema_name(char out[PG_SCHEMA_MAX], const struct policy *policy);

#endif
