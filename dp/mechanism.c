#include "dp/mechanism.h"

#include <stdlib.h>

#include <openssl/crypto.h>

#include "dp/dgauss.h"
#include "dp/dlaplace.h"
#include "dp/lattice.h"
#include "dp/rgauss.h"
#include "dp/wide.h"

/* One by one, by the textbook. */
static dp_int sample(const struct dp_mechanism *m, gsl_rng *rng)
{
    switch (m->law) {
    case DP_DLAPLACE:
        return dp_dlaplace_sample(rng, m->num, m->den);
    case DP_DGAUSS:
        return dp_dgauss_sample(rng, m->num, m->den);
    case DP_RGAUSS:
        return dp_rgauss_sample(rng, m->num, m->den);
    }
    abort();
}

static struct dp_noisy add(struct dp_exact value, dp_int noise)
{
    struct dp_noisy out;
    if (__builtin_add_overflow(value.touched, noise, &out.v))
        out.v = noise < 0 ? DP_INT_MIN : DP_INT_MAX;
    return out;
}

/* By a table, in batches small enough for the stack. */
static void release_many(struct dp_noisy *out, const struct dp_exact *in,
                         size_t n, const struct dp_lattice *table, gsl_rng *rng)
{
    enum { BATCH = 512 };
    int64_t noise[BATCH];
    for (size_t batch; n > 0; out += batch, in += batch, n -= batch) {
        batch = n < BATCH ? n : BATCH;
        dp_lattice_draw(table, rng, noise, batch);
        for (size_t i = 0; i < batch; i++)
            out[i] = add(in[i], noise[i]);
    }
    OPENSSL_cleanse(noise, sizeof noise);
}

enum dp_status dp_mechanism_release(struct dp_noisy *out,
                                    const struct dp_exact *in, size_t n,
                                    const struct dp_mechanism *m, gsl_rng *rng)
{
    if (!dp_mechanism_ok(m))
        return DP_EDOM;
    if (n >= DP_MANY) {
        struct dp_lattice table;
        const enum dp_status status = dp_lattice_init(&table, m);
        if (status == DP_OK)
            release_many(out, in, n, &table, rng);
        return status;
    }
    for (size_t i = 0; i < n; i++)
        out[i] = add(in[i], sample(m, rng));
    return DP_OK;
}

/* Units of the notion's price in 1. */
static uint64_t units_of(enum dp_notion notion)
{
    return notion == DP_ZCDP ? UINT64_C(1000000000000) : UINT64_C(1000000000);
}

/*
 * Is the price at most `units`, exactly?  With s the sensitivity, and the
 * scale num/den:
 *   zcdp  (s den)^2 10^12 <= 2 num^2 units   sides < 2^208 and < 2^186
 *   pure  s den 10^9      <= num units       sides < 2^115 and < 2^125
 */
static bool costs_at_most(const struct dp_mechanism *m, uint64_t sensitivity,
                          enum dp_notion notion, uint64_t units)
{
    const dp_uint change = (dp_uint)sensitivity * m->den;
    if (notion == DP_PURE)
        return change * units_of(notion) <= (dp_uint)m->num * units;
    return dp_wide_cmp(
               dp_wide_times(dp_wide_product(change, change), units_of(notion)),
               dp_wide_times(dp_wide_times(dp_wide_product(m->num, m->num), 2),
                             units)) <= 0;
}

static bool has_price(enum dp_law law, enum dp_notion notion)
{
    switch (law) {
    case DP_DLAPLACE:
        return notion == DP_PURE || notion == DP_ZCDP;
    case DP_DGAUSS:
    case DP_RGAUSS:
        return notion == DP_ZCDP;
    }
    return false;
}

enum dp_status dp_mechanism_price(struct dp_price *out,
                                  const struct dp_mechanism *m,
                                  uint64_t sensitivity, enum dp_notion notion)
{
    if (!dp_mechanism_ok(m) || !has_price(m->law, notion))
        return DP_EDOM;

    /* invariant: the price is above `lo` units (or lo = 0) and at most `hi`. */
    uint64_t lo = 0, hi = UINT64_MAX;
    if (costs_at_most(m, sensitivity, notion, 0))
        hi = 0;
    else if (costs_at_most(m, sensitivity, notion, DP_PRICE_MAX))
        hi = DP_PRICE_MAX;
    else
        lo = UINT64_MAX - 1;
    while (hi - lo > 1) {
        const uint64_t mid = lo + (hi - lo) / 2;
        if (costs_at_most(m, sensitivity, notion, mid))
            hi = mid;
        else
            lo = mid;
    }
    *out = notion == DP_ZCDP ? (struct dp_price){ .rho_pico = hi }
                             : (struct dp_price){ .eps_nano = hi };
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

/* The pure scale s 10^9 / units as it stands, when it is in the domain. */
static bool exact_pure_scale(struct dp_mechanism *out, uint64_t sensitivity,
                             uint64_t units)
{
    const uint64_t g = gcd(sensitivity, units);
    const uint64_t s = sensitivity / g, u = units / g;
    const uint64_t h = gcd(units_of(DP_PURE), u);
    struct dp_mechanism m = { .law = DP_DLAPLACE, .den = u / h };
    if (__builtin_mul_overflow(s, units_of(DP_PURE) / h, &m.num) ||
        m.den > DP_SCALE_DEN_MAX || !dp_mechanism_ok(&m))
        return false;
    *out = m;
    return true;
}

enum dp_status dp_mechanism_of_price(struct dp_mechanism *out, enum dp_law law,
                                     uint64_t sensitivity,
                                     struct dp_price limit,
                                     enum dp_notion notion)
{
    if (!has_price(law, notion) || sensitivity == 0)
        return DP_EDOM;
    const uint64_t units = notion == DP_ZCDP ? limit.rho_pico : limit.eps_nano;
    if (units == 0)
        return DP_ERANGE;
    if (notion == DP_PURE && exact_pure_scale(out, sensitivity, units))
        return DP_OK;

    struct dp_mechanism m = { .law = law,
                              .num = DP_SCALE_DEN_MAX * DP_SCALE_MAX,
                              .den = DP_SCALE_DEN_MAX };
    if (!costs_at_most(&m, sensitivity, notion, units))
        return DP_ERANGE;
    /* invariant: num = hi is affordable, num = lo is not. */
    uint64_t lo = 0, hi = m.num;
    while (hi - lo > 1) {
        m.num = lo + (hi - lo) / 2;
        if (costs_at_most(&m, sensitivity, notion, units))
            hi = m.num;
        else
            lo = m.num;
    }
    m.num = hi;
    dp_mechanism_reduce(&m);
    *out = m;
    return DP_OK;
}
