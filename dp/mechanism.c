/* Release; prices are mechanism_price.c, the laws of noise mechanism_law.c. */
#include "dp/mechanism.h"

#include <stdlib.h>

#include <openssl/crypto.h>

#include "dp/dgauss.h"
#include "dp/dlaplace.h"
#include "dp/lattice.h"
#include "dp/rgauss.h"

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
    enum { BATCH = 1024 };
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
