#ifndef LEDGER_JOURNAL_H
#define LEDGER_JOURNAL_H

#include "server/audit/entry.h"
#include "server/audit/merkle.h"
#include "server/ledger/random.h"
#include "server/ledger/store.h"

/*
 * The audit log, inside the ledger's transactions.
 *
 * An entry is appended by the transaction of what it records, so that neither
 * is there without the other.  The frontier goes along in memory: `next` is
 * what the open transaction made of `now`, which is durable.
 *
 *   journal_append ... journal_keep   the transaction committed
 *                  '-- journal_undo   it did not
 */
struct journal {
    struct merkle_frontier now, next;
    struct random_pool random; /* of salts, and of ids */
};

/* Read the frontier of the file.  An error is in store->rc, and what was known
 * stays. */
void journal_load(struct journal *j, struct store *s);

/* Are the first `size` leaves of the file those that have this root? */
bool journal_begins_with(struct store *s, uint64_t size,
                         const struct merkle_hash *root);

/* journal_load again, of a database that was lost sight of: it is the one that
 * was known when it begins with all that was, and else was put back, which is
 * an error.
 */
void journal_reload(struct journal *j, struct store *s);

/* The same, from where it was known: others only appended.  journal_ask goes
 * before the transaction. */
void journal_ask(const struct journal *j, struct store *s);
void journal_follow(struct journal *j, struct store *s);

/*
 * Append `e`; returns its index.  An error of the file is in store->rc, and so
 * is a lack of randomness.
 */
int64_t journal_append(struct journal *j, struct store *s,
                       const struct audit_entry *e);

void journal_keep(struct journal *j);
void journal_undo(struct journal *j);

/* Stored hashes, as merkle_reader wants them: ctx is a struct store *.
 * ERR_INTERNAL when some are missing. */
enum err_code journal_read(void *ctx, struct merkle_hash *out, unsigned level,
                           uint64_t first, size_t n, struct err *err);

#endif
