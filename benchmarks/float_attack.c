/*
 * Why floating-point noise is not private, as a program to run: `make attack`.
 *
 * Somebody's value is 0 or 1.  A textbook mechanism adds Laplace noise of scale
 * 1, which promises that whoever sees one output can be right about the value
 * at most 73 times in 100 (epsilon 1).  The low bits of that output tell which
 * it was nearly always.  Halftone's noise, of the same law and scale, is an
 * integer on a public grid, and every output is possible under both; what fits
 * one of the formula's doubles there does so by chance, once in half a million.
 */
#include <stdio.h>

#include "dp/rng.h"
#include "tests/lib_attack.h"

enum { TRIALS = 1000000 };

static void print(const char *name, struct attack_result r)
{
    printf("%-44s %9.4f %% %9.4f %%\n", name, 100.0 * r.told / r.trials,
           100.0 * r.right / r.trials);
}

int main(void)
{
    gsl_rng *textbook = gsl_rng_alloc(gsl_rng_default);
    gsl_rng *system = dp_rng_system();
    if (!textbook)
        return 1;
    printf("x is 0 or 1; noise of scale 1; %d outputs, each attacked alone\n\n",
           TRIALS);
    printf("%-44s %11s %11s\n", "", "told apart", "and right");
    const struct attack_result floats =
        attack_run(attack_textbook, textbook, TRIALS);
    print("value + gsl_ran_laplace(), GSL's generator", floats);
    const struct attack_result ours = attack_run(attack_ours, system, TRIALS);
    print("Halftone: discrete Laplace, grid 2^-20", ours);
    gsl_rng_free(textbook);
    gsl_rng_free(system);
    return floats.right > 0.9999 * TRIALS && ours.told < 15 ? 0 : 1;
}
