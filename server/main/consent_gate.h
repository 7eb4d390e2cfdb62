#ifndef MAIN_CONSENT_GATE_H
#define MAIN_CONSENT_GATE_H

#include "server/main/world.h"

/* The register of consent as the gate of a dataset's engine.  `d` has its
 * circle and outlives the engine. */
struct gate consent_gate_of(struct dataset *d);

#endif
