/* Bounds on exp(-x) in words; the exact coin behind them is decay_exact.c. */
#include "dp/decay.h"

#include <assert.h>

#include "dp/rng.h"
#include "dp/wide.h"

/* ln 2 * 2^96 and 2^32 / ln 2, both rounded down. */
static const dp_uint LN2 = (dp_uint)0xb17217f7 << 64 | 0xd1cf79abc9e3b398;
static const uint64_t LOG2_E = 0x171547652;

static const uint64_t ONE = UINT64_C(1) << 63;
/* More than twice the error of exp_fraction(), in its units. */
enum { ERROR = 16 };

struct dp_decay dp_decay_of(uint64_t num, dp_uint den)
{
    assert(num >= 1 && num <= DP_DECAY_NUM_MAX);
    assert(den >= 1 && den >> 96 == 0 && num / den < DP_DECAY_FAR);

    /* Long division, a bit at a time, until the quotient has 96 of them. */
    dp_uint rate = num / den, rest = num % den;
    unsigned shift = 0;
    for (; rate >> 95 == 0; shift++) {
        rest *= 2;
        const bool bit = rest >= den;
        rate = rate * 2 + bit;
        rest -= bit ? den : 0;
    }
    return (struct dp_decay){
        .num = num,
        .den = den,
        .far = (DP_DECAY_FAR * den + num - 1) / num,
        .rate = rate,
        .shift = shift,
    };
}

/*
 * x * 2^64, rounded down; x at d = far where d lies beyond.  The product of
 * d < 2^107 and rate < 2^96 by words: the middle two fit one sum.
 */
static dp_uint fixed_point(const struct dp_decay *decay, dp_uint d)
{
    const dp_uint near = d < decay->far ? d : decay->far;
    const uint64_t n0 = (uint64_t)near, n1 = (uint64_t)(near >> 64);
    const uint64_t r0 = (uint64_t)decay->rate;
    const uint64_t r1 = (uint64_t)(decay->rate >> 64);
    const dp_uint middle = (dp_uint)n0 * r1 + (dp_uint)n1 * r0;
    const dp_uint least = (dp_uint)n0 * r0, low = least + (middle << 64);
    const dp_uint high = (dp_uint)n1 * r1 + (middle >> 64) + (low < least);
    const unsigned s = decay->shift - 64; /* 21..127 */
    return high << (128 - s) | low >> s;
}

/*
 * exp(-r) * 2^63 for r * 2^64 <= 0.7 * 2^64: the series by Horner's rule, terms
 * up to r^20.  Seven units are always enough for its error.
 */
static uint64_t exp_fraction(uint64_t r)
{
    static const uint64_t factorial[] = { UINT64_C(2432902008176640000),
                                          UINT64_C(121645100408832000),
                                          UINT64_C(6402373705728000),
                                          UINT64_C(355687428096000),
                                          UINT64_C(20922789888000),
                                          UINT64_C(1307674368000),
                                          UINT64_C(87178291200),
                                          UINT64_C(6227020800),
                                          479001600,
                                          39916800,
                                          3628800,
                                          362880,
                                          40320,
                                          5040,
                                          720,
                                          120,
                                          24,
                                          6,
                                          2,
                                          1,
                                          1 };
    uint64_t y = 0;
    for (size_t i = 0; i < sizeof factorial / sizeof *factorial; i++)
        y = ONE / factorial[i] - (uint64_t)((dp_uint)r * y >> 64);
    return y;
}

static unsigned halvings(dp_uint x)
{
    return (unsigned)(x * LOG2_E >> 96);
}

unsigned dp_decay_halvings(const struct dp_decay *decay, dp_uint d)
{
    return halvings(fixed_point(decay, d));
}

struct dp_decay_bounds dp_decay_bounds(const struct dp_decay *decay, dp_uint d)
{
    const dp_uint x = fixed_point(decay, d);
    const unsigned k = halvings(x);
    const uint64_t y = exp_fraction((uint64_t)(x - (k * LN2 >> 32)));
    return (struct dp_decay_bounds){
        .lo = d < decay->far ? y - ERROR : 0,
        .hi = y < ONE - ERROR ? y + ERROR : ONE,
        .halvings = k,
    };
}

/* w 2^-down, rounded down; `down` may be negative. */
static struct dp_wide shifted(struct dp_wide w, int down)
{
    for (; down <= -63; down += 63)
        w = dp_wide_times(w, UINT64_C(1) << 63);
    if (down <= 0)
        return dp_wide_times(w, UINT64_C(1) << -down);

    struct dp_wide out = { { 0 } };
    const int words = down / 64, bits = down % 64;
    for (int i = 0; i + words < 4; i++) {
        const uint64_t next = i + words < 3 ? w.word[i + words + 1] : 0;
        out.word[i] = w.word[i + words] >> bits;
        if (bits > 0)
            out.word[i] |= next << (64 - bits);
    }
    return out;
}

/*
 * With v the first 64 bits of the uniform number that the coin compares with,
 *   surely true   (v + 1) of <= 2 lo times 2^(shift - halvings)
 *   surely false  v of       >= 2 hi times 2^(shift - halvings)
 * and no side needs more than 225 bits.
 */
bool dp_decay_coin(gsl_rng *rng, const struct dp_decay *decay,
                   const struct dp_decay_odds *odds)
{
    assert(odds->times >= 1 && odds->shift <= 96 && odds->of >= 1 &&
           (odds->of - 1) >> 96 == 0);
    const uint64_t v = dp_rng_word(rng);
    const struct dp_decay_bounds e = dp_decay_bounds(decay, odds->d);
    const int down = (int)e.halvings - (int)odds->shift;
    const struct dp_wide least =
        shifted(dp_wide_product((dp_uint)e.lo * 2, odds->times), down);
    if (dp_wide_cmp(dp_wide_product((dp_uint)v + 1, odds->of), least) <= 0)
        return true;
    const struct dp_wide most =
        shifted(dp_wide_product((dp_uint)e.hi * 2, odds->times), down);
    if (dp_wide_cmp(dp_wide_product(v, odds->of), most) > 0)
        return false;
    return dp_decay_coin_exact(rng, decay, odds, &v);
}

/* Both bounds in units of v, rounded down; one branch, for what they leave
 * open. */
bool dp_decay_plain_coin(gsl_rng *rng, const struct dp_decay *decay, dp_uint d)
{
    const uint64_t v = dp_rng_word(rng);
    const struct dp_decay_bounds e = dp_decay_bounds(decay, d);
    const unsigned down = e.halvings < 127 ? e.halvings : 127;
    const dp_uint least = (dp_uint)e.lo * 2 >> down;
    const dp_uint most = (dp_uint)e.hi * 2 >> down;
    const bool heads = v < least;
    if (__builtin_expect(!heads & (v <= most), 0))
        return dp_decay_coin_exact(
            rng, decay, &(struct dp_decay_odds){ .d = d, .times = 1, .of = 1 },
            &v);
    return heads;
}
