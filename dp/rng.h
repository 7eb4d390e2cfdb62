#ifndef DP_RNG_H
#define DP_RNG_H

#include <gsl/gsl_rng.h>
#include <stdint.h>

#include "dp/value.h"

/*
 * Randomness behind GSL's own seam: every sampler draws from a gsl_rng.
 *
 * Production uses dp_rng_system(), a gsl_rng_type over OpenSSL's private DRBG
 * (RAND_priv_bytes), which reseeds itself.  Words are drawn in blocks that
 * belong to the thread, not to the gsl_rng: the object has no state, so
 * gsl_rng_clone() and gsl_rng_memcpy() cannot repeat a word.  A word is erased
 * as it is drawn, a child of fork or clone finds the block empty, core dumps
 * leave it out, and a failure of the generator aborts the process, because
 * noise without randomness is a breach.  gsl_rng_set on it is ignored.  Tests
 * use a seeded type that lives in tests/ and is never linked into the server.
 */

/* Owned by the caller (gsl_rng_free); any thread.  Never NULL: aborts without
 * memory. */
gsl_rng *dp_rng_system(void);

/*
 * 64 uniform bits.  The generator must yield whole 64-bit words
 * (gsl_rng_min 0, gsl_rng_max 2^64 - 1); asserted.
 */
uint64_t dp_rng_word(gsl_rng *rng);

/* n words of 64 uniform bits, the same as n calls but cheaper. */
void dp_rng_words(gsl_rng *rng, uint64_t *out, size_t n);

/* Uniform on {0, ..., bound-1}, unbiased (rejection).  Requires bound > 0. */
uint64_t dp_rng_below(gsl_rng *rng, uint64_t bound);

/* The same for bounds of up to 127 bits. */
dp_uint dp_rng_below_wide(gsl_rng *rng, dp_uint bound);

#endif
