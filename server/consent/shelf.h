#ifndef CONSENT_SHELF_H
#define CONSENT_SHELF_H

#include <sqlite3.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "server/base/err.h"

/*
 * The register's file: SQLite of its own, as the ledger's (WAL, synchronous
 * FULL, one server at a time), with statements prepared once.
 *
 *   populations, purposes   numbers of them
 *   subjects   a person: number, pseudonym, a key of her own
 *   events     append-only: what was decided, when, for which purposes; what
 *              else is told of it sealed under the subject's key
 *   imports    files; events of one that is not done count nothing
 *   chain      SHA-256 over all events and choices, in order
 *   erasures, erasure_places, erasure_lists
 *              who was erased, how far that is in each dataset, and lists that
 *              were handed to owners
 *   choices    append-only: through which channel, how often (contact.h)
 *   contacts   what a sender was allowed, as long as limits ask for it
 *   asks       how often each sender asked in a day
 *   marks      where the chain was now and then, by number (mark.c)
 *
 * Errors are sticky: after the first one every call does nothing and finds
 * nothing, and whoever runs a transaction looks at `rc` before it commits.
 * One thread at a time.
 */
enum shelf_sql {
#define STMT(name, text) SHELF_##name,
#include "server/consent/sql.def"
#undef STMT
    SHELF_SQL_COUNT
};

struct shelf {
    sqlite3 *db;
    sqlite3_stmt *stmts[SHELF_SQL_COUNT];
    int lock_fd;
    int rc; /* SQLITE_OK, or the first error */
    bool waits; /* a commit, for the disk */
};

/*
 * The file exists and has the schema afterwards; close it also after a failure.
 * ERR_NOT_FOUND    it cannot be opened or made
 * ERR_UNAVAILABLE  another server has it
 * ERR_INTERNAL     it is no register, or damaged
 */
enum err_code shelf_open(struct shelf *s, const char *path,
                         struct err *err) MUST_CHECK;
void shelf_close(struct shelf *s);

/*
 * Parameters by type: i int64_t, t const char *, b const void * and size_t,
 * n NULL (no argument).  shelf_find is true when a row is there: read it, then
 * shelf_next or shelf_end.  shelf_run is for statements without rows.
 */
bool shelf_find(struct shelf *s, enum shelf_sql sql, const char *types, ...);
bool shelf_next(struct shelf *s, enum shelf_sql sql);
void shelf_end(struct shelf *s, enum shelf_sql sql);
void shelf_run(struct shelf *s, enum shelf_sql sql, const char *types, ...);

int64_t shelf_int(struct shelf *s, enum shelf_sql sql, int column);
bool shelf_is_null(struct shelf *s, enum shelf_sql sql, int column);
const char *shelf_text(struct shelf *s, enum shelf_sql sql, int column);
/* Borrowed until the statement goes on; never NULL. */
const void *shelf_blob(struct shelf *s, enum shelf_sql sql, int column,
                       size_t *len);

/* What was overwritten is nowhere in the log any more: between transactions.
 * Should the disk refuse, it goes with a later checkpoint. */
void shelf_sweep(struct shelf *s);

/* Does the next commit wait for the disk?  If not, one that does makes it
 * durable, too.  Between transactions. */
void shelf_sync(struct shelf *s, bool waits);

/* Undo the open transaction and forget the error. */
void shelf_rollback(struct shelf *s);

#endif
