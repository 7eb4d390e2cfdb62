#include "server/ledger/pq_pipe.h"

#include <assert.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>

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

static void fail_by(struct pq_pipe *p, const PGresult *r)
{
    const char *state = r ? PQresultErrorField(r, PG_DIAG_SQLSTATE) : NULL;
    const char *text =
        r ? PQresultErrorField(r, PG_DIAG_MESSAGE_PRIMARY) : NULL;
    const bool broke = PQstatus(p->conn) == CONNECTION_BAD || !state;
    store_fail(p->store, broke ? STORE_LOST : rc_of_state(state),
               text ? text : "the connection broke");
}

bool pipe_sent(struct pq_pipe *p, int is_queued)
{
    if (is_queued) {
        p->pending++;
        return true;
    }
    store_fail(p->store, STORE_LOST, "the connection broke");
    return false;
}

/* Out with what is queued, taking in what comes, so that neither side waits
 * for the other with full buffers. */
static bool pipe_flush(struct pq_pipe *p)
{
    int rc;
    while ((rc = PQflush(p->conn)) == 1) {
        struct pollfd fd = { .fd = PQsocket(p->conn),
                             .events = POLLIN | POLLOUT };
        (void)poll(&fd, 1, -1);
        if ((fd.revents & POLLIN) && !PQconsumeInput(p->conn))
            break;
    }
    if (rc != 0)
        store_fail(p->store, STORE_LOST, "the connection broke");
    return rc == 0;
}

static PGresult *take_next(struct pq_pipe *p)
{
    PGresult *r = PQgetResult(p->conn);
    PGresult *end = r ? PQgetResult(p->conn) : NULL;
    const ExecStatusType status = PQresultStatus(r);
    assert(!end || PQstatus(p->conn) == CONNECTION_BAD);
    PQclear(end);
    p->pending--;
    if (status == PGRES_TUPLES_OK || status == PGRES_COMMAND_OK)
        return r;
    fail_by(p, r);
    PQclear(r);
    return NULL;
}

/* It has no command tag; all that is run has one. */
static bool is_of_prepare(PGresult *r)
{
    return PQresultStatus(r) == PGRES_COMMAND_OK && !PQcmdStatus(r)[0];
}

PGresult *pipe_take(struct pq_pipe *p)
{
    PGresult *r = NULL;
    do {
        PQclear(r);
        r = p->store->rc == STORE_OK ? take_next(p) : NULL;
    } while (r && is_of_prepare(r));
    return r;
}

bool pipe_ask(struct pq_pipe *p)
{
    if (p->store->rc == STORE_OK && !PQsendFlushRequest(p->conn))
        store_fail(p->store, STORE_LOST, "the connection broke");
    return p->store->rc == STORE_OK && pipe_flush(p);
}

PGresult *pipe_take_all(struct pq_pipe *p)
{
    PGresult *last = NULL;
    if (!pipe_ask(p))
        return NULL;
    while (p->pending > 0) {
        PQclear(last);
        last = pipe_take(p);
        if (!last)
            return NULL;
    }
    return last;
}

void pipe_mark(struct pq_pipe *p)
{
    p->pending = 0;
    if (PQpipelineSync(p->conn) != 1)
        store_fail(p->store, STORE_LOST, "the connection broke");
}

void pipe_settle(struct pq_pipe *p)
{
    bool is_there = pipe_flush(p);
    while (is_there) {
        PGresult *r = PQgetResult(p->conn);
        const ExecStatusType status = PQresultStatus(r);
        if (status == PGRES_PIPELINE_SYNC || PQstatus(p->conn) != CONNECTION_OK)
            is_there = false;
        else if (r && status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK &&
                 status != PGRES_PIPELINE_ABORTED)
            fail_by(p, r);
        PQclear(r);
    }
    if (PQstatus(p->conn) != CONNECTION_OK)
        store_fail(p->store, STORE_LOST, "the connection broke");
}

void pipe_sync(struct pq_pipe *p)
{
    pipe_mark(p);
    pipe_settle(p);
}

static const struct pq_params NONE;

bool pipe_send_as(struct pq_pipe *p, int id, const char *text,
                  const struct pq_params *params)
{
    const struct pq_params *q = params ? params : &NONE;
    char name[16];
    (void)snprintf(name, sizeof name, "s%d", id);
    if (!p->prepared[id] &&
        !pipe_sent(p, PQsendPrepare(p->conn, name, text, q->n, q->types)))
        return false;
    p->prepared[id] = true;
    return pipe_sent(p, PQsendQueryPrepared(p->conn, name, q->n, q->values,
                                            q->lengths, q->formats, 1));
}

bool pipe_send(struct pq_pipe *p, const char *text,
               const struct pq_params *params)
{
    const struct pq_params *q = params ? params : &NONE;
    return pipe_sent(p,
                     PQsendQueryParams(p->conn, text, q->n, q->types, q->values,
                                       q->lengths, q->formats, 1));
}

int64_t pipe_number(const PGresult *rows, int row, int column)
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
