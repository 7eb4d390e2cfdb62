#include "server/main/retry.h"

#include <openssl/sha.h>
#include <stdlib.h>
#include <string.h>

enum { BUCKETS = 1 << 14 };

struct retry {
    struct retry_entry *bucket[BUCKETS];
    struct retry_entry *oldest, *newest;
    size_t len, cap; /* bytes of replies */
};

struct retry *retry_new(size_t cap_len)
{
    struct retry *r = calloc(1, sizeof *r);
    if (r)
        r->cap = cap_len;
    return r;
}

void retry_free(struct retry *r)
{
    if (r)
        retry_clear(r);
    free(r);
}

struct retry_name retry_name_of(const uint8_t *token_hash, const uint8_t *msg,
                                size_t len)
{
    struct retry_name name;
    uint8_t both[2 * SHA256_DIGEST_LENGTH];
    memcpy(both, token_hash, SHA256_DIGEST_LENGTH);
    (void)SHA256(msg, len, both + SHA256_DIGEST_LENGTH);
    (void)SHA256(both, sizeof both, name.bytes);
    return name;
}

/* The name is a hash: any of its bytes will do. */
static struct retry_entry **bucket_of(struct retry *r,
                                      const struct retry_name *name)
{
    const unsigned at = (unsigned)name->bytes[0] << 8 | name->bytes[1];
    return &r->bucket[at % BUCKETS];
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
    struct retry_entry **at = bucket_of(r, &e->name);
    while (*at != e)
        at = &(*at)->chain;
    *at = e->chain;
    *(e->older ? &e->older->newer : &r->oldest) = e->newer;
    *(e->newer ? &e->newer->older : &r->newest) = e->older;
    r->len -= e->reply_len;
    retry_release(e);
}

void retry_clear(struct retry *r)
{
    while (r->oldest)
        forget(r, r->oldest);
}

struct retry_entry *retry_find(struct retry *r, const struct retry_name *name,
                               int64_t now_us)
{
    struct retry_entry *e = *bucket_of(r, name);
    while (e && memcmp(&e->name, name, sizeof *name) != 0)
        e = e->chain;
    if (e && e->expires_us <= now_us) {
        forget(r, e);
        return NULL;
    }
    if (e)
        e->refs++;
    return e;
}

/* One block: the entry, the reply, then the two texts. */
static struct retry_entry *copy(const struct retry_entry *what)
{
    const size_t dataset = strlen(what->dataset) + 1;
    const size_t purpose = strlen(what->purpose) + 1;
    struct retry_entry *e =
        malloc(sizeof *e + what->reply_len + dataset + purpose);
    if (!e)
        return NULL;
    *e = *what;
    e->reply = (uint8_t *)(e + 1);
    char *text = (char *)e->reply + what->reply_len;
    memcpy(e->reply, what->reply, what->reply_len);
    e->dataset = memcpy(text, what->dataset, dataset);
    e->purpose = memcpy(text + dataset, what->purpose, purpose);
    e->refs = 1;
    return e;
}

void retry_add(struct retry *r, const struct retry_entry *what)
{
    struct retry_entry *known = retry_find(r, &what->name, INT64_MIN);
    if (known) {
        retry_release(known);
        return;
    }
    if (what->reply_len > RETRY_REPLY_MAX)
        return;
    struct retry_entry *e = copy(what);
    if (!e)
        return;
    struct retry_entry **bucket = bucket_of(r, &e->name);
    e->chain = *bucket;
    *bucket = e;
    e->newer = NULL;
    e->older = r->newest;
    *(r->newest ? &r->newest->newer : &r->oldest) = e;
    r->newest = e;
    r->len += e->reply_len;
    while (r->len > r->cap)
        forget(r, r->oldest);
}
