#include "dp/dgauss.h"

#include <assert.h>

#include "dp/bernoulli.h"
#include "dp/dlaplace.h"
#include "dp/rng.h"

/* q = whole + part/unit, part < unit: how far a candidate lies from the point
 * where both laws touch, in sigmas. */
struct distance {
    dp_uint whole, part, unit;
};

/*
 * q = | |y| - sigma^2/t | / sigma for |y| = low + t high, in integers.
 *
 * With n = num, d = den and t d = n + e, 0 < e <= d:
 *   q = | high + (high e d t + low d^2 t - n^2) / (n d t) |
 * and every product is below 2^127: n d t < 2^121, low d^2 t < 2^121,
 * n^2 <= 2^120, and high < 2^40 because each unit of it cost a draw.  The
 * fraction is above -1, for n^2 < n d t.
 */
static struct distance distance_of(uint64_t n, uint64_t d, uint64_t t,
                                   dp_uint y)
{
    const dp_uint low = y % t, high = y / t;
    assert(high >> 40 == 0);

    const dp_uint e = (dp_uint)t * d - n, dt = (dp_uint)d * t;
    const dp_uint unit = n * dt;
    const dp_uint plus = (high * e + low * d) * dt, minus = (dp_uint)n * n;
    if (plus >= minus) {
        const dp_uint over = plus - minus;
        return (struct distance){ high + over / unit, over % unit, unit };
    }
    const dp_uint under = minus - plus;
    return high > 0 ? (struct distance){ high - 1, unit - under, unit }
                    : (struct distance){ 0, under, unit };
}

/*
 * True with probability exp(-q^2 / 2), as a product of independent coins:
 *   q^2 / 2 = whole^2 / 2 + whole (part/unit) + (part/unit)^2 / 2.
 * The first failure ends it, so few coins are thrown however far q is.
 */
static bool accept(gsl_rng *rng, const struct distance *q)
{
    for (dp_uint i = 0; i < q->whole * q->whole; i++)
        if (!dp_bernoulli_exp(rng, 1, 2))
            return false;
    for (dp_uint i = 0; i < q->whole; i++)
        if (!dp_bernoulli_exp(rng, q->part, q->unit))
            return false;
    return dp_bernoulli_exp_half_square(rng, q->part, q->unit);
}

dp_int dp_dgauss_sample(gsl_rng *rng, uint64_t num, uint64_t den)
{
    assert(den >= 1 && den <= UINT64_C(1) << 20);
    assert(num >= 1 && num <= den << 40);

    const uint64_t t = num / den + 1;
    for (;;) {
        const dp_int y = dp_dlaplace_sample(rng, t, 1);
        const dp_uint magnitude = (dp_uint)(y < 0 ? -y : y);
        const struct distance q = distance_of(num, den, t, magnitude);
        if (accept(rng, &q))
            return y;
    }
}
