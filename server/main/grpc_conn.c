#include "server/main/grpc_conn.h"

#include <assert.h>

#include "server/base/log.h"

static void *on_open(void *ctx, struct net_conn *conn)
{
    const struct grpc_conn_options *options = ctx;
    const struct grpc_session_options session = {
        .services = options->services,
        .n_services = options->n_services,
        .limits = options->limits,
        .keep_headers = options->keep_headers,
        .on_get = options->on_get,
        .get_ctx = options->get_ctx,
        .clock = options->clock,
        .user = conn,
    };
    return grpc_session_new(&session);
}

static bool on_bytes(void *user, const uint8_t *data, size_t len)
{
    if (grpc_session_recv(user, data, len))
        return true;
    log_event(LOG_PROTOCOL_ERROR,
              (struct log_fields){ .address = net_conn_peer(grpc_conn_of(user)),
                                   .error = ERR_LIMIT });
    return false;
}

static size_t on_pull(void *user, uint8_t *buf, size_t cap)
{
    return grpc_session_pull(user, buf, cap);
}

static bool is_finished(void *user)
{
    return grpc_session_finished(user);
}

static bool is_busy(void *user)
{
    return grpc_session_busy(user);
}

static void on_tick(void *user, uint64_t now_ns)
{
    (void)now_ns;
    grpc_session_tick(user);
}

static void on_drain(void *user)
{
    grpc_session_drain(user);
}

static void on_close(void *user)
{
    grpc_session_free(user);
}

const struct net_protocol grpc_conn_protocol = {
    .alpn = "h2",
    .may_hush = true,
    .open = on_open,
    .bytes = on_bytes,
    .pull = on_pull,
    .finished = is_finished,
    .busy = is_busy,
    .tick = on_tick,
    .drain = on_drain,
    .close = on_close,
};

struct net_conn *grpc_conn_of(const struct grpc_session *session)
{
    return grpc_session_user(session);
}

struct net_handle grpc_conn_handle(const struct grpc_session *session)
{
    return net_conn_handle(grpc_conn_of(session));
}

struct grpc_session *grpc_conn_session(struct net_loop *loop,
                                       struct net_handle handle)
{
    struct net_conn *conn = net_loop_conn(loop, handle);
    return conn ? net_conn_user(conn) : NULL;
}

void grpc_conn_wake(const struct grpc_session *session)
{
    net_conn_wake(grpc_conn_of(session));
}
