#ifndef NEIGHBOUR_TAPE_HIST_H
#define NEIGHBOUR_TAPE_HIST_H

#include "server/main/noise.h"
#include "tests/neighbour/tape_cost.h"

/*
 * The histograms of one release, kept from the data without a person and held
 * against those with: one person has at most Linf rows in all buckets of a
 * group together, and rows in at most L0 groups; no bucket loses a row when a
 * person joins.  And the scores of each pick: none moves by more than the
 * choice's sensitivity (scores by dp/quantile.h).
 */
struct tape_hists {
    struct hist_cell *cells; /* owned */
    size_t n;
};

void tape_hists_keep(struct tape_hists *out, const struct plan *plan,
                     const struct engine_result *hists);
void tape_hists_fini(struct tape_hists *h);

/* The rule that is broken, or NULL; what the picks cost, in the groups that
 * `rows` released, is added to *cost. */
const char *tape_hists_wrong(struct tape_cost *cost,
                             const struct tape_hists *without,
                             const struct plan *plan,
                             const struct engine_result *with,
                             const struct plan_noisy *rows);

#endif
