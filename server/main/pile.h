#ifndef MAIN_PILE_H
#define MAIN_PILE_H

#include <stdbool.h>
#include <stddef.h>

#include "server/base/arena.h"
#include "server/query/value.h"

/*
 * The first rows, in an order, of many that come in any: at most `most` of
 * them, and no more than have their texts in `text` bytes.  What is behind is
 * forgotten on the way, so that memory does not grow with what came.
 *
 *   add  ->  |  first .. most | behind |   ->  cut  ->  | first .. most |  bar
 *
 * What is left in the end is a function of the set of rows alone, not of how
 * they came: the longest start of the whole order that fits.  The first row
 * that was left out is kept as the bar; whatever stands behind it was too.
 *
 * Rows are keys and cells of 16 bytes, which the pile only copies.
 */
struct pile_rows {
    struct value *keys; /* n * n_keys */
    void *cells;        /* n * n_cells, 16 bytes each */
    size_t n;
};

/* Negative when the first row stands before the second, which it never ties. */
typedef int (*pile_order_fn)(const void *ctx, const struct value *a_keys,
                             const void *a_cells, const struct value *b_keys,
                             const void *b_cells);

struct pile {
    size_t n_keys, n_cells, most, text;
    pile_order_fn order;
    const void *ctx;

    struct arena arena[2]; /* rows are in one, and are cut into the other */
    unsigned in;
    struct pile_rows rows;
    size_t cap, bytes; /* room for rows; of their texts */
    bool cut, failed;  /* some row was left out; an arena was full */
    struct pile_rows bar;
};

/* `cap` is that of each of its two arenas.  The first five are set by the
 * caller. */
void pile_init(struct pile *p, size_t cap);
void pile_fini(struct pile *p);

/* Copies the rows; false when an arena was full, now or before. */
bool pile_add(struct pile *p, const struct pile_rows *rows);

/* What is left, in order: of the pile until it is added to or ends. */
bool pile_take(struct pile_rows *out, struct pile *p);

#endif
