#include "server/engine/duck_keys.h"

#include <openssl/rand.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "server/engine/duck_order.h"

enum { DENSE_SPREAD = 4, DENSE_SLACK = 4096, INT_TEXT = 24 };
enum { HUGE = 2 << 20 };     /* bytes of a huge page */
#define UNKNOWN DUCK_UNKNOWN /* in a table: ask the gate */

struct duck_keys {
    atomic_uint refs;
    bool is_text, is_dense, is_mapped;
    uint64_t hash[2]; /* secret; keys the hash */
    /* is_dense: numbers of base, base + 1, ... */
    int64_t base;
    uint64_t range;
    uint32_t *numbers; /* owned */
    uint32_t *places;  /* owned; by number; NULL: not kept */
    uint32_t n_places;
    /* Else: high bits of the hash above, number + 1 below; 0: empty.  All ones
     * below: UNKNOWN. */
    uint64_t *slots;    /* owned; mask + 1 of them */
    uint64_t mask, low; /* low: ones where the number stands */
};

struct duck_keys *duck_keys_keep(struct duck_keys *k)
{
    if (k)
        atomic_fetch_add(&k->refs, 1);
    return k;
}

void duck_keys_drop(struct duck_keys *k)
{
    if (!k || atomic_fetch_sub(&k->refs, 1) != 1)
        return;
    free(k->numbers);
    free(k->places);
    free(k->slots);
    free(k);
}

void *duck_keys_huge(size_t len)
{
    if (len < HUGE)
        return malloc(len);
    if (len > SIZE_MAX - HUGE)
        return NULL;
    void *p = aligned_alloc(HUGE, (len + HUGE - 1) / HUGE * HUGE);
    if (p)
        (void)madvise(p, len, MADV_HUGEPAGE); /* a wish */
    return p;
}

bool duck_keys_dense(struct duck_dense *out, const struct duck_keys *k)
{
    if (!k || !k->is_dense || !k->places)
        return false;
    *out = (struct duck_dense){ k->base, k->range, k->numbers, k->places,
                                k->n_places };
    return true;
}

/* ---- how a key is spelled for the gate ---- */

static uint32_t ask_int(const struct gate *gate, int64_t key, bool adds)
{
    char text[INT_TEXT];
    const int len = snprintf(text, sizeof text, "%lld", (long long)key);
    return gate->number(gate->ctx, text, (size_t)len, adds);
}

static uint32_t ask_text(const struct gate *gate, duckdb_string_t key,
                         bool adds)
{
    return gate->number(gate->ctx, duckdb_string_t_data(&key),
                        duckdb_string_t_length(key), adds);
}

static uint32_t ask(const struct gate *gate, const struct duck_column *c,
                    bool is_text, idx_t row, bool adds)
{
    return is_text
               ? ask_text(gate, ((const duckdb_string_t *)c->data)[row], adds)
               : ask_int(gate, ((const int64_t *)c->data)[row], adds);
}

/* ---- the table ---- */

static uint64_t folded(uint64_t a, uint64_t b)
{
    const wide_product x = (wide_product)a * b;
    return (uint64_t)x ^ (uint64_t)(x >> 64);
}

/* A product of the text's words and a secret, folded, 16 bytes at a time: a
 * fraction of a strong hash's time, and nobody sees what it gives. */
static uint64_t hash_of(const struct duck_keys *k, const char *text, size_t len)
{
    uint64_t h = k->hash[0] ^ len, words[2];
    for (; len >= sizeof words; len -= sizeof words, text += sizeof words) {
        memcpy(words, text, sizeof words);
        h = folded(words[0] ^ k->hash[1], words[1] ^ h);
    }
    memset(words, 0, sizeof words);
    memcpy(words, text, len);
    h = folded(words[0] ^ k->hash[1], words[1] ^ h);
    return folded(h ^ k->hash[0], k->hash[1]);
}

/* An int's is a permutation of it: two ints never have one. */
static uint64_t hash_of_int(const struct duck_keys *k, uint64_t x)
{
    x = (x ^ k->hash[0]) * UINT64_C(0xd6e8feb86659fd93);
    x = (x ^ x >> 32 ^ k->hash[1]) * UINT64_C(0xd6e8feb86659fd93);
    return x ^ x >> 32;
}

/* What find goes by: the int, or in a table the hash. */
static uint64_t key_of(const struct duck_keys *k, const struct duck_column *c,
                       idx_t row)
{
    if (!k->is_text) {
        const uint64_t key = (uint64_t)((const int64_t *)c->data)[row];
        return k->is_dense ? key : hash_of_int(k, key);
    }
    const duckdb_string_t *s = &((const duckdb_string_t *)c->data)[row];
    duckdb_string_t own = *s;
    return hash_of(k,
                   own.value.inlined.length <= sizeof own.value.inlined.inlined
                       ? s->value.inlined.inlined
                       : own.value.pointer.ptr,
                   own.value.inlined.length);
}

/* The place of the hash, or the empty one where it would be. */
static uint64_t *slot_of(const struct duck_keys *k, uint64_t hash)
{
    uint64_t at = hash & k->mask;
    while (k->slots[at] != 0 && ((k->slots[at] ^ hash) & ~k->low) != 0)
        at = (at + 1) & k->mask;
    return &k->slots[at];
}

static uint32_t find(const struct duck_keys *k, uint64_t key)
{
    if (k->is_dense) {
        const uint64_t at = key - (uint64_t)k->base;
        return at < k->range ? k->numbers[at] : UNKNOWN;
    }
    const uint64_t below = *slot_of(k, key) & k->low;
    return below == 0 || below == k->low ? UNKNOWN : (uint32_t)(below - 1);
}

static void prefetch(const struct duck_keys *k, uint64_t key)
{
    const uint64_t at = key - (uint64_t)k->base;
    if (!k->is_dense)
        __builtin_prefetch(&k->slots[key & k->mask]);
    else if (at < k->range)
        __builtin_prefetch(&k->numbers[at]);
}

enum { BATCH = 256 };

/* Numbers of rows [first, first + n), n <= BATCH. */
static void find_batch(uint32_t *out, const struct duck_keys *k,
                       const struct duck_column *c, bool is_text, idx_t first,
                       size_t n, const struct gate *gate, bool adds)
{
    uint64_t keys[BATCH];
    for (size_t i = 0; i < n && k; i++) {
        keys[i] = 0;
        if (duck_is_null(c, first + i))
            continue;
        keys[i] = key_of(k, c, first + i);
        prefetch(k, keys[i]);
    }
    for (size_t i = 0; i < n; i++) {
        const bool is_null = duck_is_null(c, first + i);
        out[i] = is_null ? GATE_NOBODY : k ? find(k, keys[i]) : UNKNOWN;
        if (out[i] == UNKNOWN && k && k->is_mapped)
            out[i] = GATE_NOBODY;
        if (out[i] == UNKNOWN)
            out[i] = ask(gate, c, is_text, first + i, adds);
    }
}

/*
 * An array and no NULL, which is most of what there is: two loads a row, none
 * of which waits for that of another row.  False: some key is not in it, and
 * nothing was decided.
 */
static bool count_dense(bool *out, const struct duck_keys *k,
                        const int64_t *keys, idx_t n,
                        const struct gate_view *view)
{
    uint32_t most = 0;
    for (idx_t i = 0; i < n; i++) {
        const uint64_t at = (uint64_t)keys[i] - (uint64_t)k->base;
        const uint32_t number = at < k->range ? k->numbers[at] : UNKNOWN;
        most = number > most ? number : most;
        out[i] = gate_counts(view, number);
    }
    return most < UNKNOWN;
}

void duck_keys_count(bool *out, const struct duck_keys *k,
                     const struct duck_column *c, bool is_text, idx_t n,
                     const struct gate *gate, const struct gate_view *view)
{
    uint32_t numbers[BATCH];
    if (k && k->is_dense && !c->valid && count_dense(out, k, c->data, n, view))
        return;
    for (idx_t first = 0; first < n; first += BATCH) {
        const size_t m = n - first < BATCH ? (size_t)(n - first) : BATCH;
        find_batch(numbers, k, c, is_text, first, m, gate, false);
        for (size_t i = 0; i < m; i++)
            out[first + i] = !duck_is_null(c, first + i) &&
                             gate_counts(view, numbers[i]) &&
                             !(k && k->is_mapped && numbers[i] == GATE_NOBODY);
    }
}

bool duck_keys_numbers(uint32_t *out, const struct duck_keys *k,
                       const struct duck_column *c, bool is_text, idx_t n,
                       const struct gate *gate)
{
    const bool maps = k && k->is_mapped;
    for (idx_t first = 0; first < n; first += BATCH) {
        const size_t m = n - first < BATCH ? (size_t)(n - first) : BATCH;
        find_batch(out + first, k, c, is_text, first, m, gate, true);
    }
    for (idx_t i = 0; i < n; i++)
        if (out[i] == GATE_NOBODY && !maps && !duck_is_null(c, i))
            return false;
    return true;
}

/* ---- building ---- */

/* Every chunk of a result, again and again: it is held in memory. */
struct chunks {
    duckdb_data_chunk *v;
    size_t n, cap;
    idx_t rows;
};

static bool take_chunks(struct chunks *all, duckdb_result result)
{
    duckdb_data_chunk chunk;
    while ((chunk = duckdb_fetch_chunk(result))) {
        if (all->n == all->cap) {
            const size_t cap = all->cap ? 2 * all->cap : 64;
            void *more = realloc(all->v, cap * sizeof *all->v);
            if (!more) {
                duckdb_destroy_data_chunk(&chunk);
                return false;
            }
            all->v = more;
            all->cap = cap;
        }
        all->v[all->n++] = chunk;
        all->rows += duckdb_data_chunk_get_size(chunk);
    }
    return true;
}

static void drop_chunks(struct chunks *all)
{
    while (all->n)
        duckdb_destroy_data_chunk(&all->v[--all->n]);
    free(all->v);
}

/* `name`: what the gate calls the person of the key in `c`. */
typedef void row_fn(struct duck_keys *k, const struct duck_column *c,
                    const struct duck_column *name, idx_t row, void *ctx);

static void each_row(struct duck_keys *k, const struct chunks *all,
                     row_fn *visit, void *ctx)
{
    for (size_t i = 0; i < all->n; i++) {
        const struct duck_column c = duck_column_of(all->v[i], 0);
        const struct duck_column name = duck_column_of(all->v[i], k->is_mapped);
        const idx_t n = duckdb_data_chunk_get_size(all->v[i]);
        for (idx_t row = 0; row < n; row++)
            if (!duck_is_null(&c, row))
                visit(k, &c, &name, row, ctx);
    }
}

/* First everybody's number, in the order of the rows. */
struct numbers {
    const struct gate *gate;
    uint32_t *v;
    size_t n;
    uint32_t most;  /* of those that are somebody's */
    int64_t lo, hi; /* of the keys, which are ints */
};

static void note(struct duck_keys *k, const struct duck_column *c,
                 const struct duck_column *name, idx_t row, void *ctx)
{
    struct numbers *all = ctx;
    const uint32_t number =
        ask(all->gate, name, k->is_text || k->is_mapped, row, true);
    all->v[all->n] = number == GATE_NOBODY ? UNKNOWN : number;
    if (number < UNKNOWN && number > all->most)
        all->most = number;
    if (!k->is_text) {
        const int64_t key = ((const int64_t *)c->data)[row];
        all->lo = all->n == 0 || key < all->lo ? key : all->lo;
        all->hi = all->n == 0 || key > all->hi ? key : all->hi;
    }
    all->n++;
}

static void insert(struct duck_keys *k, const struct duck_column *c,
                   const struct duck_column *name, idx_t row, void *ctx)
{
    struct numbers *all = ctx;
    const uint64_t key = key_of(k, c, row);
    const uint32_t number = all->v[all->n++];
    (void)name;
    if (k->is_dense) {
        const uint64_t at = key - (uint64_t)k->base;
        k->numbers[at] = number;
        if (k->places && number < UNKNOWN)
            k->places[number] = (uint32_t)at;
        return;
    }
    uint64_t *s = slot_of(k, key);
    /* Keys that cannot be told apart: both are looked up. */
    const bool is_known = *s == 0 && number < UNKNOWN;
    *s = (key & ~k->low) | (is_known ? (uint64_t)number + 1 : k->low);
}

/* Where each number stands: only where a number is one key's. */
static void make_places(struct duck_keys *k, const struct numbers *all)
{
    const size_t n = (size_t)all->most + 1;
    if (k->is_mapped || k->range >= DUCK_NO_PLACE ||
        n / DENSE_SPREAD > all->n + DENSE_SLACK)
        return;
    k->places = malloc(n * sizeof *k->places);
    if (!k->places)
        return;
    memset(k->places, 0xff, n * sizeof *k->places);
    k->n_places = (uint32_t)n;
}

static bool make_array(struct duck_keys *k, const struct numbers *all,
                       uint64_t range)
{
    k->base = all->lo;
    k->range = range;
    k->numbers = duck_keys_huge(range * sizeof *k->numbers);
    for (uint64_t i = 0; k->numbers && i < range; i++)
        k->numbers[i] = UNKNOWN;
    make_places(k, all);
    return k->numbers != NULL;
}

/* At most two thirds full. */
static bool make_slots(struct duck_keys *k, const struct numbers *all)
{
    uint64_t n = 64;
    while (n / 3 * 2 < all->n)
        n *= 2;
    k->mask = n - 1;
    while (k->low < (uint64_t)all->most + 2)
        k->low = 2 * k->low + 1;
    k->slots = duck_keys_huge(n * sizeof *k->slots);
    if (k->slots)
        memset(k->slots, 0, n * sizeof *k->slots);
    return k->slots != NULL;
}

static bool make_table(struct duck_keys *k, const struct numbers *all)
{
    const uint64_t range = (uint64_t)all->hi - (uint64_t)all->lo + 1;
    k->is_dense = !k->is_text && all->n > 0 && range != 0 &&
                  range / DENSE_SPREAD <= all->n + DENSE_SLACK;
    return k->is_dense ? make_array(k, all, range) : make_slots(k, all);
}

/* From the rows to the table. */
static bool fill(struct duck_keys *k, const struct chunks *rows,
                 const struct gate *gate)
{
    struct numbers all = { .gate = gate,
                           .v = malloc((rows->rows + 1) * sizeof *all.v) };
    if (!all.v)
        return false;
    each_row(k, rows, note, &all);
    const bool ok = make_table(k, &all);
    all.n = 0;
    if (ok)
        each_row(k, rows, insert, &all);
    free(all.v);
    return ok;
}

struct duck_keys *duck_keys_of(duckdb_result result, bool is_text,
                               bool is_mapped, const struct gate *gate)
{
    struct chunks all = { 0 };
    struct duck_keys *k = calloc(1, sizeof *k);
    bool ok = k && take_chunks(&all, result);
    if (ok) {
        atomic_init(&k->refs, 1);
        k->is_text = is_text;
        k->is_mapped = is_mapped;
        ok = RAND_bytes((unsigned char *)k->hash, sizeof k->hash) == 1 &&
             fill(k, &all, gate);
    }
    drop_chunks(&all);
    if (ok)
        return k;
    if (k) {
        atomic_store(&k->refs, 1);
        duck_keys_drop(k);
    }
    return NULL;
}
