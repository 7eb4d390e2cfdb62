#include "server/engine/duck_copy.h"

#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "server/base/cleanup.h"

enum { PIECE = 1 << 20 };

static enum err_code failed(struct err *err, const char *path)
{
    return err_set(err, ERR_UNAVAILABLE, "%s: %s", path, strerror(errno));
}

static bool copy_bytes(int to, int from)
{
    char *piece = malloc(PIECE);
    ssize_t n = piece ? 1 : -1;
    while (n > 0) {
        n = read(from, piece, PIECE);
        for (ssize_t at = 0, wrote; n > 0 && at < n; at += wrote) {
            wrote = write(to, piece + at, (size_t)(n - at));
            if (wrote < 0) {
                n = -1;
                break;
            }
        }
    }
    free(piece);
    return n == 0;
}

enum err_code duck_copy_file(const char *to, const char *from, struct stat *was,
                             struct err *err)
{
    AUTO_CLOSE int in = open(from, O_RDONLY | O_CLOEXEC);
    if (in < 0 || fstat(in, was) != 0)
        return failed(err, from);
    AUTO_CLOSE int out =
        open(to, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, S_IRUSR | S_IWUSR);
    if (out < 0 || !copy_bytes(out, in))
        return failed(err, to);
    return ERR_OK;
}

static bool is_as_it_was(const char *file, const struct stat *was)
{
    struct stat is;
    return stat(file, &is) == 0 && is.st_dev == was->st_dev &&
           is.st_ino == was->st_ino && is.st_size == was->st_size &&
           is.st_mtim.tv_sec == was->st_mtim.tv_sec &&
           is.st_mtim.tv_nsec == was->st_mtim.tv_nsec;
}

static bool sync_folder(const char *file)
{
    char folder[PATH_MAX];
    (void)snprintf(folder, sizeof folder, "%s", file);
    char *slash = strrchr(folder, '/');
    if (!slash)
        return false;
    slash[slash == folder] = '\0';
    AUTO_CLOSE int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return fd >= 0 && fsync(fd) == 0;
}

enum err_code duck_settle(const char *fresh, const struct stat *was,
                          struct err *err)
{
    AUTO_CLOSE int fd = open(fresh, O_RDWR | O_CLOEXEC);
    if (fd < 0)
        return failed(err, fresh);
    /* Another's file stays another's where that is allowed. */
    const bool same_owner =
        was->st_uid == geteuid() && was->st_gid == getegid();
    if (!same_owner && fchown(fd, was->st_uid, was->st_gid) != 0)
        return failed(err, fresh);
    if (fchmod(fd, was->st_mode & 07777) != 0 || fsync(fd) != 0)
        return failed(err, fresh);
    return ERR_OK;
}

enum err_code duck_replace(const char *file, const char *fresh,
                           const struct stat *was, struct err *err)
{
    if (!is_as_it_was(file, was))
        return err_set(err, ERR_UNAVAILABLE,
                       "%s changed while it was written anew: it stays as it "
                       "is",
                       file);
    return rename(fresh, file) == 0 ? ERR_OK : failed(err, file);
}

enum err_code duck_keep_name(const char *file, struct err *err)
{
    return sync_folder(file) ? ERR_OK : failed(err, file);
}

/* ---- questions of one value ---- */

const char *duck_text(struct duck *d, const char *sql, struct arena *a)
{
    duckdb_result result;
    const char *out = NULL;
    if (duckdb_query(d->con, sql, &result) == DuckDBSuccess) {
        char *text = duckdb_value_varchar(&result, 0, 0);
        out = text ? arena_strdup(a, text) : NULL;
        duckdb_free(text);
    }
    duckdb_destroy_result(&result);
    return out;
}

bool duck_count(uint64_t *out, struct duck *d, const char *sql)
{
    duckdb_result result;
    const bool ok = duckdb_query(d->con, sql, &result) == DuckDBSuccess;
    if (ok)
        *out = (uint64_t)duckdb_value_int64(&result, 0, 0);
    duckdb_destroy_result(&result);
    return ok;
}

bool duck_is_true(struct duck *d, const char *sql)
{
    duckdb_result result;
    const bool is = duckdb_query(d->con, sql, &result) == DuckDBSuccess &&
                    duckdb_value_boolean(&result, 0, 0);
    duckdb_destroy_result(&result);
    return is;
}

/* ---- two databases ---- */

/* Objects of one that the other has not: by kind, name and definition. */
static const char OBJECTS[] =
    "(SELECT 't', schema_name, table_name, sql FROM duckdb_tables()"
    "  WHERE database_name = '%s' UNION ALL"
    " SELECT 'i', schema_name, index_name, sql FROM duckdb_indexes()"
    "  WHERE database_name = '%s' UNION ALL"
    " SELECT 'v', schema_name, view_name, sql FROM duckdb_views()"
    "  WHERE database_name = '%s' AND NOT internal UNION ALL"
    " SELECT 's', schema_name, sequence_name, coalesce(last_value, 0)::VARCHAR"
    "  FROM duckdb_sequences() WHERE database_name = '%s' UNION ALL"
    " SELECT 'y', schema_name, type_name, logical_type FROM duckdb_types()"
    "  WHERE database_name = '%s' AND NOT internal UNION ALL"
    " SELECT 'f', schema_name, function_name, macro_definition"
    "  FROM duckdb_functions() WHERE database_name = '%s' AND NOT internal)";

static void print_objects(struct writer *w, const char *db)
{
    for (const char *at = OBJECTS; *at; at++)
        if (at[0] == '%' && at[1] == 's') {
            writer_str(w, db);
            at++;
        } else {
            writer_u8(w, (uint8_t)*at);
        }
}

static bool same_objects(struct duck *d, const char *one, const char *other)
{
    static const char *const minus[] = { " EXCEPT ALL ", " EXCEPT ALL " };
    const char *const order[] = { one, other, one };
    char sql[1 << 13];
    for (int i = 0; i < 2; i++) {
        struct writer w = writer_of(sql, sizeof sql);
        writer_str(&w, "SELECT count(*) = 0 FROM (FROM ");
        print_objects(&w, order[i]);
        writer_printf(&w, "%sFROM ", minus[i]);
        print_objects(&w, order[i + 1]);
        writer_str(&w, ")");
        if (!writer_cstr(&w) || !duck_is_true(d, sql))
            return false;
    }
    return true;
}

/* "SELECT (SELECT count(*) FROM one.s.t) = (SELECT count(*) FROM other.s.t)
 * AND ..." as DuckDB spells it. */
bool duck_same_database(struct duck *d, const char *one, const char *other,
                        struct arena *a)
{
    char sql[1024];
    struct writer w = writer_of(sql, sizeof sql);
    if (!same_objects(d, one, other))
        return false;
    writer_printf(
        &w,
        "SELECT 'SELECT true' || coalesce(string_agg(' AND (SELECT count(*) "
        "FROM %s.' || n || ') = (SELECT count(*) FROM %s.' || n || ')', ''), "
        "'') FROM (SELECT '\"' || replace(schema_name, '\"', '\"\"') || "
        "'\".\"' || replace(table_name, '\"', '\"\"') || '\"' AS n FROM "
        "duckdb_tables() WHERE database_name = '%s')",
        one, other, one);
    const char *counts = writer_cstr(&w) ? duck_text(d, sql, a) : NULL;
    return counts && duck_is_true(d, counts);
}

/* ---- files ---- */

bool duck_is_parquet(const char *path)
{
    char head[4];
    AUTO_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC);
    return fd >= 0 && read(fd, head, sizeof head) == (ssize_t)sizeof head &&
           memcmp(head, "PAR1", sizeof head) == 0;
}

bool duck_each_match(const char *pattern, bool (*visit)(const char *path))
{
    glob_t found = { 0 };
    struct stat st;
    bool ok = true;
    if (stat(pattern, &st) == 0)
        return visit(pattern);
    ok = glob(pattern, GLOB_ERR, NULL, &found) == 0 && found.gl_pathc > 0;
    for (size_t i = 0; ok && i < found.gl_pathc; i++)
        ok = visit(found.gl_pathv[i]);
    globfree(&found);
    return ok;
}
