#ifndef ENGINE_FAKE_H
#define ENGINE_FAKE_H

#include "server/engine/engine.h"

/*
 * An engine without data, for tests, simulation and the thread sanitizer: says
 * what its script says, as late as it says, or fails.
 */
struct engine_fake_script {
    /*
     * The rows of every answer, of the plan's shape; borrowed.  With no rows
     * and !empty they are made up: every group of public domains, or three
     * groups of a private key ("a", "b", "c" or 1, 2, 3), or one without keys;
     * every measure 1000.
     */
    const struct value *keys;
    const struct dp_exact *measures;
    size_t n_rows;
    bool empty;
    enum err_code fails; /* returned instead of rows; ERR_OK = answer */
    uint64_t well;       /* runs that answer before those that fail */
    uint64_t sleep_ms;   /* before either; `stop` ends it early */
};

/* Script NULL = all zero.  Closed by engine_close.  NULL without memory. */
struct engine *engine_fake_new(const struct engine_fake_script *script);

/* How often run was called. */
uint64_t engine_fake_calls(const struct engine *e);

#endif
