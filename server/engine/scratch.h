#ifndef ENGINE_SCRATCH_H
#define ENGINE_SCRATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "server/base/arena.h"
#include "server/base/err.h"

/*
 * A DuckDB in memory that holds what is public (the catalog of the published
 * schema) and can reach nothing else: no file, no setting, no extension.  It
 * never sees a person's row.
 *
 * It runs in processes of its own (scratch_pool.h), so that no statement can
 * take more time, memory or stack than a process may, whatever DuckDB thinks of
 * its limits: past them the process goes, and the next statement has another.
 *
 *   scratch --statement--> pool --bytes--> a process: has it the database?
 *                                            no: the script, once
 *                                          rows, or what was wrong
 */
struct scratch;
struct scratch_pool;

/*
 * A database that `script` builds, in any process of the pool that is asked of
 * it; the text is taken, and given to free().  `owner` is whose statements they
 * are: no owner holds all processes.  NULL: no memory, and the text is freed.
 */
struct scratch *scratch_new(struct scratch_pool *pool, uint64_t owner,
                            char *script);
void scratch_free(struct scratch *s); /* NULL is allowed */

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
 * One SELECT.  Any thread may ask, and waits.
 *
 * ERR_LIMIT        it needs more time or memory than it may have, or its answer
 *                  is too large
 * ERR_UNAVAILABLE  all processes were busy for as long as it may take
 * ERR_INTERNAL     the script is none that DuckDB takes, or no process starts
 * others           as scratch_error
 */
enum err_code scratch_ask(struct scratch_rows *out, struct scratch *s,
                          const struct scratch_ask *ask, struct arena *a,
                          struct err *err) MUST_CHECK;

/* Types of the columns without running it.  Codes as above. */
enum err_code scratch_describe(struct scratch_rows *out, struct scratch *s,
                               const struct scratch_ask *ask, struct arena *a,
                               struct err *err) MUST_CHECK;

#endif
