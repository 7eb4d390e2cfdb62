#ifndef CONSENT_SHELF_PG_H
#define CONSENT_SHELF_PG_H

#include "server/consent/shelf.h"

/*
 * A register in PostgreSQL, shared by several servers.
 *
 *   begin   BEGIN, the register's lock, the newest stamp, in one round trip
 *           ... decisions in C; what they write is sent and not waited for
 *   commit  the rest of the writes, a stamp, COMMIT, in one round trip
 *
 * The lock (an advisory one of the transaction) makes what all servers write
 * one after another, so that the order of the serials is that of the commits,
 * and whoever holds it sees all that was committed before.  The time of a
 * transaction is the database's, so that of two decisions the later one is the
 * later one on whichever servers they were told.
 *
 * When the connection breaks in a commit, the transaction's token tells whether
 * it happened, once the old session let go of the lock.
 *
 * A connection that breaks between transactions is made anew by the next.
 *
 * Sources: PostgreSQL 15 manual, 34.5 (pipeline mode), 13.3.5 (advisory locks).
 */
enum err_code shelf_pg_open(struct shelf *s, const char *where,
                            struct err *err) MUST_CHECK;

#endif
