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
#include "server/base/durable.h"
#include "server/base/writer.h"
#include "server/ledger/migrate.h"
#include "server/ledger/recover.h"
#include "server/ledger/store_sqlite.h"

enum { ALL_PAGES = -1, PAGE = 1024, PATH_CAP = 4096 };

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

/* Of a database: its rows in a file, as a move would bring them. */
static enum err_code copy_rows(const char *aside, struct store *from,
                               struct err *err)
{
    static const uint8_t one = 1;
    struct store *to = NULL;
    char lock[PATH_CAP];
    TRY(store_open(&to, aside, err));
    store_begin(from);
    store_begin(to);
    migrate_rows(from, to);
    store_run(to, SQL_META_SET, "tb", "backup", &one, sizeof one);
    store_commit(to);
    store_checkpoint(to);
    if (store_query(to, "PRAGMA journal_mode = DELETE", ""))
        store_end(to, SQL_QUERY);
    const bool ok = from->rc == STORE_OK && to->rc == STORE_OK;
    const enum err_code code =
        ok ? ERR_OK
           : err_set(err, ERR_INTERNAL, "the copy failed: %s",
                     from->rc != STORE_OK ? from->why : to->why);
    store_close(to);
    (void)snprintf(lock, sizeof lock, "%s-lock", aside);
    (void)unlink(lock);
    return code;
}

enum err_code ledger_backup(const char *path, const char *to, struct err *err)
{
    char aside[PATH_CAP - 8];
    struct store *from = NULL;
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
    enum err_code code = store_open_read(&from, path, err);
    if (code == ERR_OK)
        code = ledger_is_shared(path)
                   ? copy_rows(aside, from, err)
                   : copy_to(aside, store_sqlite_db(from), err);
    store_close(from);
    if (code == ERR_OK &&
        (fsync(fd) != 0 || rename(aside, to) != 0 || !durable_name(to)))
        code = err_set(err, ERR_INTERNAL, "cannot name %s: %s", to,
                       strerror(errno));
    if (code != ERR_OK)
        (void)unlink(aside);
    return code;
}

/* The accounts of the last route that was read: many charges share one. */
struct route {
    int64_t id; /* 0 = none yet */
    char accounts[LEDGER_ACCOUNTS_MAX * 256];
};

static void read_route(struct route *r, struct store *s, int64_t id)
{
    struct writer w = writer_of(r->accounts, sizeof r->accounts);
    if (r->id == id)
        return;
    r->id = id;
    for (bool more = store_find(s, SQL_EXPORT_ACCOUNTS, "i", id); more;
         more = store_next(s, SQL_EXPORT_ACCOUNTS))
        writer_printf(&w, "%s%s", w.len ? " " : "",
                      store_text(s, SQL_EXPORT_ACCOUNTS, 0));
    store_end(s, SQL_EXPORT_ACCOUNTS);
    if (!writer_cstr(&w))
        store_fail(s, STORE_FAILED, "the names of accounts are too long");
}

static struct ledger_export_row read_row(struct store *s)
{
    return (struct ledger_export_row){
        .principal = store_text(s, SQL_EXPORT, 2),
        .dataset = store_text(s, SQL_EXPORT, 3),
        .purpose = store_text(s, SQL_EXPORT, 4),
        .state =
            ledger_state_name((enum ledger_state)store_int(s, SQL_EXPORT, 5)),
        .charged_us = store_int(s, SQL_EXPORT, 6),
        .price = { store_amount(s, SQL_EXPORT, 7),
                   store_amount(s, SQL_EXPORT, 8),
                   store_amount(s, SQL_EXPORT, 9) },
        .policy_version = store_amount(s, SQL_EXPORT, 10),
        .leaf = store_int(s, SQL_EXPORT, 11),
    };
}

/* Charges after *seq, which becomes the last one's. */
static enum err_code export_page(struct store *s, struct route *route,
                                 int64_t *seq, bool *any,
                                 ledger_export_fn *each, void *ctx,
                                 struct err *err)
{
    enum err_code code = ERR_OK;
    *any = store_find(s, SQL_EXPORT, "ii", *seq, (int64_t)PAGE);
    for (bool more = *any; more; more = store_next(s, SQL_EXPORT)) {
        struct ledger_id id = { { 0 } };
        struct ledger_export_row row = read_row(s);
        size_t len;
        const void *bytes = store_blob(s, SQL_EXPORT, 1, &len);
        if (len == sizeof id.bytes)
            memcpy(id.bytes, bytes, len);
        const struct ledger_hex hex = ledger_id_hex(id);
        row.id = hex.text;
        *seq = store_int(s, SQL_EXPORT, 0);
        read_route(route, s, store_int(s, SQL_EXPORT, 12));
        row.accounts = route->accounts;
        code = each(ctx, &row, err);
        if (code != ERR_OK) {
            store_end(s, SQL_EXPORT);
            return code;
        }
    }
    return s->rc == STORE_OK ? ERR_OK
                             : err_set(err, ERR_INTERNAL,
                                       "the ledger cannot be read: %s", s->why);
}

enum err_code ledger_export(const char *path, ledger_export_fn *each, void *ctx,
                            struct err *err)
{
    struct store *s = NULL;
    struct route route = { .id = 0 };
    int64_t seq = 0;
    bool any = true;
    TRY(store_open_read(&s, path, err));
    store_begin(s); /* one snapshot for all */
    enum err_code code = ERR_OK;
    while (any && code == ERR_OK)
        code = export_page(s, &route, &seq, &any, each, ctx, err);
    store_close(s);
    return code;
}
