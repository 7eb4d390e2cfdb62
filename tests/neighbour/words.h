#ifndef NEIGHBOUR_WORDS_H
#define NEIGHBOUR_WORDS_H

#include <stddef.h>

/*
 * SQL as words, to cut questions up: names (with their dots) and numbers, texts
 * in quotes, single signs; blanks go with the word before them.
 */
enum { WORDS_MAX = 4096 };

/* start[0..n) are the words of `sql`, start[n] its end; returns n. */
size_t words_cut(const char **start, const char *sql);

/* Letters of a word, its blanks left out. */
size_t words_len(const char *const *start, size_t i);

/* Past the bracket that closes the one at `from`; from + 1 where none opens. */
size_t words_closing(const char *const *start, size_t n, size_t from);

#endif
