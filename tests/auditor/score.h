#ifndef TESTS_AUDITOR_SCORE_H
#define TESTS_AUDITOR_SCORE_H

#include <stdint.h>

#include "halftone/v1/halftone.pb-c.h"

/*
 * One number from an answer, chosen to tell two datasets apart.
 *
 *   answers not audited  -> scorer_learn, both sides -> scorer_settle
 *   answers audited      -> scorer_outcome
 *
 * Each cell, named by its row's keys and its column, has a weight for its value
 * (Fisher's discriminant over all cells together, since cells of one answer may
 * share noise: a total and what it adds up, an average and its count) and one
 * for being there at all; presence that does not differ by FIRM standard errors
 * has none.  An answer that is always one number is that number: the auditor
 * finds the sets of outcomes itself.  Whatever the weights, the outcome is a
 * function of the answer alone.
 */
struct scorer;

struct scorer *scorer_new(void);
void scorer_free(struct scorer *s);
void scorer_learn(struct scorer *s, int side,
                  const Halftone__V1__QueryReply *answer);
void scorer_settle(struct scorer *s);
int64_t scorer_outcome(const struct scorer *s,
                       const Halftone__V1__QueryReply *answer);

#endif
