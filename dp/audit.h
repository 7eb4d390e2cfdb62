#ifndef DP_AUDIT_H
#define DP_AUDIT_H

#include <gsl/gsl_rng.h>
#include <stddef.h>
#include <stdint.h>

#include "dp/status.h"

/*
 * What a mechanism gives away, measured: a lower bound on its epsilon at a
 * delta, from draws on two neighbouring inputs alone.
 *
 *   half of the draws  ->  choose an event that tells the neighbours apart
 *   other half         ->  how often it happens on each, by Clopper and Pearson
 *   epsilon >= ln((least likely rate on one - delta) / most likely rate on the
 * other)
 *
 * The event is fixed before the second half is looked at, so the bound is above
 * the mechanism's true epsilon with probability at most `alpha`, whatever the
 * mechanism.  A bound above the epsilon that is claimed refutes the claim; a
 * bound below it proves nothing, so an auditor is only as good as the broken
 * mechanisms it finds (tests/test_dp_audit.c).  Proof: dp/audit.md.
 *
 * Events tried: outcomes at least or at most a value, and sets of frequent
 * outcomes by their ratio.  Outcomes are integers; whoever suspects a weakness
 * of another shape (low bits of a double, say) maps outcomes to numbers that
 * show it, which is post-processing.
 */

/* One outcome on neighbour 0 or 1, drawn afresh. */
typedef int64_t dp_audit_draw_fn(int neighbour, gsl_rng *rng, void *ctx);

struct dp_audit {
    dp_audit_draw_fn *draw;
    void *ctx;     /* borrowed; passed on */
    size_t trials; /* on each neighbour: 2 to DP_AUDIT_TRIALS_MAX */
    double delta;  /* 0 <= delta < 1 */
    double alpha;  /* 0 < alpha < 1 */
};
#define DP_AUDIT_TRIALS_MAX ((size_t)1000000)

struct dp_audit_finding {
    double eps;     /* the bound; 0 when the draws show nothing */
    int likelier;   /* the neighbour on which the event is likelier, and how */
    size_t hits[2]; /* often it happened on each, in the second half */
    size_t tested;  /* size of the second half */
};

/* DP_EDOM outside the domain; memory that cannot be had aborts. */
enum dp_status dp_audit(struct dp_audit_finding *out, const struct dp_audit *a,
                        gsl_rng *rng) DP_MUST_CHECK;

/*
 * Clopper and Pearson's bounds for a probability of which k of n trials were
 * hits: the truth is below the first (above the second) with probability at
 * most alpha.  Requires k <= n <= DP_AUDIT_TRIALS_MAX, n >= 1.
 */
double dp_audit_rate_low(size_t k, size_t n, double alpha);
double dp_audit_rate_high(size_t k, size_t n, double alpha);

#endif
