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

/* A result in pages (engine_pages): the one being filled. */
struct result_page {
    struct engine_result rows; /* .pages is set */
    size_t cap, text;          /* room for rows; bytes of their texts so far */
};

/*
 * Decode a chunk, handing over every page that it fills and more rows follow.
 * An error is that of `take`; *fits is false when the page's arena is full.
 */
enum err_code result_page_add(bool *fits, struct result_page *p,
                              duckdb_data_chunk chunk, const struct plan *plan,
                              struct err *err) MUST_CHECK;

#endif
