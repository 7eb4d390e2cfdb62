#include "dp/event.h"

#include <math.h>

static const long double LN2 = 0.69314718055994530941723212145818L;

static bool within(double x, double lo, double hi)
{
    return x >= lo && x <= hi;
}

bool dp_event_ok(const struct dp_event *e)
{
    const bool approx = e->kind == DP_EVENT_APPROX;
    if (e->times < 1 || e->times > DP_EVENT_TIMES_MAX ||
        !(approx ? e->delta >= 0 && e->delta < 1 : e->delta == 0))
        return false;
    if (e->kind == DP_EVENT_GAUSS)
        return within(e->sigma, 1e-4, 1e12);
    return (approx || e->kind == DP_EVENT_LAPLACE ||
            e->kind == DP_EVENT_RESPONSE) &&
           within(e->eps, 1e-9, 1e4);
}

/* ln cosh y, y >= 0, accurate for small y and without overflow. */
static long double log_cosh(long double y)
{
    if (y > 40)
        return y - LN2;
    const long double s = sinhl(y / 2);
    return log1pl(2 * s * s);
}

/* ln (cosh(u e) + sinh(u e) / (2 u)), u >= 0. */
static long double log_laplace(long double u, long double e)
{
    const long double y = u * e;
    if (y > 40)
        return y - LN2 + log1pl(1 / (2 * u));
    /* cosh y - 1, and sinh(y) / (2u) as e/2 times sinh(y)/y. */
    const long double s = sinhl(y / 2);
    const long double ratio = y > 1e-10L ? sinhl(y) / y : 1;
    return log1pl(2 * s * s + e / 2 * ratio);
}

/* A difference of two logarithms, raised by 8 ulps of both. */
static long double difference(long double a, long double b)
{
    return a - b + (a + b) * 0x1p-61L;
}

long double dp_event_cumulant(const struct dp_event *e, long double s)
{
    const long double u = fabsl(s + 0.5L);
    if (e->kind == DP_EVENT_GAUSS) {
        const long double mu = 1 / (long double)e->sigma;
        const long double k = s * (s + 1) * mu * mu / 2;
        return k + fabsl(k) * 0x1p-61L;
    }
    const long double eps = (long double)e->eps;
    if (e->kind == DP_EVENT_LAPLACE)
        return difference(log_laplace(u, eps), eps / 2);
    return difference(log_cosh(u * eps), log_cosh(eps / 2));
}

long double dp_rdp_order_less_1(size_t i)
{
    return exp2l(((long double)i - 32) / 8);
}

long double dp_event_cumulants(const struct dp_event *events, size_t n,
                               long double s)
{
    long double sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += (long double)events[i].times * dp_event_cumulant(&events[i], s);
    return sum;
}

double dp_event_delta_left(const struct dp_event *events, size_t n,
                           double delta)
{
    long double log_keep = 0;
    for (size_t i = 0; i < n; i++)
        log_keep += (long double)events[i].times *
                    log1pl(-(long double)events[i].delta);
    if (log_keep == 0)
        return delta;
    const long double told =
        -expm1l(log_keep) * (1 + (long double)n * 0x1p-60L);
    return (double)(((long double)delta - told) / expl(log_keep) *
                    (1 - 0x1p-52L));
}
