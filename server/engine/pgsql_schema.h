#ifndef ENGINE_PGSQL_SCHEMA_H
#define ENGINE_PGSQL_SCHEMA_H

#include "server/engine/schema.h"

/*
 * The tables and views that the role of a URI may read in a PostgreSQL, for a
 * first policy: from the catalog alone.  Parts of a partitioned table, and the
 * server's own schemas halftone_DATASET, are left out.  As engine_schema_of.
 */
enum err_code pgsql_schema_of(struct engine_schema *out, const char *uri,
                              struct arena *a, struct err *err) MUST_CHECK;

#endif
