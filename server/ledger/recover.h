#ifndef LEDGER_RECOVER_H
#define LEDGER_RECOVER_H

#include "server/audit/note.h"
#include "server/ledger/ledger.h"

/*
 * What is done to a ledger's file while no server runs on it, and the copies
 * that are made of it.
 */

/*
 * Make a ledger that was put back usable: of every account that `witness`
 * leased blocks of, all of them count as spent; without a witness (NULL) all of
 * every dataset's budget does.  What is burnt is a charge of the principal
 * "recover", so that the sums hold; the log says it happened, and cannot be
 * continued under the name of `key` (which also checks the witness).  `say`
 * gets one line an account.
 *
 * ERR_UNAVAILABLE  a server has the file open
 * ERR_NOT_FOUND, ERR_INVALID  of the files, as ledger_open and witness_read
 */
enum err_code ledger_recover(const char *path, const char *witness,
                             const struct note_verifier *key,
                             struct clock *clock, ledger_say_fn *say, void *ctx,
                             struct err *err) MUST_CHECK;

/*
 * A consistent copy at `to`, which must not exist, also while a server runs: a
 * file, whether the ledger is one or a database.
 * No server opens it as it is: it says that it is a backup, and ledger_recover
 * is the way back.  ERR_INVALID: `to` exists.
 */
enum err_code ledger_backup(const char *path, const char *to,
                            struct err *err) MUST_CHECK;

/* Every charge, oldest first.  Any code but ERR_OK of `each` ends it. */
struct ledger_export_row {
    const char *id, *principal, *dataset, *purpose,
        *state; /* until returning */
    int64_t charged_us;
    struct dp_price price;
    uint64_t policy_version;
    int64_t leaf;         /* in the audit log */
    const char *accounts; /* that it moved on, from the filter down, a space
                             between two */
};
typedef enum err_code ledger_export_fn(void *ctx,
                                       const struct ledger_export_row *row,
                                       struct err *err);
enum err_code ledger_export(const char *path, ledger_export_fn *each, void *ctx,
                            struct err *err) MUST_CHECK;

#endif
