#ifndef LEDGER_SQLITE_FILE_H
#define LEDGER_SQLITE_FILE_H

#include "server/base/err.h"

/*
 * A database's file before there is a store in it: its name, its locks, the
 * version of its tables.
 */
struct sqlite3;
enum { SQLITE_FILE_PATH = 4096 }; /* bytes of a path, and its end */

/* A file that nobody else writes: by its name (FILE-lock beside it), so that
 * what is put in its place is not opened beside it, and as what it is, by
 * whatever other name (a mount) it is reached. */
struct sqlite_file {
    int by_name, fd;             /* owned; -1: none */
    char path[SQLITE_FILE_PATH]; /* its own, whatever symbolic links lead to it:
                                    SQLite keeps the log there */
};

/*
 * It exists with mode 0600, its name durable before anything is in it, and is
 * ours until sqlite_file_leave, or the process ends.  `what` names it in
 * messages.  On failure there is nothing to leave.
 * ERR_NOT_FOUND    it cannot be made
 * ERR_UNAVAILABLE  another server has it
 * ERR_CONFLICT     it has another name (a hard link), by which SQLite would
 *                  look for another log
 */
enum err_code sqlite_file_take(struct sqlite_file *out, const char *path,
                               const char *what, struct err *err) MUST_CHECK;

/* After the connection is closed: closing any descriptor of a file ends the
 * locks that SQLite has on it. */
void sqlite_file_leave(struct sqlite_file *f);

/* The version of the schema: 0 = an empty file, -1 = not a ledger. */
int sqlite_file_schema(struct sqlite3 *db);

/* From that version to the newest, in one transaction: a crash half way leaves
 * the file as it was.  SQLite's code. */
int sqlite_file_upgrade(struct sqlite3 *db, int version);

#endif
