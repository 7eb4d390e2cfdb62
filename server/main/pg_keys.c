#include "server/main/pg_keys.h"

#include <openssl/crypto.h>
#include <openssl/rand.h>
#include <pthread.h>
#include <stdlib.h>

enum { BUCKETS = 1024 };

struct entry {
    struct entry *next;
    struct pg_key key;
    struct net_handle conn;
};

struct pg_keys {
    pthread_mutex_t lock;
    uint32_t last; /* number given out */
    struct entry *buckets[BUCKETS];
};

struct pg_keys *pg_keys_new(void)
{
    struct pg_keys *k = calloc(1, sizeof *k);
    if (k)
        (void)pthread_mutex_init(&k->lock, NULL);
    return k;
}

void pg_keys_free(struct pg_keys *k)
{
    for (size_t i = 0; k && i < BUCKETS; i++)
        while (k->buckets[i]) {
            struct entry *gone = k->buckets[i];
            k->buckets[i] = gone->next;
            free(gone);
        }
    if (k)
        (void)pthread_mutex_destroy(&k->lock);
    free(k);
}

/* Where the entry of that number hangs, or would; under the lock. */
static struct entry **find(struct pg_keys *k, uint32_t pid)
{
    struct entry **at = &k->buckets[pid % BUCKETS];
    while (*at && (*at)->key.pid != pid)
        at = &(*at)->next;
    return at;
}

/* Positive as an int, as clients print it, and not in use. */
static uint32_t next_pid(struct pg_keys *k)
{
    do
        k->last = k->last % INT32_MAX + 1;
    while (*find(k, k->last));
    return k->last;
}

enum err_code pg_keys_add(struct pg_keys *k, struct pg_key *out,
                          struct net_handle conn, struct err *err)
{
    struct entry *e = calloc(1, sizeof *e);
    if (!e || RAND_bytes((unsigned char *)&e->key.secret,
                         sizeof e->key.secret) != 1) {
        free(e);
        return err_set(err, ERR_INTERNAL, "no memory or no randomness");
    }
    e->conn = conn;
    (void)pthread_mutex_lock(&k->lock);
    e->key.pid = next_pid(k);
    e->next = k->buckets[e->key.pid % BUCKETS];
    k->buckets[e->key.pid % BUCKETS] = e;
    *out = e->key;
    (void)pthread_mutex_unlock(&k->lock);
    return ERR_OK;
}

void pg_keys_drop(struct pg_keys *k, uint32_t pid)
{
    (void)pthread_mutex_lock(&k->lock);
    struct entry **at = find(k, pid), *gone = *at;
    if (gone)
        *at = gone->next;
    (void)pthread_mutex_unlock(&k->lock);
    free(gone);
}

bool pg_keys_find(struct pg_keys *k, struct pg_key key, struct net_handle *out)
{
    (void)pthread_mutex_lock(&k->lock);
    const struct entry *e = *find(k, key.pid);
    const bool found =
        e && CRYPTO_memcmp(&e->key.secret, &key.secret, sizeof key.secret) == 0;
    if (found)
        *out = e->conn;
    (void)pthread_mutex_unlock(&k->lock);
    return found;
}
