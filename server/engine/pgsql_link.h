#ifndef ENGINE_PGSQL_LINK_H
#define ENGINE_PGSQL_LINK_H

#include <libpq-fe.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

#include "server/base/err.h"
#include "server/policy/policy.h"

/*
 * Connections to the PostgreSQL that a policy names.
 *
 * The URI's password is in a file; TLS is libpq's affair.  What statements rely
 * on is set for the session: times in UTC, texts in UTF-8, no schema but the
 * one given is looked into.  What the database says in words stays here: of
 * data it may tell.
 *
 * Source: PostgreSQL 15 manual, 34 (libpq), 20.11 (client settings).
 */
enum pgsql_role {
    PGSQL_READER, /* transactions are read only; `deadline` ends a statement */
    PGSQL_WRITER
};

/*
 * ERR_INVALID    libpq does not understand the URI, or it has a password, or
 *                the database is not in UTF-8
 * ERR_NOT_FOUND  it cannot be reached
 */
enum err_code pgsql_link(PGconn **out, const struct policy *policy,
                         enum pgsql_role role, struct err *err) MUST_CHECK;

/* Statements without rows; false: one failed. */
bool pgsql_do(PGconn *conn, const char *sql);

/* A query's only value; false: it failed, or there is none. */
bool pgsql_text(char *out, size_t cap, PGconn *conn, const char *sql);

/*
 * The next result of what was sent, waited for until `stop` is set; then the
 * statement is cancelled, and what comes of that is waited for a while.  NULL:
 * there is none any more.
 */
PGresult *pgsql_next(PGconn *conn, const atomic_int *stop);

/* The class of a failure, a static word: by its SQLSTATE. */
const char *pgsql_class(const PGconn *conn, const PGresult *failed);

#endif
