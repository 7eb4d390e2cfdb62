#include "server/plan/totals.h"

#include <math.h>
#include <string.h>

#include "dp/total.h"
#include "server/plan/release.h"

/* ---- which ---- */

static bool pays(const struct plan *p)
{
    return !p->is_free;
}

/* Numbers of cells of this set may be added up. */
static bool has_cells(const struct plan *p)
{
    bool fits = pays(p) && !p->selects && !p->top.on && p->n_hists == 0 &&
                p->n_reports == 0 && p->n_amongs == 0 && p->n_overs == 0 &&
                p->audience == 0;
    for (size_t i = 0; fits && i < p->n_measures; i++) {
        const enum measure_kind kind = p->measures[i].kind;
        fits = kind == MEASURE_ROWS || kind == MEASURE_SUM ||
               kind == MEASURE_SQUARES ||
               (kind == MEASURE_PEOPLE && p->one_group);
    }
    return fits;
}

/* Does a row of s consist of cells of f? */
static bool covers(const struct plan *f, const struct plan *s)
{
    bool same = f->n_measures == s->n_measures && has_cells(f) && pays(s) &&
                (f->set & s->set) == s->set && f->set != s->set;
    for (size_t i = 0; same && i < s->n_measures; i++)
        same = f->measures[i].kind == s->measures[i].kind;
    return same;
}

static double cells_of(const struct plan *f, const struct plan *s)
{
    return (double)f->groups_public / (double)s->groups_public;
}

struct choice {
    struct plan *const *parts;
    size_t n;
    bool apart[64];
};

static size_t count_apart(const struct choice *c)
{
    size_t n = 0;
    for (size_t i = 0; i < c->n; i++)
        n += c->apart[i] && pays(c->parts[i]);
    return n;
}

/* The part whose cells are the quietest for part i; NONE. */
static size_t best_cells(const struct choice *c, size_t i)
{
    size_t best = TOTALS_NONE;
    double least = HUGE_VAL;
    for (size_t f = 0; f < c->n; f++) {
        if (!c->apart[f] || !covers(c->parts[f], c->parts[i]))
            continue;
        const double noise =
            cells_of(c->parts[f], c->parts[i]) * c->parts[f]->l0;
        if (noise < least) {
            least = noise;
            best = f;
        }
    }
    return best;
}

static double cost(const struct choice *c)
{
    double sum = 0;
    for (size_t i = 0; i < c->n; i++) {
        const size_t f = c->apart[i] ? TOTALS_NONE : best_cells(c, i);
        if (!pays(c->parts[i]))
            continue;
        if (c->apart[i])
            sum += c->parts[i]->l0;
        else if (f == TOTALS_NONE)
            return HUGE_VAL;
        else
            sum += cells_of(c->parts[f], c->parts[i]) * c->parts[f]->l0;
    }
    return sum * (double)count_apart(c);
}

/* One set after the other changes sides while that lowers the cost. */
static double improve(struct choice *c)
{
    double now = cost(c);
    bool again = true;
    while (again) {
        again = false;
        for (size_t i = 0; i < c->n; i++) {
            c->apart[i] = !c->apart[i];
            const double then = cost(c);
            if (then < now) {
                now = then;
                again = true;
            } else {
                c->apart[i] = !c->apart[i];
            }
        }
    }
    return now;
}

/* Does some other set have its cells? */
static bool is_covered(const struct choice *c, size_t i)
{
    bool covered = false;
    for (size_t f = 0; f < c->n; f++)
        covered |= covers(c->parts[f], c->parts[i]);
    return covered;
}

void totals_choose(size_t *from, size_t *n_paid, struct plan *const *parts,
                   size_t n, const struct draft *like)
{
    struct choice c = { .parts = parts, .n = n }, other = c;
    const bool priced = like->req->ask.kind != ASK_ACCURACY_ABS &&
                        like->req->ask.kind != ASK_ACCURACY_REL;
    const bool may = priced && like->policy->notion == DP_ZCDP && n <= 64;
    for (size_t i = 0; may && i < n; i++) {
        c.apart[i] = true;
        other.apart[i] = !is_covered(&c, i);
    }
    if (may && improve(&other) < improve(&c))
        c = other;
    *n_paid = 0;
    for (size_t i = 0; i < n; i++) {
        from[i] = may && !c.apart[i] ? best_cells(&c, i) : TOTALS_NONE;
        *n_paid += from[i] == TOTALS_NONE && pays(parts[i]);
    }
}

/* ---- the plan of one ---- */

enum err_code totals_draft(struct draft *d, struct err *err)
{
    const struct plan *cells = d->total_of;
    struct plan *p = d->plan;
    const size_t n = (size_t)(cells->groups_public / p->groups_public);
    p->adds_up = true;
    p->cells_of = d->total_index;
    p->notices = cells->notices;
    p->n_notices = cells->n_notices;
    for (size_t i = 0; i < p->n_measures; i++) {
        p->measures[i] = cells->measures[i];
        if (dp_total_of(&p->measures[i].noise, &cells->measures[i].noise, n) !=
            DP_OK)
            return err_set(err, ERR_REFUSED, "the total has no law");
    }
    return ERR_OK;
}

void totals_explain(struct writer *w, const struct draft *d)
{
    const struct plan *cells = d->total_of, *p = d->plan;
    writer_printf(w,
                  "Added up from the noisy cells of grouping set %zu, %llu a "
                  "row, free: of a person up to %u of them count, and rows "
                  "outside their keys' domains are in none\n",
                  d->total_index + 1,
                  (unsigned long long)(cells->groups_public / p->groups_public),
                  cells->l0);
}

/* ---- its rows ---- */

/* The keys of `s` among those of one of its cells. */
static void keys_of(struct value *out, const struct plan *s,
                    const struct plan *f, const struct value *cell)
{
    size_t at = 0, n = 0;
    for (unsigned k = 0; k < 32; k++) {
        const uint32_t bit = UINT32_C(1) << k;
        if (s->set & bit)
            out[n++] = cell[at];
        at += (f->set & bit) != 0;
    }
}

static void add(struct dp_noisy *to, const struct dp_noisy *cell, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (__builtin_add_overflow(to[i].v, cell[i].v, &to[i].v))
            to[i].v = cell[i].v > 0 ? DP_INT_MAX : DP_INT_MIN;
}

enum err_code totals_rows(struct plan_noisy *out, const struct plan *plan,
                          const struct plan_noisy *all, size_t part,
                          struct arena *a, struct err *err)
{
    const struct plan *s = plan->parts[part], *f = plan->parts[s->cells_of];
    const size_t n = (size_t)s->groups_public, wide = plan_width(s);
    struct plan_noisy cells = { 0 };
    struct value *keys = ARENA_NEW_N(a, s->n_keys + 1, struct value);
    *out = (struct plan_noisy){ .n_rows = n };
    out->keys = ARENA_NEW_N(a, n * s->n_keys + 1, struct value);
    out->measures = ARENA_NEW_N(a, n * wide + 1, struct dp_noisy);
    if (!keys || !out->keys || !out->measures)
        return draft_memory(err);
    TRY(plan_part_rows(&cells, plan, all, s->cells_of, a, err));
    for (size_t i = 0; i < n; i++)
        plan_group_keys(&out->keys[i * s->n_keys], s, i);
    for (size_t i = 0; i < cells.n_rows; i++) {
        uint64_t row;
        keys_of(keys, s, f, &cells.keys[i * f->n_keys]);
        if (plan_group_index(&row, s, keys))
            add(&out->measures[row * wide], &cells.measures[i * wide], wide);
    }
    return ERR_OK;
}
