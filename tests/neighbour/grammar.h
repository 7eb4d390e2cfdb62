#ifndef NEIGHBOUR_GRAMMAR_H
#define NEIGHBOUR_GRAMMAR_H

#include "server/base/writer.h"
#include "tests/neighbour/draw.h"

/*
 * Writes one random question about the harness's shop (shop.h), from the SQL
 * that the planner accepts.  The grammar is a table of productions,
 * grammar.def, which says how a row is written: what the planner learns to
 * accept is one row more.  The same state of `d` writes the same text.
 */
enum { GRAMMAR_USED_MAX = 512 };

/* The productions a question is made of, as indices. */
struct grammar_used {
    uint16_t at[GRAMMAR_USED_MAX];
    size_t n;
};

/* `used` may be NULL.  *w overflows when there is no room. */
void grammar_query(struct writer *w, struct draw *d, struct grammar_used *used);

/* Every production, 0 <= i < grammar_size(), and what it stands for. */
size_t grammar_size(void);
const char *grammar_feature(size_t i);

#endif
