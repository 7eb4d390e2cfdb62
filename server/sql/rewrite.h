#ifndef SQL_REWRITE_H
#define SQL_REWRITE_H

#include "server/sql/sql.h"

/*
 * A statement about the catalog (pg_catalog, information_schema), or about
 * nothing (SELECT 1), written again for DuckDB, whose tables pgc.* and infos.*
 * hold PostgreSQL's catalog.
 *
 * What the statement may name is an allow-list of the caller's; whatever else
 * it names is refused, so that nothing is answered that was not meant to be.
 * Output columns keep PostgreSQL's names and, where they follow from the
 * catalog's columns, PostgreSQL's types.
 */
struct rewrite_column {
    const char *name;
    uint32_t type; /* OID */
};

struct rewrite_relation {
    const char *schema, *name;
    const struct rewrite_column *columns;
    size_t n_columns;
    bool is_closed; /* it is there, and nobody may read it */
};

/* A function of PostgreSQL's, by what DuckDB calls it. */
struct rewrite_function {
    const char *name, *as;
    uint32_t type; /* OID of what it gives; 0 = that of its first argument */
    bool is_set;   /* gives rows: in a select list it is unnested */
};

/* What is known of names and of the session.  Pointers live as long as it. */
struct rewrite_names {
    const void *ctx;
    /* NULL: there is none.  schema "" = not written. */
    const struct rewrite_relation *(*relation)(const void *ctx,
                                               const char *schema,
                                               const char *name);
    const struct rewrite_function *(*function)(const void *ctx,
                                               const char *name);
    const char *(*setting)(const void *ctx, const char *name);
    /* OID of a type by PostgreSQL's short name; schema "" = not written;
     * 0: none. */
    uint32_t (*type)(const void *ctx, const char *schema, const char *name);
    const char *const *params; /* values where they are known, or NULL */
    size_t n_params;
    const char *user, *database, *version;
    const char *const *schemas; /* current_schemas(false) */
    size_t n_schemas;
};

/* One output column. */
struct rewrite_field {
    const char *name;
    uint32_t type; /* 0 = as DuckDB says */
};

struct rewrite {
    const char *sql; /* for DuckDB */
    struct rewrite_field *fields;
    size_t n_fields;
    uint32_t *params; /* types of $1, $2, ...: 0 = text */
    size_t n_params;
};

/*
 * ERR_OK       *out is set, in the arena
 * ERR_NOT_FOUND  a catalog's relation or function that does not exist here
 * ERR_REFUSED  not a SELECT, or it names a table beside the catalog's
 * and as sql_parse.
 */
enum err_code rewrite_catalog(struct rewrite *out, const char *text, size_t len,
                              const struct rewrite_names *names,
                              struct arena *a, struct err *err) MUST_CHECK;

#endif
