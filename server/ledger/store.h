#ifndef LEDGER_STORE_H
#define LEDGER_STORE_H

#include <sqlite3.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "server/base/err.h"

/*
 * The SQLite file: opening, locking, prepared statements, checkpoints.
 *
 * One connection, used by one thread at a time.  Errors are sticky, as in a
 * reader: after the first one every call does nothing and finds nothing, and
 * whoever runs a transaction checks `rc` once before it commits.
 *
 * WAL, synchronous FULL, no automatic checkpoint.  A lock file beside the
 * ledger keeps a second server out; readers (ledger_verify) need no lock.
 */
enum sql {
#define STMT(name, text) SQL_##name,
#include "server/ledger/sql.def"
#undef STMT
    SQL_COUNT
};

struct store {
    sqlite3 *db;                    /* owned */
    sqlite3_stmt *stmts[SQL_COUNT]; /* owned */
    int lock_fd;                    /* owned */
    int rc;                         /* SQLITE_OK, or the first error */
    uint32_t log_pages;             /* in the write-ahead log, at the last
                                       commit */
};

/* As ledger_open.  The file exists and has the schema afterwards. */
enum err_code store_open(struct store *s, const char *path,
                         struct err *err) MUST_CHECK;

/* Fold the log into the file if nothing failed, then close.  Also after a
 * store_open that failed. */
void store_close(struct store *s);

/*
 * Run a statement with parameters by type:
 *   i int64_t   u uint64_t (at most INT64_MAX)   t const char *
 *   b const void *, size_t
 * Text and bytes are borrowed until the statement ends.
 *
 * store_find is true when a row is there: read its columns, then store_end (or
 * store_next for the row after).  store_run is for statements without rows.
 */
bool store_find(struct store *s, enum sql sql, const char *types, ...);
bool store_next(struct store *s, enum sql sql);
void store_end(struct store *s, enum sql sql);
void store_run(struct store *s, enum sql sql, const char *types, ...);

int64_t store_int(struct store *s, enum sql sql, int column);
uint64_t store_amount(struct store *s, enum sql sql, int column);
const char *store_text(struct store *s, enum sql sql, int column);
const void *store_blob(struct store *s, enum sql sql, int column, size_t *len);

/* Undo the open transaction and forget the error. */
void store_rollback(struct store *s);

/* Fold the log into the file and make that durable. */
void store_checkpoint(struct store *s);

/* The version of the schema in `db`: 0 = an empty file, -1 = not a ledger. */
int store_schema(sqlite3 *db);

#endif
