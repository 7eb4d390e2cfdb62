#include "server/engine/source.h"

#include <errno.h>
#include <glob.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#include "server/engine/csv_header.h"

enum { FROM_MAX = 1 << 20 }; /* bytes of a FROM clause: thousands of files */

static enum err_code full(struct err *err, const char *path)
{
    return err_set(err, ERR_LIMIT, "source %s: out of memory", path);
}

/* The first bytes of a file; fewer for a shorter one, -1 when unreadable. */
static int head_of(const char *path, unsigned char *head, int len)
{
    struct stat st;
    FILE *f = fopen(path, "rb");
    if (!f)
        return -1;
    const bool plain = fstat(fileno(f), &st) == 0 && S_ISREG(st.st_mode);
    const int got = plain ? (int)fread(head, 1, (size_t)len, f) : -1;
    (void)fclose(f);
    return got;
}

/* Source: DuckDB manual, "Storage Versions and Format", header. */
bool source_is_database(const char *path)
{
    unsigned char head[12];
    return head_of(path, head, sizeof head) == (int)sizeof head &&
           memcmp(head + 8, "DUCK", 4) == 0;
}

static enum err_code add_file(struct source *s, const char *path,
                              struct arena *a, struct err *err)
{
    char resolved[PATH_MAX];
    unsigned char byte;
    if (!realpath(path, resolved) || head_of(resolved, &byte, 1) < 0) {
        (void)err_set(err, ERR_NOT_FOUND, "source %s cannot be opened: %s",
                      path, errno ? strerror(errno) : "not a plain file");
        return err_hint(err, "a relative path starts at the policy's folder; "
                             "the server must be able to read the file");
    }
    if (strpbrk(resolved, "*?[")) {
        (void)err_set(err, ERR_INVALID,
                      "source %s: *, ? and [ in a file name stand for others",
                      resolved);
        return err_hint(err, "rename the file");
    }
    s->files[s->n_files] = arena_strdup(a, resolved);
    return s->files[s->n_files++] ? ERR_OK : full(err, path);
}

static enum err_code find_files(struct source *s, const char *path,
                                struct arena *a, struct err *err)
{
    struct stat st;
    glob_t found = { 0 };
    enum err_code code = ERR_OK;

    if (stat(path, &st) == 0 || glob(path, GLOB_ERR, NULL, &found) != 0) {
        globfree(&found);
        s->files = ARENA_NEW(a, const char *);
        return s->files ? add_file(s, path, a, err) : full(err, path);
    }
    s->files = ARENA_NEW_N(a, found.gl_pathc, const char *);
    if (!s->files)
        code = full(err, path);
    for (size_t i = 0; code == ERR_OK && i < found.gl_pathc; i++)
        code = add_file(s, found.gl_pathv[i], a, err);
    globfree(&found);
    return code;
}

/* ['/a', '/b'] */
static void file_list(struct writer *w, const struct source *s)
{
    for (size_t i = 0; i < s->n_files; i++) {
        writer_str(w, i ? ", " : "[");
        duck_literal(w, s->files[i]);
    }
    writer_str(w, "]");
}

/* The first line of a file, unpacked when it is compressed; NULL when none. */
static char *first_line(struct duck *d, const char *path, struct arena *a)
{
    char sql[2 * PATH_MAX + 256];
    struct writer w = writer_of(sql, sizeof sql);
    duckdb_result result = { 0 };
    char *line = NULL;

    writer_str(&w, "SELECT line FROM read_csv(");
    duck_literal(&w, path);
    writer_str(&w, ", columns = {'line': 'VARCHAR'}, auto_detect = false, "
                   "header = false, delim = e'\\x01', quote = '', "
                   "escape = '') LIMIT 1");
    if (!writer_cstr(&w) || duckdb_query(d->con, sql, &result)) {
        duckdb_destroy_result(&result);
        return NULL;
    }
    duckdb_data_chunk chunk = duckdb_fetch_chunk(result);
    if (chunk && duckdb_data_chunk_get_size(chunk) == 1) {
        duckdb_vector vector = duckdb_data_chunk_get_vector(chunk, 0);
        duckdb_string_t *s = duckdb_vector_get_data(vector);
        uint64_t *valid = duckdb_vector_get_validity(vector);
        if (!valid || duckdb_validity_row_is_valid(valid, 0))
            line = arena_strndup(a, duckdb_string_t_data(s),
                                 duckdb_string_t_length(*s));
    }
    duckdb_destroy_data_chunk(&chunk);
    duckdb_destroy_result(&result);
    return line;
}

/*
 * Lines that do not have the header's number of fields are skipped: an error
 * would depend on data.
 */
static enum err_code csv_from(struct writer *w, struct source *s,
                              struct duck *d, struct arena *a, struct err *err)
{
    struct csv_header header;
    const char *line = first_line(d, s->files[0], a);
    if (!line) {
        (void)err_set(err, ERR_INVALID, "source %s is neither Parquet nor CSV",
                      s->files[0]);
        return err_hint(err, "a DuckDB file is named under `database`");
    }
    TRY(csv_header_parse(&header, line, strlen(line), a, err));

    const char separator[2] = { header.separator, 0 };
    writer_str(w, "read_csv(");
    file_list(w, s);
    writer_str(w, ", auto_detect = false, header = true, quote = '\"', "
                  "escape = '\"', ignore_errors = true, delim = ");
    duck_literal(w, separator);
    for (size_t i = 0; i < header.n; i++) {
        writer_str(w, i ? ", " : ", columns = {");
        duck_literal(w, header.names[i]);
        writer_str(w, ": 'VARCHAR'");
    }
    writer_str(w, "})");
    return ERR_OK;
}

/* Names and types by preparing a statement that never runs. */
static enum err_code read_columns(struct source *s, struct duck *d,
                                  const char *what, struct arena *a,
                                  struct err *err)
{
    duckdb_prepared_statement st = NULL;
    char *sql = arena_printf(a, "SELECT * FROM %s", s->from);
    if (!sql)
        return full(err, what);
    if (!duck_prepare(&st, d->con, sql))
        return err_set(err, ERR_INVALID, "source %s: DuckDB cannot read it",
                       what);
    s->n_columns = duckdb_prepared_statement_column_count(st);
    s->columns = ARENA_NEW_N(a, s->n_columns, struct source_column);
    bool ok = s->columns != NULL;
    for (size_t i = 0; ok && i < s->n_columns; i++) {
        const char *name = duckdb_prepared_statement_column_name(st, i);
        s->columns[i].name = arena_strdup(a, name ? name : "");
        s->columns[i].type = duckdb_prepared_statement_column_type(st, i);
        ok = s->columns[i].name != NULL;
        duckdb_free((void *)(uintptr_t)name);
    }
    duckdb_destroy_prepare(&st);
    return ok ? ERR_OK : full(err, what);
}

static bool has_column(const struct source *s, const char *name)
{
    for (size_t i = 0; i < s->n_columns; i++)
        if (strcasecmp(s->columns[i].name, name) == 0)
            return true;
    return false;
}

/*
 * DuckDB passes over files by what their folders' names tell (y=2024/), and
 * numbers those that are left: what it says of a file's place then is not its
 * place in the list.
 */
static bool is_partitioned(const struct source *s)
{
    for (size_t i = 0; i < s->n_files; i++)
        if (strchr(s->files[i], '='))
            return true;
    return false;
}

/* Columns that DuckDB has besides the source's own, if it has (no view does,
 * and none that goes by the name of a column). */
static void find_rows(struct source *s, struct duck *d, struct arena *a)
{
    const bool is_table = s->kind == SOURCE_KIND_TABLE;
    const char *row = is_table ? "rowid" : "file_row_number";
    duckdb_prepared_statement st = NULL;
    if (s->kind == SOURCE_KIND_CSV || has_column(s, row) ||
        has_column(s, "file_index") || is_partitioned(s))
        return;
    const char *sql = arena_printf(a, "SELECT %s%s FROM %s", row,
                                   is_table ? "" : ", file_index", s->from);
    if (!sql || !duck_prepare(&st, d->con, sql))
        return;
    duckdb_destroy_prepare(&st);
    s->row = row;
    s->file = s->n_files > 1 ? "file_index" : NULL;
}

/* The FROM clause being written; finished by finish_from. */
static enum err_code finish_from(struct source *s, struct writer *w,
                                 const char *what, struct arena *a,
                                 struct err *err)
{
    s->from =
        w->overflow ? NULL : arena_strndup(a, (const char *)w->data, w->len);
    return s->from ? ERR_OK : full(err, what);
}

static enum err_code files_from(struct source *s, struct duck *d,
                                struct arena *a, struct err *err)
{
    unsigned char magic[4];
    char *text = malloc(FROM_MAX);
    if (!text)
        return full(err, s->files[0]);
    struct writer w = writer_of(text, FROM_MAX);
    enum err_code code = ERR_OK;

    if (head_of(s->files[0], magic, 4) == 4 && memcmp(magic, "PAR1", 4) == 0) {
        s->kind = SOURCE_KIND_PARQUET;
        writer_str(&w, "read_parquet(");
        file_list(&w, s);
        writer_str(&w, s->n_files > 1 ? ", union_by_name = true)" : ")");
    } else {
        s->kind = SOURCE_KIND_CSV;
        code = csv_from(&w, s, d, a, err);
    }
    if (code == ERR_OK)
        code = finish_from(s, &w, s->files[0], a, err);
    free(text);
    return code;
}

enum err_code source_of_files(struct source *out, struct duck *d,
                              const char *path, struct arena *a,
                              struct err *err)
{
    struct source s = { 0 };
    TRY(find_files(&s, path, a, err));
    if (source_is_database(s.files[0])) {
        (void)err_set(err, ERR_INVALID, "source %s is a DuckDB database", path);
        return err_hint(err, "name it under `database`, and give each table "
                             "the name it has there");
    }
    TRY(files_from(&s, d, a, err));
    TRY(read_columns(&s, d, path, a, err));
    find_rows(&s, d, a);
    *out = s;
    return ERR_OK;
}

enum err_code source_attach(struct duck *d, const char *path, struct arena *a,
                            struct err *err)
{
    char sql[2 * PATH_MAX + 64];
    struct source s = { 0 };
    s.files = ARENA_NEW(a, const char *);
    if (!s.files)
        return full(err, path);
    TRY(add_file(&s, path, a, err));

    struct writer w = writer_of(sql, sizeof sql);
    writer_str(&w, "ATTACH ");
    duck_literal(&w, s.files[0]);
    writer_str(&w, " AS " SOURCE_DATABASE " (TYPE duckdb, READ_ONLY)");
    if (source_is_database(s.files[0]) && writer_cstr(&w) && duck_exec(d, sql))
        return ERR_OK;
    (void)err_set(err, ERR_INVALID, "database %s: DuckDB cannot open it", path);
    return err_hint(err,
                    "it must be a DuckDB file of version 1.5 or older that "
                    "no other process holds open for writing");
}

enum err_code source_of_table(struct source *out, struct duck *d,
                              const char *table, struct arena *a,
                              struct err *err)
{
    char text[1024];
    struct source s = { .kind = SOURCE_KIND_TABLE };
    const char *dot = strchr(table, '.');
    const char *schema =
        dot ? arena_strndup(a, table, (size_t)(dot - table)) : "main";
    if (!schema)
        return full(err, table);

    struct writer w = writer_of(text, sizeof text);
    writer_str(&w, SOURCE_DATABASE ".");
    duck_ident(&w, schema);
    writer_str(&w, ".");
    duck_ident(&w, dot ? dot + 1 : table);
    TRY(finish_from(&s, &w, table, a, err));
    const enum err_code code = read_columns(&s, d, table, a, err);
    if (code == ERR_INVALID) {
        (void)err_set(err, ERR_INVALID, "the database has no table %s", table);
        return err_hint(err, "name it as in the file: table or schema.table");
    }
    if (code == ERR_OK) {
        find_rows(&s, d, a);
        *out = s;
    }
    return code;
}
