#include "server/main/noise.h"

#include <string.h>

#include "server/main/noise_cells.h"
#include "server/plan/release.h"

static enum err_code full(struct err *err)
{
    return err_set(err, ERR_LIMIT, "the release needs too much memory");
}

/* Every group of the public domain. */
static enum err_code release_public(struct plan_noisy *out,
                                    const struct plan *plan,
                                    const struct engine_result *exact,
                                    gsl_rng *rng, struct arena *a,
                                    struct err *err)
{
    const size_t n = (size_t)plan->groups_public, wide = plan->n_measures;
    const struct dp_exact *all = NULL;
    out->n_rows = n;
    out->keys = ARENA_NEW_N(a, n * plan->n_keys, struct value);
    out->measures = ARENA_NEW_N(a, n * plan_width(plan), struct dp_noisy);
    if (!out->keys || !out->measures)
        return full(err);
    TRY(noise_place(&all, plan, exact, a, err));
    for (size_t i = 0; i < n; i++)
        plan_group_keys(&out->keys[i * plan->n_keys], plan, i);
    for (size_t m = 0; m < wide; m++)
        TRY(noise_measure(out->measures, all, n, plan, m, rng, a, err));
    return ERR_OK;
}

/* Groups whose noisy number of people passes the threshold. */
static enum err_code release_private(struct plan_noisy *out,
                                     const struct plan *plan,
                                     const struct engine_result *exact,
                                     gsl_rng *rng, struct arena *a,
                                     struct err *err)
{
    const size_t n = exact->n_rows, stride = plan->n_measures;
    const size_t wide = plan_width(plan);
    struct dp_exact *rows = ARENA_NEW_N(a, n * stride, struct dp_exact);
    out->keys = ARENA_NEW_N(a, n * plan->n_keys, struct value);
    out->measures = ARENA_NEW_N(a, n * wide, struct dp_noisy);
    if (!rows || !out->keys || !out->measures)
        return full(err);
    TRY(noise_measure(out->measures, exact->measures, n, plan, plan->people,
                      rng, a, err));

    size_t kept = 0; /* rows [0, kept) of out are released, kept <= r */
    for (size_t r = 0; r < n; r++) {
        const struct dp_noisy people = out->measures[r * wide + plan->people];
        if (!dp_threshold_keeps(plan->keep, people))
            continue;
        out->measures[kept * wide + plan->people] = people;
        memcpy(&rows[kept * stride], &exact->measures[r * stride],
               stride * sizeof *rows);
        if (plan->n_keys > 0)
            memcpy(&out->keys[kept * plan->n_keys],
                   &exact->keys[r * plan->n_keys],
                   plan->n_keys * sizeof *out->keys);
        kept++;
    }
    out->n_rows = kept;
    for (size_t m = 0; m < stride; m++)
        if (m != plan->people)
            TRY(noise_measure(out->measures, rows, kept, plan, m, rng, a, err));
    return ERR_OK;
}

enum err_code noise_release(struct plan_noisy *out, const struct plan *plan,
                            const struct engine_result *exact,
                            const struct engine_result *hists, gsl_rng *rng,
                            struct arena *a, struct err *err)
{
    *out = (struct plan_noisy){ .n_rows = 0 };
    if (plan->top.on)
        TRY(noise_top(out, plan, exact, rng, a, err));
    else
        TRY(plan->selects ? release_private(out, plan, exact, rng, a, err)
                          : release_public(out, plan, exact, rng, a, err));
    return noise_picks(out, plan, hists, rng, a, err);
}
