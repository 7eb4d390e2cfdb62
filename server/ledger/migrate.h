#ifndef LEDGER_MIGRATE_H
#define LEDGER_MIGRATE_H

#include "server/ledger/ledger.h"
#include "server/ledger/store.h"

/*
 * Move a ledger from one store to another: a file to a database, or back.
 *
 *   from: "moving"  ->  to: every row, and "arrived"  ->  from: "moved"
 *                                                     ->  to: nothing said
 *
 * Each arrow is a commit.  No server starts on a ledger that says any of it, so
 * that there is at no moment more than one that may be charged; asked again, a
 * move that was cut short goes on.  Both are verified: the one before, the
 * other after.  The audit log goes on under its name and key, and what was open
 * is spent at the next start.
 *
 * ERR_INVALID      `to` holds a ledger that was used, or of another move
 * ERR_UNAVAILABLE  a server runs on `from`, or either cannot be reached
 * ERR_CONFLICT     `from` was moved before, or is a backup
 * ERR_INTERNAL     either breaks an invariant
 */
enum err_code ledger_migrate(const char *from, const char *to,
                             ledger_say_fn *say, void *ctx,
                             struct err *err) MUST_CHECK;

/* In a transaction: ERR_UNAVAILABLE when a server lives that shares it, and
 * would go on charging.  A file's lock says as much. */
enum err_code migrate_check_alone(struct store *s, struct err *err) MUST_CHECK;

/* Every row of `from` into `to`, which has none; both are in a transaction. */
void migrate_rows(struct store *from, struct store *to);

#endif
