/* Frames of windows over rows of an answer; over_frame.h. */
#include "server/plan/over_frame.h"

#include "server/plan/draft.h"
#include "server/plan/eval.h"
#include "server/plan/order.h"

int over_compare_orders(const struct over_work *k, size_t a, size_t b)
{
    int c = 0;
    for (size_t i = 0; c == 0 && i < k->o->n_orders; i++)
        c = plan_order_cmp(&k->o->orders[i], &k->rows[a].orders[i],
                           &k->rows[b].orders[i]);
    return c;
}

/* Of one partition, places first .. end: where peers begin and end. */
static void find_peers(struct over_work *k, size_t first, size_t end)
{
    const size_t *by = k->out->by;
    size_t *ends = k->peers + k->n + 1;
    for (size_t p = first; p < end; p++)
        k->peers[p] = p > first && over_compare_orders(k, by[p - 1], by[p]) == 0
                          ? k->peers[p - 1]
                          : p;
    for (size_t p = end; p-- > first;)
        ends[p] =
            p + 1 < end && k->peers[p + 1] == k->peers[p] ? ends[p + 1] : p + 1;
}

/* Rows up from `place`, or down, within the partition; `end` is behind it. */
static size_t moved(size_t place, enum frame_edge edge, uint32_t offset,
                    size_t first, size_t end)
{
    if (edge == EDGE_BEFORE)
        return place - first < offset ? first : place - offset;
    return end - place < offset ? end : place + offset;
}

/* ---- edges by groups of peers, and by value ---- */

/* Groups of peers of a partition, numbered; behind the last begins its end. */
static size_t find_groups(struct over_work *k, size_t first, size_t end)
{
    size_t n = 0;
    for (size_t p = first; p < end; p++) {
        if (k->peers[p] == p)
            k->starts[n++] = p;
        k->groups[p] = n - 1;
    }
    k->starts[n] = end;
    return n;
}

static const struct value *key_of(const struct over_work *k, size_t place)
{
    return &k->rows[k->out->by[place]].orders[0];
}

/* Places of a partition whose key is not NULL: NULLs stand at one end. */
static void find_keys(struct over_work *k, size_t first, size_t end)
{
    k->key_from = first;
    k->key_to = end;
    while (k->key_from < end && key_of(k, k->key_from)->type == VALUE_NULL)
        k->key_from++;
    while (k->key_to > k->key_from &&
           key_of(k, k->key_to - 1)->type == VALUE_NULL)
        k->key_to--;
}

void over_frame_begin(struct over_work *k, size_t first, size_t end)
{
    find_peers(k, first, end);
    if (k->o->frame.groups)
        k->n_groups = find_groups(k, first, end);
    if (k->o->frame.by_value)
        find_keys(k, first, end);
}

/* A time in microseconds, or a number. */
static double moved_key(const struct value *v, const struct frame_by *by,
                        int sign)
{
    if (!by->is_interval)
        return (v->type == VALUE_INT ? (double)v->i : v->d) + sign * by->number;
    const int64_t us = v->type == VALUE_DATE ? v->i * US_PER_DAY : v->i;
    return (double)time_shift(us, sign * by->months, sign * by->us);
}

/* The first place whose key lies at the bound or behind it (`past`: behind it
 * alone), of those that are not NULL. */
static size_t place_at(const struct over_work *k, double bound,
                       const struct frame_by *by, bool past)
{
    const struct frame_by none = { .is_interval = by->is_interval };
    const bool down = k->o->orders[0].descending;
    size_t first = k->key_from, end = k->key_to;
    while (first < end) {
        const size_t middle = first + (end - first) / 2;
        const double v = moved_key(key_of(k, middle), &none, 1);
        const bool before = down ? v > bound : v < bound;
        const bool at = !(v < bound) && !(v > bound);
        if (before || (past && at))
            first = middle + 1;
        else
            end = middle;
    }
    return first;
}

/* Where a frame begins (or, is_to, ends) that goes by value from `place`. */
static size_t edge_by(const struct over_work *k, size_t place, bool is_to)
{
    const struct frame *f = &k->o->frame;
    const struct frame_by *by = is_to ? &f->to_by : &f->from_by;
    const bool back = (is_to ? f->to : f->from) == EDGE_BEFORE;
    const struct value *key = key_of(k, place);
    if (key->type == VALUE_NULL) /* NULLs are alike, and far from all else */
        return is_to ? over_peers_end(k, place) : k->peers[place];
    const int sign = back == k->o->orders[0].descending ? 1 : -1;
    return place_at(k, moved_key(key, by, sign), by, is_to);
}

/* The same by groups of peers. */
static size_t edge_of_group(const struct over_work *k, size_t place, bool is_to,
                            size_t n_groups, size_t first, size_t end)
{
    const struct frame *f = &k->o->frame;
    const size_t own = k->groups[place];
    const size_t by = is_to ? f->to_offset : f->from_offset;
    if ((is_to ? f->to : f->from) == EDGE_BEFORE)
        return own < by ? first : k->starts[own - by + is_to];
    return own + by >= n_groups ? end : k->starts[own + by + is_to];
}

static bool is_offset(enum frame_edge edge)
{
    return edge == EDGE_BEFORE || edge == EDGE_AFTER;
}

static size_t wide_edge(const struct over_work *k, size_t place, bool is_to,
                        size_t first, size_t end)
{
    return k->o->frame.groups
               ? edge_of_group(k, place, is_to, k->n_groups, first, end)
               : edge_by(k, place, is_to);
}

/* The frame of the row at `place`: from .. to, to behind the last. */
void over_frame_of(struct over_cell *cell, const struct over_work *k,
                   size_t place, size_t first, size_t end)
{
    const struct frame *f = &k->o->frame;
    const bool wide = f->groups || f->by_value;
    cell->from = f->from == EDGE_FIRST  ? first
                 : f->from == EDGE_LAST ? end
                 : wide && is_offset(f->from)
                     ? wide_edge(k, place, false, first, end)
                 : f->from == EDGE_HERE
                     ? (f->rows ? place : k->peers[place])
                     : moved(place, f->from, f->from_offset, first, end);
    if (f->to == EDGE_HERE)
        cell->to = f->rows ? place + 1 : over_peers_end(k, place);
    else if (wide && is_offset(f->to))
        cell->to = wide_edge(k, place, true, first, end);
    else if (f->to == EDGE_BEFORE) /* the place before it, and one behind */
        cell->to =
            place - first < f->to_offset ? first : place - f->to_offset + 1;
    else if (f->to == EDGE_AFTER)
        cell->to = moved(place + 1, f->to, f->to_offset, first, end);
    else
        cell->to = f->to == EDGE_LAST ? end : first;
    if (cell->to < cell->from)
        cell->to = cell->from;
}

static void add_piece(struct over_pieces *p, size_t from, size_t to)
{
    if (from >= to)
        return;
    p->from[p->n] = from;
    p->to[p->n++] = to;
}

void over_pieces_of(struct over_pieces *out, const struct over_cell *cell,
                    const struct over_work *k, size_t place)
{
    const enum frame_exclude exclude = k->o->frame.exclude;
    const bool row = exclude == EXCLUDE_ROW;
    const size_t from = row ? place : k->peers[place];
    const size_t to = row ? place + 1 : over_peers_end(k, place);
    *out = (struct over_pieces){ .n = 0 };
    if (exclude == EXCLUDE_NOTHING) {
        add_piece(out, cell->from, cell->to);
        return;
    }
    add_piece(out, cell->from, from < cell->to ? from : cell->to);
    if (exclude == EXCLUDE_TIES && cell->from <= place && place < cell->to)
        add_piece(out, place, place + 1);
    add_piece(out, to > cell->from ? to : cell->from, cell->to);
}
