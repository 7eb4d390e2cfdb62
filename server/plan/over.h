#ifndef PLAN_OVER_H
#define PLAN_OVER_H

#include "server/plan/plan.h"

/*
 * A window function over the rows of an answer: SUM(COUNT(*)) OVER (ORDER BY
 * day), rank() OVER (ORDER BY COUNT(*) DESC).  Rows are released already, so it
 * is free; it sees them after HAVING and before DISTINCT, ORDER BY and LIMIT,
 * and means what PostgreSQL 15 means.  Rows that its ORDER BY does not tell
 * apart stand in the order of the answer, by group key.
 *
 * (Windows over the rows of one person, in sub-queries, are the engine's:
 * window.c.)
 */
struct plan_over {
    enum window_kind kind;
    enum agg_kind agg;             /* AGG */
    const struct typed *value;     /* of a row; NULL: there is none, or * */
    const struct typed *filter;    /* AGG; or NULL */
    const struct typed *otherwise; /* LAG, LEAD; or NULL */
    int64_t number;                /* LAG, LEAD, NTH_VALUE, NTILE */
    struct typed **partition;
    size_t n_partition;
    struct plan_order *orders;
    size_t n_orders;
    struct frame frame;
};

enum { PLAN_OVERS_MAX = 64 };

/* A row as a window sees it. */
struct over_row {
    const struct value *partition, *orders; /* n_partition, n_orders */
    struct value value, otherwise;          /* COUNT(*): value_int(1) */
    bool counts;                            /* passes the filter */
};

/* `o` of one row, whose leaves `env` holds. */
struct eval_env;
enum err_code over_row_of(struct over_row *out, const struct plan_over *o,
                          const struct eval_env *env, struct arena *a,
                          struct err *err) MUST_CHECK;

/* The result, and which rows it was made of, for intervals. */
struct over_cell {
    struct value value;
    size_t from, to;   /* AGG, ..._VALUE: the frame, as places in `by` */
    size_t first, end; /* the partition, likewise */
    size_t source;     /* index of the row whose value this is, or OVER_NONE */
};
#define OVER_NONE SIZE_MAX

struct over_answer {
    struct over_cell *cells; /* per row, as given */
    size_t *by;              /* rows by partition, then by the window's order */
    size_t *place;           /* of each row in `by` */
};

/* ERR_LIMIT: the arena is full. */
enum err_code over_apply(struct over_answer *out, const struct plan_over *o,
                         const struct over_row *rows, size_t n, struct arena *a,
                         struct err *err) MUST_CHECK;

#endif
