#ifndef QUERY_SUGGEST_H
#define QUERY_SUGGEST_H

#include <stddef.h>

/*
 * "Did you mean ...?": edits (insert, delete, replace, swap of neighbours; the
 * optimal string alignment distance) between two words of at most
 * SUGGEST_LEN_MAX bytes; longer ones are infinitely far.
 */
enum { SUGGEST_LEN_MAX = 40, SUGGEST_FAR = 1000 };

unsigned suggest_distance(const char *a, const char *b);

/* The nearest of n words when it is near enough to be meant, else NULL. */
const char *suggest(const char *word, const char *const *words, size_t n);

#endif
