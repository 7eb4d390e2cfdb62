#include "dp/gauss.h"

#include <math.h>
#include <stdbool.h>

#include <gsl/gsl_cdf.h>

#include "dp/init.h"
#include "dp/mills.h"

/*
 * With b = a + mu, e^eps density(b) = density(a), so
 *
 *   delta = density(a) D,  D = M(a) - M(b),  M Mills' ratio,
 *
 * and the derivatives are as short: d ln delta / d mu = 1/D,
 * d ln delta / d eps = -M(b)/D.  Both make ln delta concave, so Newton's steps
 * towards a larger mu or a smaller eps never pass the root.
 */
struct point {
    long double a, b, between, log_delta;
};

static struct point point_of(long double mu, long double eps)
{
    struct point p = { .a = eps / mu - mu / 2 };
    p.b = p.a + mu;
    p.between = dp_mills_between(p.a, mu);
    p.log_delta = dp_mills_log_density(p.a) + logl(p.between);
    return p;
}

/* More than the error of log_delta: 16 ulps of its largest part. */
static long double slack(const struct point *p)
{
    return (2 + p->a * p->a + fabsl(p->log_delta)) * 0x1p-60L;
}

static bool surely_at_most(long double mu, long double eps,
                           long double log_delta)
{
    const struct point p = point_of(mu, eps);
    return p.log_delta + slack(&p) <= log_delta;
}

enum {
    STEPS_MAX = 200, /* Newton; 4 to 8 are usual */
    DOWN_MAX = 40,   /* doublings of the last step away from the root */
};
#define FIRST_STEP 0x1p-62L

static bool in_domain(double eps, double delta)
{
    return eps >= 0 && eps <= 1e12 && delta > 0 && delta < 1;
}

/*
 * A mu below the root: delta <= Q(a), and delta <= its value at eps 0.  The
 * first is -z + sqrt(z^2 + 2 eps), z the normal quantile, without cancellation.
 */
static long double mu_below(double eps, double delta)
{
    dp_init();
    const long double z = (long double)gsl_cdf_ugaussian_Qinv(delta);
    const long double s = sqrtl(z * z + 2 * (long double)eps);
    const long double by_tail = z > 0 ? 2 * eps / (z + s) : s - z;
    const long double by_zero =
        delta < 1e-8 ? delta * 2.5066L
                     : 2 * (long double)gsl_cdf_ugaussian_Pinv((1 + delta) / 2);
    return fmaxl(by_tail, by_zero) * (1 - 1e-12L);
}

/* mu with ln delta(mu) = log_delta to a few ulps of extended precision. */
static enum dp_status solve_mu(long double *mu, double eps, double delta,
                               long double log_delta)
{
    long double m = mu_below(eps, delta);
    for (int i = 0; i < STEPS_MAX; i++) {
        const struct point p = point_of(m, eps);
        const long double miss = p.log_delta - log_delta;
        /* Halley: the second derivative is -(1 - a b D / mu) / D^2. */
        const long double bend = 1 + miss * (1 - p.a * p.b * p.between / m) / 2;
        const long double step = -miss * p.between / (bend > 0.5L ? bend : 1);
        m += step;
        if (!(m > 0))
            return DP_ENOCONV;
        if (fabsl(step) <= m * 1e-15L || fabsl(miss) <= slack(&p)) {
            *mu = m;
            return DP_OK;
        }
    }
    return DP_ENOCONV;
}

/* The same, rounded down until delta(mu) is surely within. */
static enum dp_status mu_within(long double *mu, double eps, double delta)
{
    const long double log_delta = logl((long double)delta) * (1 + 0x1p-62L);
    const enum dp_status status = solve_mu(mu, eps, delta, log_delta);
    if (status != DP_OK)
        return status;
    long double step = FIRST_STEP;
    for (int i = 0; i < DOWN_MAX; i++, step *= 2) {
        *mu *= 1 - step;
        if (surely_at_most(*mu, eps, log_delta))
            return DP_OK;
    }
    return DP_ENOCONV;
}

enum dp_status dp_gauss_mu(double *mu, double eps, double delta)
{
    if (!in_domain(eps, delta))
        return DP_EDOM;
    long double m;
    const enum dp_status status = mu_within(&m, eps, delta);
    if (status == DP_OK)
        *mu = nextafter((double)m, 0);
    return status;
}

enum dp_status dp_gauss_sigma(double *sigma, double eps, double delta,
                              double sensitivity)
{
    if (!in_domain(eps, delta) || !(sensitivity > 0) || !isfinite(sensitivity))
        return DP_EDOM;
    long double mu;
    const enum dp_status status = mu_within(&mu, eps, delta);
    if (status != DP_OK)
        return status;
    const double s = (double)((long double)sensitivity / mu);
    if (!isfinite(s) || s < 0x1p-1000)
        return DP_ERANGE;
    *sigma = nextafter(s, HUGE_VAL);
    return DP_OK;
}

static bool mu_ok(double mu)
{
    return mu >= 1e-305 && mu <= 1e6;
}

/* From the right: at a = z, Q(a) alone is delta. */
static enum dp_status solve_eps(long double *eps, double mu, double delta,
                                long double log_delta)
{
    dp_init();
    const long double z = (long double)gsl_cdf_ugaussian_Qinv(delta);
    long double e = (mu * z + (long double)mu * mu / 2) * (1 + 1e-12L);
    for (int i = 0; i < STEPS_MAX && e > 0; i++) {
        const struct point p = point_of(mu, e);
        const long double miss = p.log_delta - log_delta;
        const long double step = miss * p.between / dp_mills(p.b);
        e += step;
        if (fabsl(step) <= e * 1e-16L || fabsl(miss) <= slack(&p)) {
            *eps = e;
            return DP_OK;
        }
    }
    *eps = 0;
    return e > 0 ? DP_ENOCONV : DP_OK;
}

enum dp_status dp_gauss_eps(double *eps, double mu, double delta)
{
    if (!mu_ok(mu) || !in_domain(0, delta))
        return DP_EDOM;
    const long double log_delta = logl((long double)delta) * (1 + 0x1p-62L);
    if (surely_at_most(mu, 0, log_delta)) {
        *eps = 0;
        return DP_OK;
    }
    long double e;
    const enum dp_status status = solve_eps(&e, mu, delta, log_delta);
    if (status != DP_OK)
        return status;
    long double step = FIRST_STEP;
    for (int i = 0; i < DOWN_MAX; i++, step *= 2) {
        e += (e + (long double)mu * mu) * step;
        if (surely_at_most(mu, e, log_delta)) {
            *eps = nextafter((double)e, HUGE_VAL);
            return DP_OK;
        }
    }
    return DP_ENOCONV;
}

enum dp_status dp_gauss_delta(double *delta, double mu, double eps)
{
    if (!mu_ok(mu) || !in_domain(eps, 0.5))
        return DP_EDOM;
    const struct point p = point_of(mu, eps);
    const long double d = expl(p.log_delta + slack(&p));
    *delta = d < 1 ? nextafter((double)d, 1) : 1;
    return DP_OK;
}
