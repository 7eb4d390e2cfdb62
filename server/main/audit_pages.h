#ifndef MAIN_AUDIT_PAGES_H
#define MAIN_AUDIT_PAGES_H

#include "server/audit/note.h"
#include "server/base/clock.h"
#include "server/grpc/grpc_session.h"
#include "server/ledger/log.h"

/*
 * The audit log as pages that anybody may fetch, under /audit/:
 *
 *   /audit/checkpoint               the newest signed tree head
 *   /audit/tile/<L>/<N>[.p/<W>]     hashes
 *   /audit/tile/entries/<N>[.p/<W>] commitments
 *   /audit/cosigned                 the newest that a witness over HTTP signed
 *   /audit/key                      the verifier's key, for a first look
 *
 * A checkpoint is signed when the log has grown, at most once a second.  Who
 * verifies should have the key from elsewhere.
 *
 * Source: C2SP tlog-tiles, with the prefix /audit.
 */
struct audit_pages;

/* `path` of the ledger; `key` is borrowed.  Errors as ledger_log_open. */
enum err_code audit_pages_new(struct audit_pages **out, const char *path,
                              const struct note_signer *key,
                              struct clock *clock, struct err *err) MUST_CHECK;
void audit_pages_free(struct audit_pages *p); /* NULL is allowed */

/*
 * For auditors, in the arena.  Blocking: on a worker's thread.
 *
 * ERR_NOT_FOUND  there is no such charge, or leaf
 * ERR_LIMIT, ERR_INTERNAL  as ledger_log_entries
 */
enum err_code audit_pages_checkpoint(struct audit_pages *p, const char **note,
                                     const char **key, struct arena *a,
                                     struct err *err) MUST_CHECK;
enum err_code audit_pages_entries(struct audit_pages *p,
                                  struct ledger_log_entry **out, size_t *n,
                                  uint64_t first, size_t limit, struct arena *a,
                                  struct err *err) MUST_CHECK;

struct audit_proved {
    struct ledger_log_entry *entry;
    struct merkle_proof proof;
    struct merkle_hash root;
    uint64_t size; /* of the log, as of now */
};
/* Of this charge's leaf, or (NULL) of the one at `index`. */
enum err_code audit_pages_prove(struct audit_pages *p, struct audit_proved *out,
                                const char *charge, uint64_t index,
                                struct arena *a, struct err *err) MUST_CHECK;

/* As grpc_get_fn; ctx is an audit_pages.  Any thread. */
void audit_pages_get(void *ctx, const char *path, struct grpc_page *out);

#endif
