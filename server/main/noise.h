#ifndef MAIN_NOISE_H
#define MAIN_NOISE_H

#include "server/engine/engine.h"

/*
 * EXECUTED -> NOISED: the one place where a query's exact integers meet dp/.
 *
 * Public keys: every group of the domain gets noise, those the engine did not
 * find included.  Private keys: the people of each group first, those above the
 * threshold are kept, their other measures get noise, the rest is forgotten.
 * The first k groups: picked on exact numbers, their measures get noise.
 * Then a bucket is picked for each released group and quantile.
 *
 * `exact` is empty where the plan has no measure; `hists` are plan->n_hists.
 * ERR_LIMIT: the arena is full (a miss, to the caller).  `rng` is the worker's.
 */
enum err_code noise_release(struct plan_noisy *out, const struct plan *plan,
                            const struct engine_result *exact,
                            const struct engine_result *hists, gsl_rng *rng,
                            struct arena *a, struct err *err) MUST_CHECK;

/* noise_top.c: the first k groups. */
enum err_code noise_top(struct plan_noisy *out, const struct plan *plan,
                        const struct engine_result *exact, gsl_rng *rng,
                        struct arena *a, struct err *err) MUST_CHECK;

/* noise_pick.c: the picks of the rows in `out`, behind their measures. */
enum err_code noise_picks(struct plan_noisy *out, const struct plan *plan,
                          const struct engine_result *hists, gsl_rng *rng,
                          struct arena *a, struct err *err) MUST_CHECK;

/*
 * The same of histograms that come in pages, for groups that are released
 * already: what is counted is kept for them alone.  `rows` and its keys outlive
 * the tally.
 */
struct noise_tally {
    struct noise_counts *counts; /* of groups and buckets */
    struct dp_exact *room;
};
enum err_code noise_tally_open(struct noise_tally *t, const struct plan *plan,
                               const struct plan_noisy *rows, struct arena *a,
                               struct err *err) MUST_CHECK;
void noise_tally_add(struct noise_tally *t, size_t hist,
                     const struct engine_result *page);
enum err_code noise_tally_pick(struct noise_tally *t, struct plan_noisy *out,
                               gsl_rng *rng, struct err *err) MUST_CHECK;

#endif
