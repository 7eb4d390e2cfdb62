#ifndef DP_MILLS_H
#define DP_MILLS_H

/*
 * Mills' ratio of the normal law, M(u) = P[Z > u] / density(u), in extended
 * precision: the scaled tail, so that nothing underflows far out.  Falls from
 * infinity to 0, about 1/u for large u.  Relative error below 1e-18 for u > 0;
 * requires u > -150.
 */
long double dp_mills(long double u);

/*
 * M(a) - M(b) for a < b, b - a = width, to about 2e-18 relatively however close
 * they are (for a > -6): the difference that the Gaussian mechanism's delta is
 * made of.
 */
long double dp_mills_between(long double a, long double width);

/* ln of the normal density at u. */
long double dp_mills_log_density(long double u);

#endif
