#ifndef ENGINE_DUCK_ORDER_H
#define ENGINE_DUCK_ORDER_H

#include <openssl/sha.h>

#include "server/engine/duck.h"
#include "server/plan/keep.h"

/* What keys the order of groups: keep.h. */
struct duck_keep_key {
    unsigned char bytes[KEEP_KEY_LEN];
};

/*
 * Keyed hashes of groups inside DuckDB.
 *
 *   halftone_order_PG(person, group VARCHAR) -> UBIGINT
 *
 * the first 64 bits of the hash that orders the groups of a person, as keep.h
 * says: P is i (BIGINT) or t (VARCHAR), G is t for one text key and s for keys
 * spelled; 0 where the person is NULL.
 *
 *   halftone_code(group VARCHAR) -> UBIGINT
 *
 * the code of a group: a SipHash under the secret.  Who chooses the keys, as an
 * analyst does with CASE, must not be able to choose two of one code: one
 * person could then give a group of many another name.
 */
struct duck_order {
    SHA256_CTX keyed; /* after the key's block */
};
void duck_order_init(struct duck_order *o, const struct duck_keep_key *key);

/* The hash of row `row` of these columns; the person is not NULL. */
uint64_t duck_order_of_row(const struct duck_order *o,
                           const struct duck_column *person, bool person_text,
                           const struct duck_column *group, bool group_text,
                           idx_t row);

/*
 * Call right after duckdb_open, before any statement runs: DuckDB loses what is
 * registered while one streams.  `key` is read when a statement runs and
 * outlives the database.  ERR_INTERNAL: DuckDB refused.
 */
enum err_code duck_order_register(struct duck *d,
                                  const struct duck_keep_key *key,
                                  struct err *err) MUST_CHECK;

#endif
