#ifndef ENGINE_SWAP_H
#define ENGINE_SWAP_H

#include "server/engine/engine.h"

/*
 * DuckDB under a dataset, which can be opened anew while queries run:
 *
 *   run --> the engine of now, kept until the run ends
 *   sources were replaced --> another is opened and is the one of now; the old
 *                             one is closed with its last run
 *
 * That is done when the database file of the policy is another one than when it
 * was opened (engine_refresh), and when people were erased from it.
 * Codes as engine_open; engine_open calls it.
 */
enum err_code engine_swap_open(struct engine **out, const struct policy *policy,
                               const struct engine_options *options,
                               struct err *err) MUST_CHECK;

#endif
