#ifndef NEIGHBOUR_TAPE_COST_H
#define NEIGHBOUR_TAPE_COST_H

#include "server/plan/plan.h"

/*
 * What the removed person's part in an answer costs at least, from the exact
 * difference of what noise was added to, and from the noise that was drawn: it
 * never passes what was charged, and comes near it for a person who uses up
 * every bound.  Adds up over cells, measures, picks and releases.
 *
 * `main` is rho, or epsilon under pure; `delta` the chance that a group which
 * the person alone is in was shown.
 */
struct tape_cost {
    double main, delta;
};

/* A cell that moved by so many steps. */
void tape_cost_cell(struct tape_cost *c, enum dp_notion notion,
                    const struct dp_mechanism *noise, dp_uint by);

/* A group of one person, which the threshold is to hide. */
void tape_cost_alone(struct tape_cost *c, const struct plan *plan);

/* A pick whose scores moved by `by` of what its choice allows for, 0 to 1. */
void tape_cost_pick(struct tape_cost *c, enum dp_notion notion,
                    const struct dp_choice *choice, double by);

/* NULL when it is within `charged`, but for rounding. */
const char *tape_cost_wrong(const struct tape_cost *c, enum dp_notion notion,
                            struct dp_price charged);

#endif
