#ifndef DP_DOTS_H
#define DP_DOTS_H

#include <stddef.h>

#include "dp/event.h"

/*
 * Privacy losses on a grid of step h, pessimistically: "connect the dots"
 * (Doroshenko, Ghazi, Kamath, Kumar, Manurangsi 2022, arXiv:2207.04380).
 *
 * A loss between two grid points is split between them so that its mass under
 * both of the laws compared is kept; the delta curve of the result meets the
 * true one at the grid points and lies above it in between.
 *
 * What is stored is tilted and normalised: mass exp(tilt * loss - K(tilt)), K
 * the cumulant of the law before it was put on the grid.  Proof: dp/dots.md.
 */
struct dp_dots_grid {
    double step, tilt;
    size_t n;           /* points, a power of two; index i stands for i step,
                           i step +- n step, ... */
    const double *root; /* exp(-2 pi i j / n), j < n, as pairs; borrowed */
};

/* Fills root[2 n]; each number to about 2 log2(n) ulps. */
void dp_dots_roots(double *root, size_t n);

/*
 * A law whose losses are bounded: masses at -m-1, -m, m and m+1, and between -m
 * and m a geometric run, mass(i) = mass(i-1) ratio.
 */
struct dp_dots {
    uint64_t times;
    size_t m;
    double low2, low, high, high2; /* masses at -m-1, -m, m, m+1 */
    double run_end, run_start; /* mass(m) and mass(1-m) the run would have */
    double ratio, ratio_less_1;
    double error; /* of dp_dots_at(), absolute */
};

/*
 * For every kind but DP_EVENT_GAUSS.  `aligned` promises that eps is a multiple
 * of the step but for rounding, and puts it there.
 */
void dp_dots_of(struct dp_dots *out, const struct dp_event *e,
                const struct dp_dots_grid *g, bool aligned);

struct dp_complex {
    double re, im;
};

/* The transform at frequency j: sum of mass(i) exp(-2 pi i j / n). */
struct dp_complex dp_dots_at(const struct dp_dots *d,
                             const struct dp_dots_grid *g, size_t j);

/*
 * One Gaussian of parameter mu, tilted.  From 2.5 steps on its transform is
 * known: that of the normal law times a factor for the dots, below 1e-24 from
 * DP_DOTS_BELL_BAND / mu on.  A narrower one is held as its masses; left out is
 * what lies beyond 9.5 standard deviations, less than DP_DOTS_BELL_CUT.
 */
enum { DP_DOTS_BELL_MASSES = 56 };
struct dp_dots_bell {
    double mu;
    bool is_smooth;
    int64_t first; /* narrow: mass[i] is at first + i */
    size_t n;
    double mass[DP_DOTS_BELL_MASSES];
};
#define DP_DOTS_BELL_BAND  11.0 /* e^(-11^2 / 2) is 5e-27 */
#define DP_DOTS_BELL_CUT   3e-21
#define DP_DOTS_BELL_ERROR 1e-12 /* of dp_dots_bell_at(), absolute */

void dp_dots_bell_of(struct dp_dots_bell *out, const struct dp_dots_grid *g,
                     double mu);
struct dp_complex dp_dots_bell_at(const struct dp_dots_bell *b,
                                  const struct dp_dots_grid *g, size_t j);

#endif
