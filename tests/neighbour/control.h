#ifndef NEIGHBOUR_CONTROL_H
#define NEIGHBOUR_CONTROL_H

#include "server/engine/engine.h"

/*
 * Planted mistakes: an engine that stands before the real one and runs a
 * statement spoilt in one way, or an order of rows that knows too much, or a
 * price of picks that knows too little (the test links with --wrap=plan_finish
 * and --wrap=dp_topk_of_price).  The harness must catch each of them.
 */
enum control {
    CONTROL_NONE,
    CONTROL_L0,      /* one group more than L0 */
    CONTROL_LINF,    /* no limit on rows */
    CONTROL_TIES,    /* groups kept by an order that is not a person's own */
    CONTROL_FILTERS, /* two FILTERs added up into one cell */
    CONTROL_FAN_OUT, /* bounded first, joined afterwards */
    CONTROL_FLOAT,   /* summed in floating point */
    CONTROL_SCORE,   /* picks paid for as if one person had one row */
    CONTROL_ROLLUP,  /* one group more than L0 out of a rollup */
    CONTROL_ORDER,   /* rows in an order that depends on exact numbers */
    CONTROL_N
};

/* Closed by engine_close; `inner` stays the caller's. */
struct engine *control_engine(struct engine *inner, enum control c);

#endif
