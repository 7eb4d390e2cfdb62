#include "server/ledger/store_pg.h"

#include <assert.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "server/ledger/pq_ask.h"
#include "server/ledger/pq_bulk.h"
#include "server/ledger/pq_link.h"
#include "server/ledger/pq_memo.h"
#include "server/ledger/pq_pipe.h"
#include "server/ledger/pq_schema.h"
#include "server/ledger/schema.h"

#undef INDEXED
#undef NOT_INDEXED
#undef IS_ROW
#undef KEY_AGAIN
#undef OF_RELEASE
#undef OF_KEY
#define INDEXED(name) ""
#define NOT_INDEXED   ""
#define IS_ROW(name)  ""
#define OF_RELEASE                                                             \
    "short(release_hash) = short(?1) AND release_hash = ?" /* pq_schema.c */
#define OF_KEY    " AND hashtextextended(key, 0) = hashtextextended(?2, 0)"
#define KEY_AGAIN "" /* send_key_again */
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
    QUIET = 16,         /* transactions without news: others are not at it */
    PENDING_MAX = 1024, /* results that wait for us */
    US_PER_S = 1000000
};

/* Rows that a batch writes by the hundred go together, in this order, before
 * anything else is asked. */
static const enum sql BULKS[] = { SQL_LEAF_NEW,      SQL_TILE_NEW,
                                  SQL_CHARGE_NEW,    SQL_KEY_NEW,
                                  SQL_TEXT_NEW,      SQL_ANSWER_NEW,
                                  SQL_CHARGE_ANSWER, SQL_COUNTER_MOVE };
enum { N_BULKS = sizeof BULKS / sizeof BULKS[0] };

/* The rows of a statement that are being read. */
struct cursor {
    PGresult *rows;
    bool is_owned; /* else the memo's */
    int at, end;
};

/* `base` is first, so that one pointer is both. */
struct pq_store {
    struct store base;
    char *where; /* owned */
    struct pq_pipe pipe;
    bool reads;
    bool in_transaction, wrote;
    bool goes_on; /* another begins behind the COMMIT of this one */
    char exec_text[PQ_TEXT_CAP]; /* of the statement exec_name */
    char exec_name[NAME_LEN];
    unsigned n_execs;
    struct cursor cursors[SQL_COUNT];
    struct memo memo;
    struct asks asks;
    struct pq_bulk bulks[N_BULKS];
    unsigned quiet;          /* transactions without news, one after another */
    int64_t seen, serial;    /* transactions: seen, and of the one to commit */
    int64_t kept, kept_boot; /* the last of ours that committed; 0: none */
};

static struct pq_store *of(struct store *s)
{
    return (struct pq_store *)s;
}

/* The rows that wait. */
static bool send_bulks(struct pq_store *s)
{
    char text[PQ_TEXT_CAP];
    struct pq_params p;
    for (int i = 0; i < N_BULKS; i++) {
        struct pq_bulk *bulk = &s->bulks[i];
        if (bulk->n == 0)
            continue;
        const bool fits = s->pipe.prepared[BULKS[i]] ||
                          pq_bulk_text(text, SQL_TEXT[BULKS[i]], bulk->types,
                                       bulk->n_columns);
        assert(fits);
        pq_bulk_params(bulk, &p);
        const bool is_sent = pipe_send_as(&s->pipe, (int)BULKS[i], text, &p);
        pq_bulk_forget(bulk); /* libpq copies what it queues */
        if (!is_sent)
            return false;
    }
    return true;
}

static struct pq_bulk *bulk_of(struct pq_store *s, enum sql sql)
{
    for (int i = 0; i < N_BULKS; i++)
        if (BULKS[i] == sql)
            return &s->bulks[i];
    return NULL;
}

static bool send(struct pq_store *s, enum sql sql, const struct pq_params *p)
{
    char text[PQ_TEXT_CAP];
    const bool fits = s->pipe.prepared[sql] || pq_text_of(text, SQL_TEXT[sql]);
    assert(fits);
    return send_bulks(s) && pipe_send_as(&s->pipe, (int)sql, text, p);
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

static bool is_update(const char *text)
{
    return text[0] == 'U';
}

/* A reader outside a transaction leaves none open behind a statement. */
static void end_statement(struct pq_store *s)
{
    if (!s->in_transaction && s->base.rc == STORE_OK)
        pipe_sync(&s->pipe);
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
    PGresult *rows = send(s, sql, &p) ? pipe_take_all(&s->pipe) : NULL;
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

static bool is_known_absent(const struct pq_store *s, enum sql sql,
                            const struct pq_params *p)
{
    const struct memo_entry *known = memo_find(&s->memo, sql, p);
    return known && known->n == 0;
}

/* A key that may be there: of a charge that is void. */
static bool send_key_again(struct pq_store *s, const struct pq_params *p)
{
    return send_bulks(s) &&
           pipe_send_as(
               &s->pipe, PIPE_KEY_AGAIN,
               "INSERT INTO keys (principal, key, request_hash, charge)"
               " VALUES ($1, $2, $3, $4) ON CONFLICT " PQ_KEYS_ONCE
               " DO UPDATE SET charge = excluded.charge",
               p);
}

static void pq_run(struct store *base, enum sql sql, const char *types,
                   va_list *ap)
{
    struct pq_store *s = of(base);
    struct pq_params p;
    if (!params_of(s, &p, types, ap))
        return;
    const bool is_new_key =
        sql == SQL_KEY_NEW && is_known_absent(s, SQL_KEY_FIND, &p);
    memo_touch(&s->memo, sql, &p);
    s->wrote = true;
    struct pq_bulk *bulk = bulk_of(s, sql);
    if (!bulk)
        (void)send(s, sql, &p);
    else if (sql == SQL_KEY_NEW && !is_new_key)
        (void)send_key_again(s, &p);
    else if (is_update(SQL_TEXT[sql]) && pq_bulk_has(bulk, &p) &&
             !send_bulks(s))
        return;
    else if (!pq_bulk_add(bulk, &p))
        store_fail(base, STORE_FAILED, "out of memory");
}

static void pq_exec(struct store *base, const char *text,
                    const struct store_value *values, size_t n)
{
    struct pq_store *s = of(base);
    struct pq_params p = { .n = 0 };
    for (size_t i = 0; i < n; i++)
        pq_params_value(&p, &values[i]);
    s->wrote = true;
    if (!send_bulks(s))
        return;
    if (strcmp(s->exec_text, text) != 0) {
        char numbered[PQ_TEXT_CAP];
        const bool fits = pq_text_of(numbered, text);
        assert(fits);
        (void)snprintf(s->exec_text, sizeof s->exec_text, "%s", text);
        (void)snprintf(s->exec_name, sizeof s->exec_name, "e%u", s->n_execs++);
        if (!pipe_sent(&s->pipe, PQsendPrepare(s->pipe.conn, s->exec_name,
                                               numbered, p.n, p.types)))
            return;
    }
    (void)pipe_sent(&s->pipe,
                    PQsendQueryPrepared(s->pipe.conn, s->exec_name, p.n,
                                        p.values, p.lengths, p.formats, 1));
    if (s->pipe.pending > PENDING_MAX)
        PQclear(pipe_take_all(&s->pipe));
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
    PGresult *rows = send_bulks(s) && pipe_send(&s->pipe, numbered, &p)
                         ? pipe_take_all(&s->pipe)
                         : NULL;
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

static int64_t pq_integer(struct store *base, enum sql sql, int column)
{
    const struct cursor *c = &of(base)->cursors[sql];
    return PQgetisnull(c->rows, c->at, column)
               ? 0
               : pipe_number(c->rows, c->at, column);
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
    for (int i = 0; i < N_BULKS; i++)
        pq_bulk_forget(&s->bulks[i]);
    s->in_transaction = s->wrote = s->goes_on = false;
}

static const char HEAD[] =
    "SELECT commits, CAST(extract(epoch FROM clock_timestamp()) * 1000000 AS"
    " bigint), " PQ_IS_DURABLE
    ", (SELECT settled FROM boots WHERE id = $1) FROM head";

static void read_head(struct pq_store *s, const PGresult *head)
{
    if (PQntuples(head) != 1) {
        store_fail(&s->base, STORE_FAILED, "the ledger has no head");
        return;
    }
    const int64_t commits = pipe_number(head, 0, 0);
    if (!pipe_number(head, 0, 2))
        store_fail(&s->base, STORE_FAILED, "commits are no longer durable");
    if (commits < s->seen)
        store_fail(&s->base, STORE_FAILED, "an older ledger was put back");
    s->base.has_news = commits != s->seen;
    s->base.is_new = s->seen == NO_SERIAL;
    s->quiet = s->base.has_news ? 0 : s->quiet + 1;
    s->base.expects_news = s->quiet < QUIET;
    s->base.goes_on = !s->base.expects_news; /* others would wait for us */
    /* ... or it began in a transaction that was undone. */
    s->base.is_over = s->base.boot != 0 &&
                      (PQgetisnull(head, 0, 3) || pipe_number(head, 0, 3) != 0);
    s->base.now_us = pipe_number(head, 0, 1);
    s->seen = commits;
}

/* What was asked for, and is next to come. */
static void learn_asked(struct pq_store *s)
{
    for (int kind = 0; kind < ASK_KINDS; kind++) {
        PGresult *rows = asks_has(&s->asks, kind) ? pipe_take(&s->pipe) : NULL;
        if (rows)
            asks_learn(&s->asks, kind, &s->memo, rows);
    }
    asks_forget(&s->asks);
}

/* Nothing was sent yet but what begins. */
static void pq_look(struct store *base)
{
    struct pq_store *s = of(base);
    assert(s->pipe.pending == 0);
    asks_send(&s->asks, &s->pipe, SQL_TEXT);
    if (s->pipe.pending > 0 && pipe_ask(&s->pipe))
        learn_asked(s);
}

/* All in one round trip: the lock is waited for by the database. */
static bool send_begin(struct pq_store *s)
{
    struct pq_params boot = { .n = 0 };
    pq_params_number(&boot, s->base.boot);
    if (pipe_send(&s->pipe, "BEGIN", NULL) &&
        pipe_send_as(&s->pipe, PIPE_LOCK, PQ_LOCK, NULL) &&
        pipe_send_as(&s->pipe, PIPE_HEAD, HEAD, &boot))
        asks_send(&s->asks, &s->pipe, SQL_TEXT);
    return pipe_ask(&s->pipe);
}

static void take_begin(struct pq_store *s)
{
    PQclear(pipe_take(&s->pipe));
    PQclear(pipe_take(&s->pipe));
    PGresult *head = pipe_take(&s->pipe);
    if (head)
        read_head(s, head);
    PQclear(head);
    learn_asked(s);
}

static void pq_begin(struct store *base)
{
    struct pq_store *s = of(base);
    s->in_transaction = true;
    s->wrote = false;
    s->serial = NO_SERIAL; /* what breaks off before its commit is not there */
    if (s->reads) {
        if (pipe_send(&s->pipe,
                      "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY", NULL))
            PQclear(pipe_take_all(&s->pipe));
    } else if (base->has_begun || send_begin(s)) {
        take_begin(s);
    }
    base->has_begun = false;
    asks_forget(&s->asks);
}

static void pq_ask_for(struct store *base, enum sql sql, const char *types,
                       va_list *ap)
{
    struct pq_params p;
    assert(!base->has_begun);
    if (pq_params_of(&p, types, ap))
        asks_add(&of(base)->asks, sql, &p);
}

static bool pq_writes(struct store *base)
{
    return of(base)->wrote;
}

static void send_serial(struct pq_store *s)
{
    struct pq_params p = { .n = 0 };
    s->serial = s->seen + 1;
    pq_params_number(&p, s->base.boot);
    pq_params_number(&p, s->serial);
    (void)pipe_send_as(&s->pipe, PIPE_SERIAL,
                       "WITH h AS (UPDATE head SET commits = commits + 1)"
                       " INSERT INTO commits (boot, serial) VALUES ($1, $2)"
                       " ON CONFLICT (boot) DO UPDATE SET serial ="
                       " excluded.serial",
                       &p);
}

/* Ours committed, and no database that lacks it is this one. */
static void keep(struct pq_store *s)
{
    s->seen = s->kept = s->serial;
    s->kept_boot = s->base.boot;
}

static void pq_go_on(struct store *base)
{
    of(base)->goes_on = true;
}

static void pq_commit(struct store *base)
{
    struct pq_store *s = of(base);
    const bool wrote = s->wrote, goes_on = s->goes_on;
    s->goes_on = false;
    if (wrote && send_bulks(s))
        send_serial(s);
    if (base->rc == STORE_OK && pipe_send(&s->pipe, "COMMIT", NULL))
        pipe_mark(&s->pipe);
    if (base->rc == STORE_OK && goes_on)
        base->has_begun = send_begin(s);
    if (base->rc == STORE_OK)
        pipe_settle(&s->pipe);
    if (base->rc != STORE_OK)
        return;
    if (wrote)
        keep(s);
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
    base->has_begun = false;
    asks_forget(&s->asks);
    memset(s->pipe.prepared, 0, sizeof s->pipe.prepared);
    s->exec_text[0] = '\0';
    if (PQstatus(s->pipe.conn) == CONNECTION_OK) {
        pipe_sync(&s->pipe);
        base->rc = STORE_OK;
        if (pipe_send(&s->pipe, "ROLLBACK", NULL) &&
            pipe_send(&s->pipe, "DEALLOCATE ALL", NULL))
            pipe_sync(&s->pipe);
    } else if (s->reads && pq_link(&conn, s->where, s->reads, &err) == ERR_OK) {
        PQfinish(s->pipe.conn);
        s->pipe.conn = conn;
        s->pipe.pending = 0;
        if (!PQenterPipelineMode(conn) || PQsetnonblocking(conn, 1) != 0)
            store_fail(base, STORE_LOST, "the connection broke");
    } else {
        store_fail(base, STORE_LOST, "the connection broke");
    }
}

/* ---- after a connection broke ---- */

/* Did the transaction commit?  The old session holds the lock until that is
 * known, if it still lives.  *is_older: what committed before it is gone. */
static bool read_back(struct pq_store *s, PGconn *conn, bool *committed,
                      bool *is_older)
{
    char sql[256];
    char why[8];
    pq_turn_end_hung(conn, PQ_LEDGER);
    bool ok = pq_do(conn, "BEGIN", why, sizeof why) &&
              pq_do(conn, PQ_LOCK, why, sizeof why);
    (void)snprintf(
        sql, sizeof sql,
        "SELECT CASE WHEN %" PRId64 " > 0 AND NOT EXISTS (SELECT FROM commits"
        " WHERE boot = %" PRId64 " AND serial >= %" PRId64 ") THEN 'older'"
        " WHEN EXISTS (SELECT FROM commits WHERE boot = %" PRId64
        " AND serial = %" PRId64 ") THEN 'committed' ELSE 'not' END",
        s->kept, s->kept_boot, s->kept, s->base.boot, s->serial);
    if (ok) {
        const struct pq_text said = pq_ask(conn, sql, &ok);
        *committed = strcmp(said.text, "committed") == 0;
        *is_older = strcmp(said.text, "older") == 0;
    }
    return ok && pq_do(conn, "COMMIT", why, sizeof why);
}

static bool pq_recover(struct store *base, bool *committed)
{
    struct pq_store *s = of(base);
    struct timespec start, now;
    struct err err;
    forget_batch(s);
    base->has_begun = false;
    asks_forget(&s->asks);
    memset(s->pipe.prepared, 0, sizeof s->pipe.prepared);
    s->exec_text[0] = '\0';
    /* A session that is not dead lets go of the lock. */
    PQfinish(s->pipe.conn);
    s->pipe = (struct pq_pipe){ .store = base };
    (void)clock_gettime(CLOCK_MONOTONIC, &start);
    do {
        PGconn *conn = NULL;
        bool is_older = false;
        const enum err_code code = pq_link(&conn, s->where, s->reads, &err);
        if (code == ERR_OK && read_back(s, conn, committed, &is_older) &&
            !is_older && PQenterPipelineMode(conn) &&
            PQsetnonblocking(conn, 1) == 0) {
            s->pipe.conn = conn;
            base->rc = STORE_OK;
            /* Else what was news may not have been read: it is news again. */
            s->seen = NO_SERIAL;
            if (*committed)
                keep(s);
            return true;
        }
        PQfinish(conn);
        if (code == ERR_REFUSED || is_older)
            break; /* it promises less than it did, or was put back */
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
        (void)pipe_send(&s->pipe, text, NULL);
        if (is_open || strncmp(TABLES[i].columns, "id,", 3) != 0)
            continue;
        (void)snprintf(text, sizeof text,
                       "SELECT setval(pg_get_serial_sequence('%s', 'id'),"
                       " (SELECT coalesce(max(id), 0) + 1 FROM %s), false)",
                       name, name);
        (void)pipe_send(&s->pipe, text, NULL);
    }
    PQclear(pipe_take_all(&s->pipe));
}

/* The database checkpoints by itself. */
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
    for (int i = 0; i < N_BULKS; i++)
        pq_bulk_fini(&s->bulks[i]);
    PQfinish(s->pipe.conn);
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
    .look = pq_look,
    .go_on = pq_go_on,
    .writes = pq_writes,
    .commit = pq_commit,
    .rollback = pq_rollback,
    .recover = pq_recover,
    .let_in = pq_let_in,
    .checkpoint = pq_checkpoint,
    .close = pq_close,
};

/* ---- opening ---- */

static enum err_code open_in(struct pq_store *s, struct err *err)
{
    const struct pq_name name = pq_uri_name(s->where);
    TRY(pq_link(&s->pipe.conn, s->where, s->reads, err));
    if (!s->reads)
        TRY(pq_schema_make(s->pipe.conn, &name, err));
    const int version = pq_schema_version(s->pipe.conn);
    if (version != PQ_SCHEMA_VERSION) {
        (void)err_set(err, version < 0 ? ERR_INTERNAL : ERR_INVALID,
                      version > 0 ? "%s is a ledger of another version"
                                  : "%s is not a ledger of Halftone",
                      name.text);
        return err_hint(err, "start its server once: it makes the tables");
    }
    return PQenterPipelineMode(s->pipe.conn) &&
                   PQsetnonblocking(s->pipe.conn, 1) == 0
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
    s->pipe.store = &s->base;
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
