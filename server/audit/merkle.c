#include "server/audit/merkle.h"

#include <assert.h>
#include <stdbool.h>
#include <string.h>

#include "server/audit/sha256.h"

enum { TILE_BITS = 8, LEAF_PREFIX = 0, NODE_PREFIX = 1 };

struct merkle_hash merkle_leaf(const void *data, size_t len)
{
    static const uint8_t prefix = LEAF_PREFIX;
    struct merkle_hash out;
    sha256_of(out.bytes, &prefix, 1, data, len);
    return out;
}

struct merkle_hash merkle_node(const struct merkle_hash *left,
                               const struct merkle_hash *right)
{
    uint8_t first[1 + MERKLE_HASH_LEN] = { NODE_PREFIX };
    struct merkle_hash out;
    memcpy(first + 1, left->bytes, MERKLE_HASH_LEN);
    sha256_of(out.bytes, first, sizeof first, right->bytes, MERKLE_HASH_LEN);
    return out;
}

struct merkle_hash merkle_empty(void)
{
    struct merkle_hash out;
    sha256_of(out.bytes, "", 0, "", 0);
    return out;
}

size_t merkle_append(struct merkle_frontier *f,
                     struct merkle_stored out[MERKLE_LEVELS],
                     const struct merkle_hash *leaf)
{
    size_t n = 0;
    struct merkle_hash hash = *leaf;
    const uint64_t index = f->size;
    assert(index < UINT64_MAX);
    unsigned bit = 0;
    out[n++] = (struct merkle_stored){ .index = index, .hash = hash };
    for (; index >> bit & 1; bit++) {
        hash = merkle_node(&f->peak[bit], &hash);
        if ((bit + 1) % TILE_BITS == 0)
            out[n++] = (struct merkle_stored){ .level = (bit + 1) / TILE_BITS,
                                               .index = index >> (bit + 1),
                                               .hash = hash };
    }
    f->peak[bit] = hash;
    f->size = index + 1;
    return n;
}

struct merkle_hash merkle_root(const struct merkle_frontier *f)
{
    struct merkle_hash hash = merkle_empty();
    bool any = false;
    for (unsigned bit = 0; bit < 64; bit++) {
        if ((f->size >> bit & 1) == 0)
            continue;
        hash = any ? merkle_node(&f->peak[bit], &hash) : f->peak[bit];
        any = true;
    }
    return hash;
}

/* The root of the complete subtree of 2^bits leaves that begins at `lo`. */
static enum err_code complete_root(struct merkle_hash *out,
                                   const struct merkle_reader *r, uint64_t lo,
                                   unsigned bits, struct err *err)
{
    const unsigned level = bits / TILE_BITS;
    size_t n = (size_t)1 << bits % TILE_BITS;
    struct merkle_hash hash[MERKLE_TILE / 2];
    TRY(r->read(r->ctx, hash, level, lo >> level * TILE_BITS, n, err));
    for (; n > 1; n /= 2) {
        for (size_t i = 0; i < n / 2; i++)
            hash[i] = merkle_node(&hash[2 * i], &hash[2 * i + 1]);
    }
    *out = hash[0];
    return ERR_OK;
}

/* The frontier of leaves [lo, hi), as if they were a tree of their own.  Each
 * subtree is complete in the whole tree when lo is a multiple of its size:
 * callers split where RFC 9162 does. */
static enum err_code range_frontier(struct merkle_frontier *out,
                                    const struct merkle_reader *r, uint64_t lo,
                                    uint64_t hi, struct err *err)
{
    *out = (struct merkle_frontier){ .size = hi - lo };
    for (unsigned bit = 64; bit-- > 0;) {
        if ((out->size >> bit & 1) == 0)
            continue;
        TRY(complete_root(&out->peak[bit], r, lo, bit, err));
        lo += UINT64_C(1) << bit;
    }
    return ERR_OK;
}

enum err_code merkle_frontier_at(struct merkle_frontier *out,
                                 const struct merkle_reader *r, uint64_t size,
                                 struct err *err)
{
    return range_frontier(out, r, 0, size, err);
}

/* Append to the proof the root of leaves [lo, hi). */
static enum err_code add_range(struct merkle_proof *p,
                               const struct merkle_reader *r, uint64_t lo,
                               uint64_t hi, struct err *err)
{
    struct merkle_frontier f;
    assert(p->n < MERKLE_PROOF_MAX);
    TRY(range_frontier(&f, r, lo, hi, err));
    p->hash[p->n++] = merkle_root(&f);
    return ERR_OK;
}

/* Siblings were found from the root down, and are told from the leaf up. */
static void turn_round(struct merkle_proof *p)
{
    for (size_t i = 0; i < p->n / 2; i++) {
        const struct merkle_hash h = p->hash[i];
        p->hash[i] = p->hash[p->n - 1 - i];
        p->hash[p->n - 1 - i] = h;
    }
}

/* The largest power of two below n (n > 1). */
static uint64_t split_of(uint64_t n)
{
    return UINT64_C(1) << (63 - __builtin_clzll(n - 1));
}

enum err_code merkle_prove(struct merkle_proof *out,
                           const struct merkle_reader *r, uint64_t index,
                           uint64_t size, struct err *err)
{
    out->n = 0;
    if (index >= size) {
        (void)err_set(err, ERR_INVALID,
                      "there is no leaf %llu in a log of %llu leaves",
                      (unsigned long long)index, (unsigned long long)size);
        return err_hint(err, "leaves are numbered from 0");
    }
    for (uint64_t lo = 0, hi = size; hi - lo > 1;) {
        const uint64_t mid = lo + split_of(hi - lo);
        const bool is_left = index < mid;
        TRY(add_range(out, r, is_left ? mid : lo, is_left ? hi : mid, err));
        *(is_left ? &hi : &lo) = mid;
    }
    turn_round(out);
    return ERR_OK;
}

enum err_code merkle_prove_prefix(struct merkle_proof *out,
                                  const struct merkle_reader *r, uint64_t old,
                                  uint64_t size, struct err *err)
{
    uint64_t lo = 0, hi = size;
    out->n = 0;
    if (old == 0 || old > size) {
        (void)err_set(err, ERR_INVALID,
                      "a log of %llu leaves has no prefix of %llu",
                      (unsigned long long)size, (unsigned long long)old);
        return err_hint(err, "prove from a smaller checkpoint to a larger one, "
                             "both of at least one leaf");
    }
    while (hi != old) {
        const uint64_t mid = lo + split_of(hi - lo);
        const bool is_left = old <= mid;
        TRY(add_range(out, r, is_left ? mid : lo, is_left ? hi : mid, err));
        *(is_left ? &hi : &lo) = mid;
    }
    if (lo > 0) /* else it is the old root, which the verifier has */
        TRY(add_range(out, r, lo, hi, err));
    turn_round(out);
    return ERR_OK;
}

static enum err_code mismatch(struct err *err, const char *what)
{
    (void)err_set(err, ERR_INVALID, "the %s proof does not lead to the root",
                  what);
    return err_hint(err, "the log, the checkpoint or the proof was changed: "
                         "keep all three and ask who serves the log");
}

static bool equal(const struct merkle_hash *a, const struct merkle_hash *b)
{
    return memcmp(a->bytes, b->bytes, MERKLE_HASH_LEN) == 0;
}

enum err_code merkle_check(const struct merkle_proof *p, uint64_t index,
                           uint64_t size, const struct merkle_hash *leaf,
                           const struct merkle_hash *root, struct err *err)
{
    uint64_t fn = index, sn = size - 1;
    struct merkle_hash r = *leaf;
    if (index >= size)
        return mismatch(err, "inclusion");
    for (size_t i = 0; i < p->n; i++) { /* RFC 9162, 2.1.3.2 */
        if (sn == 0)
            return mismatch(err, "inclusion");
        if ((fn & 1) != 0 || fn == sn) {
            r = merkle_node(&p->hash[i], &r);
            while ((fn & 1) == 0 && fn != 0)
                fn >>= 1, sn >>= 1;
        } else {
            r = merkle_node(&r, &p->hash[i]);
        }
        fn >>= 1, sn >>= 1;
    }
    return sn == 0 && equal(&r, root) ? ERR_OK : mismatch(err, "inclusion");
}

enum err_code merkle_check_prefix(const struct merkle_proof *p, uint64_t old,
                                  uint64_t size,
                                  const struct merkle_hash *old_root,
                                  const struct merkle_hash *root,
                                  struct err *err)
{
    static const char what[] = "consistency";
    uint64_t fn = old - 1, sn = size - 1;
    size_t i = 0;
    if (old == 0 || old > size)
        return mismatch(err, what);
    if (old == size)
        return p->n == 0 && equal(old_root, root) ? ERR_OK
                                                  : mismatch(err, what);
    for (; fn & 1; fn >>= 1) /* RFC 9162, 2.1.4.2 */
        sn >>= 1;
    if (fn != 0 && p->n == 0)
        return mismatch(err, what);
    struct merkle_hash fr = fn == 0 ? *old_root : p->hash[i++], sr = fr;
    for (; i < p->n; i++) {
        if (sn == 0)
            return mismatch(err, what);
        if ((fn & 1) != 0 || fn == sn) {
            fr = merkle_node(&p->hash[i], &fr);
            sr = merkle_node(&p->hash[i], &sr);
            while ((fn & 1) == 0 && fn != 0)
                fn >>= 1, sn >>= 1;
        } else {
            sr = merkle_node(&sr, &p->hash[i]);
        }
        fn >>= 1, sn >>= 1;
    }
    return sn == 0 && equal(&fr, old_root) && equal(&sr, root)
               ? ERR_OK
               : mismatch(err, what);
}
