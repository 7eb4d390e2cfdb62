/*
 * What bounding cuts off is itself a number about people: measured like any
 * other, bounded like any other, and paid for.  Beside the release's own
 * measures, on request:
 *
 *   CUT      rows past Linf of a person in a group; at most TIMES Linf of them
 *   CLAMPED  rows whose value was clamped, for each sum; of a person at most
 *            Linf
 *   EXCESS   what the clamp took from the sum, in its weights; of a row (or of
 *            the person, where people are clamped) at most the range's width
 *   LEFT     people who are in a group whose rows did not count there, since
 *            L0 others were kept; of a person at most TIMES L0 groups
 *
 * Without a limit of its own no report would have a finite sensitivity; where
 * people reach it, it tells less than was cut, and says so.
 */
#include <math.h>

#include "server/plan/draft.h"

enum { TIMES = 16 };

/* Steps of an excess: coarse, since it is an estimate. */
#define STEPS_REPORT 0x1p40

static enum err_code report_clamped(struct draft *d, size_t i, struct err *err)
{
    const struct plan *p = d->plan;
    struct draft_measure w = d->measures[i];
    size_t unused;
    w.of = i;
    w.has_squares = false;
    return draft_add_measure(
        &unused, d,
        (struct plan_measure){
            .kind = MEASURE_CLAMPED,
            .bound = p->linf,
            .what = draft_what(d, "rows with a clamped ", w.value, w.filter) },
        &w, err);
}

static const char *excess_text(struct draft *d, const struct draft_measure *w,
                               struct range by)
{
    const char *value =
        draft_what(d, "taken off by clamping ", w->value, w->filter);
    return value
               ? arena_printf(d->a,
                              "%s%s to [%.10g, %.10g] (of a %s at most "
                              "%.10g)",
                              value, w->clamps_person ? " per person" : "",
                              by.lo, by.hi, w->clamps_person ? "person" : "row",
                              w->most_row)
               : NULL;
}

static enum err_code report_excess(struct draft *d, size_t i, struct err *err)
{
    const struct plan *p = d->plan;
    struct draft_measure w = d->measures[i];
    unsigned bits = p->measures[i].grid_bits;
    size_t unused;
    const struct range by =
        w.clamps_person
            ? (struct range){ ldexp((double)w.person_lo, -(int)bits),
                              ldexp((double)w.person_hi, -(int)bits) }
            : w.row;
    w.of = i;
    w.has_squares = false;
    w.most_row = by.hi - by.lo;
    while (bits > 0 && ldexp(w.most_row, (int)bits) > STEPS_REPORT)
        bits--;
    if (w.clamps_person) /* one grid with the sum it is the rest of */
        bits = p->measures[i].grid_bits;
    w.most = (int64_t)ceil(ldexp(w.most_row, (int)bits));
    w.most = w.most ? w.most : 1;
    const uint64_t most = (uint64_t)w.most;
    return draft_add_measure(
        &unused, d,
        (struct plan_measure){
            .kind = MEASURE_EXCESS,
            .grid_bits = bits,
            .bound = w.clamps_person ? most : draft_times_rows(most, p->linf),
            .what = excess_text(d, &w, by) },
        &w, err);
}

static enum err_code report_cut(struct draft *d, struct err *err)
{
    const uint32_t linf = d->plan->linf;
    const uint64_t most = (uint64_t)TIMES * linf;
    const struct draft_measure all = { 0 };
    size_t unused;
    return draft_add_measure(
        &unused, d,
        (struct plan_measure){
            .kind = MEASURE_CUT,
            .bound = most,
            .what = arena_printf(d->a,
                                 "rows past the first %u of a person in a "
                                 "group (of a person at most %llu)",
                                 linf, (unsigned long long)most) },
        &all, err);
}

static enum err_code report_left(struct draft *d, struct err *err)
{
    const struct plan *p = d->plan;
    const struct draft_measure all = { 0 };
    uint64_t most = (uint64_t)TIMES * p->l0;
    size_t unused;
    if (!p->selects && p->groups_public - p->l0 < most)
        most = p->groups_public - p->l0;
    return draft_add_measure(
        &unused, d,
        (struct plan_measure){
            .kind = MEASURE_LEFT,
            .bound = 1,
            .l0 = (uint32_t)most,
            .what =
                arena_printf(d->a,
                             "people of a group who count in %u other%s "
                             "instead (of a person at most %llu group%s)",
                             p->l0, p->l0 == 1 ? "" : "s",
                             (unsigned long long)most, most == 1 ? "" : "s") },
        &all, err);
}

enum err_code draft_reports(struct draft *d, struct err *err)
{
    struct plan *p = d->plan;
    const size_t n = p->n_measures;
    bool counts_rows = false;
    for (size_t i = 0; i < n; i++) {
        const enum measure_kind kind = p->measures[i].kind;
        counts_rows |= kind == MEASURE_ROWS ||
                       (kind == MEASURE_SUM && !d->measures[i].clamps_person);
        if (kind != MEASURE_SUM)
            continue;
        if (!d->measures[i].clamps_person)
            TRY(report_clamped(d, i, err));
        TRY(report_excess(d, i, err));
    }
    if (counts_rows && !d->scope->one_row)
        TRY(report_cut(d, err));
    if (draft_ranks(d))
        TRY(report_left(d, err));
    p->n_reports = p->n_measures - n;
    return ERR_OK;
}
