/* Tails and variance of the discrete Gaussian; the sampler is dgauss.c. */
#include "dp/dgauss.h"

#include <math.h>

#include "dp/mills.h"

static const long double PI = 3.14159265358979323846264338327950288L;

/*
 * ln of Z = sum over j of exp(-j^2 / (2 sigma^2)).  Below 1 summed as it
 * stands, above by Poisson's formula, sigma sqrt(2 pi) times the sum over m of
 * exp(-2 pi^2 sigma^2 m^2); both drop less than 1e-30.
 */
static long double log_norm(long double sigma)
{
    if (sigma < 1) {
        long double z = 0;
        for (int j = 12; j >= 1; j--)
            z += 2 * expl(-(long double)(j * j) / (2 * sigma * sigma));
        return log1pl(z);
    }
    const long double w = 2 * PI * PI * sigma * sigma;
    return logl(sigma) + logl(2 * PI) / 2 +
           log1pl(2 * expl(-w) + 2 * expl(-4 * w));
}

/* The sum over j >= y of exp(-(j^2 - y^2) / (2 sigma^2)), term by term. */
static long double direct_sum(long double sigma, long double y)
{
    const long double scale = 1 / (2 * sigma * sigma);
    long double sum = 1, term = 1;
    for (long double m = 1; term > 1e-22L * sum; m++) {
        term = expl(-m * (2 * y + m) * scale);
        sum += term;
    }
    return sum;
}

/*
 * The same sum divided by exp(-(x^2 - y^2) / (2 sigma^2)) at x = y - 1/2, by
 * Euler and Maclaurin about midpoints: integral from x, plus odd derivatives at
 * x with coefficients 1/24, -7/5760, 31/967680, -127/154828800.  The n-th is
 * -He_n(u) / sigma^n times the density.
 */
static long double midpoint_sum(long double sigma, long double u)
{
    const long double v = u * u, s = 1 / (sigma * sigma);
    const long double he3 = v - 3, he5 = v * (v - 10) + 15,
                      he7 = v * (v * (v - 21) + 105) - 105;
    const long double series =
        1 / 24.0L - s * (7 * he3 / 5760 -
                         s * (31 * he5 / 967680 - s * 127 * he7 / 154828800));
    return sigma * dp_mills(u) - u / sigma * series;
}

long double dp_dgauss_log_tail(long double sigma, dp_uint k)
{
    const long double y = (long double)k + 1;

    /* Few terms matter when sigma is small or the terms fall steeply. */
    const long double steepness = y / (sigma * sigma);
    if (sigma < 16 || steepness > 0.1L)
        return logl(direct_sum(sigma, y)) - y * steepness / 2 - log_norm(sigma);

    const long double u = (y - 0.5L) / sigma;
    return logl(midpoint_sum(sigma, u)) - u * u / 2 - log_norm(sigma);
}

/* Below 1 as it stands, above by Poisson's formula. */
double dp_dgauss_variance(long double sigma)
{
    const long double v = sigma * sigma;
    if (sigma < 1) {
        long double z = 0, sum = 0;
        for (int j = 12; j >= 1; j--) {
            const long double p = 2 * expl(-(long double)(j * j) / (2 * v));
            z += p;
            sum += (long double)(j * j) * p;
        }
        return (double)(sum / (1 + z));
    }
    const long double w = 2 * PI * PI * v;
    const long double e1 = 2 * expl(-w), e2 = 2 * expl(-4 * w);
    return (double)(v * (1 + (1 - 2 * w) * e1 + (1 - 8 * w) * e2) /
                    (1 + e1 + e2));
}
