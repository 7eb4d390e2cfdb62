/* The coin of weight.c when 64 bits do not decide. */
#include "dp/big.h"
#include "dp/expo.h"
#include "dp/rng.h"
#include "dp/weight.h"

/*
 * Distances from 0, in units of 2^-point, between which the point lies: x's own
 * for laws on integers; for DP_RGAUSS what `bits` bits of the place in x's cell
 * say.
 */
struct distance {
    BIGNUM *near, *far;
    int point;
};

static void find_distance(struct distance *out, const struct dp_mechanism *m,
                          int64_t x, const BIGNUM *place, int bits)
{
    const bool cell = m->law == DP_RGAUSS;
    out->point = cell ? bits : 0;
    dp_big_must(BN_set_word(out->near, dp_weight_distance(m, x)) &&
                BN_lshift(out->near, out->near, out->point) &&
                BN_add(out->near, out->near, place));
    dp_big_must(BN_copy(out->far, out->near) != NULL &&
                BN_add_word(out->far, cell));
}

/* The exponent at distance y 2^-point as a quotient n/d: y den / (2^point num),
 * or half its square. */
static void find_exponent(BIGNUM *n, BIGNUM *d, const struct dp_mechanism *m,
                          const BIGNUM *y, int point, BN_CTX *ctx)
{
    dp_big_must(BN_copy(n, y) != NULL && BN_mul_word(n, m->den));
    dp_big_must(BN_set_word(d, m->num) && BN_lshift(d, d, point));
    if (m->law != DP_DLAPLACE)
        dp_big_must(BN_sqr(n, n, ctx) && BN_sqr(d, d, ctx) && BN_lshift1(d, d));
}

/* w = (unit w - sure 2^bits) 2^level. */
static void find_height(BIGNUM *w, const struct dp_strip *strip, int bits,
                        BIGNUM *scratch)
{
    dp_big_must(BN_mul_word(w, strip->unit));
    dp_big_must(BN_set_word(scratch, strip->sure) &&
                BN_lshift(scratch, scratch, bits));
    dp_big_must(BN_sub(w, w, scratch) && BN_lshift(w, w, (int)strip->level));
}

/*
 * Loop invariant: the height drawn lies in [height, height + 1] spread 2^-bits.
 * The weight is least at the far end of the distances, greatest at the near;
 * it is found to so many bits more that the height's are what decides.
 */
bool dp_weight_refine(const struct dp_mechanism *m, gsl_rng *rng, int64_t x,
                      const struct dp_strip *strip, struct dp_point first)
{
    DP_BIG_SCOPE(ctx);
    BIGNUM *height = dp_big_new(ctx), *place = dp_big_new(ctx),
           *low = dp_big_new(ctx), *high = dp_big_new(ctx),
           *n = dp_big_new(ctx), *d = dp_big_new(ctx),
           *scratch = dp_big_new(ctx);
    struct distance at = { dp_big_new(ctx), dp_big_new(ctx), 0 };
    const int more = 32 + (int)strip->level;

    dp_big_append(height, first.height);
    dp_big_append(place, m->law == DP_RGAUSS ? first.place : 0);
    for (int bits = 64;; bits += 64) {
        find_distance(&at, m, x, place, bits);
        find_exponent(n, d, m, at.far, at.point, ctx);
        dp_expo_bounds(low, scratch, n, d, bits + more);
        find_exponent(n, d, m, at.near, at.point, ctx);
        dp_expo_bounds(scratch, high, n, d, bits + more);
        find_height(low, strip, bits + more, scratch);
        find_height(high, strip, bits + more, scratch);

        dp_big_must(BN_lshift(n, height, more) &&
                    BN_mul_word(n, strip->spread));
        if (BN_cmp(n, high) >= 0)
            return false;
        dp_big_must(BN_set_word(d, strip->spread) && BN_lshift(d, d, more) &&
                    BN_add(n, n, d));
        if (BN_cmp(n, low) <= 0)
            return true;

        dp_big_append(height, dp_rng_word(rng));
        if (m->law == DP_RGAUSS)
            dp_big_append(place, dp_rng_word(rng));
    }
}
