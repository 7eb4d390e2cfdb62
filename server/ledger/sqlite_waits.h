#ifndef LEDGER_SQLITE_WAITS_H
#define LEDGER_SQLITE_WAITS_H

#include "server/ledger/sqlite_bulk.h"

/*
 * The rows of a transaction that wait, and what may not overlook them.
 *
 *   add a row ---> waits --- its transaction commits --------> written
 *                       '--- a statement could see its table --'
 *
 * Almost every charge is a new one, for which nothing is read that its batch
 * wrote; so leaves, charges, keys, texts and answers are written once, at the
 * end, parents first.  A table says of a statement which of them it could see;
 * one that is not in it is taken to see all.
 *
 * Functions that may fail return SQLite's code.
 */
enum sqlite_waiting {
    WAITING_LEAVES,
    WAITING_CHARGES,
    WAITING_KEYS,
    WAITING_TEXTS,
    WAITING_ANSWERS,
    WAITING_TABLES,
    WAITING_NONE = WAITING_TABLES
};
struct sqlite_waits {
    struct sqlite3 *db;       /* borrowed */
    const char *const *texts; /* borrowed: of statements, by enum sql */
    struct sqlite_bulk bulks[WAITING_TABLES];
    int64_t next_key;              /* the row of the next key; 0: to be read */
    int64_t first[WAITING_TABLES]; /* row that waits, of charges and keys */
};

/* The table whose rows this statement adds, if those may wait. */
enum sqlite_waiting sqlite_waits_of(enum sql sql);

/* *row: where a charge or a key will be, by its parameters; else 0. */
int sqlite_waits_add(struct sqlite_waits *w, enum sql sql, int64_t *row,
                     const char *types, va_list *ap);

/* `sql` is about to run: write what it could see.  Of what lookup.h found it
 * sees one row of a table, which waits or not. */
int sqlite_waits_show(struct sqlite_waits *w, enum sql sql);
int sqlite_waits_show_row(struct sqlite_waits *w, enum sqlite_waiting t,
                          int64_t row);

bool sqlite_waits_any(const struct sqlite_waits *w);
int sqlite_waits_flush(struct sqlite_waits *w);
void sqlite_waits_forget(struct sqlite_waits *w);
void sqlite_waits_fini(struct sqlite_waits *w);

#endif
