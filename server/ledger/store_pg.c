#include "server/ledger/store_pg.h"

#include <assert.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "server/ledger/pq_ask.h"
#include "server/ledger/pq_link.h"
#include "server/ledger/pq_memo.h"
#include "server/ledger/pq_schema.h"
#include "server/ledger/schema.h"

#undef INDEXED
#undef NOT_INDEXED
#define INDEXED(name) ""
#define NOT_INDEXED   ""
static const char *const SQL_TEXT[SQL_COUNT] = {
#define STMT(name, text) [SQL_##name] = text,
#include "server/ledger/sql.def"
#undef STMT
};

enum {
    NAME_LEN = 16,
    ALIVE_S = 15,   /* a server that is silent for so long is over */
    RECOVER_S = 60, /* how long a broken connection is tried again */
    RETRY_MS = 100,
    NO_SERIAL = -1,
    PENDING_MAX = 1024, /* results that wait for us */
    US_PER_S = 1000000
};

/* The rows of a statement that are being read. */
struct cursor {
    PGresult *rows;
    bool is_owned; /* else the memo's */
    int at, end;
};

/* `base` is first, so that one pointer is both. */
struct pq_store {
    struct store base;
    char *where;  /* owned */
    PGconn *conn; /* owned; in pipeline mode */
    bool reads;
    bool in_transaction, wrote;
    unsigned pending; /* results that were not taken yet */
    bool prepared[SQL_COUNT];
    char exec_text[PQ_TEXT_CAP]; /* of the statement exec_name */
    char exec_name[NAME_LEN];
    unsigned n_execs;
    struct cursor cursors[SQL_COUNT];
    struct memo memo;
    struct asks asks;
    int64_t seen, serial; /* transactions: seen, and of the one to commit */
};

static struct pq_store *of(struct store *s)
{
    return (struct pq_store *)s;
}

/* ---- errors ---- */

/* Of the class of a constraint, or data that does not fit: the rest is well. */
static enum store_rc rc_of_state(const char *state)
{
    static const char *const REFUSED[] = { "23", "22", "54" };
    static const char *const LOST[] = { "08", "57", "40", "55P03", "25P03" };
    for (size_t i = 0; i < sizeof REFUSED / sizeof REFUSED[0]; i++)
        if (strncmp(state, REFUSED[i], strlen(REFUSED[i])) == 0)
            return STORE_REFUSED;
    for (size_t i = 0; i < sizeof LOST / sizeof LOST[0]; i++)
        if (strncmp(state, LOST[i], strlen(LOST[i])) == 0)
            return STORE_LOST;
    return STORE_FAILED;
}

static void fail_by(struct pq_store *s, const PGresult *r)
{
    const char *state = r ? PQresultErrorField(r, PG_DIAG_SQLSTATE) : NULL;
    const char *text =
        r ? PQresultErrorField(r, PG_DIAG_MESSAGE_PRIMARY) : NULL;
    const bool broke = PQstatus(s->conn) == CONNECTION_BAD || !state;
    store_fail(&s->base, broke ? STORE_LOST : rc_of_state(state),
               text ? text : "the connection broke");
}

static bool sent(struct pq_store *s, int is_queued)
{
    if (is_queued) {
        s->pending++;
        return true;
    }
    store_fail(&s->base, STORE_LOST, "the connection broke");
    return false;
}

/* ---- the pipeline ---- */

/* Out with what is queued, taking in what comes, so that neither side waits
 * for the other with full buffers. */
static bool flush(struct pq_store *s)
{
    int rc;
    while ((rc = PQflush(s->conn)) == 1) {
        struct pollfd fd = { .fd = PQsocket(s->conn),
                             .events = POLLIN | POLLOUT };
        (void)poll(&fd, 1, -1);
        if ((fd.revents & POLLIN) && !PQconsumeInput(s->conn))
            break;
    }
    if (rc != 0)
        store_fail(&s->base, STORE_LOST, "the connection broke");
    return rc == 0;
}

/* The result that is next in line, good; else NULL and the error is noted. */
static PGresult *take(struct pq_store *s)
{
    if (s->base.rc != STORE_OK)
        return NULL;
    PGresult *r = PQgetResult(s->conn);
    PGresult *end = r ? PQgetResult(s->conn) : NULL;
    const ExecStatusType status = PQresultStatus(r);
    assert(!end || PQstatus(s->conn) == CONNECTION_BAD);
    PQclear(end);
    s->pending--;
    if (status == PGRES_TUPLES_OK || status == PGRES_COMMAND_OK)
        return r;
    fail_by(s, r);
    PQclear(r);
    return NULL;
}

/* Take all that was sent; the last one is returned, for who asked for it. */
static PGresult *take_all(struct pq_store *s)
{
    PGresult *last = NULL;
    if (s->base.rc == STORE_OK && !PQsendFlushRequest(s->conn))
        store_fail(&s->base, STORE_LOST, "the connection broke");
    if (s->base.rc != STORE_OK || !flush(s))
        return NULL;
    while (s->pending > 0) {
        PQclear(last);
        last = take(s);
        if (!last)
            return NULL;
    }
    return last;
}

/* To the next synchronisation: the end of a transaction, or of an error. */
static void sync_up(struct pq_store *s)
{
    bool is_there = PQpipelineSync(s->conn) == 1 && flush(s);
    while (is_there) {
        PGresult *r = PQgetResult(s->conn);
        const ExecStatusType status = PQresultStatus(r);
        if (status == PGRES_PIPELINE_SYNC || PQstatus(s->conn) != CONNECTION_OK)
            is_there = false;
        else if (r && status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK &&
                 status != PGRES_PIPELINE_ABORTED)
            fail_by(s, r);
        PQclear(r);
    }
    if (PQstatus(s->conn) != CONNECTION_OK)
        store_fail(&s->base, STORE_LOST, "the connection broke");
    s->pending = 0;
}

static bool send_text(struct pq_store *s, const char *text,
                      const struct pq_params *p)
{
    static const struct pq_params NONE;
    p = p ? p : &NONE;
    return sent(s, PQsendQueryParams(s->conn, text, p->n, p->types, p->values,
                                     p->lengths, p->formats, 1));
}

static bool send(struct pq_store *s, enum sql sql, const struct pq_params *p)
{
    char name[NAME_LEN], text[PQ_TEXT_CAP];
    (void)snprintf(name, sizeof name, "s%d", (int)sql);
    if (!s->prepared[sql]) {
        const bool fits = pq_text_of(text, SQL_TEXT[sql]);
        assert(fits);
        if (!sent(s, PQsendPrepare(s->conn, name, text, p->n, p->types)))
            return false;
        s->prepared[sql] = true;
    }
    return sent(s, PQsendQueryPrepared(s->conn, name, p->n, p->values,
                                       p->lengths, p->formats, 1));
}

/* ---- rows ---- */

static void close_cursor(struct cursor *c)
{
    if (c->is_owned)
        PQclear(c->rows);
    *c = (struct cursor){ .rows = NULL };
}

static bool open_cursor(struct pq_store *s, enum sql sql, PGresult *rows,
                        bool is_owned, int first, int n)
{
    struct cursor *c = &s->cursors[sql];
    close_cursor(c);
    *c = (struct cursor){ rows, is_owned, first, first + n };
    if (n > 0)
        return true;
    close_cursor(c);
    return false;
}

static bool params_of(struct pq_store *s, struct pq_params *p,
                      const char *types, va_list *ap)
{
    if (pq_params_of(p, types, ap))
        return true;
    store_fail(&s->base, STORE_REFUSED, "a number is too large");
    return false;
}

static bool is_write(const char *text)
{
    return text[0] != 'S'; /* not SELECT */
}

/* A reader outside a transaction leaves none open behind a statement. */
static void end_statement(struct pq_store *s)
{
    if (!s->in_transaction && s->base.rc == STORE_OK)
        sync_up(s);
}

static bool pq_start(struct store *base, enum sql sql, const char *types,
                     va_list *ap)
{
    struct pq_store *s = of(base);
    struct pq_params p;
    if (!params_of(s, &p, types, ap))
        return false;
    const struct memo_entry *known = memo_find(&s->memo, sql, &p);
    if (known)
        return open_cursor(s, sql, known->rows, false, known->first, known->n);
    if (is_write(SQL_TEXT[sql])) {
        memo_touch(&s->memo, sql, &p);
        s->wrote = true;
    }
    PGresult *rows = send(s, sql, &p) ? take_all(s) : NULL;
    if (!rows)
        return false;
    end_statement(s);
    const int n = PQntuples(rows);
    const enum memo_class class = memo_class_of(sql);
    if (class >= MEMO_MISSES && memo_keep(&s->memo, rows)) {
        memo_learn(&s->memo, sql, &p, rows, 0, n);
        return open_cursor(s, sql, rows, false, 0, n);
    }
    return open_cursor(s, sql, rows, true, 0, n);
}

static void pq_run(struct store *base, enum sql sql, const char *types,
                   va_list *ap)
{
    struct pq_store *s = of(base);
    struct pq_params p;
    if (!params_of(s, &p, types, ap))
        return;
    memo_touch(&s->memo, sql, &p);
    s->wrote = true;
    (void)send(s, sql, &p);
}

static void pq_exec(struct store *base, const char *text,
                    const struct store_value *values, size_t n)
{
    struct pq_store *s = of(base);
    struct pq_params p = { .n = 0 };
    for (size_t i = 0; i < n; i++)
        pq_params_value(&p, &values[i]);
    s->wrote = true;
    if (strcmp(s->exec_text, text) != 0) {
        char numbered[PQ_TEXT_CAP];
        const bool fits = pq_text_of(numbered, text);
        assert(fits);
        (void)snprintf(s->exec_text, sizeof s->exec_text, "%s", text);
        (void)snprintf(s->exec_name, sizeof s->exec_name, "e%u", s->n_execs++);
        if (!sent(s,
                  PQsendPrepare(s->conn, s->exec_name, numbered, p.n, p.types)))
            return;
    }
    (void)sent(s, PQsendQueryPrepared(s->conn, s->exec_name, p.n, p.values,
                                      p.lengths, p.formats, 1));
    if (s->pending > PENDING_MAX)
        PQclear(take_all(s));
}

static bool pq_query(struct store *base, const char *text, const char *types,
                     va_list *ap)
{
    struct pq_store *s = of(base);
    struct pq_params p;
    char numbered[PQ_TEXT_CAP];
    if (!params_of(s, &p, types, ap))
        return false;
    if (!pq_text_of(numbered, text)) {
        store_fail(base, STORE_REFUSED, "a statement is too long");
        return false;
    }
    PGresult *rows = send_text(s, numbered, &p) ? take_all(s) : NULL;
    if (!rows)
        return false;
    end_statement(s);
    return open_cursor(s, SQL_QUERY, rows, true, 0, PQntuples(rows));
}

static bool pq_next(struct store *base, enum sql sql)
{
    struct cursor *c = &of(base)->cursors[sql];
    if (c->rows && ++c->at < c->end)
        return true;
    close_cursor(c);
    return false;
}

static void pq_end(struct store *base, enum sql sql)
{
    close_cursor(&of(base)->cursors[sql]);
}

static int64_t number_of(const PGresult *rows, int row, int column)
{
    const uint8_t *at = (const uint8_t *)PQgetvalue(rows, row, column);
    const int len = PQgetlength(rows, row, column);
    const unsigned type = PQftype(rows, column);
    uint64_t v = 0;
    assert(type == PQ_INT8 || type == PQ_INT4 || type == PQ_BOOL);
    for (int i = 0; i < len; i++)
        v = v << 8 | at[i];
    return type == PQ_INT4 ? (int64_t)(int32_t)v : (int64_t)v;
}

static int64_t pq_integer(struct store *base, enum sql sql, int column)
{
    const struct cursor *c = &of(base)->cursors[sql];
    return PQgetisnull(c->rows, c->at, column)
               ? 0
               : number_of(c->rows, c->at, column);
}

/* libpq puts a 0 behind each value. */
static const void *pq_bytes(struct store *base, enum sql sql, int column,
                            size_t *len)
{
    const struct cursor *c = &of(base)->cursors[sql];
    *len = (size_t)PQgetlength(c->rows, c->at, column);
    return PQgetisnull(c->rows, c->at, column)
               ? NULL
               : PQgetvalue(c->rows, c->at, column);
}

/* ---- transactions ---- */

static void forget_batch(struct pq_store *s)
{
    for (int i = 0; i < SQL_COUNT; i++)
        close_cursor(&s->cursors[i]);
    memo_forget(&s->memo);
    s->in_transaction = s->wrote = false;
}

static const char HEAD[] =
    "SELECT commits, CAST(extract(epoch FROM clock_timestamp()) * 1000000 AS"
    " bigint), current_setting('synchronous_commit') IN ('on',"
    " 'remote_apply'), (SELECT settled FROM boots WHERE id = $1) FROM head";
/* Advisory locks are a database's own, and a database has one ledger. */
static const char LOCK[] = "SELECT pg_advisory_xact_lock(1215581287)";

static void one_number(struct pq_params *p, uint8_t at[8], int64_t v)
{
    p->n = 0;
    for (int i = 7; i >= 0; i--, v = (int64_t)((uint64_t)v >> 8))
        at[i] = (uint8_t)((uint64_t)v & 0xff);
    pq_params_add(p, PQ_INT8, at, 8);
}

static void read_head(struct pq_store *s, const PGresult *head)
{
    if (PQntuples(head) != 1) {
        store_fail(&s->base, STORE_FAILED, "the ledger has no head");
        return;
    }
    const int64_t commits = number_of(head, 0, 0);
    if (!number_of(head, 0, 2))
        store_fail(&s->base, STORE_FAILED, "synchronous_commit was set off");
    s->base.has_news = commits != s->seen;
    /* ... or it began in a transaction that was undone. */
    s->base.is_over = s->base.boot != 0 &&
                      (PQgetisnull(head, 0, 3) || number_of(head, 0, 3) != 0);
    s->base.now_us = number_of(head, 0, 1);
    s->seen = commits;
}

/* All in one round trip: the lock is waited for by the database. */
static void begin_to_write(struct pq_store *s)
{
    struct pq_params boot;
    uint8_t number[8];
    one_number(&boot, number, s->base.boot);
    if (send_text(s, "BEGIN", NULL) && send_text(s, LOCK, NULL) &&
        send_text(s, HEAD, &boot))
        asks_send(&s->asks, s->conn, &s->pending);
    if (!PQsendFlushRequest(s->conn))
        store_fail(&s->base, STORE_LOST, "the connection broke");
    if (s->base.rc != STORE_OK || !flush(s))
        return;
    PQclear(take(s));
    PQclear(take(s));
    PGresult *head = take(s);
    if (head)
        read_head(s, head);
    PQclear(head);
    for (int kind = 0; kind < ASK_KINDS; kind++) {
        PGresult *rows = asks_has(&s->asks, kind) ? take(s) : NULL;
        if (rows)
            asks_learn(&s->asks, kind, &s->memo, rows);
    }
}

static void pq_begin(struct store *base)
{
    struct pq_store *s = of(base);
    s->in_transaction = true;
    s->wrote = false;
    s->serial = NO_SERIAL; /* what breaks off before its commit is not there */
    if (s->reads) {
        if (send_text(s, "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY",
                      NULL))
            PQclear(take_all(s));
    } else {
        begin_to_write(s);
    }
    asks_forget(&s->asks);
}

static void pq_ask_for(struct store *base, enum sql sql, const char *types,
                       va_list *ap)
{
    struct pq_params p;
    if (pq_params_of(&p, types, ap))
        asks_add(&of(base)->asks, sql, &p);
}

static bool pq_writes(struct store *base)
{
    return of(base)->wrote;
}

static void send_serial(struct pq_store *s)
{
    struct pq_params p;
    uint8_t boot[8], serial[8];
    s->serial = s->seen + 1;
    one_number(&p, boot, s->base.boot);
    one_number(&p, serial, s->serial);
    p.n = 0;
    pq_params_add(&p, PQ_INT8, boot, sizeof boot);
    pq_params_add(&p, PQ_INT8, serial, sizeof serial);
    if (send_text(s, "UPDATE head SET commits = commits + 1", NULL))
        (void)send_text(s,
                        "INSERT INTO commits (boot, serial) VALUES ($1, $2)"
                        " ON CONFLICT (boot) DO UPDATE SET serial ="
                        " excluded.serial",
                        &p);
}

static void pq_commit(struct store *base)
{
    struct pq_store *s = of(base);
    const bool wrote = s->wrote;
    if (wrote)
        send_serial(s);
    if (base->rc == STORE_OK && send_text(s, "COMMIT", NULL))
        sync_up(s);
    if (base->rc != STORE_OK)
        return;
    if (wrote)
        s->seen = s->serial;
    forget_batch(s);
}

/* What was prepared by a transaction that failed may not be: all is anew. */
static void pq_rollback(struct store *base)
{
    struct pq_store *s = of(base);
    struct err err;
    PGconn *conn = NULL;
    forget_batch(s);
    s->seen = NO_SERIAL; /* what was news may not have been read yet */
    asks_forget(&s->asks);
    memset(s->prepared, 0, sizeof s->prepared);
    s->exec_text[0] = '\0';
    if (PQstatus(s->conn) == CONNECTION_OK) {
        sync_up(s);
        base->rc = STORE_OK;
        if (send_text(s, "ROLLBACK", NULL) &&
            send_text(s, "DEALLOCATE ALL", NULL))
            sync_up(s);
    } else if (s->reads && pq_link(&conn, s->where, s->reads, &err) == ERR_OK) {
        PQfinish(s->conn);
        s->conn = conn;
        s->pending = 0;
        if (!PQenterPipelineMode(conn) || PQsetnonblocking(conn, 1) != 0)
            store_fail(base, STORE_LOST, "the connection broke");
    } else {
        store_fail(base, STORE_LOST, "the connection broke");
    }
}

/* ---- after a connection broke ---- */

/* Did the transaction commit?  The old session holds the lock until that is
 * known, if it still lives. */
static bool read_back(struct pq_store *s, PGconn *conn, bool *committed)
{
    char sql[96];
    char why[8];
    bool ok = pq_do(conn, "BEGIN", why, sizeof why) &&
              pq_do(conn, LOCK, why, sizeof why);
    (void)snprintf(sql, sizeof sql,
                   "SELECT count(*) FROM commits WHERE boot = %" PRId64
                   " AND serial = %" PRId64,
                   s->base.boot, s->serial);
    if (ok) {
        const struct pq_text n = pq_ask(conn, sql, &ok);
        *committed = strcmp(n.text, "1") == 0;
    }
    return ok && pq_do(conn, "COMMIT", why, sizeof why);
}

static bool pq_recover(struct store *base, bool *committed)
{
    struct pq_store *s = of(base);
    struct timespec start, now;
    struct err err;
    forget_batch(s);
    asks_forget(&s->asks);
    memset(s->prepared, 0, sizeof s->prepared);
    s->exec_text[0] = '\0';
    (void)clock_gettime(CLOCK_MONOTONIC, &start);
    do {
        PGconn *conn = NULL;
        const enum err_code code = pq_link(&conn, s->where, s->reads, &err);
        if (code == ERR_OK && read_back(s, conn, committed) &&
            PQenterPipelineMode(conn) && PQsetnonblocking(conn, 1) == 0) {
            PQfinish(s->conn);
            s->conn = conn;
            s->pending = 0;
            base->rc = STORE_OK;
            /* Else what was news may not have been read: it is news again. */
            s->seen = *committed ? s->serial : NO_SERIAL;
            return true;
        }
        PQfinish(conn);
        if (code == ERR_REFUSED)
            break; /* it promises less than it did */
        (void)poll(NULL, 0, RETRY_MS);
        (void)clock_gettime(CLOCK_MONOTONIC, &now);
    } while (now.tv_sec - start.tv_sec < RECOVER_S);
    base->rc = STORE_FAILED;
    return false;
}

static const struct {
    const char *name, *columns;
} TABLES[] = {
#define TABLE(name, key, columns, types) { #name, columns },
#include "server/ledger/tables.def"
#undef TABLE
};

static void pq_let_in(struct store *base, bool is_open)
{
    struct pq_store *s = of(base);
    char text[PQ_TEXT_CAP];
    s->wrote = true;
    for (size_t i = 0; i < sizeof TABLES / sizeof TABLES[0]; i++) {
        const char *name = TABLES[i].name;
        (void)snprintf(text, sizeof text, "ALTER TABLE %s %s TRIGGER USER",
                       name, is_open ? "DISABLE" : "ENABLE");
        (void)send_text(s, text, NULL);
        if (is_open || strncmp(TABLES[i].columns, "id,", 3) != 0)
            continue;
        (void)snprintf(text, sizeof text,
                       "SELECT setval(pg_get_serial_sequence('%s', 'id'),"
                       " (SELECT coalesce(max(id), 0) + 1 FROM %s), false)",
                       name, name);
        (void)send_text(s, text, NULL);
    }
    PQclear(take_all(s));
}

/* The database checkpoints by itself. */
static bool pq_is_due(const struct store *base, uint32_t pages)
{
    (void)base;
    (void)pages;
    return false;
}

static void pq_checkpoint(struct store *base)
{
    (void)base;
}

static void pq_close(struct store *base)
{
    struct pq_store *s = of(base);
    forget_batch(s);
    memo_fini(&s->memo);
    asks_fini(&s->asks);
    PQfinish(s->conn);
    free(s->where);
    free(s);
}

static const struct store_ops PG_OPS = {
    .start = pq_start,
    .run = pq_run,
    .query = pq_query,
    .exec = pq_exec,
    .next = pq_next,
    .end = pq_end,
    .integer = pq_integer,
    .bytes = pq_bytes,
    .ask = pq_ask_for,
    .begin = pq_begin,
    .writes = pq_writes,
    .commit = pq_commit,
    .rollback = pq_rollback,
    .recover = pq_recover,
    .let_in = pq_let_in,
    .is_due = pq_is_due,
    .checkpoint = pq_checkpoint,
    .close = pq_close,
};

/* ---- opening ---- */

/* 0 = there is none. */
static int version_of(PGconn *conn)
{
    bool ok;
    const struct pq_text there =
        pq_ask(conn, "SELECT to_regclass('halftone.version') IS NOT NULL", &ok);
    if (!ok || strcmp(there.text, "t") != 0)
        return 0;
    const struct pq_text version =
        pq_ask(conn, "SELECT max(version) FROM halftone.version", &ok);
    return ok ? atoi(version.text) : -1;
}

static enum err_code check_version(PGconn *conn, const struct pq_name *name,
                                   int version, struct err *err)
{
    (void)conn;
    if (version < 0)
        return err_set(err, ERR_INTERNAL, "%s is not a ledger of Halftone",
                       name->text);
    if (version > PQ_SCHEMA_VERSION)
        return err_set(err, ERR_INTERNAL,
                       "%s has schema %d and this server knows %d", name->text,
                       version, PQ_SCHEMA_VERSION);
    return ERR_OK;
}

/* Makes or upgrades the schema, all or nothing, one server at a time. */
static enum err_code make_schema(PGconn *conn, const struct pq_name *name,
                                 struct err *err)
{
    char why[200] = "", stamp[96];
    bool ok = pq_do(conn, "BEGIN", why, sizeof why) &&
              pq_do(conn, LOCK, why, sizeof why);
    int version = version_of(conn);
    TRY(check_version(conn, name, version, err));
    for (size_t i = 0; ok && version == 0 && PQ_SCHEMA_SQL[i]; i++)
        ok = pq_do(conn, PQ_SCHEMA_SQL[i], why, sizeof why);
    for (; ok && version > 0 && version < PQ_SCHEMA_VERSION; version++)
        ok = pq_do(conn, PQ_SCHEMA_UPGRADES[version], why, sizeof why);
    (void)snprintf(stamp, sizeof stamp,
                   "INSERT INTO version SELECT %d WHERE NOT EXISTS (SELECT FROM"
                   " version WHERE version = %d)",
                   PQ_SCHEMA_VERSION, PQ_SCHEMA_VERSION);
    ok = ok && pq_do(conn, stamp, why, sizeof why) &&
         pq_do(conn, "COMMIT", why, sizeof why);
    if (ok)
        return ERR_OK;
    (void)err_set(err, ERR_UNAVAILABLE,
                  "%s: the ledger's tables cannot be "
                  "made: %s",
                  name->text, why);
    return err_hint(err, "the role needs CREATE on the database, or a schema "
                         "'halftone' of its own");
}

static enum err_code open_in(struct pq_store *s, struct err *err)
{
    const struct pq_name name = pq_name_of(s->where);
    TRY(pq_link(&s->conn, s->where, s->reads, err));
    if (!s->reads)
        TRY(make_schema(s->conn, &name, err));
    const int version = version_of(s->conn);
    TRY(check_version(s->conn, &name, version, err));
    if (version != PQ_SCHEMA_VERSION) {
        (void)err_set(err, ERR_INTERNAL,
                      version > 0 ? "%s is a ledger of another version"
                                  : "%s is not a ledger of Halftone",
                      name.text);
        return err_hint(err, "start its server once: it makes the tables");
    }
    return PQenterPipelineMode(s->conn) && PQsetnonblocking(s->conn, 1) == 0
               ? ERR_OK
               : err_set(err, ERR_UNAVAILABLE, "%s: no pipeline mode",
                         name.text);
}

static enum err_code open_as(struct store **out, const char *where, bool reads,
                             struct err *err)
{
    struct pq_store *s = calloc(1, sizeof *s);
    if (!s)
        return err_set(err, ERR_LIMIT, "out of memory");
    s->base.ops = &PG_OPS;
    s->base.alive_us = (int64_t)ALIVE_S * US_PER_S;
    s->reads = reads;
    s->seen = NO_SERIAL;
    memo_init(&s->memo);
    asks_init(&s->asks);
    s->where = strdup(where);
    const enum err_code code =
        s->where ? open_in(s, err) : err_set(err, ERR_LIMIT, "out of memory");
    if (code == ERR_OK)
        *out = &s->base;
    else
        pq_close(&s->base);
    return code;
}

enum err_code store_pg_open(struct store **out, const char *where,
                            struct err *err)
{
    return open_as(out, where, false, err);
}

enum err_code store_pg_open_read(struct store **out, const char *where,
                                 struct err *err)
{
    return open_as(out, where, true, err);
}
