#ifndef TESTS_CRASH_POINTS_H
#define TESTS_CRASH_POINTS_H

#include <stdbool.h>
#include <stdint.h>

/*
 * Which points of a sweep are tried, as the environment says.
 *
 *   CRASH_SEED  chooses where the first one is
 *   CRASH_PART  K/N: this run is the K-th of N that share the points, so that a
 *               long sweep is a few short ones; controls are whole in each
 */

/* A number of the environment, or `absent`. */
uint64_t points_number(const char *name, uint64_t absent);

/* Is the i-th point, from 0 on, this run's?  Ends the program when CRASH_PART
 * is not as above. */
bool points_has(uint64_t i);

#endif
