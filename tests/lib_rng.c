#include "tests/lib_rng.h"

#include <stdlib.h>

static void set(void *state, unsigned long seed)
{
    *(uint64_t *)state = seed;
}

static unsigned long get(void *state)
{
    uint64_t z = (*(uint64_t *)state += 0x9e3779b97f4a7c15);
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
    z = (z ^ z >> 27) * 0x94d049bb133111eb;
    return z ^ z >> 31;
}

static double get_double(void *state)
{
    return (double)(get(state) >> 11) * 0x1p-53;
}

static const gsl_rng_type type = {
    .name = "seeded",
    .max = UINT64_MAX,
    .min = 0,
    .size = sizeof(uint64_t),
    .set = set,
    .get = get,
    .get_double = get_double,
};
const gsl_rng_type *const test_rng_type = &type;

gsl_rng *test_rng_new(unsigned long seed)
{
    gsl_rng *rng = gsl_rng_alloc(&type);
    if (!rng)
        abort();
    gsl_rng_set(rng, seed);
    return rng;
}

struct script {
    const uint64_t *words;
    size_t n, drawn;
};

static unsigned long next_word(void *state)
{
    struct script *s = state;
    if (s->drawn == s->n)
        abort();
    return s->words[s->drawn++];
}

static void ignore_seed(void *state, unsigned long seed)
{
    (void)state;
    (void)seed;
}

gsl_rng *test_rng_scripted(const uint64_t *words, size_t n)
{
    static const gsl_rng_type scripted = {
        .name = "scripted",
        .max = UINT64_MAX,
        .min = 0,
        .size = sizeof(struct script),
        .set = ignore_seed,
        .get = next_word,
    };
    gsl_rng *rng = gsl_rng_alloc(&scripted);
    if (!rng)
        abort();
    *(struct script *)rng->state = (struct script){ words, n, 0 };
    return rng;
}

size_t test_rng_drawn(const gsl_rng *scripted)
{
    return ((const struct script *)scripted->state)->drawn;
}
