#ifndef LEDGER_PQ_MEMO_H
#define LEDGER_PQ_MEMO_H

#include <libpq-fe.h>

#include "server/base/arena.h"
#include "server/ledger/pq_params.h"
#include "server/ledger/store.h"

/*
 * What a batch knows of the database without asking again.
 *
 * Nobody else writes between a batch's lock and its commit, so what was read
 * stays true until the batch itself changes it.  A table says of each statement
 * by which of its parameters its rows are found, and which it changes:
 *
 *   KEY, RELEASE   that there is no such row: almost every charge is new
 *   CHARGE         the row of a charge, by its id
 *   MISSES, COUNTER, ROUTE, NEWEST, LEAVES  the rows of a statement with these
 *                  parameters
 *
 * A statement that is in no row of the table is always asked; one that changes
 * what no entry can name forgets the whole class.
 */
enum memo_class {
    MEMO_NONE,
    MEMO_KEY,
    MEMO_RELEASE,
    MEMO_CHARGE,
    MEMO_MISSES, /* from here on what was read is kept as it came */
    MEMO_COUNTER,
    MEMO_ROUTE,
    MEMO_NEWEST,
    MEMO_LEAVES,
    MEMO_CLASSES
};

enum { MEMO_BUCKETS = 2048 };
struct memo_entry {
    struct memo_entry *next;
    uint64_t hash;
    uint32_t generation;
    enum memo_class class;
    bool is_valid;
    PGresult *rows; /* owned by the memo; NULL: there are none */
    int first, n;   /* of `rows` */
    size_t key_len;
    const uint8_t *key; /* in the arena */
};
struct memo {
    struct arena arena;
    struct memo_entry *buckets[MEMO_BUCKETS];
    uint32_t generation[MEMO_CLASSES];
    PGresult **results; /* owned */
    size_t n_results, cap;
};

void memo_init(struct memo *m);
void memo_fini(struct memo *m);
void memo_forget(struct memo *m); /* everything: a transaction ended */

/* The class by which `sql` may be answered, or MEMO_NONE. */
enum memo_class memo_class_of(enum sql sql);

/* The entry that answers it, or NULL. */
const struct memo_entry *memo_find(const struct memo *m, enum sql sql,
                                   const struct pq_params *p);

/* Keep rows for memo_learn; false (and they are the caller's) without memory.
 */
bool memo_keep(struct memo *m, PGresult *rows);

/* What `sql` with these parameters finds: n kept rows from `first`, or none. */
void memo_learn(struct memo *m, enum sql sql, const struct pq_params *p,
                PGresult *rows, int first, int n);

/* `sql` is run: forget what it may change. */
void memo_touch(struct memo *m, enum sql sql, const struct pq_params *p);

#endif
