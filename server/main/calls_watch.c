/*
 * WatchBudget: the budget now, and again when the ledger's epoch moved, looked
 * at once a second.  Declared in calls_job.h.
 *
 *   ASKING (a job is out) <-> WAITING (a timer runs) -> gone
 *
 * The epoch is of the whole ledger, so the stream's timing tells that something
 * was charged somewhere; charges show at CHARGED anyway (DESIGN 6).  A message
 * is sent only when this dataset's numbers changed.
 */
#include <stdlib.h>
#include <string.h>

#include "server/main/calls_job.h"

enum { WATCH_PERIOD_MS = 1000 };

struct watch {
    struct job *job;         /* owned while no worker has it */
    bool asking;             /* the worker has the job */
    bool over;               /* the stream is gone: free when the job is back */
    struct net_timer *timer; /* WAITING */
    uint64_t epoch;          /* of the ledger when last asked */
    uint8_t *last;           /* message sent last, owned */
    size_t last_len;
};

static void watch_free(struct watch *w)
{
    w->job->watch = NULL;
    job_free(w->job);
    free(w->last);
    free(w);
}

static void end(struct watch *w, const struct err *err)
{
    struct grpc_session *session =
        w->job->loop ? grpc_conn_session(w->job->loop, w->job->conn) : NULL;
    if (session) {
        grpc_session_attach(session, w->job->stream, NULL);
        grpc_session_fail(session, w->job->stream, err);
        grpc_conn_wake(session);
    }
    watch_free(w);
}

/*
 * A watch outlives reloads: each look is made under the loop's world of now, as
 * the principal who holds the same token there.
 */
static bool renew_world(struct watch *w)
{
    struct job *job = w->job;
    const struct calls_loop *own = &job->calls->loop[net_loop_index(job->loop)];
    if (job->world == own->world)
        return true;
    const struct auth_registry *now = own->world->principals;
    for (size_t i = 0; i < now->n; i++) {
        if (memcmp(now->principals[i].token_hash, job->who->token_hash,
                   sizeof job->who->token_hash) != 0)
            continue;
        struct world *before = job->world;
        job->world = world_keep(own->world);
        job->who = &now->principals[i];
        world_drop(before);
        return true;
    }
    return false;
}

static bool ask(struct watch *w)
{
    w->epoch = ledger_epoch(w->job->calls->options.service->ledger);
    w->asking = job_submit(w->job);
    return w->asking;
}

static void on_period(void *ctx);

static void wait_period(struct watch *w)
{
    struct err err = { 0 };
    w->timer = net_loop_after(w->job->loop, WATCH_PERIOD_MS * 1000000ull,
                              on_period, w);
    if (w->timer)
        return;
    (void)calls_busy(&err);
    end(w, &err);
}

/* A full queue is no reason to end a watch: look again a second later. */
static void on_period(void *ctx)
{
    struct watch *w = ctx;
    w->timer = NULL;
    if (!renew_world(w)) {
        struct err err = { 0 };
        err_set(&err, ERR_UNAUTHENTICATED, "the token is no longer valid");
        end(w, &err);
        return;
    }
    const uint64_t now = ledger_epoch(w->job->calls->options.service->ledger);
    if (now == w->epoch || !ask(w))
        wait_period(w);
}

void watch_start(struct grpc_session *session, struct job *job)
{
    struct watch *w = calloc(1, sizeof *w);
    struct err err = { 0 };
    if (w) {
        w->job = job;
        job->watch = w;
        job->loop = net_conn_loop(grpc_conn_of(session));
        grpc_session_attach(session, job->stream, w);
        if (ask(w))
            return;
        grpc_session_attach(session, job->stream, NULL);
        free(w);
        job->watch = NULL;
    }
    const int32_t stream = job->stream;
    job_free(job);
    (void)calls_busy(&err);
    grpc_session_fail(session, stream, &err);
    grpc_conn_wake(session);
}

/* The numbers may be as they were: then there is nothing to say. */
static bool is_news(struct watch *w)
{
    struct job *job = w->job;
    if (w->last && w->last_len == job->reply_len &&
        memcmp(w->last, job->reply, job->reply_len) == 0)
        return false;
    free(w->last);
    w->last = job->reply;
    w->last_len = job->reply_len;
    job->reply = NULL;
    return true;
}

/* False: the peer does not read, and the session has ended the call. */
static bool send_last(struct watch *w, struct grpc_session *session)
{
    const int32_t stream = w->job->stream;
    grpc_session_attach(session, stream, NULL);
    const bool sent = grpc_session_send(
        session, stream,
        (struct grpc_bytes){ .data = w->last, .len = w->last_len });
    if (sent)
        grpc_session_attach(session, stream, w);
    grpc_conn_wake(session);
    return sent;
}

void watch_done(struct job *job)
{
    struct watch *w = job->watch;
    w->asking = false;
    struct grpc_session *session = grpc_conn_session(job->loop, job->conn);
    if (w->over || !session) {
        watch_free(w);
        return;
    }
    if (job->err.code != ERR_OK) {
        const struct err err = job->err;
        end(w, &err);
        return;
    }
    const bool sent = !is_news(w) || send_last(w, session);
    free(job->reply);
    job->reply = NULL;
    if (sent)
        wait_period(w);
    else
        watch_free(w);
}

void watch_cancel(struct watch *w)
{
    w->over = true;
    atomic_store(&w->job->gone, 1);
    if (w->timer)
        net_timer_cancel(w->timer);
    if (!w->asking)
        watch_free(w);
}

void watch_drain(struct watch *w, struct grpc_session *session)
{
    struct err err = { 0 };
    err_set(&err, ERR_UNAVAILABLE, "the server is shutting down");
    grpc_session_attach(session, w->job->stream, NULL);
    grpc_session_fail(session, w->job->stream, &err);
    grpc_conn_wake(session);
    watch_cancel(w);
}
