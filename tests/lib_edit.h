#ifndef TESTS_LIB_EDIT_H
#define TESTS_LIB_EDIT_H

#include <stddef.h>

/*
 * A right file with one thing changed, for tables of wrong files: the first
 * `find` in `base` becomes `put`.  Aborts when there is none, so that a row
 * cannot rot.  The result is the caller's to free.
 */
char *edit_text(const char *base, const char *find, const char *put);

#endif
