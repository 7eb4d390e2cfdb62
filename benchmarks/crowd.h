#ifndef BENCHMARKS_CROWD_H
#define BENCHMARKS_CROWD_H

#include "server/main/world.h"

/*
 * A crowd: half as many people as rows, the rows in a file, and what everybody
 * decided about 8 purposes, in a register.  What fails ends the program.
 */
struct crowd {
    const char *dir; /* of the register and the data */
    unsigned long long rows;
    bool text;    /* keys are texts, else whole numbers */
    bool parquet; /* rows are in a Parquet file, else in a DuckDB file */
};
enum { CROWD_N_PURPOSES = 8, CROWD_NAME_CAP = 48, CROWD_THREADS = 2 };
extern const char *const CROWD_PURPOSES[CROWD_N_PURPOSES];

/* The privacy key of person i. */
void crowd_name(char out[CROWD_NAME_CAP], const struct crowd *c,
                unsigned long long i);

/* A policy over the rows; `consent` is its line about consent, or "". */
struct policy *crowd_policy(const struct crowd *c, const char *consent,
                            struct arena *a);

/* The rows in their file, made once. */
void crowd_rows(const struct crowd *c);

/* Everybody decides about all purposes, half of them yes to half of these and
 * the others no, in the dataset's register; tells how long it took. */
void crowd_decide(struct dataset *d, const struct crowd *c);

/* "program: what" on standard error, and exit. */
_Noreturn void crowd_die(const char *what);

#endif
