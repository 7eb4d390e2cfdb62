#ifndef DP_ACCOUNT_H
#define DP_ACCOUNT_H

#include "dp/event.h"

/*
 * What a history of releases adds up to: the epsilon at a delta, by five
 * accountants.  Each is an upper bound on the true epsilon; they differ in how
 * far above it they are and in what they may be used for.
 *
 *   DP_BY_PURE   basic composition: epsilons and deltas add up     adaptive
 *   DP_BY_RDP    Renyi divergences at 129 fixed orders add up      adaptive
 *   DP_BY_ZCDP   rho adds up; dp_eps_of_rho()                      adaptive
 *   DP_BY_GDP    mu^2 adds up; dp_gauss_eps()                      adaptive
 *   DP_BY_PLD    the losses' laws convolved (dp/pld.h)             fixed
 *
 * "adaptive": the sum is valid as a filter, when queries and their parameters
 * may depend on earlier answers (dp/filter.h charges so).  "fixed": queries may
 * depend on answers, parameters must not; for reports and what-if, never to
 * charge by.
 *
 * An event that tells all with probability delta_i uses up delta first
 * (dp_event_delta_left).  Proof: dp/account.md.
 */
enum dp_accountant {
    DP_BY_PURE,
    DP_BY_RDP,
    DP_BY_ZCDP,
    DP_BY_GDP,
    DP_BY_PLD,
};

/*
 * An epsilon >= 0 such that the history is (epsilon, delta)-DP, rounded up.
 *
 * DP_OK      *eps is written
 * DP_EDOM    an event is outside its domain, delta is not in (0, 1) (under
 *            DP_BY_PURE it may be 0), or n is 0
 * DP_ERANGE  no finite epsilon: the events' own deltas leave nothing of delta,
 *            or (DP_BY_PURE) one is Gaussian
 * DP_ENOCONV no memory, or an iteration failed
 */
enum dp_status dp_account_eps(double *eps, enum dp_accountant by,
                              const struct dp_event *events, size_t n,
                              double delta) DP_MUST_CHECK;

/* The order minus 1 whose epsilon at delta is least, and that epsilon. */
long double dp_account_best_order(long double *eps,
                                  const struct dp_event *events, size_t n,
                                  double delta);

/* rho of one of the event's releases: 1/(2 sigma^2) or eps^2/2. */
double dp_event_rho(const struct dp_event *e);

/* The mu for which one of the event's releases is mu-GDP, rounded up (given
 * that it did not tell all). */
double dp_event_mu(const struct dp_event *e);

#endif
