#include "server/main/pages.h"

#include <string.h>

#include "server/main/pile.h"

/* Of one page: its arrays, the texts of its keys. */
enum { PAGE_ROWS = 1 << 16, PAGE_BYTES = 16 << 20, PAGE_TEXT = 8 << 20 };
enum { ROOM = 192 << 20 }; /* of an arena beside the request's */

struct pages {
    const struct pages_run *run;
    const struct plan *plan;
    struct plan bare; /* the same without percentiles */
    struct arena page, hist_page, *lasting;
    struct engine_pages groups, buckets;
    struct pile pile;
    bool piled; /* some page of groups went there */
    struct engine_result exact, *hists;
    size_t n_hists; /* that are there so far */
    bool decided;   /* `out` is written, but for picks, which are tallied */
    struct noise_tally tally;
    struct plan_noisy *out;
};

static enum err_code full(struct err *err)
{
    return err_set(err, ERR_LIMIT, "the release needs too much memory");
}

/* ---- orders ---- */

static int by_keys(const struct plan *p, const struct value *a,
                   const struct value *b)
{
    int c = 0;
    for (size_t k = 0; c == 0 && k < p->n_keys; k++)
        c = value_cmp(&a[k], &b[k]);
    return c;
}

/* Many people first. */
static int by_people(const void *ctx, const struct value *a_keys,
                     const void *a_cells, const struct value *b_keys,
                     const void *b_cells)
{
    const struct plan *p = ctx;
    const dp_int a = ((const struct dp_noisy *)a_cells)[p->people].v;
    const dp_int b = ((const struct dp_noisy *)b_cells)[p->people].v;
    if (a != b)
        return a > b ? -1 : 1;
    return by_keys(p, a_keys, b_keys);
}

/* As they are handed to the picks. */
static int by_score(const void *ctx, const struct value *a_keys,
                    const void *a_cells, const struct value *b_keys,
                    const void *b_cells)
{
    const struct plan *p = ctx;
    const struct dp_exact *a = a_cells, *b = b_cells;
    const int c = dp_topk_order(a[p->top.score], b[p->top.score]);
    return c ? c : by_keys(p, a_keys, b_keys);
}

/* ---- groups ---- */

/* Rows of n_measures numbers, with room for picks. */
static enum err_code widen(struct plan_noisy *part, struct pages *x,
                           struct err *err)
{
    const size_t wide = plan_width(x->plan), has = plan_width(&x->bare);
    struct dp_noisy *all =
        ARENA_NEW_N(&x->page, part->n_rows * wide + 1, struct dp_noisy);
    if (!all)
        return full(err);
    for (size_t i = 0; i < part->n_rows; i++)
        memcpy(&all[i * wide], &part->measures[i * has], has * sizeof *all);
    part->measures = all;
    return ERR_OK;
}

static enum err_code pile_up(struct pages *x, struct value *keys, void *cells,
                             size_t n, struct err *err)
{
    const struct pile_rows rows = { keys, cells, n };
    return pile_add(&x->pile, &rows) ? ERR_OK : full(err);
}

/* Of the first k: those of somebody, as far as they may be picked. */
static enum err_code
take_scores(struct pages *x, const struct engine_result *page, struct err *err)
{
    const size_t n_keys = x->plan->n_keys, stride = x->plan->n_measures;
    for (size_t i = 0; i < page->n_rows; i++) {
        struct dp_exact *cells = &page->measures[i * stride];
        if (dp_topk_counts(cells[x->plan->top.score]))
            TRY(pile_up(x, &page->keys[i * n_keys], cells, 1, err));
    }
    return ERR_OK;
}

static enum err_code take_groups(void *ctx, const struct engine_result *page,
                                 struct err *err)
{
    struct pages *x = ctx;
    struct plan_noisy part = { 0 };
    x->piled = true;
    if (x->plan->top.on)
        return take_scores(x, page, err);
    TRY(noise_release(&part, &x->bare, page, NULL, x->run->rng, &x->page, err));
    TRY(widen(&part, x, err));
    return pile_up(x, part.keys, part.measures, part.n_rows, err);
}

/* The rows, to last. */
static enum err_code settle(struct pages *x, const struct pile_rows *rows,
                            bool cut, struct err *err)
{
    const size_t n_keys = x->plan->n_keys, wide = plan_width(x->plan);
    struct plan_noisy *out = x->out;
    *out = (struct plan_noisy){ .n_rows = rows->n, .cut = cut };
    out->keys = ARENA_NEW_N(x->lasting, rows->n * n_keys + 1, struct value);
    out->measures =
        ARENA_NEW_N(x->lasting, rows->n * wide + 1, struct dp_noisy);
    if (!out->keys || !out->measures)
        return full(err);
    memcpy(out->measures, rows->cells, rows->n * wide * sizeof *out->measures);
    for (size_t i = 0; i < rows->n * n_keys; i++) {
        struct value *v = &out->keys[i];
        *v = rows->keys[i];
        if (v->type != VALUE_TEXT)
            continue;
        v->text.s = arena_strndup(x->lasting, v->text.s, v->text.len);
        if (!v->text.s)
            return full(err);
    }
    return ERR_OK;
}

/* All pages' groups of the first k, in the place of the last page. */
static enum err_code gather_scores(struct pages *x, struct err *err)
{
    struct pile_rows rows;
    if (!x->piled)
        return ERR_OK;
    TRY(take_scores(x, &x->exact, err));
    if (!pile_take(&rows, &x->pile))
        return full(err);
    x->exact = (struct engine_result){ .keys = rows.keys,
                                       .measures = rows.cells,
                                       .n_rows = rows.n };
    return ERR_OK;
}

/* The noise of what is not noised yet, as `how` says; then what is left. */
static enum err_code release(struct pages *x, const struct plan *how,
                             struct err *err)
{
    const bool top = x->plan->top.on;
    struct plan_noisy part = { 0 };
    struct pile_rows rows;
    if (top)
        TRY(gather_scores(x, err));
    TRY(noise_release(&part, how, &x->exact, x->hists, x->run->rng, &x->page,
                      err));
    if (plan_width(how) < plan_width(x->plan))
        TRY(widen(&part, x, err));
    rows = (struct pile_rows){ part.keys, part.measures, part.n_rows };
    if (top)
        return settle(x, &rows, false, err);
    if (!pile_add(&x->pile, &rows) || !pile_take(&rows, &x->pile))
        return full(err);
    return settle(x, &rows, x->pile.cut, err);
}

/* ---- histograms ---- */

/* There are more rows than can be held: which groups are released is decided
 * now, and only theirs are counted. */
static enum err_code decide(struct pages *x, struct err *err)
{
    if (x->decided)
        return ERR_OK;
    x->decided = true;
    TRY(release(x, &x->bare, err));
    TRY(noise_tally_open(&x->tally, x->plan, x->out, x->lasting, err));
    for (size_t h = 0; h < x->n_hists; h++)
        noise_tally_add(&x->tally, h, &x->hists[h]);
    return ERR_OK;
}

static enum err_code take_buckets(void *ctx, const struct engine_result *page,
                                  struct err *err)
{
    struct pages *x = ctx;
    TRY(decide(x, err));
    noise_tally_add(&x->tally, x->n_hists, page);
    return ERR_OK;
}

static enum err_code run_hists(struct pages *x, struct err *err)
{
    const struct plan *p = x->plan;
    for (; x->n_hists < p->n_hists; x->n_hists++) {
        struct plan view;
        TRY(pages_hist(&view, p, x->n_hists, x->lasting, err));
        struct engine_result *rows = &x->hists[x->n_hists];
        *rows = (struct engine_result){ .pages = &x->buckets };
        TRY(x->run->statement(x->run->ctx, rows, &view, &x->hist_page, err));
        if (x->decided) {
            noise_tally_add(&x->tally, x->n_hists, rows);
            arena_reset(&x->hist_page);
        }
    }
    return ERR_OK;
}

enum err_code pages_hist(struct plan *out, const struct plan *plan, size_t h,
                         struct arena *a, struct err *err)
{
    *out = *plan;
    out->keys = ARENA_NEW_N(a, plan->n_keys + 1, struct plan_key);
    if (!out->keys)
        return full(err);
    if (plan->n_keys > 0)
        memcpy(out->keys, plan->keys, plan->n_keys * sizeof *out->keys);
    out->keys[out->n_keys++] =
        (struct plan_key){ .name = "bucket", .type = VALUE_INT };
    out->n_measures = 1;
    out->sql = plan->hists[h].sql;
    out->spare_sql = plan->hists[h].spare_sql;
    out->rollup = NULL;
    return ERR_OK;
}

/* ---- one release ---- */

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

static struct engine_pages pages_of(struct pages *x, size_t row_bytes,
                                    size_t share, struct arena *a)
{
    const size_t rows = least(PAGE_ROWS, PAGE_BYTES / row_bytes) / share + 1;
    const size_t asked = x->run->page_rows;
    return (struct engine_pages){ .rows = asked ? least(asked, rows) : rows,
                                  .text = PAGE_TEXT / share,
                                  .arena = a,
                                  .ctx = x };
}

static void open_pages(struct pages *x)
{
    const struct plan *p = x->plan;
    const size_t keys = p->n_keys * sizeof(struct value);
    const size_t numbers = p->n_measures * sizeof(struct dp_exact);
    x->bare = *p;
    x->bare.n_picks = x->bare.n_hists = 0;
    x->groups = pages_of(x, keys + numbers, 1, &x->page);
    x->groups.take = take_groups;
    x->buckets =
        pages_of(x, keys + sizeof(struct value) + sizeof(struct dp_exact),
                 p->n_hists ? p->n_hists : 1, &x->hist_page);
    x->buckets.take = take_buckets;
    x->pile =
        (struct pile){ .n_keys = p->n_keys,
                       .n_cells = p->top.on ? p->n_measures : plan_width(p),
                       .most = p->top.on ? p->top.t.fetched + 1
                                         : (size_t)p->rows_most,
                       .text = p->top.on ? SIZE_MAX : p->text_most,
                       .order = p->top.on ? by_score : by_people,
                       .ctx = p };
    arena_init(&x->page, ROOM);
    arena_init(&x->hist_page, ROOM);
    pile_init(&x->pile, ROOM);
}

static enum err_code run_all(struct pages *x, struct err *err)
{
    x->hists =
        ARENA_NEW_N(x->lasting, x->plan->n_hists + 1, struct engine_result);
    if (!x->hists)
        return full(err);
    x->exact.pages = &x->groups;
    TRY(x->run->statement(x->run->ctx, &x->exact, x->plan, &x->page, err));
    if (x->piled && !x->plan->top.on && x->plan->n_hists > 0)
        TRY(decide(x, err));
    TRY(run_hists(x, err));
    if (x->decided)
        return noise_tally_pick(&x->tally, x->out, x->run->rng, err);
    return release(x, x->plan, err);
}

enum err_code pages_release(struct plan_noisy *out, const struct pages_run *run,
                            const struct plan *plan, struct arena *a,
                            struct err *err)
{
    struct pages x = { .run = run, .plan = plan, .lasting = a, .out = out };
    open_pages(&x);
    const enum err_code code = run_all(&x, err);
    pile_fini(&x.pile);
    arena_fini(&x.page);
    arena_fini(&x.hist_page);
    return code;
}
