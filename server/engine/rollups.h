#ifndef ENGINE_ROLLUPS_H
#define ENGINE_ROLLUPS_H

#include "server/engine/duck.h"
#include "server/engine/stopper.h"
#include "server/plan/rollup.h"

/*
 * The rollups of one dataset (plan/rollup.h), kept in memory beside its data
 * and built by a thread of their own.
 *
 *      open          key         built, and its time has come
 *   WAITING ------> BUILDING ----------------------------------> SHOWN
 *                      ^ |  failed, or late: the rows serve        |
 *                      | '-> HIDDEN                                |
 *                      '-------- refresh, or its schedule ---------'
 *
 *   - A build is one transaction and ends in tables of a new generation; what
 *     was shown before serves until the new one is, and is dropped then.
 * Nothing is written to disk but what DuckDB spills of any statement, so a
 * crash leaves nothing behind.
 *   - When a rollup is shown and hidden depends on `takes` and `refresh` of the
 *     policy alone where `takes` is set; else on how long the build took.
 *   - A failed build hides the rollup: queries read the rows, which gives the
 *     same integers.  The operator hears the class of the failure.
 *   - Tables count against the engine's memory_limit.
 */
struct rollups;

/*
 * Attach an empty database for them, which is to happen before `d` is locked
 * down, and check that each can be built.  *out is NULL without rollups; every
 * function below takes that.  `options` is copied; `policy` and
 * `stopper`, which ends a build, outlive *out.
 * Codes as rollup_print.
 */
enum err_code rollups_open(struct rollups **out, struct duck *d,
                           const struct policy *policy,
                           const struct engine_options *options,
                           struct stopper *stopper, struct err *err) MUST_CHECK;

/* Begin to build: what keys the functions of duck_order.h is known now. */
void rollups_start(struct rollups *r);

/* Build all again, now. */
void rollups_refresh(struct rollups *r);

/* May a statement read it now? */
bool rollups_has(struct rollups *r, const struct policy_rollup *which);

/* Wait until every build that is due was shown or has failed; false when one
 * has failed.  For tests and benchmarks. */
bool rollups_settle(struct rollups *r);

/* Ends a build that runs.  Before the database is closed. */
void rollups_close(struct rollups *r);

#endif
