#ifndef MAIN_AUDIT_PAGES_H
#define MAIN_AUDIT_PAGES_H

#include "server/audit/note.h"
#include "server/base/clock.h"
#include "server/grpc/grpc_session.h"

/*
 * The audit log as pages that anybody may fetch, under /audit/:
 *
 *   /audit/checkpoint               the newest signed tree head
 *   /audit/tile/<L>/<N>[.p/<W>]     hashes
 *   /audit/tile/entries/<N>[.p/<W>] commitments
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

/* As grpc_get_fn; ctx is an audit_pages.  Any thread. */
void audit_pages_get(void *ctx, const char *path, struct grpc_page *out);

#endif
