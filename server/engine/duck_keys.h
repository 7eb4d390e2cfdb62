#ifndef ENGINE_DUCK_KEYS_H
#define ENGINE_DUCK_KEYS_H

#include "server/engine/duck.h"
#include "server/engine/gate.h"

/*
 * Keys of the data -> numbers of people, read by many threads, never changed
 * once built.
 *
 *   ints that lie close together   an array over their range
 *   other ints                     a table, open addressing, by the key
 *   text                           the same by a keyed hash of 64 bits
 *
 * Two texts of one hash are seen while the table is built; that hash then
 * stands for nobody, and its keys are looked up one by one.  A text that came
 * later meets a hash of the table's with a chance of n / 2^64.
 *
 * Tables are larger than a cache: duck_keys_count looks up a batch at a time,
 * so that one miss does not wait for another.
 */
struct duck_keys;

/*
 * `result` has one column, the distinct keys, BIGINT or (is_text) VARCHAR, and
 * is_mapped a second, VARCHAR: what the gate calls the person.  A key that is
 * not in a map is GATE_NOBODY;
 * consumed, the caller destroys it.  NULL when memory failed.  One reference.
 */
struct duck_keys *duck_keys_of(duckdb_result result, bool is_text,
                               bool is_mapped, const struct gate *gate);
struct duck_keys *duck_keys_keep(struct duck_keys *k);
void duck_keys_drop(struct duck_keys *k); /* NULL is allowed */

/*
 * Who of the n people in a column counts.  k may be NULL.  A key that is not in
 * the table is asked of the gate; NULL keys do not count, nor, where there is a
 * map, those that it gives to nobody, who could say no to nothing.
 */
void duck_keys_count(bool *out, const struct duck_keys *k,
                     const struct duck_column *c, bool is_text, idx_t n,
                     const struct gate *gate, const struct gate_view *view);

#endif
