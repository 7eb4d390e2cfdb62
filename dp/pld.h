#ifndef DP_PLD_H
#define DP_PLD_H

#include "dp/event.h"

/*
 * The privacy loss distribution of a history, numerically: never below the true
 * epsilon, and closer to it than sums of rho or Renyi divergences.
 *
 * FOR REPORTS AND WHAT-IF ONLY, NEVER TO CHARGE BY.  "Stop when the curve
 * crosses the limit" is not private when parameters may depend on earlier
 * answers (arXiv:2602.06756); dp/filter.h is what charges.
 *
 * Gaussians merge to one; a history of Gaussians alone, or of releases whose
 * losses are +-eps with one eps, is solved in closed form.  Anything else is
 * put on a grid, each law by connecting the dots of its delta curve (Doroshenko
 * et al. 2022), tilted by exp(order * loss) so that the tail that matters is
 * the bulk, transformed (GSL), raised to its power, multiplied, transformed
 * back; the parts cut off and a bound on every rounding error are added to
 * delta.  Tilting makes all errors relative to the delta asked for, so small
 * deltas cost nothing.  Proof: dp/pld.md.
 */

/*
 * The least epsilon >= 0 at delta that this proves for the losses that are
 * finite (`delta` is what dp_event_delta_left() gives).  At most about 3e-6
 * above the least there is, as long as the grid's 2^18 points suffice; up to
 * 1e-4 where the history has few losses and they fall between grid points.
 *
 * DP_OK      *eps is written
 * DP_EDOM    n is 0, or delta is not in (0, 1); events are the caller's to
 * check DP_ENOCONV no memory
 */
enum dp_status dp_pld_eps(double *eps, const struct dp_event *events, size_t n,
                          double delta) DP_MUST_CHECK;

#endif
