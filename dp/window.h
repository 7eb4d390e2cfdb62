#ifndef DP_WINDOW_H
#define DP_WINDOW_H

#include "dp/dots.h"

/*
 * What dp/pld.c computes on: a history made ready, the tilt that makes its
 * interesting tail the bulk, and the window of losses and the grid that hold
 * what matters of it.  Inner parts of that module; argument: dp/pld.md.
 */

/* Orders (less 1) that tilts and tails are sought among: those of the Renyi
 * accountant and on to 2^20, for narrow laws. */
enum { DP_HISTORY_ORDERS = 193 };

/* Gaussians as one mu, the rest sorted, alike ones merged, the widest first. */
struct dp_history {
    double mu;                /* 0 when there is no Gaussian */
    struct dp_event *bounded; /* borrowed room for all events */
    size_t n;
    long double most; /* sum of times eps: no finite loss is larger, but for
                         the Gaussian's */
    bool aligned;     /* the grid's step divides every eps */
    double base;      /* which every eps is a multiple of, or 0 */
    long double at_order[DP_HISTORY_ORDERS]; /* cumulants there */
};

/* Fills a history whose `bounded` has room for n events, else zero. */
void dp_history_gather(struct dp_history *h, const struct dp_event *events,
                       size_t n);

/* ln E[exp(s L)] of the whole history, rounded up. */
long double dp_history_cumulant(const struct dp_history *h, long double s);

/* The order (less 1) whose bound on epsilon is best: there the tail that delta
 * looks at is the bulk.  Any other is as sound. */
long double dp_history_tilt(const struct dp_history *h, double delta);

/* The grid, and the losses it stands for: first .. first + n - 1, in steps. */
struct dp_window {
    struct dp_dots_grid grid; /* root is not set */
    double first;
    long double cut; /* delta above the window, at most */
};

/*
 * Choose both, and h->aligned.  The upper end depends on the step, a little,
 * and the step on the width: a few rounds settle both.  False when no grid
 * holds the history.
 */
bool dp_window_place(struct dp_history *h, struct dp_window *w, double delta);

#endif
