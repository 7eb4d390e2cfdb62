#ifndef ENGINE_DUCK_KEEP_H
#define ENGINE_DUCK_KEEP_H

#include "server/engine/duck_order.h"

/*
 * Bounding inside DuckDB, in one pass over the rows: an aggregate that, grouped
 * by person, keeps the L0 groups whose keyed hash is least and adds up what the
 * person has in each.
 *
 *   halftone_keep_PG_L0_SUMS(person, group VARCHAR, code UBIGINT, x0 BIGINT,
 * ...)
 *     -> LIST(STRUCT(code UBIGINT, a0 HUGEINT, ...))
 *
 * P is the person's type, i (BIGINT) or t (VARCHAR); G is t when the group is
 * one text key and s when it is spelled as keep.h says.  Person and group are
 * hashed into the order; `code` names the group within one statement.  A NULL x
 * adds nothing, a NULL group is spelled n, and a row without a person or a code
 * takes no part.
 *
 * Why one pass is enough: the L0 least hashes so far only ever fall, so a group
 * that ends among them was let in when its first row came and never put out,
 * and its sums are whole.  Two partial states unite the same way.
 *
 * A window over (person, group) pairs does the same in SQL and costs 2.4 times
 * the plain count(DISTINCT person); this costs 0.9 times.
 *
 * Registers the functions of duck_order.h too, in the same way.  ERR_INTERNAL
 * names the function that DuckDB refused.
 */
enum err_code duck_keep_register(struct duck *d,
                                 const struct duck_keep_key *key,
                                 struct err *err) MUST_CHECK;

#endif
