/* Copies of a ledger: backups and exports.  Declared in recover.h. */
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "server/base/cleanup.h"
#include "server/ledger/recover.h"
#include "server/ledger/schema.h"
#include "server/ledger/store.h"

enum { BUSY_MS = 5000, ALL_PAGES = -1 };

static enum err_code open_for_reading(sqlite3 **db, const char *path,
                                      struct err *err)
{
    int version = 0;
    if (sqlite3_open_v2(path, db, SQLITE_OPEN_READONLY, NULL) == SQLITE_OK) {
        (void)sqlite3_busy_timeout(*db, BUSY_MS);
        version = store_schema(*db);
        if (version == SCHEMA_VERSION)
            return ERR_OK;
    }
    (void)err_set(err, ERR_NOT_FOUND, "cannot read ledger %s: %s", path,
                  version > 0   ? "it is of another version"
                  : version < 0 ? "it is not a ledger of Halftone"
                  : *db         ? sqlite3_errmsg(*db)
                                : "out of memory");
    return err_hint(err, "name the server's ledger file");
}

/* In one go: a server goes on writing its log beside that. */
static int copy_pages(sqlite3 *to, sqlite3 *from)
{
    sqlite3_backup *copy = sqlite3_backup_init(to, "main", from, "main");
    const int rc = copy ? sqlite3_backup_step(copy, ALL_PAGES) : SQLITE_OK;
    const int end = copy ? sqlite3_backup_finish(copy) : sqlite3_errcode(to);
    return rc == SQLITE_DONE ? end : rc;
}

static int mark(sqlite3 *db)
{
    return sqlite3_exec(db,
                        "PRAGMA journal_mode = DELETE; PRAGMA synchronous ="
                        " FULL; INSERT OR REPLACE INTO meta VALUES ('backup',"
                        " x'01')",
                        NULL, NULL, NULL);
}

/* The copy is no ledger until it is whole and marked: one transaction cannot
 * span both, so the mark comes before the file gets its name. */
static enum err_code copy_to(const char *aside, sqlite3 *from, struct err *err)
{
    sqlite3 *to = NULL;
    int rc = sqlite3_open_v2(aside, &to,
                             SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, NULL);
    if (rc == SQLITE_OK)
        rc = copy_pages(to, from);
    if (rc == SQLITE_OK)
        rc = mark(to);
    const int closed = sqlite3_close(to);
    assert(closed == SQLITE_OK);
    return rc == SQLITE_OK ? ERR_OK
                           : err_set(err, ERR_INTERNAL, "the copy failed: %s",
                                     sqlite3_errstr(rc));
}

enum err_code ledger_backup(const char *path, const char *to, struct err *err)
{
    char aside[4096];
    sqlite3 *from = NULL;
    if (access(to, F_OK) == 0) {
        (void)err_set(err, ERR_INVALID, "%s exists", to);
        return err_hint(err, "name a new file");
    }
    (void)snprintf(aside, sizeof aside, "%s.part", to);
    (void)unlink(aside);
    AUTO_CLOSE int fd =
        open(aside, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, S_IRUSR | S_IWUSR);
    if (fd < 0)
        return err_set(err, ERR_NOT_FOUND, "cannot write %s: %s", aside,
                       strerror(errno));
    enum err_code code = open_for_reading(&from, path, err);
    if (code == ERR_OK)
        code = copy_to(aside, from, err);
    (void)sqlite3_close(from);
    if (code == ERR_OK && (fsync(fd) != 0 || rename(aside, to) != 0))
        code = err_set(err, ERR_INTERNAL, "cannot name %s: %s", to,
                       strerror(errno));
    if (code != ERR_OK)
        (void)unlink(aside);
    return code;
}

static const char *text_at(sqlite3_stmt *row, int column)
{
    const char *text = (const char *)sqlite3_column_text(row, column);
    return text ? text : "";
}

static uint64_t amount_at(sqlite3_stmt *row, int column)
{
    return (uint64_t)sqlite3_column_int64(row, column);
}

static enum err_code export_rows(sqlite3 *db, ledger_export_fn *each, void *ctx,
                                 struct err *err)
{
    sqlite3_stmt *row = NULL;
    enum err_code code = ERR_OK;
    int rc = sqlite3_prepare_v2(
        db,
        "SELECT lower(hex(id)), principal, dataset, purpose, state, charged_us,"
        " rho, eps, delta, policy_version, leaf FROM charges ORDER BY seq",
        -1, &row, NULL);
    while (rc == SQLITE_OK && code == ERR_OK &&
           sqlite3_step(row) == SQLITE_ROW) {
        const struct ledger_export_row out = {
            .id = text_at(row, 0),
            .principal = text_at(row, 1),
            .dataset = text_at(row, 2),
            .purpose = text_at(row, 3),
            .state = ledger_state_name(
                (enum ledger_state)sqlite3_column_int(row, 4)),
            .charged_us = sqlite3_column_int64(row, 5),
            .price = { amount_at(row, 6), amount_at(row, 7),
                       amount_at(row, 8) },
            .policy_version = amount_at(row, 9),
            .leaf = sqlite3_column_int64(row, 10),
        };
        code = each(ctx, &out, err);
    }
    rc = sqlite3_finalize(row);
    return code != ERR_OK ? code
           : rc == SQLITE_OK
               ? ERR_OK
               : err_set(err, ERR_INTERNAL, "the ledger cannot be read: %s",
                         sqlite3_errstr(rc));
}

enum err_code ledger_export(const char *path, ledger_export_fn *each, void *ctx,
                            struct err *err)
{
    sqlite3 *db = NULL;
    enum err_code code = open_for_reading(&db, path, err);
    if (code == ERR_OK)
        code = export_rows(db, each, ctx, err);
    (void)sqlite3_close(db);
    return code;
}
