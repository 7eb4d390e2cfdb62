#include "dp/weight.h"

#include "dp/expo.h"
#include "dp/rng.h"

/* Distances from 0 are fixed-point here, with this many fractional bits. */
enum { POINT = 58 };
#define STEP ((dp_uint)1 << POINT)

/*
 * The weight at every distance in [y, y + blur] 2^-POINT, blur 0 or 1.  With
 * z = distance den / num, the exponent is z or z^2 / 2; from z = 64 on the
 * weight is below one unit.
 */
static struct dp_weight weight_over(const struct dp_mechanism *m, dp_uint y,
                                    unsigned blur)
{
    static const struct dp_weight far = { 0, 1 };
    if ((y >> POINT) * m->den >= (dp_uint)64 * m->num)
        return far;
    const dp_uint z = y * m->den / m->num;
    if (z >> POINT >= 64)
        return far;
    const uint64_t p =
        dp_expo(m->law == DP_DLAPLACE ? z << (63 - POINT)
                                      : z * z >> (2 * POINT - 63 + 1));

    /* z is less than 1 + blur den/num too low, the square less than a unit, and
     * no weight falls faster than z rises. */
    const uint64_t low = 1 + blur * (m->den / m->num + 1);
    const uint64_t slack = (low << (63 - POINT)) + 1 + DP_EXPO_ERROR;
    return (struct dp_weight){
        .lo = p > slack ? p - slack : 0,
        .hi = p + DP_EXPO_ERROR < DP_EXPO_ONE ? p + DP_EXPO_ERROR : DP_EXPO_ONE,
    };
}

struct dp_weight dp_weight_at(const struct dp_mechanism *m, uint64_t distance)
{
    return weight_over(m, distance * STEP, 0);
}

bool dp_weight_accepts(const struct dp_mechanism *m, gsl_rng *rng, int64_t x,
                       const struct dp_strip *strip)
{
    const bool cell = m->law == DP_RGAUSS;
    const struct dp_point point = {
        .height = dp_rng_word(rng),
        .place = cell ? dp_rng_word(rng) : 0,
    };
    const dp_uint y =
        dp_weight_distance(m, x) * STEP + (point.place >> (64 - POINT));
    const struct dp_weight w = weight_over(m, y, cell);

    /* height 2^-64 spread 2^-level against unit f - sure, in units of 2^-64;
     * all sides are below 2^122. */
    enum { LEVEL_MAX = 32 };
    if (strip->level <= LEVEL_MAX) {
        const dp_int sure = (dp_int)strip->sure << 63;
        const dp_int lo = (dp_int)strip->unit * w.lo - sure,
                     hi = (dp_int)strip->unit * w.hi - sure;
        const dp_int height = (dp_int)point.height * strip->spread;
        if (lo > 0 && height + strip->spread <= lo << (strip->level + 1))
            return true;
        if (hi <= 0 || height >= hi << (strip->level + 1))
            return false;
    }
    return dp_weight_refine(m, rng, x, strip, point);
}
