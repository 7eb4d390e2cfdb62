#ifndef NEIGHBOUR_TAPE_H
#define NEIGHBOUR_TAPE_H

#include "server/main/noise.h"
#include "tests/neighbour/tape_cost.h"

/*
 * The noise stage of the program under test, recorded and replayed.  The test
 * links with --wrap=noise_release, so every release of every query passes here.
 *
 *   tape_record(r)    the noise is drawn as ever; inputs and outputs are kept
 *   tape_play(r)      inputs are held against the recorded ones, and the
 *                       recorded outputs are given out; as often as wanted
 *
 * Record on the data *without* a person, play on the data *with*: bounding is
 * person by person, so every group of the first is a group of the second.
 *
 * What play checks, per release: the same statement; each measure of each group
 * moved by at most its bound; at most L0 groups moved, the whole measure by at
 * most L0 times its bound (L1) and sqrt(L0) times it (L2), by its own L0 where
 * it has one (who was left out of groups); where groups are selected, those of
 * one side only hold the removed person alone and are at most L0.  They are
 * dropped, being paid for by delta.  Where the first k groups are picked: no
 * score moved by more than the picks were paid for, in at most as many groups
 * as their margin allows for; the list of the one side, in its order, is that
 * of the other.  Over all releases of a question: groups moved are at most the
 * sum of L0, and `cost` is what the noise drawn makes of the difference, for
 * the caller to hold against what was charged.
 */
struct tape {
    struct tape_call *calls; /* newest first; owned */
    size_t n, at;            /* recorded, played */
    const char *wrong;       /* the first rule broken, or NULL; static */
    size_t moved, l0;        /* groups that moved, L0: added up over releases */
    struct tape_cost cost;
};

void tape_record(struct tape *r);
void tape_play(struct tape *r);
void tape_stop(void);
void tape_fini(struct tape *r);

#endif
