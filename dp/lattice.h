#ifndef DP_LATTICE_H
#define DP_LATTICE_H

#include <stddef.h>

#include "dp/status.h"
#include "dp/weight.h"

/*
 * Many exact samples of one law, mostly at one random word each.
 *
 * The integers are cut into blocks of 2^k, about a fortieth of the scale wide,
 * and a staircase is laid over the law: a hat whose heights are whole numbers
 * of a table unit.  In each block all up to the law's least height is sure: a
 * point there needs no test.  What rises above it is a strip where a coin of
 * exact probability decides (dp/weight.h).  Beyond the blocks the steps go on
 * for ever, each half as high as the one before it.
 *
 *      hat  ___ <- strip: the coin decides
 *          |. '-.___
 *          |     |. '-.___
 *          | sure|     |. '-.______________
 *          |     | sure|     | tail, halved |_____________
 *      ----0-----w-----2w----Bw-------------Bw+W----------
 *
 * As masses are integers that add up to a power of two, an alias table picks a
 * strip from 26 bits of a word, exactly; the other 38 give the place in it.
 * Heights only need bounds of the law; what the rounding to table units leaves
 * over is in the strips, where the coin is exact.  Nothing is approximate.
 *
 * Source: von Neumann 1951 (rejection), Walker 1974 and Vose 1991 (alias
 * tables).  Proof: dp/lattice.md.
 */
enum {
    DP_LATTICE_BLOCKS = 255,  /* at most, on either side of 0 */
    DP_LATTICE_COLUMNS = 1024 /* two strips a block, the tail, and nothing */
};

struct dp_lattice {
    struct dp_mechanism grid;     /* the law on the lattice's own grid, ... */
    unsigned finer;               /* ... 2^finer of whose steps are one step */
    unsigned width_log, tail_log; /* width of a block and of a tail step: 2^k */
    int blocks;                   /* on either side; block b starts at b 2^k */
    uint32_t unit;                /* f(0) in table units */
    uint32_t tail;                /* height of the first tail step */
    uint32_t sure[2 * DP_LATTICE_BLOCKS];   /* by block + blocks */
    uint32_t spread[2 * DP_LATTICE_BLOCKS]; /* what may rise above it */
    struct dp_column {
        uint16_t keep;  /* of 2^16: this column's own strip, else ... */
        uint16_t other; /* ... that one */
    } column[DP_LATTICE_COLUMNS];
};

/* Strips by number: sure parts from 0, the coin's from 2 blocks, then these. */
static inline unsigned dp_lattice_tail_id(const struct dp_lattice *l)
{
    return 4 * (unsigned)l->blocks;
}

/*
 * The table of a law: some microseconds, no allocation; a function of m alone.
 * DP_EDOM unless dp_mechanism_ok(m).
 */
enum dp_status dp_lattice_init(struct dp_lattice *l,
                               const struct dp_mechanism *m) DP_MUST_CHECK;

/* n independent samples of the law. */
void dp_lattice_draw(const struct dp_lattice *l, gsl_rng *rng, int64_t *out,
                     size_t n);

/* One sample without a table: a hat that is all tail.  Requires
 * dp_mechanism_ok(m). */
int64_t dp_lattice_draw_one(const struct dp_mechanism *m, gsl_rng *rng);

#endif
