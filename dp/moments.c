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
    if (m->count.v < 1)
        return false;
    const long double y = (long double)m->sum.v / (long double)m->count.v;
    *out = (double)ldexpl((long double)m->center + y, -(int)m->grid_bits);
    return true;
}

bool dp_moments_variance(double *out, const struct dp_moments *m, bool sample)
{
    const long double n = (long double)m->count.v;
    if (n < 1 + sample)
        return false;
    const long double y = (long double)m->sum.v / n;
    const long double s = (long double)m->square.v;
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

enum dp_status dp_moments_law_of(struct dp_moments_law *out,
                                 const struct dp_mechanism *count,
                                 const struct dp_mechanism *sum,
                                 const struct dp_mechanism *square,
                                 double level)
{
    if (!(level > 0 && level < 1))
        return DP_EDOM;
    const double alpha = 1 - dp_level_of_each(level, 3, DP_JOINT_INDEPENDENT);
    struct dp_moments_law law;
    enum dp_status status = dp_mechanism_quantile(&law.count, count, alpha);
    if (status == DP_OK)
        status = dp_mechanism_quantile(&law.sum, sum, alpha);
    if (status == DP_OK)
        status = dp_mechanism_quantile(&law.square, square, alpha);
    if (status == DP_OK)
        *out = law;
    return status;
}

/* Where an exact number lies; without bound beside the ends of the type, where
 * the noisy one may have been cut. */
struct range {
    long double lo, hi;
};

static struct range range_of(struct dp_noisy v, uint64_t k)
{
    if (v.v == DP_INT_MAX || v.v == DP_INT_MIN)
        return (struct range){ -HUGE_VALL, HUGE_VALL };
    return (struct range){ (long double)v.v - (long double)k,
                           (long double)v.v + (long double)k };
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

struct dp_interval dp_moments_law_variance(const struct dp_moments_law *law,
                                           const struct dp_moments *m,
                                           bool sample)
{
    const struct range n = range_of(m->count, law->count),
                       sum = range_of(m->sum, law->sum),
                       square = range_of(m->square, law->square);
    if (n.lo < 1 + sample || isinf(n.hi) || isinf(sum.hi) || isinf(square.hi))
        return (struct dp_interval){ DP_INTERVAL_UNBOUNDED, -HUGE_VAL,
                                     HUGE_VAL };
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
    return (struct dp_interval){ DP_INTERVAL_BOUNDED,
                                 fmax(nextafter(lo, -HUGE_VAL), 0),
                                 nextafter(hi, HUGE_VAL) };
}

struct dp_interval dp_moments_law_deviation(const struct dp_moments_law *law,
                                            const struct dp_moments *m,
                                            bool sample)
{
    struct dp_interval v = dp_moments_law_variance(law, m, sample);
    if (v.kind == DP_INTERVAL_BOUNDED) {
        v.lo = fmax(nextafter(sqrt(v.lo), -HUGE_VAL), 0);
        v.hi = nextafter(sqrt(v.hi), HUGE_VAL);
    }
    return v;
}
