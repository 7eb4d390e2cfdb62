#include "server/main/noise_cells.h"

#include <string.h>

#include "server/plan/release.h"

static enum err_code full(struct err *err)
{
    return err_set(err, ERR_LIMIT, "the release needs too much memory");
}

enum err_code noise_measure(struct dp_noisy *out, const struct dp_exact *in,
                            size_t n, const struct plan *plan, size_t m,
                            gsl_rng *rng, struct arena *a, struct err *err)
{
    const size_t stride = plan->n_measures, wide = plan_width(plan);
    struct dp_exact *packed = ARENA_NEW_N(a, n, struct dp_exact);
    struct dp_noisy *noisy = ARENA_NEW_N(a, n, struct dp_noisy);
    if (!packed || !noisy)
        return full(err);
    for (size_t i = 0; i < n; i++)
        packed[i] = in[i * stride + m];
    if (dp_mechanism_release(noisy, packed, n, &plan->measures[m].noise, rng) !=
        DP_OK)
        return err_set(err, ERR_INTERNAL, "a mechanism is outside its domain");
    for (size_t i = 0; i < n; i++)
        out[i * wide + m] = noisy[i];
    return ERR_OK;
}

enum err_code noise_place(const struct dp_exact **out, const struct plan *plan,
                          const struct engine_result *exact, struct arena *a,
                          struct err *err)
{
    const size_t n = (size_t)plan->groups_public, wide = plan->n_measures;
    struct dp_exact *all = ARENA_NEW_N(a, n * wide, struct dp_exact);
    if (!all)
        return full(err);
    for (size_t r = 0; r < exact->n_rows; r++) {
        uint64_t group;
        if (plan_group_index(&group, plan, &exact->keys[r * plan->n_keys]))
            memcpy(&all[group * wide], &exact->measures[r * wide],
                   wide * sizeof *all);
    }
    *out = all;
    return ERR_OK;
}
