/* Intervals of sums of many readings, and of a part in its total. */
#include "dp/interval.h"

#include <math.h>

#include <gsl/gsl_cdf.h>

#include "dp/init.h"

/* Of the error, what the roundings of Gaussians get. */
static const double ROUNDING = 1e-3;

/* Standard deviation of the continuous law that is rounded. */
static double deviation(const struct dp_mechanism *m)
{
    const double scale = (double)m->num / (double)m->den;
    return m->law == DP_DLAPLACE ? M_SQRT2 * scale : scale;
}

enum dp_status dp_reach_of_total(double *reach, const struct dp_mechanism *m,
                                 size_t n, double level)
{
    if (!dp_mechanism_ok(m) || !(level > 0 && level < 1) || n == 0)
        return DP_EDOM;
    const double alpha = 1 - level;
    if (n == 1) {
        uint64_t k;
        const enum dp_status status = dp_mechanism_quantile(&k, m, alpha);
        if (status == DP_OK)
            *reach = (double)k;
        return status;
    }
    dp_init();
    double c = gsl_cdf_ugaussian_Qinv(alpha * (1 - ROUNDING) / 2);
    if (m->law == DP_DLAPLACE)
        c = fmax(c, -log(alpha) * M_SQRT1_2);
    const double rounding = sqrt(log(2 / (ROUNDING * alpha)) / 2);
    *reach = c * deviation(m) + fmin(sqrt((double)n) / 2, rounding);
    return DP_OK;
}

enum dp_status dp_interval_of_share(struct dp_interval *out,
                                    const struct dp_share *s,
                                    const struct dp_mechanism *m, double level)
{
    double reach = 0;
    const enum dp_status status =
        dp_reach_of_total(&reach, m, s->own + s->rest, level);
    if (status != DP_OK)
        return status;
    const long double a = s->a, t = s->t;
    const long double r2 = (long double)reach * (long double)reach;
    const long double own = r2 * (long double)s->own;
    const long double lead = t * t - r2 * (long double)(s->own + s->rest);
    const long double middle = a * t - own, last = a * a - own;
    *out = (struct dp_interval){ DP_INTERVAL_UNBOUNDED, -HUGE_VAL, HUGE_VAL };
    if (!(lead > t * t * 1e-15L))
        return DP_OK;
    /* a/t itself is in the set, so there are roots. */
    const long double root = sqrtl(fmaxl(0, middle * middle - lead * last));
    const long double lo = (middle - root) / lead, hi = (middle + root) / lead;
    const long double room = 1e-12L * (fabsl(lo) + fabsl(hi));
    *out = (struct dp_interval){ DP_INTERVAL_BOUNDED,
                                 nextafter((double)(lo - room), -HUGE_VAL),
                                 nextafter((double)(hi + room), HUGE_VAL) };
    return DP_OK;
}
