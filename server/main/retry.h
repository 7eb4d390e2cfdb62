#ifndef MAIN_RETRY_H
#define MAIN_RETRY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "server/base/err.h"

/*
 * Encoded replies of queries that carried an idempotency key, kept in memory so
 * that a retry costs a hash and a copy.  One cache per event loop: no locks.
 *
 * Named by SHA-256 over the caller's token hash and the message as sent, so an
 * entry serves only its principal and only that very request.  It repeats what
 * the ledger holds (one answer per charge, for ever); forgetting is harmless.
 * Full, it forgets the oldest.
 */
struct retry;

enum { RETRY_NAME_LEN = 32, RETRY_REPLY_MAX = 256 * 1024 };

struct retry_name {
    uint8_t bytes[RETRY_NAME_LEN];
};

/* Borrowed until retry_release(); bytes stay though the cache forgets. */
struct retry_entry {
    struct retry_name name;
    const char *dataset, *purpose; /* to authorise each re-read; owned */
    uint8_t *reply;                /* owned */
    size_t reply_len;              /* bytes */
    uint64_t slot_ns;              /* after RECEIVED, as the first release */
    int64_t expires_us;            /* wall time */
    unsigned refs;
    struct retry_entry *older, *newer, *chain; /* the cache's */
};

/* At most cap_len bytes of replies.  NULL when out of memory. */
struct retry *retry_new(size_t cap_len);
void retry_free(struct retry *r);

/* The name of a request: `token_hash` is 32 bytes. */
struct retry_name retry_name_of(const uint8_t *token_hash, const uint8_t *msg,
                                size_t len);

/* With one reference for the caller, or NULL. */
struct retry_entry *retry_find(struct retry *r, const struct retry_name *name,
                               int64_t now_us);

/* Give the reference back.  A grpc_bytes.release. */
void retry_release(void *entry);

/* Remember a reply; all is copied.  Replies past RETRY_REPLY_MAX are not. */
void retry_add(struct retry *r, const struct retry_entry *what);

/* Forget all: policy or principals changed. */
void retry_clear(struct retry *r);

#endif
