#ifndef ENGINE_RESULT_H
#define ENGINE_RESULT_H

#include "server/engine/duck.h"

/*
 * From DuckDB's vectors to exact integers and keys, column by column.
 *
 * Chunks are kept as they come; the arena is asked once, when the number of
 * rows is known.
 */
struct result_chunks {
    duckdb_data_chunk *chunks; /* owned */
    size_t n, cap;
    size_t rows;
};

/*
 * True when a prepared statement has the plan's columns: k0.. of the keys'
 * types, then m0.. of integers.  A fact about the plan, not about data.
 */
bool result_fits(duckdb_prepared_statement st, const struct plan *plan);

/* Takes the chunk; false past ENGINE_GROUPS_MAX rows or without memory. */
bool result_keep(struct result_chunks *r, duckdb_data_chunk chunk);

/* Decode all chunks into `a`; false when it is full. */
bool result_decode(struct engine_result *out, const struct result_chunks *r,
                   const struct plan *plan, struct arena *a);

void result_fini(struct result_chunks *r);

#endif
