#ifndef NEIGHBOUR_CREW_H
#define NEIGHBOUR_CREW_H

#include "tests/neighbour/grammar.h"
#include "tests/neighbour/pair.h"

/*
 * Many questions, by several processes at once: process k of n asks rounds k,
 * k + n, ... of QUESTIONS_A_ROUND, each about a shop of its own seed.  What a
 * round asks follows from its seed alone.
 */
enum { CREW_ROUND = 200, CREW_MAX = 16, FEATURES_MAX = 512 };

struct tally {
    unsigned questions;        /* different ones */
    unsigned asked;            /* ... each to two servers, again and again */
    unsigned answered, caught; /* of the questions */
    unsigned batches;          /* answered */
    unsigned free;             /* answered, and told nothing of a person */
    unsigned reached[FEATURES_MAX]; /* accepted questions by production */
    unsigned drawn[FEATURES_MAX];   /* all questions by production */
    double used;     /* the largest part of a price that a person used up */
    char wrong[128]; /* the last thing caught */
};

/* Asks one round's questions and adds to *t; false = stop. */
typedef bool crew_round_fn(struct tally *t, uint64_t seed, const void *ctx);

struct crew {
    unsigned jobs;    /* processes; 0 = in this one */
    unsigned count;   /* of `asked` in all */
    unsigned seconds; /* at most; 25 unless told otherwise */
    uint64_t seed;    /* of the first round */
};

/* NEIGHBOUR_SEED, _COUNT, _SECONDS and _JOBS; `count` is the usual one. */
struct crew crew_of_environment(unsigned count);

/* Adds up what the processes did; aborts when one of them died. */
void crew_run(struct tally *out, const struct crew *c, crew_round_fn *round,
              const void *ctx);

/* Ask all sides and count; where something is wrong, with a complaint.  A
 * budget that is used up is whole again. */
struct pair_verdict crew_ask(struct tally *t, struct pair *p, const char *sql);

/* Ledgers and tables go to memory where there is such a place. */
void crew_in_memory(void);

#endif
