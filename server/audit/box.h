#ifndef AUDIT_BOX_H
#define AUDIT_BOX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * A message that the owner of one X25519 key alone can open.
 *
 *   sealed = encapsulated key (32) || ciphertext || tag (16)
 *
 * `info` says what it is for and `aad` what it belongs to; whoever opens it has
 * to say the same.  Any implementation of the RFC opens it: base mode,
 * DHKEM(X25519, HKDF-SHA256) 0x0020, HKDF-SHA256 0x0001, ChaCha20Poly1305
 * 0x0003, one message.
 *
 * Source: RFC 9180, sections 4.1, 5.1 and 6.1.
 */
enum { BOX_KEY_LEN = 32, BOX_TAG_LEN = 16, BOX_OVERHEAD = 48 };

/* What is told outside the message. */
struct box_context {
    const void *info, *aad;
    size_t info_len, aad_len;
};

/* False: no randomness. */
bool box_key_new(uint8_t secret[BOX_KEY_LEN], uint8_t owner[BOX_KEY_LEN]);

/* out: len + BOX_OVERHEAD bytes.  False: no such key, or the library failed. */
bool box_seal(uint8_t *out, const uint8_t owner[BOX_KEY_LEN],
              const struct box_context *c, const void *text, size_t len);

/* out: len - BOX_OVERHEAD bytes.  False: sealed for another key or another
 * context, or changed. */
bool box_open(uint8_t *out, const uint8_t secret[BOX_KEY_LEN],
              const struct box_context *c, const void *sealed, size_t len);

#endif
