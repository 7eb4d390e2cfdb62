#ifndef LEDGER_LOG_VFS_H
#define LEDGER_LOG_VFS_H

#include "server/base/err.h"

/*
 * SQLite's own file system, with the write-ahead log written in one piece.
 *
 * SQLite writes each page of a commit by itself, header and body: 600 system
 * calls for a batch of 300 pages.  Here what follows on is collected and
 * written at the sync, before anything reads it, or when LOG_BUFFER is full:
 * 3.3 ms became 0.06 ms for those 300 pages.  Nothing is durable, nor visible
 * to another connection, before the sync either way; an error of the delayed
 * write is the sync's error.  The first sync makes the log's name durable, too,
 * or fails.  Other files are not touched.
 *
 * One thread, as the connection.
 */
enum { LOG_BUFFER = 1 << 20 };

/* Registers it over SQLite's default and returns its name; NULL when SQLite
 * refuses. */
const char *log_vfs_name(void);

/*
 * By whoever alone writes the database at `path`, before anything is written:
 * what an earlier process left in its log is made durable, even what a failed
 * sync left in the page cache only.  ERR_INTERNAL: the disk does not take it.
 */
enum err_code log_vfs_mend(const char *path, struct err *err) MUST_CHECK;

#endif
