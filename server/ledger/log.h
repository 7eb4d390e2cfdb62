#ifndef LEDGER_LOG_H
#define LEDGER_LOG_H

#include "server/audit/checkpoint.h"
#include "server/audit/entry.h"
#include "server/audit/tile.h"
#include "server/base/arena.h"
#include "server/base/err.h"

/*
 * The audit log of a ledger's file, for reading: by the server that serves it,
 * and by tools beside or without one.  A connection of its own, read-only; each
 * call sees what is durable at that moment.  One thread at a time.
 */
struct ledger_log;

/* ERR_NOT_FOUND  the file cannot be read
 * ERR_INTERNAL   it is not a ledger, or of another version */
enum err_code ledger_log_open(struct ledger_log **out, const char *path,
                              struct err *err) MUST_CHECK;
void ledger_log_close(struct ledger_log *log); /* NULL is allowed */

/* Size and root as of now. */
enum err_code ledger_log_head(struct ledger_log *log,
                              struct merkle_frontier *out,
                              struct err *err) MUST_CHECK;

/* The bytes of a tile, as C2SP tlog-tiles has them; entries are commitments.
 * ERR_NOT_FOUND  the log has no such tile, or it is the checkpoint */
enum err_code ledger_log_tile(struct ledger_log *log, struct writer *w,
                              const struct tile *t, struct err *err) MUST_CHECK;

/* An entry with what opens its commitment, for auditors; in the arena. */
struct ledger_log_entry {
    uint64_t index;
    struct audit_salt salt;
    const char *entry; /* JSON */
};
/* Up to `limit` entries from `first`; *n is 0 past the end.  ERR_LIMIT */
enum err_code ledger_log_entries(struct ledger_log *log,
                                 struct ledger_log_entry **out, size_t *n,
                                 uint64_t first, size_t limit, struct arena *a,
                                 struct err *err) MUST_CHECK;

/* The newest checkpoint that a witness over HTTP signed, with its signature:
 * a note.  ERR_NOT_FOUND: there is none. */
enum err_code ledger_log_cosigned(struct ledger_log *log, struct writer *w,
                                  struct err *err) MUST_CHECK;

/* The leaf of a charge, by its id in hexadecimal.
 * ERR_NOT_FOUND  there is no such charge */
enum err_code ledger_log_of_charge(struct ledger_log *log, uint64_t *index,
                                   const char *charge,
                                   struct err *err) MUST_CHECK;

/* Stored hashes, for proofs; borrowed from `log`. */
struct merkle_reader ledger_log_reader(struct ledger_log *log);

#endif
