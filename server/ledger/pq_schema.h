#ifndef LEDGER_PQ_SCHEMA_H
#define LEDGER_PQ_SCHEMA_H

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
enum { PQ_SCHEMA_VERSION = 3 };

/* Statements in order; NULL ends them. */
extern const char *const PQ_SCHEMA_SQL[];

/* [v] leads from version v to v + 1. */
extern const char *const PQ_SCHEMA_UPGRADES[PQ_SCHEMA_VERSION];

#endif
