#include "server/auth/scram.h"

#include <assert.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>
#include <openssl/sha.h>
#include <stdlib.h>
#include <string.h>

#include "server/base/base64.h"

enum { SALT_LEN = 16, NONCE_LEN = 18 };

static const char PREFIX[] = "SCRAM-SHA-256$";
static const char BINDING[] = "p=tls-server-end-point,,";

static_assert(SCRAM_SALT_MAX <= 2 * SCRAM_KEY_LEN, "two keys give a salt");

static void hmac(uint8_t out[SCRAM_KEY_LEN], const uint8_t *key, size_t key_len,
                 const void *data, size_t len)
{
    unsigned n = SCRAM_KEY_LEN;
    (void)HMAC(EVP_sha256(), key, (int)key_len, data, len, out, &n);
}

/* ---- verifiers ---- */

/* "DIGITS:" and whatever follows it. */
static const char *read_iterations(uint32_t *out, const char *text)
{
    char *end;
    const unsigned long n = strtoul(text, &end, 10);
    if (text[0] < '1' || text[0] > '9' || *end != ':' ||
        n > SCRAM_ITERATIONS_MAX)
        return NULL;
    *out = (uint32_t)n;
    return end + 1;
}

/* Base64 up to `stop`, which is left out; NULL when it does not fit. */
static const char *read_base64(uint8_t *out, size_t cap, size_t *n,
                               const char *text, char stop)
{
    const char *end = stop ? strchr(text, stop) : text + strlen(text);
    if (!end || !base64_parse(out, cap, n, text, (size_t)(end - text)))
        return NULL;
    return stop ? end + 1 : end;
}

bool scram_parse(struct scram_verifier *out, const char *text, size_t len)
{
    struct scram_verifier v = { 0 };
    size_t stored = 0, server = 0;
    const size_t prefix = sizeof PREFIX - 1;
    if (len < prefix || strlen(text) != len ||
        strncmp(text, PREFIX, prefix) != 0)
        return false;
    const char *at = read_iterations(&v.iterations, text + prefix);
    if (at)
        at = read_base64(v.salt, sizeof v.salt, &v.salt_len, at, '$');
    if (at)
        at = read_base64(v.stored_key, sizeof v.stored_key, &stored, at, ':');
    if (at)
        at = read_base64(v.server_key, sizeof v.server_key, &server, at, '\0');
    if (!at || v.salt_len == 0 || stored != SCRAM_KEY_LEN ||
        server != SCRAM_KEY_LEN)
        return false;
    *out = v;
    return true;
}

void scram_print(struct writer *w, const struct scram_verifier *v)
{
    writer_printf(w, "%s%u:", PREFIX, v->iterations);
    base64_print(w, v->salt, v->salt_len);
    writer_u8(w, '$');
    base64_print(w, v->stored_key, sizeof v->stored_key);
    writer_u8(w, ':');
    base64_print(w, v->server_key, sizeof v->server_key);
}

enum err_code scram_verifier_new(struct scram_verifier *out,
                                 const char *password, struct err *err)
{
    static const char client[] = "Client Key", server[] = "Server Key";
    uint8_t salted[SCRAM_KEY_LEN], key[SCRAM_KEY_LEN];
    const size_t len = strlen(password);
    for (size_t i = 0; i < len; i++)
        if (password[i] < ' ' || password[i] > '~') {
            (void)err_set(err, ERR_INVALID,
                          "the password has a character that is not ASCII");
            return err_hint(err, "drivers write others in several ways; use "
                                 "letters, digits and signs");
        }
    if (len == 0)
        return err_set(err, ERR_INVALID, "the password is empty");
    *out = (struct scram_verifier){ .iterations = SCRAM_ITERATIONS,
                                    .salt_len = SALT_LEN };
    if (RAND_bytes(out->salt, SALT_LEN) != 1 ||
        PKCS5_PBKDF2_HMAC(password, (int)len, out->salt, SALT_LEN,
                          SCRAM_ITERATIONS, EVP_sha256(), sizeof salted,
                          salted) != 1)
        return err_set(err, ERR_INTERNAL, "the system gave no randomness");
    hmac(key, salted, sizeof salted, client, sizeof client - 1);
    (void)SHA256(key, sizeof key, out->stored_key);
    hmac(out->server_key, salted, sizeof salted, server, sizeof server - 1);
    OPENSSL_cleanse(salted, sizeof salted);
    OPENSSL_cleanse(key, sizeof key);
    return ERR_OK;
}

void scram_mock(struct scram_verifier *out, const uint8_t secret[32],
                const char *name, const struct scram_verifier *like)
{
    static const char *const labels[] = { "scram salt", "scram more salt",
                                          "scram stored", "scram server" };
    enum { N = sizeof labels / sizeof labels[0] };
    uint8_t keys[N][SCRAM_KEY_LEN], own[SCRAM_KEY_LEN];
    for (size_t i = 0; i < N; i++) {
        hmac(own, secret, 32, labels[i], strlen(labels[i]));
        hmac(keys[i], own, sizeof own, name, strlen(name));
    }
    *out = (struct scram_verifier){
        .iterations = like ? like->iterations : SCRAM_ITERATIONS,
        .salt_len = like ? like->salt_len : SALT_LEN,
    };
    memcpy(out->salt, keys, out->salt_len); /* of the first two */
    memcpy(out->stored_key, keys[2], SCRAM_KEY_LEN);
    memcpy(out->server_key, keys[3], SCRAM_KEY_LEN);
}

/* ---- the exchange ---- */

static enum err_code malformed(struct err *err)
{
    return err_set(err, ERR_INVALID, "malformed SCRAM message");
}

void scram_init(struct scram *s, const struct scram_verifier *v,
                const uint8_t *binding, size_t binding_len)
{
    *s = (struct scram){ .verifier = *v,
                         .binding = binding,
                         .binding_len = binding_len };
}

/* Text of `len` bytes without a NUL in it, as a string. */
static bool copy_text(char out[SCRAM_TEXT_MAX], const char *text, size_t len)
{
    if (len >= SCRAM_TEXT_MAX || memchr(text, '\0', len))
        return false;
    memcpy(out, text, len);
    out[len] = '\0';
    return true;
}

static enum err_code read_head(struct scram *s, const char *text, char *head,
                               struct err *err)
{
    const size_t len = s->plus ? sizeof BINDING - 1 : 3;
    *head = text[0];
    if (s->plus) {
        if (strncmp(text, BINDING, len) != 0)
            return err_set(err, ERR_INVALID,
                           "SCRAM-SHA-256-PLUS needs tls-server-end-point");
    } else if (text[0] == 'y' && s->binding_len > 0) {
        /* It could bind and heard that we cannot: somebody stands between. */
        return err_set(err, ERR_INVALID,
                       "the client did not see SCRAM-SHA-256-PLUS offered");
    } else if ((text[0] != 'n' && text[0] != 'y') || text[1] != ',' ||
               text[2] != ',') {
        return malformed(err);
    }
    return ERR_OK;
}

enum err_code scram_first(struct scram *s, const char *mechanism,
                          const char *text, size_t len, struct writer *reply,
                          struct err *err)
{
    char copy[SCRAM_TEXT_MAX], head;
    uint8_t own[NONCE_LEN];
    s->plus = strcmp(mechanism, "SCRAM-SHA-256-PLUS") == 0;
    if (s->plus ? s->binding_len == 0 : strcmp(mechanism, "SCRAM-SHA-256") != 0)
        return err_set(err, ERR_INVALID, "no such SASL mechanism");
    if (!copy_text(copy, text, len))
        return malformed(err);
    TRY(read_head(s, copy, &head, err));
    const char *bare = copy + (s->plus ? sizeof BINDING - 1 : 3);
    const char *nonce = strstr(bare, ",r=");
    if (strncmp(bare, "n=", 2) != 0 || !nonce)
        return malformed(err); /* m=, a mandatory extension, included */
    nonce += 3;
    const size_t nonce_len = strcspn(nonce, ",");
    if (nonce_len == 0)
        return malformed(err);
    if (RAND_bytes(own, sizeof own) != 1)
        return err_set(err, ERR_INTERNAL, "the system gave no randomness");

    struct writer n = writer_of(s->nonce, sizeof s->nonce);
    writer_bytes(&n, nonce, nonce_len);
    base64_print(&n, own, sizeof own);
    struct writer w = writer_of(s->server, sizeof s->server);
    const bool fits = writer_cstr(&n);
    writer_printf(&w, "r=%s,s=", fits ? s->nonce : "");
    base64_print(&w, s->verifier.salt, s->verifier.salt_len);
    writer_printf(&w, ",i=%u", s->verifier.iterations);
    if (!fits || !writer_cstr(&w) || !copy_text(s->bare, bare, strlen(bare)))
        return malformed(err);
    s->gs2[0] = head;
    writer_str(reply, s->server);
    return ERR_OK;
}

/* c= must be the head of the first message, and our certificate behind it. */
static bool is_bound(const struct scram *s, const char *text, size_t len)
{
    uint8_t got[SCRAM_TEXT_MAX], want[SCRAM_TEXT_MAX];
    size_t n = 0;
    struct writer w = writer_of(want, sizeof want);
    if (s->plus) {
        writer_str(&w, BINDING);
        writer_bytes(&w, s->binding, s->binding_len);
    } else {
        writer_printf(&w, "%c,,", s->gs2[0]);
    }
    return base64_parse(got, sizeof got, &n, text, len) && !w.overflow &&
           n == w.len && CRYPTO_memcmp(got, want, n) == 0;
}

/* H(proof ^ HMAC(stored key, message)) is the stored key. */
static bool proves(const struct scram *s, const uint8_t proof[SCRAM_KEY_LEN],
                   const char *message)
{
    uint8_t key[SCRAM_KEY_LEN], hash[SCRAM_KEY_LEN];
    hmac(key, s->verifier.stored_key, SCRAM_KEY_LEN, message, strlen(message));
    for (size_t i = 0; i < SCRAM_KEY_LEN; i++)
        key[i] ^= proof[i];
    (void)SHA256(key, sizeof key, hash);
    OPENSSL_cleanse(key, sizeof key);
    return CRYPTO_memcmp(hash, s->verifier.stored_key, SCRAM_KEY_LEN) == 0;
}

enum err_code scram_final(struct scram *s, const char *text, size_t len,
                          struct writer *reply, struct err *err)
{
    char copy[SCRAM_TEXT_MAX], message[3 * SCRAM_TEXT_MAX];
    uint8_t proof[SCRAM_KEY_LEN], signature[SCRAM_KEY_LEN];
    size_t n = 0;
    struct writer w = writer_of(message, sizeof message);
    if (!copy_text(copy, text, len) || strncmp(copy, "c=", 2) != 0)
        return malformed(err);
    const size_t c_len = strcspn(copy + 2, ",");
    const char *r = copy + 2 + c_len;
    const char *p = strstr(r, ",p=");
    if (!p || strncmp(r, ",r=", 3) != 0)
        return malformed(err);
    const size_t r_len = strcspn(r + 3, ",");
    if (!base64_parse(proof, sizeof proof, &n, p + 3, strlen(p + 3)) ||
        n != sizeof proof || r_len != strlen(s->nonce) ||
        memcmp(r + 3, s->nonce, r_len) != 0)
        return malformed(err);
    if (!is_bound(s, copy + 2, c_len))
        return err_set(err, ERR_INVALID,
                       "SCRAM channel binding does not fit this connection");

    writer_printf(&w, "%s,%s,", s->bare, s->server);
    writer_bytes(&w, copy, (size_t)(p - copy));
    if (!writer_cstr(&w))
        return malformed(err);
    const bool proved = proves(s, proof, message);
    hmac(signature, s->verifier.server_key, SCRAM_KEY_LEN, message,
         strlen(message));
    if (!proved)
        return err_set(err, ERR_UNAUTHENTICATED,
                       "password authentication failed");
    writer_str(reply, "v=");
    base64_print(reply, signature, sizeof signature);
    return ERR_OK;
}
