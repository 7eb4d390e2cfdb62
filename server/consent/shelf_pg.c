#include "server/consent/shelf_pg.h"

#include <openssl/rand.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "server/consent/shelf_pg_rows.h"
#include "server/consent/shelf_pg_schema.h"
#include "server/ledger/pq_link.h"

enum {
    SETTLE_S = 15, /* how long it is asked whether a commit happened */
    RETRY_MS = 100,
    PAUSE_MS = 1000 /* between attempts to connect */
};

/* ---- the connection ---- */

static void hang_up(struct shelf *s)
{
    struct shelf_pg *g = shelf_pg_of(s);
    PQfinish(g->pipe.conn);
    g->pipe = (struct pq_pipe){ .store = &g->errors };
}

static int64_t ms_since(const struct timespec *t)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)(now.tv_sec - t->tv_sec) * 1000 +
           (now.tv_nsec - t->tv_nsec) / 1000000;
}

static enum err_code link_up(struct shelf_pg *g, bool makes, struct err *err)
{
    const struct pq_name name = pq_uri_name(g->where);
    char why[8];
    TRY(pq_link(&g->pipe.conn, g->where, false, err));
    pq_turn_end_hung(g->pipe.conn, SHELF_PG_REGISTER);
    if (makes)
        TRY(shelf_pg_make(g->pipe.conn, &name, err));
    if (pq_do(g->pipe.conn, "SET search_path = halftone_consent", why,
              sizeof why) &&
        PQenterPipelineMode(g->pipe.conn) &&
        PQsetnonblocking(g->pipe.conn, 1) == 0)
        return ERR_OK;
    return err_set(err, ERR_UNAVAILABLE, "%s does not answer", name.text);
}

/* There is a connection, or it is the error.  Not tried all the time: whoever
 * waits would wait for each attempt. */
static bool connect_again(struct shelf *s)
{
    struct shelf_pg *g = shelf_pg_of(s);
    struct err err;
    if (g->pipe.conn && PQstatus(g->pipe.conn) == CONNECTION_OK)
        return true;
    hang_up(s);
    if (g->failed_at.tv_sec == 0 || ms_since(&g->failed_at) > PAUSE_MS) {
        if (link_up(g, false, &err) == ERR_OK) {
            g->failed_at.tv_sec = 0;
            return true;
        }
        hang_up(s);
        (void)clock_gettime(CLOCK_MONOTONIC, &g->failed_at);
    }
    shelf_fail(s, STORE_LOST, "the database cannot be reached");
    return false;
}

/* ---- transactions ---- */

static const char HEAD[] =
    "SELECT serial, token, CAST(extract(epoch FROM clock_timestamp()) * 1000000"
    " AS bigint), " PQ_IS_DURABLE " FROM serials ORDER BY serial DESC LIMIT 1";

static void read_head(struct shelf *s, const PGresult *head)
{
    if (PQntuples(head) != 1 || PQgetlength(head, 0, 1) != SHELF_TOKEN_LEN) {
        shelf_fail(s, STORE_FAILED, "the register has no head");
        return;
    }
    if (!pipe_number(head, 0, 3))
        shelf_fail(s, STORE_FAILED, "commits are no longer durable");
    s->stamp.serial = pipe_number(head, 0, 0);
    memcpy(s->stamp.token, PQgetvalue(head, 0, 1), SHELF_TOKEN_LEN);
    s->now_us = pipe_number(head, 0, 2);
}

/* In one round trip: the lock is waited for by the database. */
static void begin(struct shelf *s)
{
    struct shelf_pg *g = shelf_pg_of(s);
    const bool writes = g->kind == SHELF_WRITES;
    if (pipe_send(&g->pipe,
                  writes ? "BEGIN"
                         : "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY",
                  NULL) &&
        (!writes || pipe_send(&g->pipe, SHELF_PG_LOCK, NULL)) &&
        pipe_send(&g->pipe, HEAD, NULL)) {
        PGresult *head = pipe_take_all(&g->pipe);
        if (head)
            read_head(s, head);
        PQclear(head);
    }
    (void)shelf_pg_is_well(s);
}

/* A connection that broke while nothing was asked is made anew, and one that
 * waited in vain for its turn. */
static void pg_begin(struct shelf *s, enum shelf_kind kind)
{
    struct shelf_pg *g = shelf_pg_of(s);
    g->kind = kind;
    s->in_doubt = false;
    for (int i = 0; i < 2; i++) {
        s->rc = g->errors.rc = STORE_OK;
        if (!connect_again(s))
            return;
        begin(s);
        if (s->rc != STORE_LOST)
            return;
        hang_up(s);
    }
}

static void pg_look(struct shelf *s)
{
    struct shelf_pg *g = shelf_pg_of(s);
    for (int i = 0; i < 2; i++) {
        s->rc = g->errors.rc = STORE_OK;
        if (!connect_again(s))
            return;
        PGresult *head =
            pipe_send(&g->pipe, HEAD, NULL) ? pipe_take_all(&g->pipe) : NULL;
        if (head)
            read_head(s, head);
        PQclear(head);
        if (shelf_pg_is_well(s))
            pipe_sync(&g->pipe);
        if (shelf_pg_is_well(s) || s->rc != STORE_LOST)
            return;
    }
}

/* ---- after a connection broke in a commit ---- */

static bool ask_token(struct shelf *s, bool *is_there)
{
    struct shelf_pg *g = shelf_pg_of(s);
    struct pq_params p = { .n = 0 };
    struct err err;
    pq_params_add(&p, PQ_BYTEA, s->stamp.token, SHELF_TOKEN_LEN);
    hang_up(s);
    g->errors.rc = STORE_OK;
    if (link_up(g, false, &err) != ERR_OK)
        return false;
    PGresult *r =
        pipe_send(&g->pipe, "BEGIN", NULL) &&
                pipe_send(&g->pipe, SHELF_PG_LOCK, NULL) &&
                pipe_send(&g->pipe, "SELECT 1 FROM serials WHERE token = $1",
                          &p)
            ? pipe_take_all(&g->pipe)
            : NULL;
    if (r)
        *is_there = PQntuples(r) > 0;
    PQclear(r);
    if (pipe_send(&g->pipe, "COMMIT", NULL))
        pipe_sync(&g->pipe);
    return r != NULL && g->errors.rc == STORE_OK;
}

/* Did it happen?  The old session holds the lock until that is known, if it
 * still lives. */
static void settle(struct shelf *s)
{
    struct shelf_pg *g = shelf_pg_of(s);
    struct timespec start;
    bool is_there = false;
    (void)clock_gettime(CLOCK_MONOTONIC, &start);
    while (!ask_token(s, &is_there)) {
        if (ms_since(&start) > SETTLE_S * 1000) {
            s->in_doubt = true;
            return;
        }
        (void)poll(NULL, 0, RETRY_MS);
    }
    g->errors.rc = STORE_OK;
    if (is_there)
        s->rc = STORE_OK;
}

static void stamp(struct shelf *s)
{
    struct shelf_pg *g = shelf_pg_of(s);
    struct pq_params p = { .n = 0 };
    if (RAND_bytes(s->stamp.token, sizeof s->stamp.token) != 1) {
        shelf_fail(s, STORE_REFUSED, "no randomness");
        return;
    }
    s->stamp.serial++;
    pq_params_number(&p, s->stamp.serial);
    pq_params_add(&p, PQ_BYTEA, s->stamp.token, sizeof s->stamp.token);
    pq_params_number(&p, s->now_us);
    (void)pipe_send(&g->pipe,
                    "INSERT INTO serials (serial, token, at_us)"
                    " VALUES ($1, $2, $3)",
                    &p);
}

static void pg_commit(struct shelf *s)
{
    struct shelf_pg *g = shelf_pg_of(s);
    const bool wrote = g->wrote;
    shelf_pg_send_bulks(s);
    if (shelf_pg_is_well(s) && wrote)
        stamp(s);
    if (shelf_pg_is_well(s) && pipe_send(&g->pipe, "COMMIT", NULL))
        pipe_sync(&g->pipe);
    if (!shelf_pg_is_well(s) && s->rc == STORE_LOST && wrote)
        settle(s);
    if (s->rc == STORE_OK)
        shelf_pg_forget(s);
}

/* What was prepared by a transaction that failed may not be: all is anew. */
static bool pg_rollback(struct shelf *s)
{
    struct shelf_pg *g = shelf_pg_of(s);
    shelf_pg_forget(s);
    s->rc = g->errors.rc = STORE_OK;
    memset(g->pipe.prepared, 0, sizeof g->pipe.prepared);
    if (!g->pipe.conn || PQstatus(g->pipe.conn) != CONNECTION_OK) {
        hang_up(s);
        return true;
    }
    pipe_sync(&g->pipe);
    g->errors.rc = STORE_OK;
    if (pipe_send(&g->pipe, "ROLLBACK", NULL) &&
        pipe_send(&g->pipe, "DEALLOCATE ALL", NULL))
        pipe_sync(&g->pipe);
    if (g->errors.rc != STORE_OK)
        hang_up(s);
    g->errors.rc = STORE_OK;
    return true;
}

/* Rows that are no more leave their pages. */
static void pg_sweep(struct shelf *s)
{
    struct shelf_pg *g = shelf_pg_of(s);
    static const char *const TEXTS[] = {
        "VACUUM (INDEX_CLEANUP OFF, TRUNCATE OFF) subjects",
        "VACUUM (INDEX_CLEANUP OFF, TRUNCATE OFF) choices",
        "VACUUM (INDEX_CLEANUP OFF, TRUNCATE OFF) contacts"
    };
    for (size_t i = 0; i < sizeof TEXTS / sizeof TEXTS[0]; i++)
        if (g->errors.rc == STORE_OK && pipe_send(&g->pipe, TEXTS[i], NULL))
            pipe_sync(&g->pipe);
    if (g->errors.rc != STORE_OK)
        (void)pg_rollback(s);
}

static void pg_close(struct shelf *s)
{
    struct shelf_pg *g = shelf_pg_of(s);
    shelf_pg_forget(s);
    for (int i = 0; i < SHELF_PG_BULKS; i++)
        pq_bulk_fini(&g->bulks[i]);
    PQfinish(g->pipe.conn);
    free(g->where);
    free(g);
}

static const struct shelf_ops PG_OPS = {
    .start = shelf_pg_start,
    .run = shelf_pg_run,
    .next = shelf_pg_next,
    .end = shelf_pg_end,
    .integer = shelf_pg_integer,
    .bytes = shelf_pg_bytes,
    .is_null = shelf_pg_is_null,
    .begin = pg_begin,
    .commit = pg_commit,
    .rollback = pg_rollback,
    .look = pg_look,
    .sweep = pg_sweep,
    .close = pg_close,
};

enum err_code shelf_pg_open(struct shelf *s, const char *where, struct err *err)
{
    struct shelf_pg *g = calloc(1, sizeof *g);
    char *own = strdup(where);
    if (!g || !own) {
        free(g);
        free(own);
        return err_set(err, ERR_LIMIT, "out of memory");
    }
    g->where = own;
    g->pipe.store = &g->errors;
    *s = (struct shelf){ .ops = &PG_OPS, .of = g, .is_shared = true };
    return link_up(g, true, err);
}
