#include "server/consent/shelf.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "server/base/cleanup.h"
#include "server/ledger/log_vfs.h"

enum {
    APPLICATION_ID = 0x48744331, /* "HtC1" */
    PATH_CAP = 4096,
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
static const char *const STEPS[] = { FIRST, ERASURES, CONTACT };
enum { VERSION = sizeof STEPS / sizeof STEPS[0] };

static bool failed(struct shelf *s, int rc)
{
    if (rc == SQLITE_OK || rc == SQLITE_ROW || rc == SQLITE_DONE)
        return false;
    if (s->rc == SQLITE_OK)
        s->rc = rc;
    return true;
}

/* ---- statements ---- */

static int bind_one(sqlite3_stmt *stmt, int at, char type, va_list *ap)
{
    if (type == 'n')
        return sqlite3_bind_null(stmt, at);
    if (type == 'i')
        return sqlite3_bind_int64(stmt, at, va_arg(*ap, int64_t));
    if (type == 't')
        return sqlite3_bind_text(stmt, at, va_arg(*ap, const char *), -1,
                                 SQLITE_STATIC);
    assert(type == 'b');
    const void *data = va_arg(*ap, const void *);
    const size_t len = va_arg(*ap, size_t);
    return sqlite3_bind_blob64(stmt, at, len ? data : "", len, SQLITE_STATIC);
}

bool shelf_next(struct shelf *s, enum shelf_sql sql)
{
    if (s->rc != SQLITE_OK)
        return false;
    const int rc = sqlite3_step(s->stmts[sql]);
    if (rc == SQLITE_ROW)
        return true;
    (void)failed(s, rc);
    shelf_end(s, sql);
    return false;
}

/* Its code repeats that of the step before. */
void shelf_end(struct shelf *s, enum shelf_sql sql)
{
    (void)sqlite3_reset(s->stmts[sql]);
}

static bool start(struct shelf *s, enum shelf_sql sql, const char *types,
                  va_list *ap)
{
    if (s->rc != SQLITE_OK)
        return false;
    for (int at = 1; types[at - 1]; at++)
        if (failed(s, bind_one(s->stmts[sql], at, types[at - 1], ap)))
            return false;
    return shelf_next(s, sql);
}

bool shelf_find(struct shelf *s, enum shelf_sql sql, const char *types, ...)
{
    va_list ap;
    va_start(ap, types);
    const bool found = start(s, sql, types, &ap);
    va_end(ap);
    return found;
}

void shelf_run(struct shelf *s, enum shelf_sql sql, const char *types, ...)
{
    va_list ap;
    va_start(ap, types);
    const bool row = start(s, sql, types, &ap);
    va_end(ap);
    if (row)
        shelf_end(s, sql);
}

int64_t shelf_int(struct shelf *s, enum shelf_sql sql, int column)
{
    return sqlite3_column_int64(s->stmts[sql], column);
}

bool shelf_is_null(struct shelf *s, enum shelf_sql sql, int column)
{
    return sqlite3_column_type(s->stmts[sql], column) == SQLITE_NULL;
}

const char *shelf_text(struct shelf *s, enum shelf_sql sql, int column)
{
    const char *text = (const char *)sqlite3_column_text(s->stmts[sql], column);
    return text ? text : "";
}

const void *shelf_blob(struct shelf *s, enum shelf_sql sql, int column,
                       size_t *len)
{
    const void *data = sqlite3_column_blob(s->stmts[sql], column);
    *len = (size_t)sqlite3_column_bytes(s->stmts[sql], column);
    return data ? data : "";
}

void shelf_sync(struct shelf *s, bool waits)
{
    if (s->rc != SQLITE_OK || waits == s->waits)
        return;
    (void)failed(s, sqlite3_exec(s->db,
                                 waits ? "PRAGMA synchronous = FULL"
                                       : "PRAGMA synchronous = NORMAL",
                                 NULL, NULL, NULL));
    s->waits = waits;
}

void shelf_rollback(struct shelf *s)
{
    for (int i = 0; i < SHELF_SQL_COUNT; i++)
        (void)sqlite3_reset(s->stmts[i]);
    s->rc = SQLITE_OK;
    if (!sqlite3_get_autocommit(s->db))
        (void)failed(s, sqlite3_exec(s->db, "ROLLBACK", NULL, NULL, NULL));
}

void shelf_sweep(struct shelf *s)
{
    (void)sqlite3_wal_checkpoint_v2(s->db, NULL, SQLITE_CHECKPOINT_TRUNCATE,
                                    NULL, NULL);
}

/* ---- opening ---- */

static void run_text(struct shelf *s, const char *text)
{
    if (s->rc == SQLITE_OK)
        (void)failed(s, sqlite3_exec(s->db, text, NULL, NULL, NULL));
}

static int64_t pragma(struct shelf *s, const char *text)
{
    sqlite3_stmt *stmt = NULL;
    int64_t v = -1;
    if (!failed(s, sqlite3_prepare_v2(s->db, text, -1, &stmt, NULL)) &&
        sqlite3_step(stmt) == SQLITE_ROW)
        v = sqlite3_column_int64(stmt, 0);
    failed(s, sqlite3_finalize(stmt));
    return v;
}

/* The file, readable by the server alone, and a lock beside it that ends with
 * the process. */
static enum err_code take_file(int *lock, const char *path, struct err *err)
{
    char name[PATH_CAP + 8];
    AUTO_CLOSE int fd =
        open(path, O_RDWR | O_CREAT | O_CLOEXEC, S_IRUSR | S_IWUSR);
    if (fd < 0) {
        (void)err_set(err, ERR_NOT_FOUND,
                      "cannot open the register of consent %s: %s", path,
                      strerror(errno));
        return err_hint(err, "its folder must exist and be writable");
    }
    (void)snprintf(name, sizeof name, "%s-lock", path);
    AUTO_CLOSE int own =
        open(name, O_RDWR | O_CREAT | O_CLOEXEC, S_IRUSR | S_IWUSR);
    if (own < 0)
        return err_set(err, ERR_NOT_FOUND, "cannot open %s: %s", name,
                       strerror(errno));
    if (flock(own, LOCK_EX | LOCK_NB) != 0) {
        (void)err_set(err, ERR_UNAVAILABLE,
                      "the register of consent %s is in use by another server",
                      path);
        return err_hint(err, "stop that server first");
    }
    *lock = take_fd(&own);
    return ERR_OK;
}

static enum err_code damaged(const struct shelf *s, const char *path,
                             struct err *err)
{
    (void)err_set(err, ERR_INTERNAL,
                  "the register of consent %s cannot be used: %s", path,
                  sqlite3_errstr(s->rc));
    return err_hint(err, "check the disk; docs/consent.md tells how to go back "
                         "to a copy");
}

static enum err_code check_schema(struct shelf *s, const char *path,
                                  struct err *err)
{
    const int64_t id = pragma(s, "PRAGMA application_id");
    const int64_t version = pragma(s, "PRAGMA user_version");
    const int64_t n = pragma(s, "SELECT count(*) FROM sqlite_schema");
    if (s->rc != SQLITE_OK)
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

enum err_code shelf_open(struct shelf *s, const char *path, struct err *err)
{
    *s = (struct shelf){ .lock_fd = -1, .waits = true };
    if (strlen(path) >= PATH_CAP)
        return err_set(err, ERR_NOT_FOUND, "the register's path is too long");
    TRY(take_file(&s->lock_fd, path, err));
    const int flags =
        SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE;
    if (failed(s, sqlite3_open_v2(path, &s->db, flags, log_vfs_name())))
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
    (void)sqlite3_busy_timeout(s->db, BUSY_MS);
    TRY(check_schema(s, path, err));
    TRY(log_vfs_mend(path, err));
    run_text(s, MARKS);
    for (int i = 0; i < SHELF_SQL_COUNT && s->rc == SQLITE_OK; i++)
        (void)failed(s, sqlite3_prepare_v3(s->db, SQL_TEXT[i], -1,
                                           SQLITE_PREPARE_PERSISTENT,
                                           &s->stmts[i], NULL));
    return s->rc == SQLITE_OK ? ERR_OK : damaged(s, path, err);
}

void shelf_close(struct shelf *s)
{
    for (int i = 0; s->db && i < SHELF_SQL_COUNT; i++)
        (void)sqlite3_finalize(s->stmts[i]);
    if (s->db) {
        const int rc = sqlite3_close(s->db);
        assert(rc == SQLITE_OK);
    }
    if (s->lock_fd >= 0)
        (void)close(s->lock_fd);
    *s = (struct shelf){ .lock_fd = -1 };
}
