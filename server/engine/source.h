#ifndef ENGINE_SOURCE_H
#define ENGINE_SOURCE_H

#include "server/engine/duck.h"

/*
 * Where the rows of one table come from, as DuckDB sees it: Parquet or CSV
 * files, or a table of an attached database.  Opening one reads names and types
 * (a Parquet footer, a CSV header, a catalog), never values: columns of CSV
 * files are therefore all text.
 */
enum source_kind { SOURCE_KIND_PARQUET, SOURCE_KIND_CSV, SOURCE_KIND_TABLE };

struct source_column {
    const char *name;
    duckdb_type type;
};

struct source {
    enum source_kind kind;
    const char **files; /* absolute, links resolved; none for a table */
    size_t n_files;
    const char *from; /* text of a FROM clause */
    /* Texts of the place of a row in its file or table, a number from 0 that
     * stays while the bytes do, and of the file's among several (else NULL);
     * both NULL: DuckDB does not tell, or a column has that name. */
    const char *row, *file;
    struct source_column *columns;
    size_t n_columns;
};

/* Name under which source_attach makes a DuckDB file known. */
#define SOURCE_DATABASE "data"

/*
 * The file `path`, or the files that match it when it is a pattern (glob(7)).
 * What kind they are is told from the first bytes, not from the name.
 *
 * ERR_OK         *out is complete, in the arena
 * ERR_NOT_FOUND  no such file, or it cannot be opened
 * ERR_INVALID    neither Parquet nor CSV with a header; or a name DuckDB would
 *                take for a pattern
 * ERR_LIMIT      the arena is full
 */
enum err_code source_of_files(struct source *out, struct duck *d,
                              const char *path, struct arena *a,
                              struct err *err) MUST_CHECK;

/* Attach a DuckDB file, read-only.  Codes as above. */
enum err_code source_attach(struct duck *d, const char *path, struct arena *a,
                            struct err *err) MUST_CHECK;

/* `table` or `schema.table` of the attached file.  Codes as above. */
enum err_code source_of_table(struct source *out, struct duck *d,
                              const char *table, struct arena *a,
                              struct err *err) MUST_CHECK;

/* True when the file at `path` starts like a DuckDB database. */
bool source_is_database(const char *path);

#endif
