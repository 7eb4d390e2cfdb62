#ifndef DP_LAW_H
#define DP_LAW_H

#include <stdbool.h>
#include <stdint.h>

/*
 * The laws of noise, as values.  All live on the integers; a scale is a
 * rational number of grid steps.
 *
 *   DP_DLAPLACE  P[X = x] proportional to exp(-|x| / t)            t = num/den
 *   DP_DGAUSS    P[X = x] proportional to exp(-x^2 / (2 sigma^2))  sigma =
 *                num/den
 *   DP_RGAUSS    X = floor(sigma Z + 1/2), Z standard normal       sigma =
 *                num/den
 *
 * The discrete Laplace law is also known as the two-sided geometric.  What is
 * done with a law is in dp/mechanism.h.
 */
enum dp_law { DP_DLAPLACE, DP_DGAUSS, DP_RGAUSS };

struct dp_mechanism {
    enum dp_law law;
    uint64_t num, den; /* scale; 1 <= den <= DP_SCALE_DEN_MAX, 1 <= num,
                          num / den <= DP_SCALE_MAX */
};
/* "discrete Gaussian", for people. */
static inline const char *dp_law_name(enum dp_law law)
{
    switch (law) {
    case DP_DLAPLACE:
        return "discrete Laplace";
    case DP_DGAUSS:
        return "discrete Gaussian";
    case DP_RGAUSS:
        return "rounded Gaussian";
    }
    return "";
}

#define DP_SCALE_DEN_MAX (UINT64_C(1) << 20)
#define DP_SCALE_MAX     (UINT64_C(1) << 40)

/* True when law and scale are inside the domain above. */
static inline bool dp_mechanism_ok(const struct dp_mechanism *m)
{
    const bool known =
        m->law == DP_DLAPLACE || m->law == DP_DGAUSS || m->law == DP_RGAUSS;
    return known && m->den >= 1 && m->den <= DP_SCALE_DEN_MAX && m->num >= 1 &&
           m->num <= m->den * DP_SCALE_MAX;
}

#endif
