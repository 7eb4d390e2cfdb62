#ifndef ENGINE_DUCKDB_H
#define ENGINE_DUCKDB_H

#include "server/engine/engine.h"

/*
 * The embedded engine: one locked-down in-memory DuckDB per dataset, one
 * connection per running query.  Codes as engine_open; engine_open calls it.
 */
enum err_code engine_duckdb_open(struct engine **out,
                                 const struct policy *policy,
                                 const struct engine_options *options,
                                 struct err *err) MUST_CHECK;

#endif
