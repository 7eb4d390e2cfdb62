#ifndef LEDGER_REPLAY_H
#define LEDGER_REPLAY_H

#include <pthread.h>

#include "server/ledger/ledger.h"

/*
 * Answers in memory, by (principal, idempotency key): what lets a retry be
 * served without the file.
 *
 * An answer never changes, so an entry is never wrong; it goes by its expiry,
 * or when another key falls on its slot.  At most REPLAY_SLOTS entries of at
 * most REPLAY_BODY_MAX bytes.  Any thread.
 */
enum { REPLAY_SLOTS = 1024, REPLAY_LOCKS = 16, REPLAY_BODY_MAX = 64 * 1024 };

struct replay_entry;
struct replay {
    pthread_mutex_t locks[REPLAY_LOCKS];      /* of the slots by slot % LOCKS */
    struct replay_entry *slots[REPLAY_SLOTS]; /* owned */
};

void replay_init(struct replay *r);
void replay_fini(struct replay *r);

/* Keep an answered run; silently not when it is large or memory is short. */
void replay_keep(struct replay *r, const struct ledger_run *run,
                 const char *principal, const char *key,
                 const uint8_t *request_hash);

/* True when the answer is there, unexpired and of the same request. */
bool replay_find(struct replay *r, struct ledger_run *out,
                 const char *principal, const char *key,
                 const uint8_t *request_hash, int64_t now_us, struct arena *a);

#endif
