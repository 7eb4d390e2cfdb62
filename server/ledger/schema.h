#ifndef LEDGER_SCHEMA_H
#define LEDGER_SCHEMA_H

/*
 * The tables of the SQLite file, and the invariants the database itself
 * enforces: whatever code runs above, no counter passes its limit, spent never
 * falls, a charge never changes and is resolved once.
 *
 *   boots            each start of a server
 *   counters         limit, pending and spent of an account in one window
 *   limits           every limit a counter ever had (kept by triggers)
 *   routes           the sets of counters that charges moved together
 *   route_counters
 *   charges          one row each, never deleted
 *   keys             (principal, idempotency key) -> charge; the newest counts
 *   lookup_runs, lookup_pages   where keys and releases are (lookup.h)
 *   answers          what was released, until it expires
 *   texts            what was asked, encrypted, until it expires
 *   log_leaves       the audit log: entries, their salts and leaf hashes
 *   log_tiles        roots of its complete tiles (server/audit/merkle.h)
 *   pieces           the releases of a charge that pays for several
 *   piece_answers    ... what was released, until it expires
 *   stumbles         runs that ended with some of these missing
 *   lifts            stewards who let a dataset go on after misses, and why
 *   segments         how often each asked about a segment today
 *   meta             what the file knows of itself (server/ledger/guard.h)
 */
enum { SCHEMA_VERSION = 11, SCHEMA_APPLICATION_ID = 0x48744c67 /* "HtLg" */ };

/* Statements in order; NULL ends them. */
extern const char *const SCHEMA_SQL[];

/* [v] leads from version v to v + 1. */
extern const char *const SCHEMA_UPGRADES[SCHEMA_VERSION];

#endif
