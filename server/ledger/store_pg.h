#ifndef LEDGER_STORE_PG_H
#define LEDGER_STORE_PG_H

#include "server/ledger/store.h"

/*
 * A store in PostgreSQL, shared by several servers.
 *
 *   begin   BEGIN, the ledger's lock, what is asked for, in one round trip
 *           ... decisions in C; what they write is sent and not waited for
 *   commit  the rest of the writes and COMMIT, in one round trip
 *
 * The lock (an advisory one of the transaction) makes the batches of all
 * servers one after another, as the audit log is; each statement after it sees
 * all that was committed before.  The time of a transaction is the database's.
 *
 * When the connection breaks, a commit may have happened or not: `rc` is
 * STORE_LOST, and store_recover connects again, waits for the lock that the old
 * session holds until its end is known, and reads whether it did.
 *
 * Sources: PostgreSQL 15 manual, 34.5 (pipeline mode), 13.3.5 (advisory locks).
 */
enum err_code store_pg_open(struct store **out, const char *where,
                            struct err *err) MUST_CHECK;
enum err_code store_pg_open_read(struct store **out, const char *where,
                                 struct err *err) MUST_CHECK;

#endif
