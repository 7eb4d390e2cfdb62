#include "server/engine/duck.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/*
 * Fixed before the database opens.  Results must not depend on the machine's
 * time zone or on defaults that another release of DuckDB may change.
 */
static const struct setting {
    const char *name, *value;
} settings[] = {
    { "autoinstall_known_extensions", "false" },
    { "autoload_known_extensions", "false" },
    { "allow_community_extensions", "false" },
    { "allow_unsigned_extensions", "false" },
    { "allow_persistent_secrets", "false" },
    { "preserve_insertion_order", "false" }, /* less memory */
};

/* Settings of DuckDB's own extensions exist only once it runs. */
static const char set_later[] =
    "SET GLOBAL TimeZone = 'UTC';"
    /* It rewrites row_number() <= k into arg_min, and raises an internal error,
     * after which the database is of no use, where a column goes by two names
     * (1.5). */
    "SET GLOBAL disabled_optimizers = 'top_n_window_elimination';"
    "SET GLOBAL parquet_metadata_cache = true"; /* re-read when a file changes
                                                 */

static bool configure(duckdb_config config, const struct engine_options *o)
{
    char number[32];
    for (size_t i = 0; i < sizeof settings / sizeof settings[0]; i++)
        if (duckdb_set_config(config, settings[i].name, settings[i].value))
            return false;
    if (duckdb_set_config(config, "temp_directory",
                          o->temp_dir ? o->temp_dir : ""))
        return false;
    if (o->memory_limit) {
        (void)snprintf(number, sizeof number, "%" PRIu64 "B", o->memory_limit);
        if (duckdb_set_config(config, "memory_limit", number))
            return false;
    }
    if (o->threads) {
        (void)snprintf(number, sizeof number, "%u", o->threads);
        if (duckdb_set_config(config, "threads", number))
            return false;
    }
    return true;
}

enum err_code duck_open(struct duck *d, const struct engine_options *options,
                        struct err *err)
{
    const struct engine_options none = { 0 };
    duckdb_config config = NULL;
    char *why = NULL;

    *d = (struct duck){ 0 };
    bool ok = duckdb_create_config(&config) == DuckDBSuccess &&
              configure(config, options ? options : &none) &&
              duckdb_open_ext(NULL, &d->db, config, &why) == DuckDBSuccess;
    duckdb_destroy_config(&config);
    duckdb_free(why);
    ok = ok && duckdb_connect(d->db, &d->con) == DuckDBSuccess &&
         duck_exec(d, set_later);
    if (ok)
        return ERR_OK;
    duck_close(d);
    (void)err_set(err, ERR_INTERNAL, "DuckDB does not start");
    return err_hint(err, "check the engine's memory_limit, threads and "
                         "temp_dir in the server's configuration");
}

void duck_close(struct duck *d)
{
    duckdb_disconnect(&d->con);
    duckdb_close(&d->db);
}

bool duck_exec(struct duck *d, const char *sql)
{
    duckdb_result result;
    const bool ok = duckdb_query(d->con, sql, &result) == DuckDBSuccess;
    duckdb_destroy_result(&result);
    return ok;
}

static size_t list_len(const char *const *files, size_t n)
{
    size_t len = 64;
    for (size_t i = 0; i < n; i++)
        len += 2 * strlen(files[i]) + 4; /* every byte may be a quote */
    return len;
}

enum err_code duck_lock_down(struct duck *d, const char *const *files, size_t n,
                             struct arena *a, struct err *err)
{
    const size_t cap = list_len(files, n);
    char *sql = arena_alloc(a, cap, 1);
    if (!sql)
        return err_set(err, ERR_LIMIT, "the list of source files is too long");
    struct writer w = writer_of(sql, cap);
    writer_str(&w, "SET allowed_paths = [");
    for (size_t i = 0; i < n; i++) {
        writer_str(&w, i ? ", " : "");
        duck_literal(&w, files[i]);
    }
    writer_str(&w, "]");
    if (writer_cstr(&w) && duck_exec(d, sql) &&
        duck_exec(d, "SET enable_external_access = false") &&
        duck_exec(d, "SET lock_configuration = true"))
        return ERR_OK;
    return err_set(err, ERR_INTERNAL, "DuckDB cannot be locked down");
}

bool duck_prepare(duckdb_prepared_statement *out, duckdb_connection con,
                  const char *sql)
{
    duckdb_extracted_statements all = NULL;
    *out = NULL;
    const bool one = duckdb_extract_statements(con, sql, &all) == 1;
    const bool ok =
        one &&
        duckdb_prepare_extracted_statement(con, all, 0, out) == DuckDBSuccess &&
        duckdb_prepared_statement_type(*out) == DUCKDB_STATEMENT_TYPE_SELECT;
    duckdb_destroy_extracted(&all);
    if (!ok)
        duckdb_destroy_prepare(out);
    return ok;
}

static void quoted(struct writer *w, const char *text, char quote)
{
    writer_u8(w, (uint8_t)quote);
    for (const char *c = text; *c; c++) {
        if (*c == quote)
            writer_u8(w, (uint8_t)quote);
        writer_u8(w, (uint8_t)*c);
    }
    writer_u8(w, (uint8_t)quote);
}

void duck_ident(struct writer *w, const char *name)
{
    quoted(w, name, '"');
}

void duck_literal(struct writer *w, const char *text)
{
    quoted(w, text, '\'');
}

const char *duck_error_class(const char *text)
{
    static const struct {
        const char *start, *name;
    } classes[] = {
        { "Out of Memory Error", "out_of_memory" },
        { "IO Error", "io" },
        { "Permission Error", "permission" },
        { "INTERRUPT Error", "interrupt" },
        { "Conversion Error", "conversion" },
        { "Out of Range Error", "out_of_range" },
        { "Invalid Input Error", "invalid_input" },
        { "INTERNAL Error", "internal" },
        { "FATAL Error", "fatal" },
    };
    for (size_t i = 0; text && i < sizeof classes / sizeof classes[0]; i++)
        if (strncmp(text, classes[i].start, strlen(classes[i].start)) == 0)
            return classes[i].name;
    return "other";
}
