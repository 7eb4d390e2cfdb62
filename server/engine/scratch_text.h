#ifndef ENGINE_SCRATCH_TEXT_H
#define ENGINE_SCRATCH_TEXT_H

#include <duckdb.h>

#include "server/base/arena.h"

/* A value of a vector as PostgreSQL writes it; NULL for NULL.  *full is set
 * when the arena is. */
const char *scratch_text(duckdb_vector v, idx_t row, bool is_vector,
                         struct arena *a, bool *full);

/* The OID of PostgreSQL's type for DuckDB's; 0: scratch_text cannot write it.
 */
uint32_t scratch_type(duckdb_logical_type t);

#endif
