#ifndef LEDGER_SQLITE_FILE_H
#define LEDGER_SQLITE_FILE_H

#include "server/base/err.h"

/*
 * The ledger's file before there is a store in it: its name, its lock, the
 * version of its tables.
 */
struct sqlite3;
enum { SQLITE_FILE_PATH = 4096 }; /* bytes of a path, and its end */

/* It exists with mode 0600, its name durable before anything is in it.
 * ERR_NOT_FOUND  it cannot be made */
enum err_code sqlite_file_create(const char *path, struct err *err) MUST_CHECK;

/* One lock per file, whatever links lead to it; it ends with the process.
 * ERR_UNAVAILABLE  another server has it */
enum err_code sqlite_file_lock(int *out, const char *path,
                               struct err *err) MUST_CHECK;

/* The version of the schema: 0 = an empty file, -1 = not a ledger. */
int sqlite_file_schema(struct sqlite3 *db);

/* From that version to the newest, in one transaction: a crash half way leaves
 * the file as it was.  SQLite's code. */
int sqlite_file_upgrade(struct sqlite3 *db, int version);

#endif
