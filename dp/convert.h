#ifndef DP_CONVERT_H
#define DP_CONVERT_H

#include "dp/status.h"

/*
 * zCDP to (epsilon, delta) and back: Canonne, Kamath, Steinke 2020, prop. 12:
 *   delta = inf over a > 1 of exp((a-1)(a rho - eps)) (1-1/a)^a / (a-1).
 * The infimum's own condition reduces to (a-1)^2 rho + ln a = ln(1/delta),
 * which GSL's root finder solves; any other a gives a larger, still valid
 * epsilon, so an inexact root can never be unsound.  Proof and error bounds:
 * dp/convert.md.
 *
 * Domain: 0 < delta < 1; rho, eps >= 0 and finite; else DP_EDOM.
 */

/* Least eps >= 0 for rho at delta, rounded up by at most 1e-12 relative
 * (1e-15 absolute near 0). */
enum dp_status dp_eps_of_rho(double *eps, double rho,
                             double delta) DP_MUST_CHECK;

/* Largest rho whose eps at delta is at most eps, rounded down likewise. */
enum dp_status dp_rho_of_eps(double *rho, double eps,
                             double delta) DP_MUST_CHECK;

/* The delta that rho leaves at eps: the formula above, rounded up likewise. */
enum dp_status dp_delta_of_rho(double *delta, double rho,
                               double eps) DP_MUST_CHECK;

/*
 * Into zCDP, rounded up.  Anything eps-DP is eps^2/2-zCDP, anything mu-GDP is
 * mu^2/2-zCDP (and has exactly the Renyi divergences of that).  Infinite where
 * the square is; x >= 0.
 */
double dp_rho_of_pure(double eps);
double dp_rho_of_gdp(double mu);

/*
 * The epsilon >= 0 that one Renyi divergence, of order > 1, leaves at delta:
 * what dp_eps_of_rho() minimises over orders, with a rho = divergence.  Rounded
 * up by at most 1e-12.  DP_EDOM also unless order > 1 and finite.
 */
enum dp_status dp_eps_of_renyi(double *eps, double order, double divergence,
                               double delta) DP_MUST_CHECK;

/*
 * What someone who believed 50:50 can come to believe at most, save for a
 * chance of delta: 1 / (1 + exp(-eps')), eps' = rho + 2 sqrt(rho ln(1/delta)).
 */
double dp_odds_of_rho(double rho, double delta);

#endif
