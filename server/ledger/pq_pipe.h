#ifndef LEDGER_PQ_PIPE_H
#define LEDGER_PQ_PIPE_H

#include <libpq-fe.h>

#include "server/ledger/pq_params.h"
#include "server/ledger/store.h"

/*
 * What is sent to PostgreSQL without waiting, and what comes back in order.
 *
 *   pipe_send, pipe_send, ...   queued
 *   pipe_ask                    out with it: answers are wanted now
 *   pipe_take, pipe_take, ...   one for each, in order
 *
 * An error is the store's: rc is STORE_LOST when the connection broke or the
 * transaction was ended from outside, STORE_REFUSED for a constraint.  After
 * one, only pipe_sync leads on.
 *
 * Source: PostgreSQL 15 manual, 34.5 (pipeline mode); appendix A (SQLSTATE).
 */
enum pipe_statement { /* beside those of sql.def */
                      PIPE_LOCK = SQL_COUNT,
                      PIPE_HEAD,
                      PIPE_SERIAL,
                      PIPE_KEY_AGAIN,
                      PIPE_ASK, /* the first of the kinds of pq_ask.h */
                      PIPE_STATEMENTS = PIPE_ASK + 8
};
struct pq_pipe {
    struct store *store; /* whose errors; borrowed */
    PGconn *conn;        /* owned; NULL: there is none now */
    unsigned pending;    /* results that were not taken yet, behind the mark */
    bool prepared[PIPE_STATEMENTS]; /* in this session */
};

/* Something was queued by a call of libpq that said `is_queued`. */
bool pipe_sent(struct pq_pipe *p, int is_queued);
bool pipe_send(struct pq_pipe *p, const char *text,
               const struct pq_params *params); /* NULL: none */

/* ... prepared when it is first sent: PostgreSQL plans it once.  `id` is of
 * the statements of whoever holds the pipe, below PIPE_STATEMENTS; `text` is
 * not looked at later on. */
bool pipe_send_as(struct pq_pipe *p, int id, const char *text,
                  const struct pq_params *params);

bool pipe_ask(struct pq_pipe *p);

/* The next result, good, the caller's; NULL after an error.  That something was
 * prepared is no result. */
PGresult *pipe_take(struct pq_pipe *p);

/* Ask, and take all: the last one. */
PGresult *pipe_take_all(struct pq_pipe *p);

/* A number of a result, of a type that pq_params.h names; not of a NULL. */
int64_t pipe_number(const PGresult *rows, int row, int column);

/*
 * A synchronisation: the end of a transaction, or of an error.  pipe_mark sends
 * one, and what is queued; what is sent then belongs to what comes behind it.
 * pipe_settle takes all up to it.  pipe_sync is both.
 */
void pipe_mark(struct pq_pipe *p);
void pipe_settle(struct pq_pipe *p);
void pipe_sync(struct pq_pipe *p);

#endif
