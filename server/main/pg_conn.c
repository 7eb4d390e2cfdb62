#include "server/main/pg_conn.h"

#include <stdlib.h>
#include <string.h>

#include "server/base/log.h"
#include "server/main/calls_job.h"
#include "server/metrics/metrics.h"

struct pg_conn {
    const struct pg_door *door;
    struct net_conn *net;
    struct pg_session *session; /* owned */
    struct scram scram;
    bool is_mock; /* nobody is called so */
    uint8_t endpoint[NET_ENDPOINT_LEN];
    size_t endpoint_len;
    struct world *world;              /* a reference, once logged in */
    uint64_t version;                 /* of that world */
    const struct auth_principal *who; /* in world; NULL: not logged in */
    struct pg_key key;                /* pid 0: none */
    struct pg_job *job;               /* a worker has the backend; or NULL */
};

const struct pg_door *pg_conn_door(const struct pg_conn *c)
{
    return c->door;
}

static struct world *world_of(const struct pg_conn *c, uint64_t *version)
{
    return calls_world(c->door->calls, net_loop_index(net_conn_loop(c->net)),
                       version);
}

/* ---- who it is ---- */

static void fail_login(struct pg_conn *c, enum err_code code)
{
    metrics_add(&metrics.unauthenticated_total, 1);
    if (c->door->service->trail)
        trail_login(c->door->service->trail, NULL, net_conn_peer(c->net));
    log_event(
        LOG_LOGIN_FAILED,
        (struct log_fields){ .address = net_conn_peer(c->net), .error = code });
}

/* The verifier of that name, or a mock: what follows tells them not apart. */
static void begin_scram(struct pg_conn *c, const char *user)
{
    struct scram_verifier mock;
    uint64_t version;
    const struct world *world = world_of(c, &version);
    const struct auth_principal *who = auth_by_name(world->principals, user);
    scram_mock(
        &mock, c->door->service->secret, user,
        auth_scram_like(world->principals, c->door->service->secret, user));
    c->is_mock = !who || !who->scram;
    scram_init(&c->scram, c->is_mock ? &mock : who->scram, c->endpoint,
               c->endpoint_len);
}

/* The password fits; the principal may have gone while it was typed. */
static enum err_code accept_login(struct pg_conn *c, const char *user,
                                  struct err *err)
{
    uint64_t version;
    struct world *world = world_of(c, &version);
    const struct auth_principal *who = auth_by_name(world->principals, user);
    if (!who || !who->scram ||
        memcmp(who->scram->stored_key, c->scram.verifier.stored_key,
               SCRAM_KEY_LEN) != 0)
        return err_set(err, ERR_UNAUTHENTICATED, "the principal is gone");
    c->world = world_keep(world);
    c->version = version;
    c->who = who;
    if (c->door->service->trail)
        trail_login(c->door->service->trail, who, net_conn_peer(c->net));
    net_conn_vouch(c->net, auth_number(who) % NET_OWNERS);
    return ERR_OK;
}

static enum err_code on_sasl(void *ctx, const char *user, const char *mechanism,
                             const char *data, size_t len, struct writer *reply,
                             bool *done, struct err *err)
{
    struct pg_conn *c = ctx;
    enum err_code code;
    if (mechanism) {
        begin_scram(c, user);
        code = scram_first(&c->scram, mechanism, data, len, reply, err);
    } else {
        code = scram_final(&c->scram, data, len, reply, err);
        if (code == ERR_OK && c->is_mock) /* it cannot; but who could say */
            code = err_set(err, ERR_UNAUTHENTICATED, "no such principal");
        if (code == ERR_OK)
            code = accept_login(c, user, err);
        *done = code == ERR_OK;
    }
    if (code != ERR_OK)
        fail_login(c, code);
    return code;
}

/* After a reload: is the caller still who logged in? */
static bool renew_world(struct pg_conn *c)
{
    uint64_t version;
    struct world *world = world_of(c, &version);
    if (!c->who || version == c->version)
        return true;
    const struct auth_principal *who =
        auth_by_name(world->principals, c->who->name);
    if (!who || !who->scram ||
        memcmp(who->scram, c->who->scram, sizeof *who->scram) != 0)
        return false;
    world_drop(c->world);
    c->world = world_keep(world);
    c->version = version;
    c->who = who;
    pg_session_forget(c->session);
    return true;
}

static void expel(struct pg_conn *c)
{
    struct err err;
    (void)err_set(&err, ERR_UNAUTHENTICATED,
                  "the password of \"%.63s\" is no longer valid", c->who->name);
    pg_session_expel(c->session, &err);
}

/* ---- what the session asks for ---- */

/* A database is a dataset, whose tables then need no schema; these are all. */
static bool is_everything(const struct pg_conn *c, const char *database)
{
    return strcmp(database, c->who->name) == 0 ||
           strcmp(database, "halftone") == 0 ||
           strcmp(database, "postgres") == 0;
}

static enum err_code on_open_database(void *ctx, const char *database,
                                      const char **dataset, uint32_t *pid,
                                      uint32_t *secret, struct err *err)
{
    struct pg_conn *c = ctx;
    const struct dataset *found;
    struct err ignored;
    *dataset = "";
    if (world_dataset(&found, c->world, c->who, database, &ignored) == ERR_OK)
        *dataset = found->policy->name;
    else if (!is_everything(c, database)) {
        (void)err_set(err, ERR_NOT_FOUND, "database \"%.63s\" does not exist",
                      database);
        return err_hint(err, "a database is a dataset that you may see; "
                             "\"halftone\" holds them all, as schemas");
    }
    TRY(pg_keys_add(c->door->keys, &c->key, net_conn_handle(c->net), err));
    *pid = c->key.pid;
    *secret = c->key.secret;
    return ERR_OK;
}

struct cancel_task {
    struct net_task task; /* first */
    struct net_handle conn;
};

static void on_cancel_task(struct net_task *task, struct net_loop *loop)
{
    struct cancel_task *t = (struct cancel_task *)(void *)task;
    struct pg_conn *c = pg_conn_find(loop, t->conn);
    if (c && c->job)
        pg_job_cancel(c->job);
    free(t);
}

static void on_cancel(void *ctx, uint32_t pid, uint32_t secret)
{
    struct pg_conn *c = ctx;
    struct net_handle target;
    struct cancel_task *t;
    if (!pg_keys_find(c->door->keys, (struct pg_key){ pid, secret }, &target))
        return;
    t = calloc(1, sizeof *t);
    if (!t)
        return;
    t->task.run = on_cancel_task;
    t->conn = target;
    net_post(c->door->server, target.loop, &t->task);
}

static struct pg_job_args args_of(const struct pg_conn *c,
                                  struct pg_backend *backend)
{
    return (struct pg_job_args){ .door = c->door,
                                 .world = c->world,
                                 .who = c->who,
                                 .conn = net_conn_handle(c->net),
                                 .backend = backend };
}

static bool on_wait(void *ctx, struct pg_backend *backend, char type,
                    uint64_t wait_ns)
{
    struct pg_conn *c = ctx;
    struct pg_job_args args = args_of(c, backend);
    args.message.type = type;
    c->job = pg_job_wait(&args, net_conn_loop(c->net), wait_ns);
    return c->job;
}

static bool on_work(void *ctx, struct pg_backend *backend,
                    struct pg_frame message, uint8_t *bytes, struct err *err)
{
    struct pg_conn *c = ctx;
    metrics_add(&metrics.requests_total, 1);
    struct pg_job_args args = args_of(c, backend);
    args.message = message;
    args.bytes = bytes;
    c->job = pg_job_start(&args);
    if (!c->job)
        (void)calls_busy(err);
    return c->job;
}

static const struct pg_hooks HOOKS = { .sasl = on_sasl,
                                       .open = on_open_database,
                                       .cancel = on_cancel,
                                       .work = on_work,
                                       .wait = on_wait };

/* ---- the connection ---- */

static struct net_hello on_hello(const uint8_t *data, size_t len, bool has_tls)
{
    switch (pg_hello_of(data, len, has_tls)) {
    case PG_HELLO_MORE:
        return (struct net_hello){ .next = NET_HELLO_MORE };
    case PG_HELLO_NO:
        return (struct net_hello){ .next = NET_HELLO_AGAIN, .say = 'N' };
    case PG_HELLO_TLS:
        return (struct net_hello){ .next = NET_HELLO_TLS, .say = 'S' };
    case PG_HELLO_RAW:
        return (struct net_hello){ .next = NET_HELLO_RAW };
    case PG_HELLO_START:
        break;
    }
    return (struct net_hello){ .next = NET_HELLO_OPEN };
}

static void *on_open(void *ctx, struct net_conn *net)
{
    const struct pg_door *door = ctx;
    struct pg_conn *c = calloc(1, sizeof *c);
    if (!c)
        return NULL;
    c->door = door;
    c->net = net;
    c->endpoint_len = net_conn_endpoint(net, c->endpoint);
    const struct pg_session_options options = {
        .hooks = &HOOKS,
        .ctx = c,
        .is_tls = net_conn_is_tls(net),
        .needs_tls = door->needs_tls,
        .endpoint_len = c->endpoint_len,
        .max_message_len = door->max_message_len,
        .clock = door->service->clock,
    };
    c->session = pg_session_new(&options);
    if (!c->session) {
        free(c);
        return NULL;
    }
    return c;
}

static bool on_bytes(void *user, const uint8_t *data, size_t len)
{
    struct pg_conn *c = user;
    if (!c->job && !renew_world(c))
        expel(c);
    return pg_session_recv(c->session, data, len);
}

static size_t on_pull(void *user, uint8_t *buf, size_t cap)
{
    const struct pg_conn *c = user;
    return pg_session_pull(c->session, buf, cap);
}

static bool is_finished(void *user)
{
    const struct pg_conn *c = user;
    return pg_session_finished(c->session);
}

static bool is_full(void *user)
{
    const struct pg_conn *c = user;
    return pg_session_full(c->session);
}

static bool is_busy(void *user)
{
    const struct pg_conn *c = user;
    return pg_session_busy(c->session);
}

static void on_drain(void *user)
{
    const struct pg_conn *c = user;
    pg_session_drain(c->session);
}

static void on_close(void *user)
{
    struct pg_conn *c = user;
    if (c->job)
        pg_job_abandon(c->job);
    if (c->key.pid)
        pg_keys_drop(c->door->keys, c->key.pid);
    pg_session_free(c->session);
    world_drop(c->world);
    free(c);
}

const struct net_protocol pg_conn_protocol = {
    .alpn = "postgresql",
    .hello = on_hello,
    .open = on_open,
    .bytes = on_bytes,
    .pull = on_pull,
    .finished = is_finished,
    .full = is_full,
    .busy = is_busy,
    .drain = on_drain,
    .close = on_close,
};

struct pg_conn *pg_conn_find(struct net_loop *loop, struct net_handle handle)
{
    struct net_conn *net = net_loop_conn(loop, handle);
    return net ? net_conn_user(net) : NULL;
}

void pg_conn_resume(struct pg_conn *c, struct pg_backend *backend, bool ends)
{
    c->job = NULL;
    pg_session_resume(c->session, backend, ends);
    if (!c->job && !renew_world(c))
        expel(c);
    net_conn_wake(c->net);
}
