#include "server/engine/duck_groups.h"

#include <string.h>

/* The first group that does not stand before this one, or n. */
static size_t lower_bound(struct duck_groups *g, uint64_t place, uint64_t code)
{
    size_t from = 0, to = g->n;
    while (from < to) {
        const size_t i = from + (to - from) / 2;
        const struct duck_group *at = duck_groups_at(g, i);
        if (at->place < place || (at->place == place && at->code < code))
            from = i + 1;
        else
            to = i;
    }
    return from;
}

/* Room for one more: 1 in the state itself, then 2, 4, 8, ... */
static bool make_room(struct duck_groups *g)
{
    const struct duck_groups_kind *k = g->kind;
    const uint32_t room = g->room ? g->room : 1;
    if (g->n < room)
        return true;
    const uint32_t more = room > g->l0 / 2 ? g->l0 : 2 * room;
    unsigned char *at = duck_heap_grow(k->heap, g->room ? g->at : NULL,
                                       g->room * k->bytes, more * k->bytes);
    if (!at)
        return false;
    if (!g->room)
        memcpy(at, g + 1, g->n * k->bytes);
    g->at = at;
    g->room = more;
    return true;
}

static void put_out_last(struct duck_groups *g)
{
    if (g->kind->drop)
        g->kind->drop(duck_groups_at(g, g->n - 1), g->kind->heap);
    g->n--;
}

bool duck_groups_enter(void **out, struct duck_groups *g, uint64_t code)
{
    const size_t bytes = g->kind->bytes;
    const uint64_t place = duck_order_place(&g->line, code);
    const size_t i = lower_bound(g, place, code);
    unsigned char *at = duck_groups_at(g, i);
    *out = NULL;
    if (i < g->n && ((struct duck_group *)at)->place == place &&
        ((struct duck_group *)at)->code == code) {
        *out = at;
        return true;
    }
    if (i == g->l0)
        return true;
    if (g->n == g->l0)
        put_out_last(g);
    if (!make_room(g))
        return false;
    at = duck_groups_at(g, i);
    memmove(at + bytes, at, (g->n - i) * bytes);
    memset(at, 0, bytes);
    *(struct duck_group *)at = (struct duck_group){ place, code };
    g->n++;
    *out = at;
    return true;
}

void duck_groups_move(struct duck_groups *to, struct duck_groups *from)
{
    memcpy(to, from, sizeof *to + (from->room ? 0 : from->kind->bytes));
    from->n = from->room = 0;
    from->at = NULL;
}

void duck_groups_drop(struct duck_groups *g)
{
    while (g->n > 0 && g->kind->drop)
        put_out_last(g);
    if (g->room)
        duck_heap_free(g->kind->heap, g->at, g->room * g->kind->bytes);
    g->n = g->room = 0;
    g->at = NULL;
}
