#ifndef TESTS_CRASH_PROMISE_H
#define TESTS_CRASH_PROMISE_H

#include "tests/crash/life.h"

/* What clients had been sent when the crash came. */
struct sent {
    const struct life_replies *replies;
    bool was[LIFE_ASKED];
};

/*
 * Start the server on the disk as it is and ask every question again under its
 * key: what was sent before comes again, byte for byte; each key ends in one
 * answer and one charge, each decision in one record, under the number that was
 * told; `halftone ledger verify` finds nothing.  `names`:
 * answers name their charges, and decisions their records, too.  NULL when all
 * of that holds, else what does not; with `tells` the details are on standard
 * output.
 */
const char *promise_check(struct life *l, const struct sent *sent, bool names,
                          bool tells);

/* Is `a` what `b` was, once more?  Of a decision the number counts (with
 * `names`), else the bytes. */
bool promise_repeats(const struct life_reply *a, const struct life_reply *b,
                     bool names);

/* Runs of keys in the ledger's file that were made of others (lookup.h). */
int promise_merged(const struct life *l);

#endif
