#include "server/engine/duck_keys.h"

#include <openssl/rand.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/engine/duck_order.h"

enum { DENSE_SPREAD = 4, DENSE_SLACK = 4096, INT_TEXT = 24 };
#define UNKNOWN (GATE_NOBODY - 1) /* in a table: ask the gate */

struct slot {
    uint64_t key; /* the int, or the hash of the text */
    uint32_t number;
    bool is_set;
};

struct duck_keys {
    atomic_uint refs;
    bool is_text, is_dense, is_mapped;
    uint64_t hash[2]; /* secret; keys the hash of text */
    /* is_dense: numbers of base, base + 1, ... */
    int64_t base;
    uint64_t range;
    uint32_t *numbers; /* owned */
    /* else */
    struct slot *slots; /* owned; mask + 1 of them */
    uint64_t mask;
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
    free(k->slots);
    free(k);
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

static uint64_t key_of(const struct duck_keys *k, const struct duck_column *c,
                       idx_t row)
{
    if (!k->is_text)
        return (uint64_t)((const int64_t *)c->data)[row];
    duckdb_string_t s = ((const duckdb_string_t *)c->data)[row];
    return hash_of(k, duckdb_string_t_data(&s), duckdb_string_t_length(s));
}

/* Ints are not chosen by anybody who asks: a mix that spreads them is enough.
 */
static uint64_t home_of(const struct duck_keys *k, uint64_t key)
{
    uint64_t x = key;
    if (!k->is_text) {
        x = (x ^ x >> 32) * UINT64_C(0xd6e8feb86659fd93);
        x ^= x >> 32;
    }
    return x & k->mask;
}

static struct slot *slot_of(const struct duck_keys *k, uint64_t key)
{
    uint64_t at = home_of(k, key);
    while (k->slots[at].is_set && k->slots[at].key != key)
        at = (at + 1) & k->mask;
    return &k->slots[at];
}

static uint32_t find(const struct duck_keys *k, uint64_t key)
{
    if (k->is_dense) {
        const uint64_t at = key - (uint64_t)k->base;
        return at < k->range ? k->numbers[at] : UNKNOWN;
    }
    const struct slot *s = slot_of(k, key);
    return s->is_set ? s->number : UNKNOWN;
}

static void prefetch(const struct duck_keys *k, uint64_t key)
{
    const uint64_t at = key - (uint64_t)k->base;
    if (!k->is_dense)
        __builtin_prefetch(&k->slots[home_of(k, key)]);
    else if (at < k->range)
        __builtin_prefetch(&k->numbers[at]);
}

enum { BATCH = 256 };

/* Numbers of rows [first, first + n), n <= BATCH. */
static void find_batch(uint32_t *out, const struct duck_keys *k,
                       const struct duck_column *c, bool is_text, idx_t first,
                       size_t n, const struct gate *gate)
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
            out[i] = ask(gate, c, is_text, first + i, false);
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
        find_batch(numbers, k, c, is_text, first, m, gate);
        for (size_t i = 0; i < m; i++)
            out[first + i] =
                !duck_is_null(c, first + i) && gate_counts(view, numbers[i]) &&
                !(k && k->is_mapped && numbers[i] == GATE_NOBODY);
    }
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
        duckdb_vector v = duckdb_data_chunk_get_vector(all->v[i], 0);
        duckdb_vector of =
            duckdb_data_chunk_get_vector(all->v[i], k->is_mapped);
        const struct duck_column c = { duckdb_vector_get_data(v),
                                       duckdb_vector_get_validity(v) };
        const struct duck_column name = { duckdb_vector_get_data(of),
                                          duckdb_vector_get_validity(of) };
        const idx_t n = duckdb_data_chunk_get_size(all->v[i]);
        for (idx_t row = 0; row < n; row++)
            if (!duck_is_null(&c, row))
                visit(k, &c, &name, row, ctx);
    }
}

struct span {
    int64_t lo, hi;
    bool any;
};

static void widen(struct duck_keys *k, const struct duck_column *c,
                  const struct duck_column *name, idx_t row, void *ctx)
{
    struct span *s = ctx;
    const int64_t key = ((const int64_t *)c->data)[row];
    (void)k, (void)name;
    s->lo = !s->any || key < s->lo ? key : s->lo;
    s->hi = !s->any || key > s->hi ? key : s->hi;
    s->any = true;
}

static void insert(struct duck_keys *k, const struct duck_column *c,
                   const struct duck_column *name, idx_t row, void *ctx)
{
    const struct gate *gate = ctx;
    const uint64_t key = key_of(k, c, row);
    const uint32_t number =
        ask(gate, name, k->is_text || k->is_mapped, row, true);
    const uint32_t known = number == GATE_NOBODY ? UNKNOWN : number;
    if (k->is_dense) {
        k->numbers[key - (uint64_t)k->base] = known;
        return;
    }
    struct slot *s = slot_of(k, key);
    /* Distinct keys of one hash: both are looked up. */
    *s = (struct slot){ key, s->is_set ? UNKNOWN : known, true };
}

static bool make_table(struct duck_keys *k, const struct chunks *all)
{
    struct span s = { 0 };
    if (!k->is_text)
        each_row(k, all, widen, &s);
    const uint64_t range = (uint64_t)s.hi - (uint64_t)s.lo + 1;
    k->is_dense = !k->is_text && s.any && range != 0 &&
                  range / DENSE_SPREAD <= all->rows + DENSE_SLACK;
    if (k->is_dense) {
        k->base = s.lo;
        k->range = range;
        k->numbers = malloc(range * sizeof *k->numbers);
        for (uint64_t i = 0; k->numbers && i < range; i++)
            k->numbers[i] = UNKNOWN;
        return k->numbers != NULL;
    }
    uint64_t n = 64;
    while (n < 2 * all->rows)
        n *= 2;
    k->mask = n - 1;
    k->slots = calloc(n, sizeof *k->slots);
    return k->slots != NULL;
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
             make_table(k, &all);
    }
    if (ok)
        each_row(k, &all, insert, (void *)(uintptr_t)gate);
    drop_chunks(&all);
    if (ok)
        return k;
    if (k) {
        free(k->numbers);
        free(k->slots);
    }
    free(k);
    return NULL;
}
