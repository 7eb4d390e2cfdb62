#ifndef TESTS_LIB_DOCS_H
#define TESTS_LIB_DOCS_H

#include "server/base/writer.h"

/*
 * Pages of docs/ that are printed from tables.  Between the lines
 * "<!-- NAME -->" and "<!-- end NAME -->" of `path` stands what the table
 * prints; the test fails when it does not.  DOCS_WRITE=1 in the environment
 * writes it there instead.
 */
void docs_check(const char *path, const char *name, struct writer *table);

/* The same of a whole file. */
void docs_check_file(const char *path, struct writer *text);

#endif
