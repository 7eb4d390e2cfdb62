#include "server/engine/duck_rewrite.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "server/engine/duck_copy.h"
#include "server/engine/schema_types.h"

enum { ARENA_MAX = 64 << 20, SQL_MAX = 1 << 16, NAME_MAX_ = PATH_MAX + 16 };

struct rewriting {
    const struct duck_rewrite *r;
    struct duck duck; /* a database of its own, that holds whom */
    struct arena a;
    char sql[SQL_MAX];
};

static enum err_code cannot(struct err *err, const char *what, const char *why)
{
    (void)err_set(err, ERR_INTERNAL,
                  "%s cannot be written anew without those who were erased: %s",
                  what, why);
    return err_hint(err, "their owner can delete them: 'halftone erasures "
                         "sign' makes the list");
}

/* "/data/.orders.parquet.erased": no pattern of a policy matches it. */
static void beside(char out[NAME_MAX_], const char *file, const char *ending)
{
    const char *slash = strrchr(file, '/');
    const char *name = slash ? slash + 1 : file;
    (void)snprintf(out, NAME_MAX_, "%.*s.%s%s", (int)(name - file), file, name,
                   ending);
}
static const char FRESH[] = ".erased", WORK[] = ".erasing";

/* ---- statements ---- */

/* As the view shows the key, and as the list has it. */
static void print_key(struct writer *w, const struct policy_column *key)
{
    writer_str(w, "CAST(TRY_CAST(");
    duck_ident(w, policy_stored_name(key));
    writer_printf(w,
                  " AS %s) AS VARCHAR) IN (SELECT k FROM "
                  "memory.main.whom WHERE k IS NOT NULL)",
                  schema_target_name(key->type));
}

static void print_subject(struct writer *w, const struct policy *p)
{
    writer_str(w, "CAST(");
    duck_ident(w, p->map.subject);
    writer_str(w, " AS VARCHAR) IN (SELECT s FROM memory.main.whom)");
}

/* A source that holds people: a table's, or the map's (t NULL). */
static void print_hers(struct writer *w, const struct policy *p,
                       const struct policy_table *t)
{
    if (t)
        print_key(w, &t->columns[t->key]);
    else
        print_subject(w, p);
}

static bool run(struct rewriting *m, const struct writer *w)
{
    return !w->overflow && duck_exec(&m->duck, m->sql);
}

static struct writer begin(struct rewriting *m)
{
    return writer_of(m->sql, sizeof m->sql);
}

/* The people, in a table of the writer's own. */
static enum err_code load_whom(struct rewriting *m, struct err *err)
{
    const struct engine_erased *all = m->r->whom;
    duckdb_appender add = NULL;
    bool ok = duck_exec(&m->duck, "SET GLOBAL preserve_insertion_order = true;"
                                  "CREATE TABLE memory.main.whom (k VARCHAR, s "
                                  "VARCHAR)") &&
              duckdb_appender_create(m->duck.con, "main", "whom", &add) ==
                  DuckDBSuccess;
    for (size_t i = 0; ok && i < all->n; i++) {
        const struct engine_found *f = &all->v[i];
        ok = (f->key ? duckdb_append_varchar(add, f->key)
                     : duckdb_append_null(add)) == DuckDBSuccess &&
             duckdb_append_varchar(add, f->subject) == DuckDBSuccess &&
             duckdb_appender_end_row(add) == DuckDBSuccess;
    }
    ok = ok && duckdb_appender_close(add) == DuckDBSuccess;
    (void)duckdb_appender_destroy(&add);
    return ok ? ERR_OK
              : err_set(err, ERR_LIMIT, "no memory for those who were erased");
}

/* ---- sources that hold people ---- */

typedef enum err_code source_fn(struct rewriting *m, const char *source,
                                const struct policy_table *t, struct err *err);

/* Tables, then the map: a crash between leaves who is left in the map. */
static enum err_code each_source(struct rewriting *m, source_fn *visit,
                                 struct err *err)
{
    const struct policy *p = m->r->policy;
    for (size_t i = 0; i < p->n_tables; i++)
        if (p->tables[i].owned)
            TRY(visit(m, p->tables[i].source, &p->tables[i], err));
    return p->map.source ? visit(m, p->map.source, NULL, err) : ERR_OK;
}

/* ---- Parquet ---- */

/* The file's own columns, without those that its folders' names tell. */
static void print_file(struct writer *w, const char *file)
{
    writer_str(w, "read_parquet(");
    duck_literal(w, file);
    writer_str(w, ", hive_partitioning = false)");
}

/* Rows of hers.  A file that cannot be read is not one that has none. */
static enum err_code count_hers(uint64_t *n, struct rewriting *m,
                                const char *file, const struct policy_table *t,
                                struct err *err)
{
    struct writer w = begin(m);
    writer_str(&w, "SELECT count(*) FROM ");
    print_file(&w, file);
    writer_str(&w, " WHERE ");
    print_hers(&w, m->r->policy, t);
    return writer_cstr(&w) && duck_count(n, &m->duck, m->sql)
               ? ERR_OK
               : cannot(err, file, "DuckDB cannot read it");
}

static const char *compression_of(struct rewriting *m, const char *file)
{
    static const char *const known[] = { "SNAPPY", "ZSTD",    "GZIP",
                                         "BROTLI", "LZ4_RAW", "UNCOMPRESSED" };
    struct writer w = begin(m);
    writer_str(&w, "SELECT min(compression) FROM parquet_metadata(");
    duck_literal(&w, file);
    writer_str(&w, ")");
    const char *found =
        writer_cstr(&w) ? duck_text(&m->duck, m->sql, &m->a) : NULL;
    for (size_t i = 0; found && i < sizeof known / sizeof known[0]; i++)
        if (strcmp(found, known[i]) == 0)
            return known[i];
    return "ZSTD";
}

static enum err_code write_parquet(struct rewriting *m, const char *file,
                                   const char *fresh,
                                   const struct policy_table *t,
                                   struct err *err)
{
    const char *compression = compression_of(m, file);
    struct writer w = begin(m);
    writer_str(&w, "COPY (SELECT * FROM ");
    print_file(&w, file);
    writer_str(&w, " WHERE NOT coalesce(");
    print_hers(&w, m->r->policy, t);
    writer_str(&w, ", false)) TO ");
    duck_literal(&w, fresh);
    writer_printf(&w, " (FORMAT parquet, COMPRESSION %s, USE_TMP_FILE false)",
                  compression);
    (void)writer_cstr(&w);
    if (!run(m, &w))
        return cannot(err, file, "DuckDB cannot write it; is the disk full?");
    /* The same columns and, of the rows, those that are left. */
    w = begin(m);
    writer_str(&w, "SELECT (SELECT count(*) FROM ");
    print_file(&w, fresh);
    writer_str(&w, ") = (SELECT count(*) FROM ");
    print_file(&w, file);
    writer_str(&w, " WHERE NOT coalesce(");
    print_hers(&w, m->r->policy, t);
    writer_str(&w, ", false)) AND (SELECT count(*) FROM (SELECT column_name, "
                   "column_type FROM (DESCRIBE FROM ");
    print_file(&w, fresh);
    writer_str(&w, ") EXCEPT SELECT column_name, column_type FROM (DESCRIBE "
                   "FROM ");
    print_file(&w, file);
    writer_str(&w, "))) = 0");
    return writer_cstr(&w) && duck_is_true(&m->duck, m->sql)
               ? ERR_OK
               : cannot(err, file, "what was written is not the same");
}

/* The new file takes the old one's place, which is what it was. */
static enum err_code replace(const struct duck_rewrite *r, const char *file,
                             const char *fresh, const struct stat *was,
                             struct err *err)
{
    TRY(duck_settle(fresh, was, err));
    if (!r->wait_idle(r->ctx))
        return err_set(err, ERR_UNAVAILABLE,
                       "%s is always read: it was not replaced", file);
    const enum err_code code = duck_replace(file, fresh, was, err);
    r->go_on(r->ctx); /* queries need not wait for the disk */
    return code == ERR_OK ? duck_keep_name(file, err) : code;
}

static enum err_code rewrite_parquet(struct rewriting *m, const char *file,
                                     const struct policy_table *t,
                                     struct err *err)
{
    char fresh[NAME_MAX_];
    struct stat was;
    beside(fresh, file, FRESH);
    if (stat(file, &was) != 0)
        return err_set(err, ERR_UNAVAILABLE, "%s: %s", file, strerror(errno));
    (void)unlink(fresh);
    enum err_code code = write_parquet(m, file, fresh, t, err);
    if (code == ERR_OK)
        code = replace(m->r, file, fresh, &was, err);
    (void)unlink(fresh);
    return code;
}

static enum err_code rewrite_files(struct rewriting *m, const char *source,
                                   const struct policy_table *t,
                                   struct err *err)
{
    struct source s;
    TRY(source_of_files(&s, &m->duck, source, &m->a, err));
    if (s.kind != SOURCE_KIND_PARQUET)
        return cannot(err, source, "it is not Parquet");
    for (size_t i = 0; i < s.n_files; i++) {
        uint64_t n;
        TRY(count_hers(&n, m, s.files[i], t, err));
        if (n > 0)
            TRY(rewrite_parquet(m, s.files[i], t, err));
    }
    return ERR_OK;
}

/* ---- a DuckDB file ---- */

static enum err_code delete_rows(struct rewriting *m, const char *source,
                                 const struct policy_table *t, struct err *err)
{
    const char *dot = strchr(source, '.');
    const char *schema =
        dot ? arena_strndup(&m->a, source, (size_t)(dot - source)) : "main";
    struct writer w = begin(m);
    writer_str(&w, "DELETE FROM old.");
    duck_ident(&w, schema ? schema : "");
    writer_str(&w, ".");
    duck_ident(&w, dot ? dot + 1 : source);
    writer_str(&w, " WHERE ");
    print_hers(&w, m->r->policy, t);
    (void)writer_cstr(&w);
    return schema && run(m, &w)
               ? ERR_OK
               : cannot(err, source,
                        "it is a view, or a constraint holds its rows");
}

static bool attach(struct rewriting *m, const char *file, const char *name)
{
    struct writer w = begin(m);
    writer_str(&w, "ATTACH ");
    duck_literal(&w, file);
    writer_printf(&w, " AS %s (TYPE duckdb)", name);
    (void)writer_cstr(&w);
    return run(m, &w);
}

static enum err_code fill_database(struct rewriting *m, const char *path,
                                   const char *work, const char *fresh,
                                   struct err *err)
{
    if (!attach(m, work, "old"))
        return cannot(err, path, "DuckDB cannot open a copy of it");
    TRY(each_source(m, delete_rows, err));
    if (!attach(m, fresh, "new") ||
        !duck_exec(&m->duck, "COPY FROM DATABASE old TO new"))
        return cannot(err, path,
                      "it has foreign keys, or the disk is full, or DuckDB "
                      "cannot copy all that is in it");
    if (!duck_same_database(&m->duck, "old", "new", &m->a))
        return cannot(err, path, "what was written is not the same");
    return duck_exec(&m->duck, "CHECKPOINT new; DETACH new; DETACH old")
               ? ERR_OK
               : cannot(err, path, "it cannot be closed");
}

static void unlink_with_log(const char *path)
{
    char log[NAME_MAX_ + 8];
    (void)snprintf(log, sizeof log, "%s.wal", path);
    (void)unlink(path);
    (void)unlink(log);
}

static enum err_code rewrite_database(struct rewriting *m, const char *path,
                                      struct err *err)
{
    char work[NAME_MAX_], fresh[NAME_MAX_], log[NAME_MAX_];
    struct stat was;
    beside(work, path, WORK);
    beside(fresh, path, FRESH);
    (void)snprintf(log, sizeof log, "%s.wal", path);
    if (access(log, F_OK) == 0)
        return err_set(err, ERR_UNAVAILABLE,
                       "%s has a log that was not written into it: somebody "
                       "writes it, or did not close it",
                       path);
    unlink_with_log(work);
    unlink_with_log(fresh);
    enum err_code code = duck_copy_file(work, path, &was, err);
    if (code == ERR_OK)
        code = fill_database(m, path, work, fresh, err);
    duck_close(&m->duck); /* nothing of it is open when it takes its place */
    if (code == ERR_OK)
        code = duck_settle(fresh, &was, err);
    if (code == ERR_OK)
        code = duck_replace(path, fresh, &was, err);
    if (code == ERR_OK)
        code = duck_keep_name(path, err);
    unlink_with_log(work);
    unlink_with_log(fresh);
    return code;
}

/* ---- all of it ---- */

static enum err_code rewrite(struct rewriting *m, struct err *err)
{
    const struct policy *p = m->r->policy;
    char path[PATH_MAX];
    TRY(load_whom(m, err));
    if (p->source != SOURCE_DUCKDB)
        return each_source(m, rewrite_files, err);
    if (!realpath(p->database, path))
        return err_set(err, ERR_UNAVAILABLE, "%s: %s", p->database,
                       strerror(errno));
    return rewrite_database(m, path, err);
}

enum err_code duck_rewrite_run(const struct duck_rewrite *r, struct err *err)
{
    struct rewriting *m = calloc(1, sizeof *m);
    if (!m)
        return err_set(err, ERR_LIMIT, "out of memory");
    m->r = r;
    arena_init(&m->a, ARENA_MAX);
    enum err_code code = duck_open(&m->duck, r->options, err);
    if (code == ERR_OK)
        code = rewrite(m, err);
    duck_close(&m->duck);
    arena_fini(&m->a);
    free(m);
    return code;
}

/* ---- what can be told before ---- */

static bool is_writable(const char *path)
{
    char folder[PATH_MAX];
    if (!realpath(path, folder) || access(folder, R_OK | W_OK) != 0)
        return false;
    char *slash = strrchr(folder, '/');
    slash[slash == folder] = '\0';
    return access(folder, W_OK | X_OK) == 0;
}

/* Calls visit for each file of each source that holds people. */
static bool each_file(const struct policy *p, bool (*visit)(const char *path))
{
    if (p->source == SOURCE_DUCKDB)
        return visit(p->database);
    bool ok = true;
    for (size_t i = 0; i <= p->n_tables; i++) {
        const char *source =
            i < p->n_tables ? p->tables[i].source : p->map.source;
        if (source && (i == p->n_tables || p->tables[i].owned))
            ok &= duck_each_match(source, visit);
    }
    return ok;
}

static bool can_replace(const char *path)
{
    return is_writable(path) &&
           (duck_is_parquet(path) || source_is_database(path));
}

bool duck_rewrite_can(const struct policy *p)
{
    return each_file(p, can_replace);
}

static bool clean(const char *path)
{
    char name[NAME_MAX_];
    char real[PATH_MAX];
    if (!realpath(path, real))
        return true;
    beside(name, real, FRESH);
    unlink_with_log(name);
    beside(name, real, WORK);
    unlink_with_log(name);
    return true;
}

void duck_rewrite_clean(const struct policy *p)
{
    (void)each_file(p, clean);
}
