#ifndef TESTS_LIB_RELATION_H
#define TESTS_LIB_RELATION_H

#include <stdbool.h>

/*
 * Random relations of people, as an analyst would write them, over the shop of
 * lib_plan.h: joins, semi-joins, sub-queries with groups, windows, DISTINCT,
 * LIMIT, set operations and WITH, nested.  Each has the columns
 *
 *   who   the privacy key        n   BIGINT
 *   c     VARCHAR                d   DOUBLE, multiples of a quarter
 */
struct relation_gen {
    unsigned seed;
    bool plain; /* only what PostgreSQL and DuckDB mean by themselves: every
                   order is total and there is no LIMIT */
    char with[16384]; /* "WITH q AS (...) ", or "" */
};

/* A relation of at most `depth` levels, to stand in FROM; for free(). */
char *relation_gen(struct relation_gen *g, unsigned depth);

unsigned relation_draw(struct relation_gen *g, unsigned below);

#endif
