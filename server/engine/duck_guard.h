#ifndef ENGINE_DUCK_GUARD_H
#define ENGINE_DUCK_GUARD_H

#include "server/engine/duck.h"

/*
 * The functions of server/plan/guard.h inside DuckDB.  Call right after
 * duckdb_open, as duck_keep_register.  ERR_INTERNAL names the one that DuckDB
 * refused.
 */
enum err_code duck_guard_register(struct duck *d, struct err *err) MUST_CHECK;

#endif
