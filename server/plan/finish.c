#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "server/plan/after.h"
#include "server/plan/draft.h"
#include "server/plan/eval.h"
#include "server/plan/finish_report.h"
#include "server/plan/finish_silent.h"
#include "server/plan/laws.h"
#include "server/plan/mix.h"
#include "server/plan/order.h"
#include "server/plan/release.h"
#include "server/plan/totals.h"

/*
 * Aggregates from noisy measures, with intervals (laws.h); then outputs,
 * HAVING, ORDER BY and LIMIT.  Everything here is a function of released
 * numbers and public parameters.
 */
struct row {
    size_t part; /* of the plan's */
    size_t rank; /* as released */
    size_t n_keys;
    struct laws_row of;
    struct value *aggs;
    struct reply_interval *bounds; /* of aggs */
    struct value *overs;
    struct value *cells;
    struct reply_interval *intervals;
    struct value *orders;
};

/* Room for one row's arrays. */
static enum err_code room(struct row *r, const struct plan *p, struct arena *a,
                          struct err *err)
{
    r->aggs = ARENA_NEW_N(a, p->n_aggs + 1, struct value);
    r->bounds = ARENA_NEW_N(a, p->n_aggs + 1, struct reply_interval);
    r->overs = ARENA_NEW_N(a, p->n_overs + 1, struct value);
    r->cells = ARENA_NEW_N(a, p->n_outputs + 1, struct value);
    r->intervals = ARENA_NEW_N(a, p->n_outputs + 1, struct reply_interval);
    r->orders = ARENA_NEW_N(a, p->n_orders + 1, struct value);
    if (!r->aggs || !r->bounds || !r->overs || !r->cells || !r->intervals ||
        !r->orders)
        return draft_memory(err);
    r->of.aggs = r->aggs;
    r->of.bounds = r->bounds;
    r->of.overs = r->overs;
    r->of.a = a;
    return ERR_OK;
}

/* dp_low(x), dp_high(x): NULL where there is no interval. */
static struct value end_of_interval(const void *ctx, const struct typed *e,
                                    const struct value *cell, bool high)
{
    const struct reply_interval i = laws_interval(ctx, e, cell);
    if (i.kind == INTERVAL_NONE)
        return value_null();
    if (i.kind == INTERVAL_UNBOUNDED)
        return value_double(high ? HUGE_VAL : -HUGE_VAL);
    return value_double(high ? i.hi : i.lo);
}

static struct eval_env env_of(const struct row *r)
{
    return (struct eval_env){ .keys = r->of.keys,
                              .aggs = r->aggs,
                              .overs = r->overs,
                              .bound = end_of_interval,
                              .bound_ctx = &r->of };
}

/* The group's aggregates, with the intervals that they have by then. */
static void at_stage(struct row *r, enum laws_stage stage)
{
    const struct plan *p = r->of.laws->p;
    r->of.stage = stage;
    for (size_t i = 0; i < p->n_aggs && r->of.noisy; i++)
        laws_aggregate(&r->aggs[i], &r->bounds[i], r->of.laws, stage, i,
                       r->of.noisy);
}

/* The group's aggregates, and whether HAVING leaves it. */
static enum err_code aggregate(struct row *r, bool *keep, struct arena *a,
                               struct err *err)
{
    const struct plan *p = r->of.laws->p;
    const struct eval_env env = env_of(r);
    struct value having = { .type = VALUE_BOOL, .b = true };
    if (p->having) {
        at_stage(r, LAWS_RELEASED);
        TRY(eval(&having, p->having, &env, a, err));
    }
    *keep = having.type == VALUE_BOOL && having.b;
    at_stage(r, LAWS_KEPT);
    return ERR_OK;
}

/* A WHERE around it reads cells, dp_low() among them, and so knows less of why
 * a row is there than the intervals beside what it leaves. */
static enum err_code put_out(struct row *r, struct arena *a, struct err *err)
{
    const struct plan *p = r->of.laws->p;
    const struct eval_env env = env_of(r);
    for (size_t i = 0; i < p->n_outputs; i++)
        TRY(eval(&r->cells[i], p->outputs[i].expr, &env, a, err));
    for (size_t i = 0; i < p->n_orders; i++)
        TRY(eval(&r->orders[i], p->orders[i].expr, &env, a, err));
    if (p->n_after > 0)
        at_stage(r, LAWS_SHOWN);
    for (size_t i = 0; i < p->n_outputs; i++)
        r->intervals[i] =
            laws_interval(&r->of, p->outputs[i].expr, &r->cells[i]);
    return ERR_OK;
}

/* The order of the engine's rows, which is nobody's to see, leaves no trace. */
static int compare_keys(const void *left, const void *right)
{
    const struct row *a = left, *b = right;
    int c = 0;
    if (a->part != b->part)
        return a->part < b->part ? -1 : 1;
    for (size_t i = 0; c == 0 && i < a->n_keys; i++) {
        const size_t k = plan_key_place(a->of.laws->p, i);
        c = value_cmp(&a->of.keys[k], &b->of.keys[k]);
    }
    return c;
}

static int compare_rows(const void *left, const void *right, void *ctx)
{
    const struct row *a = left, *b = right;
    const struct plan *p = ctx;
    int c = 0;
    /* Ordered by a number that is not told: as they were picked. */
    if (p->top.on && p->top.hidden)
        return a->rank < b->rank ? -1 : a->rank > b->rank;
    for (size_t i = 0; c == 0 && i < p->n_orders; i++)
        c = plan_order_cmp(&p->orders[i], &a->orders[i], &b->orders[i]);
    return c ? c : compare_keys(a, b);
}

/* The rows LIMIT and OFFSET leave, as cells. */
static enum err_code fill(struct reply_table *out, const struct plan *p,
                          const struct row *rows, size_t n, struct arena *a,
                          struct err *err)
{
    const size_t from = p->offset < n ? (size_t)p->offset : n;
    const size_t left = n - from, width = p->n_outputs;
    const size_t count =
        p->has_limit && p->limit < left ? (size_t)p->limit : left;

    out->n_rows = count;
    out->cells = ARENA_NEW_N(a, count * width + 1, struct value);
    out->intervals = ARENA_NEW_N(a, count * width + 1, struct reply_interval);
    if (!out->cells || !out->intervals)
        return draft_memory(err);
    for (size_t i = 0; i < count; i++) {
        const struct row *r = &rows[from + i];
        memcpy(&out->cells[i * width], r->cells, width * sizeof *r->cells);
        memcpy(&out->intervals[i * width], r->intervals,
               width * sizeof *r->intervals);
    }
    return ERR_OK;
}

static enum err_code head(struct reply_table *out, const struct plan *p,
                          struct arena *a, struct err *err)
{
    *out = (struct reply_table){ .n_columns = p->n_outputs,
                                 .level = p->level,
                                 .notices = p->notices,
                                 .n_notices = p->n_notices,
                                 .release_slot_ns = -1 };
    out->columns = ARENA_NEW_N(a, p->n_outputs + 1, struct reply_column);
    if (!out->columns)
        return draft_memory(err);
    for (size_t i = 0; i < p->n_outputs; i++)
        out->columns[i] = (struct reply_column){
            p->outputs[i].name, p->outputs[i].type, p->outputs[i].is_key,
            p->outputs[i].expr && p->outputs[i].expr->numeric
        };
    return ERR_OK;
}

/* SQL's answer over no rows: without GROUP BY one row, counts 0, sums and means
 * NULL. */
static enum err_code over_nothing(struct row *r, size_t *n,
                                  const struct laws *l, struct arena *a,
                                  struct err *err)
{
    const struct plan *p = l->p;
    bool keep;
    *n = 0;
    if (p->n_keys > 0)
        return ERR_OK;
    TRY(room(r, p, a, err));
    r->of.laws = l;
    for (size_t i = 0; i < p->n_aggs; i++) {
        const bool counts = p->aggs[i].kind == PLAN_AGG_MEASURE &&
                            p->measures[p->aggs[i].measure].kind != MEASURE_SUM;
        r->aggs[i] = counts ? value_int(0) : value_null();
        r->bounds[i] = (struct reply_interval){ .kind = INTERVAL_NONE };
    }
    TRY(aggregate(r, &keep, a, err));
    *n = keep;
    return ERR_OK;
}

/* Rows that a growing array of all parts has room for. */
struct table {
    struct row *rows;
    size_t n;
    const struct laws *laws; /* of the last release */
};

/* Rows that no release stores. */
static size_t rows_of_list(const struct plan *p)
{
    return p->lists || p->adds_up ? (size_t)p->groups_public : 1;
}

/* Every group of the public domains, without a number. */
static enum err_code list_groups(struct table *t, const struct laws *l,
                                 struct arena *a, struct err *err)
{
    const struct plan *p = l->p;
    const size_t n = rows_of_list(p);
    struct value *keys = ARENA_NEW_N(a, n * p->n_keys + 1, struct value);
    if (!keys)
        return draft_memory(err);
    for (size_t i = 0; i < n; i++) {
        struct row *row = &t->rows[t->n];
        bool keep = false;
        TRY(room(row, p, a, err));
        row->of.keys = &keys[i * p->n_keys];
        row->of.laws = l;
        row->n_keys = p->n_keys;
        plan_group_keys(&keys[i * p->n_keys], p, i);
        TRY(aggregate(row, &keep, a, err));
        t->n += keep;
    }
    return ERR_OK;
}

/* What a free plan answers: a list, or SQL's answer over no rows. */
static enum err_code collect_free(struct table *t, const struct laws *l,
                                  struct arena *a, struct err *err)
{
    size_t n = 0;
    if (l->p->lists)
        return list_groups(t, l, a, err);
    TRY(over_nothing(&t->rows[t->n], &n, l, a, err));
    t->n += n;
    return ERR_OK;
}

/* The rows of one release that HAVING and the minimum audience leave. */
static enum err_code collect(struct table *t, const struct plan *p,
                             const struct plan_noisy *noisy, struct arena *a,
                             struct err *err)
{
    struct laws *laws = ARENA_NEW(a, struct laws);
    if (!laws)
        return draft_memory(err);
    TRY(laws_find(laws, p, a, err));
    t->laws = laws;
    if (p->is_free)
        return collect_free(t, laws, a, err);
    for (size_t i = 0; i < noisy->n_rows; i++) {
        const struct dp_noisy *m = &noisy->measures[i * plan_width(p)];
        struct row *row = &t->rows[t->n];
        bool keep = false;
        if (plan_cuts(p, m))
            continue;
        TRY(room(row, p, a, err));
        row->rank = i;
        row->n_keys = p->n_keys;
        row->of.keys = noisy->keys ? &noisy->keys[i * p->n_keys] : NULL;
        row->of.noisy = m;
        row->of.laws = laws;
        TRY(aggregate(row, &keep, a, err));
        t->n += keep;
    }
    return ERR_OK;
}

/* Grouping sets that no row can be in have none, but for () their one. */
static enum err_code collect_parts(struct table *t, const struct plan *p,
                                   const struct plan_noisy *noisy,
                                   struct arena *a, struct err *err)
{
    for (size_t i = 0; i < p->n_parts; i++) {
        struct plan_noisy own = { 0 };
        const size_t from = t->n;
        if (p->parts[i]->adds_up)
            TRY(totals_rows(&own, p, noisy, i, a, err));
        else if (!p->parts[i]->is_free)
            TRY(plan_part_rows(&own, p, noisy, i, a, err));
        TRY(collect(t, p->parts[i], &own, a, err));
        for (size_t r = from; r < t->n; r++)
            t->rows[r].part = i;
    }
    return ERR_OK;
}

/* One window function over all rows; `rows` is them as laws see them. */
static enum err_code window(struct laws_window *out, struct table *t, size_t w,
                            const struct laws_row *rows, struct arena *a,
                            struct err *err)
{
    struct over_row *seen = ARENA_NEW_N(a, t->n + 1, struct over_row);
    struct over_answer *answer = ARENA_NEW(a, struct over_answer);
    if (!seen || !answer)
        return draft_memory(err);
    for (size_t i = 0; i < t->n; i++) {
        const struct eval_env env = env_of(&t->rows[i]);
        TRY(over_row_of(&seen[i], &t->rows[i].of.laws->p->overs[w], &env, a,
                        err));
    }
    const struct plan_over *o = &rows[0].laws->p->overs[w];
    TRY(over_apply(answer, o, seen, t->n, a, err));
    for (size_t i = 0; i < t->n; i++)
        t->rows[i].overs[w] = answer->cells[i].value;
    return laws_window_find(out, o, answer, seen, rows, t->n, a, err);
}

/* Window functions see the rows that HAVING leaves, in the order of their
 * keys. */
static enum err_code windows(struct table *t, size_t n, struct arena *a,
                             struct err *err)
{
    struct laws_window *all = ARENA_NEW_N(a, n + 1, struct laws_window);
    struct laws_row *rows = ARENA_NEW_N(a, t->n + 1, struct laws_row);
    if (!all || !rows)
        return draft_memory(err);
    if (n == 0 || t->n == 0)
        return ERR_OK;
    qsort(t->rows, t->n, sizeof *t->rows, compare_keys);
    for (size_t i = 0; i < t->n; i++) {
        t->rows[i].of.index = i;
        t->rows[i].of.windows = all;
        rows[i] = t->rows[i].of;
        rows[i].stage = LAWS_SHOWN;
    }
    for (size_t w = 0; w < n; w++)
        TRY(window(&all[w], t, w, rows, a, err));
    return ERR_OK;
}

/* Rows with their windows, in order, cut to LIMIT. */
static enum err_code show(struct reply_table *out, const struct plan *p,
                          struct table *t, struct arena *a, struct err *err)
{
    TRY(windows(t, plan_release(p, 0)->n_overs, a, err));
    for (size_t i = 0; i < t->n; i++)
        TRY(put_out(&t->rows[i], a, err));
    if (t->n > 1)
        qsort_r(t->rows, t->n, sizeof *t->rows, compare_rows,
                (void *)(uintptr_t)p);
    return fill(out, p, t->rows, t->n, a, err);
}

/* Not every group that was selected is there. */
static enum err_code tell_cut(struct reply_table *out, bool cut,
                              struct arena *a, struct err *err)
{
    static const char text[] =
        "more groups were selected than one answer holds: those with the most "
        "people are shown";
    const char **notices = ARENA_NEW_N(a, out->n_notices + 1, const char *);
    if (!cut)
        return ERR_OK;
    if (!notices)
        return draft_memory(err);
    if (out->n_notices > 0)
        memcpy(notices, out->notices, out->n_notices * sizeof *notices);
    notices[out->n_notices++] = text;
    out->notices = notices;
    return ERR_OK;
}

enum err_code plan_finish_all(struct reply_table *out, const struct plan *shown,
                              const struct plan_source *sources, size_t n,
                              struct arena *a, struct err *err)
{
    size_t most = 1;
    bool cut = false;
    for (size_t i = 0; i < n; i++)
        most += sources[i].noisy.n_rows;
    struct table t = { .rows = ARENA_NEW_N(a, most, struct row) };
    if (!t.rows)
        return draft_memory(err);
    TRY(head(out, shown, a, err));
    for (size_t i = 0; i < n; i++)
        TRY(collect(&t, sources[i].plan, &sources[i].noisy, a, err));
    TRY(show(out, shown, &t, a, err));
    for (size_t i = 0; i < n; i++)
        cut |= sources[i].noisy.cut;
    TRY(tell_cut(out, cut, a, err));
    for (size_t i = 0; i < shown->n_after; i++)
        TRY(plan_after_apply(out, &shown->after[i], a, err));
    return ERR_OK;
}

static enum err_code finish_mix(struct reply_table *out, const struct plan *p,
                                const struct plan_noisy *noisy, struct arena *a,
                                struct err *err)
{
    TRY(plan_mix_apply(out, p, noisy, a, err));
    finish_lose_chosen(out, p);
    for (size_t i = 0; i < p->n_after; i++)
        TRY(plan_after_apply(out, &p->after[i], a, err));
    return finish_silent_after(out, p, a, err);
}

enum err_code plan_finish(struct reply_table *out, const struct plan *p,
                          const struct plan_noisy *noisy, struct arena *a,
                          struct err *err)
{
    if (p->mix)
        return finish_mix(out, p, noisy, a, err);
    size_t most = p->is_free ? 0 : noisy->n_rows;
    for (size_t i = 0; i < plan_releases(p); i++)
        most += rows_of_list(plan_release(p, i));
    struct table t = { .rows = ARENA_NEW_N(a, most + 1, struct row) };

    if (!t.rows)
        return draft_memory(err);
    TRY(head(out, p, a, err));
    TRY(p->n_parts ? collect_parts(&t, p, noisy, a, err)
                   : collect(&t, p, noisy, a, err));
    TRY(show(out, p, &t, a, err));
    TRY(tell_cut(out, noisy->cut, a, err));
    TRY(finish_reports(out, p, noisy, a, err));
    TRY(finish_no_mean(out, p, a, err));
    if (p->n_after == 0)
        TRY(finish_silent(out, p, t.laws, a, err));
    for (size_t i = 0; i < p->n_after; i++)
        TRY(plan_after_apply(out, &p->after[i], a, err));
    return p->n_after > 0 ? finish_silent_after(out, p, a, err) : ERR_OK;
}
