#ifndef LEDGER_SEAL_H
#define LEDGER_SEAL_H

#include <stddef.h>
#include <stdint.h>

#include "server/base/arena.h"
#include "server/base/err.h"

/*
 * What the ledger keeps of answers and questions is encrypted.
 *
 *   "HtS1" || first 4 bytes of SHA-256(key) || nonce (12) || ciphertext || tag
 *
 * AES-256-GCM under a key of the dataset, HMAC-SHA256(key, "halftone answers "
 * || dataset); charge and place are authenticated, so that no answer passes for
 * another.  The nonce is random: far fewer than 2^32 answers are sealed under
 * one key.
 *
 * Keys stand in a file, one in hexadecimal a line.  The first one seals, all of
 * them open: to rotate, put a new line before the others, and remove the old
 * one when what it sealed has expired.  What was stored before there were keys
 * is opened as it is.
 *
 * Source: NIST SP 800-38D; RFC 2104.
 */
enum { SEAL_KEY_LEN = 32, SEAL_KEYS_MAX = 8, SEAL_OVERHEAD = 4 + 4 + 12 + 16 };
enum { SEAL_ANSWER = -1, SEAL_TEXT = -2 }; /* places that are no piece's */

struct seal_keys {
    uint8_t key[SEAL_KEYS_MAX][SEAL_KEY_LEN];
    size_t n; /* 0: nothing is sealed */
};

/* What is sealed: of which charge, and what of it. */
struct seal_of {
    const char *dataset;
    const uint8_t *charge; /* 16 bytes */
    int64_t place;         /* of a piece, or SEAL_ANSWER, SEAL_TEXT */
};

/* ERR_INVALID  not keys; the message names the line, never what is in it */
enum err_code seal_keys_parse(struct seal_keys *out, const char *text,
                              size_t len, struct err *err) MUST_CHECK;

/* *data, *len become the sealed bytes, in the arena.  ERR_LIMIT, ERR_INTERNAL
 */
enum err_code seal(const struct seal_keys *keys, const struct seal_of *of,
                   const uint8_t **data, size_t *len, struct arena *a,
                   struct err *err) MUST_CHECK;

/* The reverse.
 * ERR_INTERNAL  it was changed, or sealed by a key that is not here */
enum err_code unseal(const struct seal_keys *keys, const struct seal_of *of,
                     const uint8_t **data, size_t *len, struct arena *a,
                     struct err *err) MUST_CHECK;

#endif
