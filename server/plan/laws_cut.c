/*
 * Numbers that HAVING, or a WHERE around the aggregates, has chosen rows by:
 * what is told of one that was shown only because it passed is its law given
 * that it did.  laws.h, docs/intervals.md.
 *
 * A term of the AND that compares one count or sum, moved by constants, or the
 * end of its interval, with constants leaves it between two ends.  Anything
 * else that reads numbers has no law here, and they lose their intervals.
 */
#include <math.h>
#include <string.h>

#include "dp/interval.h"
#include "server/plan/after.h"
#include "server/plan/draft.h"
#include "server/plan/eval.h"
#include "server/plan/laws.h"

/* Past the ends, so many places are told apart: what lies between two of them
 * has an interval that holds both of theirs. */
enum { CELLS = 2048, DEPTH_MAX = 64 };

static const struct reply_interval NONE = { .kind = INTERVAL_NONE };
static const struct reply_interval UNBOUNDED = { .kind = INTERVAL_UNBOUNDED };

/* ---- what a term says ---- */

struct cutting {
    struct laws *l;
    enum laws_stage stage; /* cuts of this one and later ones */
    struct arena *a;
    /* A group of which one number is tried. */
    struct dp_noisy *noisy;
    struct value *aggs;
    struct reply_interval *bounds;
};

static void lose_agg(struct cutting *c, size_t agg)
{
    const struct plan_agg *g = &c->l->p->aggs[agg];
    for (int s = (int)c->stage; s < LAWS_STAGES; s++) {
        struct laws_cut *cuts = c->l->cuts[s];
        if (g->kind == PLAN_AGG_QUANTILE) {
            c->l->picks_lost[s][g->pick] = true;
            continue;
        }
        cuts[g->measure].is_lost = true;
        if (g->kind != PLAN_AGG_MEASURE)
            cuts[g->count].is_lost = true;
        if (g->kind == PLAN_AGG_VARIANCE || g->kind == PLAN_AGG_DEVIATION)
            cuts[g->square].is_lost = true;
    }
}

static bool is_rank(const struct plan_over *o)
{
    return !window_info_of(o->kind)->takes_value && o->kind != WINDOW_AGG;
}

/* Every number that `e` reads.  Ranks cut as LIMIT does, which intervals do not
 * follow. */
static void lose_all(struct cutting *c, const struct typed *e)
{
    if (!e)
        return;
    if (e->kind == TYPED_AGG)
        lose_agg(c, e->index);
    for (size_t i = 0; e->kind == TYPED_COLUMN && i < c->l->p->n_aggs; i++)
        lose_agg(c, i); /* too deep to say which */
    for (size_t i = 0; e->kind == TYPED_CALL && i < e->call.n_args; i++)
        lose_all(c, e->call.args[i]);
    if (e->kind != TYPED_OVER)
        return;
    const struct plan_over *o = &c->l->p->overs[e->index];
    if (is_rank(o))
        return;
    lose_all(c, o->value);
    lose_all(c, o->filter);
    lose_all(c, o->otherwise);
}

/* The one count or sum that `e` rises or falls with; NULL: none. */
static const struct typed *moves_with(const struct cutting *c,
                                      const struct typed *e)
{
    const bool is_end =
        typed_is_call(e, OP_DP_LOW) || typed_is_call(e, OP_DP_HIGH);
    const struct typed *leaf = laws_linear(is_end ? e->call.args[0] : e);
    return leaf && leaf->kind == TYPED_AGG &&
                   c->l->p->aggs[leaf->index].kind == PLAN_AGG_MEASURE
               ? leaf
               : NULL;
}

static struct value end_of(const void *ctx, const struct typed *e,
                           const struct value *cell, bool high)
{
    const struct reply_interval i = laws_interval(ctx, e, cell);
    if (i.kind != INTERVAL_BOUNDED)
        return i.kind == INTERVAL_NONE
                   ? value_null()
                   : value_double(high ? HUGE_VAL : -HUGE_VAL);
    return value_double(high ? i.hi : i.lo);
}

/* The term, of a group whose aggregate is this; NULL where it overflows. */
static enum err_code holds(struct value *out, const struct cutting *c,
                           const struct typed *term, size_t agg, dp_int v,
                           struct err *err)
{
    struct laws_row row = { .laws = c->l,
                            .aggs = c->aggs,
                            .bounds = c->bounds,
                            .noisy = c->noisy,
                            .a = c->a };
    const struct eval_env env = { .aggs = c->aggs,
                                  .bound = end_of,
                                  .bound_ctx = &row };
    c->noisy[c->l->p->aggs[agg].measure].v = v;
    laws_aggregate(&c->aggs[agg], &c->bounds[agg], c->l, LAWS_RELEASED, agg,
                   c->noisy);
    return eval(out, term, &env, c->a, err);
}

/* The number is cut to lo..hi from this stage on. */
static void cut_to(struct cutting *c, size_t measure, dp_int lo, dp_int hi)
{
    for (int s = (int)c->stage; s < LAWS_STAGES; s++) {
        struct dp_cut *at = &c->l->cuts[s][measure].at;
        at->lo = lo > at->lo ? lo : at->lo;
        at->hi = hi < at->hi ? hi : at->hi;
    }
}

/* A comparison that is true on one side of a number alone: where it begins. */
static enum err_code cut_side(struct cutting *c, const struct typed *term,
                              size_t agg, struct err *err)
{
    struct value above = { 0 }, below = { 0 }, is;
    dp_int far = (dp_int)1 << 90;
    for (; far > 0; far /= 2) { /* as far as nothing overflows */
        TRY(holds(&above, c, term, agg, far, err));
        TRY(holds(&below, c, term, agg, -far, err));
        if (above.type == VALUE_BOOL && below.type == VALUE_BOOL)
            break;
    }
    if (far == 0 || above.b == below.b) /* always, or never */
        return ERR_OK;
    const bool rises = above.b;
    dp_int in = rises ? far : -far, out = -in;
    while (in - out > 1 || out - in > 1) {
        const dp_int mid = in + (out - in) / 2;
        TRY(holds(&is, c, term, agg, mid, err));
        *(is.type == VALUE_BOOL && is.b ? &in : &out) = mid;
    }
    const size_t measure = c->l->p->aggs[agg].measure;
    cut_to(c, measure, rises ? in : DP_INT_MIN, rises ? DP_INT_MAX : in);
    return ERR_OK;
}

/* The same comparison with another operator. */
static enum err_code cut_as(struct cutting *c, const struct typed *term,
                            enum expr_op op, size_t with, size_t agg,
                            struct err *err)
{
    struct typed as = *term,
                 *args[2] = { term->call.args[0], term->call.args[with] };
    as.call.op = op;
    as.call.args = args;
    as.call.n_args = 2;
    return cut_side(c, &as, agg, err);
}

static enum err_code cut_compare(struct cutting *c, const struct typed *term,
                                 size_t agg, struct err *err)
{
    switch ((int)term->call.op) {
    case OP_BETWEEN:
        TRY(cut_as(c, term, OP_GE, 1, agg, err));
        return cut_as(c, term, OP_LE, 2, agg, err);
    case OP_EQ:
        TRY(cut_as(c, term, OP_GE, 1, agg, err));
        return cut_as(c, term, OP_LE, 1, agg, err);
    default:
        return cut_side(c, term, agg, err);
    }
}

/* The aggregate that a comparison with constants is about; NULL: none. */
static const struct typed *compared(const struct cutting *c,
                                    const struct typed *term)
{
    const enum expr_op op = term->call.op;
    const bool compares =
        op == OP_LT || op == OP_LE || op == OP_GT || op == OP_GE || op == OP_EQ;
    if (!compares && op != OP_BETWEEN)
        return NULL;
    const size_t n = term->call.n_args;
    size_t at = n, others = 0;
    for (size_t i = 0; i < n; i++)
        if (typed_is_const(term->call.args[i]))
            others++;
        else
            at = i;
    if (others + 1 != n || (op == OP_BETWEEN && at != 0))
        return NULL;
    return moves_with(c, term->call.args[at]);
}

static enum err_code cut_term(struct cutting *c, const struct typed *term,
                              unsigned depth, struct err *err)
{
    if (term->kind == TYPED_CALL && term->call.op == OP_AND &&
        depth < DEPTH_MAX) {
        for (size_t i = 0; i < term->call.n_args; i++)
            TRY(cut_term(c, term->call.args[i], depth + 1, err));
        return ERR_OK;
    }
    const struct typed *agg =
        term->kind == TYPED_CALL ? compared(c, term) : NULL;
    if (agg)
        return cut_compare(c, term, agg->index, err);
    lose_all(c, term);
    return ERR_OK;
}

/* ---- terms of a SELECT around it ---- */

/* `e` over the columns of after[level] as an expression over the release. */
static enum err_code over_release(struct typed **out, const struct plan *p,
                                  size_t level, const struct typed *e,
                                  unsigned depth, struct arena *a,
                                  struct err *err)
{
    struct typed *copy = ARENA_NEW(a, struct typed);
    if (!copy)
        return draft_memory(err);
    *out = copy;
    *copy = *e;
    if (depth == DEPTH_MAX) /* nothing that is known to be compared */
        return ERR_OK;
    if (e->kind == TYPED_COLUMN) {
        const size_t i = (size_t)(e->column - p->after[level].columns);
        return level == 0 ? over_release(out, p, 0, p->outputs[i].expr,
                                         DEPTH_MAX, a, err)
                          : over_release(out, p, level - 1,
                                         p->after[level - 1].outputs[i].expr,
                                         depth + 1, a, err);
    }
    if (e->kind != TYPED_CALL)
        return ERR_OK;
    copy->call.args = ARENA_NEW_N(a, e->call.n_args + 1, struct typed *);
    if (!copy->call.args)
        return draft_memory(err);
    for (size_t i = 0; i < e->call.n_args; i++)
        TRY(over_release(&copy->call.args[i], p, level, e->call.args[i],
                         depth + 1, a, err));
    return ERR_OK;
}

/* Of rows that are still those of the release: a SELECT that groups tells no
 * intervals. */
static enum err_code cut_around(struct cutting *c, struct err *err)
{
    const struct plan *p = c->l->p;
    for (size_t k = 0; k < p->n_after && !p->after[k].groups; k++)
        for (size_t w = 0; w < p->after[k].n_where; w++) {
            struct typed *term;
            TRY(over_release(&term, p, k, p->after[k].where[w], 0, c->a, err));
            TRY(cut_term(c, term, 0, err));
        }
    return ERR_OK;
}

/* ---- found once ---- */

static bool counts(const struct plan_measure *m)
{
    return m->kind == MEASURE_PEOPLE || m->kind == MEASURE_ROWS ||
           m->kind == MEASURE_DISTINCT || m->never_negative;
}

/* What the release itself shows by: the number of people. */
static void cut_released(struct laws *l)
{
    const struct plan *p = l->p;
    for (int s = 0; s < LAWS_STAGES; s++)
        for (size_t i = 0; i < p->n_measures; i++)
            l->cuts[s][i].at =
                (struct dp_cut){ DP_INT_MIN, DP_INT_MAX,
                                 counts(&p->measures[i]) ? 0 : DP_INT_MIN };
    if (!p->has_people || (!plan_thresholds(p) && p->audience == 0))
        return;
    for (int s = 0; s < LAWS_STAGES; s++) {
        struct dp_cut *at = &l->cuts[s][p->people].at;
        at->lo = plan_thresholds(p) ? (dp_int)p->keep.above + 1
                                    : (dp_int)p->audience;
        at->least = plan_thresholds(p) ? (dp_int)p->keep.least : 0;
    }
}

enum err_code laws_cuts_find(struct laws *l, struct arena *a, struct err *err)
{
    const struct plan *p = l->p;
    struct cutting c = { .l = l, .stage = LAWS_KEPT, .a = a };
    const size_t wide = plan_width(p);
    for (int s = 0; s < LAWS_STAGES; s++) {
        l->cuts[s] = ARENA_NEW_N(a, p->n_measures + 1, struct laws_cut);
        l->picks_lost[s] = ARENA_NEW_N(a, p->n_picks + 1, bool);
        if (!l->cuts[s] || !l->picks_lost[s])
            return draft_memory(err);
    }
    cut_released(l);
    if (p->is_free || (!p->having && p->n_after == 0))
        return ERR_OK;
    c.noisy = ARENA_NEW_N(a, wide + 1, struct dp_noisy);
    c.aggs = ARENA_NEW_N(a, p->n_aggs + 1, struct value);
    c.bounds = ARENA_NEW_N(a, p->n_aggs + 1, struct reply_interval);
    if (!c.noisy || !c.aggs || !c.bounds)
        return draft_memory(err);
    if (p->having)
        TRY(cut_term(&c, p->having, 0, err));
    c.stage = LAWS_SHOWN;
    return cut_around(&c, err);
}

static bool is_lost(const struct laws *l, size_t agg)
{
    const struct plan_agg *g = &l->p->aggs[agg];
    const struct laws_cut *cuts = l->cuts[LAWS_SHOWN];
    if (g->kind == PLAN_AGG_QUANTILE)
        return l->picks_lost[LAWS_SHOWN][g->pick];
    return cuts[g->measure].is_lost ||
           (g->kind != PLAN_AGG_MEASURE && cuts[g->count].is_lost) ||
           ((g->kind == PLAN_AGG_VARIANCE || g->kind == PLAN_AGG_DEVIATION) &&
            cuts[g->square].is_lost);
}

bool laws_is_lost(const struct laws *l, const struct typed *e)
{
    bool lost = e->kind == TYPED_AGG && is_lost(l, e->index);
    if (e->kind == TYPED_OVER && l->p->overs[e->index].value)
        lost = laws_is_lost(l, l->p->overs[e->index].value);
    for (size_t i = 0; e->kind == TYPED_CALL && !lost && i < e->call.n_args;
         i++)
        lost = laws_is_lost(l, e->call.args[i]);
    return lost;
}

/* ---- one number ---- */

bool laws_is_uncut(const struct laws *l, enum laws_stage stage, size_t measure,
                   dp_int v)
{
    const struct laws_cut *c = &l->cuts[stage][measure];
    const dp_int near = (dp_int)l->near[measure];
    return !c->is_lost && (c->at.lo == DP_INT_MIN || v - c->at.lo > near) &&
           (c->at.hi == DP_INT_MAX || c->at.hi - v > near);
}

static struct reply_interval at_steps(const struct laws *l, size_t measure,
                                      struct dp_cut at, dp_int from, dp_int to,
                                      bool shared)
{
    const struct plan_measure *m = &l->p->measures[measure];
    const double level = shared ? (1 + l->p->level) / 2 : l->p->level;
    const struct dp_reading first = { { from }, m->noise };
    const struct dp_reading last = { { to }, m->noise };
    struct dp_interval a = { 0 }, b = { 0 };
    if (dp_interval_of_cut(&a, &first, at, level) != DP_OK ||
        dp_interval_of_cut(&b, &last, at, level) != DP_OK ||
        a.kind != DP_INTERVAL_BOUNDED || b.kind != DP_INTERVAL_BOUNDED)
        return UNBOUNDED;
    a.hi = b.hi;
    a = dp_interval_place(a, 0, m->grid_bits);
    return (struct reply_interval){ INTERVAL_BOUNDED, a.lo, a.hi };
}

/* From one end, `past` steps; both ends of an interval rise with the number. */
static struct reply_interval from_end(struct laws_seen seen_at[2],
                                      const struct laws *l, size_t measure,
                                      struct dp_cut at, dp_int past, bool below,
                                      bool shared)
{
    struct laws_seen *seen = &seen_at[shared];
    const dp_int step = (dp_int)l->near[measure] / CELLS + 1;
    const size_t cell = (size_t)(past / step);
    if (!seen->has) {
        seen->interval = ARENA_NEW_N(l->a, CELLS + 1, struct reply_interval);
        seen->has = ARENA_NEW_N(l->a, CELLS + 1, bool);
        if (!seen->interval || !seen->has) {
            seen->has = NULL;
            return UNBOUNDED;
        }
    }
    if (!seen->has[cell]) {
        const dp_int first = (dp_int)cell * step, last = first + step - 1;
        dp_int from = below ? at.hi - last : at.lo + first;
        dp_int to = below ? at.hi - first : at.lo + last;
        from = from < at.lo ? at.lo : from;
        to = to > at.hi ? at.hi : to;
        seen->interval[cell] = at_steps(l, measure, at, from, to, shared);
        seen->has[cell] = true;
    }
    return seen->interval[cell];
}

struct reply_interval laws_cut_interval(const struct laws *l,
                                        enum laws_stage stage, size_t measure,
                                        dp_int v, bool shared)
{
    struct laws_cut *c = &l->cuts[stage][measure];
    const dp_int near = (dp_int)l->near[measure];
    if (c->is_lost || v < c->at.lo || v > c->at.hi)
        return NONE;
    if (c->at.lo != DP_INT_MIN && v - c->at.lo <= near)
        return from_end(c->from_lo, l, measure, c->at, v - c->at.lo, false,
                        shared);
    return from_end(c->from_hi, l, measure, c->at, c->at.hi - v, true, shared);
}
