/* What a vector of noisy integers costs, and the noise that a price buys. */
#include <math.h>

#include "dp/mechanism.h"
#include "dp/notion.h"
#include "dp/wide.h"

/* Units of the notion's price in 1. */
static uint64_t units_of(enum dp_notion notion)
{
    return notion == DP_PURE ? UINT64_C(1000000000) : UINT64_C(1000000000000);
}

/* Laplace noise under GDP is known through its epsilon alone, per cell. */
static long double gdp_of_laplace(const struct dp_vector_release *v)
{
    const long double eps = (long double)v->linf * (long double)v->noise.den /
                            (long double)v->noise.num;
    return dp_notion_gdp_of_pure(eps * (1 + 0x1p-60L)) * v->l0;
}

/*
 * Is the price at most `units`, exactly?  With the scale num/den:
 *   rho  l0 (linf den)^2 10^12 <= 2 num^2 units   sides < 2^240 and < 2^186
 *   eps  l0 linf den 10^9      <= num units       sides < 2^146 and < 2^124
 * Laplace under GDP has no rational price and is rounded up.
 */
static bool costs_at_most(const struct dp_vector_release *v,
                          enum dp_notion notion, uint64_t units)
{
    const struct dp_mechanism *m = &v->noise;
    const dp_uint change = (dp_uint)v->linf * m->den;
    if (notion == DP_GDP && m->law == DP_DLAPLACE)
        return gdp_of_laplace(v) * 1e12L <= (long double)units;
    if (notion == DP_PURE)
        return dp_wide_cmp(dp_wide_product(change * units_of(notion), v->l0),
                           dp_wide_of((dp_uint)m->num * units)) <= 0;
    const struct dp_wide rho =
        dp_wide_times(dp_wide_product(change, change), units_of(notion));
    return dp_wide_cmp(
               dp_wide_times(rho, v->l0),
               dp_wide_times(dp_wide_times(dp_wide_product(m->num, m->num), 2),
                             units)) <= 0;
}

/* Which laws have a price: Laplace all, Gaussians rho, and only the rounded
 * one a mu. */
static bool has_price(enum dp_law law, enum dp_notion notion)
{
    switch (law) {
    case DP_DLAPLACE:
        return notion == DP_PURE || notion == DP_ZCDP || notion == DP_GDP;
    case DP_DGAUSS:
        return notion == DP_ZCDP;
    case DP_RGAUSS:
        return notion == DP_ZCDP || notion == DP_GDP;
    }
    return false;
}

enum dp_status dp_vector_price(struct dp_price *out,
                               const struct dp_vector_release *v,
                               enum dp_notion notion)
{
    if (!dp_mechanism_ok(&v->noise) || !has_price(v->noise.law, notion))
        return DP_EDOM;

    /* invariant: the price is above `lo` units (or lo = 0) and at most `hi`. */
    uint64_t lo = 0, hi = UINT64_MAX;
    if (costs_at_most(v, notion, 0))
        hi = 0;
    else if (costs_at_most(v, notion, DP_PRICE_MAX))
        hi = DP_PRICE_MAX;
    else
        lo = UINT64_MAX - 1;
    while (hi - lo > 1) {
        const uint64_t mid = lo + (hi - lo) / 2;
        if (costs_at_most(v, notion, mid))
            hi = mid;
        else
            lo = mid;
    }
    *out = dp_notion_price(notion, hi);
    return DP_OK;
}

static uint64_t gcd(uint64_t a, uint64_t b)
{
    while (b) {
        const uint64_t r = a % b;
        a = b;
        b = r;
    }
    return a;
}

void dp_mechanism_reduce(struct dp_mechanism *m)
{
    const uint64_t g = gcd(m->num, m->den);
    m->num /= g;
    m->den /= g;
}

/* The pure scale l1 10^9 / units as it stands, when it is in the domain. */
static bool exact_pure_scale(struct dp_mechanism *out, uint64_t l1,
                             uint64_t units)
{
    const uint64_t g = gcd(l1, units);
    const uint64_t s = l1 / g, u = units / g;
    const uint64_t h = gcd(units_of(DP_PURE), u);
    struct dp_mechanism m = { .law = DP_DLAPLACE, .den = u / h };
    if (__builtin_mul_overflow(s, units_of(DP_PURE) / h, &m.num) ||
        m.den > DP_SCALE_DEN_MAX || !dp_mechanism_ok(&m))
        return false;
    *out = m;
    return true;
}

enum dp_status dp_vector_of_price(struct dp_vector_release *v, enum dp_law law,
                                  struct dp_price limit, enum dp_notion notion)
{
    if (!has_price(law, notion) || v->linf == 0 || v->l0 == 0)
        return DP_EDOM;
    const uint64_t units = dp_notion_units(notion, limit);
    if (units == 0)
        return DP_ERANGE;
    const uint64_t l1 = dp_vector_l1(v);
    if (notion == DP_PURE && l1 < UINT64_MAX &&
        exact_pure_scale(&v->noise, l1, units))
        return DP_OK;

    struct dp_vector_release w = *v;
    w.noise = (struct dp_mechanism){ .law = law,
                                     .num = DP_SCALE_DEN_MAX * DP_SCALE_MAX,
                                     .den = DP_SCALE_DEN_MAX };
    if (!costs_at_most(&w, notion, units))
        return DP_ERANGE;
    /* invariant: num = hi is affordable, num = lo is not. */
    uint64_t lo = 0, hi = w.noise.num;
    while (hi - lo > 1) {
        w.noise.num = lo + (hi - lo) / 2;
        if (costs_at_most(&w, notion, units))
            hi = w.noise.num;
        else
            lo = w.noise.num;
    }
    w.noise.num = hi;
    dp_mechanism_reduce(&w.noise);
    *v = w;
    return DP_OK;
}

uint64_t dp_vector_l1(const struct dp_vector_release *v)
{
    uint64_t l1;
    return __builtin_mul_overflow(v->linf, (uint64_t)v->l0, &l1) ? UINT64_MAX
                                                                 : l1;
}

double dp_vector_l2(const struct dp_vector_release *v)
{
    return (double)(sqrtl(v->l0) * (long double)v->linf) * (1 + 0x1p-52);
}

enum dp_status dp_mechanism_price(struct dp_price *out,
                                  const struct dp_mechanism *m,
                                  uint64_t sensitivity, enum dp_notion notion)
{
    const struct dp_vector_release v = { *m, sensitivity, 1 };
    return dp_vector_price(out, &v, notion);
}

enum dp_status dp_mechanism_of_price(struct dp_mechanism *out, enum dp_law law,
                                     uint64_t sensitivity,
                                     struct dp_price limit,
                                     enum dp_notion notion)
{
    struct dp_vector_release v = { .linf = sensitivity, .l0 = 1 };
    const enum dp_status status = dp_vector_of_price(&v, law, limit, notion);
    if (status == DP_OK)
        *out = v.noise;
    return status;
}
