#include "server/consent/shelf_sqlite.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/ledger/log_vfs.h"
#include "server/ledger/sqlite_file.h"

enum {
    APPLICATION_ID = 0x48744331, /* "HtC1" */
    BUSY_MS = 2000,
};

static const char *const SQL_TEXT[SHELF_SQL_COUNT] = {
#define STMT(name, text) [SHELF_##name] = text,
#include "server/consent/sql.def"
#undef STMT
};

/* clang-format off */
static const char FIRST[] =
"BEGIN IMMEDIATE;"
"CREATE TABLE populations (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE) STRICT;"
"CREATE TABLE purposes ("
"    population INTEGER NOT NULL REFERENCES populations,"
"    number INTEGER NOT NULL CHECK (number BETWEEN 0 AND 63),"
"    name TEXT NOT NULL,"
"    PRIMARY KEY (population, number), UNIQUE (population, name)"
") STRICT, WITHOUT ROWID;"
"CREATE TABLE subjects ("
"    id INTEGER PRIMARY KEY,"
"    population INTEGER NOT NULL REFERENCES populations,"
"    pseudonym BLOB NOT NULL CHECK (length(pseudonym) = 16),"
"    key BLOB NOT NULL CHECK (length(key) = 32)"
") STRICT;"
"CREATE TABLE imports ("
"    id INTEGER PRIMARY KEY,"
"    population INTEGER NOT NULL REFERENCES populations,"
"    digest BLOB NOT NULL CHECK (length(digest) = 32),"
"    principal TEXT NOT NULL, source TEXT NOT NULL,"
"    started_us INTEGER NOT NULL, done_us INTEGER,"
"    n_rows INTEGER NOT NULL DEFAULT 0,"
"    state INTEGER NOT NULL DEFAULT 0 CHECK (state IN (0, 1, 2)),"
"    UNIQUE (population, digest)"
") STRICT;"
"CREATE TABLE events ("
"    seq INTEGER PRIMARY KEY AUTOINCREMENT,"
"    subject INTEGER NOT NULL,"
"    at_us INTEGER NOT NULL,"
"    state INTEGER NOT NULL CHECK (state BETWEEN 1 AND 7)," /* consent_state */
"    purposes INTEGER NOT NULL CHECK (purposes <> 0),"
"    notice INTEGER NOT NULL,"
"    until_us INTEGER,"
"    recorded_us INTEGER NOT NULL,"
"    import INTEGER,"
"    sealed BLOB"
") STRICT;"
"CREATE INDEX events_of ON events (subject, at_us, seq, state, purposes,"
"    notice, until_us, import);"
"CREATE INDEX events_ending ON events (until_us) WHERE until_us IS NOT NULL;"
"CREATE INDEX events_imported ON events (import, subject)"
"    WHERE import IS NOT NULL;"
"CREATE TABLE chain (head BLOB NOT NULL CHECK (length(head) = 32)) STRICT;"
"INSERT INTO chain VALUES (zeroblob(32));"
"CREATE TABLE commitments (" /* SHA-256(salt || head) is public */
"    to_us INTEGER PRIMARY KEY,"
"    salt BLOB NOT NULL CHECK (length(salt) = 32),"
"    head BLOB NOT NULL CHECK (length(head) = 32)"
") STRICT;"
"CREATE TRIGGER events_fixed BEFORE UPDATE ON events BEGIN"
"    SELECT RAISE(ABORT, 'history never changes'); END;"
"CREATE TRIGGER events_kept BEFORE DELETE ON events WHEN OLD.import IS NULL"
"    OR (SELECT state FROM imports WHERE id = OLD.import) = 1 BEGIN"
"    SELECT RAISE(ABORT, 'history is never deleted'); END;"
"PRAGMA application_id = 1215578929; PRAGMA user_version = 1;"
"COMMIT;";

/* Who was erased stands here under her pseudonym, so that nobody counts her who
 * finds her in old data; what was kept of her is not linked with it. */
static const char ERASURES[] =
"BEGIN IMMEDIATE;"
"CREATE TABLE erasures ("
"    id INTEGER PRIMARY KEY AUTOINCREMENT,"
"    population INTEGER NOT NULL REFERENCES populations,"
"    pseudonym BLOB NOT NULL CHECK (length(pseudonym) = 16),"
"    asked_us INTEGER NOT NULL,"    /* by the person */
"    recorded_us INTEGER NOT NULL," /* suppressed since */
"    deadline_us INTEGER NOT NULL,"
"    back_us INTEGER,"              /* she came back */
"    UNIQUE (population, pseudonym)"
") STRICT;"
"CREATE TABLE erasure_places ("
"    erasure INTEGER NOT NULL REFERENCES erasures,"
"    dataset TEXT NOT NULL,"
"    state INTEGER NOT NULL CHECK (state BETWEEN 1 AND 4)," /* erasure_state */
"    list INTEGER,"                 /* the last one she was on, or would be */
"    handed_us INTEGER, done_us INTEGER, verified_us INTEGER,"
"    found_us INTEGER,"             /* again, after it was done */
"    PRIMARY KEY (erasure, dataset)"
") STRICT, WITHOUT ROWID;"
"CREATE INDEX erasure_places_open ON erasure_places (dataset, state);"
"CREATE TABLE erasure_lists ("
"    id INTEGER PRIMARY KEY AUTOINCREMENT,"
"    population INTEGER NOT NULL REFERENCES populations,"
"    dataset TEXT NOT NULL,"
"    made_us INTEGER NOT NULL, confirmed_us INTEGER"
") STRICT;"
"PRAGMA user_version = 2;"
"COMMIT;";

/* Through which channels people may be contacted. */
static const char CONTACT[] =
"BEGIN IMMEDIATE;"
"CREATE TABLE choices ("
"    seq INTEGER PRIMARY KEY," /* of one sequence with events */
"    subject INTEGER NOT NULL,"
"    channel TEXT NOT NULL,"
"    at_us INTEGER NOT NULL,"
"    n INTEGER NOT NULL CHECK (n >= 0)," /* policy/often.h */
"    period_s INTEGER NOT NULL CHECK (period_s >= 0),"
"    recorded_us INTEGER NOT NULL,"
"    sealed BLOB NOT NULL"
") STRICT;"
"CREATE INDEX choices_of ON choices (subject, channel, at_us,"
"    seq, n, period_s);"
"CREATE TRIGGER choices_fixed BEFORE UPDATE ON choices BEGIN"
"    SELECT RAISE(ABORT, 'history never changes'); END;"
"CREATE TABLE contacts ("
"    id INTEGER PRIMARY KEY,"
"    subject INTEGER NOT NULL,"
"    channel TEXT NOT NULL,"
"    purpose TEXT NOT NULL,"
"    at_us INTEGER NOT NULL,"
"    sender TEXT NOT NULL,"
"    ask BLOB NOT NULL" /* of sender and key; empty without one */
") STRICT;"
"CREATE INDEX contacts_of ON contacts (subject, channel, at_us);"
"CREATE INDEX contacts_by_time ON contacts (at_us);"
"CREATE TABLE asks ("
"    population INTEGER NOT NULL,"
"    sender TEXT NOT NULL,"
"    day INTEGER NOT NULL,"
"    purpose TEXT NOT NULL, channel TEXT NOT NULL,"
"    n INTEGER NOT NULL," /* asked, and how often the audit log told */
"    told INTEGER NOT NULL,"
"    PRIMARY KEY (population, sender, day, purpose, channel)"
") STRICT, WITHOUT ROWID;"
"PRAGMA user_version = 3;"
"COMMIT;";

/* Choices of files, which count once the file does. */
static const char CHOICES[] =
"BEGIN IMMEDIATE;"
"ALTER TABLE choices ADD COLUMN import INTEGER;"
"CREATE INDEX choices_imported ON choices (import)"
"    WHERE import IS NOT NULL;"
"PRAGMA user_version = 4;"
"COMMIT;";
/* Beside the schema, also in a file that was made before: number 0 names the
 * register itself. */
static const char MARKS[] =
"CREATE TABLE IF NOT EXISTS marks ("
"    number INTEGER PRIMARY KEY CHECK (number >= 0),"
"    head BLOB NOT NULL CHECK (length(head) = 32)"
") STRICT;"
"INSERT OR IGNORE INTO marks VALUES (0, randomblob(32));";
/* clang-format on */
_Static_assert(APPLICATION_ID == 1215578929, "as the schema says");

/* A file of version i becomes one of i + 1. */
static const char *const STEPS[] = { FIRST, ERASURES, CONTACT, CHOICES };
enum { VERSION = sizeof STEPS / sizeof STEPS[0] };

struct file {
    sqlite3 *db;
    sqlite3_stmt *stmts[SHELF_SQL_COUNT];
    struct sqlite_file file;
    bool waits; /* a commit, for the disk */
};

static struct file *of(const struct shelf *s)
{
    return s->of;
}

sqlite3 *shelf_sqlite_of(const struct shelf *s)
{
    return of(s)->db;
}

/* Errors of the disk: nobody knows what a failed sync left. */
static bool failed(struct shelf *s, int rc)
{
    const int kind = rc & 0xff;
    if (kind == SQLITE_OK || kind == SQLITE_ROW || kind == SQLITE_DONE)
        return false;
    shelf_fail(s,
               kind == SQLITE_IOERR || kind == SQLITE_CORRUPT ? STORE_FAILED
                                                              : STORE_REFUSED,
               sqlite3_errstr(rc));
    return true;
}

/* ---- statements ---- */

static int bind_int(sqlite3_stmt *stmt, int at, int64_t v, bool is_null)
{
    return is_null ? sqlite3_bind_null(stmt, at)
                   : sqlite3_bind_int64(stmt, at, v);
}

static int bind_one(sqlite3_stmt *stmt, int at, char type, va_list *ap)
{
    if (type == 't')
        return sqlite3_bind_text(stmt, at, va_arg(*ap, const char *), -1,
                                 SQLITE_STATIC);
    if (type == 'i' || type == 'o' || type == 'z') {
        const int64_t v = va_arg(*ap, int64_t);
        return bind_int(stmt, at, v,
                        (type == 'o' && v == SHELF_NULL) ||
                            (type == 'z' && v == 0));
    }
    assert(type == 'b' || type == 'e');
    const void *data = va_arg(*ap, const void *);
    const size_t len = va_arg(*ap, size_t);
    return type == 'e' && len == 0
               ? sqlite3_bind_null(stmt, at)
               : sqlite3_bind_blob64(stmt, at, len ? data : "", len,
                                     SQLITE_STATIC);
}

/* Its code repeats that of the step before. */
static void file_end(struct shelf *s, enum shelf_sql sql)
{
    (void)sqlite3_reset(of(s)->stmts[sql]);
}

static bool file_next(struct shelf *s, enum shelf_sql sql)
{
    const int rc = sqlite3_step(of(s)->stmts[sql]);
    if (rc == SQLITE_ROW)
        return true;
    (void)failed(s, rc);
    file_end(s, sql);
    return false;
}

static bool file_start(struct shelf *s, enum shelf_sql sql, const char *types,
                       va_list *ap)
{
    for (int at = 1; types[at - 1]; at++)
        if (failed(s, bind_one(of(s)->stmts[sql], at, types[at - 1], ap)))
            return false;
    return file_next(s, sql);
}

static void file_run(struct shelf *s, enum shelf_sql sql, const char *types,
                     va_list *ap)
{
    if (file_start(s, sql, types, ap))
        file_end(s, sql);
}

static int64_t file_integer(struct shelf *s, enum shelf_sql sql, int column)
{
    return sqlite3_column_int64(of(s)->stmts[sql], column);
}

static bool file_is_null(struct shelf *s, enum shelf_sql sql, int column)
{
    return sqlite3_column_type(of(s)->stmts[sql], column) == SQLITE_NULL;
}

static const void *file_bytes(struct shelf *s, enum shelf_sql sql, int column,
                              size_t *len)
{
    sqlite3_stmt *stmt = of(s)->stmts[sql];
    const void *data = sqlite3_column_type(stmt, column) == SQLITE_TEXT
                           ? (const void *)sqlite3_column_text(stmt, column)
                           : sqlite3_column_blob(stmt, column);
    *len = (size_t)sqlite3_column_bytes(stmt, column);
    return data;
}

/* ---- transactions ---- */

static void run_text(struct shelf *s, const char *text)
{
    if (s->rc == STORE_OK)
        (void)failed(s, sqlite3_exec(of(s)->db, text, NULL, NULL, NULL));
}

/* Its readers are writers: there is one connection. */
static void file_begin(struct shelf *s, enum shelf_kind kind)
{
    (void)kind;
    run_text(s, "BEGIN IMMEDIATE");
}

static void file_commit(struct shelf *s)
{
    run_text(s, "COMMIT");
}

static void file_sync(struct shelf *s, bool waits)
{
    if (waits == of(s)->waits)
        return;
    run_text(s, waits ? "PRAGMA synchronous = FULL"
                      : "PRAGMA synchronous = NORMAL");
    of(s)->waits = waits;
}

static bool file_rollback(struct shelf *s)
{
    const bool is_well = s->rc != STORE_FAILED;
    for (int i = 0; i < SHELF_SQL_COUNT; i++)
        (void)sqlite3_reset(of(s)->stmts[i]);
    s->rc = STORE_OK;
    if (!sqlite3_get_autocommit(of(s)->db))
        run_text(s, "ROLLBACK");
    return is_well && s->rc == STORE_OK;
}

static void file_sweep(struct shelf *s)
{
    (void)sqlite3_wal_checkpoint_v2(of(s)->db, NULL, SQLITE_CHECKPOINT_TRUNCATE,
                                    NULL, NULL);
}

static void file_close(struct shelf *s)
{
    struct file *f = of(s);
    for (int i = 0; f->db && i < SHELF_SQL_COUNT; i++)
        (void)sqlite3_finalize(f->stmts[i]);
    if (f->db) {
        const int rc = sqlite3_close(f->db);
        assert(rc == SQLITE_OK);
    }
    sqlite_file_leave(&f->file);
    free(f);
}

static const struct shelf_ops FILE_OPS = {
    .start = file_start,
    .run = file_run,
    .next = file_next,
    .end = file_end,
    .integer = file_integer,
    .bytes = file_bytes,
    .is_null = file_is_null,
    .begin = file_begin,
    .commit = file_commit,
    .rollback = file_rollback,
    .sweep = file_sweep,
    .sync = file_sync,
    .close = file_close,
};

/* ---- opening ---- */

static int64_t pragma(struct shelf *s, const char *text)
{
    sqlite3_stmt *stmt = NULL;
    int64_t v = -1;
    if (!failed(s, sqlite3_prepare_v2(of(s)->db, text, -1, &stmt, NULL)) &&
        sqlite3_step(stmt) == SQLITE_ROW)
        v = sqlite3_column_int64(stmt, 0);
    failed(s, sqlite3_finalize(stmt));
    return v;
}

static enum err_code damaged(const struct shelf *s, const char *path,
                             struct err *err)
{
    (void)err_set(err, ERR_INTERNAL,
                  "the register of consent %s cannot be used: %s", path,
                  s->why);
    return err_hint(err, "check the disk; docs/consent.md tells how to go back "
                         "to a copy");
}

static enum err_code check_schema(struct shelf *s, const char *path,
                                  struct err *err)
{
    const int64_t id = pragma(s, "PRAGMA application_id");
    const int64_t version = pragma(s, "PRAGMA user_version");
    const int64_t n = pragma(s, "SELECT count(*) FROM sqlite_schema");
    if (s->rc != STORE_OK)
        return damaged(s, path, err);
    if ((id != 0 || n != 0) && id != APPLICATION_ID)
        return err_set(err, ERR_INTERNAL, "%s is no register of consent", path);
    if (version > VERSION)
        return err_set(err, ERR_INTERNAL,
                       "%s has schema %lld and this server knows %d", path,
                       (long long)version, VERSION);
    for (int64_t v = n == 0 ? 0 : version; v < VERSION; v++)
        run_text(s, STEPS[v]);
    return ERR_OK;
}

/* The statements of sql.def. */
static void prepare(struct shelf *s)
{
    for (int i = 0; i < SHELF_SQL_COUNT && s->rc == STORE_OK; i++)
        if (SQL_TEXT[i])
            (void)failed(s, sqlite3_prepare_v3(of(s)->db, SQL_TEXT[i], -1,
                                               SQLITE_PREPARE_PERSISTENT,
                                               &of(s)->stmts[i], NULL));
}

enum err_code shelf_sqlite_open(struct shelf *s, const char *path,
                                struct err *err)
{
    struct file *f = calloc(1, sizeof *f);
    if (!f)
        return err_set(err, ERR_LIMIT, "out of memory");
    *f = (struct file){ .file = { .by_name = -1, .fd = -1 }, .waits = true };
    *s = (struct shelf){ .ops = &FILE_OPS, .of = f };
    TRY(sqlite_file_take(&f->file, path, "register of consent", err));
    const int flags =
        SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE;
    if (failed(s, sqlite3_open_v2(f->file.path, &f->db, flags, log_vfs_name())))
        return damaged(s, path, err);
    run_text(s, "PRAGMA journal_mode = WAL;"
                "PRAGMA synchronous = FULL;"
                "PRAGMA foreign_keys = ON;"
                "PRAGMA trusted_schema = OFF;"
                "PRAGMA cell_size_check = ON;"
                "PRAGMA secure_delete = ON;"
                "PRAGMA temp_store = MEMORY;"
                "PRAGMA wal_autocheckpoint = 8192;"
                "PRAGMA cache_size = -262144;");
    (void)sqlite3_busy_timeout(f->db, BUSY_MS);
    TRY(check_schema(s, path, err));
    TRY(log_vfs_mend(f->file.path, err));
    run_text(s, MARKS);
    prepare(s);
    return s->rc == STORE_OK ? ERR_OK : damaged(s, path, err);
}
