/* Values of a person's rows in each group: duck_bound.h. */
#include <stdlib.h>
#include <string.h>

#include "server/engine/duck_bound.h"

enum { FEW = 2 };

/* A list that grows: FEW in the group itself, then 4, 8, ... on the heap. */
struct items {
    struct duck_group head;
    uint32_t n, room; /* 0: in `few` */
    union {
        uint64_t few[FEW];
        uint64_t *many; /* owned */
    } in;
};

static uint64_t *items_of(struct items *s)
{
    return s->room ? s->in.many : s->in.few;
}

static void drop(void *group, struct duck_heap *heap)
{
    struct items *s = group;
    if (s->room)
        duck_heap_free(heap, s->in.many, s->room * sizeof(uint64_t));
    s->n = s->room = 0;
}

static bool make_room(struct items *s, struct duck_heap *heap)
{
    const uint32_t room = s->room ? s->room : FEW;
    if (s->n < room)
        return true;
    if (room > UINT32_MAX / 2)
        return false;
    uint64_t *many =
        duck_heap_grow(heap, s->room ? s->in.many : NULL,
                       s->room * sizeof *many, (size_t)room * 2 * sizeof *many);
    if (!many)
        return false;
    if (!s->room)
        memcpy(many, s->in.few, s->n * sizeof *many);
    s->in.many = many;
    s->room = room * 2;
    return true;
}

static bool insert(struct items *s, size_t i, uint64_t v,
                   struct duck_heap *heap)
{
    if (!make_room(s, heap))
        return false;
    uint64_t *all = items_of(s);
    memmove(all + i + 1, all + i, (s->n - i) * sizeof *all);
    all[i] = v;
    s->n++;
    return true;
}

/* ---- different values, the first on the person's line ---- */

/* Values stand in the order of their places, ties by value. */
static bool stands_before(const struct duck_line *l, uint64_t v, uint64_t place,
                          uint64_t than)
{
    const uint64_t at = duck_order_place(l, v);
    return at < place || (at == place && v < than);
}

static bool keep_value(struct items *s, struct duck_groups *g, uint64_t v)
{
    const uint64_t place = duck_order_place(&g->line, v);
    const uint64_t *all = items_of(s);
    size_t from = 0, to = s->n;
    if (s->n == g->most && stands_before(&g->line, all[to - 1], place, v))
        return true;
    while (from < to) {
        const size_t i = from + (to - from) / 2;
        if (stands_before(&g->line, all[i], place, v))
            from = i + 1;
        else
            to = i;
    }
    if (from < s->n && all[from] == v)
        return true;
    if (s->n == g->most)
        s->n--;
    return insert(s, from, v, g->kind->heap);
}

static bool add_value(void *group, struct duck_groups *g,
                      const struct duck_column *in, unsigned n, idx_t row)
{
    (void)n;
    return duck_is_null(&in[0], row) ||
           keep_value(group, g, ((const uint64_t *)in[0].data)[row]);
}

static bool merge_values(void *group, const void *other, struct duck_groups *g,
                         unsigned n)
{
    struct items *o = (struct items *)(uintptr_t)other;
    (void)n;
    for (size_t i = 0; i < o->n; i++)
        if (!keep_value(group, g, items_of(o)[i]))
            return false;
    return true;
}

static size_t count_values(const struct duck_groups *g, const void *group)
{
    const struct items *s = group;
    (void)g;
    return s->n ? s->n : 1; /* the group alone */
}

static void put_values(const struct duck_bound_out *out, size_t at,
                       const struct duck_groups *g, void *group, unsigned n)
{
    struct items *s = group;
    bool *is_first = (bool *)out[1].data + at;
    (void)g, (void)n;
    memcpy((uint64_t *)out[0].data + at, items_of(s), s->n * sizeof(uint64_t));
    for (size_t i = 0; i < count_values(g, s); i++)
        is_first[i] = i == 0;
    if (s->n > 0)
        return;
    duckdb_vector_ensure_validity_writable(out[0].of);
    duckdb_validity_set_row_invalid(duckdb_vector_get_validity(out[0].of), at);
}

const struct duck_bound_kind duck_values_kind = {
    .name = "halftone_values",
    .n_in = 1,
    .n_out = 2,
    .in = { DUCKDB_TYPE_UBIGINT },
    .out = { DUCKDB_TYPE_UBIGINT, DUCKDB_TYPE_BOOLEAN },
    .bytes = sizeof(struct items),
    .drop = drop,
    .add = add_value,
    .merge = merge_values,
    .count = count_values,
    .put = put_values,
};

/* ---- rows, evenly in the order of their values ---- */

static bool add_row(void *group, struct duck_groups *g,
                    const struct duck_column *in, unsigned n, idx_t row)
{
    struct items *s = group;
    (void)n;
    g->start = ((const uint64_t *)in[1].data)[row];
    return duck_is_null(&in[0], row) ||
           insert(s, s->n, ((const uint64_t *)in[0].data)[row], g->kind->heap);
}

static bool merge_rows(void *group, const void *other, struct duck_groups *g,
                       unsigned n)
{
    struct items *s = group, *o = (struct items *)(uintptr_t)other;
    (void)n;
    for (size_t i = 0; i < o->n; i++)
        if (!insert(s, s->n, items_of(o)[i], g->kind->heap))
            return false;
    return true;
}

static size_t count_rows(const struct duck_groups *g, const void *group)
{
    const struct items *s = group;
    return s->n < g->most ? s->n : g->most;
}

static int by_value(const void *a, const void *b)
{
    const int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

/* Of n rows the o-th, from 1 on, counts when (o most + r) / n, rounded down, is
 * more than for the one before, r = start mod n: `most` of them, for the first
 * is 0 and the last most. */
static void put_rows(const struct duck_bound_out *out, size_t at,
                     const struct duck_groups *g, void *group, unsigned n)
{
    struct items *s = group;
    const uint64_t *all = items_of(s);
    const uint64_t rows = s->n, most = g->most, r = rows ? g->start % rows : 0;
    (void)n;
    qsort(items_of(s), s->n, sizeof *all, by_value);
    for (uint64_t o = 1; o <= rows; o++)
        if (rows <= most || (o * most + r) / rows > ((o - 1) * most + r) / rows)
            ((uint64_t *)out[0].data)[at++] = all[o - 1];
}

const struct duck_bound_kind duck_evenly_kind = {
    .name = "halftone_evenly",
    .n_in = 2,
    .n_out = 1,
    .in = { DUCKDB_TYPE_BIGINT, DUCKDB_TYPE_UBIGINT },
    .out = { DUCKDB_TYPE_BIGINT },
    .bytes = sizeof(struct items),
    .drop = drop,
    .add = add_row,
    .merge = merge_rows,
    .count = count_rows,
    .put = put_rows,
};
