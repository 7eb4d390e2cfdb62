#ifndef ENGINE_SCHEMA_H
#define ENGINE_SCHEMA_H

#include "server/engine/engine.h"

/*
 * What a source holds, by names and types alone: for `halftone policy draft`.
 * Reads a Parquet footer, the first line of a CSV file, a DuckDB catalog or
 * that of a PostgreSQL, and no values.  CSV says nothing of types: its columns are text until the steward
 * declares them.
 */
struct engine_schema_column {
    const char *name;
    const char *physical;  /* the engine's name: "VARCHAR", "DECIMAL", ... */
    bool usable;           /* some policy type fits */
    enum policy_type type; /* the one that fits best; usable only */
    const char *why;       /* ... why none does, or NULL */
};

struct engine_schema_table {
    const char *name; /* of the file without folder and suffix, or the table */
    struct engine_schema_column *columns;
    size_t n_columns;
};

struct engine_schema {
    enum { SCHEMA_PARQUET, SCHEMA_CSV, SCHEMA_DUCKDB, SCHEMA_POSTGRESQL } kind;
    const char *database; /* SCHEMA_POSTGRESQL: its name */
    struct engine_schema_table *tables; /* one of a file, many of a database */
    size_t n_tables;
};

/*
 * Of a file, or of the PostgreSQL of a URI: what its role sees there.
 * ERR_OK         *out is complete, in the arena
 * ERR_NOT_FOUND  the file cannot be opened, the database not be reached
 * ERR_INVALID    not Parquet, CSV with a header, or a database with tables; a
 *                URI that libpq does not understand, or with a password
 * ERR_LIMIT      the arena is full
 */
enum err_code engine_schema_of(struct engine_schema *out, const char *path,
                               struct arena *a, struct err *err) MUST_CHECK;

#endif
