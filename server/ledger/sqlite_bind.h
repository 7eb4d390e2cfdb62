#ifndef LEDGER_SQLITE_BIND_H
#define LEDGER_SQLITE_BIND_H

#include <stdarg.h>

#include "server/ledger/store.h"

/* Parameters of a statement, by the letters of store.h; SQLite's code.  Texts
 * and bytes are borrowed until the statement ends. */
struct sqlite3_stmt;
int sqlite_bind(struct sqlite3_stmt *stmt, int at, char type, va_list *ap);
int sqlite_bind_value(struct sqlite3_stmt *stmt, int at,
                      const struct store_value *v);

#endif
