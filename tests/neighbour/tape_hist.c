#include "tests/neighbour/tape_hist.h"

#include <stdlib.h>
#include <string.h>

#include "server/base/writer.h"

/* The rows of one bucket; `group` names the histogram and the group keys. */
struct hist_cell {
    uint8_t *group;
    size_t group_len, hist;
    int64_t bucket;
    dp_int rows;
};

static void print_group(struct writer *w, size_t hist, const struct value *keys,
                        size_t n)
{
    writer_be64(w, hist);
    for (size_t k = 0; k < n; k++)
        value_write(w, &keys[k]);
}

void tape_hists_keep(struct tape_hists *out, const struct plan *plan,
                     const struct engine_result *hists)
{
    size_t n = 0;
    for (size_t h = 0; h < plan->n_hists; h++)
        n += hists[h].n_rows;
    *out = (struct tape_hists){ .cells = calloc(n + 1, sizeof *out->cells) };
    if (!out->cells)
        abort();
    for (size_t h = 0; h < plan->n_hists; h++)
        for (size_t r = 0; r < hists[h].n_rows; r++) {
            struct hist_cell *c = &out->cells[out->n++];
            const struct value *keys = &hists[h].keys[r * (plan->n_keys + 1)];
            struct writer w = writer_of(NULL, 0);
            print_group(&w, h, keys, plan->n_keys);
            c->group = malloc(w.need);
            if (!c->group)
                abort();
            w = writer_of(c->group, w.need);
            print_group(&w, h, keys, plan->n_keys);
            c->group_len = w.len;
            c->hist = h;
            c->bucket = keys[plan->n_keys].i;
            c->rows = hists[h].measures[r].touched;
        }
}

void tape_hists_fini(struct tape_hists *h)
{
    for (size_t i = 0; i < h->n; i++)
        free(h->cells[i].group);
    free(h->cells);
    *h = (struct tape_hists){ 0 };
}

static bool same_group(const struct hist_cell *a, const struct hist_cell *b)
{
    return a->group_len == b->group_len &&
           memcmp(a->group, b->group, a->group_len) == 0;
}

static dp_int rows_in(const struct tape_hists *h, const struct hist_cell *like)
{
    for (size_t i = 0; i < h->n; i++)
        if (h->cells[i].bucket == like->bucket &&
            same_group(&h->cells[i], like))
            return h->cells[i].rows;
    return 0;
}

static bool is_first_of_group(const struct tape_hists *h, size_t i)
{
    for (size_t j = 0; j < i; j++)
        if (same_group(&h->cells[i], &h->cells[j]))
            return false;
    return true;
}

/* By how many rows the group's buckets differ; -1 when one of them fell. */
static dp_int moved(const struct tape_hists *with,
                    const struct tape_hists *without,
                    const struct hist_cell *group)
{
    dp_int total = 0;
    for (size_t i = 0; i < with->n; i++) {
        if (!same_group(&with->cells[i], group))
            continue;
        const dp_int by =
            with->cells[i].rows - rows_in(without, &with->cells[i]);
        if (by < 0)
            return -1;
        total += by;
    }
    return total;
}

/* Rows of each bucket of one group. */
static void spread(dp_int *out, size_t n, const struct tape_hists *h,
                   const struct hist_cell *group)
{
    memset(out, 0, n * sizeof *out);
    for (size_t i = 0; i < h->n; i++)
        if (same_group(&h->cells[i], group) && h->cells[i].bucket >= 0 &&
            (size_t)h->cells[i].bucket < n)
            out[h->cells[i].bucket] += h->cells[i].rows;
}

/* Distance, in rows / den, of the target from a bucket that ends at row
 * `high`. */
static dp_int distance(dp_int low, dp_int high, dp_int all,
                       const struct dp_quantile *q)
{
    const dp_int target = all * q->num + q->shift, den = q->den;
    return target < low * den    ? low * den - target
           : target > high * den ? target - high * den
                                 : 0;
}

/* The most by which a score of this pick moves. */
static dp_int score_moved(const dp_int *with, const dp_int *without, size_t n,
                          const struct dp_quantile *q)
{
    dp_int all = 0, was = 0, at = 0, at_was = 0, most = 0;
    for (size_t i = 0; i < n; i++)
        all += with[i], was += without[i];
    for (size_t i = 0; i < n; i++) {
        const dp_int d = distance(at, at + with[i], all, q) -
                         distance(at_was, at_was + without[i], was, q);
        most = d > most ? d : -d > most ? -d : most;
        at += with[i], at_was += without[i];
    }
    return most;
}

static const char *check_picks(struct tape_cost *cost, const struct plan *plan,
                               const struct tape_hists *with,
                               const struct tape_hists *without,
                               const struct hist_cell *group)
{
    const char *wrong = NULL;
    const size_t n = plan->hists[group->hist].n_buckets;
    dp_int *a = calloc(n, sizeof *a), *b = calloc(n, sizeof *b);
    if (!a || !b)
        abort();
    spread(a, n, with, group);
    spread(b, n, without, group);
    for (size_t i = 0; i < plan->n_picks; i++) {
        const struct plan_pick *p = &plan->picks[i];
        if (p->hist != group->hist)
            continue;
        const dp_int by = score_moved(a, b, n, &p->q);
        tape_cost_pick(cost, plan->policy->notion, &p->choice,
                       (double)by / (double)p->choice.sensitivity);
        if (by > (dp_int)p->choice.sensitivity)
            wrong = "a score moved by more than its sensitivity";
    }
    free(a);
    free(b);
    return wrong;
}

/* Of the first k groups alone are buckets picked. */
static bool is_picked(const struct plan *plan, const struct plan_noisy *rows,
                      const struct hist_cell *group)
{
    uint8_t name[1024];
    bool found = !plan->top.on;
    for (size_t r = 0; !found && r < rows->n_rows; r++) {
        struct writer w = writer_of(name, sizeof name);
        print_group(&w, group->hist, &rows->keys[r * plan->n_keys],
                    plan->n_keys);
        found = !w.overflow && w.len == group->group_len &&
                memcmp(name, group->group, w.len) == 0;
    }
    return found;
}

static const char *compare(struct tape_cost *cost,
                           const struct tape_hists *with,
                           const struct tape_hists *without,
                           const struct plan *plan,
                           const struct plan_noisy *rows)
{
    size_t groups[PLAN_MEASURES_MAX] = { 0 };
    for (size_t i = 0; i < without->n; i++)
        if (rows_in(with, &without->cells[i]) < without->cells[i].rows)
            return "a bucket lost rows";
    for (size_t i = 0; i < with->n; i++) {
        const struct hist_cell *c = &with->cells[i];
        if (!is_first_of_group(with, i))
            continue;
        const dp_int by = moved(with, without, c);
        if (by < 0 || by > (dp_int)plan->linf)
            return "a histogram moved by more than Linf rows in a group";
        if (by > 0 && ++groups[c->hist] > plan->l0)
            return "a histogram moved in more groups than L0";
        const char *wrong =
            by > 0 && is_picked(plan, rows, c)
                ? check_picks(cost, plan, with, without, c)
                : NULL;
        if (wrong)
            return wrong;
    }
    return NULL;
}

const char *tape_hists_wrong(struct tape_cost *cost,
                             const struct tape_hists *without,
                             const struct plan *plan,
                             const struct engine_result *hists,
                             const struct plan_noisy *rows)
{
    struct tape_hists with;
    tape_hists_keep(&with, plan, hists);
    const char *wrong = compare(cost, &with, without, plan, rows);
    tape_hists_fini(&with);
    return wrong;
}
