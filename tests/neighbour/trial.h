#ifndef NEIGHBOUR_TRIAL_H
#define NEIGHBOUR_TRIAL_H

#include "tests/neighbour/crew.h"

/* A mistake that is planted in both servers (control.h): the harness is asked
 * until it catches it. */
struct trial {
    const char *name;
    enum control control;
    const char *needs; /* only questions with this in them are asked */
};

/* Where the rows are, and how many questions are asked at most, in a round and
 * in all. */
struct trial_terms {
    bool in_postgres; /* else in files, as the seed draws */
    unsigned round, count;
};

/* Fails the test when it is not caught.  NEIGHBOUR_SHOW=1 makes small what was
 * caught, and prints that. */
void trial_run(const struct trial *t, const struct trial_terms *terms);

/* Asks one question of servers without a mistake and tells how it went; the
 * exit status of the program. */
int trial_ask_one(const char *sql, enum shop_tables which, bool in_postgres);

#endif
