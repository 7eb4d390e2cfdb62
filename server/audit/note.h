#ifndef AUDIT_NOTE_H
#define AUDIT_NOTE_H

#include <stdint.h>

#include "server/base/arena.h"
#include "server/base/err.h"
#include "server/base/writer.h"

/*
 * Signed notes: text, an empty line, and a line for each signature.
 *
 *   example.com/log\n
 *   1\n
 *   kWz3...=\n
 *   \n
 *   — example.com/log c2lnbmF0dXJl...\n
 *
 * The base64 holds the first four bytes of the key's hash,
 * SHA-256(name || \n || 01 || public key), and the Ed25519 signature of the
 * text.  A verifier key is written NAME+HASH+BASE64 (01 || public key), a
 * signer key PRIVATE+KEY+NAME+HASH+BASE64 (01 || seed): both are one line, as
 * Go's sumdb/note reads and writes them.
 *
 * A witness's line holds eight bytes of time between the two, and signs
 * "cosignature/v1\ntime SECONDS\n" before the text.
 *
 * Source: C2SP signed-note, tlog-cosignature; RFC 8032.
 */
enum { NOTE_KEY_LEN = 32, NOTE_NAME_MAX = 128, NOTE_SIGNATURES_MAX = 16 };
enum { NOTE_LEN_MAX = 65536, NOTE_KEY_TEXT_LEN = 256 };

/* What a key signs: the text, or (a witness's) the text and when it was seen;
 * the byte before the key in its base64. */
enum note_alg { NOTE_ED25519 = 1, NOTE_COSIGNATURE = 4 };

struct note_verifier {
    char name[NOTE_NAME_MAX];
    uint32_t hash;
    enum note_alg alg;
    uint8_t key[NOTE_KEY_LEN];
};
struct note_signer {
    struct note_verifier verifier;
    uint8_t seed[NOTE_KEY_LEN]; /* secret */
};

/* A fresh key under `name`.
 * ERR_INVALID  the name is empty, too long, or has a space or '+'
 * ERR_INTERNAL no randomness */
enum err_code note_signer_new(struct note_signer *out, const char *name,
                              enum note_alg alg, struct err *err) MUST_CHECK;

/* One line each, without its newline; TEXT_LEN bytes suffice. */
void note_signer_print(struct writer *w, const struct note_signer *s);
void note_verifier_print(struct writer *w, const struct note_verifier *v);

/* The reverse; a newline at the end is allowed.  ERR_INVALID says what is
 * wrong, and never quotes a signer. */
enum err_code note_signer_parse(struct note_signer *out, const char *text,
                                struct err *err) MUST_CHECK;
enum err_code note_verifier_parse(struct note_verifier *out, const char *text,
                                  struct err *err) MUST_CHECK;

/* text (which ends in a newline), an empty line, the signature's line.
 * ERR_INTERNAL when the library fails. */
enum err_code note_sign(struct writer *w, const char *text,
                        const struct note_signer *s,
                        struct err *err) MUST_CHECK;

/* The line by which a witness (NOTE_COSIGNATURE) says that it saw the text at
 * time_s, seconds since 1970.  ERR_INTERNAL when the library fails. */
enum err_code note_cosign(struct writer *w, const char *text, size_t len,
                          const struct note_signer *s, uint64_t time_s,
                          struct err *err) MUST_CHECK;

/*
 * The text of a note that `v` signed: note[0 .. *text_len).
 * ERR_INVALID  not a note, no signature of this key, or one that is wrong;
 *              signatures of other keys are passed over
 */
enum err_code note_open(size_t *text_len, const char *note, size_t len,
                        const struct note_verifier *v,
                        struct err *err) MUST_CHECK;

#endif
