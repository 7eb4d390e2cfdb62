#ifndef PLAN_OVER_FRAME_H
#define PLAN_OVER_FRAME_H

#include "server/plan/over.h"
#include "server/plan/tally.h"

/*
 * Which rows a window function sees from a row: its frame, by rows, peers,
 * groups of peers or a distance of values, and what EXCLUDE leaves of it.  Rows
 * are places in the order of partition and window; a partition is first .. end.
 */
struct over_work {
    const struct plan_over *o;
    const struct over_row *rows;
    size_t n;
    struct over_answer *out;
    size_t *peers; /* per place: where its peers begin; behind them, n + 1
                      places more, where they end */
    struct tally *tallies;   /* OVER_FRAME_MAX, or n; of wide frames 2 n */
    size_t *groups, *starts; /* GROUPS: of a place, and where each begins */
    size_t n_groups;         /* of the partition */
    size_t key_from,
        key_to; /* RANGE by a value: places whose key is not NULL */
};

/* Rows that the window's order does not tell apart: negative, 0, positive. */
int over_compare_orders(const struct over_work *k, size_t a, size_t b);

/* What all rows of a partition have in common; before any frame of it. */
void over_frame_begin(struct over_work *k, size_t first, size_t end);

/* Behind the last peer of the row at `place`. */
static inline size_t over_peers_end(const struct over_work *k, size_t place)
{
    return k->peers[k->n + 1 + place];
}

/* The frame of the row at `place`: from .. to, to behind the last. */
void over_frame_of(struct over_cell *cell, const struct over_work *k,
                   size_t place, size_t first, size_t end);

/* What EXCLUDE leaves of it: places from .. to, up to three times. */
struct over_pieces {
    size_t from[3], to[3];
    size_t n;
};
void over_pieces_of(struct over_pieces *out, const struct over_cell *cell,
                    const struct over_work *k, size_t place);

#endif
