#ifndef ENGINE_PGSQL_COUNTS_H
#define ENGINE_PGSQL_COUNTS_H

#include "server/engine/engine.h"
#include "server/engine/pgsql_link.h"

/*
 * Who counts (counted.h), in the PostgreSQL of a policy: tables in the schema
 * halftone_DATASET, written by a role and a connection of their own.
 *
 *   halftone_people, halftone_said   of counted.h, with a column `holder`
 *   halftone_holders                 one row for each holder there was
 *
 * A holder is one connection of one server: a random number, which it holds as
 * an advisory lock as long as it lives.  Row security shows every session the
 * rows of the holder that it names in the setting halftone.holder, and no
 * others; so servers beside one another, a policy that is loaded again, and a
 * server that crashed and began anew never read, nor delete, what another
 * wrote.  A release is sound by this:
 *
 *   pgsql_counts_sync    the newest view is committed under our holder
 *   the release's snapshot begins
 *   pgsql_counts_holds   ... and our holder lived then: nobody had deleted it
 *
 * Rows of holders that are gone are deleted when one begins.  A connection that
 * breaks is made anew, under another holder, by the next sync.
 *
 * Any thread.
 */
struct pgsql_counts;

/*
 * ERR_INVALID    the schema is missing or not the role's; says what to do
 * ERR_NOT_FOUND, ERR_UNAVAILABLE, ERR_LIMIT  as pgsql_link, counted_open
 */
enum err_code pgsql_counts_open(struct pgsql_counts **out,
                                const struct policy *policy,
                                const struct gate *gate, const char *reader,
                                struct err *err) MUST_CHECK;
void pgsql_counts_close(struct pgsql_counts *c); /* NULL is allowed */

/* False: it failed, or `stop` was set; nothing may be released.  *holder is
 * what the release's session has to name. */
bool pgsql_counts_sync(struct pgsql_counts *c, uint64_t *holder,
                       const struct policy_purpose *purpose,
                       const atomic_int *stop);

/* The query whose only value is 't' where the holder lives. */
enum { PGSQL_HOLDS_MAX = 512 };
void pgsql_counts_holds(char out[PGSQL_HOLDS_MAX], uint64_t holder);

/* ... and what to do where it does not: the next sync begins another one. */
void pgsql_counts_lost(struct pgsql_counts *c, uint64_t holder);

/* Can the role that runs plans read them? */
bool pgsql_counts_can_read(PGconn *reader, const struct policy *policy);

/* Does it see who holds them, now?  Not from another server or a copy of it. */
bool pgsql_counts_is_seen(struct pgsql_counts *c, PGconn *reader);

/* New keys of the data get their numbers; false: later, by the next sync. */
bool pgsql_counts_number(struct pgsql_counts *c);

/* engine.h's operations, by the role that writes.  Who looks for people sees
 * new ones, too: as pgsql_counts_number. */
enum err_code pgsql_counts_find(struct pgsql_counts *c,
                                struct engine_erased *out, struct arena *a,
                                struct err *err) MUST_CHECK;
enum err_code pgsql_counts_erase(struct pgsql_counts *c,
                                 const struct engine_erased *whom,
                                 struct err *err) MUST_CHECK;
bool pgsql_counts_can_erase(struct pgsql_counts *c);

#endif
