#include "server/net/net_listener.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "server/base/cleanup.h"

enum {
    BACKLOG = 1024,
    ACCEPT_ROUNDS = 64, /* connections taken in one wake-up */
    RETRY_MS = 100,     /* rest after the system ran out of descriptors */
};

/* Room for both families. */
union address {
    struct sockaddr any;
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
};

static socklen_t address_parse(union address *a, const char *host,
                               uint16_t port)
{
    memset(a, 0, sizeof *a);
    if (inet_pton(AF_INET, host, &a->v4.sin_addr) == 1) {
        a->v4.sin_family = AF_INET;
        a->v4.sin_port = htons(port);
        return sizeof a->v4;
    }
    if (inet_pton(AF_INET6, host, &a->v6.sin6_addr) == 1) {
        a->v6.sin6_family = AF_INET6;
        a->v6.sin6_port = htons(port);
        return sizeof a->v6;
    }
    return 0;
}

static void address_print(const union address *a, char *out, size_t cap)
{
    char host[INET6_ADDRSTRLEN] = "?";
    const bool is_v6 = a->any.sa_family == AF_INET6;
    const void *from =
        is_v6 ? (const void *)&a->v6.sin6_addr : (const void *)&a->v4.sin_addr;
    (void)inet_ntop(a->any.sa_family, from, host, sizeof host);
    const unsigned port = ntohs(is_v6 ? a->v6.sin6_port : a->v4.sin_port);
    (void)snprintf(out, cap, is_v6 ? "[%s]:%u" : "%s:%u", host, port);
}

static enum err_code bind_to(int *out, uint16_t *port, const char *host,
                             uint16_t want, struct err *err)
{
    union address a;
    const int on = 1;
    socklen_t len = address_parse(&a, host, want);
    if (len == 0) {
        err_set(err, ERR_INVALID, "listen address \"%s\" is not numeric", host);
        return err_hint(err, "write 127.0.0.1, ::1, 0.0.0.0 or an address of "
                             "this machine");
    }
    AUTO_CLOSE int fd =
        socket(a.any.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return err_set(err, ERR_INTERNAL, "no socket for %s: %s", host,
                       strerror(errno));
    (void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (a.any.sa_family == AF_INET6)
        (void)setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on);
    if (bind(fd, &a.any, len) != 0 || listen(fd, BACKLOG) != 0) {
        err_set(err, ERR_UNAVAILABLE, "cannot listen on %s port %u: %s", host,
                want, strerror(errno));
        return err_hint(err, "is another server running there?");
    }
    len = sizeof a;
    if (getsockname(fd, &a.any, &len) == 0)
        *port =
            ntohs(a.any.sa_family == AF_INET6 ? a.v6.sin6_port : a.v4.sin_port);
    *out = take_fd(&fd);
    return ERR_OK;
}

static enum err_code copy_tls(struct net_tls_options *to,
                              const struct net_tls_options *from,
                              struct err *err)
{
    to->allow_tls12 = from->allow_tls12;
    to->cert_file = strdup(from->cert_file);
    to->key_file = strdup(from->key_file ? from->key_file : "");
    if (from->client_ca_file)
        to->client_ca_file = strdup(from->client_ca_file);
    if (!to->cert_file || !to->key_file ||
        (from->client_ca_file && !to->client_ca_file))
        return err_set(err, ERR_INTERNAL, "out of memory");
    return ERR_OK;
}

enum err_code net_listener_init(struct net_listener *l,
                                struct net_server *server,
                                const struct net_listener_options *options,
                                uint64_t idle_ns, struct err *err)
{
    *l = (struct net_listener){
        .server = server,
        .service = { .protocol = options->protocol,
                     .protocol_ctx = options->protocol_ctx,
                     .idle_ns = options->idle_ns ? options->idle_ns : idle_ns },
        .fd = -1,
    };
    if (options->tls.cert_file) {
        TRY(copy_tls(&l->tls_options, &options->tls, err));
        TRY(net_tls_new(&l->tls, &l->tls_options, options->protocol->alpn,
                        err));
    }
    return bind_to(&l->fd, &l->port, options->host, options->port, err);
}

static void on_retry(evutil_socket_t fd, short what, void *arg)
{
    struct net_listener *l = arg;
    (void)fd;
    (void)what;
    if (l->fd >= 0)
        (void)event_add(l->accept_event, NULL);
}

/* Out of descriptors or memory: rest, instead of spinning on a ready socket. */
static void rest(struct net_listener *l)
{
    const struct timeval wait = { .tv_usec = RETRY_MS * 1000 };
    (void)event_del(l->accept_event);
    (void)event_add(l->retry_event, &wait);
}

static void on_accept(evutil_socket_t fd, short what, void *arg)
{
    struct net_listener *l = arg;
    (void)what;
    for (int round = 0; round < ACCEPT_ROUNDS; round++) {
        union address a;
        socklen_t len = sizeof a;
        const int conn =
            accept4(fd, &a.any, &len, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (conn < 0) {
            if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS ||
                errno == ENOMEM)
                rest(l);
            if (errno == EAGAIN || l->fd < 0)
                return;
            continue; /* that one connection failed before we took it */
        }
        const int on = 1;
        (void)setsockopt(conn, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        (void)setsockopt(conn, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
        char peer[INET6_ADDRSTRLEN + 8];
        address_print(&a, peer, sizeof peer);
        net_server_take(l, conn, &a.any, peer);
    }
}

bool net_listener_start(struct net_listener *l, struct event_base *base)
{
    l->accept_event =
        event_new(base, l->fd, EV_READ | EV_PERSIST, on_accept, l);
    l->retry_event = event_new(base, -1, 0, on_retry, l);
    return l->accept_event && l->retry_event &&
           event_add(l->accept_event, NULL) == 0;
}

void net_listener_stop(struct net_listener *l)
{
    if (l->accept_event)
        event_free(l->accept_event);
    if (l->retry_event)
        event_free(l->retry_event);
    l->accept_event = l->retry_event = NULL;
    if (l->fd >= 0)
        (void)close(l->fd);
    l->fd = -1;
}

void net_listener_fini(struct net_listener *l)
{
    net_listener_stop(l);
    SSL_CTX_free(l->tls);
    free((void *)(uintptr_t)l->tls_options.cert_file);
    free((void *)(uintptr_t)l->tls_options.key_file);
    free((void *)(uintptr_t)l->tls_options.client_ca_file);
}
