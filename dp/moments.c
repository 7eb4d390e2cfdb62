#include "dp/moments.h"

#include <assert.h>
#include <math.h>

struct dp_square dp_square_of(uint64_t h, uint64_t most)
{
    assert(h >> 60 == 0 && most >= 1);
    const dp_uint square = (dp_uint)h * h;
    for (unsigned coarse = 0;; coarse++) {
        const dp_uint top = square >> coarse, middle = top / 2;
        if (top - middle <= most)
            return (struct dp_square){ (uint64_t)middle,
                                       (uint64_t)(top - middle), coarse };
    }
}

/*
 * The mean of y^2 in grid steps squared, for a count n and a sum of squares s:
 * what rounding down lost is between 0 and 1 a row, `lost`.
 */
static long double mean_square(const struct dp_moments *m, long double n,
                               long double s, long double lost)
{
    if (m->coarse == 0)
        lost = 0;
    return ldexpl((long double)m->middle + lost + s / n, (int)m->coarse);
}

bool dp_moments_mean(double *out, const struct dp_moments *m)
{
    if (m->count.value.v < 1)
        return false;
    const long double y =
        (long double)m->sum.value.v / (long double)m->count.value.v;
    *out = (double)ldexpl((long double)m->center + y, -(int)m->grid_bits);
    return true;
}

bool dp_moments_variance(double *out, const struct dp_moments *m, bool sample)
{
    const long double n = (long double)m->count.value.v;
    if (n < 1 + sample)
        return false;
    const long double y = (long double)m->sum.value.v / n;
    const long double s = (long double)m->square.value.v;
    const long double v = mean_square(m, n, s, 0.5L) - y * y;
    *out =
        (double)ldexpl(v * (sample ? n / (n - 1) : 1), -2 * (int)m->grid_bits);
    return true;
}

bool dp_moments_deviation(double *out, const struct dp_moments *m, bool sample)
{
    double v;
    if (!dp_moments_variance(&v, m, sample))
        return false;
    *out = v > 0 ? sqrt(v) : 0;
    return true;
}

/* Where the exact number of a reading lies. */
struct range {
    long double lo, hi;
};

static enum dp_status range_of(struct range *out, const struct dp_reading *r,
                               double level)
{
    struct dp_interval i;
    const enum dp_status status = dp_interval_of_value(&i, r, level);
    if (status == DP_OK)
        *out = (struct range){ i.lo, i.hi };
    return status;
}

static struct range square_of(struct range r)
{
    const long double a = r.lo * r.lo, b = r.hi * r.hi;
    return (struct range){ r.lo <= 0 && r.hi >= 0 ? 0 : fminl(a, b),
                           fmaxl(a, b) };
}

/*
 * The population variance is k + p u - r u^2 at u = 1/n, with p the sum of
 * squares and r the square of the sum: at most at the greatest p and least r,
 * and concave in u, so its greatest is at the vertex p / 2r or the end next to
 * it, its least (at the least p and greatest r) at an end.
 */
static struct range variance_in(const struct dp_moments *m, struct range n,
                                struct range sum, struct range square)
{
    const struct range r = square_of(sum);
    const long double p = ldexpl(square.hi, (int)m->coarse);
    const long double vertex = p > 0 ? 2 * r.lo / p : HUGE_VALL;
    const long double at = fminl(fmaxl(vertex, n.lo), n.hi);
    const long double hi = mean_square(m, at, square.hi, 1) - r.lo / (at * at);
    const long double lo =
        fminl(mean_square(m, n.lo, square.lo, 0) - r.hi / (n.lo * n.lo),
              mean_square(m, n.hi, square.lo, 0) - r.hi / (n.hi * n.hi));
    return (struct range){ fmaxl(lo, 0), fmaxl(hi, 0) };
}

enum dp_status dp_moments_variance_interval(struct dp_interval *out,
                                            const struct dp_moments *m,
                                            bool sample, double level)
{
    if (!(level > 0 && level < 1))
        return DP_EDOM;
    const double each = dp_level_of_each(level, 3, DP_JOINT_INDEPENDENT);
    struct range n, sum, square;
    enum dp_status status = range_of(&n, &m->count, each);
    if (status == DP_OK)
        status = range_of(&sum, &m->sum, each);
    if (status == DP_OK)
        status = range_of(&square, &m->square, each);
    if (status != DP_OK)
        return status;

    *out = (struct dp_interval){ DP_INTERVAL_UNBOUNDED, -HUGE_VAL, HUGE_VAL };
    if (n.lo < 1 + sample || !isfinite((double)(n.hi + sum.hi - sum.lo)) ||
        !isfinite((double)(square.hi - square.lo)))
        return DP_OK;
    struct range v = variance_in(m, n, sum, square);
    if (sample) {
        v.lo *= n.hi / (n.hi - 1);
        v.hi *= n.lo / (n.lo - 1);
    }
    /* Outward past the rounding of the subtractions above. */
    const long double room =
        1e-17L * (mean_square(m, n.lo, square.hi, 1) + v.hi + v.lo);
    const int down = -2 * (int)m->grid_bits;
    const double lo = (double)ldexpl(v.lo - fabsl(room), down),
                 hi = (double)ldexpl(v.hi + fabsl(room), down);
    *out = (struct dp_interval){ DP_INTERVAL_BOUNDED,
                                 fmax(nextafter(lo, -HUGE_VAL), 0),
                                 nextafter(hi, HUGE_VAL) };
    return DP_OK;
}

enum dp_status dp_moments_deviation_interval(struct dp_interval *out,
                                             const struct dp_moments *m,
                                             bool sample, double level)
{
    struct dp_interval v;
    const enum dp_status status =
        dp_moments_variance_interval(&v, m, sample, level);
    if (status != DP_OK)
        return status;
    if (v.kind == DP_INTERVAL_BOUNDED) {
        v.lo = fmax(nextafter(sqrt(v.lo), -HUGE_VAL), 0);
        v.hi = nextafter(sqrt(v.hi), HUGE_VAL);
    }
    *out = v;
    return DP_OK;
}
