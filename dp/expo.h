#ifndef DP_EXPO_H
#define DP_EXPO_H

#include <openssl/bn.h>

#include "dp/value.h"

/*
 * exp(-x) between certain bounds, from integers alone: what an exact sampler
 * compares its uniforms with.  No floating point and no libm, so the bounds are
 * the same on every machine.  Error analysis: dp/expo.md.
 */

/* 1.0 in the fixed-point numbers of this module: 63 fractional bits. */
#define DP_EXPO_ONE (UINT64_C(1) << 63)

/* The most that dp_expo() is off, either way, in units of 2^-63. */
#define DP_EXPO_ERROR 16

/* exp(-x), x in units of 2^-63, to DP_EXPO_ERROR; in 0..DP_EXPO_ONE. */
uint64_t dp_expo(dp_uint x);

/*
 * *lo <= 2^bits exp(-n/d) <= *hi at any precision, *hi - *lo <= 2; equal at
 * n = 0.  The caller owns lo and hi.  Requires n >= 0, d > 0, bits <= 2^21.
 * Without memory the process ends.
 */
void dp_expo_bounds(BIGNUM *lo, BIGNUM *hi, const BIGNUM *n, const BIGNUM *d,
                    int bits);

#endif
