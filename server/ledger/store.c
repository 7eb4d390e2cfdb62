#include "server/ledger/store.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "server/base/cleanup.h"
#include "server/ledger/log_vfs.h"
#include "server/ledger/schema.h"

enum { PATH_CAP = 4096, BUSY_MS = 2000, SQL_CAP = 128 };

static const char *const SQL_TEXT[SQL_COUNT] = {
#define STMT(name, text) [SQL_##name] = text,
#include "server/ledger/sql.def"
#undef STMT
};

/* The one place that records an error. */
static bool failed(struct store *s, int rc)
{
    if (rc == SQLITE_OK || rc == SQLITE_ROW || rc == SQLITE_DONE)
        return false;
    if (s->rc == SQLITE_OK)
        s->rc = rc;
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

static bool start(struct store *s, enum sql sql, const char *types, va_list *ap)
{
    if (s->rc != SQLITE_OK)
        return false;
    for (int at = 1; types[at - 1]; at++)
        if (failed(s, bind_one(s->stmts[sql], at, types[at - 1], ap)))
            return false;
    return store_next(s, sql);
}

bool store_next(struct store *s, enum sql sql)
{
    if (s->rc != SQLITE_OK)
        return false;
    const int rc = sqlite3_step(s->stmts[sql]);
    if (rc == SQLITE_ROW)
        return true;
    (void)failed(s, rc);
    store_end(s, sql);
    return false;
}

/* Its code repeats that of the step before. */
void store_end(struct store *s, enum sql sql)
{
    (void)sqlite3_reset(s->stmts[sql]);
}

bool store_find(struct store *s, enum sql sql, const char *types, ...)
{
    va_list ap;
    va_start(ap, types);
    const bool found = start(s, sql, types, &ap);
    va_end(ap);
    return found;
}

void store_run(struct store *s, enum sql sql, const char *types, ...)
{
    va_list ap;
    va_start(ap, types);
    const bool row = start(s, sql, types, &ap);
    va_end(ap);
    if (row)
        store_end(s, sql);
}

int64_t store_int(struct store *s, enum sql sql, int column)
{
    return sqlite3_column_int64(s->stmts[sql], column);
}

uint64_t store_amount(struct store *s, enum sql sql, int column)
{
    const int64_t v = store_int(s, sql, column);
    if (v >= 0)
        return (uint64_t)v;
    (void)failed(s, SQLITE_CORRUPT);
    return 0;
}

const char *store_text(struct store *s, enum sql sql, int column)
{
    const char *text = (const char *)sqlite3_column_text(s->stmts[sql], column);
    if (!text)
        (void)failed(s, SQLITE_NOMEM);
    return text ? text : "";
}

const void *store_blob(struct store *s, enum sql sql, int column, size_t *len)
{
    const void *data = sqlite3_column_blob(s->stmts[sql], column);
    *len = (size_t)sqlite3_column_bytes(s->stmts[sql], column);
    return data ? data : "";
}

void store_rollback(struct store *s)
{
    for (int i = 0; i < SQL_COUNT; i++)
        (void)sqlite3_reset(s->stmts[i]);
    s->rc = SQLITE_OK;
    if (!sqlite3_get_autocommit(s->db))
        (void)failed(s, sqlite3_exec(s->db, "ROLLBACK", NULL, NULL, NULL));
}

static int count_pages(void *pages, sqlite3 *db, const char *name, int n)
{
    (void)db;
    (void)name;
    *(uint32_t *)pages = (uint32_t)n;
    return SQLITE_OK;
}

void store_checkpoint(struct store *s)
{
    if (s->rc == SQLITE_OK)
        (void)failed(s, sqlite3_wal_checkpoint_v2(s->db, NULL,
                                                  SQLITE_CHECKPOINT_PASSIVE,
                                                  NULL, NULL));
}

int store_schema(sqlite3 *db)
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

static void run_text(struct store *s, const char *text)
{
    if (s->rc == SQLITE_OK)
        (void)failed(s, sqlite3_exec(s->db, text, NULL, NULL, NULL));
}

/* All or nothing: a crash half way leaves an empty file. */
static void create_schema(struct store *s)
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
static void upgrade_schema(struct store *s, int version)
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

static enum err_code check_schema(struct store *s, const char *path,
                                  struct err *err)
{
    const int version = store_schema(s->db);
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

static enum err_code damaged(const struct store *s, const char *path,
                             struct err *err)
{
    (void)err_set(err, ERR_INTERNAL, "ledger %s cannot be used: %s", path,
                  sqlite3_errstr(s->rc));
    return err_hint(err, "check the disk, then run: halftone ledger verify %s",
                    path);
}

/* synchronous FULL syncs the log at each commit; a deleted answer is zeroed. */
static void configure(struct store *s)
{
    run_text(s, "PRAGMA journal_mode = WAL;"
                "PRAGMA synchronous = FULL;"
                "PRAGMA foreign_keys = ON;"
                "PRAGMA trusted_schema = OFF;"
                "PRAGMA cell_size_check = ON;"
                "PRAGMA secure_delete = ON;"
                "PRAGMA temp_store = MEMORY;"
                "PRAGMA cache_size = -32768;");
    if (s->rc != SQLITE_OK)
        return;
    (void)sqlite3_busy_timeout(s->db, BUSY_MS);
    (void)sqlite3_wal_hook(s->db, count_pages, &s->log_pages);
    (void)sqlite3_db_config(s->db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
}

static void prepare_all(struct store *s)
{
    for (int i = 0; i < SQL_COUNT && s->rc == SQLITE_OK; i++)
        (void)failed(s, sqlite3_prepare_v3(s->db, SQL_TEXT[i], -1,
                                           SQLITE_PREPARE_PERSISTENT,
                                           &s->stmts[i], NULL));
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
    char dir[PATH_CAP];
    (void)snprintf(dir, sizeof dir, "%s", path);
    char *slash = strrchr(dir, '/');
    if (slash)
        slash[slash == dir] = '\0';
    AUTO_CLOSE int dir_fd =
        open(slash ? dir : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (dir_fd < 0 || fsync(dir_fd) != 0)
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

enum err_code store_open(struct store *s, const char *path, struct err *err)
{
    *s = (struct store){ .lock_fd = -1 };
    if (strlen(path) >= PATH_CAP)
        return err_set(err, ERR_NOT_FOUND, "the ledger's path is too long");
    TRY(create_file(path, err));
    TRY(lock_file(&s->lock_fd, path, err));
    const int flags =
        SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE;
    if (failed(s, sqlite3_open_v2(path, &s->db, flags, log_vfs_name())))
        return damaged(s, path, err);
    /* Not a ledger: refused before anything of it is touched. */
    if (store_schema(s->db) != 0)
        TRY(check_schema(s, path, err));
    configure(s);
    TRY(check_schema(s, path, err));
    prepare_all(s);
    /* What a failed sync left in the page cache only is written once more. */
    store_checkpoint(s);
    return s->rc == SQLITE_OK ? ERR_OK : damaged(s, path, err);
}

void store_close(struct store *s)
{
    if (s->db) {
        store_checkpoint(s);
        for (int i = 0; i < SQL_COUNT; i++)
            (void)sqlite3_finalize(s->stmts[i]);
        const int rc = sqlite3_close(s->db);
        assert(rc == SQLITE_OK);
    }
    if (s->lock_fd >= 0)
        (void)close(s->lock_fd);
    *s = (struct store){ .lock_fd = -1 };
}
