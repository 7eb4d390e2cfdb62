#ifndef ENGINE_SCHEMA_H
#define ENGINE_SCHEMA_H

#include "server/engine/engine.h"

/*
 * What a file holds, by names and types alone: for `halftone policy draft`.
 * Reads a Parquet footer, the first line of a CSV file or a DuckDB catalog, and
 * no values.  CSV says nothing of types: its columns are text until the steward
 * declares them.
 */
struct engine_schema_column {
    const char *name;
    const char *physical;  /* DuckDB's name: "VARCHAR", "DECIMAL", ... */
    bool usable;           /* some policy type fits */
    enum policy_type type; /* the one that fits best; usable only */
};

struct engine_schema_table {
    const char *name; /* of the file without folder and suffix, or the table */
    struct engine_schema_column *columns;
    size_t n_columns;
};

struct engine_schema {
    enum { SCHEMA_PARQUET, SCHEMA_CSV, SCHEMA_DUCKDB } kind;
    struct engine_schema_table *tables; /* one unless SCHEMA_DUCKDB */
    size_t n_tables;
};

/*
 * ERR_OK         *out is complete, in the arena
 * ERR_NOT_FOUND  the file cannot be opened
 * ERR_INVALID    not Parquet, CSV with a header, or a DuckDB file with tables
 * ERR_LIMIT      the arena is full
 */
enum err_code engine_schema_of(struct engine_schema *out, const char *path,
                               struct arena *a, struct err *err) MUST_CHECK;

#endif
