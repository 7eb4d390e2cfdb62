#ifndef NET_NET_LISTENER_H
#define NET_NET_LISTENER_H

#include <sys/socket.h>

#include "server/net/net_conn.h"
#include "server/net/net_tls.h"

/*
 * A bound socket and what is served on it.  Private to server/net.  Accepts on
 * the acceptor's loop; tls is touched by that thread alone, so a reload swaps
 * it between two connections.
 */
struct net_listener {
    struct net_server *server;
    struct net_service service;
    struct net_tls_options tls_options; /* paths owned */
    SSL_CTX *tls;                       /* NULL = plaintext */
    int fd;                             /* -1 = closed */
    uint16_t port;
    struct event *accept_event, *retry_event;
};

/*
 * Bind and listen.  As net_server_new; on failure call net_listener_fini all
 * the same.
 */
enum err_code net_listener_init(struct net_listener *l,
                                struct net_server *server,
                                const struct net_listener_options *options,
                                uint64_t idle_ns, struct err *err) MUST_CHECK;

/* Begin to accept on the base.  False when the system refuses. */
bool net_listener_start(struct net_listener *l, struct event_base *base);

/* Accept no more; again is harmless. */
void net_listener_stop(struct net_listener *l);
void net_listener_fini(struct net_listener *l);

/* Give a new connection to a loop; the server's part of accepting.  Owns fd. */
void net_server_take(struct net_listener *l, int fd,
                     const struct sockaddr *from, const char *peer);

#endif
