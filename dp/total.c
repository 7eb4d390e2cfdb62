#include "dp/total.h"

#include <math.h>

static const double SIGMA_LEAST = 3;

enum dp_status dp_total_of(struct dp_mechanism *out,
                           const struct dp_mechanism *cell, size_t n)
{
    if (!dp_mechanism_ok(cell) || cell->law != DP_DGAUSS || n < 1 ||
        n > DP_TOTAL_MAX)
        return DP_EDOM;
    const long double sigma = (long double)cell->num / cell->den;
    if (sigma < SIGMA_LEAST)
        return DP_EDOM;
    /* Up by more than the square root and the product are off. */
    const long double scale =
        sigma * sqrtl((long double)n) * DP_SCALE_DEN_MAX * (1 + 1e-17L);
    if (n == 1) {
        *out = *cell;
        return DP_OK;
    }
    if (scale >= (long double)DP_SCALE_MAX * DP_SCALE_DEN_MAX)
        return DP_ERANGE;
    *out = (struct dp_mechanism){ DP_DGAUSS, (uint64_t)ceill(scale),
                                  DP_SCALE_DEN_MAX };
    dp_mechanism_reduce(out);
    return DP_OK;
}
