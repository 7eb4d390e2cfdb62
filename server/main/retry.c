#include "server/main/retry.h"

#include <openssl/rand.h>
#include <stdlib.h>
#include <string.h>

#include "server/base/siphash.h"

enum { BUCKETS = 1 << 14 };

struct retry {
    struct siphash_key key; /* secret: callers choose what is hashed */
    struct retry_entry *bucket[BUCKETS];
    struct retry_entry *oldest, *newest;
    size_t len, cap; /* bytes of blocks */
};

struct retry *retry_new(size_t cap_len)
{
    struct retry *r = calloc(1, sizeof *r);
    if (!r || RAND_bytes((unsigned char *)&r->key, sizeof r->key) != 1) {
        free(r);
        return NULL;
    }
    r->cap = cap_len;
    return r;
}

void retry_free(struct retry *r)
{
    if (r)
        retry_clear(r);
    free(r);
}

/* Of the message alone: principals seldom send the very same one. */
static uint64_t hash_of(const struct retry *r, const struct retry_request *q)
{
    return siphash(&r->key, q->message, q->message_len);
}

static struct retry_entry **bucket_of(struct retry *r, uint64_t hash)
{
    return &r->bucket[hash % BUCKETS];
}

static bool is_same(const struct retry_request *a,
                    const struct retry_request *b)
{
    return a->message_len == b->message_len &&
           memcmp(a->token_hash, b->token_hash, RETRY_TOKEN_LEN) == 0 &&
           (a->message_len == 0 ||
            memcmp(a->message, b->message, a->message_len) == 0);
}

void retry_release(void *entry)
{
    struct retry_entry *e = entry;
    if (--e->refs == 0)
        free(e);
}

/* Take out of bucket and age list; give the cache's reference back. */
static void forget(struct retry *r, struct retry_entry *e)
{
    struct retry_entry **at = bucket_of(r, e->hash);
    while (*at != e)
        at = &(*at)->chain;
    *at = e->chain;
    *(e->older ? &e->older->newer : &r->oldest) = e->newer;
    *(e->newer ? &e->newer->older : &r->newest) = e->older;
    r->len -= e->block_len;
    retry_release(e);
}

void retry_clear(struct retry *r)
{
    while (r->oldest)
        forget(r, r->oldest);
}

struct retry_entry *
retry_find(struct retry *r, const struct retry_request *request, int64_t now_us)
{
    const uint64_t hash = hash_of(r, request);
    struct retry_entry *e = *bucket_of(r, hash);
    while (e && (e->hash != hash || !is_same(&e->request, request)))
        e = e->chain;
    if (e && e->reply.expires_us <= now_us) {
        forget(r, e);
        return NULL;
    }
    if (e)
        e->refs++;
    return e;
}

static void *put(uint8_t **at, const void *data, size_t len)
{
    void *start = *at;
    if (len > 0)
        memcpy(start, data, len);
    *at += len;
    return start;
}

/* One block: the entry, then what its pointers lead to. */
static struct retry_entry *copy(const struct retry_request *request,
                                const struct retry_reply *reply)
{
    const size_t dataset = strlen(reply->dataset) + 1;
    const size_t purpose = strlen(reply->purpose) + 1;
    const size_t len = sizeof(struct retry_entry) + RETRY_TOKEN_LEN +
                       request->message_len + reply->len + dataset + purpose;
    struct retry_entry *e = len <= RETRY_ENTRY_MAX ? malloc(len) : NULL;
    if (!e)
        return NULL;
    uint8_t *at = (uint8_t *)(e + 1);
    *e = (struct retry_entry){
        .request = *request, .reply = *reply, .block_len = len, .refs = 1
    };
    e->request.token_hash = put(&at, request->token_hash, RETRY_TOKEN_LEN);
    e->request.message = put(&at, request->message, request->message_len);
    e->reply.data = put(&at, reply->data, reply->len);
    e->reply.dataset = put(&at, reply->dataset, dataset);
    e->reply.purpose = put(&at, reply->purpose, purpose);
    return e;
}

void retry_add(struct retry *r, const struct retry_request *request,
               const struct retry_reply *reply)
{
    struct retry_entry *known = retry_find(r, request, INT64_MIN);
    if (known) {
        retry_release(known);
        return;
    }
    struct retry_entry *e = copy(request, reply);
    if (!e)
        return;
    e->hash = hash_of(r, request);
    struct retry_entry **bucket = bucket_of(r, e->hash);
    e->chain = *bucket;
    *bucket = e;
    e->older = r->newest;
    *(r->newest ? &r->newest->newer : &r->oldest) = e;
    r->newest = e;
    r->len += e->block_len;
    while (r->len > r->cap)
        forget(r, r->oldest);
}
