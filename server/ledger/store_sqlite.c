#include "server/ledger/store_sqlite.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "server/base/cleanup.h"
#include "server/base/durable.h"
#include "server/ledger/log_vfs.h"
#include "server/ledger/schema.h"

enum { PATH_CAP = 4096, BUSY_MS = 2000, READ_BUSY_MS = 5000, SQL_CAP = 128 };
enum { PRIMARY_CODE = 0xff };

static const char *const SQL_TEXT[SQL_COUNT] = {
#define STMT(name, text) [SQL_##name] = text,
#include "server/ledger/sql.def"
#undef STMT
};

/* `base` is first, so that one pointer is both. */
struct sqlite_store {
    struct store base;
    sqlite3 *db;                    /* owned */
    sqlite3_stmt *stmts[SQL_COUNT]; /* owned; prepared when first used */
    char exec_text[STORE_TEXT_CAP]; /* of SQL_EXEC */
    int lock_fd;                    /* owned */
    uint32_t log_pages;             /* in the write-ahead log, at the last
                                       commit */
    bool reads;                     /* opened for reading */
};

static struct sqlite_store *of(struct store *s)
{
    return (struct sqlite_store *)s;
}

struct sqlite3 *store_sqlite_db(struct store *s)
{
    return of(s)->db;
}

/* The one place that records an error of SQLite's. */
static bool failed(struct sqlite_store *s, int rc)
{
    if (rc == SQLITE_OK || rc == SQLITE_ROW || rc == SQLITE_DONE)
        return false;
    const int primary = rc & PRIMARY_CODE;
    store_fail(&s->base,
               primary == SQLITE_CONSTRAINT || primary == SQLITE_TOOBIG ||
                       primary == SQLITE_RANGE
                   ? STORE_REFUSED
                   : STORE_FAILED,
               sqlite3_errstr(rc));
    return true;
}

static int bind_one(sqlite3_stmt *stmt, int at, char type, va_list *ap)
{
    if (type == 'i')
        return sqlite3_bind_int64(stmt, at, va_arg(*ap, int64_t));
    if (type == 't')
        return sqlite3_bind_text(stmt, at, va_arg(*ap, const char *), -1,
                                 SQLITE_STATIC);
    if (type == 'u') {
        const uint64_t v = va_arg(*ap, uint64_t);
        return v > INT64_MAX ? SQLITE_RANGE
                             : sqlite3_bind_int64(stmt, at, (int64_t)v);
    }
    assert(type == 'b');
    const void *data = va_arg(*ap, const void *);
    const size_t len = va_arg(*ap, size_t);
    /* A NULL pointer would bind NULL: zero bytes are bytes, too. */
    return sqlite3_bind_blob64(stmt, at, len ? data : "", len, SQLITE_STATIC);
}

/* Its code repeats that of the step before. */
static void sqlite_end(struct store *s, enum sql sql)
{
    (void)sqlite3_reset(of(s)->stmts[sql]);
}

static bool sqlite_next(struct store *s, enum sql sql)
{
    const int rc = sqlite3_step(of(s)->stmts[sql]);
    if (rc == SQLITE_ROW)
        return true;
    (void)failed(of(s), rc);
    sqlite_end(s, sql);
    return false;
}

static bool sqlite_start(struct store *base, enum sql sql, const char *types,
                         va_list *ap)
{
    struct sqlite_store *s = of(base);
    if (!s->stmts[sql] &&
        failed(s, sqlite3_prepare_v3(s->db, SQL_TEXT[sql], -1,
                                     SQLITE_PREPARE_PERSISTENT, &s->stmts[sql],
                                     NULL)))
        return false;
    for (int at = 1; types[at - 1]; at++)
        if (failed(s, bind_one(s->stmts[sql], at, types[at - 1], ap)))
            return false;
    return sqlite_next(base, sql);
}

static void sqlite_run(struct store *s, enum sql sql, const char *types,
                       va_list *ap)
{
    if (sqlite_start(s, sql, types, ap))
        sqlite_end(s, sql);
}

static bool sqlite_query(struct store *base, const char *text,
                         const char *types, va_list *ap)
{
    struct sqlite_store *s = of(base);
    (void)sqlite3_finalize(s->stmts[SQL_QUERY]);
    s->stmts[SQL_QUERY] = NULL;
    if (failed(s,
               sqlite3_prepare_v2(s->db, text, -1, &s->stmts[SQL_QUERY], NULL)))
        return false;
    return sqlite_start(base, SQL_QUERY, types, ap);
}

static int bind_value(sqlite3_stmt *stmt, int at, const struct store_value *v)
{
    if (v->type == 'n')
        return sqlite3_bind_null(stmt, at);
    if (v->type == 'i')
        return sqlite3_bind_int64(stmt, at, v->number);
    return v->type == 't' ? sqlite3_bind_text64(stmt, at, v->data, v->len,
                                                SQLITE_STATIC, SQLITE_UTF8)
                          : sqlite3_bind_blob64(stmt, at, v->len ? v->data : "",
                                                v->len, SQLITE_STATIC);
}

static void sqlite_exec(struct store *base, const char *text,
                        const struct store_value *values, size_t n)
{
    struct sqlite_store *s = of(base);
    sqlite3_stmt **stmt = &s->stmts[SQL_EXEC];
    if (strcmp(s->exec_text, text) != 0) {
        (void)sqlite3_finalize(*stmt);
        *stmt = NULL;
        (void)snprintf(s->exec_text, sizeof s->exec_text, "%s", text);
        if (failed(s, sqlite3_prepare_v2(s->db, text, -1, stmt, NULL)))
            return;
    }
    for (size_t i = 0; i < n; i++)
        if (failed(s, bind_value(*stmt, (int)i + 1, &values[i])))
            return;
    if (sqlite_next(base, SQL_EXEC))
        sqlite_end(base, SQL_EXEC);
}

static int64_t sqlite_integer(struct store *s, enum sql sql, int column)
{
    return sqlite3_column_int64(of(s)->stmts[sql], column);
}

static const void *sqlite_bytes(struct store *s, enum sql sql, int column,
                                size_t *len)
{
    sqlite3_stmt *stmt = of(s)->stmts[sql];
    const void *data = sqlite3_column_type(stmt, column) == SQLITE_BLOB
                           ? sqlite3_column_blob(stmt, column)
                           : (const void *)sqlite3_column_text(stmt, column);
    *len = (size_t)sqlite3_column_bytes(stmt, column);
    if (!data && sqlite3_column_type(stmt, column) == SQLITE_TEXT)
        (void)failed(of(s), SQLITE_NOMEM);
    return data || sqlite3_column_type(stmt, column) == SQLITE_NULL ? data : "";
}

static void run_text(struct sqlite_store *s, const char *text)
{
    if (s->base.rc == STORE_OK)
        (void)failed(s, sqlite3_exec(s->db, text, NULL, NULL, NULL));
}

static void sqlite_begin(struct store *s)
{
    run_text(of(s), "BEGIN");
}

static bool sqlite_writes(struct store *s)
{
    return sqlite3_txn_state(of(s)->db, NULL) == SQLITE_TXN_WRITE;
}

static void sqlite_commit(struct store *s)
{
    run_text(of(s), "COMMIT");
}

static void sqlite_rollback(struct store *base)
{
    struct sqlite_store *s = of(base);
    for (int i = 0; i < SQL_COUNT; i++)
        (void)sqlite3_reset(s->stmts[i]);
    if (!sqlite3_get_autocommit(s->db))
        run_text(s, "ROLLBACK");
}

/* The triggers of the file: dropped and kept as text, or made again. */
static void sqlite_let_in(struct store *base, bool is_open)
{
    struct sqlite_store *s = of(base);
    if (is_open) {
        run_text(s, "CREATE TEMP TABLE guards AS SELECT name, sql FROM"
                    " sqlite_schema WHERE type = 'trigger'");
        bool more = store_query(base,
                                "SELECT 'DROP TRIGGER ' || name FROM"
                                " guards",
                                "");
        for (; more; more = store_next(base, SQL_QUERY))
            run_text(s, store_text(base, SQL_QUERY, 0));
    } else {
        bool more = store_query(base, "SELECT sql FROM guards", "");
        for (; more; more = store_next(base, SQL_QUERY))
            run_text(s, store_text(base, SQL_QUERY, 0));
        run_text(s, "DROP TABLE guards");
    }
}

static int count_pages(void *pages, sqlite3 *db, const char *name, int n)
{
    (void)db;
    (void)name;
    *(uint32_t *)pages = (uint32_t)n;
    return SQLITE_OK;
}

static bool sqlite_is_due(const struct store *s, uint32_t pages)
{
    return ((const struct sqlite_store *)s)->log_pages >= pages;
}

/* Fold the log into the file and make that durable. */
static void sqlite_checkpoint(struct store *base)
{
    struct sqlite_store *s = of(base);
    s->log_pages = 0;
    (void)failed(s, sqlite3_wal_checkpoint_v2(
                        s->db, NULL, SQLITE_CHECKPOINT_PASSIVE, NULL, NULL));
}

/* Fold the log into the file if nothing failed.  Also after an open that
 * failed. */
static void sqlite_close(struct store *base)
{
    struct sqlite_store *s = of(base);
    if (s->db) {
        if (!s->reads)
            store_checkpoint(base);
        for (int i = 0; i < SQL_COUNT; i++)
            (void)sqlite3_finalize(s->stmts[i]);
        const int rc = sqlite3_close(s->db);
        assert(rc == SQLITE_OK);
    }
    if (s->lock_fd >= 0)
        (void)close(s->lock_fd);
    free(s);
}

static const struct store_ops SQLITE_OPS = {
    .start = sqlite_start,
    .run = sqlite_run,
    .query = sqlite_query,
    .exec = sqlite_exec,
    .next = sqlite_next,
    .end = sqlite_end,
    .integer = sqlite_integer,
    .bytes = sqlite_bytes,
    .begin = sqlite_begin,
    .writes = sqlite_writes,
    .commit = sqlite_commit,
    .rollback = sqlite_rollback,
    .let_in = sqlite_let_in,
    .is_due = sqlite_is_due,
    .checkpoint = sqlite_checkpoint,
    .close = sqlite_close,
};

/* The version of the schema: 0 = an empty file, -1 = not a ledger. */
static int schema_of(sqlite3 *db)
{
    sqlite3_stmt *stmt = NULL;
    int version = -1;
    if (sqlite3_prepare_v2(db,
                           "SELECT a.application_id, v.user_version,"
                           " (SELECT count(*) FROM sqlite_schema)"
                           " FROM pragma_application_id a,"
                           " pragma_user_version v",
                           -1, &stmt, NULL) == SQLITE_OK &&
        sqlite3_step(stmt) == SQLITE_ROW) {
        if (sqlite3_column_int(stmt, 0) == SCHEMA_APPLICATION_ID)
            version = sqlite3_column_int(stmt, 1);
        else if (sqlite3_column_int(stmt, 2) == 0)
            version = 0;
    }
    (void)sqlite3_finalize(stmt);
    return version;
}

/* All or nothing: a crash half way leaves an empty file. */
static void create_schema(struct sqlite_store *s)
{
    char stamp[SQL_CAP];
    (void)snprintf(stamp, sizeof stamp,
                   "PRAGMA application_id = %d; PRAGMA user_version = %d;",
                   SCHEMA_APPLICATION_ID, SCHEMA_VERSION);
    run_text(s, "BEGIN IMMEDIATE");
    for (size_t i = 0; SCHEMA_SQL[i]; i++)
        run_text(s, SCHEMA_SQL[i]);
    run_text(s, stamp);
    run_text(s, "COMMIT");
}

/* Version by version, all in one transaction. */
static void upgrade_schema(struct sqlite_store *s, int version)
{
    char stamp[SQL_CAP];
    run_text(s, "BEGIN IMMEDIATE");
    for (; version < SCHEMA_VERSION; version++) {
        run_text(s, SCHEMA_UPGRADES[version]);
        (void)snprintf(stamp, sizeof stamp, "PRAGMA user_version = %d;",
                       version + 1);
        run_text(s, stamp);
    }
    run_text(s, "COMMIT");
}

static enum err_code check_schema(struct sqlite_store *s, const char *path,
                                  struct err *err)
{
    const int version = schema_of(s->db);
    if (version == 0)
        create_schema(s);
    else if (version < 0)
        return err_set(err, ERR_INTERNAL, "%s is not a ledger of Halftone",
                       path);
    else if (version > SCHEMA_VERSION)
        return err_set(err, ERR_INTERNAL,
                       "%s has schema %d and this server knows %d", path,
                       version, SCHEMA_VERSION);
    else if (version < SCHEMA_VERSION)
        upgrade_schema(s, version);
    return ERR_OK;
}

static enum err_code damaged(const struct sqlite_store *s, const char *path,
                             struct err *err)
{
    (void)err_set(err, ERR_INTERNAL, "ledger %s cannot be used: %s", path,
                  s->base.why);
    return err_hint(err, "check the disk, then run: halftone ledger verify %s",
                    path);
}

/* synchronous FULL syncs the log at each commit; a deleted answer is zeroed. */
static void configure(struct sqlite_store *s)
{
    run_text(s, "PRAGMA journal_mode = WAL;"
                "PRAGMA synchronous = FULL;"
                "PRAGMA foreign_keys = ON;"
                "PRAGMA trusted_schema = OFF;"
                "PRAGMA cell_size_check = ON;"
                "PRAGMA secure_delete = ON;"
                "PRAGMA temp_store = MEMORY;"
                "PRAGMA cache_size = -32768;");
    if (s->base.rc != STORE_OK)
        return;
    (void)sqlite3_busy_timeout(s->db, BUSY_MS);
    (void)sqlite3_wal_hook(s->db, count_pages, &s->log_pages);
    (void)sqlite3_db_config(s->db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
}

/* The file with mode 0600, its name durable before anything is in it. */
static enum err_code create_file(const char *path, struct err *err)
{
    AUTO_CLOSE int fd =
        open(path, O_RDWR | O_CREAT | O_CLOEXEC, S_IRUSR | S_IWUSR);
    if (fd < 0) {
        (void)err_set(err, ERR_NOT_FOUND, "cannot open ledger %s: %s", path,
                      strerror(errno));
        return err_hint(err, "its folder must exist and be writable");
    }
    if (!durable_name(path))
        return err_set(err, ERR_INTERNAL, "cannot sync the folder of %s: %s",
                       path, strerror(errno));
    return ERR_OK;
}

/* One lock per file, whatever links lead to it; it ends with the process. */
static enum err_code lock_file(int *out, const char *path, struct err *err)
{
    char real[PATH_CAP], name[PATH_CAP + 8];
    if (!realpath(path, real))
        return err_set(err, ERR_NOT_FOUND, "cannot resolve %s: %s", path,
                       strerror(errno));
    (void)snprintf(name, sizeof name, "%s-lock", real);
    AUTO_CLOSE int fd =
        open(name, O_RDWR | O_CREAT | O_CLOEXEC, S_IRUSR | S_IWUSR);
    if (fd < 0)
        return err_set(err, ERR_NOT_FOUND, "cannot open %s: %s", name,
                       strerror(errno));
    if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
        (void)err_set(err, ERR_UNAVAILABLE,
                      "ledger %s is in use by another server", path);
        return err_hint(err, "stop that server first; a ledger has one writer");
    }
    *out = take_fd(&fd);
    return ERR_OK;
}

static struct sqlite_store *new_store(void)
{
    struct sqlite_store *s = calloc(1, sizeof *s);
    if (s) {
        s->base.ops = &SQLITE_OPS;
        s->lock_fd = -1;
    }
    return s;
}

static enum err_code open_to_write(struct sqlite_store *s, const char *path,
                                   struct err *err)
{
    if (strlen(path) >= PATH_CAP)
        return err_set(err, ERR_NOT_FOUND, "the ledger's path is too long");
    TRY(create_file(path, err));
    TRY(lock_file(&s->lock_fd, path, err));
    const int flags =
        SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE;
    if (failed(s, sqlite3_open_v2(path, &s->db, flags, log_vfs_name())))
        return damaged(s, path, err);
    /* Not a ledger: refused before anything of it is touched. */
    if (schema_of(s->db) != 0)
        TRY(check_schema(s, path, err));
    configure(s);
    TRY(check_schema(s, path, err));
    /* What a failed sync left in the page cache only is written once more. */
    store_checkpoint(&s->base);
    return s->base.rc == STORE_OK ? ERR_OK : damaged(s, path, err);
}

static enum err_code open_to_read(struct sqlite_store *s, const char *path,
                                  struct err *err)
{
    s->reads = true;
    const int flags = SQLITE_OPEN_READONLY | SQLITE_OPEN_NOMUTEX;
    if (sqlite3_open_v2(path, &s->db, flags, NULL) != SQLITE_OK) {
        (void)err_set(err, ERR_NOT_FOUND, "cannot read ledger %s: %s", path,
                      s->db ? sqlite3_errmsg(s->db) : "out of memory");
        return err_hint(err, "name the server's ledger file");
    }
    (void)sqlite3_busy_timeout(s->db, READ_BUSY_MS);
    const int version = schema_of(s->db);
    if (version == SCHEMA_VERSION)
        return ERR_OK;
    (void)err_set(err, ERR_INTERNAL,
                  version > 0 ? "%s is a ledger of another version"
                              : "%s is not a ledger of Halftone",
                  path);
    return err_hint(err, version > 0
                             ? "start its server once: it upgrades the file"
                             : "name the server's ledger file");
}

static enum err_code hand_out(struct store **out, struct sqlite_store *s,
                              enum err_code code)
{
    if (code == ERR_OK)
        *out = &s->base;
    else
        sqlite_close(&s->base);
    return code;
}

enum err_code store_sqlite_open(struct store **out, const char *path,
                                struct err *err)
{
    struct sqlite_store *s = new_store();
    return s ? hand_out(out, s, open_to_write(s, path, err))
             : err_set(err, ERR_LIMIT, "out of memory");
}

enum err_code store_sqlite_open_read(struct store **out, const char *path,
                                     struct err *err)
{
    struct sqlite_store *s = new_store();
    return s ? hand_out(out, s, open_to_read(s, path, err))
             : err_set(err, ERR_LIMIT, "out of memory");
}
