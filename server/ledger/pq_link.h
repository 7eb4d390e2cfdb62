#ifndef LEDGER_PQ_LINK_H
#define LEDGER_PQ_LINK_H

#include <libpq-fe.h>
#include <stdbool.h>
#include <stddef.h>

#include "server/base/err.h"
#include "server/libpq/pq_uri.h"

/*
 * A connection to PostgreSQL that a ledger may trust.
 *
 * `where` is a URI of libpq's without a password (libpq/pq_uri.h).  TLS is
 * libpq's affair.
 *
 * What a commit must promise is asked for and checked: synchronous commit,
 * fsync and full pages are on, triggers fire, and the server is no standby.  A
 * session's synchronous commit stays what it was when it began; that the rest
 * holds still is asked in each transaction (PQ_IS_DURABLE).
 *
 * Source: PostgreSQL 15 manual, 20.5 (WAL settings).
 */
#define PQ_IS_DURABLE                                                          \
    "(current_setting('synchronous_commit') IN ('on', 'remote_apply')"         \
    " AND current_setting('fsync') = 'on'"                                     \
    " AND current_setting('full_page_writes') = 'on')"

/*
 * Connect, for a server or (reads) a tool; the connection is the caller's.
 * ERR_INVALID      as pq_uri_check
 * ERR_UNAVAILABLE  it cannot be reached
 * ERR_REFUSED      it does not promise what a ledger needs; the hint says which
 */
enum err_code pq_link(PGconn **out, const char *where, bool reads,
                      struct err *err) MUST_CHECK;

/* The first text of a query's answer, or "" (then *ok is false). */
struct pq_text {
    char text[64];
};
struct pq_text pq_ask(PGconn *conn, const char *sql, bool *ok);

/* Run it; false when the database refuses, with its words in why[len]. */
bool pq_do(PGconn *conn, const char *sql, char *why, size_t len);

#endif
