/*
 * Putting a mechanism of one's own under the auditor: what epsilon can be
 * proved from its outputs alone?  Needs libhalftone-dp alone:
 *
 *     cc audit.c $(pkg-config --cflags --libs halftone-dp) && ./a.out
 *
 * A survey counts those who said yes, each by a weight of up to 3, and adds
 * discrete Laplace noise that is meant to be 1-DP.  Three ways to write it, two
 * of them wrong; the neighbours differ by one person of weight 3.
 */
#include <stdio.h>
#include <stdlib.h>

#include "dp/audit.h"
#include "dp/mechanism.h"
#include "dp/rng.h"

enum { OTHERS = 250, WEIGHT = 3, TRIALS = 200000 };

static int64_t noisy(int64_t exact, uint64_t scale, gsl_rng *rng)
{
    const struct dp_mechanism noise = { DP_DLAPLACE, scale, 1 };
    const struct dp_exact in = { exact };
    struct dp_noisy out;
    if (dp_mechanism_release(&out, &in, 1, &noise, rng) != DP_OK)
        abort();
    return (int64_t)out.v;
}

/* Right: the noise is as wide as what one person can add. */
static int64_t as_it_should_be(int with, gsl_rng *rng, void *ctx)
{
    (void)ctx;
    return noisy(OTHERS + with * WEIGHT, WEIGHT, rng);
}

/* Wrong: noise for a count, on a sum of weights. */
static int64_t noise_for_a_count(int with, gsl_rng *rng, void *ctx)
{
    (void)ctx;
    return noisy(OTHERS + with * WEIGHT, 1, rng);
}

/* Wrong: "numbers below 253 look odd, show the exact one instead". */
static int64_t exact_when_small(int with, gsl_rng *rng, void *ctx)
{
    (void)ctx;
    const int64_t exact = OTHERS + with * WEIGHT;
    return exact < OTHERS + WEIGHT ? exact : noisy(exact, WEIGHT, rng);
}

static void audit(const char *name, dp_audit_draw_fn *draw, gsl_rng *rng)
{
    const struct dp_audit a = {
        .draw = draw,
        .trials = TRIALS,
        .delta = 1e-6,
        .alpha = 1e-6,
    };
    struct dp_audit_finding found;
    if (dp_audit(&found, &a, rng) != DP_OK)
        abort();
    printf("%-20s epsilon is at least %6.3f: %s\n", name, found.eps,
           found.eps > 1 ? "NOT 1-DP" : "nothing against 1-DP");
}

int main(void)
{
    gsl_rng *rng = dp_rng_system();
    printf("claimed: epsilon 1; a bound is wrong once in a million audits\n\n");
    audit("as it should be", as_it_should_be, rng);
    audit("noise for a count", noise_for_a_count, rng);
    audit("exact when small", exact_when_small, rng);
    gsl_rng_free(rng);
    return 0;
}
