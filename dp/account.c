#include "dp/account.h"

#include <math.h>

#include "dp/convert.h"
#include "dp/gauss.h"
#include "dp/mills.h"
#include "dp/pld.h"

/* Sums of up to 2^40 terms in extended precision, raised by this. */
#define UP (1 + 0x1p-50L)

static bool all_ok(const struct dp_event *events, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (!dp_event_ok(&events[i]))
            return false;
    return n > 0;
}

static double round_up(long double x)
{
    return x > 0 ? nextafter((double)x, HUGE_VAL) : 0;
}

/* Basic composition needs no product of (1 - delta_i), only their sum. */
static enum dp_status by_pure(double *eps, const struct dp_event *events,
                              size_t n, double delta)
{
    long double sum = 0, told = 0;
    for (size_t i = 0; i < n; i++) {
        if (events[i].kind == DP_EVENT_GAUSS)
            return DP_ERANGE;
        sum += (long double)events[i].times * (long double)events[i].eps;
        told += (long double)events[i].times * (long double)events[i].delta;
    }
    /* 20 decimals of 1e-8 are 2e-7 here, whatever the last bits say. */
    if (told > (long double)delta * (1 + 0x1p-50L))
        return DP_ERANGE;
    *eps = (double)(sum * (1 + 0x1p-60L));
    return DP_OK;
}

long double dp_account_best_order(long double *eps,
                                  const struct dp_event *events, size_t n,
                                  double delta)
{
    const long double l = -logl((long double)delta);
    long double best = 1;
    *eps = HUGE_VALL;
    for (size_t i = 0; i < DP_RDP_ORDERS; i++) {
        const long double b = dp_rdp_order_less_1(i);
        const long double k = dp_event_cumulants(events, n, b);
        const long double e = (k * UP + l * (1 + 0x1p-60L) - log1pl(b)) / b -
                              log1pl(1 / b) * (1 - 0x1p-60L);
        if (e < *eps) {
            *eps = e;
            best = b;
        }
    }
    return best;
}

static enum dp_status by_rdp(double *eps, const struct dp_event *events,
                             size_t n, double left)
{
    long double e;
    (void)dp_account_best_order(&e, events, n, left);
    *eps = round_up(e * UP);
    return DP_OK;
}

double dp_event_rho(const struct dp_event *e)
{
    return e->kind == DP_EVENT_GAUSS
               ? dp_rho_of_gdp(nextafter(1 / e->sigma, HUGE_VAL))
               : dp_rho_of_pure(e->eps);
}

static enum dp_status by_zcdp(double *eps, const struct dp_event *events,
                              size_t n, double left)
{
    long double rho = 0;
    for (size_t i = 0; i < n; i++)
        rho += (long double)events[i].times * dp_event_rho(&events[i]);
    return dp_eps_of_rho(eps, round_up(rho * UP), left);
}

/* x with ln P[Z > x] = log_tail <= ln(1/2), to about 1e-18 (1 + x). */
static long double normal_quantile(long double log_tail)
{
    enum { STEPS_MAX = 60 };
    long double x = sqrtl(-2 * log_tail);
    for (int i = 0; i < STEPS_MAX; i++) {
        const long double m = dp_mills(x);
        const long double step =
            (dp_mills_log_density(x) + logl(m) - log_tail) * m;
        x += step;
        if (fabsl(step) < 1e-18L * (1 + x))
            break;
    }
    return x > 0 ? x : 0;
}

double dp_event_mu(const struct dp_event *e)
{
    if (e->kind == DP_EVENT_GAUSS)
        return 1 / e->sigma;
    const long double eps = (long double)e->eps;
    const long double log_tail = e->kind == DP_EVENT_LAPLACE
                                     ? -eps / 2 - logl(2)
                                     : -eps - log1pl(expl(-eps));
    const long double x = normal_quantile(log_tail);
    return round_up(2 * (x + 1e-17L * (1 + x)));
}

static enum dp_status by_gdp(double *eps, const struct dp_event *events,
                             size_t n, double left)
{
    long double mu2 = 0;
    for (size_t i = 0; i < n; i++) {
        const long double mu = events[i].kind == DP_EVENT_GAUSS
                                   ? 1 / (long double)events[i].sigma
                                   : (long double)dp_event_mu(&events[i]);
        mu2 += (long double)events[i].times * mu * mu;
    }
    return dp_gauss_eps(eps, (double)(sqrtl(mu2) * (1 + 0x1p-52L)), left);
}

enum dp_status dp_account_eps(double *eps, enum dp_accountant by,
                              const struct dp_event *events, size_t n,
                              double delta)
{
    const bool zero_allowed = by == DP_BY_PURE;
    if (!all_ok(events, n) || !(delta < 1) ||
        !(delta > 0 || (zero_allowed && delta == 0)))
        return DP_EDOM;
    if (by == DP_BY_PURE)
        return by_pure(eps, events, n, delta);
    const double left = dp_event_delta_left(events, n, delta);
    if (!(left > 0))
        return DP_ERANGE;
    switch (by) {
    case DP_BY_RDP:
        return by_rdp(eps, events, n, left);
    case DP_BY_ZCDP:
        return by_zcdp(eps, events, n, left);
    case DP_BY_GDP:
        return by_gdp(eps, events, n, left);
    case DP_BY_PLD:
        return dp_pld_eps(eps, events, n, left);
    case DP_BY_PURE:
        break;
    }
    return DP_EDOM;
}
