#ifndef CONSENT_SHELF_PG_SCHEMA_H
#define CONSENT_SHELF_PG_SCHEMA_H

#include "server/ledger/pq_link.h"
#include "server/ledger/pq_turn.h"

/*
 * The tables of shelf.h in PostgreSQL, in a schema "halftone_consent" of their
 * own: the database may be the ledger's or another.  Beside them:
 *
 *   version   of the schema
 *   serials   transactions that changed the register: number, a random token
 *   changes   what each of them changed, for the other servers (follow.h)
 *   keys      hashes of the keys that make pseudonyms (keys.c)
 *
 * A sequence numbers events and choices together.  What never ends has the
 * largest number or NULL in until_us.
 */
enum { SHELF_PG_VERSION = 1 };

/* Advisory locks are a database's own, and a database has one register. */
#define SHELF_PG_REGISTER "1215578929"
#define SHELF_PG_LOCK     PQ_TURN(SHELF_PG_REGISTER)

/*
 * Make the tables: all or nothing, one server at a time.
 * ERR_INTERNAL     they are of a newer server
 * ERR_UNAVAILABLE  the database refuses; the hint says what the role needs
 */
enum err_code shelf_pg_make(PGconn *conn, const struct pq_name *name,
                            struct err *err) MUST_CHECK;

#endif
