#include "server/engine/schema.h"

#include <string.h>

#include "server/engine/pgsql_schema.h"
#include "server/engine/schema_types.h"
#include "server/libpq/pq_uri.h"

static enum err_code full(struct err *err)
{
    return err_set(err, ERR_LIMIT, "the schema does not fit into memory");
}

static enum err_code table_of(struct engine_schema_table *t, const char *name,
                              const struct source *s, struct arena *a,
                              struct err *err)
{
    *t =
        (struct engine_schema_table){ .name = name, .n_columns = s->n_columns };
    t->columns = ARENA_NEW_N(a, s->n_columns, struct engine_schema_column);
    if (!name || !t->columns)
        return full(err);
    for (size_t i = 0; i < s->n_columns; i++) {
        struct engine_schema_column *c = &t->columns[i];
        c->name = s->columns[i].name;
        c->physical = schema_stored_name(s->columns[i].type);
        c->usable = schema_best(&c->type, s->columns[i].type);
    }
    return ERR_OK;
}

/* "/data/orders.csv.gz" is table "orders". */
static char *stem(const char *path, struct arena *a)
{
    const char *slash = strrchr(path, '/');
    const char *name = slash ? slash + 1 : path;
    const size_t len = strcspn(name, ".");
    return len ? arena_strndup(a, name, len) : arena_strdup(a, name);
}

static enum err_code schema_of_files(struct engine_schema *out, struct duck *d,
                                     const char *path, struct arena *a,
                                     struct err *err)
{
    struct source s;
    TRY(source_of_files(&s, d, path, a, err));
    out->kind = s.kind == SOURCE_KIND_CSV ? SCHEMA_CSV : SCHEMA_PARQUET;
    out->tables = ARENA_NEW(a, struct engine_schema_table);
    out->n_tables = 1;
    return out->tables ? table_of(out->tables, stem(path, a), &s, a, err)
                       : full(err);
}

/* The names of a catalog, tables and views, as the policy writes them. */
static enum err_code list_tables(const char ***names, size_t *n, struct duck *d,
                                 struct arena *a, struct err *err)
{
    static const char sql[] =
        "SELECT CASE table_schema WHEN 'main' THEN table_name "
        "ELSE concat(table_schema, '.', table_name) END "
        "FROM information_schema.tables "
        "WHERE table_catalog = '" SOURCE_DATABASE "' ORDER BY 1 LIMIT 1000";
    duckdb_result result = { 0 };
    duckdb_data_chunk chunk = NULL;
    enum err_code code = ERR_OK;

    *n = 0;
    *names = ARENA_NEW_N(a, 1000, const char *);
    if (!*names)
        return full(err);
    if (duckdb_query(d->con, sql, &result) != DuckDBSuccess)
        code = err_set(err, ERR_INVALID, "the catalog cannot be read");
    while (code == ERR_OK && (chunk = duckdb_fetch_chunk(result))) {
        duckdb_string_t *s =
            duckdb_vector_get_data(duckdb_data_chunk_get_vector(chunk, 0));
        const idx_t rows = duckdb_data_chunk_get_size(chunk);
        for (idx_t i = 0; i < rows && code == ERR_OK; i++) {
            (*names)[*n] = arena_strndup(a, duckdb_string_t_data(&s[i]),
                                         duckdb_string_t_length(s[i]));
            code = (*names)[(*n)++] ? ERR_OK : full(err);
        }
        duckdb_destroy_data_chunk(&chunk);
    }
    duckdb_destroy_result(&result);
    return code;
}

static enum err_code schema_of_database(struct engine_schema *out,
                                        struct duck *d, const char *path,
                                        struct arena *a, struct err *err)
{
    const char **names;
    size_t n;
    TRY(source_attach(d, path, a, err));
    TRY(list_tables(&names, &n, d, a, err));
    if (n == 0)
        return err_set(err, ERR_INVALID, "database %s holds no table", path);
    out->kind = SCHEMA_DUCKDB;
    out->tables = ARENA_NEW_N(a, n, struct engine_schema_table);
    if (!out->tables)
        return full(err);
    for (size_t i = 0; i < n; i++) {
        struct source s;
        const enum err_code code = source_of_table(&s, d, names[i], a, err);
        if (code == ERR_INVALID)
            continue; /* a view of something that is not there */
        TRY(code);
        TRY(table_of(&out->tables[out->n_tables++], names[i], &s, a, err));
    }
    return ERR_OK;
}

enum err_code engine_schema_of(struct engine_schema *out, const char *path,
                               struct arena *a, struct err *err)
{
    struct duck d;
    struct engine_schema schema = { 0 };
    if (pq_uri_is(path))
        return pgsql_schema_of(out, path, a, err);
    TRY(duck_open(&d, &(struct engine_options){ .threads = 1 }, err));
    const enum err_code code =
        source_is_database(path) ? schema_of_database(&schema, &d, path, a, err)
                                 : schema_of_files(&schema, &d, path, a, err);
    duck_close(&d);
    if (code == ERR_OK)
        *out = schema;
    return code;
}
