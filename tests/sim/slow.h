#ifndef TESTS_SIM_SLOW_H
#define TESTS_SIM_SLOW_H

#include <stdbool.h>

#include "server/engine/engine.h"
#include "tests/sim/baton.h"

/*
 * Where servers pause, and others come first: before each transaction of a
 * ledger (its committer is wrapped by the linker), while one listens, and in
 * each run of an engine.  One life at a time.
 */

/* Pauses are of this baton from now on.  With `loser` (a control) a server that
 * lost the race for an answer sends its own. */
void slow_begin(struct baton *b, bool loser);

/* Engines fail no more, and are never slower than a lease. */
void slow_heal(void);

/* `inner`, which it owns, and pauses before it; one in a life. */
struct engine *slow_engine(struct engine *inner);

#endif
