#ifndef PLAN_LAWS_H
#define PLAN_LAWS_H

#include "dp/interval.h"
#include "dp/moments.h"
#include "server/plan/over.h"

/*
 * Aggregates from a group's noisy numbers, with the interval that the laws of
 * the noise give each; and intervals of expressions over them.
 * docs/intervals.md tells how they combine.
 */
/*
 * What every row needs of the laws, found once: the half width of each measure
 * in grid steps, alone and where two share the error, the laws of aggregates
 * that take two or three measures, and what rows were chosen by.
 */
/*
 * What rows a number is of: those the release shows, those HAVING leaves of
 * them, and those a WHERE around the aggregates leaves.  The later, the more is
 * known of why it is there (laws_cut.c).
 */
enum laws_stage { LAWS_RELEASED, LAWS_KEPT, LAWS_SHOWN, LAWS_STAGES };

/* Intervals of a number so many steps past an end, as far as they were asked
 * for; NULL: none was. */
struct laws_seen {
    struct reply_interval *interval;
    bool *has;
};

/* A measure that is there only where its noisy number lies between two ends,
 * or where something without a law held: is_lost. */
struct laws_cut {
    struct dp_cut at;
    bool is_lost;
    struct laws_seen from_lo[2],
        from_hi[2]; /* at the level; sharing the error */
};

struct laws {
    const struct plan *p;
    struct arena *a;
    uint64_t *alone, *shared;    /* UINT64_MAX: unknown */
    struct dp_sum_law *sums;     /* of the aggregates that are centred sums */
    struct dp_ratio_law *ratios; /* of the aggregates that are means */
    struct dp_moments_law *spreads; /* of those that are variances or roots */
    struct laws_cut *cuts[LAWS_STAGES]; /* of each measure */
    bool *picks_lost[LAWS_STAGES];
    uint64_t *near; /* of each measure: as far past an end as its law shows */
};

struct laws_window;

/* One released group while it is finished. */
struct laws_row {
    const struct laws *laws;
    const struct value *keys, *aggs;
    const struct reply_interval *bounds; /* of aggs */
    const struct dp_noisy *noisy;        /* NULL: of a public answer */
    const struct laws_window *windows;   /* of the plan's overs; or NULL */
    const struct value *overs;           /* their values */
    enum laws_stage stage;
    size_t index; /* among the rows of the answer */
    struct arena *a;
};

/*
 * What the intervals of a window function need of all rows: the function adds
 * up an aggregate, times a constant, over rows of its frame, each with noise of
 * its own; takes the value of one row; or the greatest or least of them.
 */
struct laws_window {
    const struct plan_over *o;
    const struct over_answer *answer;
    const struct laws_row *rows;
    size_t n_rows;
    bool adds; /* SUM, AVG of such an aggregate, or the value of a row; ... */
    bool extreme;  /* ... or MAX, MIN */
    size_t agg;    /* adds: of the plan's aggregates */
    double factor; /* adds: the value moves by this times the aggregate, ... */
    bool is_plain; /* ... and is that, with nothing added */
    struct dp_mechanism noise; /* adds: of the row that has most of it */
    /* Of the rows at places before, in the window's order: how many count, and
     * of how many the noise is not known by itself; their noisy measure. */
    size_t *counted, *unknown;
    double *steps;
};

enum err_code laws_find(struct laws *l, const struct plan *p, struct arena *a,
                        struct err *err) MUST_CHECK;

/* Aggregate i of the group with these noisy numbers. */
void laws_aggregate(struct value *out, struct reply_interval *bounds,
                    const struct laws *l, enum laws_stage stage, size_t i,
                    const struct dp_noisy *noisy);

/* laws_cut.c: l->cuts and l->picks_lost; the rest of it is found already. */
enum err_code laws_cuts_find(struct laws *l, struct arena *a,
                             struct err *err) MUST_CHECK;
/* Does the law of the noise alone hold for a measure whose number is v? */
bool laws_is_uncut(const struct laws *l, enum laws_stage stage, size_t measure,
                   dp_int v);
/* The interval of a measure whose number is v, in its units; `shared`: one of
 * two that may each miss half as often as the level says. */
struct reply_interval laws_measure(const struct laws *l, enum laws_stage stage,
                                   size_t measure, dp_int v, bool shared);
/* ... where that law does not hold. */
struct reply_interval laws_cut_interval(const struct laws *l,
                                        enum laws_stage stage, size_t measure,
                                        dp_int v, bool shared);
/* a + b, a - b and a / b of two intervals. */
struct reply_interval laws_combined(enum expr_op op, struct reply_interval a,
                                    struct reply_interval b);
/* Has an output lost its interval to what rows were chosen by? */
bool laws_is_lost(const struct laws *l, const struct typed *e);

/* laws_over.c: fills in `w` for a function that was computed; `seen` are the
 * rows as it saw them. */
enum err_code laws_window_find(struct laws_window *w, const struct plan_over *o,
                               const struct over_answer *answer,
                               const struct over_row *seen,
                               const struct laws_row *rows, size_t n,
                               struct arena *a, struct err *err) MUST_CHECK;

/*
 * The interval of an expression whose value is `cell`: one aggregate, or sum of
 * them over rows, moved by constants; the quotient of two; a function that
 * rises or falls with one.  None for others.
 */
struct reply_interval laws_interval(const struct laws_row *row,
                                    const struct typed *e,
                                    const struct value *cell);

/*
 * Pieces that laws_post.c and laws_over.c share.
 *
 * The one aggregate or window function that `e` moves with, in a chain of sums
 * and products with constants: NULL when there is none.
 */
const struct typed *laws_linear(const struct typed *e);
/* What such an `e` is at x. */
double laws_linear_at(const struct typed *e, double x);
/* c times an aggregate or window function, through casts and NULLIF(x, 0). */
bool laws_scaled(const struct typed **leaf, double *factor,
                 const struct typed *e);
/*
 * factor * A / B of two measures with noise of their own.  Casts and constant
 * factors are looked through, and NULLIF(B, 0), which is B where the quotient
 * has a value.
 */
struct laws_quotient {
    const struct typed *num, *den; /* leaves */
    double factor;
};
bool laws_is_quotient(struct laws_quotient *out, const struct typed *e);
/* Is the noise of the aggregate that of its measure alone?  The count that
 * selected the group follows another law just past the threshold. */
bool laws_is_plain(const struct laws_row *row, size_t agg);

/* laws_func.c: a function of one thing with an interval, which rises or falls
 * with it; CASE, piece by piece. */
struct reply_interval laws_function(const struct laws_row *row,
                                    const struct typed *e);

/* Does it hold a released number? */
bool laws_reads(const struct typed *e);

/* The interval of a window function's own value. */
struct reply_interval laws_over(const struct laws_row *row, size_t over,
                                double level);
/* factor * (a row's aggregate, or what a window function adds up) / (what
 * another one adds up, the first among it); *is_share tells whether it is. */
struct reply_interval laws_share(const struct laws_row *row, bool *is_share,
                                 const struct typed *num,
                                 const struct typed *den, double factor,
                                 double level);
/* c x + d y + constant, x an aggregate of the row and y a window function over
 * the same one; *is_sum tells whether it is. */
struct reply_interval laws_deviation(const struct laws_row *row, bool *is_sum,
                                     const struct typed *e,
                                     const struct value *cell);

#endif
