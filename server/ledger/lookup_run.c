#include "server/ledger/lookup_run.h"

#include <assert.h>
#include <endian.h>
#include <stdlib.h>
#include <string.h>

enum {
    BITS_A_PAIR = 16,
    BLOCK_BITS = 512, /* a cache line */
    BLOCK_WORDS = BLOCK_BITS / 64,
    BIT_BITS = 9, /* to name one of a block's bits */
    PROBES = 6
};

size_t lookup_page_print(uint8_t out[LOOKUP_PAGE_LEN],
                         const struct lookup_pair *pairs, size_t n)
{
    assert(n <= LOOKUP_PAGE);
    for (size_t i = 0; i < n; i++) {
        const uint64_t be[2] = { htobe64(pairs[i].print),
                                 htobe64((uint64_t)pairs[i].row) };
        memcpy(out + i * sizeof be, be, sizeof be);
    }
    return n * 16;
}

size_t lookup_page_parse(struct lookup_pair out[LOOKUP_PAGE],
                         const uint8_t *data, size_t len)
{
    uint64_t be[2];
    const size_t n = len / sizeof be;
    if (n > LOOKUP_PAGE || len % sizeof be != 0)
        return 0;
    for (size_t i = 0; i < n; i++) {
        memcpy(be, data + i * sizeof be, sizeof be);
        out[i] =
            (struct lookup_pair){ be64toh(be[0]), (int64_t)be64toh(be[1]) };
        if (i > 0 && !lookup_pair_precedes(&out[i - 1], &out[i]))
            return 0;
    }
    return n;
}

bool lookup_run_init(struct lookup_run *r, uint64_t n)
{
    r->n = n;
    r->pages = 0;
    r->blocks = n * BITS_A_PAIR / BLOCK_BITS + 1;
    r->fences = calloc((size_t)(n / LOOKUP_PAGE) + 1, sizeof *r->fences);
    r->filter = aligned_alloc(BLOCK_BITS / 8, r->blocks * BLOCK_BITS / 8);
    if (r->filter)
        memset(r->filter, 0, r->blocks * BLOCK_BITS / 8);
    return r->fences && r->filter;
}

void lookup_run_fini(struct lookup_run *r)
{
    free(r->fences);
    free(r->filter);
    r->fences = NULL;
    r->filter = NULL;
}

/* Prints are hashes: their upper half names the block, and a product of the
 * whole its bits. */
static uint64_t *block_of(const struct lookup_run *r, uint64_t print)
{
    const uint64_t block = (print >> 32) * r->blocks >> 32;
    return r->filter + block * BLOCK_WORDS;
}

static uint64_t bits_of(uint64_t print)
{
    return (print ^ print >> 32) * UINT64_C(0x9e3779b97f4a7c15);
}

static void filter_add(struct lookup_run *r, uint64_t print)
{
    uint64_t *block = block_of(r, print);
    uint64_t bits = bits_of(print);
    for (int i = 0; i < PROBES; i++, bits >>= BIT_BITS)
        block[bits / 64 % BLOCK_WORDS] |= UINT64_C(1) << bits % 64;
}

void lookup_run_fetch(const struct lookup_run *r, uint64_t print)
{
    __builtin_prefetch(block_of(r, print));
}

bool lookup_run_may_have(const struct lookup_run *r, uint64_t print)
{
    const uint64_t *block = block_of(r, print);
    uint64_t bits = bits_of(print);
    for (int i = 0; i < PROBES; i++, bits >>= BIT_BITS)
        if ((block[bits / 64 % BLOCK_WORDS] >> bits % 64 & 1) == 0)
            return false;
    return true;
}

void lookup_run_note(struct lookup_run *r, const struct lookup_pair *pairs,
                     size_t n)
{
    assert(n > 0 && r->pages <= r->n / LOOKUP_PAGE);
    r->fences[r->pages++] = pairs[0].print;
    for (size_t i = 0; i < n; i++)
        filter_add(r, pairs[i].print);
}

/* Equal prints may have begun at the end of the page before. */
size_t lookup_run_page(const struct lookup_run *r, uint64_t print)
{
    size_t lo = 0, hi = r->pages; /* fences below lo are less than print */
    while (lo < hi) {
        const size_t mid = lo + (hi - lo) / 2;
        if (r->fences[mid] < print)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo > 0 ? lo - 1 : 0;
}
