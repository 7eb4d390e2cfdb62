#ifndef ENGINE_DUCK_KEYS_H
#define ENGINE_DUCK_KEYS_H

#include "server/engine/duck.h"
#include "server/engine/gate.h"

/*
 * Keys of the data -> numbers of people, read by many threads, never changed
 * once built.
 *
 *   ints that lie close together   an array over their range
 *   other ints, and text           a table, open addressing, by a keyed hash
 *
 * A place of the table is 8 bytes: the number, and as many bits of the hash as
 * are left beside it; where a key would stand is told by the others.  Two keys
 * alike in all of that are seen while the table is built: they then stand for
 * nobody, and are looked up one by one.  A key that came later is taken for
 * another's with a chance of a few times people / 2^64.
 *
 * Tables are larger than a cache: duck_keys_count looks up a batch at a time,
 * so that one miss does not wait for another, and they lie in huge pages where
 * the system has them.
 */
struct duck_keys;

/* Keys that lie close together, each one person's: numbers of base, base + 1,
 * ..., and back.  Borrowed from the keys. */
#define DUCK_UNKNOWN  (GATE_NOBODY - 1) /* nothing is known of the key */
#define DUCK_NO_PLACE UINT32_MAX
struct duck_dense {
    int64_t base;
    uint64_t range;
    const uint32_t *numbers; /* of base + i */
    const uint32_t *places;  /* i, by number */
    uint32_t n_places;
};
/* False: they are not such. */
bool duck_keys_dense(struct duck_dense *out, const struct duck_keys *k);

/* Memory in huge pages where there are such, for free(); NULL. */
void *duck_keys_huge(size_t len);

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

/*
 * The number of each of the n people in a column, whom the gate is told of
 * where it did not know them; GATE_NOBODY: the key is NULL, or in no map.
 * False: the gate has no memory.
 */
bool duck_keys_numbers(uint32_t *out, const struct duck_keys *k,
                       const struct duck_column *c, bool is_text, idx_t n,
                       const struct gate *gate);

#endif
