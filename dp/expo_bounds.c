/* exp(-n/d) to any precision; the form in 63 bits is expo.c. */
#include <assert.h>

#include "dp/big.h"
#include "dp/expo.h"

/* p = 2^bits exp(-r 2^-bits), r at most 2^(bits - 1), by the alternating
 * series; each term is rounded down from the last one. */
static void sum_series(BIGNUM *p, const BIGNUM *r, int bits, BN_CTX *ctx)
{
    BIGNUM *term = dp_big_new(ctx);
    dp_big_must(BN_set_bit(term, bits) && BN_copy(p, term) != NULL);
    for (unsigned k = 1; !BN_is_zero(term); k++) {
        dp_big_must(BN_mul(term, term, r, ctx) && BN_rshift(term, term, bits));
        dp_big_must(BN_div_word(term, k) != (BN_ULONG)-1);
        dp_big_must(k % 2 == 1 ? BN_sub(p, p, term) : BN_add(p, p, term));
    }
}

/* The series at n/d 2^-halvings < 1/2, squared `halvings` times. */
void dp_expo_bounds(BIGNUM *lo, BIGNUM *hi, const BIGNUM *n, const BIGNUM *d,
                    int bits)
{
    enum { GUARD = 64 };
    assert(bits >= 1 && bits <= 1 << 21);
    assert(!BN_is_negative(n) && !BN_is_negative(d) && !BN_is_zero(d));

    DP_BIG_SCOPE(ctx);
    BIGNUM *r = dp_big_new(ctx), *p = dp_big_new(ctx), *unit = dp_big_new(ctx);
    dp_big_must(BN_div(p, NULL, n, d, ctx));

    BN_zero(lo);
    BN_zero(hi);
    if (BN_is_zero(n)) {
        dp_big_must(BN_set_bit(lo, bits) && BN_set_bit(hi, bits));
        return;
    }
    if (BN_num_bits(p) > 32 || BN_get_word(p) >= (BN_ULONG)bits) {
        dp_big_must(BN_one(hi)); /* exp(-bits) < 2^-bits */
        return;
    }

    const int halvings = BN_num_bits(p) + 1, wide = bits + GUARD;
    dp_big_must(BN_lshift(r, n, wide) && BN_div(r, NULL, r, d, ctx));
    dp_big_must(BN_rshift(r, r, halvings));
    sum_series(p, r, wide, ctx);
    for (int i = 0; i < halvings; i++)
        dp_big_must(BN_sqr(p, p, ctx) && BN_rshift(p, p, wide));

    /* p is off by less than a quarter of the unit asked for. */
    dp_big_must(BN_set_bit(unit, GUARD - 2));
    dp_big_must(BN_add(r, p, unit) && BN_rshift(hi, r, GUARD) &&
                BN_add_word(hi, 1));
    if (BN_cmp(p, unit) > 0)
        dp_big_must(BN_sub(r, p, unit) && BN_rshift(lo, r, GUARD));
}
