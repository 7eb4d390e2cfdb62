#ifndef NEIGHBOUR_CONTROL_H
#define NEIGHBOUR_CONTROL_H

#include "server/engine/engine.h"

/*
 * Planted mistakes, each of which the harness must catch: an engine that stands
 * before the real one and runs a statement spoilt in one way, a plan that says
 * what is not so, or a last step that knows too much (the test links with
 * --wrap for plan_query, plan_bind, plan_finish and dp_topk_of_price).
 */
enum control {
    CONTROL_NONE,
    CONTROL_L0,         /* one group more than L0 */
    CONTROL_LINF,       /* no limit on rows */
    CONTROL_TIES,       /* groups kept by an order that is not a person's own */
    CONTROL_ROW_NUMBER, /* a window's ties left to the engine */
    CONTROL_FILTERS,    /* two FILTERs added up into one cell */
    CONTROL_FAN_OUT,    /* bounded first, joined afterwards */
    CONTROL_ATTRIBUTE,  /* an attribute of a person without its derivation */
    CONTROL_FLOAT,      /* summed in floating point */
    CONTROL_ORDER,      /* rows in an order that depends on exact numbers */
    CONTROL_HIST,       /* a quantile's rows without a limit */
    CONTROL_VALUES,     /* one different value more than Linf */
    CONTROL_SCORE,      /* a quantile's scores said to move half as much */
    CONTROL_TOP,        /* picks paid for as if one person had one row */
    CONTROL_ROLLUP,     /* one group more than L0 out of a rollup */
    CONTROL_SETS,       /* grouping sets charged once */
    CONTROL_FILTER_PRICE, /* FILTERs charged once */
    CONTROL_CHAIN,        /* an earlier release hands on an exact number */
    CONTROL_NOISE,        /* half the noise that was paid for */
    CONTROL_THRESHOLD,    /* groups shown from one person less on */
    CONTROL_DISTINCT,     /* people counted as rows */
    CONTROL_KEEP_LESS,    /* one group less than L0, with noise for L0 */
    CONTROL_RANDOM,       /* noise from the engine of its own */
    CONTROL_DOUBLE,       /* twice the price that was asked for */
    CONTROL_SILENT,       /* no word of what bounds cut off */
    CONTROL_GATE,         /* who counts is not asked */
    CONTROL_BOUNDS,       /* groups are not bounded, where a window does it */
    CONTROL_N
};

/* Closed by engine_close; `inner` stays the caller's. */
struct engine *control_engine(struct engine *inner, enum control c);

/* What is spoilt outside the engine while `sql` is asked; CONTROL_NONE =
 * nothing. */
void control_start(enum control c, const char *sql);

#endif
