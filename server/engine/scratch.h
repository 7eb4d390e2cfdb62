#ifndef ENGINE_SCRATCH_H
#define ENGINE_SCRATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "server/base/arena.h"
#include "server/base/err.h"

/*
 * A DuckDB in memory that holds what is public (the catalog of the published
 * schema) and can reach nothing else: no file, no setting, no extension, one
 * thread, little memory, little time.  It never sees a person's row.
 */
struct scratch;

/* Run `script` and lock the database.  ERR_INTERNAL: DuckDB refused, and the
 * message tells what; ERR_LIMIT: no memory. */
enum err_code scratch_open(struct scratch **out, const char *script,
                           struct err *err) MUST_CHECK;
void scratch_close(struct scratch *s); /* NULL is allowed */

/* Values as PostgreSQL writes them; NULL is NULL. */
struct scratch_rows {
    size_t n_columns, n_rows;
    const char **cells;    /* n_rows x n_columns */
    const uint32_t *types; /* OIDs, as DuckDB's types tell */
};

/* How a list is written: {1,2} or, for int2vector and oidvector, 1 2. */
struct scratch_ask {
    const char *sql;
    const char *const *params; /* as text; NULL is NULL */
    size_t n_params;
    const bool *is_vector; /* of each column, or NULL */
    size_t n_vectors;
};

/*
 * One SELECT.  Any thread may ask.
 *
 * ERR_REFUSED  DuckDB does not know what is asked, or cannot compute it
 * ERR_LIMIT    it takes too long, or its answer is too large
 */
enum err_code scratch_ask(struct scratch_rows *out, struct scratch *s,
                          const struct scratch_ask *ask, struct arena *a,
                          struct err *err) MUST_CHECK;

/* Names and types of the columns without running it.  Codes as above. */
enum err_code scratch_describe(struct scratch_rows *out, struct scratch *s,
                               const struct scratch_ask *ask, struct arena *a,
                               struct err *err) MUST_CHECK;

#endif
