#include "dp/lattice.h"

#include <assert.h>

#include <openssl/crypto.h>

#include "dp/expo.h"
#include "dp/rng.h"

/* A word, from the top: column, share of the column, place in the block. */
enum { COLUMN_BITS = 10, SHARE_BITS = 16, PLACE_BITS = 38 };
_Static_assert(1 << COLUMN_BITS == DP_LATTICE_COLUMNS, "columns of a word");

/* Mass of a column, and of the table. */
#define COLUMN_MASS (UINT32_C(1) << SHARE_BITS)
#define TABLE_MASS  (COLUMN_MASS << COLUMN_BITS)

/* How many scales the blocks reach from 0: farther for the heavier tail. */
static unsigned reach_of(enum dp_law law)
{
    return law == DP_DLAPLACE ? 6 : 5;
}

/* Least k with 2^k den >= num. */
static unsigned log_up(dp_uint num, dp_uint den)
{
    unsigned k = 0;
    while (den << k < num)
        k++;
    return k;
}

/*
 * The grid on which m is sampled, and how many times (2^k) finer it is than m's
 * own.  Integer laws keep theirs.  A rounded Gaussian is floor(sigma Z + 1/2) =
 * floor((floor(2^k sigma Z) + 2^(k-1)) / 2^k) for k >= 1: floors on a finer
 * grid, so fine that the density is nearly flat within a cell.
 */
static unsigned grid_of(struct dp_mechanism *grid, const struct dp_mechanism *m)
{
    enum { SCALE_MIN = 16 };
    *grid = *m;
    if (m->law != DP_RGAUSS)
        return 0;
    const unsigned k = log_up((dp_uint)SCALE_MIN * m->den, m->num);
    grid->num = m->num << (k > 0 ? k : 1);
    return k > 0 ? k : 1;
}

static int64_t coarse(int64_t x, unsigned k)
{
    return (x + ((INT64_C(1) << k) >> 1)) >> k;
}

/* W of the tail: at least 5/4 of the scale, so that the law falls to half, or
 * below, from any distance to W farther out. */
static unsigned tail_log_of(const struct dp_mechanism *m)
{
    return log_up((dp_uint)5 * m->num, (dp_uint)4 * m->den);
}

/*
 * Distances from 0, in blocks, between which block b lies: on the right of 0
 * b 2^k .. (b+1) 2^k - 1, on the left -(b+1) 2^k .. -b 2^k - 1.  A block of one
 * number, not cell, lies at one distance.
 */
static int near_edge(const struct dp_lattice *l, bool left, int b)
{
    const bool one = l->width_log == 0 && l->grid.law != DP_RGAUSS;
    return one && left ? b + 1 : b;
}

static int far_edge(const struct dp_lattice *l, bool left, int b)
{
    const bool one = l->width_log == 0 && l->grid.law != DP_RGAUSS;
    return one && !left ? b : b + 1;
}

static int index_of(const struct dp_lattice *l, bool left, int b)
{
    return l->blocks + (left ? -1 - b : b);
}

/* Mass of the tail when its first step is `height`: both sides, twice each. */
static uint64_t tail_mass(const struct dp_lattice *l, uint32_t height)
{
    return (uint64_t)height << (2 + l->tail_log - l->width_log);
}

/*
 * Heights of the hat, in table units of which f(0) is `unit`: the most for
 * which all, rounded up, cannot pass the table's mass.
 */
static void lay_hat(struct dp_lattice *l)
{
    struct dp_weight edge[DP_LATTICE_BLOCKS + 1] = { { 0, 0 } };
    for (int i = 0; i <= l->blocks; i++)
        edge[i] = dp_weight_at(&l->grid, (uint64_t)i << l->width_log);

    const uint64_t last = edge[l->blocks].hi;
    dp_uint sum = (dp_uint)last << (2 + l->tail_log - l->width_log);
    for (int b = 0; b < l->blocks; b++)
        sum += (dp_uint)edge[near_edge(l, false, b)].hi +
               edge[near_edge(l, true, b)].hi;
    const uint64_t roundings = 2 * (uint64_t)l->blocks + tail_mass(l, 1);
    l->unit = (uint32_t)((dp_uint)(TABLE_MASS - roundings) * DP_EXPO_ONE / sum);

    const dp_uint unit = l->unit, up = DP_EXPO_ONE - 1;
    l->tail = (uint32_t)((unit * last + up) / DP_EXPO_ONE);
    for (int b = 0; b < l->blocks; b++)
        for (int left = 0; left <= 1; left++) {
            const uint64_t top = edge[near_edge(l, left, b)].hi,
                           bottom = edge[far_edge(l, left, b)].lo;
            const int i = index_of(l, left, b);
            l->sure[i] = (uint32_t)(unit * bottom / DP_EXPO_ONE);
            l->spread[i] =
                (uint32_t)((unit * top + up) / DP_EXPO_ONE) - l->sure[i];
        }
}

/*
 * Vose's construction in integers.  Each turn fills one column from one strip
 * that has too little for it and one that has enough.  Invariant: the masses
 * that are left make the columns that are left exactly full; so while a strip
 * has too little, another has more than enough.
 */
static void fill_columns(struct dp_column *column, uint32_t *mass)
{
    uint16_t small[DP_LATTICE_COLUMNS], large[DP_LATTICE_COLUMNS];
    unsigned n_small = 0, n_large = 0;
    for (uint16_t i = 0; i < DP_LATTICE_COLUMNS; i++)
        if (mass[i] < COLUMN_MASS)
            small[n_small++] = i;
        else
            large[n_large++] = i;

    while (n_small > 0) {
        assert(n_large > 0);
        const uint16_t s = small[--n_small], rich = large[n_large - 1];
        column[s] = (struct dp_column){ (uint16_t)mass[s], rich };
        mass[rich] -= COLUMN_MASS - mass[s];
        if (mass[rich] < COLUMN_MASS) {
            n_large--;
            small[n_small++] = rich;
        }
    }
    for (unsigned i = 0; i < n_large; i++) {
        assert(mass[large[i]] == COLUMN_MASS);
        column[large[i]] = (struct dp_column){ 0, large[i] };
    }
}

enum dp_status dp_lattice_init(struct dp_lattice *l,
                               const struct dp_mechanism *m)
{
    if (!dp_mechanism_ok(m))
        return DP_EDOM;
    l->finer = grid_of(&l->grid, m);
    const struct dp_mechanism *g = &l->grid;
    const dp_uint reach = (dp_uint)reach_of(g->law) * g->num;
    l->width_log = log_up(reach, (dp_uint)DP_LATTICE_BLOCKS * g->den);
    l->tail_log = tail_log_of(g);
    const dp_uint width = (dp_uint)g->den << l->width_log;
    l->blocks = (int)((reach + width - 1) / width);
    lay_hat(l);

    /* What is left over is drawn again. */
    const unsigned sides = 2 * (unsigned)l->blocks,
                   tail = dp_lattice_tail_id(l);
    uint32_t mass[DP_LATTICE_COLUMNS] = { 0 }, left = TABLE_MASS;
    for (unsigned i = 0; i < sides; i++) {
        mass[i] = l->sure[i];
        mass[sides + i] = l->spread[i];
        left -= l->sure[i] + l->spread[i];
    }
    mass[tail] = (uint32_t)tail_mass(l, l->tail);
    mass[tail + 1] = left - mass[tail];
    fill_columns(l->column, mass);
    return DP_OK;
}

/*
 * A point under the tail's steps: side, step, place, and the coin.  The tail
 * starts at `from` on the right, at -1 - from on the left.
 */
static bool try_tail(const struct dp_mechanism *m, uint64_t from,
                     unsigned tail_log, struct dp_strip strip, gsl_rng *rng,
                     int64_t *x)
{
    uint64_t word = dp_rng_word(rng);
    while (word == 0) {
        strip.level += 64;
        assert(strip.level < 1 << 20);
        word = dp_rng_word(rng);
    }
    strip.level += (unsigned)__builtin_ctzll(word);

    word = dp_rng_word(rng);
    const uint64_t place = word & ((UINT64_C(1) << tail_log) - 1);
    const int64_t magnitude =
        (int64_t)(from + ((uint64_t)strip.level << tail_log) + place);
    *x = word >> 63 ? -1 - magnitude : magnitude;
    return dp_weight_accepts(m, rng, *x, &strip);
}

static int64_t place_of(const struct dp_lattice *l, unsigned i, uint64_t place)
{
    const int64_t width = INT64_C(1) << l->width_log;
    return ((int64_t)i - l->blocks) * width + (int64_t)place;
}

/* What is not sure: strips under the coin, the tail, and nothing. */
static __attribute__((noinline)) bool try_strip(const struct dp_lattice *l,
                                                unsigned id, uint64_t place,
                                                gsl_rng *rng, int64_t *x)
{
    const unsigned sides = 2 * (unsigned)l->blocks;
    if (id < 2 * sides) {
        const unsigned i = id - sides;
        const struct dp_strip strip = { .unit = l->unit,
                                        .sure = l->sure[i],
                                        .spread = l->spread[i] };
        *x = place_of(l, i, place);
        return dp_weight_accepts(&l->grid, rng, *x, &strip);
    }
    if (id == dp_lattice_tail_id(l))
        return try_tail(
            &l->grid, (uint64_t)l->blocks << l->width_log, l->tail_log,
            (struct dp_strip){ .unit = l->unit, .spread = l->tail }, rng, x);
    return false;
}

void dp_lattice_draw(const struct dp_lattice *l, gsl_rng *rng, int64_t *out,
                     size_t n)
{
    enum { WORDS = 1024 }; /* 8 KiB: the DRBG costs half of what 4 would */
    uint64_t word[WORDS];
    const unsigned sides = 2 * (unsigned)l->blocks;
    const uint64_t places = (UINT64_C(1) << l->width_log) - 1;

    size_t done = 0;
    while (done < n) {
        const size_t batch = n - done < WORDS ? n - done : WORDS;
        dp_rng_words(rng, word, batch);
        for (size_t i = 0; i < batch; i++) {
            const uint64_t w = word[i], place = w & places;
            const unsigned c = (unsigned)(w >> (64 - COLUMN_BITS));
            const uint16_t share = (uint16_t)(w >> PLACE_BITS);
            const unsigned id =
                share < l->column[c].keep ? c : l->column[c].other;
            int64_t x = place_of(l, id, place);
            if (id < sides || try_strip(l, id, place, rng, &x))
                out[done++] = coarse(x, l->finer);
        }
    }
    OPENSSL_cleanse(word, sizeof word);
}

int64_t dp_lattice_draw_one(const struct dp_mechanism *m, gsl_rng *rng)
{
    struct dp_mechanism grid;
    const unsigned finer = grid_of(&grid, m);
    int64_t x;
    while (!try_tail(&grid, 0, tail_log_of(&grid),
                     (struct dp_strip){ .unit = 1, .spread = 1 }, rng, &x))
        continue;
    return coarse(x, finer);
}
