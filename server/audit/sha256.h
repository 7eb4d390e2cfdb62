#ifndef AUDIT_SHA256_H
#define AUDIT_SHA256_H

#include <stddef.h>
#include <stdint.h>

/*
 * SHA-256 of two parts, one after the other, for what is hashed by the hundred
 * thousand: OpenSSL's EVP looks its algorithm up and allocates each time, which
 * costs three times what a leaf's hash does.
 *
 * Source: FIPS 180-4.
 */
enum { SHA256_LEN = 32 };
void sha256_of(uint8_t out[SHA256_LEN], const void *a, size_t a_len,
               const void *b, size_t b_len);

#endif
