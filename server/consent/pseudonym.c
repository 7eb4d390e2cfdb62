/* A hash state is copied for each of millions of identifiers: the calls that
 * OpenSSL 3 calls deprecated are the ones that do not allocate. */
#define OPENSSL_SUPPRESS_DEPRECATED
#include "server/consent/pseudonym.h"

#include <openssl/sha.h>
#include <string.h>

enum { BLOCK = SHA256_CBLOCK, IPAD = 0x36, OPAD = 0x5c };

static int nibble(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

static bool parse_line(uint8_t *key, const char *text, size_t len)
{
    if (len != (size_t)2 * PSEUDONYM_KEY_LEN)
        return false;
    for (size_t i = 0; i < len; i++) {
        const int n = nibble(text[i]);
        if (n < 0)
            return false;
        key[i / 2] = (uint8_t)(key[i / 2] << 4 | n);
    }
    return true;
}

enum err_code pseudonym_keys_parse(struct pseudonym_keys *out, const char *text,
                                   size_t len, struct err *err)
{
    *out = (struct pseudonym_keys){ .n = 0 };
    for (size_t at = 0, line = 1; at < len; line++) {
        const char *end = memchr(text + at, '\n', len - at);
        const size_t n = end ? (size_t)(end - (text + at)) : len - at;
        if (out->n == PSEUDONYM_KEYS_MAX)
            return err_set(err, ERR_INVALID, "there are more than %d keys",
                           PSEUDONYM_KEYS_MAX);
        if (!parse_line(out->key[out->n], text + at, n)) {
            (void)err_set(err, ERR_INVALID,
                          "line %zu is not 64 hexadecimal digits", line);
            return err_hint(err, "a key a line: openssl rand -hex 32");
        }
        out->n++;
        at += n + 1;
    }
    return out->n > 0 ? ERR_OK
                      : err_set(err, ERR_INVALID, "there is no key in it");
}

static void begin(SHA256_CTX *h, const uint8_t *key, uint8_t pad)
{
    uint8_t block[BLOCK];
    memset(block, pad, sizeof block);
    for (size_t i = 0; i < PSEUDONYM_KEY_LEN; i++)
        block[i] ^= key[i];
    SHA256_Init(h);
    SHA256_Update(h, block, sizeof block);
}

void pseudonym_maker_init(struct pseudonym_maker *m,
                          const uint8_t key[PSEUDONYM_KEY_LEN],
                          const char *population)
{
    SHA256_CTX inner, outer;
    _Static_assert(sizeof inner <= sizeof m->inner, "room for the state");
    begin(&inner, key, IPAD);
    SHA256_Update(&inner, population, strlen(population) + 1);
    begin(&outer, key, OPAD);
    memcpy(m->inner, &inner, sizeof inner);
    memcpy(m->outer, &outer, sizeof outer);
}

struct pseudonym pseudonym_of(const struct pseudonym_maker *m, const void *id,
                              size_t len)
{
    uint8_t digest[SHA256_DIGEST_LENGTH];
    struct pseudonym out;
    SHA256_CTX h;
    memcpy(&h, m->inner, sizeof h);
    SHA256_Update(&h, id, len);
    SHA256_Final(digest, &h);
    memcpy(&h, m->outer, sizeof h);
    SHA256_Update(&h, digest, sizeof digest);
    SHA256_Final(digest, &h);
    memcpy(out.bytes, digest, sizeof out.bytes);
    return out;
}
