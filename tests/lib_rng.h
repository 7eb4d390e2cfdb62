#ifndef TESTS_LIB_RNG_H
#define TESTS_LIB_RNG_H

#include <stddef.h>
#include <stdint.h>

#include <gsl/gsl_rng.h>

/*
 * A seeded generator behind GSL's seam (splitmix64), so that a failing test
 * replays.  It lives in tests/ alone: the server cannot link it.
 */
extern const gsl_rng_type *const test_rng_type;

/* Owned by the caller (gsl_rng_free). */
gsl_rng *test_rng_new(unsigned long seed);

/*
 * A generator that yields these n words and aborts past them, for events that
 * no seed meets.  `words` is borrowed; the result is owned by the caller.
 */
gsl_rng *test_rng_scripted(const uint64_t *words, size_t n);

/* How many of them were drawn. */
size_t test_rng_drawn(const gsl_rng *scripted);

#endif
