#ifndef LIBPQ_PQ_URI_H
#define LIBPQ_PQ_URI_H

#include <stdbool.h>

#include "server/base/err.h"

/*
 * Where a PostgreSQL database is: a URI of libpq's,
 * postgresql://user@host/database?sslmode=...  It is written in files that many
 * read, so no secret stands in it: the database's password comes from a file
 * (passfile=, PGPASSFILE), and the key of a certificate (sslkey=) has none.
 *
 * Source: PostgreSQL 15 manual, 34.1.1 (connection strings), 34.16 (the
 * password file).
 */

/* Does it begin as one, rather than as the path of a file? */
bool pq_uri_is(const char *where);

/*
 * `what` is the URI to whoever reads the message.  ERR_INVALID: libpq does not
 * understand it, or reads a secret in it, whichever way its name is spelled;
 * the hint says where that goes.  Nothing of the URI is in message or hint.
 */
enum err_code pq_uri_check(const char *what, const char *uri,
                           struct err *err) MUST_CHECK;

/* Of one that was checked, for messages: user@host/database, without what
 * follows. */
struct pq_name {
    char text[160];
};
struct pq_name pq_uri_name(const char *uri);

#endif
