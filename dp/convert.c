#include "dp/convert.h"

#include <math.h>
#include <stdbool.h>

#include "dp/root.h"

/*
 * Everything is written in b = a - 1 and solved in x = ln b, with
 * l = ln(1/delta).  Expressions are in extended precision; SLACK, relative to
 * the largest term, covers their rounding.
 */
#define SLACK 0x1p-58L

struct problem {
    double rho, eps, l;
};

/* ln(1 + 1/b) without overflow for small b. */
static long double log1p_inverse(long double b)
{
    return b < 1 ? log1pl(b) - logl(b) : log1pl(1 / b);
}

/*
 * The epsilon that order a = 1 + b proves, rounded up; negative values mean
 * that delta is met with room to spare at epsilon 0.
 */
static long double eps_of_divergence(long double b, long double first, double l)
{
    const long double third = log1p_inverse(b);
    const long double fourth = log1pl(b) / b, second = l / b;
    return first + second - fourth - third +
           (first + second + fourth + third) * SLACK;
}

static long double eps_at(long double b, double rho, double l)
{
    return eps_of_divergence(b, (1 + b) * rho, l);
}

/* Zero where a is best for (rho, delta). */
static double eps_condition(double x, void *ctx)
{
    const struct problem *p = ctx;
    const long double b = expl(x);
    return (double)(b * b * p->rho + log1pl(b) - p->l);
}

static enum dp_status least_eps(long double *eps, double rho, double l)
{
    /* At lo each term is at most l/2; at hi one of them alone reaches l. */
    struct problem p = { .rho = rho, .l = l };
    const double lo = fmin((log(l / 2) - log(rho)) / 2, log(l / 2)) - 1e-9;
    const double hi =
        fmin((log(l) - log(rho)) / 2, (double)logl(expm1l(l))) + 1e-9;
    double x;
    const enum dp_status status = dp_root(&x, eps_condition, &p, lo, hi);
    if (status == DP_OK)
        *eps = eps_at(expl(x), rho, l);
    return status;
}

static bool in_domain(double x, double delta)
{
    return x >= 0 && isfinite(x) && delta > 0 && delta < 1;
}

static double log_inverse(double delta)
{
    return -log(delta) * (1 + 4e-16); /* larger is safe */
}

enum dp_status dp_eps_of_rho(double *eps, double rho, double delta)
{
    if (!in_domain(rho, delta))
        return DP_EDOM;
    if (rho == 0) {
        *eps = 0;
        return DP_OK;
    }
    long double e;
    const enum dp_status status = least_eps(&e, rho, log_inverse(delta));
    if (status == DP_OK)
        *eps = e > 0 ? nextafter((double)e, HUGE_VAL) : 0;
    return status;
}

enum dp_status dp_eps_of_renyi(double *eps, double order, double divergence,
                               double delta)
{
    if (!in_domain(divergence, delta) || !(order > 1) || !isfinite(order))
        return DP_EDOM;
    const long double e = eps_of_divergence((long double)order - 1, divergence,
                                            log_inverse(delta));
    *eps = e > 0 ? nextafter((double)e, HUGE_VAL) : 0;
    return DP_OK;
}

/* x^2/2, rounded up; not 0 unless x is. */
static double half_square(double x)
{
    const double rho = x * (x / 2);
    return x > 0 ? nextafter(rho, HUGE_VAL) : 0;
}

double dp_rho_of_pure(double eps)
{
    return half_square(eps);
}

double dp_rho_of_gdp(double mu)
{
    return half_square(mu);
}

/* The rho for which 1 + b is the best order at delta. */
static long double rho_at(long double b, double l)
{
    return (l - log1pl(b)) / (b * b);
}

/* Falls with x: the best order's own epsilon, minus the one asked for. */
static double rho_condition(double x, void *ctx)
{
    const struct problem *p = ctx;
    const long double b = expl(x);
    return (double)(eps_at(b, (double)rho_at(b, p->l), p->l) - p->eps);
}

enum dp_status dp_rho_of_eps(double *rho, double eps, double delta)
{
    if (!in_domain(eps, delta))
        return DP_EDOM;

    /* At lo, l/(2 b^2) is above eps + 1/b; at hi rho is 0. */
    struct problem p = { .eps = eps, .l = log_inverse(delta) };
    double lo = log(p.l / 4);
    if (eps > 0)
        lo = fmin(lo, log(p.l / (4 * eps)) / 2);
    double x;
    enum dp_status status = dp_root(&x, rho_condition, &p, lo - 1e-9,
                                    (double)logl(expm1l(p.l)) - 1e-12);
    if (status != DP_OK)
        return status;

    /* Step down until the conversion upwards agrees. */
    double r = (double)rho_at(expl(x), p.l);
    for (double step = 1e-15; step < 1e-10; step *= 2, r *= 1 - step) {
        double back;
        status = dp_eps_of_rho(&back, r, delta);
        if (status != DP_OK)
            return status;
        if (back <= eps) {
            *rho = r;
            return DP_OK;
        }
    }
    return DP_ENOCONV;
}

/* ln delta at order 1 + b, and its derivative's zero. */
static long double log_delta_at(long double b, const struct problem *p)
{
    const long double first = b * (1 + b) * p->rho, second = b * p->eps;
    const long double third = (1 + b) * log1p_inverse(b), fourth = logl(b);
    return first - second - third - fourth +
           (first + second + third + fabsl(fourth)) * SLACK;
}

static double delta_condition(double x, void *ctx)
{
    const struct problem *p = ctx;
    const long double b = expl(x);
    return (double)((1 + 2 * b) * p->rho - p->eps - log1p_inverse(b));
}

enum dp_status dp_delta_of_rho(double *delta, double rho, double eps)
{
    if (!in_domain(eps, 0.5) || !in_domain(rho, 0.5))
        return DP_EDOM;
    if (rho == 0) {
        *delta = 0;
        return DP_OK;
    }
    /* At lo, b <= 1 and ln(1 + 1/b) >= 3 rho; at hi, b >= 1 and
     * 2 b rho >= eps + 1. */
    struct problem p = { .rho = rho, .eps = eps };
    const double lo = fmin(-1, -3 * rho);
    const double hi = fmax(0, log(eps + 1) - log(rho)) + 1e-9;
    double x;
    const enum dp_status status = dp_root(&x, delta_condition, &p, lo, hi);
    if (status != DP_OK)
        return status;
    const long double d = expl(log_delta_at(expl(x), &p));
    *delta = d < 1 ? nextafter((double)d, 1) : 1;
    return DP_OK;
}

double dp_odds_of_rho(double rho, double delta)
{
    return 1 / (1 + exp(-(rho + 2 * sqrt(rho * -log(delta)))));
}
