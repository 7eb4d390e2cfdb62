#ifndef DP_NOTION_H
#define DP_NOTION_H

#include "dp/law.h"
#include "dp/price.h"

/*
 * What a price means under each notion.  One part of it adds up besides delta,
 * its main part:
 *
 *   DP_ZCDP  rho                 least noise for a price: discrete Gaussian
 *   DP_PURE  epsilon                                      discrete Laplace
 *   DP_GDP   rho = mu^2 / 2                               rounded Gaussian
 *
 * Under DP_GDP releases are mu-Gaussian-DP and mu^2 adds up; it is kept as
 * mu^2 / 2, the rho of the same release (a mu-GDP release is mu^2/2-zCDP), so
 * that one column of a ledger serves both.  The same rho buys a smaller
 * epsilon: at delta 1e-6, epsilon 1 is rho 0.0243 under zcdp, 0.0280 under gdp.
 * All three are filters: queries and parameters may depend on earlier answers.
 * Sources and argument: dp/notion.md.
 */

enum dp_law dp_notion_law(enum dp_notion notion);

/* "rho" or "epsilon". */
const char *dp_notion_unit_name(enum dp_notion notion);

/* The main part in integer units, and a price of so many units. */
uint64_t dp_notion_units(enum dp_notion notion, struct dp_price price);
struct dp_price dp_notion_price(enum dp_notion notion, uint64_t units);

/* The size of a unit: DP_PICO or DP_NANO. */
double dp_notion_unit(enum dp_notion notion);

/*
 * The epsilon >= 0 that the main part leaves at `delta`, rounded up; the
 * price's own delta comes on top.  delta is not used under DP_PURE, else
 * DP_EDOM unless 0 < delta < 1.
 */
enum dp_status dp_notion_eps(double *eps, enum dp_notion notion,
                             struct dp_price price, double delta) DP_MUST_CHECK;

/* The largest main part, as a real number, whose epsilon at delta is at most
 * `eps` > 0, rounded down. */
enum dp_status dp_notion_of_eps(double *main, enum dp_notion notion, double eps,
                                double delta) DP_MUST_CHECK;

/*
 * What a release that is only eps-DP costs under DP_GDP: mu^2 / 2 with
 * mu = 2 z(1 / (1 + e^eps)), z the upper normal quantile; rounded up by at most
 * 1e-11 relatively.  Requires eps >= 0.
 */
long double dp_notion_gdp_of_pure(long double eps);

#endif
