#include "server/ledger/replay.h"

#include <stdlib.h>
#include <string.h>

/* One block: the entry, its texts, its answer. */
struct replay_entry {
    struct ledger_run run; /* its pointers lead into text[] */
    uint8_t request_hash[LEDGER_HASH_LEN];
    const char *principal, *key;
    char text[];
};

static uint64_t mix(uint64_t h, const char *text)
{
    for (; *text; text++)
        h = (h ^ (unsigned char)*text) * UINT64_C(0x100000001b3);
    return h ^ h >> 29;
}

/* A client that finds collisions only evicts what is kept for speed. */
static size_t slot_of(const char *principal, const char *key)
{
    const uint64_t h = mix(mix(UINT64_C(0xcbf29ce484222325), principal), key);
    return (size_t)(h ^ h >> 32) % REPLAY_SLOTS;
}

void replay_init(struct replay *r)
{
    *r = (struct replay){ 0 };
    for (int i = 0; i < REPLAY_LOCKS; i++)
        (void)pthread_mutex_init(&r->locks[i], NULL);
}

void replay_fini(struct replay *r)
{
    for (size_t i = 0; i < REPLAY_SLOTS; i++)
        free(r->slots[i]);
    for (int i = 0; i < REPLAY_LOCKS; i++)
        (void)pthread_mutex_destroy(&r->locks[i]);
}

static char *put(char **at, const void *data, size_t len)
{
    char *start = *at;
    if (len)
        memcpy(start, data, len);
    *at += len;
    return start;
}

static struct replay_entry *entry_new(const struct ledger_run *run,
                                      const char *principal, const char *key,
                                      const uint8_t *request_hash)
{
    const size_t who = strlen(principal) + 1, what = strlen(key) + 1,
                 dataset = strlen(run->dataset) + 1,
                 purpose = strlen(run->purpose) + 1;
    struct replay_entry *e =
        malloc(sizeof *e + who + what + dataset + purpose + run->answer_len);
    if (!e)
        return NULL;
    char *at = e->text;
    e->run = *run;
    e->principal = put(&at, principal, who);
    e->key = put(&at, key, what);
    e->run.dataset = put(&at, run->dataset, dataset);
    e->run.purpose = put(&at, run->purpose, purpose);
    e->run.answer = (const uint8_t *)put(&at, run->answer, run->answer_len);
    memcpy(e->request_hash, request_hash, LEDGER_HASH_LEN);
    return e;
}

void replay_keep(struct replay *r, const struct ledger_run *run,
                 const char *principal, const char *key,
                 const uint8_t *request_hash)
{
    if (run->verdict != LEDGER_ANSWERED || !key[0] ||
        run->answer_len > REPLAY_BODY_MAX)
        return;
    struct replay_entry *e = entry_new(run, principal, key, request_hash);
    if (!e)
        return;
    const size_t slot = slot_of(principal, key);
    (void)pthread_mutex_lock(&r->locks[slot % REPLAY_LOCKS]);
    struct replay_entry *old = r->slots[slot];
    r->slots[slot] = e;
    (void)pthread_mutex_unlock(&r->locks[slot % REPLAY_LOCKS]);
    free(old);
}

static bool matches(const struct replay_entry *e, const char *principal,
                    const char *key, const uint8_t *request_hash,
                    int64_t now_us)
{
    return e && now_us < e->run.expires_us &&
           memcmp(e->request_hash, request_hash, LEDGER_HASH_LEN) == 0 &&
           strcmp(e->principal, principal) == 0 && strcmp(e->key, key) == 0;
}

static bool copy_run(struct ledger_run *out, const struct ledger_run *run,
                     struct arena *a)
{
    *out = *run;
    out->dataset = arena_strdup(a, run->dataset);
    out->purpose = arena_strdup(a, run->purpose);
    out->answer = (const uint8_t *)arena_strndup(a, (const char *)run->answer,
                                                 run->answer_len);
    return out->dataset && out->purpose && out->answer;
}

bool replay_find(struct replay *r, struct ledger_run *out,
                 const char *principal, const char *key,
                 const uint8_t *request_hash, int64_t now_us, struct arena *a)
{
    if (!key[0])
        return false;
    const size_t slot = slot_of(principal, key);
    (void)pthread_mutex_lock(&r->locks[slot % REPLAY_LOCKS]);
    const struct replay_entry *e = r->slots[slot];
    const bool found = matches(e, principal, key, request_hash, now_us) &&
                       copy_run(out, &e->run, a);
    (void)pthread_mutex_unlock(&r->locks[slot % REPLAY_LOCKS]);
    return found;
}
