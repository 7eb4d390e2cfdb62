#ifndef BASE_SIPHASH_H
#define BASE_SIPHASH_H

#include <stddef.h>
#include <stdint.h>

/*
 * SipHash-2-4: a short hash under a secret key, for tables whose names come
 * from outside.  Without the key nobody can choose names that collide.  It is
 * no proof of equality: compare the names, too.
 *
 * source: Aumasson & Bernstein, "SipHash: a fast short-input PRF" (2012).
 */
struct siphash_key {
    uint64_t k0, k1;
};

uint64_t siphash(const struct siphash_key *key, const void *data, size_t len);

#endif
