#ifndef CONSENT_PSEUDONYM_H
#define CONSENT_PSEUDONYM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "server/base/err.h"

/*
 * Whom an event is about, without the identifier:
 *
 *   first 16 bytes of HMAC-SHA256(key, population || 00 || identifier)
 *
 * An identifier is bytes: the digits of a number, the lower-case form of a
 * UUID, text as it is.  Who has the register and not the key cannot go from an
 * identifier to its events; nobody goes back from a pseudonym.
 *
 * Keys stand in a file, 64 hexadecimal digits a line, the newest first.  New
 * people get pseudonyms of the first; a person is found under any.  To rotate,
 * put a new line before the others (docs/consent.md).
 *
 * Source: RFC 2104.
 */
enum {
    PSEUDONYM_LEN = 16,
    PSEUDONYM_KEY_LEN = 32,
    PSEUDONYM_KEYS_MAX = 4,
};

struct pseudonym {
    uint8_t bytes[PSEUDONYM_LEN];
};

struct pseudonym_keys {
    uint8_t key[PSEUDONYM_KEYS_MAX][PSEUDONYM_KEY_LEN];
    size_t n;
};

/* ERR_INVALID  not keys; the message names the line, never what is in it */
enum err_code pseudonym_keys_parse(struct pseudonym_keys *out, const char *text,
                                   size_t len, struct err *err) MUST_CHECK;

/* One key made ready for the people of one population: states of the hash after
 * the key's blocks, as OpenSSL's SHA256_CTX. */
struct pseudonym_maker {
    _Alignas(8) unsigned char inner[112], outer[112];
};
void pseudonym_maker_init(struct pseudonym_maker *m,
                          const uint8_t key[PSEUDONYM_KEY_LEN],
                          const char *population);
struct pseudonym pseudonym_of(const struct pseudonym_maker *m, const void *id,
                              size_t len);

#endif
