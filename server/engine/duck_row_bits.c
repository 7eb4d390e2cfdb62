#include "server/engine/duck_row_bits.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "server/engine/duck_keys.h"

enum { IN_WORD = 64, IN_BYTE = 8 };

struct duck_row_bits {
    atomic_uint refs;
    struct duck_rows *rows; /* a reference */
    const struct gate *gate;
    struct gate_view view;
    size_t words;
    uint64_t *bits; /* owned; a word more than there are rows for */
};

struct duck_row_bits *duck_row_bits_keep(struct duck_row_bits *b)
{
    if (b)
        atomic_fetch_add(&b->refs, 1);
    return b;
}

static void forget(struct duck_row_bits *b)
{
    duck_rows_drop(b->rows);
    free(b->bits);
    free(b);
}

void duck_row_bits_drop(struct duck_row_bits *b)
{
    if (!b || atomic_fetch_sub(&b->refs, 1) != 1)
        return;
    b->gate->unpin(b->gate->ctx, &b->view);
    forget(b);
}

const struct gate_view *duck_row_bits_view(const struct duck_row_bits *b)
{
    return &b->view;
}

const struct duck_rows *duck_row_bits_rows(const struct duck_row_bits *b)
{
    return b->rows;
}

bool duck_row_bits_is_of(const struct duck_row_bits *b,
                         const struct duck_rows *rows,
                         const struct gate_view *view)
{
    return b->rows == rows && gate_is_same(&b->view, view);
}

/* ---- making ---- */

static void put(void *ctx, uint32_t number)
{
    struct duck_row_bits *b = ctx;
    const struct duck_rows_hers hers = duck_rows_of(b->rows, number);
    const bool counts = gate_counts(&b->view, number);
    for (size_t i = 0; i < hers.n; i++) {
        uint64_t *word = &b->bits[hers.v[i] / IN_WORD];
        const uint64_t bit = UINT64_C(1) << hers.v[i] % IN_WORD;
        *word = counts ? *word | bit : *word & ~bit;
    }
}

static void put_all(struct duck_row_bits *b)
{
    const uint32_t n = duck_rows_people(b->rows);
    memset(b->bits, 0, b->words * sizeof *b->bits);
    for (uint32_t number = 0; number < n; number++)
        if (gate_counts(&b->view, number))
            put(b, number);
}

struct duck_row_bits *duck_row_bits_of(struct duck_rows *rows,
                                       const struct gate *gate,
                                       const struct gate_view *view,
                                       const struct duck_row_bits *last)
{
    struct duck_row_bits *b = calloc(1, sizeof *b);
    if (!b)
        return NULL;
    atomic_init(&b->refs, 1);
    b->rows = duck_rows_keep(rows);
    b->gate = gate;
    b->view = *view;
    b->words = duck_rows_n(rows) / IN_WORD + 2;
    b->bits = duck_keys_huge(b->words * sizeof *b->bits);
    if (!b->bits) {
        forget(b);
        return NULL;
    }
    if (last && last->rows == rows && last->view.inverts == view->inverts) {
        memcpy(b->bits, last->bits, b->words * sizeof *b->bits);
        gate_each_changed(&b->view, &last->view, put, b);
    } else {
        put_all(b);
    }
    return b;
}

/* ---- rows ---- */

/* Are they rows[0], rows[0] + 1, ... of one file?  Mostly. */
static bool follow(const int64_t *files, const int64_t *rows, idx_t n)
{
    uint64_t differ = 0;
    for (idx_t i = 0; i < n; i++)
        differ |= ((uint64_t)rows[i] - (uint64_t)rows[0]) ^ i;
    for (idx_t i = 0; files && i < n; i++)
        differ |= (uint64_t)files[i] ^ (uint64_t)files[0];
    return differ == 0;
}

/* Each of the eight low bits as a byte, 0 or 1, the lowest first. */
static uint64_t spread(uint64_t bits)
{
    uint64_t x = (bits & 0xff) * UINT64_C(0x0101010101010101);
    x &= UINT64_C(0x8040201008040201); /* byte i keeps bit i */
    return (x + UINT64_C(0x7f7f7f7f7f7f7f7f)) >> 7 &
           UINT64_C(0x0101010101010101);
}

static void copy_bits(uint8_t *out, const uint64_t *bits, uint64_t at, idx_t n)
{
    for (idx_t i = 0; i < n; i += IN_BYTE, at += IN_BYTE) {
        const unsigned shift = (unsigned)(at % IN_WORD);
        uint64_t eight = bits[at / IN_WORD] >> shift;
        if (shift > IN_WORD - IN_BYTE)
            eight |= bits[at / IN_WORD + 1] << (IN_WORD - shift);
        eight = spread(eight);
        memcpy(out + i, &eight, n - i < IN_BYTE ? n - i : IN_BYTE);
    }
}

bool duck_row_bits_count(uint8_t *out, const struct duck_row_bits *b,
                         size_t table, const int64_t *files,
                         const int64_t *rows, idx_t n)
{
    struct duck_rows_file f;
    if (n == 0)
        return true;
    if (follow(files, rows, n)) {
        if (!duck_rows_file_of(&f, b->rows, table, files ? files[0] : 0) ||
            rows[0] < 0 || (uint64_t)rows[0] + n > f.n)
            return false;
        copy_bits(out, b->bits, f.first + (uint64_t)rows[0], n);
        return true;
    }
    if (!files && !duck_rows_file_of(&f, b->rows, table, 0))
        return false;
    for (idx_t i = 0; i < n; i++) {
        if ((files && !duck_rows_file_of(&f, b->rows, table, files[i])) ||
            rows[i] < 0 || (uint64_t)rows[i] >= f.n)
            return false;
        const uint64_t at = f.first + (uint64_t)rows[i];
        out[i] = b->bits[at / IN_WORD] >> at % IN_WORD & 1;
    }
    return true;
}
