#ifndef TESTS_LIB_SHOP_H
#define TESTS_LIB_SHOP_H

#include <duckdb.h>
#include <gsl/gsl_rng.h>

#include "server/engine/engine.h"

/*
 * A data set beside the engine that serves it: DuckDB for plain SQL, the policy
 * as written, and the same with limits out of the way (`loose`), by which the
 * engine reads.  Anything that fails ends the test.
 */
struct shop {
    char folder[64]; /* of its files */
    duckdb_database db;
    duckdb_connection con;
    struct policy *policy, *loose;
    struct engine *engine;
    struct arena lasting;
};

enum { SHOP_LOOSE = 1000 }; /* groups a person, rows a group, under loose */

/* The demo's, of so many people; tables by their bare names. */
void shop_open_demo(struct shop *s, int people);

/* The policy in `path`, whose @DATA@ is this file. */
void shop_open_file(struct shop *s, const char *path, const char *data);

void shop_close(struct shop *s);

void shop_query(const struct shop *s, const char *sql);

/* Plan, or fail. */
struct plan *shop_plan(const char *sql, const struct request *req,
                       const struct policy *by, struct arena *a);

/* A release's exact integers, empty where it has no measure; and those of its
 * histograms, as the service runs them. */
struct engine_result shop_run(const struct shop *s, const struct plan *p,
                              struct arena *a);
struct engine_result *shop_hists(const struct shop *s, const struct plan *p,
                                 struct arena *a);

#endif
