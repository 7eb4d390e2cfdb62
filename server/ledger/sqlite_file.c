#include "server/ledger/sqlite_file.h"

#include <errno.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "server/base/durable.h"
#include "server/ledger/schema.h"

enum { SQL_CAP = 128 };

/* It is there, and this is its only name. */
static enum err_code make(struct sqlite_file *out, const char *path,
                          const char *what, struct err *err)
{
    struct stat st;
    out->fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, S_IRUSR | S_IWUSR);
    if (out->fd < 0 || fstat(out->fd, &st) != 0) {
        (void)err_set(err, ERR_NOT_FOUND, "cannot open %s %s: %s", what, path,
                      strerror(errno));
        return err_hint(err, "its folder must exist and be writable");
    }
    if (!realpath(path, out->path))
        return err_set(err, ERR_NOT_FOUND, "cannot resolve %s: %s", path,
                       strerror(errno));
    if (st.st_nlink > 1) {
        (void)err_set(err, ERR_CONFLICT,
                      "%s %s has another name: it has %lu hard links", what,
                      path, (unsigned long)st.st_nlink);
        return err_hint(err,
                        "who opened it by the other one would not see what "
                        "was written by this: keep one, the newest");
    }
    /* A copy that was put back may be anybody's to read. */
    if ((st.st_mode & (S_IRWXG | S_IRWXO)) != 0 &&
        fchmod(out->fd, S_IRUSR | S_IWUSR) != 0)
        return err_set(err, ERR_NOT_FOUND, "cannot make %s private: %s", path,
                       strerror(errno));
    return durable_name(out->path)
               ? ERR_OK
               : err_set(err, ERR_INTERNAL, "cannot sync the folder of %s: %s",
                         path, strerror(errno));
}

static enum err_code lock(struct sqlite_file *f, const char *path,
                          const char *what, struct err *err)
{
    char name[SQLITE_FILE_PATH + 8];
    (void)snprintf(name, sizeof name, "%s-lock", f->path);
    f->by_name = open(name, O_RDWR | O_CREAT | O_CLOEXEC, S_IRUSR | S_IWUSR);
    if (f->by_name < 0)
        return err_set(err, ERR_NOT_FOUND, "cannot open %s: %s", name,
                       strerror(errno));
    if (flock(f->by_name, LOCK_EX | LOCK_NB) == 0 &&
        flock(f->fd, LOCK_EX | LOCK_NB) == 0)
        return ERR_OK;
    (void)err_set(err, ERR_UNAVAILABLE, "%s %s is in use by another server",
                  what, path);
    return err_hint(err, "stop that server first; it has one writer");
}

enum err_code sqlite_file_take(struct sqlite_file *out, const char *path,
                               const char *what, struct err *err)
{
    *out = (struct sqlite_file){ .by_name = -1, .fd = -1 };
    enum err_code code = make(out, path, what, err);
    if (code == ERR_OK)
        code = lock(out, path, what, err);
    if (code != ERR_OK)
        sqlite_file_leave(out);
    return code;
}

void sqlite_file_leave(struct sqlite_file *f)
{
    if (f->by_name >= 0)
        (void)close(f->by_name);
    if (f->fd >= 0)
        (void)close(f->fd);
    f->by_name = f->fd = -1;
}

int sqlite_file_schema(sqlite3 *db)
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

/* Statements until one fails. */
static int run(sqlite3 *db, int rc, const char *text)
{
    return rc == SQLITE_OK ? sqlite3_exec(db, text, NULL, NULL, NULL) : rc;
}

static int create(sqlite3 *db, int rc)
{
    char stamp[SQL_CAP];
    (void)snprintf(stamp, sizeof stamp,
                   "PRAGMA application_id = %d; PRAGMA user_version = %d;",
                   SCHEMA_APPLICATION_ID, SCHEMA_VERSION);
    for (size_t i = 0; SCHEMA_SQL[i]; i++)
        rc = run(db, rc, SCHEMA_SQL[i]);
    return run(db, rc, stamp);
}

static int upgrade(sqlite3 *db, int rc, int version)
{
    char stamp[SQL_CAP];
    for (; version < SCHEMA_VERSION; version++) {
        rc = run(db, rc, SCHEMA_UPGRADES[version]);
        (void)snprintf(stamp, sizeof stamp, "PRAGMA user_version = %d;",
                       version + 1);
        rc = run(db, rc, stamp);
    }
    return rc;
}

int sqlite_file_upgrade(sqlite3 *db, int version)
{
    int rc = run(db, SQLITE_OK, "BEGIN IMMEDIATE");
    rc = version == 0 ? create(db, rc) : upgrade(db, rc, version);
    return run(db, rc, "COMMIT");
}
