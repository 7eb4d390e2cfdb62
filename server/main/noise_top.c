/*
 * The first k groups: picked on their exact numbers, then told with noise of
 * their own (dp/topk.h).  Nothing but the picked rows leaves.
 */
#include <stdlib.h>
#include <string.h>

#include "server/main/noise.h"
#include "server/main/noise_cells.h"
#include "server/plan/release.h"

static enum err_code full(struct err *err)
{
    return err_set(err, ERR_LIMIT, "the release needs too much memory");
}

/* Rows to pick from. */
struct rows {
    const struct plan *plan;
    const struct value *keys; /* n * n_keys; NULL: of the public domain */
    const struct dp_exact *measures; /* n * n_measures */
    size_t *order;                   /* candidates, as they are handed in */
    size_t n;                        /* of them */
};

static struct dp_exact score_of(const struct rows *r, size_t row)
{
    const struct plan *p = r->plan;
    return r->measures[row * p->n_measures + p->top.score];
}

/* Falling; ties in the order of the keys, which knows no data. */
static int by_score(const void *left, const void *right, void *ctx)
{
    const struct rows *r = ctx;
    const size_t a = *(const size_t *)left, b = *(const size_t *)right;
    const size_t n = r->plan->n_keys;
    int c = dp_topk_order(score_of(r, a), score_of(r, b));
    for (size_t k = 0; c == 0 && k < n; k++)
        c = value_cmp(&r->keys[a * n + k], &r->keys[b * n + k]);
    return c;
}

/* Private groups: those of somebody, the most frequent first. */
static enum err_code order_rows(struct rows *r,
                                const struct engine_result *exact,
                                struct arena *a, struct err *err)
{
    r->keys = exact->keys;
    r->measures = exact->measures;
    r->order = ARENA_NEW_N(a, exact->n_rows + 1, size_t);
    if (!r->order)
        return full(err);
    for (size_t i = 0; i < exact->n_rows; i++)
        if (dp_topk_counts(score_of(r, i)))
            r->order[r->n++] = i;
    if (r->n > 1)
        qsort_r(r->order, r->n, sizeof *r->order, by_score, r);
    const size_t most = r->plan->top.t.fetched + 1;
    r->n = r->n < most ? r->n : most;
    return ERR_OK;
}

/* Public groups: all of them, in the order of the domains. */
static enum err_code list_rows(struct rows *r,
                               const struct engine_result *exact,
                               struct arena *a, struct err *err)
{
    r->n = (size_t)r->plan->groups_public;
    r->order = ARENA_NEW_N(a, r->n + 1, size_t);
    if (!r->order)
        return full(err);
    for (size_t i = 0; i < r->n; i++)
        r->order[i] = i;
    return noise_place(&r->measures, r->plan, exact, a, err);
}

static enum err_code pick(size_t *rows, size_t *n_picked, const struct rows *r,
                          gsl_rng *rng, struct arena *a, struct err *err)
{
    const struct dp_topk *t = &r->plan->top.t;
    struct dp_exact *count = ARENA_NEW_N(a, r->n + 1, struct dp_exact);
    const struct dp_topk_room room = { ARENA_NEW_N(a, r->n + 1,
                                                   struct dp_exact),
                                       ARENA_NEW_N(a, r->n + 1, uint64_t) };
    if (!count || !room.score || !room.width)
        return full(err);
    for (size_t i = 0; i < r->n; i++)
        count[i] = score_of(r, r->order[i]);
    if (dp_topk_pick(rows, n_picked, t, count, r->n, room, rng) != DP_OK)
        return err_set(err, ERR_INTERNAL, "the picks are outside their domain");
    for (size_t i = 0; i < *n_picked; i++)
        rows[i] = r->order[rows[i]];
    return ERR_OK;
}

static void copy_keys(struct value *out, const struct rows *r, size_t row)
{
    const size_t n = r->plan->n_keys;
    if (r->keys)
        memcpy(out, &r->keys[row * n], n * sizeof *out);
    else
        plan_group_keys(out, r->plan, row);
}

enum err_code noise_top(struct plan_noisy *out, const struct plan *plan,
                        const struct engine_result *exact, gsl_rng *rng,
                        struct arena *a, struct err *err)
{
    const size_t k = plan->top.t.k, stride = plan->n_measures;
    struct rows r = { .plan = plan };
    size_t n = 0, *rows = ARENA_NEW_N(a, k, size_t);
    struct dp_exact *picked = ARENA_NEW_N(a, k * stride, struct dp_exact);
    out->keys = ARENA_NEW_N(a, k * plan->n_keys, struct value);
    out->measures = ARENA_NEW_N(a, k * plan_width(plan), struct dp_noisy);
    if (!rows || !picked || !out->keys || !out->measures)
        return full(err);
    TRY(plan->selects ? order_rows(&r, exact, a, err)
                      : list_rows(&r, exact, a, err));
    TRY(pick(rows, &n, &r, rng, a, err));
    for (size_t i = 0; i < n; i++) {
        copy_keys(&out->keys[i * plan->n_keys], &r, rows[i]);
        memcpy(&picked[i * stride], &r.measures[rows[i] * stride],
               stride * sizeof *picked);
    }
    out->n_rows = n;
    for (size_t m = 0; m < stride; m++)
        if (!plan_hides(plan, m))
            TRY(noise_measure(out->measures, picked, n, plan, m, rng, a, err));
    return ERR_OK;
}
