#include "server/main/calls_job.h"

#include <stdlib.h>
#include <string.h>

#include "server/base/log.h"
#include "server/main/leave.h"
#include "server/metrics/metrics.h"

struct job *job_new(struct calls *c, struct world *world,
                    const struct auth_principal *who,
                    const struct codec_method *method,
                    const struct net_conn *conn, const struct grpc_call *call)
{
    struct job *job = calloc(1, sizeof *job);
    uint8_t *message = malloc(call->message_len ? call->message_len : 1);
    if (!job || !message) {
        free(job);
        free(message);
        return NULL;
    }
    if (call->message_len > 0)
        memcpy(message, call->message, call->message_len);
    job->calls = c;
    job->world = world_keep(world);
    job->who = who;
    job->method = method;
    job->conn = net_conn_handle(conn);
    job->stream = call->stream;
    job->received_ns = clock_mono_ns(c->options.service->clock);
    job->deadline_ns = call->deadline_ns;
    job->message = message;
    job->message_len = call->message_len;
    atomic_init(&job->gone, 0);
    if (calls_counts(method->path))
        metrics_add(&metrics.requests_open, 1);
    return job;
}

void job_free(struct job *job)
{
    if (calls_counts(job->method->path))
        metrics_sub(&metrics.requests_open, 1);
    world_drop(job->world);
    free(job->message);
    free(job->reply);
    free(job->dataset);
    free(job->purpose);
    free(job);
}

/* ---- on the worker ---- */

void calls_count_error(enum err_code code)
{
    if (code == ERR_BUDGET)
        metrics_add(&metrics.requests_over_budget_total, 1);
    else if (code != ERR_OK && code != ERR_MISS)
        metrics_add(&metrics.requests_refused_total, 1);
}

/* Take the encoded reply, and what a retry of it needs, out of the arena. */
static bool keep_reply(struct job *job, const struct request *req,
                       const struct reply *reply, const uint8_t *msg,
                       size_t len)
{
    job->reply = malloc(len ? len : 1);
    if (!job->reply)
        return false;
    if (len > 0)
        memcpy(job->reply, msg, len);
    job->reply_len = len;
    if (req->op != REQUEST_QUERY || !req->idempotency_key[0] ||
        !reply->table.receipt.query_id || !reply->table.receipt.query_id[0])
        return true;
    job->dataset = strdup(reply->table.receipt.dataset);
    job->purpose = strdup(reply->table.receipt.purpose);
    job->may_retry = job->dataset && job->purpose && job->expires_us > 0;
    return true;
}

static enum err_code answer(struct job *job, struct worker *worker,
                            struct err *err)
{
    struct request req;
    struct reply reply;
    const uint8_t *msg;
    size_t len;
    TRY(codec_decode(&req, job->method, job->message, job->message_len,
                     &worker->arena, err));
    req.deadline_ns = job->deadline_ns;
    req.now_us = clock_wall_us(job->calls->options.service->clock);
    struct service_call call = {
        .service = job->calls->options.service,
        .world = job->world,
        .who = job->who,
        .req = &req,
        .rng = worker->rng,
        .gone = &job->gone,
        .stop = &worker->stop,
        .limit_run = worker_limit,
        .limit_ctx = worker,
        .received_ns = job->received_ns,
        .started_ns = clock_mono_ns(job->calls->options.service->clock),
    };
    const enum err_code code =
        service_answer(&call, &reply, &worker->arena, err);
    job->leave_ns = call.leave_ns;
    job->holds = call.holds;
    job->expires_us = call.expires_us;
    if (code != ERR_OK)
        return code;
    TRY(codec_encode(&msg, &len, &reply, &worker->arena, err));
    if (!keep_reply(job, &req, &reply, msg, len))
        return err_set(err, ERR_LIMIT, "the reply needs too much memory");
    return ERR_OK;
}

/* ---- back on the loop ---- */

static void keep_for_retries(struct retry *cache, const struct job *job)
{
    const struct retry_request request = { .token_hash = job->who->token_hash,
                                           .message = job->message,
                                           .message_len = job->message_len };
    const struct retry_reply reply = {
        .dataset = job->dataset,
        .purpose = job->purpose,
        .data = job->reply,
        .len = job->reply_len,
        .slot_ns = job->leave_ns > job->received_ns
                       ? job->leave_ns - job->received_ns
                       : 0,
        .expires_us = job->expires_us,
    };
    retry_add(cache, &request, &reply);
}

static void release_reply(void *job)
{
    job_free(job);
}

/* The slot has come, or there was none to wait for. */
static void on_slot(void *ctx)
{
    struct job *job = ctx;
    struct grpc_session *session = grpc_conn_session(job->loop, job->conn);
    if (!session) {
        job_free(job);
        return;
    }
    grpc_session_attach(session, job->stream, NULL);
    if (job->err.code != ERR_OK) {
        grpc_session_fail(session, job->stream, &job->err);
        job_free(job);
    } else {
        grpc_session_reply(session, job->stream,
                           (struct grpc_bytes){ .data = job->reply,
                                                .len = job->reply_len,
                                                .release = release_reply,
                                                .owner = job });
    }
    grpc_conn_wake(session);
}

static void on_done(struct net_task *task, struct net_loop *loop)
{
    struct job *job = (struct job *)(void *)task;
    job->loop = loop;
    if (ledger_failed(job->calls->options.service->ledger))
        net_server_drain(job->calls->server, 0); /* cannot charge: stop */
    if (job->watch) {
        watch_done(job);
        return;
    }
    struct calls_loop *own = &job->calls->loop[net_loop_index(loop)];
    if (job->may_retry && own->world == job->world)
        keep_for_retries(own->retry, job);
    const uint64_t now = clock_mono_ns(job->calls->options.service->clock);
    if (job->leave_ns <= now) {
        on_slot(job);
    } else if (!net_loop_after(loop, job->leave_ns - now, on_slot, job)) {
        /* Nothing leaves before its slot; the stored answer can be asked for
         * again. */
        (void)err_set(&job->err, ERR_UNAVAILABLE, "the server has no memory");
        on_slot(job);
    }
}

static void on_worker(struct work *work, struct worker *worker)
{
    struct job *job =
        (struct job *)(void *)((char *)work - offsetof(struct job, work));
    struct err err = { 0 };
    if (atomic_load(&job->gone))
        (void)err_set(&err, ERR_CANCELLED, "the caller cancelled");
    else if (answer(job, worker, &err) == ERR_OK)
        err = (struct err){ 0 };
    job->err = err;
    if (calls_counts(job->method->path))
        calls_count_error(err.code);
    if (job->holds)
        leave_hold(job->calls->options.service->clock, job->leave_ns);
    job->task.run = on_done;
    net_post(job->calls->server, job->conn.loop, &job->task);
}

bool job_submit(struct job *job)
{
    job->work.run = on_worker;
    job->work.is_quiet = !calls_counts(job->method->path);
    job->work.owner = auth_number(job->who) % WORK_OWNERS;
    if (workers_submit(job->calls->options.workers, &job->work))
        return true;
    if (job->work.is_quiet)
        return false;
    metrics_add(&metrics.queue_full_total, 1);
    log_event(LOG_QUEUE_FULL, (struct log_fields){ .count = 1 });
    return false;
}

/* How often people decide, and are asked for, is theirs: no counter tells it.
 */
bool calls_counts(const char *path)
{
    static const char consent[] = "/halftone.v1.Consent/";
    static const char contact[] = "/halftone.v1.Contact/";
    return strncmp(path, consent, sizeof consent - 1) != 0 &&
           strncmp(path, contact, sizeof contact - 1) != 0;
}

enum err_code calls_busy(struct err *err)
{
    err_set(err, ERR_UNAVAILABLE, "the server is busy; nothing was charged");
    return err_hint(err, "retry in a moment, with the same idempotency key");
}
