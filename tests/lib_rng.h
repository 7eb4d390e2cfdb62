#ifndef TESTS_LIB_RNG_H
#define TESTS_LIB_RNG_H

#include <stdint.h>

#include <gsl/gsl_rng.h>

/*
 * A seeded generator behind GSL's seam (splitmix64), so that a failing test
 * replays.  It lives in tests/ alone: the server cannot link it.
 */
extern const gsl_rng_type *const test_rng_type;

/* Owned by the caller (gsl_rng_free). */
gsl_rng *test_rng_new(unsigned long seed);

#endif
