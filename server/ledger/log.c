#include "server/ledger/log.h"

#include <assert.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>

#include "server/ledger/journal.h"
#include "server/ledger/ledger.h"
#include "server/ledger/schema.h"
#include "server/ledger/store.h"

enum { BUSY_MS = 5000 };

struct ledger_log {
    sqlite3 *db; /* owned */
};

static enum err_code unreadable(const struct ledger_log *log, struct err *err)
{
    return err_set(err, ERR_INTERNAL, "the audit log cannot be read: %s",
                   sqlite3_errmsg(log->db));
}

static enum err_code open_db(struct ledger_log *log, const char *path,
                             struct err *err)
{
    const int flags = SQLITE_OPEN_READONLY | SQLITE_OPEN_NOMUTEX;
    if (sqlite3_open_v2(path, &log->db, flags, NULL) != SQLITE_OK) {
        (void)err_set(err, ERR_NOT_FOUND, "cannot read ledger %s: %s", path,
                      log->db ? sqlite3_errmsg(log->db) : "out of memory");
        return err_hint(err, "name the server's ledger file");
    }
    (void)sqlite3_busy_timeout(log->db, BUSY_MS);
    const int version = store_schema(log->db);
    if (version == SCHEMA_VERSION)
        return ERR_OK;
    (void)err_set(err, ERR_INTERNAL,
                  version > 0 ? "%s is a ledger of another version"
                              : "%s is not a ledger of Halftone",
                  path);
    return err_hint(err, "start its server once: it upgrades the file");
}

enum err_code ledger_log_open(struct ledger_log **out, const char *path,
                              struct err *err)
{
    struct ledger_log *log = calloc(1, sizeof *log);
    if (!log)
        return err_set(err, ERR_LIMIT, "out of memory");
    const enum err_code code = open_db(log, path, err);
    if (code == ERR_OK)
        *out = log;
    else
        ledger_log_close(log);
    return code;
}

void ledger_log_close(struct ledger_log *log)
{
    if (!log)
        return;
    const int rc = sqlite3_close(log->db);
    assert(rc == SQLITE_OK);
    free(log);
}

struct merkle_reader ledger_log_reader(struct ledger_log *log)
{
    return (struct merkle_reader){ .read = journal_read, .ctx = log->db };
}

static enum err_code size_of(struct ledger_log *log, uint64_t *out,
                             struct err *err)
{
    sqlite3_stmt *stmt = NULL;
    int rc = sqlite3_prepare_v2(
        log->db, "SELECT coalesce(max(idx) + 1, 0) FROM log_leaves", -1, &stmt,
        NULL);
    if (rc == SQLITE_OK && (rc = sqlite3_step(stmt)) == SQLITE_ROW)
        *out = (uint64_t)sqlite3_column_int64(stmt, 0);
    (void)sqlite3_finalize(stmt);
    return rc == SQLITE_ROW ? ERR_OK : unreadable(log, err);
}

enum err_code ledger_log_head(struct ledger_log *log,
                              struct merkle_frontier *out, struct err *err)
{
    /* What is read after the size was there when it was: the log only grows. */
    const struct merkle_reader reader = ledger_log_reader(log);
    uint64_t size;
    TRY(size_of(log, &size, err));
    return merkle_frontier_at(out, &reader, size, err);
}

/* Call `each` with the rows idx, salt, entry from `first`; *n how many. */
typedef bool each_fn(void *ctx, sqlite3_stmt *row);
static enum err_code each_entry(struct ledger_log *log, uint64_t first,
                                size_t limit, size_t *n, each_fn *each,
                                void *ctx, struct err *err)
{
    sqlite3_stmt *stmt = NULL;
    bool ok = true;
    int rc = sqlite3_prepare_v2(log->db,
                                "SELECT idx, salt, entry FROM log_leaves WHERE"
                                " idx >= ? ORDER BY idx LIMIT ?",
                                -1, &stmt, NULL);
    *n = 0;
    if (rc == SQLITE_OK) {
        (void)sqlite3_bind_int64(stmt, 1, (int64_t)first);
        (void)sqlite3_bind_int64(stmt, 2, (int64_t)limit);
        while (ok && (rc = sqlite3_step(stmt)) == SQLITE_ROW) {
            ok = sqlite3_column_bytes(stmt, 1) == AUDIT_SALT_LEN &&
                 sqlite3_column_bytes(stmt, 2) <= AUDIT_ENTRY_LEN &&
                 each(ctx, stmt);
            *n += ok;
        }
    }
    const enum err_code code =
        !ok ? err_set(err, ERR_LIMIT, "the audit log does not fit into memory")
        : rc == SQLITE_DONE ? ERR_OK
                            : unreadable(log, err);
    (void)sqlite3_finalize(stmt);
    return code;
}

static struct audit_salt salt_of(sqlite3_stmt *row)
{
    struct audit_salt salt;
    memcpy(salt.bytes, sqlite3_column_blob(row, 1), sizeof salt.bytes);
    return salt;
}

static bool print_commitment(void *ctx, sqlite3_stmt *row)
{
    const struct audit_salt salt = salt_of(row);
    const struct merkle_hash commitment =
        audit_commitment(&salt, sqlite3_column_text(row, 2),
                         (size_t)sqlite3_column_bytes(row, 2));
    writer_be16(ctx, sizeof commitment.bytes);
    writer_bytes(ctx, commitment.bytes, sizeof commitment.bytes);
    return true;
}

enum err_code ledger_log_tile(struct ledger_log *log, struct writer *w,
                              const struct tile *t, struct err *err)
{
    const struct merkle_reader reader = ledger_log_reader(log);
    uint64_t size;
    size_t n;
    TRY(size_of(log, &size, err));
    if (t->kind == TILE_CHECKPOINT || !tile_exists(t, size)) {
        (void)err_set(err, ERR_NOT_FOUND, "the log has no such tile");
        return err_hint(err, "fetch the checkpoint first: it says how long the "
                             "log is");
    }
    if (t->kind == TILE_HASHES)
        return tile_hashes(w, t, &reader, err);
    return each_entry(log, t->index * MERKLE_TILE, t->width, &n,
                      print_commitment, w, err);
}

struct collect {
    struct ledger_log_entry *entries;
    size_t n;
    struct arena *a;
};

static bool collect_entry(void *ctx, sqlite3_stmt *row)
{
    struct collect *c = ctx;
    struct ledger_log_entry *e = &c->entries[c->n++];
    e->index = (uint64_t)sqlite3_column_int64(row, 0);
    e->salt = salt_of(row);
    e->entry = arena_strndup(c->a, (const char *)sqlite3_column_text(row, 2),
                             (size_t)sqlite3_column_bytes(row, 2));
    return e->entry != NULL;
}

enum err_code ledger_log_entries(struct ledger_log *log,
                                 struct ledger_log_entry **out, size_t *n,
                                 uint64_t first, size_t limit, struct arena *a,
                                 struct err *err)
{
    struct collect c = { .entries = ARENA_NEW_N(a, limit ? limit : 1,
                                                struct ledger_log_entry),
                         .a = a };
    *n = 0;
    if (!c.entries)
        return err_set(err, ERR_LIMIT, "the entries do not fit into memory");
    *out = c.entries;
    if (first > INT64_MAX)
        return ERR_OK;
    return each_entry(log, first, limit, n, collect_entry, &c, err);
}

enum err_code ledger_log_of_charge(struct ledger_log *log, uint64_t *index,
                                   const char *charge, struct err *err)
{
    sqlite3_stmt *stmt = NULL;
    struct ledger_id id;
    bool found = false;
    if (ledger_id_parse(&id, charge) &&
        sqlite3_prepare_v2(log->db, "SELECT leaf FROM charges WHERE id = ?", -1,
                           &stmt, NULL) == SQLITE_OK) {
        (void)sqlite3_bind_blob(stmt, 1, id.bytes, sizeof id.bytes,
                                SQLITE_STATIC);
        found = sqlite3_step(stmt) == SQLITE_ROW;
        *index = found ? (uint64_t)sqlite3_column_int64(stmt, 0) : 0;
    }
    (void)sqlite3_finalize(stmt);
    if (found)
        return ERR_OK;
    (void)err_set(err, ERR_NOT_FOUND, "there is no charge '%.40s'", charge);
    return err_hint(err, "the id is the 32 hexadecimal digits of a receipt's "
                         "query_id");
}
