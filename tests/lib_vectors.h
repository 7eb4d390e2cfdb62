#ifndef TESTS_LIB_VECTORS_H
#define TESTS_LIB_VECTORS_H

#include <stdbool.h>
#include <stddef.h>

/*
 * Reference values kept beside the repository (../shared/vectors), one CSV
 * file each, header row first.  A checkout without them skips those tests.
 */
enum { VECTOR_FIELDS = 12 };

/* One data row, split at commas; empty fields are "". */
typedef void vector_row_fn(char *const field[VECTOR_FIELDS]);

/* Calls `row` for each data row; false (and a line on stdout) when the file is
 * absent. */
bool vectors_each(const char *file, vector_row_fn *row);

#endif
