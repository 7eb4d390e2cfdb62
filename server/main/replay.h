#ifndef MAIN_REPLAY_H
#define MAIN_REPLAY_H

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
struct replay;

enum { REPLAY_NAME_LEN = 32, REPLAY_REPLY_MAX = 256 * 1024 };

struct replay_name {
    uint8_t bytes[REPLAY_NAME_LEN];
};

/* Borrowed until replay_release(); bytes stay though the cache forgets. */
struct replay_entry {
    struct replay_name name;
    const char *dataset, *purpose; /* to authorise each re-read; owned */
    uint8_t *reply;                /* owned */
    size_t reply_len;              /* bytes */
    uint64_t slot_ns;              /* after RECEIVED, as the first release */
    int64_t expires_us;            /* wall time */
    unsigned refs;
    struct replay_entry *older, *newer, *chain; /* the cache's */
};

/* At most cap_len bytes of replies.  NULL when out of memory. */
struct replay *replay_new(size_t cap_len);
void replay_free(struct replay *r);

/* The name of a request: `token_hash` is 32 bytes. */
struct replay_name replay_name_of(const uint8_t *token_hash, const uint8_t *msg,
                                  size_t len);

/* With one reference for the caller, or NULL. */
struct replay_entry *
replay_find(struct replay *r, const struct replay_name *name, int64_t now_us);

/* Give the reference back.  A grpc_bytes.release. */
void replay_release(void *entry);

/* Remember a reply; all is copied.  Replies past REPLAY_REPLY_MAX are not. */
void replay_add(struct replay *r, const struct replay_entry *what);

/* Forget all: policy or principals changed. */
void replay_clear(struct replay *r);

#endif
