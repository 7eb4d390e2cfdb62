#include "tests/neighbour/tape_hist.h"

#include <stdlib.h>
#include <string.h>

#include "server/base/writer.h"

/* The rows of one bucket; `group` names the histogram and the group keys. */
struct hist_cell {
    uint8_t *group;
    size_t group_len;
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

static const char *compare(const struct tape_hists *with,
                           const struct tape_hists *without,
                           const struct plan *plan)
{
    size_t groups = 0;
    for (size_t i = 0; i < without->n; i++)
        if (rows_in(with, &without->cells[i]) < without->cells[i].rows)
            return "a bucket lost rows";
    for (size_t i = 0; i < with->n; i++) {
        if (!is_first_of_group(with, i))
            continue;
        const dp_int by = moved(with, without, &with->cells[i]);
        if (by < 0 || by > (dp_int)plan->linf)
            return "a histogram moved by more than Linf rows in a group";
        groups += by > 0;
    }
    if (groups > (size_t)plan->l0 * plan->n_hists)
        return "a histogram moved in more groups than L0";
    return NULL;
}

const char *tape_hists_wrong(const struct tape_hists *without,
                             const struct plan *plan,
                             const struct engine_result *hists)
{
    struct tape_hists with;
    tape_hists_keep(&with, plan, hists);
    const char *wrong = compare(&with, without, plan);
    tape_hists_fini(&with);
    return wrong;
}
