#include "tests/lib_attack.h"

#include <math.h>
#include <stdlib.h>

#include <gsl/gsl_randist.h>

#include "dp/mechanism.h"

enum { GRID_BITS = 20 };

double attack_textbook(double x, gsl_rng *rng)
{
    return x + gsl_ran_laplace(rng, 1);
}

double attack_ours(double x, gsl_rng *rng)
{
    const struct dp_mechanism m = { DP_DLAPLACE, 1 << GRID_BITS, 1 };
    const struct dp_exact in = { (dp_int)ldexp(x, GRID_BITS) };
    struct dp_noisy out;
    if (dp_mechanism_release(&out, &in, 1, &m, rng) != DP_OK)
        abort();
    return ldexp((double)out.v, -GRID_BITS);
}

/* The same in vectors that a table draws, handed out one by one. */
double attack_ours_many(double x, gsl_rng *rng)
{
    static struct dp_noisy drawn[DP_MANY];
    static size_t left;
    const struct dp_mechanism m = { DP_DLAPLACE, 1 << GRID_BITS, 1 };
    if (left == 0) {
        const struct dp_exact zero[DP_MANY] = { { 0 } };
        if (dp_mechanism_release(drawn, zero, DP_MANY, &m, rng) != DP_OK)
            abort();
        left = DP_MANY;
    }
    /* x is on the grid, so adding it after the noise is the same sum. */
    const dp_int v = drawn[--left].v + (dp_int)ldexp(x, GRID_BITS);
    return ldexp((double)v, -GRID_BITS);
}

/* GSL's noise is -+ scale ln(k / 2^31) for an integer 0 < k < 2^31. */
bool attack_can_be(double y, double x, double scale)
{
    const double guess = rint(exp(-fabs(y - x) / scale) * 0x1p31);
    for (double k = guess - 1; k <= guess + 1; k++) {
        if (k < 1 || k >= 0x1p31)
            continue;
        const double noise = scale * log(k * 0x1p-31);
        if (y == x + noise || y == x - noise)
            return true;
    }
    return false;
}

struct attack_result attack_run(attack_release_fn *release, gsl_rng *rng,
                                unsigned trials)
{
    struct attack_result r = { .trials = trials };
    for (unsigned i = 0; i < trials; i++) {
        const double x = i % 2;
        const double y = release(x, rng);
        const bool zero = attack_can_be(y, 0, 1), one = attack_can_be(y, 1, 1);
        if (zero == one)
            continue;
        r.told++;
        r.right += one == (x > 0.5);
    }
    return r;
}
