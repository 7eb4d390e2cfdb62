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
 * The order of a person's groups (plan/keep.h) inside DuckDB.
 *
 *   halftone_code_G(value) -> UBIGINT                 G is i or t, as P
 *   halftone_both(code UBIGINT, code UBIGINT) -> UBIGINT
 *   halftone_place_P(person, code UBIGINT) -> UBIGINT P is i (BIGINT) or t
 *                                                     (VARCHAR)
 *
 * The code names a group too.  Who chooses the keys, as an analyst does with
 * CASE, must not be able to choose two of one code, for one person could then
 * give a group of many another name: codes are keyed by the secret.
 */
struct duck_order {
    SHA256_CTX keyed; /* after the key's block */
};
void duck_order_init(struct duck_order *o, const struct duck_keep_key *key);

__extension__ typedef unsigned __int128 wide_product;

/* The line of one person, and the place of a group on it. */
struct duck_line {
    uint64_t a, b;
};
struct duck_line duck_order_line(const struct duck_order *o,
                                 const struct duck_column *person, bool is_text,
                                 idx_t row);

static inline uint64_t duck_order_place(const struct duck_line *l,
                                        uint64_t code)
{
    /* x mod 2^61 - 1 of x < 2^126: twice the high bits onto the low ones. */
    const wide_product x = (wide_product)l->a * code + l->b;
    uint64_t r = (uint64_t)(x & KEEP_PRIME);
    const wide_product high = x >> 61;
    const wide_product sum = high + r;
    r = (uint64_t)(sum & KEEP_PRIME) + (uint64_t)(sum >> 61);
    return r >= KEEP_PRIME ? r - KEEP_PRIME : r;
}

/*
 * Call right after duckdb_open, before any statement runs: DuckDB loses what is
 * registered while one streams.  `key` is read when a statement runs and
 * outlives the database.  ERR_INTERNAL: DuckDB refused.
 */
enum err_code duck_order_register(struct duck *d,
                                  const struct duck_keep_key *key,
                                  struct err *err) MUST_CHECK;

#endif
