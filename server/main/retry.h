#ifndef MAIN_RETRY_H
#define MAIN_RETRY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "server/base/err.h"

/*
 * Encoded replies of queries that carried an idempotency key, kept in memory so
 * that a retry costs a look-up and a copy.  One cache per event loop: no locks.
 *
 * An entry serves only its principal (by the hash of his token) and only that
 * very request, byte for byte as it was sent.  It repeats what the ledger holds
 * (one answer per charge, for ever); forgetting is harmless.  Full, it forgets
 * the oldest.
 */
struct retry;

enum {
    RETRY_TOKEN_LEN = 32,
    RETRY_ENTRY_MAX = 256 * 1024 /* bytes of request, reply and the rest */
};

/* Who asked for what; borrowed. */
struct retry_request {
    const uint8_t *token_hash; /* RETRY_TOKEN_LEN bytes */
    const uint8_t *message;    /* as it was sent */
    size_t message_len;        /* bytes */
};

struct retry_reply {
    const char *dataset, *purpose; /* to authorise each re-read */
    const uint8_t *data;           /* encoded */
    size_t len;                    /* bytes */
    uint64_t slot_ns;              /* after RECEIVED, as the first release */
    int64_t expires_us;            /* wall time */
};

/* Borrowed until retry_release(); bytes stay though the cache forgets. */
struct retry_entry {
    struct retry_request request; /* what is behind the pointers is owned */
    struct retry_reply reply;     /* here, too */
    uint64_t hash;
    size_t block_len; /* bytes of all this */
    unsigned refs;
    struct retry_entry *older, *newer, *chain; /* the cache's */
};

/* At most cap_len bytes of entries.  NULL when out of memory. */
struct retry *retry_new(size_t cap_len);
void retry_free(struct retry *r);

/* With one reference for the caller, or NULL. */
struct retry_entry *retry_find(struct retry *r,
                               const struct retry_request *request,
                               int64_t now_us);

/* Give the reference back.  A grpc_bytes.release. */
void retry_release(void *entry);

/* Remember a reply; all is copied.  One too large is not. */
void retry_add(struct retry *r, const struct retry_request *request,
               const struct retry_reply *reply);

/* Forget all: policy or principals changed. */
void retry_clear(struct retry *r);

#endif
