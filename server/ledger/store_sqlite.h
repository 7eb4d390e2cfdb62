#ifndef LEDGER_STORE_SQLITE_H
#define LEDGER_STORE_SQLITE_H

#include "server/ledger/store.h"

/*
 * A store in an SQLite file: opening, locking, prepared statements,
 * checkpoints.
 *
 * WAL, synchronous FULL, no automatic checkpoint.  A lock file beside the
 * ledger keeps a second server out; readers need no lock.
 */
enum err_code store_sqlite_open(struct store **out, const char *path,
                                struct err *err) MUST_CHECK;
enum err_code store_sqlite_open_read(struct store **out, const char *path,
                                     struct err *err) MUST_CHECK;

/* The SQLite connection, for what only SQLite can: copies of its pages. */
struct sqlite3;
struct sqlite3 *store_sqlite_db(struct store *s);

#endif
