#ifndef MAIN_GRPC_CONN_H
#define MAIN_GRPC_CONN_H

#include "server/grpc/grpc_session.h"
#include "server/net/net.h"

/*
 * gRPC on a connection: glue between server/net (bytes and sockets) and
 * server/grpc (bytes and calls).
 *
 * A worker remembers grpc_conn_handle(session) and the stream id, posts a task
 * to the loop handle.loop when it is done, and the task replies on
 * grpc_conn_session(loop, handle), which is NULL when the client has gone.
 * Whoever replies outside on_call says grpc_conn_wake afterwards.
 */
struct grpc_conn_options {
    const struct grpc_service *services; /* borrowed for the server's life */
    size_t n_services;
    struct grpc_limits limits;
    const char *const *keep_headers; /* as in grpc_session_options */
    grpc_get_fn *on_get;             /* likewise */
    void *get_ctx;
    struct clock *clock; /* borrowed */
};

/* For struct net_listener_options: protocol, with a grpc_conn_options as ctx.
 */
extern const struct net_protocol grpc_conn_protocol;

/* Of a session's connection; on its loop's thread. */
struct net_conn *grpc_conn_of(const struct grpc_session *session);
struct net_handle grpc_conn_handle(const struct grpc_session *session);

/* The session, or NULL when its connection is gone. */
struct grpc_session *grpc_conn_session(struct net_loop *loop,
                                       struct net_handle handle);

/* A reply was given outside a callback of the session: send it. */
void grpc_conn_wake(const struct grpc_session *session);

#endif
