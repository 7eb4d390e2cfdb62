#include "server/ledger/store_pg.h"

#include <assert.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "server/ledger/pq_link.h"
#include "server/ledger/pq_schema.h"
#include "server/ledger/store_pg_rows.h"

enum {
    ALIVE_S = 15,   /* a server that is silent for so long is over */
    RECOVER_S = 60, /* how long a broken connection is tried again */
    RETRY_MS = 100,
    NO_SERIAL = -1,
    QUIET = 16, /* transactions without news: others are not at it */
    US_PER_S = 1000000
};

/* ---- transactions ---- */

static void forget_batch(struct pq_store *s)
{
    pq_rows_forget(s);
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

/* All in one round trip: the lock is waited for by the database. */
static bool send_begin(struct pq_store *s)
{
    struct pq_params boot = { .n = 0 };
    pq_params_number(&boot, s->base.boot);
    if (pipe_send(&s->pipe, "BEGIN", NULL) &&
        pipe_send_as(&s->pipe, PIPE_LOCK, PQ_LOCK, NULL) &&
        pipe_send_as(&s->pipe, PIPE_HEAD, HEAD, &boot))
        pq_send_asked(s);
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
    pq_learn_asked(s);
}

static void pq_begin(struct store *base)
{
    struct pq_store *s = pq_of(base);
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

static bool pq_writes(struct store *base)
{
    return pq_of(base)->wrote;
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
    pq_of(base)->goes_on = true;
}

static void pq_commit(struct store *base)
{
    struct pq_store *s = pq_of(base);
    const bool wrote = s->wrote, goes_on = s->goes_on;
    s->goes_on = false;
    if (wrote && pq_send_bulks(s))
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
    struct pq_store *s = pq_of(base);
    struct err err;
    PGconn *conn = NULL;
    forget_batch(s);
    s->seen = NO_SERIAL; /* what was news may not have been read yet */
    base->has_begun = false;
    pq_rows_unprepare(s);
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
    struct pq_store *s = pq_of(base);
    struct timespec start, now;
    struct err err;
    forget_batch(s);
    base->has_begun = false;
    pq_rows_unprepare(s);
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

/* The database checkpoints by itself. */
static void pq_checkpoint(struct store *base)
{
    (void)base;
}

static void pq_close(struct store *base)
{
    struct pq_store *s = pq_of(base);
    pq_rows_fini(s);
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
    s->base.alive_us = (int64_t)ALIVE_S * US_PER_S;
    s->reads = reads;
    s->seen = NO_SERIAL;
    pq_rows_init(s);
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
