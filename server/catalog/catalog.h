#ifndef CATALOG_CATALOG_H
#define CATALOG_CATALOG_H

#include "server/base/arena.h"
#include "server/base/err.h"
#include "server/base/writer.h"
#include "server/policy/policy.h"

/*
 * pg_catalog and information_schema of the published schema, for one set of
 * datasets: what a principal may not see does not exist in his.
 *
 * A dataset is a schema, its tables are tables, help texts are comments, public
 * domains are check constraints.  OIDs are functions of names, so that they are
 * the same after a restart and on every server.  Sizes and estimates are
 * constants.  Nothing in it has touched a person's row: it is built from policy
 * alone.  Source: PostgreSQL 15 manual, chapters 37 and 53.
 */
struct catalog;
struct scratch_pool;

/* `policies` are read before it returns; the processes of `pool`, borrowed,
 * answer (server/engine/scratch_pool.h), and build it when they are first
 * asked. ERR_LIMIT: no memory. */
enum err_code catalog_open(struct catalog **out, struct scratch_pool *pool,
                           const struct policy *const *policies, size_t n,
                           const char *user, const char *database,
                           struct err *err) MUST_CHECK;
void catalog_close(struct catalog *c); /* NULL is allowed */

/* Who asks, and in what session. */
struct catalog_session {
    const char *user, *database;
    const char *const *schemas; /* the search path, as far as it exists */
    size_t n_schemas;
    const char *(*setting)(const void *ctx, const char *name); /* or NULL */
    const void *ctx;
};

struct catalog_field {
    const char *name;
    uint32_t type; /* OID */
};

struct catalog_reply {
    const struct catalog_field *fields;
    size_t n_fields;
    const uint32_t *params; /* types of $1, ..., for catalog_describe */
    size_t n_params;
    const char **cells; /* n_rows x n_fields, as PostgreSQL writes them; NULL is
                           NULL */
    size_t n_rows;
};

/*
 * One statement about the catalog, or about nothing (SELECT 1).  All is in `a`.
 * Any thread may ask.  Codes as rewrite_catalog and scratch_ask.
 */
enum err_code catalog_ask(struct catalog_reply *out, struct catalog *c,
                          const struct catalog_session *s, const char *text,
                          size_t len, const char *const *params,
                          size_t n_params, struct arena *a,
                          struct err *err) MUST_CHECK;

/* Its columns and parameters, without running it: no rows. */
enum err_code catalog_describe(struct catalog_reply *out, struct catalog *c,
                               const struct catalog_session *s,
                               const char *text, size_t len, struct arena *a,
                               struct err *err) MUST_CHECK;

/*
 * The published schema as PostgreSQL's DDL: for those who want a copy of it,
 * and for tests, which compare with a PostgreSQL that ran it.
 */
void catalog_ddl(struct writer *w, const struct policy *const *policies,
                 size_t n);

/* A stable OID, from 16384 up, of what a key names: "t:shop.orders". */
uint32_t catalog_oid(const char *key);

#endif
