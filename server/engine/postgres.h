#ifndef ENGINE_POSTGRES_H
#define ENGINE_POSTGRES_H

#include "server/engine/engine.h"

/*
 * A PostgreSQL under a dataset, read where it is: two roles, the one that runs
 * plans can only read (pgsql_tables.h), the other one keeps the tables of who
 * counts (pgsql_counts.h).
 *
 *   run: sync who counts --> BEGIN, one snapshot, read only --> the statement
 *
 * One transaction for each statement, so that a release sees one state of the
 * data and of who counts.  Codes as engine_open, and ERR_REFUSED when the role
 * could write; engine_open calls it.
 */
enum err_code engine_postgres_open(struct engine **out,
                                   const struct policy *policy,
                                   const struct engine_options *options,
                                   struct err *err) MUST_CHECK;

#endif
