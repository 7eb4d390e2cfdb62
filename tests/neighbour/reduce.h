#ifndef NEIGHBOUR_REDUCE_H
#define NEIGHBOUR_REDUCE_H

#include "tests/neighbour/pair.h"

/*
 * Makes a failure small: words of the question are left out, then people, rows,
 * and columns (NULL everywhere), then words again, as long as the same rule is
 * broken.  Leaves the rows that are left in p->shop and the question in `sql`.
 * Ends after REDUCE_TRIES or REDUCE_SECONDS at the latest.
 */
enum { REDUCE_TRIES = 3000, REDUCE_SECONDS = 60 };
void reduce(struct pair *p, char *sql, const char *wrong);

/* The question, the tables as VALUES, and how to ask again. */
void reduce_print(const struct pair *p, const char *sql, const char *wrong);

/* Tells of a failure: as it was, then reduced; p's rows are changed. */
void reduce_complain(struct pair *p, const char *sql, const char *wrong);

/* Rows that are left. */
size_t reduce_rows(const struct pair *p);

#endif
