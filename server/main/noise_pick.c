/*
 * Quantiles: for each released group the rows of its histogram, as a list over
 * the engine's rows, go into one array of buckets, of which one is picked.
 */
#include <stdlib.h>
#include <string.h>

#include "server/main/noise.h"

static enum err_code full(struct err *err)
{
    return err_set(err, ERR_LIMIT, "the release needs too much memory");
}

/* Released groups in the order of their keys, and the engine's rows of each. */
struct groups {
    const struct plan *plan;
    const struct plan_noisy *noisy;
    size_t *order;       /* of released rows, by keys */
    size_t *head, *next; /* released row -> engine row -> ...; END */
};
static const size_t END = SIZE_MAX;

static int compare_keys(const struct value *a, const struct value *b, size_t n)
{
    int c = 0;
    for (size_t k = 0; c == 0 && k < n; k++)
        c = value_cmp(&a[k], &b[k]);
    return c;
}

static int by_keys(const void *left, const void *right, void *ctx)
{
    const struct groups *g = ctx;
    const size_t n = g->plan->n_keys;
    const size_t a = *(const size_t *)left, b = *(const size_t *)right;
    return compare_keys(&g->noisy->keys[a * n], &g->noisy->keys[b * n], n);
}

/* The released row with these keys, or END. */
static size_t find(const struct groups *g, const struct value *keys)
{
    const size_t n = g->plan->n_keys;
    size_t lo = 0, hi = g->noisy->n_rows;
    while (lo < hi) {
        const size_t mid = lo + (hi - lo) / 2;
        const int c = compare_keys(keys, &g->noisy->keys[g->order[mid] * n], n);
        if (c == 0)
            return g->order[mid];
        if (c < 0)
            hi = mid;
        else
            lo = mid + 1;
    }
    return END;
}

static enum err_code open_groups(struct groups *g, const struct plan *plan,
                                 const struct plan_noisy *noisy,
                                 struct arena *a, struct err *err)
{
    *g = (struct groups){ .plan = plan, .noisy = noisy };
    g->order = ARENA_NEW_N(a, noisy->n_rows + 1, size_t);
    g->head = ARENA_NEW_N(a, noisy->n_rows + 1, size_t);
    if (!g->order || !g->head)
        return full(err);
    for (size_t i = 0; i < noisy->n_rows; i++)
        g->order[i] = i;
    if (noisy->n_rows > 1)
        qsort_r(g->order, noisy->n_rows, sizeof *g->order, by_keys, g);
    return ERR_OK;
}

/* Rows of groups that were not released are forgotten. */
static enum err_code list_rows(struct groups *g,
                               const struct engine_result *hist,
                               struct arena *a, struct err *err)
{
    const size_t wide = g->plan->n_keys + 1;
    g->next = ARENA_NEW_N(a, hist->n_rows + 1, size_t);
    if (!g->next)
        return full(err);
    for (size_t i = 0; i < g->noisy->n_rows; i++)
        g->head[i] = END;
    for (size_t r = 0; r < hist->n_rows; r++) {
        const size_t row = find(g, &hist->keys[r * wide]);
        if (row == END)
            continue;
        g->next[r] = g->head[row];
        g->head[row] = r;
    }
    return ERR_OK;
}

static void fill(struct dp_exact *count, const struct groups *g,
                 const struct engine_result *hist, const struct plan_hist *h,
                 size_t row)
{
    const size_t n_keys = g->plan->n_keys;
    memset(count, 0, h->n_buckets * sizeof *count);
    for (size_t r = g->head[row]; r != END; r = g->next[r]) {
        const struct value *bucket = &hist->keys[r * (n_keys + 1) + n_keys];
        if (bucket->type == VALUE_INT && bucket->i >= 0 &&
            (uint64_t)bucket->i < h->n_buckets)
            count[bucket->i] = hist->measures[r];
    }
}

static enum err_code pick(struct plan_noisy *out, const struct plan *plan,
                          size_t hist, size_t row, const struct dp_exact *count,
                          struct dp_exact *room, gsl_rng *rng, struct err *err)
{
    for (size_t i = 0; i < plan->n_picks; i++) {
        const struct plan_pick *p = &plan->picks[i];
        size_t bucket = 0;
        if (p->hist != hist)
            continue;
        if (dp_quantile_pick(&bucket, count, plan->hists[hist].n_buckets, &p->q,
                             &p->choice, room, rng) != DP_OK)
            return err_set(err, ERR_INTERNAL, "a choice is outside its domain");
        out->measures[row * plan_width(plan) + plan->n_measures + i].v =
            (dp_int)bucket;
    }
    return ERR_OK;
}

static enum err_code pick_hist(struct plan_noisy *out, struct groups *g,
                               size_t hist, const struct engine_result *rows,
                               gsl_rng *rng, struct arena *a, struct err *err)
{
    const struct plan *plan = g->plan;
    const struct plan_hist *h = &plan->hists[hist];
    struct dp_exact *count = ARENA_NEW_N(a, h->n_buckets, struct dp_exact);
    struct dp_exact *room = ARENA_NEW_N(a, h->n_buckets + 2, struct dp_exact);
    if (!count || !room)
        return full(err);
    TRY(list_rows(g, rows, a, err));
    for (size_t row = 0; row < out->n_rows; row++) {
        fill(count, g, rows, h, row);
        TRY(pick(out, plan, hist, row, count, room, rng, err));
    }
    return ERR_OK;
}

enum err_code noise_picks(struct plan_noisy *out, const struct plan *plan,
                          const struct engine_result *hists, gsl_rng *rng,
                          struct arena *a, struct err *err)
{
    struct groups g;
    if (plan->n_picks == 0)
        return ERR_OK;
    TRY(open_groups(&g, plan, out, a, err));
    for (size_t h = 0; h < plan->n_hists; h++)
        TRY(pick_hist(out, &g, h, &hists[h], rng, a, err));
    return ERR_OK;
}

/* ---- too many rows to hold ---- */

struct noise_counts {
    struct groups groups;
    struct dp_exact *count[]; /* per histogram: rows of buckets */
};

enum err_code noise_tally_open(struct noise_tally *t, const struct plan *plan,
                               const struct plan_noisy *rows, struct arena *a,
                               struct err *err)
{
    size_t most = 0;
    t->counts = arena_alloc(
        a, 1, sizeof *t->counts + plan->n_hists * sizeof t->counts->count[0]);
    if (!t->counts)
        return full(err);
    TRY(open_groups(&t->counts->groups, plan, rows, a, err));
    for (size_t h = 0; h < plan->n_hists; h++) {
        const size_t n = plan->hists[h].n_buckets;
        most = n > most ? n : most;
        t->counts->count[h] =
            arena_alloc(a, rows->n_rows * n + 1, sizeof(struct dp_exact));
        if (!t->counts->count[h])
            return full(err);
    }
    t->room = ARENA_NEW_N(a, most + 2, struct dp_exact);
    return t->room ? ERR_OK : full(err);
}

void noise_tally_add(struct noise_tally *t, size_t hist,
                     const struct engine_result *page)
{
    const struct groups *g = &t->counts->groups;
    const size_t n = g->plan->hists[hist].n_buckets, n_keys = g->plan->n_keys;
    for (size_t r = 0; r < page->n_rows; r++) {
        const struct value *keys = &page->keys[r * (n_keys + 1)];
        const struct value *bucket = &keys[n_keys];
        const size_t row = find(g, keys);
        if (row != END && bucket->type == VALUE_INT && bucket->i >= 0 &&
            (uint64_t)bucket->i < n)
            t->counts->count[hist][row * n + (size_t)bucket->i] =
                page->measures[r];
    }
}

enum err_code noise_tally_pick(struct noise_tally *t, struct plan_noisy *out,
                               gsl_rng *rng, struct err *err)
{
    const struct plan *p = t->counts->groups.plan;
    for (size_t h = 0; h < p->n_hists; h++)
        for (size_t row = 0; row < out->n_rows; row++)
            TRY(pick(out, p, h, row,
                     &t->counts->count[h][row * p->hists[h].n_buckets], t->room,
                     rng, err));
    return ERR_OK;
}
