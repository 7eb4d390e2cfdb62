#ifndef PLAN_TOTALS_H
#define PLAN_TOTALS_H

#include "server/plan/draft.h"

/*
 * Grouping sets whose rows are added up from the noisy cells of another set:
 * nothing more is released, so they cost nothing, and the sets that are left
 * share the price.  A row is noisier by the root of its number of cells, and
 * less noisy by the share that it leaves to them; the planner takes whichever
 * way makes the variances of the sets, one number each, add up to least:
 *
 *   by itself     m L0          m sets that pay, L0 of the set
 *   added up      m c L0'       c cells a row, L0' of the set that has them
 *
 * Only where that means the same number: all keys of the cells are public (an
 * unseen cell could not be added); counts of rows and sums, and counts of
 * people where each is in one cell by construction; no minimum audience.  Only
 * where the law of the sum is known (dp/total.h), and a price is shared: an
 * accuracy is cheaper by itself.
 *
 * Added up, a person counts with up to Linf rows in each of L0' cells; by
 * itself with Linf rows.  Rows outside a domain without an `other` are in no
 * cell.
 */
#define TOTALS_NONE SIZE_MAX

/*
 * from[i] is the part whose cells part i is added up from, or NONE; *n_paid how
 * many are left to pay.  `parts` are priced, each by itself.
 */
void totals_choose(size_t *from, size_t *n_paid, struct plan *const *parts,
                   size_t n, const struct draft *like);

/* d->total_of is planned: numbers and noise of the totals.  ERR_REFUSED when
 * there is no law. */
enum err_code totals_draft(struct draft *d, struct err *err) MUST_CHECK;

void totals_explain(struct writer *w, const struct draft *d);

/* The rows of part `part` of the plan, from those of the part it says. */
enum err_code totals_rows(struct plan_noisy *out, const struct plan *plan,
                          const struct plan_noisy *all, size_t part,
                          struct arena *a, struct err *err) MUST_CHECK;

#endif
