#include "dp/rng.h"

#include <assert.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/mman.h>

#include <openssl/crypto.h>
#include <openssl/rand.h>

#include "dp/init.h"

/*
 * A page: the DRBG's cost per call is spread over its words.  A child made by
 * fork or clone finds it zero, that is empty, and it is in no core dump.
 */
enum { PAGE = 4096, BLOCK_WORDS = PAGE / 8 - 1 };

struct block {
    uint64_t left;
    uint64_t word[BLOCK_WORDS]; /* word[0..left) are fresh, the rest erased */
};
_Static_assert(sizeof(struct block) == PAGE, "a block is a page");

static _Thread_local struct block *block;
static pthread_key_t thread_end;

static void drop_block(void *b)
{
    OPENSSL_cleanse(b, PAGE);
    (void)munmap(b, PAGE);
}

static void watch_threads(void)
{
    if (pthread_key_create(&thread_end, drop_block) != 0)
        abort();
}

static void map_block(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, watch_threads);
    void *page = mmap(NULL, PAGE, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (page == MAP_FAILED || madvise(page, PAGE, MADV_WIPEONFORK) != 0 ||
        madvise(page, PAGE, MADV_DONTDUMP) != 0 ||
        pthread_setspecific(thread_end, page) != 0)
        abort();
    block = page;
}

/* n < 2^27, for OpenSSL counts bytes in an int. */
static void generate(uint64_t *word, size_t n)
{
    if (RAND_priv_bytes((unsigned char *)word, (int)(n * sizeof *word)) != 1)
        abort();
}

static void refill(void)
{
    if (!block)
        map_block();
    generate(block->word, BLOCK_WORDS);
    block->left = BLOCK_WORDS;
}

static void system_set(void *state, unsigned long seed)
{
    (void)state;
    (void)seed;
}

static unsigned long system_get(void *state)
{
    (void)state;
    if (!block || block->left == 0)
        refill();
    const uint64_t word = block->word[--block->left];
    block->word[block->left] = 0;
    return word;
}

static double system_get_double(void *state)
{
    return (double)(system_get(state) >> 11) * 0x1p-53;
}

static const gsl_rng_type system_type = {
    .name = "openssl",
    .max = UINT64_MAX,
    .min = 0,
    .size = 1, /* stateless; malloc(0) may be NULL */
    .set = system_set,
    .get = system_get,
    .get_double = system_get_double,
};

gsl_rng *dp_rng_system(void)
{
    dp_init();
    gsl_rng *rng = gsl_rng_alloc(&system_type);
    if (!rng)
        abort();
    return rng;
}

uint64_t dp_rng_word(gsl_rng *rng)
{
    assert(rng->type->min == 0 && rng->type->max == UINT64_MAX);
    return rng->type->get(rng->state);
}

/* Long runs come straight from the generator, never through the block. */
void dp_rng_words(gsl_rng *rng, uint64_t *out, size_t n)
{
    enum { MOST = 1 << 16 };
    if (rng->type == &system_type && n >= BLOCK_WORDS / 4) {
        for (size_t batch; n > 0; out += batch, n -= batch) {
            batch = n < MOST ? n : MOST;
            generate(out, batch);
        }
        return;
    }
    for (size_t i = 0; i < n; i++)
        out[i] = dp_rng_word(rng);
}

/*
 * The high word of word * bound.  Each result has floor or ceil of 2^64 / bound
 * preimages; dropping those whose low word is below 2^64 mod bound leaves
 * exactly the floor for each (Lemire 2019, arXiv:1805.10941).
 */
uint64_t dp_rng_below(gsl_rng *rng, uint64_t bound)
{
    assert(bound > 0);
    dp_uint product = (dp_uint)dp_rng_word(rng) * bound;
    if ((uint64_t)product < bound) {
        const uint64_t skip = -bound % bound;
        while ((uint64_t)product < skip)
            product = (dp_uint)dp_rng_word(rng) * bound;
    }
    return (uint64_t)(product >> 64);
}

dp_uint dp_rng_below_wide(gsl_rng *rng, dp_uint bound)
{
    assert(bound > 0 && bound >> 127 == 0);
    if (bound >> 64 == 0)
        return dp_rng_below(rng, (uint64_t)bound);

    /* Keep just enough bits: each round succeeds with probability > 1/2. */
    const int spare = __builtin_clzll((uint64_t)((bound - 1) >> 64 | 1));
    dp_uint v;
    do {
        v = (dp_uint)(dp_rng_word(rng) >> spare) << 64 | dp_rng_word(rng);
    } while (v >= bound);
    return v;
}
