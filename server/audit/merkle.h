#ifndef AUDIT_MERKLE_H
#define AUDIT_MERKLE_H

#include <stddef.h>
#include <stdint.h>

#include "server/base/err.h"

/*
 * The Merkle tree of an append-only log, without its storage.
 *
 * Leaf i of a tree of n leaves hashes to SHA-256(00 || bytes), an inner node to
 * SHA-256(01 || left || right).  Of all nodes only the corners of tiles are
 * stored: level L holds the roots of complete subtrees of 256^L leaves, so that
 * level 0 is the leaves and all the levels above add 1/255 to them.  The rest
 * is computed from at most 255 hashes a level.
 *
 *   stored level 1            t0                    t1
 *                         /        \            /
 *   (7 levels, computed)  .        .           .
 *   stored level 0        0 .... 255         256 .. 300
 *
 * Source: RFC 9162 section 2.1 (the tree of RFC 6962); C2SP tlog-tiles.
 */
enum { MERKLE_HASH_LEN = 32, MERKLE_TILE = 256, MERKLE_LEVELS = 8 };
enum { MERKLE_PROOF_MAX = 2 * 64 }; /* hashes */

struct merkle_hash {
    uint8_t bytes[MERKLE_HASH_LEN];
};

struct merkle_hash merkle_leaf(const void *data, size_t len);
struct merkle_hash merkle_node(const struct merkle_hash *left,
                               const struct merkle_hash *right);
struct merkle_hash merkle_empty(void); /* root of the tree without leaves */

/*
 * What is needed to append: the roots of the complete subtrees that `size`
 * splits into, one for each bit that is set; peak[b] covers 2^b leaves.
 * A copy of it is a point to go back to.
 */
struct merkle_frontier {
    uint64_t size; /* leaves */
    struct merkle_hash peak[64];
};

/* A hash to be stored because a leaf was appended. */
struct merkle_stored {
    unsigned level;
    uint64_t index; /* within its level */
    struct merkle_hash hash;
};

/* Append; out[0] is the leaf, the rest corners of the tiles that it completed.
 * Returns how many, 1..MERKLE_LEVELS. */
size_t merkle_append(struct merkle_frontier *f,
                     struct merkle_stored out[MERKLE_LEVELS],
                     const struct merkle_hash *leaf);
struct merkle_hash merkle_root(const struct merkle_frontier *f);

/*
 * Read n stored hashes of one level, from `first`.  Any code but ERR_OK ends
 * the computation and is its result.
 */
typedef enum err_code merkle_read_fn(void *ctx, struct merkle_hash *out,
                                     unsigned level, uint64_t first, size_t n,
                                     struct err *err);
struct merkle_reader {
    merkle_read_fn *read;
    void *ctx;
};

/* The frontier of the first `size` leaves; merkle_root of it is their root. */
enum err_code merkle_frontier_at(struct merkle_frontier *out,
                                 const struct merkle_reader *r, uint64_t size,
                                 struct err *err) MUST_CHECK;

struct merkle_proof {
    size_t n;
    struct merkle_hash hash[MERKLE_PROOF_MAX];
};

/* That leaf `index` is in the tree of `size` leaves.
 * ERR_INVALID  index >= size */
enum err_code merkle_prove(struct merkle_proof *out,
                           const struct merkle_reader *r, uint64_t index,
                           uint64_t size, struct err *err) MUST_CHECK;

/* That the tree of `size` leaves begins with the one of `old` leaves.
 * ERR_INVALID  old is 0 or more than size */
enum err_code merkle_prove_prefix(struct merkle_proof *out,
                                  const struct merkle_reader *r, uint64_t old,
                                  uint64_t size, struct err *err) MUST_CHECK;

/* ERR_INVALID when the proof does not lead to the root. */
enum err_code merkle_check(const struct merkle_proof *p, uint64_t index,
                           uint64_t size, const struct merkle_hash *leaf,
                           const struct merkle_hash *root,
                           struct err *err) MUST_CHECK;
enum err_code merkle_check_prefix(const struct merkle_proof *p, uint64_t old,
                                  uint64_t size,
                                  const struct merkle_hash *old_root,
                                  const struct merkle_hash *root,
                                  struct err *err) MUST_CHECK;

#endif
