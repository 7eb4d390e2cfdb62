#ifndef PLAN_PLAN_H
#define PLAN_PLAN_H

#include "dp/mechanism.h"
#include "dp/quantile.h"
#include "dp/select.h"
#include "dp/topk.h"
#include "server/policy/policy.h"
#include "server/query/reply.h"
#include "server/query/request.h"

/*
 * How a question will be answered, decided without reading a row: the engine's
 * statement, bounds, sensitivities, mechanisms, price, and what is done with
 * the noisy numbers afterwards.  A function of (request tree, policy, public
 * hints) only.  Lives in the request arena.
 *
 * A plan is mostly one release.  A sub-query whose aggregates are over many
 * people is an earlier one, `before`: run, noised and finished first, its
 * answer is the constant table s0, s1, .. of this plan's statement (plan_bind).
 * The price of all is charged together, before any runs.  With GROUPING SETS
 * there is one release for each set: `parts`, each bounded, priced and run by
 * itself, whose rows are finished as one table.
 *
 *   engine row:  key[0..n_keys), measure[0..n_measures)      exact integers
 *   histogram:   key[0..n_keys), bucket, rows                exact integers
 *   release:     select by people (private keys), noise each measure, pick
 *                buckets of the groups that are left
 *   outputs:     expressions over keys, noisy measures and picks, and window
 *                functions over the rows of these
 *
 * Contract with engines: `sql` reads the relation src."TABLE", which shows
 * exactly the policy's columns under the policy's names, as BIGINT, DOUBLE,
 * VARCHAR, DATE, TIMESTAMP or BOOLEAN (a UUID as VARCHAR; values that do not
 * convert are NULL), and has no parameters.  Result columns: k0.. (BIGINT,
 * VARCHAR, DATE, TIMESTAMP, BOOLEAN as the key's type says), then m0.. as
 * HUGEINT, never NULL; rows in no order.  A NULL key is a group of its own.
 * Without keys: one row.
 */
struct plan_after;
struct plan_over;   /* over.h */
struct plan_series; /* series.h */
struct plan_mix;    /* mix.h */
struct typed;       /* a checked expression, server/plan/typed.h */

struct plan_key {
    const char *name; /* of the column, or the expression as text */
    enum value_type type;
    bool is_public; /* domain lists every value; empty groups are answered */
    struct value *domain; /* ascending by value_cmp; NULL may be the last */
    size_t n_domain;
};

enum measure_kind {
    MEASURE_PEOPLE,   /* distinct privacy keys: D = 1 */
    MEASURE_ROWS,     /* kept rows (of FILTER, or with x not NULL): D = Linf */
    MEASURE_SUM,      /* clamped values on the grid, minus center per row: y */
    MEASURE_SQUARES,  /* y^2 / 2^coarse rounded down, minus middle per row */
    MEASURE_DISTINCT, /* different values, of one person at most Linf: D = Linf
                       */
    /* What bounding cuts off, on request: report.c. */
    MEASURE_CLAMPED, /* rows whose value was clamped, of one person at most
                        Linf: D = Linf */
    MEASURE_EXCESS,  /* what clamping took from the sum: D = most */
    MEASURE_CUT,     /* rows past Linf, of one person at most D */
    MEASURE_LEFT,    /* people whose rows in the group were left out for L0 */
};

/* One integer per group, with noise of its own. */
struct plan_measure {
    enum measure_kind kind;
    const char *name;    /* column of the engine's result: "m0", ... */
    const char *what;    /* for people: "rows", "sum of x in [0, 5]" */
    uint64_t bound;      /* D: what one person changes it by in one group */
    uint32_t l0;         /* ... of so many groups; 0: as the plan says */
    unsigned grid_bits;  /* value = integer * 2^-grid_bits */
    dp_int center;       /* grid steps subtracted per counted row */
    bool never_negative; /* SUM: of values that are not */
    dp_int middle;       /* SQUARES: steps subtracted per counted row */
    unsigned coarse;     /* SQUARES: bits of each square that are left out */
    struct dp_mechanism noise;
};

/*
 * Rows per bucket of a value's public range, for the quantiles of each group: a
 * statement of its own, whose columns are the keys, the bucket as one key more,
 * and the number of rows.
 */
struct plan_hist {
    const char *sql, *spare_sql;
    struct plan_measure of; /* the sum that would take the same rows */
    int64_t lo;             /* grid steps: the first value of bucket 0, ... */
    uint64_t width;         /* ... and how many values each has */
    size_t n_buckets;
};

/* One bucket picked per group.  What leaves is its index, stored behind the
 * noisy measures as one more number. */
struct plan_pick {
    size_t hist;
    struct dp_quantile q;
    struct dp_choice choice;
};

/* A step of the measure is worth 2 to this. */
static inline int plan_measure_exp(const struct plan_measure *m)
{
    const int bits = (int)m->grid_bits;
    switch (m->kind) {
    case MEASURE_SUM:
    case MEASURE_EXCESS:
        return -bits;
    case MEASURE_SQUARES:
        return (int)m->coarse - 2 * bits;
    case MEASURE_PEOPLE:
    case MEASURE_ROWS:
    case MEASURE_DISTINCT:
    case MEASURE_CLAMPED:
    case MEASURE_CUT:
    case MEASURE_LEFT:
        break;
    }
    return 0;
}

/* One aggregate the analyst wrote, from noisy measures. */
enum plan_agg_kind {
    PLAN_AGG_MEASURE,  /* measure */
    PLAN_AGG_SUM,      /* measure + center * count */
    PLAN_AGG_MEAN,     /* center + measure / count; NULL when count <= 0 */
    PLAN_AGG_VARIANCE, /* of measure, square and count: dp/moments.h */
    PLAN_AGG_DEVIATION,
    PLAN_AGG_QUANTILE, /* the middle of the bucket picked */
};

struct plan_agg {
    enum plan_agg_kind kind;
    size_t measure, count, square; /* indices; count but of MEASURE */
    bool sample; /* VARIANCE, DEVIATION: divided by count - 1 */
    size_t pick; /* QUANTILE; with has_ends, the next two are its interval's */
    bool has_ends;
    bool whole; /* MEASURE, SUM: told as a whole number, however fine its grid;
                   QUANTILE: of whole numbers, and one of them */
};

struct plan_output {
    const char *name;
    enum value_type type;
    bool is_key;
    const struct typed *expr; /* over keys and aggregates */
};

struct plan_order {
    const struct typed *expr;
    bool descending, nulls_first;
};

/*
 * The groups with the greatest numbers, picked before any number leaves
 * (dp/topk.h); how it is chosen: top.h.
 */
struct plan_top {
    bool on;
    size_t score; /* measure whose exact numbers are compared */
    bool hidden;  /* ... of which nothing leaves but the order */
    struct dp_topk t;
    uint64_t most; /* private groups: the stop may lie so far above the next,
                      steps of the score; 0: no stop can serve */
    double weight; /* a pick's price beside that of a number over one group */
    double ratio;  /* its price beside that of every group, at equal use; 0:
                      never compared; infinite: no picks are of equal use */
};

/* Key `key` is one of the values of an output of an earlier release. */
struct plan_among {
    size_t key, before, output;
};

struct plan {
    const struct policy *policy; /* borrowed, outlives the plan */
    const struct policy_purpose *purpose;
    const struct request *request;
    struct plan **before; /* earlier releases of the chain */
    size_t n_before;
    struct plan_among *amongs; /* groups these leave out are not answered */
    size_t n_amongs;

    /* A public answer: `sql` is not run, nothing is charged, no noise drawn;
     * call plan_finish with no rows.  LIMIT 0 and constant-false filters; and
     * group keys alone whose domains are public, which `lists` them. */
    bool is_free, lists;
    const char *sql; /* the engine's statement; n_before > 0: of plan_bind */
    /* Or NULL: the same rows, more slowly, where `sql` keeps more of people
     * than the engine has memory for and this may go to disk. */
    const char *spare_sql;
    bool gated; /* people are read through the gate (gate.h) */
    /* Or NULL: a rollup of the policy, and the statement over it (rollup.h)
     * whose rows are those of `sql`. */
    const struct policy_rollup *rollup;
    const char *rollup_sql;
    uint64_t reach;    /* bytes of all statements, every column replaced by what
                          it stands for: what the engine's planner may go through;
                          at most PLAN_REACH_MAX */
    double memory;     /* bytes of the request's that its groups take, most of
                          them after the charge, as many as there may be */
    double row_memory; /* ... that each stored one takes to be shown */
    /* selects: so many groups are released at most, and so many bytes of text
     * in their keys: those with the most people, by their noisy numbers. */
    uint64_t rows_most;
    size_t text_most;
    const char *text; /* EXPLAIN (PRIVACY); "" but for that and ESTIMATE */
    const char *mechanism_text; /* one line, for the receipt */
    struct plan_key *keys;      /* in the order of canon.h */
    size_t n_keys;
    const size_t *key_order; /* key as written -> place; NULL: as written */
    struct plan_measure *measures; /* the last n_reports tell what was cut */
    size_t n_measures, n_reports;
    struct plan_hist *hists;
    size_t n_hists;
    struct plan_pick *picks;
    size_t n_picks;
    struct plan_agg *aggs;
    size_t n_aggs;
    uint32_t l0,
        linf; /* L0 groups per person, Linf rows per person and group */

    struct plan **parts; /* GROUPING SETS: keys, measures, bounds and statements
                            are theirs, price and hash those of all */
    size_t n_parts;      /* 0 = the plan is one release itself */
    struct plan_mix *mix; /* several answers put together: parts are the
                             releases of all, `after` is over the whole; or
                             NULL */
    bool adds_up;    /* of a part: its rows are totals of another's cells, */
    size_t cells_of; /* ... this one's: totals.h */
    bool one_group;  /* each person is in one group by construction */
    uint32_t set;    /* of a part: keys of the question, as bits */
    bool selects;    /* some key is private */
    bool has_people; /* some measure counts everyone in the group */
    size_t people;   /* ... this one */
    struct dp_threshold keep; /* plan_thresholds only */
    struct plan_top top;
    struct plan *wider;     /* top.on: the same question as a release of every
                                     group, whose stored answer serves; or NULL */
    uint64_t audience;      /* rows with fewer noisy people are cut; 0 = none */
    uint64_t groups_public; /* !selects: rows of the release; 1 without keys */

    struct plan_output *outputs;
    size_t n_outputs;
    const struct typed *having; /* or NULL */
    struct plan_over *overs;    /* window functions, over what HAVING leaves */
    size_t n_overs;
    struct plan_order *orders;
    size_t n_orders;
    bool has_limit;
    uint64_t limit, offset;
    struct plan_after *after; /* SELECTs around it, applied in turn: after.h */
    size_t n_after;
    double level; /* of the intervals */
    const char **notices;
    size_t n_notices;

    const struct plan_series *series; /* the groups are days, some of which may
                                         be stored: series.h; or NULL */

    struct dp_price price;    /* of the whole chain */
    uint8_t release_hash[32]; /* what is released: DESIGN 5, "Reuse" */
};

enum { PLAN_REACH_MAX = 512 * 1024 };
/* Bytes that a request may use in a worker; a sixteenth is for all that does
 * not grow with groups. */
enum { PLAN_ARENA = 256 << 20, PLAN_MEMORY_MAX = PLAN_ARENA / 16 * 15 };
enum { PLAN_CHAIN_MAX = 2, PLAN_CHAIN_ROWS_MAX = 1000 };
/* The place of the key that GROUP BY names i-th: rows are shown in its order.
 */
static inline size_t plan_key_place(const struct plan *p, size_t i)
{
    return p->key_order ? p->key_order[i] : i;
}

/* Numbers that a released group has: its noisy measures, then its picks.  Of a
 * plan with parts, those of the widest; n_keys has the part's index last. */
static inline size_t plan_width(const struct plan *p)
{
    return p->n_measures + p->n_picks;
}

/* Does an engine run it?  The other plans are public, or read another's rows.
 */
static inline bool plan_runs(const struct plan *p)
{
    return !p->is_free && !p->adds_up;
}

/* Are groups shown by the noisy number of people in them? */
static inline bool plan_thresholds(const struct plan *p)
{
    return p->selects && !p->top.on;
}

/* Of this measure no number leaves: it is 0 in every released row. */
static inline bool plan_hides(const struct plan *p, size_t measure)
{
    return p->top.on && p->top.hidden && p->top.score == measure;
}

/* Numbers of a group that are paid for, and the groups a person is in of those
 * that are. */
static inline size_t plan_paid(const struct plan *p)
{
    return plan_width(p) - (p->top.on && p->top.hidden);
}
static inline uint32_t plan_paid_groups(const struct plan *p)
{
    return p->top.on && p->top.t.k < p->l0 ? p->top.t.k : p->l0;
}

/* The releases of a plan, each a plan of its own: 0 <= i < plan_releases(). */
static inline size_t plan_releases(const struct plan *p)
{
    return p->n_parts ? p->n_parts : 1;
}
static inline const struct plan *plan_release(const struct plan *p, size_t i)
{
    return p->n_parts ? p->parts[i] : p;
}

enum { PLAN_GROUPS_MAX = 100000, PLAN_MEASURES_MAX = 64, PLAN_KEYS_MAX = 16 };

/*
 * Plan `tree` (from SQL or the structured message) under `policy`.
 *
 * ERR_REFUSED    the privacy rules or this version cannot answer it; message
 *                names the clause, place and hint are filled in
 * ERR_NOT_FOUND  table, column or purpose unknown
 * ERR_INVALID    an ask or bound outside its range, a type mismatch
 * ERR_BUDGET     price above the policy's maximum for one query
 * ERR_LIMIT      too many groups or aggregates, or the arena is full
 *
 * Checks no balance: the ledger does.  *out is written on ERR_OK only.
 * Parameters behind LIMIT are filled into `tree`, which is the caller's own.
 */
enum err_code plan_query(struct plan **out, const struct request *req,
                         const struct select *tree, const struct policy *policy,
                         struct arena *a, struct err *err) MUST_CHECK;

/*
 * What a statement gives and takes before its parameters have values, as
 * drivers ask for it: types of $1, $2, ... by what stands beside them (text
 * where nothing does), names and types of the output columns.  Errors as
 * plan_query, as far as they do not depend on values; free.
 */
struct plan_shape {
    enum value_type *params;
    size_t n_params; /* the highest number used */
    struct reply_column *columns;
    size_t n_columns;
};
enum { PLAN_PARAMS_MAX = 1024 };
enum err_code plan_shape_of(struct plan_shape *out, const struct request *req,
                            const struct select *tree,
                            const struct policy *policy, struct arena *a,
                            struct err *err) MUST_CHECK;

/* What would be charged and how wrong the answer would be; see reply.h.
 * queries_left is computed from `left`. */
enum err_code plan_estimate(struct reply_estimate *out, const struct plan *plan,
                            struct dp_price left, struct arena *a,
                            struct err *err) MUST_CHECK;

/*
 * For a batch with one price: how much an error in the plan's answer weighs, as
 * dp_split_price's a[j] under DP_SPLIT_SQUARES.  Each of its numbers is
 * measured in what one person can change it by, so that the squared errors of
 * all add up to least.  0: it costs nothing.
 */
double plan_weight(const struct plan *plan);

/* What an ask for a price comes to, in units of the policy's notion, rounded
 * down.  ERR_INVALID: not a price under it.  No price asked: *units is 0. */
enum err_code plan_asked(uint64_t *units, const struct ask *ask,
                         const struct policy *policy,
                         struct err *err) MUST_CHECK;

/*
 * One released group: what the noise stage hands to plan_finish and what is
 * stored beside the charge.
 */
struct plan_noisy {
    struct value *keys;        /* n_rows * n_keys */
    struct dp_noisy *measures; /* n_rows * plan_width */
    size_t n_rows;
    bool cut; /* more groups were selected than `rows_most` */
};

/*
 * The rows of all releases as they are stored beside the charge and handed to
 * plan_finish: `each` itself for a plan of one, else keys in the order of GROUP
 * BY, NULL where a set leaves one out, and the part's index behind them.
 */
enum err_code plan_gather(struct plan_noisy *out, const struct plan *plan,
                          const struct plan_noisy *each, struct arena *a,
                          struct err *err) MUST_CHECK;

/* ... and back: the rows of one part. */
enum err_code plan_part_rows(struct plan_noisy *out, const struct plan *plan,
                             const struct plan_noisy *all, size_t part,
                             struct arena *a, struct err *err) MUST_CHECK;

/* Leave out the groups that the answers of earlier releases, as of plan_bind,
 * exclude: what the noise stage does last, before the rows are stored. */
void plan_keep_amongs(struct plan_noisy *noisy, const struct plan *plan,
                      const struct reply_table *tables);

/* Does the minimum audience cut this row, by its noisy number of people?  A
 * threshold has done so already. */
static inline bool plan_cuts(const struct plan *p, const struct dp_noisy *row)
{
    return !plan_thresholds(p) && p->audience > 0 &&
           row[p->people].v < (dp_int)p->audience;
}

/*
 * Post-processing: outputs, intervals, HAVING, ORDER BY, LIMIT.  `noisy` holds
 * the rows that release.h describes.  Rows come in the order asked for, then by
 * key bytes.  Fills columns, rows, notices and level; the receipt is the
 * caller's.
 */
enum err_code plan_finish(struct reply_table *out, const struct plan *plan,
                          const struct plan_noisy *noisy, struct arena *a,
                          struct err *err) MUST_CHECK;

/*
 * The same of rows from several releases, each finished as its own plan says:
 * `shown` orders, cuts and names them.  Every `plan` has the shape of `shown`.
 */
struct plan_source {
    const struct plan *plan;
    struct plan_noisy noisy;
};
enum err_code plan_finish_all(struct reply_table *out, const struct plan *shown,
                              const struct plan_source *sources, size_t n,
                              struct arena *a, struct err *err) MUST_CHECK;

/* The columns of the answer in the end, `after` included. */
const struct plan_output *plan_columns(const struct plan *plan, size_t *n);

/*
 * *out is `plan` with the answers of its earlier releases in its statement:
 * tables[i] is what plan_finish made of plan->before[i].
 */
enum err_code plan_bind(struct plan *out, const struct plan *plan,
                        const struct reply_table *tables, struct arena *a,
                        struct err *err) MUST_CHECK;

#endif
