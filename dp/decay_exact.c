/* The coin of exp(-x) to as many bits as it takes, on OpenSSL's integers. */
#include "dp/decay.h"

#include "dp/big.h"
#include "dp/expo.h"
#include "dp/rng.h"

static BIGNUM *number_of(BN_CTX *ctx, dp_uint v)
{
    BIGNUM *b = dp_big_new(ctx);
    dp_big_append(b, (uint64_t)(v >> 64));
    dp_big_append(b, (uint64_t)v);
    return b;
}

/* a * of * 2^shift against b * times, as BN_cmp. */
static int compare(const BIGNUM *a, const BIGNUM *of, int shift,
                   const BIGNUM *b, const BIGNUM *times, BN_CTX *ctx)
{
    BN_CTX_start(ctx);
    BIGNUM *left = dp_big_new(ctx), *right = dp_big_new(ctx);
    dp_big_must(BN_mul(left, a, of, ctx) && BN_lshift(left, left, shift) &&
                BN_mul(right, b, times, ctx));
    const int order = BN_cmp(left, right);
    BN_CTX_end(ctx);
    return order;
}

/*
 * The uniform number is v 2^-bits or up to 2^-bits above it; a word more of it
 * each round, until both ends lie on one side of the coin's probability.
 */
bool dp_decay_coin_exact(gsl_rng *rng, const struct dp_decay *decay,
                         const struct dp_decay_odds *odds,
                         const uint64_t *first)
{
    DP_BIG_SCOPE(ctx);
    BIGNUM *n = number_of(ctx, odds->d), *q = number_of(ctx, decay->den);
    BIGNUM *times = number_of(ctx, odds->times), *of = number_of(ctx, odds->of);
    BIGNUM *v = dp_big_new(ctx), *next = dp_big_new(ctx);
    BIGNUM *lo = dp_big_new(ctx), *hi = dp_big_new(ctx);
    dp_big_must(BN_mul_word(n, decay->num) &&
                BN_lshift(times, times, (int)odds->shift));

    /* exp(-x) needs the more bits, the more `times` magnifies its error. */
    const int spare = BN_num_bits(times) + 3;
    int bits = 0, heads = -1;
    while (heads < 0) {
        dp_big_append(v, first && bits == 0 ? *first : dp_rng_word(rng));
        bits += 64;
        dp_expo_bounds(lo, hi, n, q, bits + spare);
        dp_big_must(BN_copy(next, v) != NULL && BN_add_word(next, 1));
        if (compare(next, of, spare, lo, times, ctx) <= 0)
            heads = 1;
        else if (compare(v, of, spare, hi, times, ctx) >= 0)
            heads = 0;
    }
    return heads == 1;
}
