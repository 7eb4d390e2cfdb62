#include "server/audit/box.h"

#include <limits.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <string.h>

enum { HASH = 32, NONCE = 12, TEXT_MAX = 1 << 10 };
enum { EXTRACT_MAX = TEXT_MAX + 128 };

/* ---- X25519 ---- */

static bool exchange(uint8_t out[HASH], const uint8_t secret[BOX_KEY_LEN],
                     const uint8_t other[BOX_KEY_LEN])
{
    size_t len = HASH;
    EVP_PKEY *own = EVP_PKEY_new_raw_private_key(EVP_PKEY_X25519, NULL, secret,
                                                 BOX_KEY_LEN);
    EVP_PKEY *peer =
        EVP_PKEY_new_raw_public_key(EVP_PKEY_X25519, NULL, other, BOX_KEY_LEN);
    EVP_PKEY_CTX *c = own ? EVP_PKEY_CTX_new(own, NULL) : NULL;
    /* The library refuses a point of small order. */
    const bool ok = c && peer && EVP_PKEY_derive_init(c) == 1 &&
                    EVP_PKEY_derive_set_peer(c, peer) == 1 &&
                    EVP_PKEY_derive(c, out, &len) == 1 && len == HASH;
    EVP_PKEY_CTX_free(c);
    EVP_PKEY_free(peer);
    EVP_PKEY_free(own);
    return ok;
}

static bool public_of(uint8_t out[BOX_KEY_LEN],
                      const uint8_t secret[BOX_KEY_LEN])
{
    size_t len = BOX_KEY_LEN;
    EVP_PKEY *own = EVP_PKEY_new_raw_private_key(EVP_PKEY_X25519, NULL, secret,
                                                 BOX_KEY_LEN);
    const bool ok = own && EVP_PKEY_get_raw_public_key(own, out, &len) == 1 &&
                    len == BOX_KEY_LEN;
    EVP_PKEY_free(own);
    return ok;
}

bool box_key_new(uint8_t secret[BOX_KEY_LEN], uint8_t owner[BOX_KEY_LEN])
{
    size_t len = BOX_KEY_LEN;
    EVP_PKEY *key = EVP_PKEY_Q_keygen(NULL, NULL, "X25519");
    const bool ok = key &&
                    EVP_PKEY_get_raw_private_key(key, secret, &len) == 1 &&
                    len == BOX_KEY_LEN && public_of(owner, secret);
    EVP_PKEY_free(key);
    return ok;
}

/* ---- labelled HKDF-SHA256 (section 4) ---- */

struct bytes {
    uint8_t v[EXTRACT_MAX];
    size_t len;
};

static void put(struct bytes *b, const void *data, size_t len)
{
    if (len)
        memcpy(b->v + b->len, data, len);
    b->len += len;
}

static const uint8_t KEM[] = { 'K', 'E', 'M', 0, 0x20 };
static const uint8_t HPKE[] = { 'H', 'P', 'K', 'E', 0, 0x20, 0, 1, 0, 3 };
struct suite {
    const uint8_t *id;
    size_t len;
};
static const struct suite OF_KEM = { KEM, sizeof KEM };
static const struct suite OF_HPKE = { HPKE, sizeof HPKE };

static bool hmac(uint8_t out[HASH], const uint8_t *key, size_t key_len,
                 const struct bytes *b)
{
    unsigned len = HASH;
    return HMAC(EVP_sha256(), key_len ? key : (const uint8_t *)"", (int)key_len,
                b->v, b->len, out, &len) != NULL;
}

static bool extract(uint8_t out[HASH], const uint8_t *salt, size_t salt_len,
                    const struct suite *s, const char *label, const void *ikm,
                    size_t ikm_len)
{
    struct bytes b = { .len = 0 };
    put(&b, "HPKE-v1", 7);
    put(&b, s->id, s->len);
    put(&b, label, strlen(label));
    put(&b, ikm, ikm_len);
    const bool ok = hmac(out, salt, salt_len, &b);
    OPENSSL_cleanse(&b, sizeof b);
    return ok;
}

/* At most one block of the hash. */
static bool expand(uint8_t *out, size_t len, const uint8_t prk[HASH],
                   const struct suite *s, const char *label, const void *info,
                   size_t info_len)
{
    struct bytes b = { .len = 0 };
    uint8_t block[HASH];
    const uint8_t length[] = { 0, (uint8_t)len }, first = 1;
    put(&b, length, sizeof length);
    put(&b, "HPKE-v1", 7);
    put(&b, s->id, s->len);
    put(&b, label, strlen(label));
    put(&b, info, info_len);
    put(&b, &first, 1);
    const bool ok = hmac(block, prk, HASH, &b);
    memcpy(out, block, len);
    OPENSSL_cleanse(block, sizeof block);
    return ok;
}

/* ---- the key of one message ---- */

struct message_key {
    uint8_t key[HASH], nonce[NONCE];
};

/* Sections 4.1 (ExtractAndExpand) and 5.1 (KeySchedule), mode 0. */
static bool schedule(struct message_key *out, const uint8_t dh[HASH],
                     const uint8_t enc[BOX_KEY_LEN],
                     const uint8_t owner[BOX_KEY_LEN],
                     const struct box_context *c)
{
    uint8_t kem[2 * BOX_KEY_LEN], prk[HASH], shared[HASH], secret[HASH];
    uint8_t context[1 + 2 * HASH] = { 0 };
    memcpy(kem, enc, BOX_KEY_LEN);
    memcpy(kem + BOX_KEY_LEN, owner, BOX_KEY_LEN);
    const bool ok =
        c->info_len <= TEXT_MAX &&
        extract(prk, NULL, 0, &OF_KEM, "eae_prk", dh, HASH) &&
        expand(shared, HASH, prk, &OF_KEM, "shared_secret", kem, sizeof kem) &&
        extract(context + 1, NULL, 0, &OF_HPKE, "psk_id_hash", NULL, 0) &&
        extract(context + 1 + HASH, NULL, 0, &OF_HPKE, "info_hash", c->info,
                c->info_len) &&
        extract(secret, shared, HASH, &OF_HPKE, "secret", NULL, 0) &&
        expand(out->key, HASH, secret, &OF_HPKE, "key", context,
               sizeof context) &&
        expand(out->nonce, NONCE, secret, &OF_HPKE, "base_nonce", context,
               sizeof context);
    OPENSSL_cleanse(prk, sizeof prk);
    OPENSSL_cleanse(shared, sizeof shared);
    OPENSSL_cleanse(secret, sizeof secret);
    return ok;
}

/* ---- the message ---- */

bool box_seal(uint8_t *out, const uint8_t owner[BOX_KEY_LEN],
              const struct box_context *c, const void *text, size_t len)
{
    uint8_t secret[BOX_KEY_LEN], dh[HASH];
    struct message_key key;
    int n = 0;
    uint8_t *body = out + BOX_KEY_LEN;
    EVP_CIPHER_CTX *e = EVP_CIPHER_CTX_new();
    const bool ok =
        e && len <= INT_MAX && box_key_new(secret, out) &&
        exchange(dh, secret, owner) && schedule(&key, dh, out, owner, c) &&
        EVP_EncryptInit_ex(e, EVP_chacha20_poly1305(), NULL, key.key,
                           key.nonce) == 1 &&
        EVP_EncryptUpdate(e, NULL, &n, c->aad, (int)c->aad_len) == 1 &&
        EVP_EncryptUpdate(e, body, &n, text, (int)len) == 1 &&
        EVP_EncryptFinal_ex(e, body + n, &n) == 1 &&
        EVP_CIPHER_CTX_ctrl(e, EVP_CTRL_AEAD_GET_TAG, BOX_TAG_LEN,
                            body + len) == 1;
    EVP_CIPHER_CTX_free(e);
    OPENSSL_cleanse(secret, sizeof secret);
    OPENSSL_cleanse(&key, sizeof key);
    return ok;
}

bool box_open(uint8_t *out, const uint8_t secret[BOX_KEY_LEN],
              const struct box_context *c, const void *sealed, size_t len)
{
    const uint8_t *enc = sealed, *body = enc + BOX_KEY_LEN;
    uint8_t owner[BOX_KEY_LEN], dh[HASH], tag[BOX_TAG_LEN];
    struct message_key key;
    int n = 0;
    if (len < BOX_OVERHEAD || len > INT_MAX)
        return false;
    const size_t text_len = len - BOX_OVERHEAD;
    memcpy(tag, body + text_len, sizeof tag);
    EVP_CIPHER_CTX *e = EVP_CIPHER_CTX_new();
    const bool ok =
        e && public_of(owner, secret) && exchange(dh, secret, enc) &&
        schedule(&key, dh, enc, owner, c) &&
        EVP_DecryptInit_ex(e, EVP_chacha20_poly1305(), NULL, key.key,
                           key.nonce) == 1 &&
        EVP_DecryptUpdate(e, NULL, &n, c->aad, (int)c->aad_len) == 1 &&
        EVP_DecryptUpdate(e, out, &n, body, (int)text_len) == 1 &&
        EVP_CIPHER_CTX_ctrl(e, EVP_CTRL_AEAD_SET_TAG, BOX_TAG_LEN, tag) == 1 &&
        EVP_DecryptFinal_ex(e, out + text_len, &n) == 1;
    EVP_CIPHER_CTX_free(e);
    OPENSSL_cleanse(&key, sizeof key);
    return ok;
}
