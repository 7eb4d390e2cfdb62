#include "server/ledger/seal.h"

#include <assert.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>
#include <openssl/sha.h>
#include <stdbool.h>
#include <string.h>

#include "server/base/hex.h"
#include "server/base/reader.h"
#include "server/base/writer.h"

enum {
    MAGIC_LEN = 4,
    ID_LEN = 4,
    NONCE_LEN = 12,
    TAG_LEN = 16,
    CHARGE_LEN = 16,
    AAD_LEN = CHARGE_LEN + 8,
    DATASET_MAX = 256,
};
static const uint8_t MAGIC[MAGIC_LEN] = { 'H', 't', 'S', '1' };

enum err_code seal_keys_parse(struct seal_keys *out, const char *text,
                              size_t len, struct err *err)
{
    unsigned number = 1;
    *out = (struct seal_keys){ .n = 0 };
    for (size_t at = 0; at < len; number++) {
        const char *nl = memchr(text + at, '\n', len - at);
        const size_t line = nl ? (size_t)(nl - text) - at : len - at;
        if (out->n == SEAL_KEYS_MAX || line != 2 * SEAL_KEY_LEN ||
            !hex_parse(out->key[out->n], SEAL_KEY_LEN, text + at)) {
            (void)err_set(err, ERR_INVALID,
                          "line %u is not 64 hexadecimal digits in lower case, "
                          "or the ninth",
                          number);
            return err_hint(err, "a key a line: openssl rand -hex 32");
        }
        out->n++;
        at += line + 1;
    }
    return out->n > 0 ? ERR_OK
                      : err_set(err, ERR_INVALID, "there is no key in it");
}

static void id_of(uint8_t out[ID_LEN], const uint8_t *key)
{
    uint8_t hash[SHA256_DIGEST_LENGTH];
    (void)SHA256(key, SEAL_KEY_LEN, hash);
    memcpy(out, hash, ID_LEN);
}

static void dataset_key(uint8_t out[SEAL_KEY_LEN], const uint8_t *key,
                        const char *dataset)
{
    uint8_t text[DATASET_MAX];
    struct writer w = writer_of(text, sizeof text);
    unsigned len = SEAL_KEY_LEN;
    writer_str(&w, "halftone answers ");
    writer_str(&w, dataset);
    assert(!w.overflow);
    const uint8_t *made =
        HMAC(EVP_sha256(), key, SEAL_KEY_LEN, text, w.len, out, &len);
    assert(made && len == SEAL_KEY_LEN);
}

static void bind(uint8_t aad[AAD_LEN], const struct seal_of *of)
{
    struct writer w = writer_of(aad, AAD_LEN);
    writer_bytes(&w, of->charge, CHARGE_LEN);
    writer_be64(&w, (uint64_t)of->place);
}

static bool encrypt(uint8_t *out, uint8_t *tag, const uint8_t *key,
                    const uint8_t *nonce, const struct seal_of *of,
                    const uint8_t *data, int len)
{
    uint8_t aad[AAD_LEN];
    int n = 0;
    EVP_CIPHER_CTX *c = EVP_CIPHER_CTX_new();
    bind(aad, of);
    const bool ok =
        c && EVP_EncryptInit_ex(c, EVP_aes_256_gcm(), NULL, key, nonce) == 1 &&
        EVP_EncryptUpdate(c, NULL, &n, aad, sizeof aad) == 1 &&
        EVP_EncryptUpdate(c, out, &n, data, len) == 1 && n == len &&
        EVP_EncryptFinal_ex(c, out + n, &n) == 1 && n == 0 &&
        EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_GCM_GET_TAG, TAG_LEN, tag) == 1;
    EVP_CIPHER_CTX_free(c);
    return ok;
}

static bool decrypt(uint8_t *out, const uint8_t *tag, const uint8_t *key,
                    const uint8_t *nonce, const struct seal_of *of,
                    const uint8_t *data, int len)
{
    uint8_t aad[AAD_LEN], wanted[TAG_LEN];
    int n = 0;
    EVP_CIPHER_CTX *c = EVP_CIPHER_CTX_new();
    bind(aad, of);
    memcpy(wanted, tag, sizeof wanted);
    const bool ok =
        c && EVP_DecryptInit_ex(c, EVP_aes_256_gcm(), NULL, key, nonce) == 1 &&
        EVP_DecryptUpdate(c, NULL, &n, aad, sizeof aad) == 1 &&
        EVP_DecryptUpdate(c, out, &n, data, len) == 1 && n == len &&
        EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_GCM_SET_TAG, TAG_LEN, wanted) == 1 &&
        EVP_DecryptFinal_ex(c, out + n, &n) == 1;
    EVP_CIPHER_CTX_free(c);
    return ok;
}

enum err_code seal(const struct seal_keys *keys, const struct seal_of *of,
                   const uint8_t **data, size_t *len, struct arena *a,
                   struct err *err)
{
    uint8_t key[SEAL_KEY_LEN], nonce[NONCE_LEN], tag[TAG_LEN];
    if (!keys || keys->n == 0)
        return ERR_OK;
    if (*len > INT32_MAX - SEAL_OVERHEAD)
        return err_set(err, ERR_LIMIT, "The answer is too long to be kept.");
    uint8_t *out = arena_alloc(a, *len + SEAL_OVERHEAD, 1);
    if (!out)
        return err_set(err, ERR_LIMIT,
                       "The answer passes the request's memory.");
    struct writer w = writer_of(out, *len + SEAL_OVERHEAD);
    writer_bytes(&w, MAGIC, MAGIC_LEN);
    id_of(out + w.len, keys->key[0]);
    w.len += ID_LEN;
    dataset_key(key, keys->key[0], of->dataset);
    const bool ok = RAND_bytes(nonce, sizeof nonce) == 1 &&
                    encrypt(out + MAGIC_LEN + ID_LEN + NONCE_LEN, tag, key,
                            nonce, of, *data, (int)*len);
    OPENSSL_cleanse(key, sizeof key);
    if (!ok)
        return err_set(err, ERR_INTERNAL, "The answer cannot be encrypted.");
    writer_bytes(&w, nonce, sizeof nonce);
    w.len += *len;
    writer_bytes(&w, tag, sizeof tag);
    *data = out;
    *len = w.len;
    return ERR_OK;
}

/* The key with this id, or NULL. */
static const uint8_t *key_of(const struct seal_keys *keys, const uint8_t *id)
{
    uint8_t other[ID_LEN];
    for (size_t i = 0; keys && i < keys->n; i++) {
        id_of(other, keys->key[i]);
        if (memcmp(id, other, ID_LEN) == 0)
            return keys->key[i];
    }
    return NULL;
}

enum err_code unseal(const struct seal_keys *keys, const struct seal_of *of,
                     const uint8_t **data, size_t *len, struct arena *a,
                     struct err *err)
{
    struct reader r = reader_of(*data, *len);
    const uint8_t *magic = reader_take(&r, MAGIC_LEN);
    if (!magic || memcmp(magic, MAGIC, MAGIC_LEN) != 0)
        return ERR_OK; /* stored before there were keys */
    const uint8_t *id = reader_take(&r, ID_LEN);
    const uint8_t *nonce = reader_take(&r, NONCE_LEN);
    const size_t n = reader_left(&r) >= TAG_LEN ? reader_left(&r) - TAG_LEN : 0;
    const uint8_t *body = reader_take(&r, n), *tag = reader_take(&r, TAG_LEN);
    const uint8_t *master = tag ? key_of(keys, id) : NULL;
    uint8_t key[SEAL_KEY_LEN];
    uint8_t *out = arena_alloc(a, n + 1, 1);
    if (!out)
        return err_set(err, ERR_LIMIT,
                       "The stored answer passes the request's memory.");
    bool ok = master != NULL && n <= INT32_MAX;
    if (ok) {
        dataset_key(key, master, of->dataset);
        ok = decrypt(out, tag, key, nonce, of, body, (int)n);
        OPENSSL_cleanse(key, sizeof key);
    }
    if (!ok) {
        (void)err_set(err, ERR_INTERNAL,
                      "The stored answer cannot be opened: %s.",
                      master ? "it was changed" : "its key is not here");
        return err_hint(err, "A steward puts the key back into the file of "
                             "answer keys (docs/ledger.md).");
    }
    *data = out;
    *len = n;
    return ERR_OK;
}
