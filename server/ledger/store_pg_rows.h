#ifndef LEDGER_STORE_PG_ROWS_H
#define LEDGER_STORE_PG_ROWS_H

#include "server/ledger/pq_ask.h"
#include "server/ledger/pq_bulk.h"
#include "server/ledger/pq_memo.h"
#include "server/ledger/pq_pipe.h"
#include "server/ledger/store.h"

/*
 * The statements of a store in PostgreSQL, and their rows; store_pg.c has its
 * transactions.  Both know the whole store.
 *
 *   find   from the memo, or a round trip
 *   run    rows that a batch writes by the hundred wait in bulks, all else is
 *          sent and not waited for; what was in the memo of it is forgotten
 *   ask    waits for pq_send_asked; pq_learn_asked takes what came into the
 * memo
 */
enum { PQ_BULKS = 8, PQ_NAME_LEN = 16 };

/* The rows of a statement that are being read. */
struct cursor {
    PGresult *rows;
    bool is_owned; /* else the memo's */
    int at, end;
};

/* `base` is first, so that one pointer is both. */
struct pq_store {
    struct store base;
    char *where; /* owned */
    struct pq_pipe pipe;
    bool reads;
    bool in_transaction, wrote;
    bool goes_on; /* another begins behind the COMMIT of this one */
    char exec_text[PQ_TEXT_CAP]; /* of the statement exec_name */
    char exec_name[PQ_NAME_LEN];
    unsigned n_execs;
    struct cursor cursors[SQL_COUNT];
    struct memo memo;
    struct asks asks;
    struct pq_bulk bulks[PQ_BULKS];
    unsigned quiet;          /* transactions without news, one after another */
    int64_t seen, serial;    /* transactions: seen, and of the one to commit */
    int64_t kept, kept_boot; /* the last of ours that committed; 0: none */
};

static inline struct pq_store *pq_of(struct store *s)
{
    return (struct pq_store *)s;
}

void pq_rows_init(struct pq_store *s); /* the rest is 0 */
void pq_rows_fini(struct pq_store *s);

/* What was read, and what waits: a transaction ended. */
void pq_rows_forget(struct pq_store *s);

/* A connection that is new, or a transaction that failed: nothing is prepared,
 * nor asked for. */
void pq_rows_unprepare(struct pq_store *s);

/* The rows that wait; false after an error. */
bool pq_send_bulks(struct pq_store *s);

/* What was asked for since the last pq_learn_asked, which takes the answers in
 * the order in which it was sent. */
void pq_send_asked(struct pq_store *s);
void pq_learn_asked(struct pq_store *s);

/* As store_ops says. */
bool pq_start(struct store *base, enum sql sql, const char *types, va_list *ap);
void pq_run(struct store *base, enum sql sql, const char *types, va_list *ap);
bool pq_query(struct store *base, const char *text, const char *types,
              va_list *ap);
void pq_exec(struct store *base, const char *text,
             const struct store_value *values, size_t n);
bool pq_next(struct store *base, enum sql sql);
void pq_end(struct store *base, enum sql sql);
int64_t pq_integer(struct store *base, enum sql sql, int column);
const void *pq_bytes(struct store *base, enum sql sql, int column, size_t *len);
void pq_ask_for(struct store *base, enum sql sql, const char *types,
                va_list *ap);
void pq_look(struct store *base);
void pq_let_in(struct store *base, bool is_open);

#endif
