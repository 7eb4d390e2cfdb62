#ifndef NEIGHBOUR_MUTATE_H
#define NEIGHBOUR_MUTATE_H

#include "server/base/writer.h"
#include "tests/neighbour/draw.h"

/*
 * Questions bent out of shape, to find what is accepted and should not be:
 * other tables, columns and aliases, the key's correlation left out or turned,
 * other joins and set operations, aggregates moved, brackets from another
 * question.
 *
 *   mutate(w, d, sql, other)
 *
 * writes `sql` after one to three such changes; `other` is a question that
 * parts may come from.
 */
void mutate(struct writer *w, struct draw *d, const char *sql,
            const char *other);

#endif
