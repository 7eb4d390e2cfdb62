#ifndef LEDGER_GUARD_H
#define LEDGER_GUARD_H

#include "dp/price.h"
#include "server/audit/cosigner.h"
#include "server/audit/witness.h"
#include "server/ledger/journal.h"

/*
 * Budget is leased in blocks from a witness outside (server/audit/witness.h).
 *
 *   taken                 block
 *   |---------------------|....................|         limit
 *   spent and pending     leased, not spent    not leased
 *
 * A charge that would pass its block makes the witness write a larger one
 * first.  A ledger that was rolled back is older than its witness, by its epoch
 * or by its log, and is refused at the start; who recovers it counts all blocks
 * as spent (ledger_recover).
 *
 * A witness over HTTP (server/audit/cosigner.h) is shown the same text, as a
 * checkpoint with lines of ours, and signs only what goes on from what it saw:
 * that takes the place of the epoch.  What it signed is kept as "cosigned", and
 * the blocks with it.  For more blocks it is asked inside a transaction, three
 * seconds at most, and after it did not answer not again before it has answered
 * outside of one (guard_offer).
 *
 * Meta keys in the file: "epoch" of the newest start with a witness and
 * "epoch_before" of the one that the witness knew then; "untold" until it was
 * told of a first one, before which nothing is lost with it; "backup" in a copy
 * that `halftone ledger backup` made; "retired/NAME" for logs that ended with a
 * recovery, and after how many leaves.
 * In a database all but the last two are each server's own.
 */
struct guard {
    const char *path;          /* of a file; borrowed; NULL = none */
    struct cosigner *cosigner; /* one over HTTP instead; borrowed; or NULL */
    struct store *store;       /* borrowed, since guard_check */
    uint64_t told;             /* leaves that the cosigner has seen, of ours */
    const struct note_signer *key; /* borrowed */
    bool recovers;                 /* nothing is checked: ledger_recover */
    char ending[24];               /* of this server's keys, when several share
                                      the ledger */
    bool has_ending;
    struct witness witness;
};

enum { GUARD_SHARE = 100 }; /* blocks to a limit */

/*
 * Before anything of the ledger is used: may it be?  Then the next epoch is
 * written into the open transaction; guard_begin, after its commit, tells the
 * witness.
 * ERR_CONFLICT   the ledger is older than its witness, or a backup, or its log
 *                ended with a recovery; the hint says what to do
 * ERR_NOT_FOUND, ERR_INVALID  the witness is missing or is none
 */
enum err_code guard_check(struct guard *g, struct store *s,
                          const struct journal *j, struct err *err) MUST_CHECK;
enum err_code guard_begin(struct guard *g, struct store *s,
                          const struct journal *j, struct err *err) MUST_CHECK;

/* Of a recovery: did the ledger, which is a file, start again after this
 * witness was written; and is what a witness saw, as far as the first `held`
 * leaves go, the ledger's past? */
bool guard_knew_before(const struct witness *w, struct store *s);
bool guard_is_past(const struct checkpoint *seen, struct store *s,
                   uint64_t held);

/*
 * `taken` of `limit` will be taken of the account: within its block?  Else the
 * block grows by a hundredth of the limit.
 * ERR_UNAVAILABLE  the witness cannot be written: nothing may be charged
 */
enum err_code guard_cover(struct guard *g, const struct journal *j,
                          const char *account, struct dp_price taken,
                          struct dp_price limit, struct err *err) MUST_CHECK;

/*
 * Tell a cosigner how far the log has come, in three steps of which the second
 * is in no transaction: what it is shown, cosigner_ask, what it said of that.
 */
struct guard_offer {
    bool is_due; /* else the log has not grown, or there is no cosigner */
    char note[NOTE_LEN_MAX];
    size_t note_len;
    uint64_t old, size;
    struct checkpoint head;
    struct merkle_proof proof;
};
enum err_code guard_offer(struct guard *g, struct guard_offer *out,
                          const struct journal *j, struct err *err) MUST_CHECK;
enum err_code guard_accept(struct guard *g, const struct guard_offer *offer,
                           const struct cosigner_said *said,
                           const struct journal *j, struct err *err) MUST_CHECK;

/* Tell the witness how far the log has come. */
enum err_code guard_tell(struct guard *g, const struct journal *j,
                         struct err *err) MUST_CHECK;

#endif
