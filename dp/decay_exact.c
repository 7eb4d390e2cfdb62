/* The coin of exp(-x) to as many bits as it takes, on OpenSSL's integers. */
#include "dp/decay.h"

#include <assert.h>
#include <stdlib.h>

#include <openssl/bn.h>

#include "dp/rng.h"

/* Without memory there is no noise and without noise no answer: abort, as
 * dp/rng.h does without randomness. */
static void must(int ok)
{
    if (!ok)
        abort();
}

static BIGNUM *number(BN_CTX *ctx)
{
    BIGNUM *b = BN_CTX_get(ctx);
    must(b != NULL);
    return b;
}

static void append_word(BIGNUM *b, uint64_t word)
{
    for (int half = 1; half >= 0; half--)
        must(BN_lshift(b, b, 32) &&
             BN_add_word(b, (BN_ULONG)(word >> (32 * half) & UINT32_MAX)));
}

static BIGNUM *number_of(BN_CTX *ctx, dp_uint v)
{
    BIGNUM *b = number(ctx);
    append_word(b, (uint64_t)(v >> 64));
    append_word(b, (uint64_t)v);
    return b;
}

/*
 * exp(-y) 2^bits for y 2^bits to y 2^bits + 1, below 2^(bits - 8): the series,
 * each term rounded down, until a term is 0.  Returns a bound on the error.
 */
static BN_ULONG series(BIGNUM *sum, const BIGNUM *y, int bits, BN_CTX *ctx)
{
    BN_CTX_start(ctx);
    BIGNUM *term = number(ctx);
    must(BN_lshift(term, BN_value_one(), bits) && BN_copy(sum, term) != NULL);
    BN_ULONG i = 0;
    while (!BN_is_zero(term)) {
        i++;
        must(BN_mul(term, term, y, ctx) && BN_rshift(term, term, bits) &&
             BN_div_word(term, i) != (BN_ULONG)-1);
        must(i % 2 ? BN_sub(sum, sum, term) : BN_add(sum, sum, term));
    }
    BN_CTX_end(ctx);
    return 4 * i + 4;
}

/*
 * lo <= exp(-n/q) 2^bits <= hi, hi - lo <= 4: the series at n/q 2^-halvings,
 * below 2^-8, squared as often.  Squaring doubles the error, which `guard` more
 * bits have room for.
 */
static void enclose(BIGNUM *lo, BIGNUM *hi, const BIGNUM *n, const BIGNUM *q,
                    int bits, BN_CTX *ctx)
{
    BN_CTX_start(ctx);
    BIGNUM *y = number(ctx), *s = number(ctx), *error = number(ctx);
    must(BN_div(y, NULL, n, q, ctx));
    if (BN_num_bits(y) > 31 || BN_get_word(y) >= (BN_ULONG)bits) {
        BN_zero(lo); /* exp(-x) < 2^-bits */
        must(BN_one(hi));
    } else {
        const int halvings = BN_num_bits(y) + 8, guard = halvings + 16;
        const int wide = bits + guard;
        assert(wide < 1 << 15);
        must(BN_lshift(y, n, wide - halvings) && BN_div(y, NULL, y, q, ctx));
        must(BN_set_word(error, series(s, y, wide, ctx) + 2));
        for (int i = 0; i < halvings; i++)
            must(BN_sqr(s, s, ctx) && BN_rshift(s, s, wide));
        must(BN_lshift(error, error, halvings));

        must(BN_sub(lo, s, error) && BN_add(hi, s, error));
        if (BN_is_negative(lo))
            BN_zero(lo);
        must(BN_rshift(lo, lo, guard) && BN_rshift(hi, hi, guard) &&
             BN_add_word(hi, 1));
    }
    BN_CTX_end(ctx);
}

/* a * of * 2^shift against b * times, as BN_cmp. */
static int compare(const BIGNUM *a, const BIGNUM *of, int shift,
                   const BIGNUM *b, const BIGNUM *times, BN_CTX *ctx)
{
    BN_CTX_start(ctx);
    BIGNUM *left = number(ctx), *right = number(ctx);
    must(BN_mul(left, a, of, ctx) && BN_lshift(left, left, shift) &&
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
    BN_CTX *ctx = BN_CTX_new();
    must(ctx != NULL);
    BN_CTX_start(ctx);
    BIGNUM *n = number_of(ctx, odds->d), *q = number_of(ctx, decay->den);
    BIGNUM *times = number_of(ctx, odds->times), *of = number_of(ctx, odds->of);
    BIGNUM *v = number(ctx), *next = number(ctx);
    BIGNUM *lo = number(ctx), *hi = number(ctx);
    must(BN_mul_word(n, decay->num) &&
         BN_lshift(times, times, (int)odds->shift));

    /* exp(-x) needs the more bits, the more `times` magnifies its error. */
    const int spare = BN_num_bits(times) + 3;
    int bits = 0, heads = -1;
    while (heads < 0) {
        append_word(v, first && bits == 0 ? *first : dp_rng_word(rng));
        bits += 64;
        enclose(lo, hi, n, q, bits + spare, ctx);
        must(BN_copy(next, v) != NULL && BN_add_word(next, 1));
        if (compare(next, of, spare, lo, times, ctx) <= 0)
            heads = 1;
        else if (compare(v, of, spare, hi, times, ctx) >= 0)
            heads = 0;
    }
    BN_CTX_end(ctx);
    BN_CTX_free(ctx);
    return heads == 1;
}
