#include "server/main/calls.h"

#include <stdlib.h>
#include <string.h>

#include "server/base/log.h"
#include "server/main/calls_job.h"
#include "server/metrics/metrics.h"

static void fail(struct grpc_session *session, int32_t stream,
                 const struct err *err)
{
    grpc_session_fail(session, stream, err);
    grpc_conn_wake(session);
}

/* ---- retries ---- */

struct late_reply {
    struct retry_entry *entry; /* a reference */
    struct net_loop *loop;
    struct net_handle conn;
    int32_t stream;
};

static void send_retry(struct grpc_session *session, int32_t stream,
                       struct retry_entry *entry)
{
    metrics_add(&metrics.replays_total, 1);
    grpc_session_reply(session, stream,
                       (struct grpc_bytes){ .data = entry->reply.data,
                                            .len = entry->reply.len,
                                            .release = retry_release,
                                            .owner = entry });
    grpc_conn_wake(session);
}

static void on_retry_slot(void *ctx)
{
    struct late_reply *r = ctx;
    struct grpc_session *session = grpc_conn_session(r->loop, r->conn);
    if (session)
        send_retry(session, r->stream, r->entry);
    else
        retry_release(r->entry);
    free(r);
}

/* At the slot of the first release; false when there is no memory to wait. */
static bool send_at_slot(struct grpc_session *session, int32_t stream,
                         struct retry_entry *entry)
{
    if (entry->reply.slot_ns == 0) {
        send_retry(session, stream, entry);
        return true;
    }
    struct late_reply *r = malloc(sizeof *r);
    if (!r)
        return false;
    const struct net_conn *conn = grpc_conn_of(session);
    *r = (struct late_reply){ entry, net_conn_loop(conn), net_conn_handle(conn),
                              stream };
    if (net_loop_after(r->loop, entry->reply.slot_ns, on_retry_slot, r))
        return true;
    free(r);
    return false;
}

/* A retry whose answer is in this loop's memory, authorised as of now. */
static bool try_retry(struct calls_loop *loop, struct grpc_session *session,
                      const struct auth_principal *who,
                      const struct grpc_call *call, int64_t now_us)
{
    const struct retry_request request = { .token_hash = who->token_hash,
                                           .message = call->message,
                                           .message_len = call->message_len };
    struct retry_entry *entry = retry_find(loop->retry, &request, now_us);
    if (!entry)
        return false;
    if (auth_may(who->role, AUTH_QUERY) &&
        auth_sees_dataset(who, entry->reply.dataset) &&
        auth_may_purpose(who, entry->reply.purpose) &&
        send_at_slot(session, call->stream, entry))
        return true;
    retry_release(entry);
    return false; /* the long way says why */
}

/* ---- calls ---- */

static struct calls_loop *loop_of(const struct calls *c,
                                  const struct net_conn *conn)
{
    return &c->loop[net_loop_index(net_conn_loop(conn))];
}

/*
 * Who calls.  A token is hashed once on a connection: while the header stays
 * the same and no reload came, the memo knows.
 */
static enum err_code find_caller(const struct auth_principal **who,
                                 const struct calls *c, struct net_conn *conn,
                                 const struct grpc_call *call, struct err *err)
{
    const struct calls_loop *loop = loop_of(c, conn);
    struct trail *trail = c->options.service->trail;
    if (call->memo->version == loop->world_version) {
        *who = call->memo->what;
        return ERR_OK;
    }
    TRY(auth_by_header(who, loop->world->principals, call->authorization,
                       strlen(call->authorization), err));
    if (call->memo->version == 0 && trail)
        trail_login(trail, *who, net_conn_peer(conn));
    *call->memo = (struct grpc_memo){ *who, loop->world_version };
    net_conn_vouch(conn, auth_number(*who) % NET_OWNERS);
    return ERR_OK;
}

static enum err_code admit(void *ctx, struct grpc_session *session,
                           const struct grpc_call *call, struct err *err)
{
    const struct calls *c = ctx;
    struct net_conn *conn = grpc_conn_of(session);
    const struct auth_principal *who;
    const bool counts = calls_counts(call->method->path);
    if (counts)
        metrics_add(&metrics.requests_total, 1);
    const enum err_code code = find_caller(&who, c, conn, call, err);
    if (code == ERR_OK && !counts)
        net_conn_hush(conn);
    else
        net_conn_show(conn);
    if (code == ERR_OK)
        return ERR_OK;
    metrics_add(&metrics.unauthenticated_total, 1);
    if (c->options.service->trail)
        trail_login(c->options.service->trail, NULL, net_conn_peer(conn));
    log_event(
        LOG_LOGIN_FAILED,
        (struct log_fields){ .address = net_conn_peer(conn), .error = code });
    return code;
}

static void on_call(void *ctx, struct grpc_session *session,
                    const struct grpc_call *call)
{
    struct calls *c = ctx;
    struct net_conn *conn = grpc_conn_of(session);
    struct calls_loop *loop = loop_of(c, conn);
    const struct auth_principal *who;
    struct err err = { 0 };

    /* Admitted, but a reload may have come since. */
    if (find_caller(&who, c, conn, call, &err) != ERR_OK) {
        fail(session, call->stream, &err);
        return;
    }
    const struct codec_method *method = codec_find(call->method->path);
    if (method->op == REQUEST_QUERY &&
        try_retry(loop, session, who, call,
                  clock_wall_us(c->options.service->clock)))
        return;

    struct job *job = job_new(c, loop->world, who, method, conn, call);
    if (job && method->streams) {
        watch_start(session, job);
        return;
    }
    if (job && job_submit(job)) {
        grpc_session_attach(session, call->stream, job);
        return;
    }
    if (job)
        job_free(job);
    (void)calls_busy(&err);
    fail(session, call->stream, &err);
}

/* The worker may be anywhere: before the charge it notices, after it runs on,
 * so that the answer that was paid for is there for a retry. */
static void on_cancel(void *ctx, struct grpc_session *session, int32_t stream,
                      void *attached)
{
    struct job *job = attached;
    (void)ctx, (void)session, (void)stream;
    if (job)
        atomic_store(&job->gone, 1);
}

static void on_watch_cancel(void *ctx, struct grpc_session *session,
                            int32_t stream, void *attached)
{
    (void)ctx, (void)session, (void)stream;
    if (attached)
        watch_cancel(attached);
}

static void on_watch_drain(void *ctx, struct grpc_session *session,
                           int32_t stream, void *attached)
{
    (void)ctx, (void)stream;
    if (attached)
        watch_drain(attached, session);
}

#define UNARY(name)                                                            \
    {                                                                          \
        .path = "/halftone.v1." name, .kind = GRPC_UNARY, .admit = admit,      \
        .on_call = on_call, .on_cancel = on_cancel                             \
    }
static const struct grpc_method METHODS[] = {
    UNARY("Halftone/Query"),
    UNARY("Halftone/Batch"),
    UNARY("Halftone/Estimate"),
    UNARY("Halftone/ListDatasets"),
    UNARY("Halftone/DescribeDataset"),
    UNARY("Halftone/GetBudget"),
    UNARY("Halftone/ListCharges"),
    UNARY("Admin/GetMisses"),
    UNARY("Halftone/GetConsentCounts"),
    UNARY("Admin/LiftMisses"),
    UNARY("Admin/ListErasures"),
    UNARY("Admin/SignErasures"),
    UNARY("Admin/ConfirmErasures"),
    UNARY("Admin/RunErasures"),
    UNARY("Admin/ConfirmRegister"),
    UNARY("Audit/GetCheckpoint"),
    UNARY("Audit/ListEntries"),
    UNARY("Audit/Prove"),
    UNARY("Consent/Grant"),
    UNARY("Consent/Withdraw"),
    UNARY("Consent/Object"),
    UNARY("Consent/Expire"),
    UNARY("Consent/Mark"),
    UNARY("Consent/Import"),
    UNARY("Consent/Signal"),
    UNARY("Consent/GetHistory"),
    UNARY("Consent/GetReceipt"),
    UNARY("Consent/CheckReceipt"),
    UNARY("Contact/Choose"),
    UNARY("Contact/MayContact"),
    UNARY("Consent/Erase"),
    UNARY("Consent/GetErasure"),
    { .path = "/halftone.v1.Halftone/WatchBudget",
      .kind = GRPC_SERVER_STREAM,
      .admit = admit,
      .on_call = on_call,
      .on_cancel = on_watch_cancel,
      .on_drain = on_watch_drain },
};

struct grpc_service calls_service(struct calls *c)
{
    return (struct grpc_service){ .methods = METHODS,
                                  .n_methods =
                                      sizeof METHODS / sizeof METHODS[0],
                                  .ctx = c };
}

/* ---- life ---- */

enum err_code calls_new(struct calls **out, const struct calls_options *options,
                        struct err *err)
{
    struct calls *c = calloc(1, sizeof *c);
    struct calls_loop *loops = calloc(options->n_loops, sizeof *loops);
    if (!c || !loops) {
        free(c);
        free(loops);
        return err_set(err, ERR_INTERNAL, "no memory for %u loops",
                       options->n_loops);
    }
    c->options = *options;
    c->loop = loops;
    for (unsigned i = 0; i < options->n_loops; i++) {
        loops[i].world = world_keep(options->world);
        loops[i].world_version = 1;
        loops[i].retry = retry_new(options->replay_len);
        if (!loops[i].retry) {
            calls_free(c);
            return err_set(err, ERR_INTERNAL, "no memory for a retry cache");
        }
    }
    *out = c;
    return ERR_OK;
}

void calls_free(struct calls *c)
{
    if (!c)
        return;
    for (unsigned i = 0; i < c->options.n_loops; i++) {
        world_drop(c->loop[i].world);
        retry_free(c->loop[i].retry);
    }
    free(c->loop);
    free(c);
}

void calls_attach(struct calls *c, struct net_server *server)
{
    c->server = server;
}

struct world *calls_world(const struct calls *c, unsigned loop,
                          uint64_t *version)
{
    *version = c->loop[loop].world_version;
    return c->loop[loop].world;
}

struct swap {
    struct net_task task; /* first */
    struct calls *calls;
    struct world *world; /* a reference */
};

static void on_swap(struct net_task *task, struct net_loop *loop)
{
    struct swap *swap = (struct swap *)(void *)task;
    struct calls_loop *own = &swap->calls->loop[net_loop_index(loop)];
    world_drop(own->world);
    own->world = swap->world;
    own->world_version++;
    retry_clear(own->retry);
    free(swap);
}

void calls_set_world(struct calls *c, struct world *world)
{
    for (unsigned i = 0; i < c->options.n_loops; i++) {
        struct swap *swap = calloc(1, sizeof *swap);
        if (!swap)
            abort(); /* half of the loops under another policy is worse */
        swap->task.run = on_swap;
        swap->calls = c;
        swap->world = world_keep(world);
        net_post(c->server, i, &swap->task);
    }
}
