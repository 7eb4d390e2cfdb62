#ifndef ENGINE_GATE_H
#define ENGINE_GATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "server/policy/policy.h"

/*
 * Who counts, as an engine asks it of whoever keeps people's consent.
 *
 *   key of a row --number--> number of a person --view--> counts, or not
 *
 * A number is given once and stays as long as the gate does; a view is one
 * state of all people for one purpose and never changes.  So an engine maps its
 * keys once, and what a person decides shows in the next view that is pinned.
 *
 * Any thread.  The gate outlives the engine.
 */
enum { GATE_NOBODY = UINT32_MAX };

struct gate_view {
    const uint64_t *bits; /* of person i: bit i % 64 of word i / 64 */
    uint32_t n;           /* whoever has a higher number: as a bit of 0 */
    bool inverts;         /* counts unless the bit is set */
    void *of;             /* the gate's own */
};

struct gate {
    void *ctx;
    /* The number of the person whose key is these bytes; GATE_NOBODY for one
     * never seen, unless `adds`, and where there is no memory. */
    uint32_t (*number)(void *ctx, const char *key, size_t len, bool adds);
    /* The newest view of a purpose; given back by unpin.  NULL: of who was
     * erased, and whose rows are to go. */
    void (*pin)(void *ctx, struct gate_view *out,
                const struct policy_purpose *purpose);
    void (*unpin)(void *ctx, const struct gate_view *view);
};

/* One view, twice. */
static inline bool gate_is_same(const struct gate_view *a,
                                const struct gate_view *b)
{
    return a->of == b->of && a->bits == b->bits && a->inverts == b->inverts;
}

/* Word i of a view, none past its end. */
static inline uint64_t gate_word(const struct gate_view *v, uint32_t i)
{
    return i < v->n / 64 ? v->bits[i] : 0;
}

/* People for whom two views of one purpose differ; views hold whole words. */
static inline void gate_each_changed(const struct gate_view *a,
                                     const struct gate_view *b,
                                     void (*visit)(void *ctx, uint32_t number),
                                     void *ctx)
{
    const uint32_t n = a->n > b->n ? a->n : b->n;
    for (uint32_t i = 0; i < n / 64; i++) {
        uint64_t differ = gate_word(a, i) ^ gate_word(b, i);
        for (; differ; differ &= differ - 1)
            visit(ctx, i * 64 + (uint32_t)__builtin_ctzll(differ));
    }
}

static inline bool gate_counts(const struct gate_view *v, uint32_t number)
{
    const bool bit =
        number < v->n && (v->bits[number / 64] >> (number % 64) & 1);
    return bit != v->inverts;
}

#endif
