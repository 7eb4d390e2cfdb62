#include "dp/select.h"

#include <math.h>

/* Does a threshold of t keep a group of one person with probability <= p? */
static bool hides_one(const struct dp_mechanism *people, uint64_t t, double p)
{
    double tail;
    return dp_mechanism_tail(&tail, people, (dp_int)t - 1) == DP_OK &&
           tail <= p;
}

double dp_threshold_share(uint32_t l0, double delta)
{
    /* -expm1(log1p(-d)/l0) to a few ulps, then down past them. */
    const long double p =
        -expm1l(log1pl(-(long double)delta) / (long double)l0);
    return nextafter((double)(p * (1 - 1e-15L)), 0);
}

enum dp_status dp_threshold_of(struct dp_threshold *out,
                               const struct dp_mechanism *people, uint32_t l0,
                               double delta, uint64_t floor)
{
    if (!dp_mechanism_ok(people) || l0 < 1 || !(delta > 0 && delta < 1) ||
        floor >> 62)
        return DP_EDOM;
    const double p = dp_threshold_share(l0, delta);

    if (hides_one(people, floor, p)) {
        *out = (struct dp_threshold){ .above = floor };
        return DP_OK;
    }
    /* invariant: `lo` does not hide, `hi` does.  p is at least 2^-1075 / 2^32,
     * so a step of 2^52 is past every tail. */
    uint64_t lo = floor, step = 1;
    while (step <= UINT64_C(1) << 52 && !hides_one(people, floor + step, p)) {
        lo = floor + step;
        step *= 2;
    }
    if (step > UINT64_C(1) << 52)
        return DP_ERANGE;
    uint64_t hi = floor + step;
    while (hi - lo > 1) {
        const uint64_t mid = lo + (hi - lo) / 2;
        if (hides_one(people, mid, p))
            hi = mid;
        else
            lo = mid;
    }
    *out = (struct dp_threshold){ .above = hi };
    return DP_OK;
}

enum dp_status dp_threshold_raise(struct dp_threshold *t, uint64_t least)
{
    const uint64_t by = least > 1 ? least - 1 : 0;
    if (least >> 62 || (t->above + by) >> 62)
        return DP_ERANGE;
    *t = (struct dp_threshold){ t->above + by, least };
    return DP_OK;
}

bool dp_threshold_shows(struct dp_threshold t, struct dp_exact people,
                        struct dp_noisy n)
{
    return people.touched >= (dp_int)t.least && dp_threshold_keeps(t, n);
}
