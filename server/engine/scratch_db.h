#ifndef ENGINE_SCRATCH_DB_H
#define ENGINE_SCRATCH_DB_H

#include "server/engine/scratch_wire.h"

/*
 * The DuckDB behind a scratch (scratch.h), inside a process of its own: locked,
 * one thread, little memory.  Its limits are DuckDB's word; those that hold are
 * the process's (scratch_jail.h).
 *
 * For a process with one thread: the time of a statement is an alarm's.
 */
struct scratch_db;

/* Run `script` and lock the database.  ROWS, or FAILED and *out is NULL; the
 * message is in `a`. */
struct scratch_reply scratch_db_open(struct scratch_db **out,
                                     const char *script, struct arena *a);
void scratch_db_close(struct scratch_db *s); /* NULL is allowed */

struct scratch_db_ask {
    const struct scratch_ask *ask;
    bool runs;        /* else the columns alone */
    unsigned wait_ms; /* after which DuckDB is asked to end it */
};

/* One SELECT: ROWS, FAILED, LATE or LARGE, in `a`. */
struct scratch_reply scratch_db_ask(struct scratch_db *s,
                                    const struct scratch_db_ask *ask,
                                    struct arena *a);

#endif
