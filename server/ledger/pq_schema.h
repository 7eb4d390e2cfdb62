#ifndef LEDGER_PQ_SCHEMA_H
#define LEDGER_PQ_SCHEMA_H

#include "server/ledger/pq_link.h"
#include "server/ledger/pq_turn.h"

/*
 * The tables of schema.h in PostgreSQL, in a schema "halftone" of their own.
 * Beside them:
 *
 *   version   of the schema
 *   head      one row: how many transactions changed the ledger
 *   commits   of each boot the last one it meant to commit: after a connection
 *             broke, whether that commit happened
 *
 * The database refuses what schema.h says, but for what needs another row of
 * another table: `halftone ledger verify` checks that.  References between
 * tables are not declared: each row would lock and look up the rows it refers
 * to, for what verify checks as well.
 */
enum { PQ_SCHEMA_VERSION = 5 };

/* Advisory locks are a database's own, and a database has one ledger. */
#define PQ_LEDGER "1215581287"
#define PQ_LOCK   PQ_TURN(PQ_LEDGER)

/* By what charges_by_release finds the rows of a release; the value twice. */
#define PQ_OF_RELEASE(value, again)                                            \
    "short(release_hash) = short(" value ") AND release_hash = " again

/* What no two rows of `keys` have alike: behind ON CONFLICT, and in the index
 * that sees to it, which begins with a number. */
#define PQ_KEY_NUMBER(key) "hashtextextended(" key ", 0)"
#define PQ_KEYS_ONCE       "(" PQ_KEY_NUMBER("key") ", principal, key)"

/* The version that is there; 0: none, -1: it cannot be read. */
int pq_schema_version(PGconn *conn);

/*
 * Make the tables, or upgrade them: all or nothing, one server at a time.
 * ERR_INTERNAL     they are of a newer server
 * ERR_UNAVAILABLE  the database refuses; the hint says what the role needs
 */
enum err_code pq_schema_make(PGconn *conn, const struct pq_name *name,
                             struct err *err) MUST_CHECK;

#endif
