#ifndef ENGINE_SCRATCH_ERROR_H
#define ENGINE_SCRATCH_ERROR_H

#include "server/base/err.h"

/*
 * What DuckDB says of a statement about the catalog, as a refusal of ours
 * (server/query/refusal.def): the kind of mistake, and a name that stands in
 * the statement, as far as there is one.  No word of DuckDB's is passed on.
 * Returns the refusal's code.
 */
enum err_code scratch_error(struct err *err, const char *message);

#endif
