/* Thresholds of the continuous laws and of discrete Laplace at any scale, for
 * comparison; those of the noise drawn here are select.c. */
#include "dp/select.h"

#include <math.h>

#include <gsl/gsl_cdf.h>

#include "dp/dlaplace.h"
#include "dp/init.h"

static bool in_domain(double scale_is, double delta, uint32_t l0)
{
    return scale_is > 0 && isfinite(scale_is) && delta > 0 && delta < 1 &&
           l0 >= 1;
}

/* The quantile of a continuous law that one person's 1 must not pass. */
enum dp_status dp_threshold_laplace(double *above, double eps, double delta,
                                    uint32_t l0)
{
    if (!in_domain(eps, delta, l0))
        return DP_EDOM;
    const long double p = dp_threshold_share(l0, delta),
                      b = (long double)l0 / eps;
    *above = (double)(1 + b * (p <= 0.5L ? -logl(2 * p) : log1pl(1 - 2 * p)));
    return DP_OK;
}

enum dp_status dp_threshold_gaussian(double *above, double sigma, double delta,
                                     uint32_t l0)
{
    if (!in_domain(sigma, delta, l0))
        return DP_EDOM;
    dp_init();
    *above = 1 + sigma * gsl_cdf_ugaussian_Qinv(dp_threshold_share(l0, delta));
    return DP_OK;
}

/*
 * Least integer T with P[1 + X >= T] <= p.  From T = 1 on the tail is
 * q^(T-1) / (1 + q), q = e^(-1/t); below, by symmetry, 1 - q^(2-T) / (1 + q).
 */
enum dp_status dp_threshold_dlaplace(double *from, double eps, double delta,
                                     uint32_t l0)
{
    if (!in_domain(eps, delta, l0))
        return DP_EDOM;
    const long double p = dp_threshold_share(l0, delta),
                      t = (long double)l0 / eps, q = expl(-1 / t);
    if (p * (1 + q) <= 1)
        *from = (double)(1 + ceill(-t * logl(p * (1 + q))));
    else
        *from = (double)(2 - floorl(-t * logl((1 - p) * (1 + q))));
    return DP_OK;
}
