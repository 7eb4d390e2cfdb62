#ifndef TESTS_LIB_ATTACK_H
#define TESTS_LIB_ATTACK_H

#include <stdbool.h>

#include <gsl/gsl_rng.h>

/*
 * What one output of a noisy value gives away beyond its size (Mironov 2012).
 *
 * gsl_ran_laplace() on a 32-bit generator returns one of 2^32 doubles, and
 * x + noise rounds to one of about 2^32 doubles that are others for x = 0 than
 * for x = 1.  So y is tested against both: is there a uniform that, sent
 * through the textbook formula, gives exactly y?
 */
bool attack_can_be(double y, double x, double scale);

/* y = x + noise, by the mechanism under attack. */
typedef double attack_release_fn(double x, gsl_rng *rng);

/* value + gsl_ran_laplace(rng, 1). */
attack_release_fn attack_textbook;
/* dp/: discrete Laplace on a grid of 2^-20, the same scale 1. */
attack_release_fn attack_ours;
/* The same law from the table for vectors. */
attack_release_fn attack_ours_many;

struct attack_result {
    unsigned trials;
    unsigned told;  /* outputs possible under one of x = 0, 1 only ... */
    unsigned right; /* ... and under the true one */
};

/* Release 0 and 1 in turn, `trials` times in all, and attack each output. */
struct attack_result attack_run(attack_release_fn *release, gsl_rng *rng,
                                unsigned trials);

#endif
