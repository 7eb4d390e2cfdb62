/* One message of a PostgreSQL connection on a worker.  Declared in pg_conn.h.
 */
#include <openssl/sha.h>
#include <stdlib.h>
#include <string.h>

#include "server/base/log.h"
#include "server/main/leave.h"
#include "server/main/pg_catalog.h"
#include "server/main/pg_conn.h"
#include "server/main/question.h"
#include "server/metrics/metrics.h"
#include "server/plan/plan.h"

/*
 *   QUEUED -> RUNNING (worker) -> posted -> WAITING (slot) -> over
 *
 * The loop owns it before and after, the worker in between; `gone` is the one
 * word both may touch then.
 */
struct pg_job {
    struct net_task task; /* first: the loop gets it back by this */
    struct work work;
    struct pg_job_args args; /* with a reference to the world */
    atomic_int gone;         /* the caller left, or cancels */
    bool cancelled;          /* the loop's */
    bool ends;
    bool holds;    /* the worker until leave_ns */
    bool recorded; /* the last refusal was answer()'s, which recorded it */
    uint64_t received_ns, leave_ns; /* monotonic; of the question at hand */
    struct net_loop *loop;          /* once it is back on it */
    struct net_timer *timer;        /* WAITING */
};

static void job_free(struct pg_job *job)
{
    metrics_sub(&metrics.requests_open, 1);
    world_drop(job->args.world);
    free(job->args.bytes);
    free(job);
}

/* ---- on the worker ---- */

struct run {
    struct pg_job *job;
    struct worker *worker;
};

static struct clock *clock_of(const struct pg_job *job)
{
    return job->args.door->service->clock;
}

/* What retries are told apart by: statement, values and settings. */
static void hash_request(struct request *req, const struct pg_job *job)
{
    SHA256(job->args.message.body, job->args.message.body_len, req->hash);
}

/*
 * Of several questions in one text each begins when the answer before it may
 * leave: when the next is charged, which others see, would else tell how long
 * the last one ran.
 */
static void begin_question(struct pg_job *job)
{
    struct clock *clock = clock_of(job);
    if (job->leave_ns == 0)
        return;
    leave_hold(clock, job->leave_ns);
    job->received_ns = clock_mono_ns(clock);
}

static enum err_code on_answer(void *ctx, struct request *req,
                               struct reply *out, struct err *err)
{
    const struct run *run = ctx;
    struct pg_job *job = run->job;
    struct worker *worker = run->worker;
    begin_question(job);
    hash_request(req, job);
    struct service_call call = {
        .service = job->args.door->service,
        .world = job->args.world,
        .who = job->args.who,
        .req = req,
        .rng = worker->rng,
        .gone = &job->gone,
        .stop = &worker->stop,
        .limit_run = worker_limit,
        .limit_ctx = worker,
        .received_ns = job->received_ns,
        .started_ns = clock_mono_ns(clock_of(job)),
    };
    const enum err_code code = service_answer(&call, out, &worker->arena, err);
    calls_count_error(code);
    job->recorded = code != ERR_OK;
    if (call.leave_ns > job->leave_ns)
        job->leave_ns = call.leave_ns;
    job->holds |= call.holds;
    return code;
}

static enum err_code on_shape(void *ctx, const struct request *req,
                              const struct select *tree, struct pg_shape *out,
                              struct err *err)
{
    const struct run *run = ctx;
    const struct pg_job *job = run->job;
    const struct dataset *dataset;
    struct plan_shape shape;
    if (!auth_may(job->args.who->role, AUTH_DESCRIBE))
        return err_set(err, ERR_DENIED,
                       "the role '%s' does not allow this call",
                       auth_role_name(job->args.who->role));
    TRY(question_dataset(&dataset, job->args.world, job->args.who, req, tree,
                         err));
    TRY(plan_shape_of(&shape, req, tree, dataset->policy, &run->worker->arena,
                      err));
    *out = (struct pg_shape){ shape.params, shape.n_params, shape.columns,
                              shape.n_columns };
    return ERR_OK;
}

static enum err_code on_catalog(void *ctx, const struct pg_catalog_ask *ask,
                                struct pg_rows *out, struct err *err)
{
    const struct run *run = ctx;
    const struct pg_job_args *args = &run->job->args;
    return pg_catalog_answer(out, ask, args->world, args->who,
                             &run->worker->arena, err);
}

/* As service_answer does, of what never came so far. */
static void on_refused(void *ctx, struct err *err)
{
    static const bool refusals[ERR_COUNT] = {
        [ERR_INVALID] = true,   [ERR_SYNTAX] = true, [ERR_REFUSED] = true,
        [ERR_NOT_FOUND] = true, [ERR_DENIED] = true, [ERR_LIMIT] = true,
    };
    const struct run *run = ctx;
    struct pg_job *job = run->job;
    struct trail *trail = job->args.door->service->trail;
    struct err other = { 0 };
    if (job->recorded || !refusals[err->code]) {
        job->recorded = false;
        return;
    }
    calls_count_error(err->code);
    log_event(LOG_QUERY_REFUSED,
              (struct log_fields){ .principal = job->args.who->name,
                                   .error = err->code });
    if (trail &&
        trail_refusal(trail, job->args.who, NULL, NULL, err, &other) != ERR_OK)
        *err = other;
}

/* Strict mode holds a worker until the slot, answer or not. */
static uint64_t on_slot_ns(void *ctx)
{
    const struct run *run = ctx;
    const struct pg_job *job = run->job;
    if (job->holds)
        return PG_SLOT_STRICT;
    return job->leave_ns > job->received_ns ? job->leave_ns - job->received_ns
                                            : 0;
}

static uint64_t on_now_ns(void *ctx)
{
    const struct run *run = ctx;
    return clock_mono_ns(clock_of(run->job));
}

static int64_t on_now_us(void *ctx)
{
    const struct run *run = ctx;
    return clock_wall_us(clock_of(run->job));
}

static void on_slot(void *ctx);

/* ---- back on the loop ---- */

static void on_done(struct net_task *task, struct net_loop *loop)
{
    struct pg_job *job = (struct pg_job *)(void *)task;
    job->loop = loop;
    if (ledger_failed(job->args.door->service->ledger))
        net_server_drain(job->args.door->server, 0); /* cannot charge: stop */
    const uint64_t now = clock_mono_ns(clock_of(job));
    if (job->cancelled || job->leave_ns <= now) {
        on_slot(job);
        return;
    }
    job->timer = net_loop_after(loop, job->leave_ns - now, on_slot, job);
    if (job->timer)
        return;
    /* Nothing leaves before its slot; the stored answer can be asked again. */
    job->cancelled = true;
    on_slot(job);
}

/* The slot has come, or there was none to wait for. */
static void on_slot(void *ctx)
{
    struct pg_job *job = ctx;
    struct pg_backend *backend = job->args.backend;
    struct pg_conn *conn = pg_conn_find(job->loop, job->args.conn);
    const bool ends = job->ends, cancelled = job->cancelled;
    const char type = job->args.message.type;
    job_free(job);
    if (!conn) {
        pg_backend_free(backend);
        return;
    }
    if (cancelled)
        pg_backend_cancelled(backend, type);
    pg_conn_resume(conn, backend, ends);
}

void pg_job_abandon(struct pg_job *job)
{
    atomic_store(&job->gone, 1);
}

void pg_job_cancel(struct pg_job *job)
{
    atomic_store(&job->gone, 1);
    job->cancelled = true;
    if (!job->timer)
        return;
    net_timer_cancel(job->timer);
    job->timer = NULL;
    on_slot(job);
}

/* ---- to the worker ---- */

static void on_worker(struct work *work, struct worker *worker)
{
    struct pg_job *job =
        (struct pg_job *)(void *)((char *)work - offsetof(struct pg_job, work));
    struct run run = { job, worker };
    const struct pg_service service = { .ctx = &run,
                                        .arena = &worker->arena,
                                        .answer = on_answer,
                                        .shape = on_shape,
                                        .catalog = on_catalog,
                                        .slot_ns = on_slot_ns,
                                        .refused = on_refused,
                                        .now_ns = on_now_ns,
                                        .now_us = on_now_us };
    job->ends = pg_backend_handle(job->args.backend, &job->args.message,
                                  &service) == PG_ENDS;
    if (job->holds)
        leave_hold(clock_of(job), job->leave_ns);
    job->task.run = on_done;
    net_post(job->args.door->server, job->args.conn.loop, &job->task);
}

static struct pg_job *job_new(const struct pg_job_args *args)
{
    struct pg_job *job = calloc(1, sizeof *job);
    if (!job)
        return NULL;
    job->args = *args;
    job->received_ns = clock_mono_ns(args->door->service->clock);
    atomic_init(&job->gone, 0);
    job->args.world = world_keep(args->world);
    metrics_add(&metrics.requests_open, 1);
    return job;
}

struct pg_job *pg_job_wait(const struct pg_job_args *args,
                           struct net_loop *loop, uint64_t wait_ns)
{
    struct pg_job *job = job_new(args);
    if (!job)
        return NULL;
    job->loop = loop;
    job->timer = net_loop_after(loop, wait_ns, on_slot, job);
    if (job->timer)
        return job;
    job_free(job);
    return NULL;
}

struct pg_job *pg_job_start(const struct pg_job_args *args)
{
    struct pg_job *job = job_new(args);
    if (!job)
        return NULL;
    job->work.run = on_worker;
    job->work.owner = auth_number(args->who) % WORK_OWNERS;
    if (workers_submit(args->door->workers, &job->work))
        return job;
    metrics_add(&metrics.queue_full_total, 1);
    log_event(LOG_QUEUE_FULL, (struct log_fields){ .count = 1 });
    job->args.bytes = NULL; /* the caller keeps it */
    job_free(job);
    return NULL;
}
