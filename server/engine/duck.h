#ifndef ENGINE_DUCK_H
#define ENGINE_DUCK_H

#include <duckdb.h>

#include "server/base/writer.h"
#include "server/engine/engine.h"

/*
 * DuckDB through its C API, opened so that it can do little: in memory, without
 * extensions from outside, and after duck_lock_down without any file but those
 * it was given.  Source: DuckDB 1.5 manual, "Securing DuckDB".
 *
 * Configuration cannot forbid writing to an allowed path, so callers prepare
 * statements through duck_prepare alone, which takes one SELECT.
 */
struct duck {
    duckdb_database db;
    duckdb_connection con; /* for set-up */
};

/* ERR_INTERNAL: DuckDB refused a setting; the message names it. */
enum err_code duck_open(struct duck *d, const struct engine_options *options,
                        struct err *err) MUST_CHECK;
void duck_close(struct duck *d);

/*
 * From now on only `files` can be read, databases attached before included, and
 * no setting can be changed.  ERR_INTERNAL as above; ERR_LIMIT: `a` is full.
 */
enum err_code duck_lock_down(struct duck *d, const char *const *files, size_t n,
                             struct arena *a, struct err *err) MUST_CHECK;

/* A column of a chunk, for functions of ours. */
struct duck_column {
    const void *data;
    uint64_t *valid; /* NULL: no row is NULL */
};

static inline struct duck_column duck_column_of(duckdb_data_chunk chunk,
                                                idx_t i)
{
    duckdb_vector v = duckdb_data_chunk_get_vector(chunk, i);
    return (struct duck_column){ duckdb_vector_get_data(v),
                                 duckdb_vector_get_validity(v) };
}

static inline bool duck_is_null(const struct duck_column *c, idx_t row)
{
    return c->valid && !duckdb_validity_row_is_valid(c->valid, row);
}

/* Run a statement for its effect; false when DuckDB refuses. */
bool duck_exec(struct duck *d, const char *sql);

/*
 * Prepare one SELECT.  False, and *out is NULL, for anything else: several
 * statements, COPY, ATTACH, PRAGMA, SET, ..., or SELECTs that do not bind.
 * The caller owns *out (duckdb_destroy_prepare).
 */
bool duck_prepare(duckdb_prepared_statement *out, duckdb_connection con,
                  const char *sql);

/* Write `name` as a quoted identifier, `text` as a quoted string. */
void duck_ident(struct writer *w, const char *name);
void duck_literal(struct writer *w, const char *text);

/*
 * One word for the operator's log, static, from the start of DuckDB's message,
 * which names the class of the error; the rest can carry data.
 */
const char *duck_error_class(const char *text);

#endif
