#ifndef DP_EVENT_H
#define DP_EVENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dp/mechanism.h"

/*
 * A release as the accountants see it: the pair of laws that its output
 * distinguishes worst, `times` over.  A history is an array of events, in any
 * order; parameters may have been chosen adaptively only where the accountant
 * says so (dp/account.h).
 *
 *   DP_EVENT_GAUSS     noise sigma on a value of L2 sensitivity 1 (or any
 *                      mechanism that is (1/sigma)-Gaussian-DP; the discrete
 *                      Gaussian is not one, but has the same zCDP and RDP)
 *   DP_EVENT_LAPLACE   continuous Laplace noise of scale 1/eps, sensitivity 1
 *   DP_EVENT_RESPONSE  discrete Laplace noise of scale 1/eps on an integer of
 *                      sensitivity 1; its loss is +-eps, as in randomised
 *                      response, the worst of all eps-DP mechanisms
 *   DP_EVENT_APPROX    anything (eps, delta)-DP: tells all with probability
 *                      delta, else is randomised response
 *
 * Neighbours may be swapped in each of them without a change.  Proof:
 * dp/event.md.
 */
enum dp_event_kind {
    DP_EVENT_GAUSS,
    DP_EVENT_LAPLACE,
    DP_EVENT_RESPONSE,
    DP_EVENT_APPROX,
};

struct dp_event {
    enum dp_event_kind kind;
    double sigma;   /* GAUSS: 1e-4 .. 1e12 */
    double eps;     /* the others: 1e-9 .. 1e4 */
    double delta;   /* APPROX: 0 <= delta < 1; else 0 */
    uint64_t times; /* 1 .. DP_EVENT_TIMES_MAX */
};
#define DP_EVENT_TIMES_MAX (UINT64_C(1) << 40)

/*
 * A vector release (dp/mechanism.h) as an event: the rounded Gaussian is a
 * GAUSS of sigma / L2; the discrete Laplace RESPONSEs of linf / t, one for each
 * of the l0 cells.  DP_EDOM for the discrete Gaussian, which is no event on its
 * own (above), where linf or l0 is 0, and where a field would leave its domain;
 * *out is written on DP_OK only.
 */
enum dp_status
dp_event_of_vector(struct dp_event *out,
                   const struct dp_vector_release *v) DP_MUST_CHECK;

/* True when every field is inside the domain above. */
bool dp_event_ok(const struct dp_event *e);

/*
 * ln E[exp(s L)] of the privacy loss L of one of the `times` releases, given
 * that it did not tell all; any s.  At s > 0 it is s times the Renyi divergence
 * of order 1 + s.  Rounded up, by 8 ulps (of extended precision) of the largest
 * logarithm in it.
 */
long double dp_event_cumulant(const struct dp_event *e, long double s);

/* The sum of cumulants at s, each `times` over: s RDP(1 + s) for s > 0. */
long double dp_event_cumulants(const struct dp_event *events, size_t n,
                               long double s);

/* The orders minus 1 that cumulants are looked at, of DP_BY_RDP (dp/account.h)
 * among others: 2^(i/8), i = -32 .. 96. */
enum { DP_RDP_ORDERS = 129 };
long double dp_rdp_order_less_1(size_t i);

/*
 * The part of `delta` left for the losses that are finite, once the events that
 * tell all are paid: (delta - d) / (1 - d), d = 1 - product of (1 - delta_i);
 * rounded down.  At most 0 when nothing is left.
 */
double dp_event_delta_left(const struct dp_event *events, size_t n,
                           double delta);

#endif
