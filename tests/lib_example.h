#ifndef TESTS_LIB_EXAMPLE_H
#define TESTS_LIB_EXAMPLE_H

/* The first ```yaml block of a page in docs/; the caller's to free.  Aborts
 * when there is none.  Tests run from the root of the tree. */
char *example_of(const char *path);

#endif
