#include "server/engine/duck_bits.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

/* Of one key. */
enum { KNOWN = 1, COUNTS = 2, BITS = 2, IN_WORD = 64 / BITS };

struct duck_bits {
    atomic_uint refs;
    struct duck_keys *keys;  /* a reference */
    struct duck_dense dense; /* of keys */
    const struct gate *gate;
    struct gate_view view;
    size_t words;
    uint64_t *codes; /* owned */
};

struct duck_bits *duck_bits_keep(struct duck_bits *b)
{
    if (b)
        atomic_fetch_add(&b->refs, 1);
    return b;
}

static void forget(struct duck_bits *b)
{
    duck_keys_drop(b->keys);
    free(b->codes);
    free(b);
}

void duck_bits_drop(struct duck_bits *b)
{
    if (!b || atomic_fetch_sub(&b->refs, 1) != 1)
        return;
    b->gate->unpin(b->gate->ctx, &b->view);
    forget(b);
}

const struct gate_view *duck_bits_view(const struct duck_bits *b)
{
    return &b->view;
}

bool duck_bits_is_of(const struct duck_bits *b, const struct duck_keys *keys,
                     const struct gate_view *view)
{
    return b->keys == keys && gate_is_same(&b->view, view);
}

/* ---- making ---- */

static void put(struct duck_bits *b, uint64_t at, uint32_t number)
{
    const unsigned shift = (unsigned)(at % IN_WORD) * BITS;
    const uint64_t code = KNOWN | (gate_counts(&b->view, number) ? COUNTS : 0u);
    uint64_t *word = &b->codes[at / IN_WORD];
    *word = (*word & ~((uint64_t)(KNOWN | COUNTS) << shift)) | code << shift;
}

static void put_all(struct duck_bits *b)
{
    memset(b->codes, 0, b->words * sizeof *b->codes);
    for (uint64_t at = 0; at < b->dense.range; at++)
        if (b->dense.numbers[at] < DUCK_UNKNOWN)
            put(b, at, b->dense.numbers[at]);
}

static void put_changed(void *ctx, uint32_t number)
{
    struct duck_bits *b = ctx;
    if (number < b->dense.n_places && b->dense.places[number] != DUCK_NO_PLACE)
        put(b, b->dense.places[number], number);
}

struct duck_bits *duck_bits_of(struct duck_keys *keys, const struct gate *gate,
                               const struct gate_view *view,
                               const struct duck_bits *last)
{
    struct duck_dense dense;
    if (!duck_keys_dense(&dense, keys))
        return NULL;
    struct duck_bits *b = calloc(1, sizeof *b);
    if (!b)
        return NULL;
    atomic_init(&b->refs, 1);
    b->keys = duck_keys_keep(keys);
    b->dense = dense;
    b->gate = gate;
    b->view = *view;
    b->words = dense.range / IN_WORD + 1;
    b->codes = duck_keys_huge(b->words * sizeof *b->codes);
    if (!b->codes) {
        forget(b);
        return NULL;
    }
    if (last && last->keys == keys && last->view.inverts == view->inverts) {
        memcpy(b->codes, last->codes, b->words * sizeof *b->codes);
        gate_each_changed(&b->view, &last->view, put_changed, b);
    } else {
        put_all(b);
    }
    return b;
}

/* ---- rows ---- */

static unsigned code_of(const struct duck_bits *b, int64_t key)
{
    const uint64_t at = (uint64_t)key - (uint64_t)b->dense.base;
    return at < b->dense.range
               ? (unsigned)(b->codes[at / IN_WORD] >> at % IN_WORD * BITS)
               : 0;
}

bool duck_bits_count(bool *out, const struct duck_bits *b,
                     const struct duck_column *c, idx_t n)
{
    const int64_t *keys = c->data;
    unsigned all = KNOWN;
    if (!c->valid) {
        for (idx_t i = 0; i < n; i++) {
            const unsigned code = code_of(b, keys[i]);
            all &= code;
            out[i] = code & COUNTS;
        }
        return all & KNOWN;
    }
    for (idx_t i = 0; i < n; i++) {
        const bool is_null = duck_is_null(c, i);
        const unsigned code = is_null ? KNOWN : code_of(b, keys[i]);
        all &= code;
        out[i] = code & COUNTS;
    }
    return all & KNOWN;
}
