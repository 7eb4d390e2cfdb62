#ifndef MAIN_NOTION_H
#define MAIN_NOTION_H

#include "server/ledger/ledger.h"
#include "server/main/world.h"

/*
 * A dataset's notion is chosen once.  What was spent under one notion says
 * nothing under another: discrete Gaussian noise has a rho but no mu, and an
 * epsilon spent is no part of a budget in rho.  So the ledger keeps them apart,
 * and nobody serves a dataset whose ledger knows it under another notion.
 *
 *   zcdp  dataset/ID        rho and delta
 *   pure  dataset/ID        epsilon alone
 *   gdp   dataset/ID/gdp    rho (mu^2/2) and delta
 */

/* The name of the filter's account; NULL without memory. */
const char *notion_account(const struct policy *p, enum dp_notion notion,
                           struct arena *a);

/*
 * ERR_INVALID when something was spent on a dataset of `w` under a notion that
 * is not its policy's; the hint names it.
 */
enum err_code notion_check(struct ledger *l, const struct world *w,
                           struct err *err) MUST_CHECK;

/* ledger_burn, of the filters of all datasets of `w`. */
enum err_code notion_burn(struct ledger *l, const struct world *w,
                          struct err *err) MUST_CHECK;

#endif
