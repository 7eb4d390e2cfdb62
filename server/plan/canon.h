#ifndef PLAN_CANON_H
#define PLAN_CANON_H

#include "server/plan/draft.h"

/*
 * One order of group keys and of aggregates, however a question was written:
 * GROUP BY a, b with COUNT(*), SUM(x) is the release that GROUP BY b, a with
 * SUM(x), COUNT(*) is, so it is bounded alike, priced alike and found in the
 * store.  What was written decides only in which order rows and columns are
 * shown, after the noise.
 *
 *   as written:  GROUP BY b, a     SELECT SUM(x), b, COUNT(*)
 *   the plan:    keys a, b         measures COUNT(*), SUM(x)
 *   key_order:   1, 0              aggs[0] is SUM(x), aggs[1] COUNT(*)
 *
 * Aggregates keep their index; only the measures made of them are sorted.
 */

/*
 * The keys of d->block, typed, and of its tree are put in order, and
 * plan->key_order says where each went.  Keys of GROUPING SETS, which are named
 * by their place, stay.  ERR_LIMIT: the arena is full.
 */
enum err_code canon_keys(struct draft *d, struct err *err) MUST_CHECK;

/* (*order)[place] is the index in d->aggs, d->n_aggs of them. */
enum err_code canon_aggs(size_t **order, struct draft *d,
                         struct err *err) MUST_CHECK;

/* The bytes of an expression, by which they are ordered. */
struct canon_bytes {
    const uint8_t *data;
    size_t len;
};
enum err_code canon_bytes_of(struct canon_bytes *out, struct draft *d,
                             const struct typed *e, struct err *err) MUST_CHECK;
bool canon_is_after(const struct canon_bytes *a, const struct canon_bytes *b);

#endif
