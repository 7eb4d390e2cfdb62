#ifndef ENGINE_DUCK_GROUPS_H
#define ENGINE_DUCK_GROUPS_H

#include "server/engine/duck_heap.h"
#include "server/engine/duck_order.h"

/* One kind of group. */
struct duck_groups_kind {
    size_t bytes; /* of a group, its head included; a multiple of 8 */
    struct duck_heap *heap;
    /* What the group points to is given back; NULL: nothing. */
    void (*drop)(void *group, struct duck_heap *heap);
};

/*
 * A person's groups that stand first (plan/keep.h), at most l0 of them, with
 * room that grows with what the person has: the state of an aggregate.
 *
 *   struct duck_groups | one group      room 0: it lies here
 *                   at -> groups        room of them, on the heap
 *
 * Groups stand in the order of their places, ties by code.  The l0 first places
 * only ever fall, so a group that ends among them was never put out since its
 * first row, and what was added to it is whole.
 *
 * DuckDB moves states about in memory: nothing in one points into itself.
 */
struct duck_groups {
    const struct duck_groups_kind *kind; /* outlives it */
    uint32_t n, room;
    uint32_t l0, most;     /* l0 = 0: no row came yet; most is the kind's */
    struct duck_line line; /* the person's */
    uint64_t start;        /* the kind's */
    unsigned char *at;     /* room > 0; owned */
};

/* Head of a group; what the kind keeps of it follows. */
struct duck_group {
    uint64_t place, code;
};

static inline void *duck_groups_at(struct duck_groups *g, size_t i)
{
    unsigned char *all = g->room ? g->at : (unsigned char *)(g + 1);
    return all + i * g->kind->bytes;
}

/*
 * The group of this code: one that is kept, or let in with all zero behind its
 * head while another may be put out.  *out is NULL when l0 better ones stand.
 * False: the heap has no more, and nothing changed.  g->l0 > 0.
 */
bool duck_groups_enter(void **out, struct duck_groups *g, uint64_t code);

/* All of `from` becomes `to`'s, which is empty. */
void duck_groups_move(struct duck_groups *to, struct duck_groups *from);

/* Empty, all memory given back. */
void duck_groups_drop(struct duck_groups *g);

#endif
