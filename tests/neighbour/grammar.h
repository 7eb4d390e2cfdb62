#ifndef NEIGHBOUR_GRAMMAR_H
#define NEIGHBOUR_GRAMMAR_H

#include "server/base/writer.h"
#include "tests/neighbour/draw.h"

/*
 * Writes one random question about the harness's shop (people.h), from the SQL
 * that the planner accepts and a little beyond: joins, sub-queries of a person,
 * windows, grouping sets, filters, several aggregates, HAVING, ORDER BY.  The
 * same state of `d` writes the same text.
 */
void grammar_query(struct writer *w, struct draw *d);

#endif
