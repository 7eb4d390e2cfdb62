#include "server/engine/postgres.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/engine/pgsql_counts.h"
#include "server/engine/pgsql_result.h"
#include "server/engine/pgsql_tables.h"
#include "server/plan/keep.h"

enum { SECRET_LEN = 32, IDLE_MAX = 16, OID_BYTEA = 17 };

struct postgres {
    struct engine base;
    const struct policy *policy; /* borrowed */
    struct engine_options options;
    struct pgsql_counts *counts; /* NULL: the policy asks for no consent */
    pthread_mutex_t lock;        /* guards idle, n_idle */
    PGconn *idle[IDLE_MAX];
    size_t n_idle;
};

/* What one run owns. */
struct run {
    const struct postgres *e;
    const struct plan *plan;
    const atomic_int *stop;
    PGconn *conn;
    uint64_t holder; /* whose rows say who counts */
};

/* ---- connections ---- */

static PGconn *take(struct postgres *e)
{
    struct err ignored = { 0 };
    PGconn *conn = NULL;
    (void)pthread_mutex_lock(&e->lock);
    if (e->n_idle)
        conn = e->idle[--e->n_idle];
    (void)pthread_mutex_unlock(&e->lock);
    if (!conn && pgsql_link(&conn, e->policy, PGSQL_READER, &ignored) != ERR_OK)
        conn = NULL;
    return conn;
}

/* One whose statement was cancelled could hear of that late. */
static void give_back(struct postgres *e, PGconn *conn, bool clean)
{
    const bool usable = clean && PQstatus(conn) == CONNECTION_OK &&
                        PQtransactionStatus(conn) == PQTRANS_IDLE;
    (void)pthread_mutex_lock(&e->lock);
    if (usable && e->n_idle < IDLE_MAX) {
        e->idle[e->n_idle++] = conn;
        conn = NULL;
    }
    (void)pthread_mutex_unlock(&e->lock);
    PQfinish(conn);
}

/* All that are idle: where one is broken, the others are. */
static void forget_idle(struct postgres *e)
{
    PGconn *gone[IDLE_MAX];
    (void)pthread_mutex_lock(&e->lock);
    const size_t n = e->n_idle;
    if (n)
        memcpy(gone, e->idle, n * sizeof *gone);
    e->n_idle = 0;
    (void)pthread_mutex_unlock(&e->lock);
    for (size_t i = 0; i < n; i++)
        PQfinish(gone[i]);
}

/* ---- failures ---- */

static enum err_code miss(const struct postgres *e, const char *class_name,
                          struct err *err)
{
    if (e->options.failed)
        e->options.failed(e->options.failed_ctx, class_name);
    (void)err_set(err, ERR_MISS, "the engine failed");
    return err_hint(err, "the charge stays; ask the operator, whose log has "
                         "the class of the failure");
}

/* Why nothing came: `stop` was set, or the database failed. */
static enum err_code failed(const struct run *r, const PGresult *res,
                            struct err *err)
{
    const int why = atomic_load_explicit(r->stop, memory_order_relaxed);
    if (why == ERR_DEADLINE)
        return err_set(err, ERR_DEADLINE, "the deadline passed");
    if (why)
        return err_set(err, ERR_CANCELLED, "the query was cancelled");
    return miss(r->e, pgsql_class(r->conn, res), err);
}

/* ---- a statement ---- */

/* All that is left of what was sent; true when it was good to the end. */
static bool drain(const struct run *r)
{
    PGresult *res;
    bool ok = true;
    while ((res = pgsql_next(r->conn, r->stop))) {
        const ExecStatusType status = PQresultStatus(res);
        ok &= status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK;
        PQclear(res);
    }
    return ok && !PQisBusy(r->conn);
}

/*
 * The transaction's snapshot begins with the query of whether the holder lives,
 * after who counts was written.
 */
enum begun { BEGUN, BEGUN_LOST, BEGUN_FAILED };
static enum begun begin(const struct run *r)
{
    char holds[PGSQL_HOLDS_MAX], sql[PGSQL_HOLDS_MAX + 256];
    pgsql_counts_holds(holds, r->holder);
    (void)snprintf(sql, sizeof sql,
                   "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; SET LOCAL "
                   "halftone.holder = '%" PRIu64 "'; %s",
                   r->holder, r->e->counts ? holds : "SELECT TRUE");
    if (PQsendQuery(r->conn, sql) != 1)
        return BEGUN_FAILED;
    enum begun code = BEGUN_FAILED;
    PGresult *res;
    while ((res = pgsql_next(r->conn, r->stop))) {
        if (PQresultStatus(res) == PGRES_TUPLES_OK && PQntuples(res) == 1)
            code = *PQgetvalue(res, 0, 0) == 't' ? BEGUN : BEGUN_LOST;
        else if (PQresultStatus(res) != PGRES_COMMAND_OK)
            code = BEGUN_FAILED;
        PQclear(res);
    }
    return code;
}

static bool end(const struct run *r)
{
    return drain(r) && PQsendQuery(r->conn, "COMMIT") == 1 && drain(r);
}

static bool send(const struct run *r, const uint8_t secret[SECRET_LEN])
{
    uint8_t key[KEEP_KEY_LEN] = { 0 };
    memcpy(key, secret, SECRET_LEN);
    const char *const values[] = { (const char *)key };
    const int lengths[] = { sizeof key }, formats[] = { 1 };
    const Oid types[] = { OID_BYTEA };
    return PQsendQueryParams(r->conn, r->plan->sql, 1, types, values, lengths,
                             formats, 1) == 1;
}

static enum err_code wrong_shape(struct err *err)
{
    return err_set(err, ERR_INTERNAL,
                   "the plan's statement has another shape than the plan");
}

static enum err_code collect(const struct run *r, struct engine_result *out,
                             struct arena *a, struct err *err)
{
    PGresult *res = pgsql_next(r->conn, r->stop);
    enum err_code code;
    if (PQresultStatus(res) != PGRES_TUPLES_OK)
        code = failed(r, res, err);
    else if (!pgsql_fits(res, r->plan))
        code = wrong_shape(err);
    else
        code = pgsql_decode(out, res, r->plan, a)
                   ? ERR_OK
                   : miss(r->e, "result_too_large", err);
    PQclear(res);
    return code;
}

/* Row by row, into pages. */
static enum err_code turn(const struct run *r, struct engine_result *out,
                          struct err *err)
{
    struct pgsql_page page = { .rows = { .pages = out->pages } };
    enum err_code code = ERR_OK;
    bool complete = false;
    while (code == ERR_OK && !complete) {
        bool fits = true;
        PGresult *res = pgsql_next(r->conn, r->stop);
        const ExecStatusType status = PQresultStatus(res);
        complete = status == PGRES_TUPLES_OK;
        if (!complete && status != PGRES_SINGLE_TUPLE)
            code = failed(r, res, err);
        else if (!pgsql_fits(res, r->plan))
            code = wrong_shape(err);
        else
            code = pgsql_page_add(&fits, &page, res, r->plan, err);
        if (code == ERR_OK && !fits)
            code = miss(r->e, "result_too_large", err);
        if (code == ERR_OK && !complete &&
            atomic_load_explicit(r->stop, memory_order_relaxed))
            code = failed(r, res, err);
        PQclear(res);
    }
    if (code == ERR_OK)
        *out = page.rows;
    return code;
}

static enum err_code ask(const struct run *r, struct engine_result *out,
                         const uint8_t secret[SECRET_LEN], struct arena *a,
                         struct err *err)
{
    if (!send(r, secret) || (out->pages && !PQsetSingleRowMode(r->conn)))
        return failed(r, NULL, err);
    return out->pages ? turn(r, out, err) : collect(r, out, a, err);
}

/* Rows that nobody wants are not read: the statement is cancelled. */
static void give_up(const struct run *r)
{
    const atomic_int now = ERR_CANCELLED;
    const struct run last = { r->e, r->plan, &now, r->conn, r->holder };
    (void)drain(&last);
}

enum { TRIES = 3 };

/* A connection that was idle may be broken, and the holder of who counts gone:
 * both are made anew, before anything of the data was read. */
static enum err_code start(struct run *r, struct postgres *e, struct err *err)
{
    for (int i = 0; i < TRIES; i++) {
        if (e->counts && r->plan->gated &&
            !pgsql_counts_sync(e->counts, &r->holder, r->plan->purpose,
                               r->stop))
            return failed(r, NULL, err);
        r->conn = take(e);
        const enum begun begun = r->conn ? begin(r) : BEGUN_FAILED;
        if (begun == BEGUN)
            return ERR_OK;
        if (begun == BEGUN_LOST && e->counts)
            pgsql_counts_lost(e->counts, r->holder);
        if (r->conn)
            give_up(r);
        PQfinish(r->conn);
        r->conn = NULL;
        forget_idle(e);
        if (atomic_load_explicit(r->stop, memory_order_relaxed))
            break;
    }
    return failed(r, NULL, err);
}

static enum err_code run(struct engine *base, struct engine_result *out,
                         const struct plan *plan, const uint8_t secret[32],
                         const atomic_int *stop, struct arena *a,
                         struct err *err)
{
    struct postgres *e = (struct postgres *)base;
    struct run r = { .e = e, .plan = plan, .stop = stop };
    TRY(start(&r, e, err));
    const enum err_code code = ask(&r, out, secret, a, err);
    const bool clean = code == ERR_OK && end(&r);
    if (!clean)
        give_up(&r);
    give_back(e, r.conn, clean);
    return code;
}

/* ---- the data changed ---- */

static void refresh(struct engine *base)
{
    struct postgres *e = (struct postgres *)base;
    if (e->counts)
        (void)pgsql_counts_number(e->counts);
}

static enum err_code find_erased(struct engine *base, struct engine_erased *out,
                                 struct arena *a, struct err *err)
{
    struct postgres *e = (struct postgres *)base;
    return e->counts ? pgsql_counts_find(e->counts, out, a, err) : ERR_OK;
}

static enum err_code erase(struct engine *base,
                           const struct engine_erased *whom, struct err *err)
{
    return pgsql_counts_erase(((struct postgres *)base)->counts, whom, err);
}

static bool can_erase(struct engine *base)
{
    struct postgres *e = (struct postgres *)base;
    return e->policy->erasure.executes && e->counts &&
           pgsql_counts_can_erase(e->counts);
}

/* ---- life ---- */

static void close_engine(struct engine *base)
{
    struct postgres *e = (struct postgres *)base;
    forget_idle(e);
    pgsql_counts_close(e->counts);
    (void)pthread_mutex_destroy(&e->lock);
    free(e);
}

/* A copy lags: who took back a yes would count in it for a while. */
static enum err_code elsewhere(const struct policy *policy, struct err *err)
{
    (void)err_set(err, ERR_INVALID,
                  "'database' and 'writer' are not one database of one server");
    (void)err_at(err, policy->line, 1);
    return err_hint(err, "with 'consent' the rows are read where who counts is "
                         "written: not from a replica, nor through a pooler");
}

static enum err_code set_up(struct postgres *e, PGconn *conn, struct err *err)
{
    TRY(pgsql_tables_check(conn, e->policy, err));
    if (e->policy->has_consent && e->options.gate)
        TRY(pgsql_counts_open(&e->counts, e->policy, e->options.gate,
                              PQuser(conn), err));
    if (e->counts && !pgsql_counts_can_read(conn, e->policy))
        return err_set(err, ERR_INVALID,
                       "the role of 'database' cannot read the tables of who "
                       "counts: is the schema the writer's own?");
    if (e->counts && !pgsql_counts_is_seen(e->counts, conn))
        return elsewhere(e->policy, err);
    return pgsql_tables_read_only(conn, e->policy, err);
}

enum err_code engine_postgres_open(struct engine **out,
                                   const struct policy *policy,
                                   const struct engine_options *options,
                                   struct err *err)
{
    static const struct engine_ops ops = { .run = run,
                                           .refresh = refresh,
                                           .find_erased = find_erased,
                                           .erase = erase,
                                           .can_erase = can_erase,
                                           .close = close_engine };
    struct postgres *e = calloc(1, sizeof *e);
    PGconn *conn = NULL;
    if (!e)
        return err_set(err, ERR_LIMIT, "out of memory");
    e->base.ops = &ops;
    e->policy = policy;
    if (options)
        e->options = *options;
    (void)pthread_mutex_init(&e->lock, NULL);
    enum err_code code = pgsql_link(&conn, policy, PGSQL_READER, err);
    if (code == ERR_OK) {
        code = set_up(e, conn, err);
        give_back(e, conn, true);
    }
    if (code == ERR_OK)
        *out = &e->base;
    else
        close_engine(&e->base);
    return code;
}
