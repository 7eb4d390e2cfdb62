#include "server/audit/merkle.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "tests/table.h"

/*
 * The tree against RFC 9162's recursive definition, written out, over every
 * size that crosses a tile and proofs between sizes; and against the vectors
 * that other implementations of RFC 6962 share.
 */
enum { LEAVES = 700, BIG = 66000, STORED = BIG + 300 };

static struct merkle_hash stored[3][STORED];
static struct merkle_hash leaf_hash[LEAVES];
static bool reads_fail;

static enum err_code read_stored(void *ctx, struct merkle_hash *out,
                                 unsigned level, uint64_t first, size_t n,
                                 struct err *err)
{
    (void)ctx;
    if (reads_fail)
        return err_set(err, ERR_UNAVAILABLE, "the disk is gone");
    assert_true(level < 3 && first + n <= STORED);
    memcpy(out, &stored[level][first], n * sizeof *out);
    return ERR_OK;
}
static const struct merkle_reader reader = { .read = read_stored };

/* MTH(D[lo:hi]), as the RFC writes it. */
static struct merkle_hash reference(size_t lo, size_t hi)
{
    size_t k = 1;
    if (hi - lo == 0)
        return merkle_empty();
    if (hi - lo == 1)
        return leaf_hash[lo];
    while (2 * k < hi - lo)
        k *= 2;
    const struct merkle_hash left = reference(lo, lo + k);
    const struct merkle_hash right = reference(lo + k, hi);
    return merkle_node(&left, &right);
}

static void append(struct merkle_frontier *f, const struct merkle_hash *leaf)
{
    struct merkle_stored out[MERKLE_LEVELS];
    const size_t n = merkle_append(f, out, leaf);
    for (size_t i = 0; i < n; i++)
        stored[out[i].level][out[i].index] = out[i].hash;
}

static struct merkle_frontier grow(size_t n)
{
    struct merkle_frontier f = { 0 };
    for (size_t i = 0; i < n; i++) {
        const uint32_t bytes = (uint32_t)i;
        const struct merkle_hash h = merkle_leaf(&bytes, sizeof bytes);
        if (i < LEAVES)
            leaf_hash[i] = h;
        append(&f, &h);
    }
    return f;
}

static void assert_hash(const struct merkle_hash *a,
                        const struct merkle_hash *b)
{
    assert_memory_equal(a->bytes, b->bytes, MERKLE_HASH_LEN);
}

static void test_roots(void **state)
{
    (void)state;
    (void)grow(LEAVES);
    struct merkle_frontier f = { 0 }, again;
    struct err err;
    for (size_t n = 0; n <= LEAVES; n++) {
        const struct merkle_hash want = reference(0, n), got = merkle_root(&f);
        assert_hash(&got, &want);
        assert_int_equal(merkle_frontier_at(&again, &reader, n, &err), ERR_OK);
        const struct merkle_hash read = merkle_root(&again);
        assert_hash(&read, &want);
        if (n < LEAVES)
            append(&f, &leaf_hash[n]);
    }
}

static void test_inclusion(void **state)
{
    static const size_t sizes[] = { 1, 2, 3, 7, 8, 255, 256, 257, 511, 700 };
    struct merkle_proof p;
    struct err err;
    (void)state;
    (void)grow(LEAVES);
    for (size_t s = 0; s < sizeof sizes / sizeof sizes[0]; s++) {
        const size_t n = sizes[s];
        const struct merkle_hash root = reference(0, n);
        for (size_t i = 0; i < n; i++) {
            assert_int_equal(merkle_prove(&p, &reader, i, n, &err), ERR_OK);
            assert_int_equal(merkle_check(&p, i, n, &leaf_hash[i], &root, &err),
                             ERR_OK);
            assert_int_equal(merkle_check(&p, i, n, &leaf_hash[i ? i - 1 : 699],
                                          &root, &err),
                             ERR_INVALID);
            if (p.n > 0) {
                p.hash[i % p.n].bytes[i % 32] ^= 1;
                assert_int_equal(
                    merkle_check(&p, i, n, &leaf_hash[i], &root, &err),
                    ERR_INVALID);
                p.n--;
                assert_int_equal(
                    merkle_check(&p, i, n, &leaf_hash[i], &root, &err),
                    ERR_INVALID);
            }
        }
        assert_int_equal(merkle_prove(&p, &reader, n, n, &err), ERR_INVALID);
    }
}

static void check_prefix(size_t old, size_t n)
{
    struct merkle_proof p;
    struct err err;
    struct merkle_hash a = reference(0, old), b = reference(0, n);
    assert_int_equal(merkle_prove_prefix(&p, &reader, old, n, &err), ERR_OK);
    assert_int_equal(merkle_check_prefix(&p, old, n, &a, &b, &err), ERR_OK);
    if (old < n) {
        a.bytes[old % 32] ^= 4;
        assert_int_equal(merkle_check_prefix(&p, old, n, &a, &b, &err),
                         ERR_INVALID);
        a.bytes[old % 32] ^= 4;
    }
    b.bytes[n % 32] ^= 4;
    assert_int_equal(merkle_check_prefix(&p, old, n, &a, &b, &err),
                     ERR_INVALID);
    if (p.n > 0) {
        b.bytes[n % 32] ^= 4;
        p.hash[old % p.n].bytes[3] ^= 128;
        assert_int_equal(merkle_check_prefix(&p, old, n, &a, &b, &err),
                         ERR_INVALID);
    }
}

static void test_prefixes(void **state)
{
    (void)state;
    (void)grow(LEAVES);
    for (size_t n = 1; n <= 70; n++)
        for (size_t old = 1; old <= n; old++)
            check_prefix(old, n);
    for (size_t old = 1; old <= LEAVES; old += 7)
        check_prefix(old, LEAVES);
    struct merkle_proof p;
    struct err err;
    assert_int_equal(merkle_prove_prefix(&p, &reader, 0, 5, &err), ERR_INVALID);
    assert_int_equal(merkle_prove_prefix(&p, &reader, 6, 5, &err), ERR_INVALID);
}

/* Two tile levels deep, where a subtree's corners come from level 2. */
static void test_deep(void **state)
{
    static const uint64_t at[] = { 0, 255, 256, 65535, 65536, 65999 };
    const struct merkle_frontier f = grow(BIG);
    const struct merkle_hash root = merkle_root(&f);
    struct merkle_frontier again;
    struct merkle_proof p;
    struct err err;
    (void)state;
    assert_int_equal(merkle_frontier_at(&again, &reader, BIG, &err), ERR_OK);
    const struct merkle_hash read = merkle_root(&again);
    assert_hash(&read, &root);
    for (size_t i = 0; i < sizeof at / sizeof at[0]; i++) {
        assert_int_equal(merkle_prove(&p, &reader, at[i], BIG, &err), ERR_OK);
        assert_int_equal(
            merkle_check(&p, at[i], BIG, &stored[0][at[i]], &root, &err),
            ERR_OK);
        assert_int_equal(merkle_frontier_at(&again, &reader, at[i] + 1, &err),
                         ERR_OK);
        const struct merkle_hash old = merkle_root(&again);
        assert_int_equal(merkle_prove_prefix(&p, &reader, at[i] + 1, BIG, &err),
                         ERR_OK);
        assert_int_equal(
            merkle_check_prefix(&p, at[i] + 1, BIG, &old, &root, &err), ERR_OK);
    }
}

static void test_read_error(void **state)
{
    struct merkle_proof p;
    struct merkle_frontier f;
    struct err err;
    (void)state;
    (void)grow(10);
    reads_fail = true;
    assert_int_equal(merkle_prove(&p, &reader, 3, 10, &err), ERR_UNAVAILABLE);
    assert_int_equal(merkle_prove_prefix(&p, &reader, 3, 10, &err),
                     ERR_UNAVAILABLE);
    assert_int_equal(merkle_frontier_at(&f, &reader, 3, &err), ERR_UNAVAILABLE);
    reads_fail = false;
}

/* The vectors of the Certificate Transparency tests. */
static void test_vectors(void **state)
{
    static const struct {
        const char *bytes;
        size_t len;
        const char *root;
    } rows[] = {
        { "", 0,
          "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d" },
        { "\x00", 1,
          "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125" },
        { "\x10", 1,
          "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77" },
        { "\x20\x21", 2,
          "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7" },
    };
    struct merkle_frontier f = { 0 };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char hex[2 * MERKLE_HASH_LEN + 1];
        const struct merkle_hash leaf = merkle_leaf(rows[i].bytes, rows[i].len);
        append(&f, &leaf);
        const struct merkle_hash root = merkle_root(&f);
        for (size_t k = 0; k < MERKLE_HASH_LEN; k++)
            (void)snprintf(hex + 2 * k, 3, "%02x", root.bytes[k]);
        assert_string_equal(hex, rows[i].root);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_vectors),   cmocka_unit_test(test_roots),
        cmocka_unit_test(test_inclusion), cmocka_unit_test(test_prefixes),
        cmocka_unit_test(test_deep),      cmocka_unit_test(test_read_error),
    };
    return cmocka_run_group_tests_name(__FILE__, tests, NULL, NULL);
}
