#ifndef MAIN_NOISE_CELLS_H
#define MAIN_NOISE_CELLS_H

#include "server/engine/engine.h"

/* Cells of a release, measure by measure: what noise.h is made of. */

/* Noise measure m of n rows of exact numbers, n_measures each, into rows of
 * plan_width. */
enum err_code noise_measure(struct dp_noisy *out, const struct dp_exact *in,
                            size_t n, const struct plan *plan, size_t m,
                            gsl_rng *rng, struct arena *a,
                            struct err *err) MUST_CHECK;

/* The numbers of every group of a public domain, exact zero where the engine
 * found none. */
enum err_code noise_place(const struct dp_exact **out, const struct plan *plan,
                          const struct engine_result *exact, struct arena *a,
                          struct err *err) MUST_CHECK;

#endif
