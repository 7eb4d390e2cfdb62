#include "server/ledger/store_sqlite.h"

#include <assert.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/ledger/log_vfs.h"
#include "server/ledger/lookup.h"
#include "server/ledger/schema.h"
#include "server/ledger/sqlite_bind.h"
#include "server/ledger/sqlite_file.h"
#include "server/ledger/sqlite_waits.h"

enum { BUSY_MS = 2000, READ_BUSY_MS = 5000 };
enum { PRIMARY_CODE = 0xff };

/* That lookup.h keeps in memory, for each page of the log before a checkpoint:
 * LOOKUP_TAIL by default, few where tests make a log of few. */
enum { PAIRS_A_PAGE = 8 };

static const char *const SQL_TEXT[SQL_COUNT] = {
#define STMT(name, text) [SQL_##name] = text,
#include "server/ledger/sql.def"
#undef STMT
};

/* A key is asked for, whether it is used, and bound: its print is made once. */
enum { MEMO_CAP = 256 };
struct key_memo {
    char text[MEMO_CAP]; /* principal, 0, key, 0 */
    uint64_t print;
};

/* `base` is first, so that one pointer is both. */
struct sqlite_store {
    struct store base;
    sqlite3 *db;                    /* owned */
    sqlite3_stmt *stmts[SQL_COUNT]; /* owned; prepared when first used */
    char exec_text[STORE_TEXT_CAP]; /* of SQL_EXEC */
    struct key_memo last_key;
    struct sqlite_waits waits; /* rows of the open transaction */
    struct lookup *lookup;     /* owned; NULL while it is opened, and of
                                  a reader */
    struct sqlite_file file;   /* owned; of a reader none */
    uint32_t log_pages;        /* in the write-ahead log, at the last
                                  commit */
    bool reads;                /* opened for reading */
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

/* Rows that wait and that it could see are there; false when that failed. */
static bool show(struct sqlite_store *s, enum sql sql)
{
    return !failed(s, sqlite_waits_show(&s->waits, sql));
}

/* Prepared and bound; false when that failed. */
static bool bind_all(struct sqlite_store *s, enum sql sql, const char *types,
                     va_list *ap)
{
    if (!s->stmts[sql] &&
        failed(s, sqlite3_prepare_v3(s->db, SQL_TEXT[sql], -1,
                                     SQLITE_PREPARE_PERSISTENT, &s->stmts[sql],
                                     NULL)))
        return false;
    for (int at = 1; types[at - 1]; at++)
        if (failed(s, sqlite_bind(s->stmts[sql], at, types[at - 1], ap)))
            return false;
    return true;
}

/* ---- what lookup.h finds ---- */

/* What rows of a statement are found by: its first parameters say it. */
enum found_by { BY_SQL, BY_KEY, BY_RELEASE, BY_PIECE };

/* A row that was found is there, if it waited. */
static bool show_row(struct sqlite_store *s, enum found_by by, int64_t row)
{
    return by == BY_PIECE || /* those do not wait */
           !failed(s, sqlite_waits_show_row(
                          &s->waits,
                          by == BY_KEY ? WAITING_KEYS : WAITING_CHARGES, row));
}

/* The first of the rows with this print that the statement takes. */
static bool find_row(struct sqlite_store *s, enum sql sql, enum found_by by,
                     uint64_t print)
{
    sqlite3_stmt *stmt = s->stmts[sql];
    const int last = sqlite3_bind_parameter_count(stmt);
    struct lookup_cursor c = lookup_find(s->lookup, print);
    int64_t row;
    int rc;
    while ((rc = lookup_next(&c, &row)) == SQLITE_ROW) {
        if (!show_row(s, by, row) ||
            failed(s, sqlite3_bind_int64(stmt, last, row)))
            return false;
        if (sqlite_next(&s->base, sql))
            return true;
        if (s->base.rc != STORE_OK)
            return false;
    }
    (void)failed(s, rc);
    return false;
}

static enum found_by found_by(enum sql sql)
{
    static const uint8_t BY[SQL_COUNT] = {
        [SQL_KEY_FIND] = BY_KEY,
        [SQL_KEY_USED] = BY_KEY,
        [SQL_CHARGE_ANSWERED] = BY_RELEASE,
        [SQL_CHARGE_OPEN] = BY_RELEASE,
        [SQL_CHARGE_LAPSED] = BY_RELEASE,
        [SQL_CHARGE_NEWER] = BY_RELEASE,
        [SQL_PIECE_ANSWERED] = BY_PIECE,
        [SQL_PIECE_OPEN] = BY_PIECE,
        [SQL_PIECE_NEWER] = BY_PIECE,
    };
    return (enum found_by)BY[sql];
}

static uint64_t print_of_key(struct key_memo *m, const char *principal,
                             const char *key)
{
    const size_t n = strlen(principal) + 1, len = n + strlen(key) + 1;
    if (len > MEMO_CAP)
        return lookup_print_of_key(principal, key);
    if (memcmp(m->text, principal, n) != 0 ||
        memcmp(m->text + n, key, len - n) != 0) {
        memcpy(m->text, principal, n);
        memcpy(m->text + n, key, len - n);
        m->print = lookup_print_of_key(principal, key);
    }
    return m->print;
}

static uint64_t print_of(struct sqlite_store *s, enum found_by by,
                         va_list *from)
{
    va_list ap;
    va_copy(ap, *from);
    uint64_t print;
    if (by == BY_KEY) {
        const char *principal = va_arg(ap, const char *);
        print = print_of_key(&s->last_key, principal, va_arg(ap, const char *));
    } else {
        const void *hash = va_arg(ap, const void *);
        print = lookup_print_of_release(by == BY_PIECE ? LOOKUP_PIECE
                                                       : LOOKUP_RELEASE,
                                        hash, va_arg(ap, size_t));
    }
    va_end(ap);
    return print;
}

static bool sqlite_start(struct store *base, enum sql sql, const char *types,
                         va_list *ap)
{
    struct sqlite_store *s = of(base);
    const enum found_by by = found_by(sql);
    const uint64_t print = by == BY_SQL ? 0 : print_of(s, by, ap);
    if (by != BY_SQL && !lookup_may_have(s->lookup, print))
        return false;
    if ((by == BY_SQL && !show(s, sql)) || !bind_all(s, sql, types, ap))
        return false;
    return by == BY_SQL ? sqlite_next(base, sql) : find_row(s, sql, by, print);
}

/* The database does not keep keys unique, so this does. */
static void check_unused(struct sqlite_store *s, va_list *from)
{
    va_list ap;
    va_copy(ap, *from);
    const char *principal = va_arg(ap, const char *);
    if (store_find(&s->base, SQL_KEY_USED, "tt", principal,
                   va_arg(ap, const char *))) {
        sqlite_end(&s->base, SQL_KEY_USED);
        store_fail(&s->base, STORE_REFUSED, "a key is used once");
    }
    va_end(ap);
}

/* A row of some kind that is about to be inserted: its parameters by their
 * letters, up to those that it will be found by. */
static uint64_t print_of_new(struct sqlite_store *s, enum lookup_kind kind,
                             va_list *from)
{
    static const char *const BEFORE[] = {
        [LOOKUP_KEY] = "", [LOOKUP_RELEASE] = "ibttt", [LOOKUP_PIECE] = "ii"
    };
    static const enum found_by BY[] = { BY_KEY, BY_RELEASE, BY_PIECE };
    va_list ap;
    va_copy(ap, *from);
    for (const char *type = BEFORE[kind]; *type; type++) {
        if (*type == 'i')
            (void)va_arg(ap, int64_t);
        else
            (void)va_arg(ap, const void *);
        if (*type == 'b')
            (void)va_arg(ap, size_t);
    }
    const uint64_t print = print_of(s, BY[kind], &ap);
    va_end(ap);
    return print;
}

/* How rows of a table that wait are found, once they are there. */
static const struct {
    bool is_found;
    enum lookup_kind kind;
} WAITING_FOUND[WAITING_TABLES] = {
    [WAITING_CHARGES] = { true, LOOKUP_RELEASE },
    [WAITING_KEYS] = { true, LOOKUP_KEY },
};

static void run_later(struct sqlite_store *s, enum sql sql, const char *types,
                      va_list *ap)
{
    const enum sqlite_waiting t = sqlite_waits_of(sql);
    const bool is_found = WAITING_FOUND[t].is_found;
    const enum lookup_kind kind = WAITING_FOUND[t].kind;
    const uint64_t print = is_found ? print_of_new(s, kind, ap) : 0;
    int64_t row;
    if (sql == SQL_KEY_NEW)
        check_unused(s, ap);
    if (s->base.rc == STORE_OK &&
        !failed(s, sqlite_waits_add(&s->waits, sql, &row, types, ap)) &&
        is_found)
        (void)failed(s, lookup_add(s->lookup, kind, print, row));
}

static void run_piece(struct sqlite_store *s, const char *types, va_list *ap)
{
    const uint64_t print = print_of_new(s, LOOKUP_PIECE, ap);
    if (sqlite_start(&s->base, SQL_PIECE_NEW, types, ap))
        sqlite_end(&s->base, SQL_PIECE_NEW);
    if (s->base.rc == STORE_OK)
        (void)failed(s, lookup_add(s->lookup, LOOKUP_PIECE, print,
                                   sqlite3_last_insert_rowid(s->db)));
}

static void sqlite_run(struct store *base, enum sql sql, const char *types,
                       va_list *ap)
{
    if (sqlite_waits_of(sql) != WAITING_NONE)
        run_later(of(base), sql, types, ap);
    else if (sql == SQL_PIECE_NEW)
        run_piece(of(base), types, ap);
    else if (sqlite_start(base, sql, types, ap))
        sqlite_end(base, sql);
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

static void sqlite_exec(struct store *base, const char *text,
                        const struct store_value *values, size_t n)
{
    struct sqlite_store *s = of(base);
    sqlite3_stmt **stmt = &s->stmts[SQL_EXEC];
    if (!show(s, SQL_EXEC))
        return;
    if (strcmp(s->exec_text, text) != 0) {
        (void)sqlite3_finalize(*stmt);
        *stmt = NULL;
        (void)snprintf(s->exec_text, sizeof s->exec_text, "%s", text);
        if (failed(s, sqlite3_prepare_v2(s->db, text, -1, stmt, NULL)))
            return;
    }
    for (size_t i = 0; i < n; i++)
        if (failed(s, sqlite_bind_value(*stmt, (int)i + 1, &values[i])))
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
    return sqlite_waits_any(&of(s)->waits) ||
           sqlite3_txn_state(of(s)->db, NULL) == SQLITE_TXN_WRITE;
}

static void sqlite_commit(struct store *s)
{
    (void)failed(of(s), sqlite_waits_flush(&of(s)->waits));
    run_text(of(s), "COMMIT");
    if (s->rc == STORE_OK && of(s)->lookup)
        lookup_keep(of(s)->lookup);
}

static void sqlite_rollback(struct store *base)
{
    struct sqlite_store *s = of(base);
    for (int i = 0; i < SQL_COUNT; i++)
        (void)sqlite3_reset(s->stmts[i]);
    sqlite_waits_forget(&s->waits);
    if (!sqlite3_get_autocommit(s->db))
        run_text(s, "ROLLBACK");
    if (s->lookup)
        lookup_undo(s->lookup);
}

/* The triggers of the file: dropped and kept as text, or made again. */
static void sqlite_let_in(struct store *base, bool is_open)
{
    struct sqlite_store *s = of(base);
    (void)failed(s, sqlite_waits_flush(&s->waits));
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

/* Fold the log into the file and make that durable. */
static void sqlite_checkpoint(struct store *base)
{
    struct sqlite_store *s = of(base);
    s->log_pages = 0;
    (void)failed(s, sqlite3_wal_checkpoint_v2(
                        s->db, NULL, SQLITE_CHECKPOINT_PASSIVE, NULL, NULL));
}

static bool sqlite_tidy(struct store *base, uint32_t pages)
{
    struct sqlite_store *s = of(base);
    const size_t pairs = (size_t)pages * PAIRS_A_PAGE;
    if (lookup_is_due(s->lookup, pairs) &&
        failed(s, lookup_step(s->lookup, pairs)))
        return false;
    if (s->log_pages < pages)
        return false;
    sqlite_checkpoint(base);
    return true;
}

/* Fold the log into the file if nothing failed.  Also after an open that
 * failed. */
static void sqlite_close(struct store *base)
{
    struct sqlite_store *s = of(base);
    if (s->db) {
        if (!s->reads)
            store_checkpoint(base);
        lookup_close(s->lookup);
        for (int i = 0; i < SQL_COUNT; i++)
            (void)sqlite3_finalize(s->stmts[i]);
        sqlite_waits_fini(&s->waits);
        const int rc = sqlite3_close(s->db);
        assert(rc == SQLITE_OK);
    }
    sqlite_file_leave(&s->file);
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
    .tidy = sqlite_tidy,
    .checkpoint = sqlite_checkpoint,
    .close = sqlite_close,
};

static enum err_code check_schema(struct sqlite_store *s, const char *path,
                                  struct err *err)
{
    const int version = sqlite_file_schema(s->db);
    if (version < 0)
        return err_set(err, ERR_INVALID, "%s is not a ledger of Halftone",
                       path);
    if (version > SCHEMA_VERSION)
        return err_set(err, ERR_INVALID,
                       "%s has schema %d and this server knows %d", path,
                       version, SCHEMA_VERSION);
    if (version < SCHEMA_VERSION)
        (void)failed(s, sqlite_file_upgrade(s->db, version));
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

static struct sqlite_store *new_store(void)
{
    struct sqlite_store *s = calloc(1, sizeof *s);
    if (s) {
        s->base.ops = &SQLITE_OPS;
        s->file.by_name = s->file.fd = -1;
    }
    return s;
}

static enum err_code open_to_write(struct sqlite_store *s, const char *path,
                                   struct err *err)
{
    TRY(sqlite_file_take(&s->file, path, "ledger", err));
    const int flags =
        SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE;
    if (failed(s, sqlite3_open_v2(s->file.path, &s->db, flags, log_vfs_name())))
        return damaged(s, path, err);
    /* Not a ledger: refused before anything of it is touched. */
    const int version = sqlite_file_schema(s->db);
    if (version > 0)
        TRY(log_vfs_mend(s->file.path, err));
    if (version != 0)
        TRY(check_schema(s, path, err));
    s->waits = (struct sqlite_waits){ .db = s->db, .texts = SQL_TEXT };
    configure(s);
    TRY(check_schema(s, path, err));
    if (s->base.rc == STORE_OK)
        (void)failed(s, lookup_open(&s->lookup, s->db));
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
    const int version = sqlite_file_schema(s->db);
    if (version == SCHEMA_VERSION)
        return ERR_OK;
    (void)err_set(err, ERR_INVALID,
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
