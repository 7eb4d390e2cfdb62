#include "server/main/pile.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

enum { CELL = 16, ROWS_FIRST = 256 };

void pile_init(struct pile *p, size_t cap)
{
    assert(p->order && p->most > 0);
    arena_init(&p->arena[0], cap);
    arena_init(&p->arena[1], cap);
}

void pile_fini(struct pile *p)
{
    arena_fini(&p->arena[0]);
    arena_fini(&p->arena[1]);
}

static const struct value *keys_of(const struct pile *p,
                                   const struct pile_rows *r, size_t i)
{
    return &r->keys[i * p->n_keys];
}

static unsigned char *cells_of(const struct pile *p, const struct pile_rows *r,
                               size_t i)
{
    return (unsigned char *)r->cells + i * p->n_cells * CELL;
}

static size_t text_of(const struct pile *p, const struct value *keys)
{
    size_t bytes = 0;
    for (size_t k = 0; k < p->n_keys; k++)
        if (keys[k].type == VALUE_TEXT)
            bytes += keys[k].text.len;
    return bytes;
}

/* Row i of `from` as row `at` of `to`, its texts copied into `a`. */
static bool copy(const struct pile *p, struct pile_rows *to, size_t at,
                 const struct pile_rows *from, size_t i, struct arena *a)
{
    struct value *keys = &to->keys[at * p->n_keys];
    for (size_t k = 0; k < p->n_keys; k++) {
        keys[k] = keys_of(p, from, i)[k];
        if (keys[k].type != VALUE_TEXT)
            continue;
        const char *s = arena_strndup(a, keys[k].text.s, keys[k].text.len);
        if (!s)
            return false;
        keys[k].text.s = s;
    }
    memcpy(cells_of(p, to, at), cells_of(p, from, i), p->n_cells * CELL);
    return true;
}

static bool room(const struct pile *p, struct pile_rows *out, size_t n,
                 struct arena *a)
{
    *out = (struct pile_rows){
        .keys = ARENA_NEW_N(a, n * p->n_keys + 1, struct value),
        .cells = arena_alloc(a, n * p->n_cells + 1, CELL),
    };
    return out->keys && out->cells;
}

static bool grow(struct pile *p)
{
    struct pile_rows more;
    const size_t cap = p->cap ? 2 * p->cap : ROWS_FIRST;
    if (p->rows.n < p->cap)
        return true;
    if (!room(p, &more, cap, &p->arena[p->in]))
        return false;
    more.n = p->rows.n;
    if (more.n > 0) {
        memcpy(more.keys, p->rows.keys, more.n * p->n_keys * sizeof *more.keys);
        memcpy(more.cells, p->rows.cells, more.n * p->n_cells * CELL);
    }
    p->rows = more;
    p->cap = cap;
    return true;
}

static int compare(const struct pile *p, const struct pile_rows *a, size_t i,
                   const struct pile_rows *b, size_t j)
{
    return p->order(p->ctx, keys_of(p, a, i), cells_of(p, a, i),
                    keys_of(p, b, j), cells_of(p, b, j));
}

static int by_order(const void *left, const void *right, void *ctx)
{
    const struct pile *p = ctx;
    return compare(p, &p->rows, *(const size_t *)left, &p->rows,
                   *(const size_t *)right);
}

/* How many rows of the order fit. */
static size_t fits(const struct pile *p, const size_t *order)
{
    size_t n = 0, bytes = 0;
    while (n < p->rows.n && n < p->most) {
        bytes += text_of(p, keys_of(p, &p->rows, order[n]));
        if (bytes > p->text)
            break;
        n++;
    }
    return n;
}

/* Sorted, and cut to what fits, into the other arena. */
static bool cut(struct pile *p)
{
    struct arena *a = &p->arena[1 - p->in];
    struct pile_rows kept, bar = p->bar;
    size_t *order = ARENA_NEW_N(&p->arena[p->in], p->rows.n + 1, size_t);
    if (!order)
        return false;
    for (size_t i = 0; i < p->rows.n; i++)
        order[i] = i;
    if (p->rows.n > 1)
        qsort_r(order, p->rows.n, sizeof *order, by_order, p);
    const size_t n = fits(p, order);
    const size_t cap = n > ROWS_FIRST ? n : ROWS_FIRST;
    if (!room(p, &kept, cap, a) || !room(p, &bar, 1, a))
        return false;
    p->bytes = 0;
    for (; kept.n < n; kept.n++) {
        if (!copy(p, &kept, kept.n, &p->rows, order[kept.n], a))
            return false;
        p->bytes += text_of(p, keys_of(p, &kept, kept.n));
    }
    /* Rows behind the bar were not taken in: the next one left out is it. */
    if (n < p->rows.n) {
        if (!copy(p, &bar, 0, &p->rows, order[n], a))
            return false;
        p->cut = true;
    } else if (p->cut && !copy(p, &bar, 0, &p->bar, 0, a)) {
        return false;
    }
    arena_reset(&p->arena[p->in]);
    p->in = 1 - p->in;
    p->rows = kept;
    p->cap = cap;
    p->bar = bar;
    return true;
}

static bool add(struct pile *p, const struct pile_rows *rows, size_t i)
{
    if (p->cut && compare(p, rows, i, &p->bar, 0) >= 0)
        return true;
    if ((p->rows.n / 2 >= p->most || p->bytes / 2 > p->text) && !cut(p))
        return false;
    if (!grow(p) || !copy(p, &p->rows, p->rows.n, rows, i, &p->arena[p->in]))
        return false;
    p->bytes += text_of(p, keys_of(p, &p->rows, p->rows.n));
    p->rows.n++;
    return true;
}

bool pile_add(struct pile *p, const struct pile_rows *rows)
{
    for (size_t i = 0; i < rows->n && !p->failed; i++)
        p->failed = !add(p, rows, i);
    return !p->failed;
}

bool pile_take(struct pile_rows *out, struct pile *p)
{
    p->failed = p->failed || !cut(p);
    *out = p->rows;
    return !p->failed;
}
