#ifndef LEDGER_SQLITE_BULK_H
#define LEDGER_SQLITE_BULK_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "server/ledger/store.h"

/*
 * Rows of one INSERT that wait to be written together.
 *
 *   INSERT INTO t (a, b) VALUES (?, 0)              as sql.def says it
 *   INSERT INTO t (a, b) VALUES (?, 0), (?, 0) ...  as it is run
 *
 * A statement costs SQLite more than a row: it begins a savepoint, opens every
 * index, copies the pages it changes aside, and gives its memory back.  Rows
 * are written in the order they came, many a statement.
 *
 * Values are copied.  Functions return SQLite's code; after an error the
 * transaction is rolled back, and sqlite_bulk_forget called.
 */
struct sqlite3;
struct sqlite3_stmt;

enum { SQLITE_BULK_SIZES = 3 }; /* of statements: many rows, some, one */
struct sqlite_bulk {
    struct sqlite3_stmt *stmts[SQLITE_BULK_SIZES]; /* owned; when first used */
    struct bulk_value *values; /* owned: of all rows, row by row */
    size_t n_values, values_cap;
    uint8_t *data; /* owned: what texts and bytes are copied into */
    size_t data_len, data_cap;
    size_t n; /* rows */
};

/* One more row, by the letters of store.h. */
int sqlite_bulk_add(struct sqlite_bulk *b, const char *types, va_list *ap);

/* Write the rows that wait; `text` is the INSERT of one of them. */
int sqlite_bulk_flush(struct sqlite_bulk *b, struct sqlite3 *db,
                      const char *text);

void sqlite_bulk_forget(struct sqlite_bulk *b); /* the rows that wait */
void sqlite_bulk_fini(struct sqlite_bulk *b);

#endif
