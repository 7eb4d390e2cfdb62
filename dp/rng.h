#ifndef DP_RNG_H
#define DP_RNG_H

#include <gsl/gsl_rng.h>
#include <stdint.h>

/*
 * Randomness behind GSL's own seam: every sampler draws from a gsl_rng.
 *
 * Production uses dp_rng_system(), a gsl_rng_type over OpenSSL's DRBG
 * (RAND_priv_bytes) with a block buffer; it is safe across fork, and a failure
 * of the generator aborts the process, because noise without randomness is a
 * breach.  gsl_rng_set on it is ignored.  Tests use a seeded type that lives in
 * tests/ and is never linked into the server.
 */

/* Owned by the caller (gsl_rng_free wipes nothing secret: blocks are erased as
 * they are drawn); one thread at a time.  Never NULL: aborts without memory. */
gsl_rng *dp_rng_system(void);

/* 64 uniform bits. */
uint64_t dp_rng_word(gsl_rng *rng);

/* Uniform on {0, ..., bound-1}, unbiased (rejection).  Requires bound > 0. */
uint64_t dp_rng_below(gsl_rng *rng, uint64_t bound);

#endif
