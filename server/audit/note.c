#include "server/audit/note.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <openssl/sha.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/base/base64.h"
#include "server/base/utf8.h"

enum {
    SIG_LEN = 64,
    HASH_LEN = 4,
    TIME_LEN = 8,
    STAMP_MAX = HASH_LEN + TIME_LEN + SIG_LEN,
    TIMED_MAX = NOTE_LEN_MAX + 64,
};

/* Of a signature's line: hash, (time,) signature. */
static size_t stamp_len(enum note_alg alg)
{
    return alg == NOTE_COSIGNATURE ? STAMP_MAX : STAMP_MAX - TIME_LEN;
}

static const char DASH[] = "\xe2\x80\x94 "; /* an em dash and a space */
static const char PRIVATE[] = "PRIVATE+KEY+";

static uint32_t key_hash(const char *name, enum note_alg alg,
                         const uint8_t *key)
{
    uint8_t text[NOTE_NAME_MAX + 2 + NOTE_KEY_LEN], hash[SHA256_DIGEST_LENGTH];
    struct writer w = writer_of(text, sizeof text);
    writer_str(&w, name);
    writer_u8(&w, '\n');
    writer_u8(&w, (uint8_t)alg);
    writer_bytes(&w, key, NOTE_KEY_LEN);
    (void)SHA256(text, w.len, hash);
    return (uint32_t)hash[0] << 24 | (uint32_t)hash[1] << 16 |
           (uint32_t)hash[2] << 8 | hash[3];
}

/* A name is one word without '+', which separates the parts of a key. */
static bool is_name(const char *name, size_t len)
{
    if (len == 0 || len >= NOTE_NAME_MAX || !utf8_is_text(name, len))
        return false;
    for (size_t i = 0; i < len; i++) {
        if ((unsigned char)name[i] <= ' ' || name[i] == '+' || name[i] == 0x7f)
            return false;
    }
    return true;
}

static enum err_code bad_key(struct err *err, const char *what)
{
    (void)err_set(err, ERR_INVALID, "this is no key of a log: %s", what);
    return err_hint(err, "a verifier key is one line, NAME+HASH+BASE64, as "
                         "/audit/key of the server shows");
}

static enum err_code broken(struct err *err)
{
    return err_set(err, ERR_INTERNAL, "the Ed25519 of this OpenSSL failed");
}

/* The public half of s->seed, and the hash of both. */
static enum err_code complete(struct note_signer *s, struct err *err)
{
    size_t len = NOTE_KEY_LEN;
    EVP_PKEY *key = EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL,
                                                 s->seed, NOTE_KEY_LEN);
    const bool ok =
        key && EVP_PKEY_get_raw_public_key(key, s->verifier.key, &len) == 1;
    EVP_PKEY_free(key);
    s->verifier.hash =
        key_hash(s->verifier.name, s->verifier.alg, s->verifier.key);
    return ok ? ERR_OK : broken(err);
}

enum err_code note_signer_new(struct note_signer *out, const char *name,
                              enum note_alg alg, struct err *err)
{
    *out = (struct note_signer){ .verifier.alg = alg };
    if (!is_name(name, strlen(name)))
        return bad_key(err, "its name has a space or '+', or is too long");
    strcpy(out->verifier.name, name); /* is_name: it fits */
    if (RAND_priv_bytes(out->seed, sizeof out->seed) != 1)
        return err_set(err, ERR_INTERNAL, "the system gave no randomness");
    return complete(out, err);
}

static void print_key(struct writer *w, const struct note_verifier *v,
                      const uint8_t *key)
{
    uint8_t bytes[1 + NOTE_KEY_LEN] = { (uint8_t)v->alg };
    memcpy(bytes + 1, key, NOTE_KEY_LEN);
    writer_printf(w, "%s+%08x+", v->name, v->hash);
    base64_print(w, bytes, sizeof bytes);
    OPENSSL_cleanse(bytes, sizeof bytes);
}

void note_signer_print(struct writer *w, const struct note_signer *s)
{
    writer_str(w, PRIVATE);
    print_key(w, &s->verifier, s->seed);
}

void note_verifier_print(struct writer *w, const struct note_verifier *v)
{
    print_key(w, v, v->key);
}

/* NAME+HASH+BASE64 up to an optional newline; *key gets the 32 bytes. */
static enum err_code parse_key(struct note_verifier *out, uint8_t *key,
                               const char *text, struct err *err)
{
    const size_t len = strcspn(text, "\n");
    const char *plus = memchr(text, '+', len);
    uint8_t bytes[1 + NOTE_KEY_LEN];
    char *end = NULL;
    size_t n = 0;
    if (text[len] == '\n' && text[len + 1] != '\0')
        return bad_key(err, "it is more than one line");
    if (!plus || !is_name(text, (size_t)(plus - text)))
        return bad_key(err, "it does not begin with a name and '+'");
    memcpy(out->name, text, (size_t)(plus - text));
    out->name[plus - text] = '\0';
    if (strspn(plus + 1, "0123456789abcdef") != 2 * HASH_LEN)
        return bad_key(err, "the hash is not 8 hexadecimal digits");
    out->hash = (uint32_t)strtoul(plus + 1, &end, 16);
    if (*end != '+' ||
        !base64_parse(bytes, sizeof bytes, &n, end + 1,
                      (size_t)(text + len - end - 1)) ||
        n != sizeof bytes)
        return bad_key(err, "the last part is not base64 of 33 bytes");
    if (bytes[0] != NOTE_ED25519 && bytes[0] != NOTE_COSIGNATURE)
        return bad_key(err, "its algorithm is not Ed25519");
    out->alg = (enum note_alg)bytes[0];
    memcpy(key, bytes + 1, NOTE_KEY_LEN);
    OPENSSL_cleanse(bytes, sizeof bytes);
    return ERR_OK;
}

enum err_code note_verifier_parse(struct note_verifier *out, const char *text,
                                  struct err *err)
{
    *out = (struct note_verifier){ 0 };
    if (strncmp(text, PRIVATE, sizeof PRIVATE - 1) == 0)
        return bad_key(err, "this is the private key; keep it secret");
    TRY(parse_key(out, out->key, text, err));
    return out->hash == key_hash(out->name, out->alg, out->key)
               ? ERR_OK
               : bad_key(err, "its hash is not that of its name and key");
}

enum err_code note_signer_parse(struct note_signer *out, const char *text,
                                struct err *err)
{
    *out = (struct note_signer){ 0 };
    if (strncmp(text, PRIVATE, sizeof PRIVATE - 1) != 0)
        return bad_key(err, "it does not begin with PRIVATE+KEY+");
    TRY(parse_key(&out->verifier, out->seed, text + sizeof PRIVATE - 1, err));
    const uint32_t hash = out->verifier.hash;
    TRY(complete(out, err));
    return hash == out->verifier.hash
               ? ERR_OK
               : bad_key(err, "its hash is not that of its name and key");
}

static bool sign(uint8_t *sig, const char *text, size_t len,
                 const uint8_t *seed)
{
    size_t sig_len = SIG_LEN;
    EVP_PKEY *key = EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL, seed,
                                                 NOTE_KEY_LEN);
    EVP_MD_CTX *md = EVP_MD_CTX_new();
    const bool ok =
        key && md && EVP_DigestSignInit(md, NULL, NULL, NULL, key) == 1 &&
        EVP_DigestSign(md, sig, &sig_len, (const uint8_t *)text, len) == 1 &&
        sig_len == SIG_LEN;
    EVP_MD_CTX_free(md);
    EVP_PKEY_free(key);
    return ok;
}

static bool is_signed(const uint8_t *sig, const char *text, size_t len,
                      const uint8_t *public_key)
{
    EVP_PKEY *key = EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL,
                                                public_key, NOTE_KEY_LEN);
    EVP_MD_CTX *md = EVP_MD_CTX_new();
    const bool ok =
        key && md && EVP_DigestVerifyInit(md, NULL, NULL, NULL, key) == 1 &&
        EVP_DigestVerify(md, sig, SIG_LEN, (const uint8_t *)text, len) == 1;
    EVP_MD_CTX_free(md);
    EVP_PKEY_free(key);
    return ok;
}

/* What a witness signs. */
static size_t timed(char out[TIMED_MAX], const char *text, size_t len,
                    uint64_t time_s)
{
    struct writer w = writer_of(out, TIMED_MAX);
    writer_printf(&w, "cosignature/v1\ntime %llu\n",
                  (unsigned long long)time_s);
    writer_bytes(&w, text, len);
    return w.overflow ? 0 : w.len;
}

enum err_code note_cosign(struct writer *w, const char *text, size_t len,
                          const struct note_signer *s, uint64_t time_s,
                          struct err *err)
{
    char message[TIMED_MAX];
    uint8_t stamp[STAMP_MAX];
    struct writer head = writer_of(stamp, HASH_LEN + TIME_LEN);
    const size_t n = timed(message, text, len, time_s);
    writer_be32(&head, s->verifier.hash);
    writer_be64(&head, time_s);
    if (n == 0 || !sign(stamp + HASH_LEN + TIME_LEN, message, n, s->seed))
        return broken(err);
    writer_printf(w, "%s%s ", DASH, s->verifier.name);
    base64_print(w, stamp, sizeof stamp);
    writer_u8(w, '\n');
    return ERR_OK;
}

/* Does this line's stamp hold v's signature of the text? */
static bool is_stamped(const uint8_t *stamp, const char *text, size_t len,
                       const struct note_verifier *v)
{
    char message[TIMED_MAX];
    uint64_t time_s = 0;
    if (v->alg == NOTE_ED25519)
        return is_signed(stamp + HASH_LEN, text, len, v->key);
    for (size_t i = 0; i < TIME_LEN; i++)
        time_s = time_s << 8 | stamp[HASH_LEN + i];
    const size_t n = timed(message, text, len, time_s);
    return n > 0 && is_signed(stamp + HASH_LEN + TIME_LEN, message, n, v->key);
}

enum err_code note_sign(struct writer *w, const char *text,
                        const struct note_signer *s, struct err *err)
{
    uint8_t stamp[HASH_LEN + SIG_LEN];
    struct writer hash = writer_of(stamp, HASH_LEN);
    writer_be32(&hash, s->verifier.hash);
    if (!sign(stamp + HASH_LEN, text, strlen(text), s->seed))
        return broken(err);
    writer_str(w, text);
    writer_printf(w, "\n%s%s ", DASH, s->verifier.name);
    base64_print(w, stamp, sizeof stamp);
    writer_u8(w, '\n');
    return ERR_OK;
}

static enum err_code bad_note(struct err *err, const char *what)
{
    (void)err_set(err, ERR_INVALID, "this is no signed note: %s", what);
    return err_hint(err, "fetch the checkpoint again, whole and unchanged");
}

/* A signature's line, without its newline: whether it is of v, and its bytes.
 * False: it is no such line. */
static bool parse_line(bool *is_of, uint8_t *stamp, const char *line,
                       size_t len, const struct note_verifier *v)
{
    const size_t dash = sizeof DASH - 1, name = strlen(v->name);
    uint8_t any[1024];
    size_t n = 0;
    if (len < dash || memcmp(line, DASH, dash) != 0)
        return false;
    const char *space = memchr(line + dash, ' ', len - dash);
    if (!space || !is_name(line + dash, (size_t)(space - line) - dash) ||
        !base64_parse(any, sizeof any, &n, space + 1,
                      (size_t)(line + len - space - 1)) ||
        n <= HASH_LEN)
        return false;
    const uint32_t hash = (uint32_t)any[0] << 24 | (uint32_t)any[1] << 16 |
                          (uint32_t)any[2] << 8 | any[3];
    *is_of = hash == v->hash && (size_t)(space - line) - dash == name &&
             memcmp(line + dash, v->name, name) == 0;
    if (*is_of && n != stamp_len(v->alg))
        return false;
    if (*is_of)
        memcpy(stamp, any, n);
    return true;
}

/* The last empty line ends the text; 0 when there is none. */
static size_t text_end(const char *note, size_t len)
{
    for (size_t i = len; i-- > 1;) {
        if (note[i] == '\n' && note[i - 1] == '\n')
            return i;
    }
    return 0;
}

enum err_code note_open(size_t *text_len, const char *note, size_t len,
                        const struct note_verifier *v, struct err *err)
{
    const size_t end = len <= NOTE_LEN_MAX ? text_end(note, len) : 0;
    bool found = false;
    int lines = 0;
    if (end == 0 || !utf8_is_text(note, len))
        return bad_note(err, "it is too long, not text, or has no empty line");
    for (const char *line = note + end + 1; line < note + len;) {
        const char *nl = memchr(line, '\n', (size_t)(note + len - line));
        uint8_t stamp[STAMP_MAX];
        bool is_of = false;
        if (!nl || ++lines > NOTE_SIGNATURES_MAX ||
            !parse_line(&is_of, stamp, line, (size_t)(nl - line), v))
            return bad_note(err, "a line of signature is malformed");
        if (is_of && !is_stamped(stamp, note, end, v))
            return bad_note(err, "the log's signature is wrong");
        found |= is_of;
        line = nl + 1;
    }
    if (!found)
        return bad_note(err, "it is not signed by the key that was given");
    *text_len = end;
    return ERR_OK;
}
