#ifndef PLAN_REACH_H
#define PLAN_REACH_H

#include "server/plan/typed.h"

/*
 * How much of a statement the engine's planner goes through.  It pushes filters
 * into sub-queries and puts in place of each column what the column stands for,
 * so SELECT n * n AS n, ten times around itself, is a filter of a thousand n;
 * and below each stage that groups, numbers or limits rows it does so twice.
 * The size of what comes of that depends on the question alone, and is counted
 * here in bytes of text: the bytes of a text, and those behind the names in it.
 *
 *   reach = (bytes + sum of what stands behind each name) * 2^passes
 *
 * Every column counts, not those in filters alone.  Sums saturate.
 */
static inline uint64_t reach_add(uint64_t a, uint64_t b)
{
    uint64_t sum;
    return __builtin_add_overflow(a, b, &sum) ? UINT64_MAX / 4 : sum;
}

/* Of all that was written. */
static inline uint64_t reach_of(const struct writer *w)
{
    return reach_add(w->need, w->behind);
}

/* Of a checked expression as the engine reads it. */
uint64_t reach_expr(const struct typed *e);

#endif
