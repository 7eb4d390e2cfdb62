#include "server/plan/finish_report.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "dp/interval.h"
#include "server/plan/draft.h"

enum { GROUPS_TOLD = 3 };

/* One report of one release. */
struct report {
    const struct plan *p;
    const struct plan_noisy *noisy;
    size_t measure;
    const char *before; /* "" or which grouping set */
};

/* A row that too few people are in is shown nowhere. */
static bool is_shown(const struct report *r, size_t row)
{
    return !plan_cuts(r->p, &r->noisy->measures[row * plan_width(r->p)]);
}

static dp_int cell(const struct report *r, size_t row)
{
    return r->noisy->measures[row * plan_width(r->p) + r->measure].v;
}

static double in_units(const struct report *r, double steps)
{
    return ldexp(steps, plan_measure_exp(&r->p->measures[r->measure]));
}

/* `v` to the digits that an error of `half` leaves, thousands separated. */
static void put_number(struct writer *w, double v, double half)
{
    enum { DIGITS_MOST = 9, THOUSAND = 3 };
    char text[400];
    const double shown = half > 0 && half < 1 ? 1 - floor(log10(half)) : 0;
    (void)snprintf(text, sizeof text, "%.*f",
                   shown > DIGITS_MOST ? DIGITS_MOST : (int)shown, fabs(v));
    const size_t whole = strcspn(text, ".");
    writer_str(w, v < 0 ? "-" : "");
    for (size_t i = 0; text[i]; i++) {
        if (i > 0 && i < whole && (whole - i) % THOUSAND == 0)
            writer_str(w, ",");
        writer_bytes(w, &text[i], 1);
    }
}

/* "about 203,335 ±5,657" */
static void put_estimate(struct writer *w, const struct report *r, dp_int v,
                         size_t n)
{
    const struct plan_measure *m = &r->p->measures[r->measure];
    struct dp_interval at;
    double half = HUGE_VAL;
    if (dp_interval_of_total(&at, (struct dp_noisy){ v }, n, &m->noise,
                             r->p->level) == DP_OK)
        half = in_units(r, (at.hi - at.lo) / 2);
    writer_str(w, "about ");
    put_number(w, in_units(r, (double)v), half);
    if (isfinite(half)) {
        writer_str(w, " \xc2\xb1");
        put_number(w, half, half);
    }
}

/* A key of the group; text is cut where it is long. */
static void put_key(struct writer *w, const struct value *v)
{
    enum { KEY_MOST = 60 };
    if (v->type == VALUE_NULL) {
        writer_str(w, "NULL");
    } else if (v->type == VALUE_TEXT && v->text.len > KEY_MOST) {
        size_t len = KEY_MOST;
        while (len > 0 && ((unsigned char)v->text.s[len] & 0xc0) == 0x80)
            len--; /* no part of a character */
        writer_bytes(w, v->text.s, len);
        writer_str(w, "...");
    } else {
        value_print(w, v);
    }
}

/* How much was cut: of what clamping took off either sign counts, of rows and
 * people a number below 0 is noise. */
static dp_int size_of(const struct report *r, size_t row)
{
    const dp_int v = cell(r, row);
    if (v >= 0)
        return v;
    return r->p->measures[r->measure].kind == MEASURE_EXCESS ? -v : 0;
}

/* The group with the most of those not told yet, n_rows when none is surely
 * above 0. */
static size_t next_group(const struct report *r, const size_t *told,
                         size_t n_told)
{
    const struct plan_measure *m = &r->p->measures[r->measure];
    uint64_t least = UINT64_MAX;
    size_t best = r->noisy->n_rows;
    if (dp_mechanism_quantile(&least, &m->noise, 1 - r->p->level) != DP_OK)
        return best;
    for (size_t row = 0; row < r->noisy->n_rows; row++) {
        bool is_told = !is_shown(r, row);
        for (size_t i = 0; i < n_told; i++)
            is_told |= told[i] == row;
        const dp_int size = size_of(r, row);
        if (is_told || size <= (dp_int)least)
            continue;
        if (best == r->noisy->n_rows || size > size_of(r, best))
            best = row;
    }
    return best;
}

static void put_groups(struct writer *w, const struct report *r)
{
    const size_t n_keys = r->p->n_keys;
    size_t told[GROUPS_TOLD], n = 0;
    while (n_keys > 0 && n < GROUPS_TOLD) {
        const size_t row = next_group(r, told, n);
        if (row == r->noisy->n_rows)
            return;
        writer_str(w, n ? "; " : ", most in ");
        for (size_t i = 0; i < n_keys; i++) {
            const size_t k = plan_key_place(r->p, i);
            writer_str(w, i ? ", " : "");
            put_key(w, &r->noisy->keys[row * n_keys + k]);
        }
        writer_str(w, ": ");
        put_estimate(w, r, cell(r, row), 1);
        told[n++] = row;
    }
}

static void put(struct writer *w, const struct report *r)
{
    dp_int total = 0;
    size_t n = 0;
    for (size_t row = 0; row < r->noisy->n_rows; row++) {
        if (!is_shown(r, row))
            continue;
        total += cell(r, row);
        n++;
    }
    writer_printf(w, "cut off by bounds%s: %s: ", r->before,
                  r->p->measures[r->measure].what);
    put_estimate(w, r, total, n);
    put_groups(w, r);
}

static enum err_code add(struct reply_table *out, const struct report *r,
                         struct arena *a, struct err *err)
{
    struct writer w = writer_of(NULL, 0);
    size_t n = 0;
    while (n < r->noisy->n_rows && !is_shown(r, n))
        n++;
    if (n == r->noisy->n_rows)
        return ERR_OK; /* no group is shown */
    put(&w, r);
    char *text = arena_alloc(a, w.need + 1, 1);
    if (!text)
        return draft_memory(err);
    w = writer_of(text, w.need + 1);
    put(&w, r);
    if (!writer_cstr(&w))
        return err_set(err, ERR_INTERNAL, "a report changed while printed");
    out->notices[out->n_notices++] = text;
    return ERR_OK;
}

enum err_code finish_reports(struct reply_table *out, const struct plan *plan,
                             const struct plan_noisy *noisy, struct arena *a,
                             struct err *err)
{
    size_t n = 0;
    for (size_t i = 0; i < plan_releases(plan); i++)
        n += plan_release(plan, i)->n_reports;
    if (n == 0 || plan->is_free)
        return ERR_OK;
    const char **notices = ARENA_NEW_N(a, out->n_notices + n, const char *);
    if (!notices)
        return draft_memory(err);
    if (out->n_notices > 0)
        memcpy(notices, out->notices, out->n_notices * sizeof *notices);
    out->notices = notices;
    for (size_t i = 0; i < plan_releases(plan); i++) {
        const struct plan *p = plan_release(plan, i);
        struct plan_noisy own = *noisy;
        struct report r = { .p = p, .noisy = &own, .before = "" };
        if (p->is_free)
            continue;
        if (plan->n_parts > 0) {
            TRY(plan_part_rows(&own, plan, noisy, i, a, err));
            r.before = arena_printf(a, " of grouping set %zu", i + 1);
            if (!r.before)
                return draft_memory(err);
        }
        for (size_t m = p->n_measures - p->n_reports; m < p->n_measures; m++) {
            r.measure = m;
            TRY(add(out, &r, a, err));
        }
    }
    return ERR_OK;
}

/* Is some average shown NULL?  Its noisy number of rows was not positive. */
static bool lacks_mean(const struct reply_table *t, const struct plan *p)
{
    const struct plan *first = plan_release(p, 0);
    for (size_t c = 0; c < t->n_columns; c++) {
        const struct typed *e = first->outputs[c].expr;
        if (e->kind != TYPED_AGG ||
            first->aggs[e->index].kind < PLAN_AGG_MEAN ||
            first->aggs[e->index].kind > PLAN_AGG_DEVIATION)
            continue;
        for (size_t r = 0; r < t->n_rows; r++)
            if (t->cells[r * t->n_columns + c].type == VALUE_NULL)
                return true;
    }
    return false;
}

enum err_code finish_no_mean(struct reply_table *out, const struct plan *p,
                             struct arena *a, struct err *err)
{
    if (p->is_free || !lacks_mean(out, p))
        return ERR_OK;
    const char **notices = ARENA_NEW_N(a, out->n_notices + 1, const char *);
    if (!notices)
        return draft_memory(err);
    if (out->n_notices > 0)
        memcpy(notices, out->notices, out->n_notices * sizeof *notices);
    notices[out->n_notices++] =
        "an average or spread is NULL where the noisy number of its rows is "
        "too small to divide by";
    out->notices = notices;
    return ERR_OK;
}
