/* Window functions over rows of an answer; over.h. */
#include <assert.h>
#include <stdlib.h>

#include "server/plan/draft.h"
#include "server/plan/eval.h"
#include "server/plan/over_frame.h"

/* Rows of the widest frame whose first row moves on. */
enum { OVER_FRAME_MAX = 2 * FRAME_OFFSET_MAX + 1 };

static int compare_partitions(const struct over_work *k, size_t a, size_t b)
{
    int c = 0;
    for (size_t i = 0; c == 0 && i < k->o->n_partition; i++)
        c = value_cmp(&k->rows[a].partition[i], &k->rows[b].partition[i]);
    return c;
}

static int by_window(const void *left, const void *right, void *ctx)
{
    const size_t a = *(const size_t *)left, b = *(const size_t *)right;
    int c = compare_partitions(ctx, a, b);
    if (c == 0)
        c = over_compare_orders(ctx, a, b);
    return c ? c : (a > b) - (a < b);
}

static enum err_code order_rows(struct over_work *k, struct arena *a,
                                struct err *err)
{
    struct over_answer *out = k->out;
    out->cells = ARENA_NEW_N(a, k->n + 1, struct over_cell);
    out->by = ARENA_NEW_N(a, k->n + 1, size_t);
    out->place = ARENA_NEW_N(a, k->n + 1, size_t);
    k->peers = ARENA_NEW_N(a, 2 * k->n + 2, size_t);
    const bool wide = frame_is_wide(&k->o->frame);
    k->tallies = ARENA_NEW_N(a,
                             wide                    ? 2 * k->n + 2
                             : k->n < OVER_FRAME_MAX ? k->n + 1
                                                     : OVER_FRAME_MAX,
                             struct tally);
    k->groups = ARENA_NEW_N(a, wide ? k->n + 1 : 1, size_t);
    k->starts = ARENA_NEW_N(a, wide ? k->n + 2 : 1, size_t);
    if (!out->cells || !out->by || !out->place || !k->peers || !k->tallies ||
        !k->groups || !k->starts)
        return draft_memory(err);
    for (size_t i = 0; i < k->n; i++)
        out->by[i] = i;
    if (k->n > 1)
        qsort_r(out->by, k->n, sizeof *out->by, by_window, k);
    for (size_t i = 0; i < k->n; i++)
        out->place[out->by[i]] = i;
    return ERR_OK;
}

static void add_place(struct tally *t, const struct over_work *k, size_t place)
{
    const struct over_row *r = &k->rows[k->out->by[place]];
    if (r->counts)
        tally_add(t, &r->value);
}

/*
 * What a frame holds while both its ends move on: tallies of the rows from each
 * up to `mid`, and one of mid .. to.  When the first have been left behind, the
 * rest becomes them: each row is added twice, however wide the frame.
 */
struct sliding {
    struct tally *first, rest;
    size_t base, mid, to; /* first[i]: base + i .. mid */
};

static void slide(struct sliding *s, const struct over_work *k,
                  const struct tally *empty, const struct over_cell *cell)
{
    if (cell->from >= s->to) {
        s->base = s->mid = s->to = cell->from;
        s->rest = *empty;
    }
    while (s->to < cell->to)
        add_place(&s->rest, k, s->to++);
    if (cell->from == s->base || cell->from < s->mid)
        return; /* a frame that has the rest from its beginning, or a first */
    assert(s->to - cell->from <= OVER_FRAME_MAX);
    struct tally t = *empty;
    for (size_t p = s->to; p-- > cell->from;) {
        add_place(&t, k, p);
        s->first[p - cell->from] = t;
    }
    s->base = cell->from;
    s->mid = s->to;
    s->rest = *empty;
}

static struct value slid(const struct sliding *s, const struct over_cell *cell)
{
    if (cell->from >= s->mid)
        return tally_result(&s->rest);
    struct tally t = s->first[cell->from - s->base];
    tally_join(&t, &s->rest);
    return tally_result(&t);
}

/* Frames that reach to the end of the partition, met from there. */
static void aggregate_back(struct over_work *k, const struct tally *empty,
                           size_t first, size_t end)
{
    struct tally t = *empty;
    size_t from = end;
    for (size_t p = end; p-- > first;) {
        struct over_cell *cell = &k->out->cells[k->out->by[p]];
        over_frame_of(cell, k, p, first, end);
        while (from > cell->from)
            add_place(&t, k, --from);
        cell->value = tally_result(&t);
    }
}

/* Tallies of 1, 2, 4, .. rows, from which any run of rows is put together: leaf
 * i at n + i, its parent at half of that. */
static void build_tree(struct over_work *k, const struct tally *empty,
                       size_t first, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        k->tallies[n + i] = *empty;
        add_place(&k->tallies[n + i], k, first + i);
    }
    for (size_t i = n; i-- > 1;) {
        k->tallies[i] = k->tallies[2 * i];
        tally_join(&k->tallies[i], &k->tallies[2 * i + 1]);
    }
}

static void join_run(struct tally *t, const struct over_work *k, size_t n,
                     size_t from, size_t to)
{
    for (from += n, to += n; from < to; from /= 2, to /= 2) {
        if (from % 2)
            tally_join(t, &k->tallies[from++]);
        if (to % 2)
            tally_join(t, &k->tallies[--to]);
    }
}

static void aggregate_wide(struct over_work *k, const struct tally *empty,
                           size_t first, size_t end)
{
    build_tree(k, empty, first, end - first);
    for (size_t p = first; p < end; p++) {
        struct over_cell *cell = &k->out->cells[k->out->by[p]];
        struct over_pieces pieces;
        struct tally t = *empty;
        over_frame_of(cell, k, p, first, end);
        over_pieces_of(&pieces, cell, k, p);
        for (size_t i = 0; i < pieces.n; i++)
            join_run(&t, k, end - first, pieces.from[i] - first,
                     pieces.to[i] - first);
        cell->value = tally_result(&t);
    }
}

/* An aggregate of each frame. */
static void aggregate(struct over_work *k, size_t first, size_t end)
{
    const struct plan_over *o = k->o;
    const struct tally empty =
        tally_of(o->agg, o->value ? o->value->type : VALUE_INT);
    if (frame_is_wide(&o->frame)) {
        aggregate_wide(k, &empty, first, end);
        return;
    }
    if (o->frame.to == EDGE_LAST && o->frame.from != EDGE_FIRST) {
        aggregate_back(k, &empty, first, end);
        return;
    }
    struct sliding s = { k->tallies, empty, first, first, first };
    for (size_t p = first; p < end; p++) {
        struct over_cell *cell = &k->out->cells[k->out->by[p]];
        over_frame_of(cell, k, p, first, end);
        slide(&s, k, &empty, cell);
        cell->value = slid(&s, cell);
    }
}

/* The value of a row elsewhere; `place` is OVER_NONE where there is none. */
static void take(struct over_work *k, size_t row, size_t place)
{
    struct over_cell *cell = &k->out->cells[row];
    const bool is_shift = k->o->kind == WINDOW_LAG || k->o->kind == WINDOW_LEAD;
    cell->source = place == OVER_NONE ? OVER_NONE : k->out->by[place];
    if (place != OVER_NONE)
        cell->value = k->rows[cell->source].value;
    else
        cell->value = is_shift ? k->rows[row].otherwise : value_null();
}

static size_t shifted(const struct over_work *k, size_t place, size_t first,
                      size_t end)
{
    const bool back = (k->o->kind == WINDOW_LAG) == (k->o->number >= 0);
    const uint64_t by = (uint64_t)llabs(k->o->number);
    if (back)
        return place - first < by ? OVER_NONE : place - by;
    return end - 1 - place < by ? OVER_NONE : place + by;
}

/* The row that a function names, of the frame or by its distance. */
static size_t named(struct over_cell *cell, const struct over_work *k,
                    size_t place, size_t first, size_t end)
{
    const enum window_kind kind = k->o->kind;
    if (kind == WINDOW_LAG || kind == WINDOW_LEAD)
        return shifted(k, place, first, end);
    struct over_pieces pieces;
    size_t n = 0;
    over_frame_of(cell, k, place, first, end);
    over_pieces_of(&pieces, cell, k, place);
    for (size_t i = 0; i < pieces.n; i++)
        n += pieces.to[i] - pieces.from[i];
    uint64_t nth = kind == WINDOW_FIRST_VALUE  ? 1
                   : kind == WINDOW_LAST_VALUE ? n
                                               : (uint64_t)k->o->number;
    if (nth < 1 || nth > n)
        return OVER_NONE;
    size_t i = 0;
    for (; nth > pieces.to[i] - pieces.from[i]; i++)
        nth -= pieces.to[i] - pieces.from[i];
    return pieces.from[i] + nth - 1;
}

/* ntile(b) of n rows: the first n mod b of its parts have one row more. */
static int64_t tile(uint64_t i, uint64_t n, uint64_t b)
{
    const uint64_t least = n / b, larger = n % b;
    const uint64_t in_larger = larger * (least + 1);
    return (int64_t)(i < in_larger ? i / (least + 1)
                                   : larger + (i - in_larger) / least) +
           1;
}

static void number(struct over_work *k, size_t first, size_t end)
{
    const size_t n = end - first;
    int64_t dense = 0;
    for (size_t p = first; p < end; p++) {
        struct value *v = &k->out->cells[k->out->by[p]].value;
        const size_t above = k->peers[p] - first;
        dense += k->peers[p] == p;
        switch ((int)k->o->kind) {
        case WINDOW_ROW_NUMBER:
            *v = value_int((int64_t)(p - first) + 1);
            break;
        case WINDOW_RANK:
            *v = value_int((int64_t)above + 1);
            break;
        case WINDOW_DENSE_RANK:
            *v = value_int(dense);
            break;
        case WINDOW_PERCENT_RANK:
            *v = value_double(n > 1 ? (double)above / (double)(n - 1) : 0);
            break;
        case WINDOW_CUME_DIST:
            *v = value_double((double)(over_peers_end(k, p) - first) /
                              (double)n);
            break;
        default:
            *v = value_int(tile(p - first, n, (uint64_t)k->o->number));
            break;
        }
    }
}

static void partition(struct over_work *k, size_t first, size_t end)
{
    over_frame_begin(k, first, end);
    for (size_t p = first; p < end; p++) {
        k->out->cells[k->out->by[p]].first = first;
        k->out->cells[k->out->by[p]].end = end;
    }
    if (k->o->kind == WINDOW_AGG) {
        aggregate(k, first, end);
        return;
    }
    if (!window_info_of(k->o->kind)->takes_value) {
        number(k, first, end);
        return;
    }
    for (size_t p = first; p < end; p++) {
        const size_t row = k->out->by[p];
        take(k, row, named(&k->out->cells[row], k, p, first, end));
    }
}

enum err_code over_apply(struct over_answer *out, const struct plan_over *o,
                         const struct over_row *rows, size_t n, struct arena *a,
                         struct err *err)
{
    struct over_work k = { .o = o, .rows = rows, .n = n, .out = out };
    TRY(order_rows(&k, a, err));
    for (size_t i = 0; i < n; i++)
        out->cells[i].source = OVER_NONE;
    for (size_t first = 0, end; first < n; first = end) {
        end = first + 1;
        while (end < n &&
               compare_partitions(&k, out->by[first], out->by[end]) == 0)
            end++;
        partition(&k, first, end);
    }
    return ERR_OK;
}

static enum err_code eval_orders(const struct value **out,
                                 const struct plan_over *o,
                                 const struct eval_env *env, struct arena *a,
                                 struct err *err)
{
    struct value *v = ARENA_NEW_N(a, o->n_orders + 1, struct value);
    if (!v)
        return draft_memory(err);
    for (size_t i = 0; i < o->n_orders; i++)
        TRY(eval(&v[i], o->orders[i].expr, env, a, err));
    *out = v;
    return ERR_OK;
}

enum err_code over_row_of(struct over_row *out, const struct plan_over *o,
                          const struct eval_env *env, struct arena *a,
                          struct err *err)
{
    struct value *partition = ARENA_NEW_N(a, o->n_partition + 1, struct value);
    struct value keep = { .type = VALUE_BOOL, .b = true };
    *out = (struct over_row){ .partition = partition,
                              .value = value_int(1),
                              .otherwise = value_null() };
    if (!partition)
        return draft_memory(err);
    for (size_t i = 0; i < o->n_partition; i++)
        TRY(eval(&partition[i], o->partition[i], env, a, err));
    TRY(eval_orders(&out->orders, o, env, a, err));
    if (o->value)
        TRY(eval(&out->value, o->value, env, a, err));
    if (o->otherwise)
        TRY(eval(&out->otherwise, o->otherwise, env, a, err));
    if (o->filter)
        TRY(eval(&keep, o->filter, env, a, err));
    out->counts = keep.type == VALUE_BOOL && keep.b;
    return ERR_OK;
}
