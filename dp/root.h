#ifndef DP_ROOT_H
#define DP_ROOT_H

#include "dp/status.h"

/*
 * The zero of a monotone function between lo and hi, where its signs differ,
 * by GSL's Brent method, to a few ulps of the argument.
 *
 * DP_OK      *x is written
 * DP_ENOCONV the signs agree, a value is not finite, or 200 steps were not
 *            enough; *x is untouched
 *
 * Callers never rest soundness on it: they round or re-check what they get.
 */
typedef double dp_root_fn(double x, void *ctx);
enum dp_status dp_root(double *x, dp_root_fn *f, void *ctx, double lo,
                       double hi) DP_MUST_CHECK;

#endif
