#ifndef ENGINE_DUCK_FOUND_H
#define ENGINE_DUCK_FOUND_H

#include "server/engine/duck_gate.h"

/* Who was erased and is in the data, or in the map of subjects: as
 * engine_find_erased, on a connection of its own. */
enum err_code duck_found_list(struct engine_erased *out, struct duck *d,
                              struct duck_gate *g, const struct policy *p,
                              struct arena *a, struct err *err) MUST_CHECK;

#endif
