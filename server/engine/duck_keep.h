#ifndef ENGINE_DUCK_KEEP_H
#define ENGINE_DUCK_KEEP_H

#include "server/engine/duck_heap.h"
#include "server/engine/duck_order.h"

/*
 * Bounding inside DuckDB, in one pass over the rows: an aggregate that, grouped
 * by person, keeps the L0 groups that stand first (plan/keep.h) and adds up
 * what the person has in each.
 *
 *   halftone_keep_P_L0_SUMS(person, code UBIGINT, x0 BIGINT, ...)
 *     -> LIST(STRUCT(code UBIGINT, a0 HUGEINT, ...))
 *
 * P is the person's type, i (BIGINT) or t (VARCHAR); `code` is that of the
 * group.  A NULL x adds nothing; a row without a person or a code takes no
 * part.
 *
 * Why one pass is enough: the L0 first places so far only ever fall, so a group
 * that ends among them was let in when its first row came and never put out,
 * and its sums are whole.  Two partial states unite the same way.
 *
 * A window over (person, group) pairs does the same in SQL, more slowly:
 * benchmarks/bench_bounding.
 *
 * Registers the functions of duck_order.h and duck_bound.h too, in the same
 * way; the heap is the latter's.  ERR_INTERNAL names the function that DuckDB
 * refused.
 */
enum err_code duck_keep_register(struct duck *d,
                                 const struct duck_keep_key *key,
                                 struct duck_heap *heap,
                                 struct err *err) MUST_CHECK;

#endif
