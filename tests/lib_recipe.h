#ifndef TESTS_LIB_RECIPE_H
#define TESTS_LIB_RECIPE_H

#include "server/query/request.h"

/*
 * A question on a page of docs/recipes, as its reader would ask it: an ```sql
 * block, and the flags of `halftone query` in the line behind it that begins
 * "Ask with `".
 *
 *   Ask with `--rho 0.004 --max-rows 2`: ...
 *
 * Flags read: --rho, --max-groups, --max-rows.  Without the line: as usual.
 */
struct recipe {
    char *sql; /* of recipe_free() */
    char asks[96];
    struct request req; /* purpose and what the flags say */
};

/* The last block before `mark` on the page, which must hold it; NULL: the
 * first.  Anything that is not as above fails the test. */
void recipe_read(struct recipe *out, const char *page, const char *mark);
void recipe_free(struct recipe *r);

#endif
