#ifndef ENGINE_DUCK_BITS_H
#define ENGINE_DUCK_BITS_H

#include "server/engine/duck_keys.h"

/*
 * Who counts for one purpose, by the keys themselves: two bits for each whole
 * number that the keys span, so that a row costs one look into a table that a
 * cache holds.
 *
 *   view of a purpose + duck_keys  --duck_bits_of-->  bits by key
 *
 * Bits are made for one view and never change.  The next view's are made from
 * them: only people for whom the two views differ are looked at, so that one
 * decision costs a copy and no look at everybody.
 *
 * Only for keys that duck_keys holds in an array, each of which is one
 * person's.
 */
struct duck_bits;

/*
 * Bits for the view, which is given back by the gate when the last reference is
 * dropped.  `last` may be NULL, or of other keys.  NULL: the keys do not suit,
 * or there is no memory; the view stays the caller's.  One reference.
 */
struct duck_bits *duck_bits_of(struct duck_keys *keys, const struct gate *gate,
                               const struct gate_view *view,
                               const struct duck_bits *last);
struct duck_bits *duck_bits_keep(struct duck_bits *b);
void duck_bits_drop(struct duck_bits *b); /* NULL is allowed */

/* The view they were made for, and the keys. */
const struct gate_view *duck_bits_view(const struct duck_bits *b);
bool duck_bits_is_of(const struct duck_bits *b, const struct duck_keys *keys,
                     const struct gate_view *view);

/* Who of the n people in a column of BIGINT counts.  False: some key is not
 * known, and what `out` says is worth nothing. */
bool duck_bits_count(bool *out, const struct duck_bits *b,
                     const struct duck_column *c, idx_t n);

#endif
