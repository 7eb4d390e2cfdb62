#ifndef DP_BIG_H
#define DP_BIG_H

#include <stdint.h>
#include <stdlib.h>

#include <openssl/bn.h>

/*
 * OpenSSL's integers, for what no fixed width holds.  They fail only without
 * memory; a sampler has no way on then, and the process ends.
 */
static inline void dp_big_must(int ok)
{
    if (!ok)
        abort();
}

/* A scope of temporaries: declare with DP_BIG_SCOPE(ctx), it ends itself. */
static inline BN_CTX *dp_big_begin(void)
{
    BN_CTX *ctx = BN_CTX_new();
    dp_big_must(ctx != NULL);
    BN_CTX_start(ctx);
    return ctx;
}

static inline void dp_big_end(BN_CTX **ctx)
{
    BN_CTX_end(*ctx);
    BN_CTX_free(*ctx);
}
#define DP_BIG_SCOPE(ctx)                                                      \
    __attribute__((cleanup(dp_big_end))) BN_CTX *ctx = dp_big_begin()

/* Zero; borrowed until the scope ends. */
static inline BIGNUM *dp_big_new(BN_CTX *ctx)
{
    BIGNUM *n = BN_CTX_get(ctx);
    dp_big_must(n != NULL);
    return n;
}

/* n = n 2^64 + word. */
static inline void dp_big_append(BIGNUM *n, uint64_t word)
{
    _Static_assert(sizeof(BN_ULONG) == sizeof(uint64_t), "words of 64 bits");
    dp_big_must(BN_lshift(n, n, 64) && BN_add_word(n, word));
}

#endif
