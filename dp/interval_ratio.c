/* Intervals of a quotient, and of a sum, of two readings; those of one value
 * are interval.c. */
#include "dp/interval.h"

#include <math.h>

#include <gsl/gsl_cdf.h>

#include "dp/init.h"

static const struct dp_interval unbounded = { DP_INTERVAL_UNBOUNDED, -HUGE_VAL,
                                              HUGE_VAL };

static struct dp_interval between(long double lo, long double hi)
{
    return (struct dp_interval){ DP_INTERVAL_BOUNDED,
                                 nextafter((double)lo, -HUGE_VAL),
                                 nextafter((double)hi, HUGE_VAL) };
}

/* Variance of the continuous law that, rounded, is at least as wide. */
static long double spread(const struct dp_mechanism *m)
{
    const long double scale = (long double)m->num / (long double)m->den;
    return (m->law == DP_DLAPLACE ? 2 : 1) * scale * scale;
}

/*
 * How many standard deviations a combination X - theta Y stays within, at
 * any theta: the wider of the two laws, plus half a step of rounding for each
 * (by Cauchy and Schwarz at most half of sqrt(1/var X + 1/var Y)).
 */
static long double reach(const struct dp_mechanism *x,
                         const struct dp_mechanism *y, double level)
{
    dp_init();
    const double alpha = 1 - level;
    double c = gsl_cdf_ugaussian_Qinv(alpha / 2);
    if (x->law == DP_DLAPLACE || y->law == DP_DLAPLACE)
        c = fmax(c, -log(alpha) * M_SQRT1_2);
    return c + sqrtl(1 / spread(x) + 1 / spread(y)) / 2;
}

enum dp_status dp_ratio_law_of(struct dp_ratio_law *out,
                               const struct dp_mechanism *num,
                               const struct dp_mechanism *den, double level)
{
    if (!dp_mechanism_ok(num) || !dp_mechanism_ok(den) ||
        !(level > 0 && level < 1))
        return DP_EDOM;
    const long double c = reach(num, den, level);
    *out = (struct dp_ratio_law){ c * c * spread(num), c * c * spread(den) };
    return DP_OK;
}

/*
 * {theta : (a - theta b)^2 <= c^2 (va + theta^2 vb)}: the part between the
 * roots of A theta^2 - 2 B theta + C when A > 0, else without bound.
 */
struct dp_interval dp_ratio_law_interval(const struct dp_ratio_law *law,
                                         struct dp_noisy num,
                                         struct dp_noisy den)
{
    const long double a = (long double)num.v, b = (long double)den.v;
    const long double lead = b * b - law->den, middle = a * b,
                      last = a * a - law->num;
    if (!(lead > b * b * 1e-15L))
        return unbounded;
    /* middle^2 - lead * last without its cancellation; the larger root first,
     * the other from the product of both. */
    const long double root = sqrtl(law->num * lead + law->den * a * a);
    const long double sum = middle < 0 ? middle - root : middle + root;
    const long double far = sum / lead, near = last / sum;
    const long double room = 1e-15L * (fabsl(far) + root / lead);
    return between(fminl(near, far) - room, fmaxl(near, far) + room);
}

/* The derivative of a/b is (1, -a/b) / b; its noise has this many c's. */
struct dp_interval dp_ratio_law_delta(const struct dp_ratio_law *law,
                                      struct dp_noisy num, struct dp_noisy den)
{
    const long double a = (long double)num.v, b = (long double)den.v;
    if (b == 0)
        return unbounded;
    const long double theta = a / b;
    const long double half =
        sqrtl(law->num + theta * theta * law->den) / fabsl(b);
    return between(theta - half, theta + half);
}

enum dp_status dp_sum_law_of(struct dp_sum_law *out,
                             const struct dp_mechanism *a,
                             const struct dp_mechanism *b, double weight,
                             double level)
{
    struct dp_ratio_law law;
    uint64_t k, l;
    const double each = (1 - level) / 2;
    enum dp_status status = dp_ratio_law_of(&law, a, b, level);
    if (status == DP_OK && !isfinite(weight))
        status = DP_EDOM;
    if (status == DP_OK)
        status = dp_mechanism_quantile(&k, a, each);
    if (status == DP_OK)
        status = dp_mechanism_quantile(&l, b, each);
    if (status != DP_OK)
        return status;
    const long double w = fabsl((long double)weight);
    const long double half = fminl(sqrtl(law.num + w * w * law.den),
                                   (long double)k + w * (long double)l);
    *out = (struct dp_sum_law){ weight, nextafter((double)half, HUGE_VAL) };
    return DP_OK;
}

struct dp_interval dp_sum_law_interval(const struct dp_sum_law *law,
                                       struct dp_noisy a, struct dp_noisy b)
{
    const long double part = (long double)law->weight * (long double)b.v,
                      sum = (long double)a.v + part;
    const long double room = 1e-18L * (fabsl(sum) + fabsl(part) + law->half);
    return between(sum - law->half - room, sum + law->half + room);
}

enum dp_status dp_interval_of_ratio(struct dp_interval *out,
                                    const struct dp_reading *num,
                                    const struct dp_reading *den, double level)
{
    struct dp_ratio_law law;
    const enum dp_status status =
        dp_ratio_law_of(&law, &num->noise, &den->noise, level);
    if (status == DP_OK)
        *out = dp_ratio_law_interval(&law, num->value, den->value);
    return status;
}
