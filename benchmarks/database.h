#ifndef BENCHMARKS_DATABASE_H
#define BENCHMARKS_DATABASE_H

#include <stddef.h>

/*
 * A PostgreSQL of a benchmark's own, in `dir`, so that it writes to the disk
 * that is measured (tests/postgres.sh); it ends with the program.
 */

/* Its URI, or "" when there is none on this machine.  `settings` (NAME=VALUE)
 * end in NULL. */
void database_start(char *uri, size_t cap, const char *dir,
                    char *const *settings);
void database_stop(const char *dir);

/* Processor time of its processes, as /proc tells; 0 without any. */
double database_cpu_s(const char *dir);

#endif
