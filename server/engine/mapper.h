#ifndef ENGINE_MAPPER_H
#define ENGINE_MAPPER_H

#include "server/engine/duck_row.h"
#include "server/engine/stopper.h"

/*
 * Maps the rows of a dataset (duck_row.h) on a thread of its own, when it is
 * opened and after each refresh; until then, and where it cannot be done,
 * statements ask by keys, which gives the same rows.
 *
 *   files changed a moment ago: again in MAPPER_NAP_MS, a few times, then
 *   seldom, until they have not
 *
 * It cannot be done where DuckDB does not tell the place of a row (CSV, views,
 * partitioned folders), on file systems that stamp.h does not know, and where
 * an eighth of the engine's memory_limit (1 GiB without one) is less than it
 * needs (duck_rows.h).
 */
struct mapper;
enum { MAPPER_NAP_MS = 50 };

/* What is pointed to is borrowed for life.  *out is NULL when paths are, or
 * there is no thread: then nothing is ever mapped. */
void mapper_open(struct mapper **out, struct duck *d, struct duck_gate *gate,
                 const struct policy *policy,
                 const struct engine_options *options, struct stopper *stopper,
                 const struct stamp_paths *paths,
                 const struct stamp_look *attached);
/* Each takes NULL.  Keys were mapped anew, or files replaced: map again. */
void mapper_refresh(struct mapper *m);
/* Wait until it is done, or was given up for now.  For tests and benchmarks. */
void mapper_settle(struct mapper *m);
void mapper_close(struct mapper *m); /* before the database is closed */

#endif
