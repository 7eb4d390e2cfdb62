/* The functions below EVP, which need neither a look-up nor memory. */
#define OPENSSL_API_COMPAT 0x10100000L

#include "server/audit/sha256.h"

#include <openssl/sha.h>

void sha256_of(uint8_t out[SHA256_LEN], const void *a, size_t a_len,
               const void *b, size_t b_len)
{
    SHA256_CTX ctx;
    (void)SHA256_Init(&ctx);
    (void)SHA256_Update(&ctx, a, a_len);
    (void)SHA256_Update(&ctx, b, b_len);
    (void)SHA256_Final(out, &ctx);
}
