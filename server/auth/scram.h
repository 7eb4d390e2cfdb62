#ifndef AUTH_SCRAM_H
#define AUTH_SCRAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "server/base/err.h"
#include "server/base/writer.h"

/*
 * SCRAM-SHA-256 and SCRAM-SHA-256-PLUS, the server's side: a password is
 * proved, never sent, and the server keeps a verifier that is no password.
 *
 *   client                                   server
 *   n,,n=,r=NONCE                      ->                       scram_first
 *                                      <-  r=NONCE+OURS,s=SALT,i=ITERATIONS
 *   c=BINDING,r=NONCE+OURS,p=PROOF     ->                       scram_final
 *                                      <-  v=SIGNATURE
 *
 * The user's name comes by other means (PostgreSQL's startup message); what
 * n= says is ignored.  With -PLUS the client proves that it sees our
 * certificate (tls-server-end-point), so that nobody stands between.
 *
 * Who does not exist gets a mock verifier (scram_mock): the same bytes, the
 * same work, and a proof that never fits.
 *
 * Source: RFC 5802, RFC 7677, RFC 5929; PostgreSQL's verifier format,
 * SCRAM-SHA-256$ITERATIONS:SALT$STOREDKEY:SERVERKEY, in base64.
 */
enum {
    SCRAM_KEY_LEN = 32,
    SCRAM_SALT_MAX = 64,
    SCRAM_TEXT_MAX = 512, /* of a message */
    SCRAM_ITERATIONS = 4096,
    SCRAM_ITERATIONS_MAX = 10000000,
};

struct scram_verifier {
    uint32_t iterations;
    uint8_t salt[SCRAM_SALT_MAX];
    size_t salt_len;
    uint8_t stored_key[SCRAM_KEY_LEN], server_key[SCRAM_KEY_LEN];
};

/* False when the text is no verifier. */
bool scram_parse(struct scram_verifier *out, const char *text, size_t len);
void scram_print(struct writer *w, const struct scram_verifier *v);

/*
 * Of a password, with a salt of its own.  ERR_INVALID: it is empty, or not of
 * printable ASCII, which clients would normalise each in its own way.
 * ERR_INTERNAL: the system has no randomness.
 */
enum err_code scram_verifier_new(struct scram_verifier *out,
                                 const char *password,
                                 struct err *err) MUST_CHECK;

/* Of somebody who does not exist: the same for one name, and unlike a real one
 * in nothing that is sent: as many iterations and as long a salt as `like` has
 * (NULL: as scram_verifier_new gives). */
void scram_mock(struct scram_verifier *out, const uint8_t secret[32],
                const char *name, const struct scram_verifier *like);

/* One exchange; a plain value. */
struct scram {
    struct scram_verifier verifier;
    const uint8_t *binding; /* borrowed; hash of our certificate */
    size_t binding_len;     /* 0 = no TLS: -PLUS was not offered */
    bool plus;
    char gs2[8]; /* "n,,", "y,," or the name's first letter, "p" */
    char bare[SCRAM_TEXT_MAX];   /* client-first, without its head */
    char server[SCRAM_TEXT_MAX]; /* server-first */
    char nonce[SCRAM_TEXT_MAX];  /* client's and ours */
};

void scram_init(struct scram *s, const struct scram_verifier *v,
                const uint8_t *binding, size_t binding_len);

/*
 * The client's first message; *reply is ours.
 * ERR_INVALID: no such mechanism, or no such message.
 * ERR_INTERNAL: no randomness.
 */
enum err_code scram_first(struct scram *s, const char *mechanism,
                          const char *text, size_t len, struct writer *reply,
                          struct err *err) MUST_CHECK;

/*
 * ... and its last.  ERR_OK: it has the password.  ERR_UNAUTHENTICATED: it has
 * not.  ERR_INVALID: no such message, or another certificate is seen.
 */
enum err_code scram_final(struct scram *s, const char *text, size_t len,
                          struct writer *reply, struct err *err) MUST_CHECK;

#endif
