#include "dp/response.h"

#include <math.h>

/*
 * Loss number j, (2j - k) eps0, has probability P_j.  Downwards from the top,
 * with S_j the sum over i > j of P_i exp(loss_j - loss_i) and h = 2 eps0,
 *
 *   delta(loss_(j-1)) = delta(loss_j) + (1 - e^-h) (P_j + S_j)
 *   S_(j-1)           = e^-h (P_j + S_j)
 *
 * all terms positive; between two losses delta is linear in e^eps.  Everything
 * is divided by P at the start, whose logarithm is kept.
 */
#define SCALE 1e100L

struct scan {
    uint64_t j;
    long double p, s, delta; /* over P at the start */
};

/* ln P_j.  lgammal's error grows with its value: 2^-60 of it. */
static long double log_probability(uint64_t k, uint64_t j, long double eps0,
                                   long double *error)
{
    const long double n = (long double)k, i = (long double)j;
    const long double a = lgammal(n + 1), b = lgammal(i + 1),
                      c = lgammal(n - i + 1);
    const long double log_q = -eps0 - log1pl(expl(-eps0)), log_p = log_q + eps0;
    const long double powers = i * log_p + (n - i) * log_q;
    *error = (a + b + c - powers + 1) * 0x1p-60L;
    return j == k ? powers : a - b - c + powers;
}

/*
 * Where to start: above it all probability together is below delta 2^-70, by
 * Hoeffding, P[j >= k p + t] <= exp(-2 t^2 / k).
 */
static uint64_t start_of(uint64_t k, long double eps0, long double log_delta)
{
    const long double n = (long double)k;
    const long double t = sqrtl(n * (49 - log_delta) / 2);
    const long double top = n / (1 + expl(-eps0)) + t + 1;
    return top < n ? (uint64_t)top : k;
}

static void step(struct scan *s, uint64_t k, long double eps0)
{
    const long double sum = s->p + s->s;
    s->delta += -expm1l(-2 * eps0) * sum;
    s->s = expl(-2 * eps0) * sum;
    s->p *= (long double)s->j / (long double)(k - s->j + 1) * expl(-eps0);
    s->j--;
}

/*
 * Where in (low, low + h) a curve that is linear in e^eps, `above` at the left
 * end and `below` at the right, is `want`.
 */
static long double between(long double low, long double h, long double above,
                           long double below, long double want)
{
    const long double f = (above - want) / (above - below);
    return h < 1 ? low + log1pl(f * expm1l(h))
                 : low + h + logl(f + (1 - f) * expl(-h));
}

/* ln of the delta to reach, less the tail above the start (none at j = k) and
 * a bound on the rounding of P and of the steps to come. */
static long double log_want(uint64_t k, const struct scan *s,
                            long double log_delta, long double error)
{
    const long double tail = s->j < k ? 0x1p-70L : 0;
    return log_delta - tail - error - 0x1p-56L * sqrtl((long double)k) -
           0x1p-56L;
}

enum dp_status dp_response_eps(double *eps, double eps0, uint64_t k,
                               double delta)
{
    const long double e = (long double)eps0;
    if (!(delta > 0 && delta < 1) || k < 1 || k > UINT64_C(1) << 40 ||
        !(eps0 >= 1e-9 && eps0 <= 1e4))
        return DP_EDOM;
    const long double log_delta = logl((long double)delta);
    struct scan s = { .j = start_of(k, e, log_delta), .p = 1 }, last = s;
    long double error;
    const long double log_p = log_probability(k, s.j, e, &error);
    long double log_scaled = log_want(k, &s, log_delta, error) - log_p;

    while (s.j > 0 && s.delta < expl(log_scaled)) {
        last = s;
        step(&s, k, e);
        if (s.delta > SCALE) {
            s.p /= SCALE;
            s.s /= SCALE;
            s.delta /= SCALE;
            last.delta /= SCALE;
            log_scaled -= logl(SCALE);
        }
    }
    const long double want = expl(log_scaled);
    const long double low = (2 * (long double)s.j - (long double)k) * e;
    const long double found =
        s.delta <= want ? low : between(low, 2 * e, s.delta, last.delta, want);
    *eps = found > 0 ? nextafter((double)found, HUGE_VAL) : 0;
    return DP_OK;
}
