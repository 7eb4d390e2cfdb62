#include <math.h>
#include <stdio.h>

#include "dp/moments.h"
#include "server/plan/canon.h"
#include "server/plan/draft.h"
#include "server/plan/range.h"
#include "server/query/refusal.h"

/* Grid steps of a row's value stay exact as doubles, and small enough for the
 * noise to be representable beside them. */
#define STEPS_FINE 0x1p36
#define STEPS_MOST 0x1p52

/* A person with more than Linf rows counts as Linf of average value, which few
 * steps can tell: bits by which the sum's grid is finer than its values', so
 * that rounding a person to a step moves the sum by at most 2^-13 of a value's
 * step.  One row needs only a middle. */
enum { SHARE_BITS = 12, MIDDLE_BITS = 1 };

/* A sum that a sum of squares stands beside: both on one grid, which they
 * cannot leave alone; and the most that one square adds. */
#define STEPS_SPREAD 0x1p20
#define SQUARE_MOST  (UINT64_C(1) << 24)

static enum err_code limit_of(uint32_t *out, const char *what, uint32_t asked,
                              uint32_t usual, uint32_t most, struct err *err)
{
    *out = asked ? asked : usual;
    if (asked > most) {
        char is[32], may[16];
        (void)snprintf(is, sizeof is, "%s is %u", what, asked);
        (void)snprintf(may, sizeof may, "%u", most);
        return refuse(err, REFUSAL_BOUND_ASKED, REFUSAL_NOWHERE, is, may);
    }
    if (*out == 0)
        *out = 1;
    return ERR_OK;
}

static bool same_measure(const struct draft *d, size_t i,
                         const struct plan_measure *m,
                         const struct draft_measure *w)
{
    const struct plan_measure *pm = &d->plan->measures[i];
    const struct draft_measure *dm = &d->measures[i];
    return pm->kind == m->kind && pm->center == m->center &&
           pm->grid_bits == m->grid_bits && pm->coarse == m->coarse &&
           dm->clamps_person == w->clamps_person &&
           typed_equal(dm->filter, w->filter) &&
           typed_equal(dm->value, w->value);
}

uint64_t draft_times_rows(uint64_t row, uint32_t linf)
{
    uint64_t all;
    if (__builtin_mul_overflow(row, (uint64_t)linf, &all))
        return UINT64_MAX;
    return all ? all : 1;
}

enum err_code draft_add_measure(size_t *out, struct draft *d,
                                struct plan_measure m,
                                const struct draft_measure *w, struct err *err)
{
    struct plan *p = d->plan;
    size_t i = 0;
    while (i < p->n_measures && !same_measure(d, i, &m, w))
        i++;
    *out = i;
    if (i < p->n_measures)
        return ERR_OK;
    if (i == PLAN_MEASURES_MAX)
        return refuse(err, REFUSAL_LIST_LENGTH, d->tree->at,
                      "The list of sums and counts", "64");
    m.name = arena_printf(d->a, "m%zu", i);
    if (!m.name || !m.what)
        return draft_memory(err);
    if (m.bound == UINT64_MAX ||
        (double)m.bound * (double)d->policy->max_people >= 1e38)
        return refuse(err, REFUSAL_TOTAL_RANGE, d->tree->at, m.what, NULL);
    p->measures[i] = m;
    d->measures[i] = *w;
    p->n_measures++;
    return ERR_OK;
}

const char *draft_what(struct draft *d, const char *what,
                       const struct typed *value, const struct typed *filter)
{
    const char *v = value ? draft_text(d, value) : "";
    const char *f = filter ? draft_text(d, filter) : "";
    if (!v || !f)
        return NULL;
    return arena_printf(d->a, "%s%s%s%s", what, v, filter ? " where " : "", f);
}

static enum err_code add_people(size_t *out, struct draft *d,
                                const struct typed *filter, struct err *err)
{
    const struct draft_measure w = { .filter = filter };
    const struct plan_measure m = { .kind = MEASURE_PEOPLE,
                                    .bound = 1,
                                    .what =
                                        draft_what(d, "people", NULL, filter) };
    return draft_add_measure(out, d, m, &w, err);
}

static enum err_code add_rows(size_t *out, struct draft *d,
                              const struct typed *value,
                              const struct typed *filter, struct err *err)
{
    if (value && value->never_null)
        value = NULL;
    const struct draft_measure w = { .filter = filter, .value = value };
    const struct plan_measure m = {
        .kind = MEASURE_ROWS,
        .bound = d->plan->linf,
        .what = draft_what(d, value ? "rows with " : "rows", value, filter)
    };
    return draft_add_measure(out, d, m, &w, err);
}

static enum err_code unbounded(struct draft *d, const struct draft_agg *agg,
                               struct err *err)
{
    const char *text = draft_text(d, agg->value);
    const char *name = agg_kind_name(agg->kind);
    if (!text)
        return draft_memory(err);
    text = arena_printf(d->a, "%.120s", text);
    const enum refusal why = agg_is_percentile(agg->kind)
                                 ? REFUSAL_UNBOUNDED_ORDER
                                 : REFUSAL_UNBOUNDED;
    if (!text)
        return draft_memory(err);
    const enum err_code code = refuse(err, why, agg->at, name, text);
    const struct range r = agg->value->range;
    const bool low = isfinite(r.lo), high = isfinite(r.hi);
    if (low == high || agg_is_percentile(agg->kind))
        return code;
    return err_hint(err, "Write %s(%s(%s, %s)) with the bound you expect.",
                    name, low ? "LEAST" : "GREATEST", low ? "hi" : "lo", text);
}

static bool has_sibling(const struct draft *d, const struct draft_agg *agg,
                        bool (*is)(enum agg_kind kind))
{
    for (size_t i = 0; i < d->n_aggs; i++)
        if (is(d->aggs[i].kind) && typed_equal(d->aggs[i].value, agg->value) &&
            typed_equal(d->aggs[i].filter, agg->filter))
            return true;
    return false;
}

static double farthest(struct range r)
{
    return fmax(fabs(r.lo), fabs(r.hi));
}

/* The finest grid of at most `bits` on which the range has few steps. */
static unsigned finest(struct range r, unsigned bits, double fine)
{
    while (bits > 0 && ldexp(farthest(r), (int)bits) > fine)
        --bits;
    return bits;
}

/* Where a person's sum is clamped, rows are only to what stays exact. */
static struct range exact_part(struct range r, unsigned bits)
{
    const double exact = ldexp(STEPS_MOST, -(int)bits);
    return (struct range){ fmax(r.lo, -exact), fmin(r.hi, exact) };
}

static unsigned coarser(unsigned bits)
{
    return bits > SHARE_BITS ? bits - SHARE_BITS : 0;
}

size_t draft_grids(unsigned out[DRAFT_GRIDS], const struct policy_column *c)
{
    const unsigned own = c->type == POLICY_DOUBLE ? c->grid_bits : 0;
    const struct range row = { c->lo, c->hi },
                       person = { c->person_lo, c->person_hi };
    size_t n = 0;
    for (int clamps = 0; clamps <= c->has_person_clamp; clamps++) {
        const unsigned fine = finest(
            clamps ? person : row, own + (clamps ? 0 : SHARE_BITS), STEPS_FINE);
        const unsigned both[] = { fine, coarser(fine) };
        for (size_t i = 0; i < 2; i++) {
            size_t at = 0;
            while (at < n && out[at] != both[i])
                at++;
            if (at == n && ldexp(farthest(row), (int)both[i]) <= STEPS_MOST)
                out[n++] = both[i];
        }
    }
    return n;
}

/* Bounds of one row in grid steps, rounded outward, on the finest grid that
 * keeps them small. */
enum err_code draft_steps(struct draft_measure *w, unsigned *bits,
                          struct draft *d, const struct draft_agg *agg,
                          struct draft_grid grid, struct err *err)
{
    const struct range r = agg->value->range;
    if (!range_is_bounded(r))
        return unbounded(d, agg, err);
    *bits = finest(r, agg->value->grid_bits + grid.extra, grid.fine);
    if (ldexp(farthest(r), (int)*bits) > STEPS_MOST) {
        char end[32];
        (void)snprintf(end, sizeof end, "%g", farthest(r));
        return refuse(err, REFUSAL_VALUE_RANGE, agg->at, end, NULL);
    }
    w->row = r;
    w->lo = (int64_t)floor(ldexp(r.lo, (int)*bits));
    w->hi = (int64_t)ceil(ldexp(r.hi, (int)*bits));
    return ERR_OK;
}

static uint64_t farther(int64_t lo, int64_t hi)
{
    const uint64_t l = lo < 0 ? (uint64_t)-lo : (uint64_t)lo;
    const uint64_t h = hi < 0 ? (uint64_t)-hi : (uint64_t)hi;
    return l > h ? l : h;
}

static uint64_t at_least_one(uint64_t n)
{
    return n ? n : 1;
}

static const char *describe_sum(struct draft *d, const struct draft_agg *agg,
                                double lo, double hi)
{
    const char *sum = draft_what(d, "sum of ", agg->value, agg->filter);
    return sum ? arena_printf(d->a, "%s in [%.10g, %.10g]", sum, lo, hi) : NULL;
}

/* A declared clamp of one person's sum replaces the limit on rows. */
static enum err_code add_clamped(size_t *out, struct draft *d,
                                 const struct draft_agg *agg, struct err *err)
{
    const struct policy_column *c = agg->value->column->policy;
    struct draft_measure w = { .filter = agg->filter,
                               .value = agg->value,
                               .clamps_person = true };
    struct draft_agg person = *agg;
    struct typed by = *agg->value;
    unsigned bits;

    by.range = (struct range){ c->person_lo, c->person_hi };
    person.value = &by;
    const struct draft_grid grid = { .fine = STEPS_FINE };
    TRY(draft_steps(&w, &bits, d, &person, grid, err));
    w.person_lo = w.lo;
    w.person_hi = w.hi;
    w.row = exact_part(agg->value->range, bits);
    return draft_add_measure(
        out, d,
        (struct plan_measure){
            .kind = MEASURE_SUM,
            .grid_bits = bits,
            .never_negative = w.person_lo >= 0,
            .bound = at_least_one(farther(w.person_lo, w.person_hi)),
            .what = describe_sum(d, agg, c->person_lo, c->person_hi) },
        &w, err);
}

/* `centered`: measured from the middle of the range, beside a count. */
static enum err_code add_sum(size_t *out, struct draft *d,
                             const struct draft_agg *agg, bool centered,
                             struct err *err)
{
    struct draft_measure w = { .filter = agg->filter,
                               .value = agg->value,
                               .has_squares =
                                   has_sibling(d, agg, agg_is_spread) };
    unsigned bits;

    if (!centered && agg->value->kind == TYPED_COLUMN &&
        agg->value->column->policy &&
        agg->value->column->policy->has_person_clamp)
        return add_clamped(out, d, agg, err);
    const struct draft_grid grid = {
        .extra = !d->scope->one_row ? SHARE_BITS
                 : centered         ? MIDDLE_BITS
                                    : 0,
        .fine = w.has_squares ? STEPS_SPREAD : STEPS_FINE,
    };
    TRY(draft_steps(&w, &bits, d, agg, grid, err));
    const int64_t center = centered ? (w.lo + w.hi) / 2 : 0;
    const uint64_t row = farther(w.lo - center, w.hi - center);
    return draft_add_measure(
        out, d,
        (struct plan_measure){ .kind = MEASURE_SUM,
                               .grid_bits = bits,
                               .center = center,
                               .never_negative = w.lo >= 0 && center == 0,
                               .bound = draft_times_rows(row, d->plan->linf),
                               .what =
                                   describe_sum(d, agg, agg->value->range.lo,
                                                agg->value->range.hi) },
        &w, err);
}

/*
 * Beside the centred sum `sum` of the same rows.  |y| <= h, so that of one row
 * y^2 / 2^coarse rounded down, less middle, is at most square.bound
 * (dp/moments.md); a person has at most Linf rows in a group.
 */
static enum err_code add_squares(size_t *out, struct draft *d,
                                 const struct draft_agg *agg, size_t sum,
                                 struct err *err)
{
    const struct plan_measure *s = &d->plan->measures[sum];
    struct draft_measure w = d->measures[sum];
    const uint64_t h =
        farther(w.lo - (int64_t)s->center, w.hi - (int64_t)s->center);
    const struct dp_square square = dp_square_of(h, SQUARE_MOST);
    return draft_add_measure(
        out, d,
        (struct plan_measure){
            .kind = MEASURE_SQUARES,
            .grid_bits = s->grid_bits,
            .center = s->center,
            .middle = (dp_int)square.middle,
            .coarse = square.coarse,
            .bound = draft_times_rows(square.bound, d->plan->linf),
            .what = draft_what(d, "squares of ", agg->value, agg->filter) },
        &w, err);
}

/*
 * Of one person at most Linf different values count in a group, so a person
 * takes at most so many from the number of values that anyone has there.
 */
static enum err_code add_distinct(size_t *out, struct draft *d,
                                  const struct draft_agg *agg, struct err *err)
{
    const struct draft_measure w = { .filter = agg->filter,
                                     .value = agg->value };
    const struct policy_column *c =
        agg->value->kind == TYPED_COLUMN ? agg->value->column->policy : NULL;
    if (c && c->has_domain)
        TRY(draft_notice(
            d, err,
            "COUNT(DISTINCT %s) is charged: it counts the values "
            "that occur, declared or not; SELECT DISTINCT %s lists "
            "the %zu declared ones, free",
            c->name, c->name, c->domain.n));
    return draft_add_measure(
        out, d,
        (struct plan_measure){
            .kind = MEASURE_DISTINCT,
            .bound = d->plan->linf,
            .what = draft_what(d, "different ", agg->value, agg->filter) },
        &w, err);
}

static int64_t half_down(int64_t v)
{
    return v / 2 - (v % 2 < 0);
}

/* What a clamp of people takes off is on the grid of their sums. */
static void coarsen_rest(struct draft *d, size_t sum, size_t i)
{
    struct plan_measure *m = &d->plan->measures[i];
    struct draft_measure *w = &d->measures[i];
    if (m->kind != MEASURE_EXCESS || !w->clamps_person || w->of != sum)
        return;
    m->grid_bits = d->plan->measures[sum].grid_bits;
    w->person_lo = d->measures[sum].person_lo;
    w->person_hi = d->measures[sum].person_hi;
    w->most = (w->most + 1) / 2;
    m->bound = (uint64_t)w->most;
}

bool draft_coarsen(struct draft *d, size_t i)
{
    struct plan_measure *m = &d->plan->measures[i];
    struct draft_measure *w = &d->measures[i];
    if (m->kind != MEASURE_SUM || m->grid_bits == 0 || w->has_squares)
        return false;
    const unsigned bits = coarser(m->grid_bits);
    for (; m->grid_bits > bits; m->grid_bits--) {
        w->lo = half_down(w->lo);
        w->hi = -half_down(-w->hi);
        w->person_lo = half_down(w->person_lo);
        w->person_hi = -half_down(-w->person_hi);
    }
    m->center = m->center ? (w->lo + w->hi) / 2 : 0;
    m->bound = w->clamps_person
                   ? farther(w->person_lo, w->person_hi)
                   : draft_times_rows(farther(w->lo - (int64_t)m->center,
                                              w->hi - (int64_t)m->center),
                                      d->plan->linf);
    m->bound = at_least_one(m->bound);
    for (size_t j = i + 1; j < d->plan->n_measures; j++)
        coarsen_rest(d, i, j);
    return true;
}

static bool is_mean(enum agg_kind kind)
{
    return kind == AGG_AVG || agg_is_spread(kind);
}

/*
 * A mean is center + (sum of x - center) / count, and a sum beside it adds
 * center * count back: with range c +- h its noise is sqrt(h^2 + c^2), never
 * more than the h + |c| of a sum measured by itself.
 */
static enum err_code measure_agg(struct plan_agg *out, struct draft *d,
                                 const struct draft_agg *agg, struct err *err)
{
    const bool centered = has_sibling(d, agg, is_mean);
    out->kind = PLAN_AGG_MEASURE;
    out->whole = !agg->value || agg->distinct || agg->kind == AGG_COUNT ||
                 agg->value->type != VALUE_DOUBLE;
    if (agg->people)
        return add_people(&out->measure, d, agg->filter, err);
    if (agg_is_percentile(agg->kind))
        return draft_quantile(out, d, agg, err);
    if (agg->distinct)
        return add_distinct(&out->measure, d, agg, err);
    if (agg->kind == AGG_COUNT)
        return add_rows(&out->measure, d, agg->value, agg->filter, err);
    if (centered) {
        out->kind = agg->kind == AGG_AVG ? PLAN_AGG_MEAN : PLAN_AGG_SUM;
        TRY(add_rows(&out->count, d, agg->value, agg->filter, err));
    }
    TRY(add_sum(&out->measure, d, agg, centered, err));
    if (!agg_is_spread(agg->kind))
        return ERR_OK;
    const bool is_root =
        agg->kind == AGG_STDDEV_POP || agg->kind == AGG_STDDEV_SAMP;
    out->kind = is_root ? PLAN_AGG_DEVIATION : PLAN_AGG_VARIANCE;
    out->sample = agg->kind == AGG_VAR_SAMP || agg->kind == AGG_STDDEV_SAMP;
    return add_squares(&out->square, d, agg, out->measure, err);
}

static enum err_code limits(struct draft *d, struct err *err)
{
    const struct ask_bounds *b = &d->req->bounds;
    const struct rel_limits *t = &d->scope->limits;
    struct plan *p = d->plan;

    TRY(limit_of(&p->l0, "max_groups", b->max_groups, t->max_groups,
                 t->most_groups, err));
    TRY(limit_of(&p->linf, "max_rows", b->max_rows, t->max_rows, t->most_rows,
                 err));
    /* By derivation: one row has one group. */
    if (d->scope->one_row)
        p->l0 = p->linf = 1;
    p->one_group = d->scope->one_row || draft_one_group(d);
    if (p->one_group)
        p->l0 = 1;
    if (!p->selects && p->groups_public < p->l0)
        p->l0 = p->groups_public ? (uint32_t)p->groups_public : 1;
    return ERR_OK;
}

enum err_code draft_bounds(struct draft *d, struct err *err)
{
    struct plan *p = d->plan;
    size_t *order = NULL;

    TRY(limits(d, err));
    p->measures = ARENA_NEW_N(d->a, PLAN_MEASURES_MAX, struct plan_measure);
    d->measures = ARENA_NEW_N(d->a, PLAN_MEASURES_MAX, struct draft_measure);
    p->aggs = ARENA_NEW_N(d->a, d->n_aggs + 1, struct plan_agg);
    p->hists = ARENA_NEW_N(d->a, d->n_aggs + 1, struct plan_hist);
    d->hists = ARENA_NEW_N(d->a, d->n_aggs + 1, struct draft_measure);
    p->picks = ARENA_NEW_N(d->a, 3 * d->n_aggs + 1, struct plan_pick);
    if (!p->measures || !d->measures || !p->aggs || !p->hists || !d->hists ||
        !p->picks)
        return draft_memory(err);
    p->n_aggs = d->n_aggs;
    TRY(draft_narrow(d, err));
    TRY(canon_aggs(&order, d, err));
    for (size_t i = 0; i < d->n_aggs; i++)
        TRY(measure_agg(&p->aggs[order[i]], d, &d->aggs[order[i]], err));
    p->audience = d->policy->min_audience;
    if (p->lists)
        return ERR_OK;
    if (p->selects || p->audience > 0 || plan_width(p) == 0) {
        p->has_people = true;
        TRY(add_people(&p->people, d, NULL, err));
    }
    return d->req->bounds_report ? draft_reports(d, err) : ERR_OK;
}
