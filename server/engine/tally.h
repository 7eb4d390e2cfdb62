#ifndef ENGINE_TALLY_H
#define ENGINE_TALLY_H

#include "dp/value.h"
#include "server/engine/gate.h"

/* How many people said what a view's bits say: who counts, or, where it
 * inverts, who does not.  One person changes it by at most one. */
struct dp_exact tally_view(const struct gate_view *v);

#endif
