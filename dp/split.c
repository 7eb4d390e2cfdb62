#include "dp/split.h"

#include <math.h>
#include <stdbool.h>

/* The power of a_j that its part is proportional to. */
static double power_of(enum dp_notion notion, enum dp_split least)
{
    const bool pure = notion == DP_PURE;
    switch (least) {
    case DP_SPLIT_SUM:
        return pure ? 1.0 / 2 : 2.0 / 3;
    case DP_SPLIT_SQUARES:
        return pure ? 2.0 / 3 : 1;
    case DP_SPLIT_WORST:
        return pure ? 1 : 2;
    }
    return 1;
}

/* The largest a, or 0 when one is outside the domain. */
static double largest(const double *a, size_t n)
{
    double most = 0;
    for (size_t i = 0; i < n; i++) {
        if (!(a[i] >= 0) || !isfinite(a[i]))
            return 0;
        most = fmax(most, a[i]);
    }
    return most;
}

enum dp_status dp_split_price(uint64_t *parts, const double *a, size_t n,
                              uint64_t total, enum dp_notion notion,
                              enum dp_split least)
{
    const double most = largest(a, n), power = power_of(notion, least);
    if (!(most > 0))
        return DP_EDOM;
    long double sum = 0;
    uint64_t paying = 0, left = total;
    size_t top = 0;
    for (size_t i = 0; i < n; i++) {
        sum += powl((long double)a[i] / (long double)most, power);
        paying += a[i] > 0;
        top = a[i] > a[top] ? i : top;
    }
    if (total < paying)
        return DP_ERANGE;

    /* One unit each, the rest in proportion, rounded down; what rounding left
     * goes to the largest part. */
    const long double rest = (long double)(total - paying);
    for (size_t i = 0; i < n; i++) {
        const long double share =
            powl((long double)a[i] / (long double)most, power) / sum;
        uint64_t part = (a[i] > 0) + (uint64_t)floorl(rest * share);
        part = part < left ? part : left;
        parts[i] = part;
        left -= part;
    }
    parts[top] += left;
    return DP_OK;
}
