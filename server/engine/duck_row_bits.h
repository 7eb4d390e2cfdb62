#ifndef ENGINE_DUCK_ROW_BITS_H
#define ENGINE_DUCK_ROW_BITS_H

#include "server/engine/duck_rows.h"

/*
 * Who counts for one purpose, row by row: a bit for each row of a dataset, in
 * the order in which DuckDB reads them, so that nobody's key is read.
 *
 *   view of a purpose + duck_rows  --duck_row_bits_of-->  bits by row
 *
 * As duck_bits.h: bits are made for one view and never change; the next view's
 * are made from them, where only the rows of people for whom the two views
 * differ are looked at.
 */
struct duck_row_bits;

/* As duck_bits_of: the view is given back with the last reference; on NULL, no
 * memory, it stays the caller's. */
struct duck_row_bits *duck_row_bits_of(struct duck_rows *rows,
                                       const struct gate *gate,
                                       const struct gate_view *view,
                                       const struct duck_row_bits *last);
struct duck_row_bits *duck_row_bits_keep(struct duck_row_bits *b);
void duck_row_bits_drop(struct duck_row_bits *b); /* NULL is allowed */

const struct gate_view *duck_row_bits_view(const struct duck_row_bits *b);
const struct duck_rows *duck_row_bits_rows(const struct duck_row_bits *b);
bool duck_row_bits_is_of(const struct duck_row_bits *b,
                         const struct duck_rows *rows,
                         const struct gate_view *view);

/*
 * 1 for each of n rows of the table whose person counts, else 0.  `files` NULL:
 * the table has one.  False: some row is not known, and what `out` says is
 * worth nothing.
 */
bool duck_row_bits_count(uint8_t *out, const struct duck_row_bits *b,
                         size_t table, const int64_t *files,
                         const int64_t *rows, idx_t n);

#endif
