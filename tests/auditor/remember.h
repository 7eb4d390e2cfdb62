#ifndef TESTS_AUDITOR_REMEMBER_H
#define TESTS_AUDITOR_REMEMBER_H

#include "server/engine/engine.h"

/*
 * An engine before another, which stays the owner of the data: what a statement
 * gave is given again, since data do not change while the auditor asks, and the
 * time of an answer is mostly the engine's.  Noise, price and all else are made
 * anew for each answer.  One run in REMEMBER_AGAIN is done for real, and must
 * give the same exact integers; else the program ends.
 *
 * At most REMEMBER_MAX statements are kept; those of a chain hold the noise of
 * its earlier release and hardly come twice.
 */
enum { REMEMBER_MAX = 64, REMEMBER_AGAIN = 50 };

/* Closes `inner` with it.  Aborts without memory. */
struct engine *remember_engine(struct engine *inner);

#endif
