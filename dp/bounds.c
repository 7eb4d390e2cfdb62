#include "dp/bounds.h"

#include <assert.h>

enum { ZERO = DP_BOUNDS_BUCKETS / 2 };

/* The bits of |value|, at most 63: both signs alike. */
size_t dp_bounds_bucket(int64_t value)
{
    if (value == 0)
        return ZERO;
    const uint64_t size = value < 0 ? -(uint64_t)value : (uint64_t)value;
    size_t bits = 64 - (size_t)__builtin_clzll(size);
    bits = bits > ZERO ? ZERO : bits;
    return value < 0 ? ZERO - bits : ZERO + bits;
}

int64_t dp_bounds_least(size_t bucket)
{
    assert(bucket < DP_BOUNDS_BUCKETS);
    if (bucket == 0)
        return INT64_MIN;
    if (bucket > ZERO)
        return (int64_t)1 << (bucket - ZERO - 1);
    return bucket == ZERO ? 0 : -dp_bounds_greatest(2 * ZERO - bucket);
}

int64_t dp_bounds_greatest(size_t bucket)
{
    assert(bucket < DP_BOUNDS_BUCKETS);
    if (bucket > ZERO)
        return (int64_t)(UINT64_MAX >> (64 - (bucket - ZERO)));
    return bucket == ZERO ? 0 : -((int64_t)1 << (ZERO - bucket - 1));
}

/* The least value and the greatest: ranks 0 and R, moved inward by more
 * than the reach, so that a row is left beyond. */
static const struct dp_quantile least = { 0, 1, 0 }, greatest = { 1, 1, 0 };

enum dp_status dp_bounds_choice(struct dp_choice *out, uint64_t linf,
                                struct dp_price limit, enum dp_notion notion)
{
    const struct dp_price half = { .rho_pico = limit.rho_pico / 2,
                                   .eps_nano = limit.eps_nano / 2 };
    return dp_quantile_choice(out, &least, linf, half, notion);
}

enum dp_status dp_bounds_pick(struct dp_bounds *out,
                              const struct dp_exact count[DP_BOUNDS_BUCKETS],
                              const struct dp_choice *c, double alpha,
                              gsl_rng *rng)
{
    struct dp_exact room[DP_BOUNDS_BUCKETS + 2];
    uint64_t reach;
    enum dp_status status =
        dp_quantile_reach(&reach, c, DP_BOUNDS_BUCKETS, alpha);
    if (status != DP_OK)
        return status;
    const struct dp_quantile low = dp_quantile_high(least, reach + 1),
                             high = dp_quantile_low(greatest, reach + 1);
    size_t from, to;
    status =
        dp_quantile_pick(&from, count, DP_BOUNDS_BUCKETS, &low, c, room, rng);
    if (status == DP_OK)
        status = dp_quantile_pick(&to, count, DP_BOUNDS_BUCKETS, &high, c, room,
                                  rng);
    if (status != DP_OK)
        return status;
    *out = from <= to ? (struct dp_bounds){ dp_bounds_least(from),
                                            dp_bounds_greatest(to) }
                      : (struct dp_bounds){ dp_bounds_least(to),
                                            dp_bounds_greatest(from) };
    return DP_OK;
}
