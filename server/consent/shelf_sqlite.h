#ifndef CONSENT_SHELF_SQLITE_H
#define CONSENT_SHELF_SQLITE_H

#include <sqlite3.h>

#include "server/consent/shelf.h"

/* A register in a file: SQLite of its own, as the ledger's (WAL, synchronous
 * FULL, one server at a time).  As shelf_open. */
enum err_code shelf_sqlite_open(struct shelf *s, const char *path,
                                struct err *err) MUST_CHECK;

/* The connection: for tests that take the disk away. */
sqlite3 *shelf_sqlite_of(const struct shelf *s);

#endif
