#include "server/consent/shelf_pg.h"

#include <assert.h>
#include <openssl/rand.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "server/consent/shelf_pg_schema.h"
#include "server/ledger/pq_bulk.h"
#include "server/ledger/pq_pipe.h"

#undef NEXT_RECORD
#undef FIRST_RECORD
#undef NEW_ROWS
#undef NEW_CHOICES
#undef SHARED
#define NEXT_RECORD  "SELECT nextval('records')"
#define FIRST_RECORD NEXT_RECORD
/* Rows of the arrays; of two that are alike the first, in the order of the
 * file. */
#define NEW_ROWS                                                               \
    "INSERT INTO events (subject, at_us, state, purposes, notice, until_us,"   \
    " recorded_us, import) SELECT v1, v2, v3, v4, v5, v6, v7, v8 FROM (SELECT" \
    " DISTINCT ON (v1, v2, v3, v4, v5) * FROM unnest($1, $2, $3, $4, $5, $6,"  \
    " $7, $8) WITH ORDINALITY AS t(v1, v2, v3, v4, v5, v6, v7, v8, i)"         \
    " ORDER BY v1, v2, v3, v4, v5, i) AS r WHERE NOT EXISTS (SELECT 1 FROM"    \
    " events e WHERE e.subject = v1 AND e.at_us = v2 AND e.state = v3 AND"     \
    " e.purposes = v4 AND e.notice = v5 AND (e.import IS NULL OR e.import ="   \
    " v8 OR (SELECT state FROM imports WHERE id = e.import) = 1)) ORDER BY i"
#define NEW_CHOICES                                                            \
    "INSERT INTO choices (subject, channel, at_us, n, period_s, recorded_us,"  \
    " import) SELECT v1, v2, v3, v4, v5, v6, v7 FROM (SELECT DISTINCT ON (v1," \
    " v2, v3, v4, v5) * FROM unnest($1, $2, $3, $4, $5, $6, $7) WITH"          \
    " ORDINALITY AS t(v1, v2, v3, v4, v5, v6, v7, i) ORDER BY v1, v2, v3, v4," \
    " v5, i) AS r WHERE NOT EXISTS (SELECT 1 FROM choices e WHERE e.subject"   \
    " = v1 AND e.channel = v2 AND e.at_us = v3 AND e.n = v4 AND e.period_s ="  \
    " v5 AND (e.import IS NULL OR e.import = v7 OR (SELECT state FROM imports" \
    " WHERE id = e.import) = 1)) ORDER BY i"
#define SHARED(text) text
static const char *const SQL_TEXT[SHELF_SQL_COUNT] = {
#define STMT(name, text) [SHELF_##name] = text,
#include "server/consent/sql.def"
#undef STMT
};

enum {
    FETCH = 20000, /* rows of a long statement at a time */
    SETTLE_S = 10, /* how long it is asked whether a commit happened */
    RETRY_MS = 100,
    PENDING_MAX = 1024, /* results that wait for us */
    PAUSE_MS = 1000     /* between attempts to connect */
};

/* Rows that come by the thousand go together, in this order, before anything
 * else is asked. */
static const enum shelf_sql BULKS[] = { SHELF_SUBJECT_NEW, SHELF_EVENT_IMPORTED,
                                        SHELF_CHOICE_IMPORTED,
                                        SHELF_CHANGE_NEW };
enum { N_BULKS = sizeof BULKS / sizeof BULKS[0] };
_Static_assert((int)SHELF_SQL_COUNT <= (int)PIPE_STATEMENTS,
               "the pipe knows which of them are prepared");

/* The rows of a statement that are being read. */
struct cursor {
    PGresult *rows; /* owned; or NULL */
    int at;
    bool is_long; /* there may be more in the database */
};

struct pg {
    struct store errors; /* the pipe's */
    struct pq_pipe pipe;
    char *where; /* owned */
    enum shelf_kind kind;
    bool in_transaction, wrote;
    struct cursor cursors[SHELF_SQL_COUNT];
    struct pq_bulk bulks[N_BULKS];
    struct timespec failed_at; /* the last attempt to connect; 0: it did not */
};

static struct pg *of(const struct shelf *s)
{
    return s->of;
}

/* What the pipe met is the shelf's error. */
static bool is_well(struct shelf *s)
{
    const struct store *e = &of(s)->errors;
    if (e->rc != STORE_OK)
        shelf_fail(s, e->rc, e->why);
    return s->rc == STORE_OK;
}

/* ---- parameters ---- */

/* In a bulk nothing is NULL: what never ends is a number. */
static struct store_value value_of(char type, va_list *ap, bool in_bulk)
{
    struct store_value v = { .type = type };
    if (type == 't') {
        v.data = va_arg(*ap, const char *);
        v.len = strlen(v.data);
        return v;
    }
    if (type == 'i' || type == 'o' || type == 'z') {
        v.number = va_arg(*ap, int64_t);
        const bool is_null = (type == 'o' && v.number == SHELF_NULL) ||
                             (type == 'z' && v.number == 0);
        v.type = is_null && !in_bulk ? 'n' : 'i';
        return v;
    }
    assert(type == 'b' || type == 'e');
    v.data = va_arg(*ap, const void *);
    v.len = va_arg(*ap, size_t);
    v.type = type == 'e' && v.len == 0 ? 'n' : 'b';
    return v;
}

static void params_of(struct pq_params *p, const char *types, va_list *ap,
                      bool in_bulk)
{
    p->n = 0;
    for (; *types; types++) {
        const struct store_value v = value_of(*types, ap, in_bulk);
        pq_params_value(p, &v);
    }
}

/* ---- sending ---- */

static struct pq_bulk *bulk_of(struct pg *g, enum shelf_sql sql)
{
    for (int i = 0; i < N_BULKS; i++)
        if (BULKS[i] == sql)
            return &g->bulks[i];
    return NULL;
}

/* The rows that wait. */
static void send_bulks(struct shelf *s)
{
    struct pg *g = of(s);
    char text[PQ_TEXT_CAP];
    struct pq_params p;
    for (int i = 0; i < N_BULKS && is_well(s); i++) {
        struct pq_bulk *bulk = &g->bulks[i];
        if (bulk->n == 0)
            continue;
        const bool is_made = BULKS[i] == SHELF_EVENT_IMPORTED ||
                             BULKS[i] == SHELF_CHOICE_IMPORTED;
        const bool fits = is_made || pq_bulk_text(text, SQL_TEXT[BULKS[i]]);
        assert(fits);
        pq_bulk_params(bulk, &p);
        (void)pipe_send_as(&g->pipe, (int)BULKS[i],
                           is_made ? SQL_TEXT[BULKS[i]] : text, &p);
        pq_bulk_forget(bulk); /* libpq copies what it queues */
    }
}

static void send(struct shelf *s, enum shelf_sql sql, const struct pq_params *p)
{
    char text[PQ_TEXT_CAP];
    const bool fits = pq_text_of(text, SQL_TEXT[sql]);
    assert(fits);
    send_bulks(s);
    if (is_well(s))
        (void)pipe_send_as(&of(s)->pipe, (int)sql, text, p);
}

/* ---- rows ---- */

/* Whose rows may be as many as there are people. */
static bool is_long(enum shelf_sql sql)
{
    return sql == SHELF_SUBJECTS || sql == SHELF_EVENTS_ALL ||
           sql == SHELF_CHANGES || sql == SHELF_SUBJECTS_BETWEEN;
}

static void close_cursor(struct cursor *c)
{
    PQclear(c->rows);
    *c = (struct cursor){ .rows = NULL };
}

/* The next rows of a long statement. */
static bool fetch(struct shelf *s, enum shelf_sql sql)
{
    struct pg *g = of(s);
    struct cursor *c = &g->cursors[sql];
    char text[64];
    PQclear(c->rows);
    *c = (struct cursor){ .is_long = true };
    (void)snprintf(text, sizeof text, "FETCH %d FROM c%d", FETCH, (int)sql);
    if (pipe_send(&g->pipe, text, NULL))
        c->rows = pipe_take_all(&g->pipe);
    return is_well(s) && PQntuples(c->rows) > 0;
}

static void end_long(struct shelf *s, enum shelf_sql sql)
{
    char text[32];
    (void)snprintf(text, sizeof text, "CLOSE c%d", (int)sql);
    close_cursor(&of(s)->cursors[sql]);
    if (s->rc == STORE_OK)
        (void)pipe_send(&of(s)->pipe, text, NULL);
}

static bool start_long(struct shelf *s, enum shelf_sql sql,
                       const struct pq_params *p)
{
    char numbered[PQ_TEXT_CAP], text[PQ_TEXT_CAP + 64];
    const bool fits = pq_text_of(numbered, SQL_TEXT[sql]);
    assert(fits);
    (void)snprintf(text, sizeof text, "DECLARE c%d NO SCROLL CURSOR FOR %s",
                   (int)sql, numbered);
    send_bulks(s);
    if (!is_well(s) || !pipe_send(&of(s)->pipe, text, p))
        return is_well(s);
    if (fetch(s, sql))
        return true;
    end_long(s, sql);
    return false;
}

static bool pg_start(struct shelf *s, enum shelf_sql sql, const char *types,
                     va_list *ap)
{
    struct pg *g = of(s);
    struct pq_params p;
    params_of(&p, types, ap, false);
    close_cursor(&g->cursors[sql]);
    if (is_long(sql))
        return start_long(s, sql, &p);
    g->wrote |= SQL_TEXT[sql][0] != 'S'; /* not SELECT */
    send(s, sql, &p);
    PGresult *rows = is_well(s) ? pipe_take_all(&g->pipe) : NULL;
    g->cursors[sql] = (struct cursor){ .rows = rows };
    if (is_well(s) && PQntuples(rows) > 0)
        return true;
    close_cursor(&g->cursors[sql]);
    return false;
}

static void pg_run(struct shelf *s, enum shelf_sql sql, const char *types,
                   va_list *ap)
{
    struct pg *g = of(s);
    struct pq_params p;
    struct pq_bulk *bulk = bulk_of(g, sql);
    params_of(&p, types, ap, bulk != NULL);
    g->wrote = true;
    if (!bulk)
        send(s, sql, &p);
    else if (!pq_bulk_add(bulk, &p))
        shelf_full(s);
    if (g->pipe.pending > PENDING_MAX)
        PQclear(pipe_take_all(&g->pipe));
    (void)is_well(s);
}

static bool pg_next(struct shelf *s, enum shelf_sql sql)
{
    struct cursor *c = &of(s)->cursors[sql];
    if (c->rows && ++c->at < PQntuples(c->rows))
        return true;
    if (!c->is_long) {
        close_cursor(c);
        return false;
    }
    if (fetch(s, sql))
        return true;
    end_long(s, sql);
    return false;
}

static void pg_end(struct shelf *s, enum shelf_sql sql)
{
    if (of(s)->cursors[sql].is_long)
        end_long(s, sql);
    else
        close_cursor(&of(s)->cursors[sql]);
}

static bool pg_is_null(struct shelf *s, enum shelf_sql sql, int column)
{
    const struct cursor *c = &of(s)->cursors[sql];
    return PQgetisnull(c->rows, c->at, column) != 0;
}

static int64_t pg_integer(struct shelf *s, enum shelf_sql sql, int column)
{
    const struct cursor *c = &of(s)->cursors[sql];
    return pg_is_null(s, sql, column) ? 0 : pipe_number(c->rows, c->at, column);
}

/* libpq puts a 0 behind each value. */
static const void *pg_bytes(struct shelf *s, enum shelf_sql sql, int column,
                            size_t *len)
{
    const struct cursor *c = &of(s)->cursors[sql];
    *len = (size_t)PQgetlength(c->rows, c->at, column);
    return pg_is_null(s, sql, column) ? NULL
                                      : PQgetvalue(c->rows, c->at, column);
}

/* ---- the connection ---- */

static void forget(struct shelf *s)
{
    struct pg *g = of(s);
    for (int i = 0; i < SHELF_SQL_COUNT; i++)
        close_cursor(&g->cursors[i]);
    for (int i = 0; i < N_BULKS; i++)
        pq_bulk_forget(&g->bulks[i]);
    g->in_transaction = g->wrote = false;
}

static void hang_up(struct shelf *s)
{
    struct pg *g = of(s);
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

static enum err_code link_up(struct pg *g, bool makes, struct err *err)
{
    const struct pq_name name = pq_name_of(g->where);
    char why[8];
    TRY(pq_link(&g->pipe.conn, g->where, false, err));
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
    struct pg *g = of(s);
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
    " AS bigint), current_setting('synchronous_commit') IN ('on',"
    " 'remote_apply') FROM serials ORDER BY serial DESC LIMIT 1";

static void read_head(struct shelf *s, const PGresult *head)
{
    if (PQntuples(head) != 1 || PQgetlength(head, 0, 1) != SHELF_TOKEN_LEN) {
        shelf_fail(s, STORE_FAILED, "the register has no head");
        return;
    }
    if (!pipe_number(head, 0, 3))
        shelf_fail(s, STORE_FAILED, "synchronous_commit was set off");
    s->stamp.serial = pipe_number(head, 0, 0);
    memcpy(s->stamp.token, PQgetvalue(head, 0, 1), SHELF_TOKEN_LEN);
    s->now_us = pipe_number(head, 0, 2);
}

/* In one round trip: the lock is waited for by the database. */
static void begin(struct shelf *s)
{
    struct pg *g = of(s);
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
    (void)is_well(s);
}

/* A connection that broke while nothing was asked is made anew. */
static void pg_begin(struct shelf *s, enum shelf_kind kind)
{
    struct pg *g = of(s);
    g->kind = kind;
    s->in_doubt = false;
    for (int i = 0; i < 2; i++) {
        s->rc = g->errors.rc = STORE_OK;
        if (!connect_again(s))
            return;
        g->in_transaction = true;
        begin(s);
        if (s->rc != STORE_LOST || PQstatus(g->pipe.conn) == CONNECTION_OK)
            return;
    }
}

static void pg_look(struct shelf *s)
{
    struct pg *g = of(s);
    for (int i = 0; i < 2; i++) {
        s->rc = g->errors.rc = STORE_OK;
        if (!connect_again(s))
            return;
        PGresult *head =
            pipe_send(&g->pipe, HEAD, NULL) ? pipe_take_all(&g->pipe) : NULL;
        if (head)
            read_head(s, head);
        PQclear(head);
        if (is_well(s))
            pipe_sync(&g->pipe);
        if (is_well(s) || s->rc != STORE_LOST)
            return;
    }
}

/* ---- after a connection broke in a commit ---- */

static bool ask_token(struct shelf *s, bool *is_there)
{
    struct pg *g = of(s);
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
    struct pg *g = of(s);
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
    struct pg *g = of(s);
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
    struct pg *g = of(s);
    const bool wrote = g->wrote;
    send_bulks(s);
    if (is_well(s) && wrote)
        stamp(s);
    if (is_well(s) && pipe_send(&g->pipe, "COMMIT", NULL))
        pipe_sync(&g->pipe);
    if (!is_well(s) && s->rc == STORE_LOST && wrote)
        settle(s);
    if (s->rc == STORE_OK)
        forget(s);
}

/* What was prepared by a transaction that failed may not be: all is anew. */
static bool pg_rollback(struct shelf *s)
{
    struct pg *g = of(s);
    forget(s);
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
    struct pg *g = of(s);
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
    struct pg *g = of(s);
    forget(s);
    for (int i = 0; i < N_BULKS; i++)
        pq_bulk_fini(&g->bulks[i]);
    PQfinish(g->pipe.conn);
    free(g->where);
    free(g);
}

static const struct shelf_ops PG_OPS = {
    .start = pg_start,
    .run = pg_run,
    .next = pg_next,
    .end = pg_end,
    .integer = pg_integer,
    .bytes = pg_bytes,
    .is_null = pg_is_null,
    .begin = pg_begin,
    .commit = pg_commit,
    .rollback = pg_rollback,
    .look = pg_look,
    .sweep = pg_sweep,
    .close = pg_close,
};

enum err_code shelf_pg_open(struct shelf *s, const char *where, struct err *err)
{
    struct pg *g = calloc(1, sizeof *g);
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
