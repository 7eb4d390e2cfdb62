#ifndef LEDGER_LOOKUP_H
#define LEDGER_LOOKUP_H

#include "server/ledger/lookup_run.h"

/*
 * Where in the SQLite file a key or a release is, by a 64-bit print of it.
 *
 * Keys and release hashes are spread evenly, so that in a B-tree each new one
 * lies on a page of its own: written to the log, and once more to the file, for
 * sixteen bytes.  That was four fifths of what a charge cost, and grew with the
 * ledger.  Here what is new stays in memory and is written sorted:
 *
 *   tail      memory     rows after the newest run; read anew at the start
 *   level 0   32k pairs    |
 *   level 1   262k         |  runs, the newest first (lookup_run.h)
 *   level 2   2M ...       |
 *
 * When the tail has grown it becomes a run, and eight runs of a level become
 * one of the next, some pages at a time, between batches (lookup_step).
 *
 * The tables are the truth: a row is found as a candidate, and whoever asked
 * compares.  What is here can be made anew from them, and is, when a file comes
 * without it.  In the file:
 *
 *   lookup_runs   one row a run that is complete
 *   lookup_pages  id = run << 24 | page; of no run in lookup_runs: left over
 *
 * Functions that may fail return SQLite's code.  One thread at a time.
 *
 * Source: O'Neil, Cheng, Gawlick & O'Neil, "The log-structured merge-tree",
 * 1996.
 */
struct sqlite3;
struct lookup;

/* A release is a charge's, or a piece of one that pays for several. */
enum lookup_kind { LOOKUP_KEY, LOOKUP_RELEASE, LOOKUP_PIECE };
uint64_t lookup_print_of_key(const char *principal, const char *key);
uint64_t lookup_print_of_release(enum lookup_kind kind, const void *hash,
                                 size_t len);

/* Read what the file has, and make what it lacks.  No transaction is open. */
int lookup_open(struct lookup **out, struct sqlite3 *db);
void lookup_close(struct lookup *l); /* NULL is allowed */

/* A row of `keys`, `charges` or `pieces` was inserted: its id is the newest of
 * its kind. */
int lookup_add(struct lookup *l, enum lookup_kind kind, uint64_t print,
               int64_t row);

/* The transaction of what was added committed, or did not. */
void lookup_keep(struct lookup *l);
void lookup_undo(struct lookup *l);

/* False: no row has this print, for which no page is read. */
bool lookup_may_have(struct lookup *l, uint64_t print);

/*
 * The rows with this print, the newest first:
 *
 *   struct lookup_cursor c = lookup_find(l, print);
 *   while (!is_found && (rc = lookup_next(&c, &row)) == SQLITE_ROW) ...
 *
 * SQLITE_DONE: no more.  Nothing is added between its calls.
 */
struct lookup_cursor {
    struct lookup *lookup;
    uint64_t print;
    size_t tail, run, page;    /* to be looked at next */
    int64_t rows[LOOKUP_PAGE]; /* found, not told yet */
    size_t at, n;
    bool in_run; /* what follows `page` may have it, too */
};
struct lookup_cursor lookup_find(struct lookup *l, uint64_t print);
int lookup_next(struct lookup_cursor *c, int64_t *row);

/* Between transactions: some work is due when the tail may have so many pairs,
 * and a bounded part of it, in a transaction of its own. */
enum { LOOKUP_TAIL = 32768 };
bool lookup_is_due(const struct lookup *l, size_t tail_pairs);
int lookup_step(struct lookup *l, size_t tail_pairs);

/* Rows of a table and their prints, from after a row on; `each` returns
 * SQLITE_OK to go on. */
typedef int lookup_row_fn(void *ctx, enum lookup_kind kind, uint64_t print,
                          int64_t row);
int lookup_each_row(struct sqlite3 *db, enum lookup_kind kind, int64_t after,
                    int64_t limit, lookup_row_fn *each, void *ctx);

/* For verify, on any connection: NULL when the file's runs say what the tables
 * say, or what is wrong. */
const char *lookup_check(struct sqlite3 *db);

#endif
