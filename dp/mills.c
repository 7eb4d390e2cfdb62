#include "dp/mills.h"

#include <math.h>

static const long double SQRT_HALF = 0.70710678118654752440084436210485L;
static const long double SQRT_HALF_PI = 1.2533141373155002512078826424055L;
static const long double LOG_SQRT_2PI = 0.91893853320467274178032973640562L;

/* From NEAR on the continued fraction serves, from FAR on it is short enough to
 * be the better way to M itself. */
#define NEAR 3.0L
#define FAR  5.0L

long double dp_mills_log_density(long double u)
{
    return -u * u / 2 - LOG_SQRT_2PI;
}

/*
 * Ratios of J_k(u), the integral over t > 0 of t^k/k! exp(-u t - t^2/2), which
 * satisfy k J_k = J_(k-2) - u J_(k-1): J_0 = M, J_k / J_(k-1) = 1 / (u + (k+1)
 * J_(k+1) / J_k).  Evaluated inwards that is Laplace's continued fraction; at
 * the depth below its error is under 1e-19 from NEAR on (measured), the rest
 * being taken as the fixed point of x = k / (u + x).
 */
static unsigned depth_for(long double u)
{
    return 14 + (unsigned)(500 / (u * u));
}

static long double rest_at(long double u, unsigned k)
{
    return (sqrtl(u * u + 4 * (long double)k) - u) / 2;
}

long double dp_mills(long double u)
{
    if (u < FAR)
        return expl(u * u / 2) * SQRT_HALF_PI * erfcl(u * SQRT_HALF);
    const unsigned depth = depth_for(u);
    long double fraction = rest_at(u, depth + 1);
    for (unsigned k = depth; k > 0; k--)
        fraction = k / (u + fraction);
    return 1 / (u + fraction);
}

/* The most terms of the series below, and how many of J_k they need. */
enum { TERMS = 14, ORDERS = 2 * TERMS };

/* J[k] for k < ORDERS: inwards where J falls steeply, outwards elsewhere. */
static void moments(long double J[ORDERS], long double u)
{
    J[0] = dp_mills(u);
    if (u < NEAR) {
        J[1] = 1 - u * J[0];
        for (unsigned k = 2; k < ORDERS; k++)
            J[k] = (J[k - 2] - u * J[k - 1]) / k;
        return;
    }
    const unsigned depth = ORDERS + depth_for(u);
    long double ratio[ORDERS], r = rest_at(u, depth + 2) / (depth + 2);
    for (unsigned k = depth; k > 0; k--) {
        r = 1 / (u + (k + 1) * r);
        if (k < ORDERS)
            ratio[k] = r;
    }
    for (unsigned k = 1; k < ORDERS; k++)
        J[k] = J[k - 1] * ratio[k];
}

long double dp_mills_between(long double a, long double width)
{
    if (width > 0.5L || a < -6)
        return dp_mills(a) - dp_mills(a + width);

    /* Taylor about the middle: every derivative of M has the sign of its order,
     * so the odd terms add up without cancellation. */
    const long double half = width / 2;
    long double J[ORDERS], sum = 0, power = half;
    moments(J, a + half);
    for (unsigned k = 1; k < ORDERS; k += 2) {
        const long double term = J[k] * power;
        sum += term;
        if (term < sum * 1e-20L)
            break;
        power *= half * half;
    }
    return 2 * sum;
}
