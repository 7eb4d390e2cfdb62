#include "server/net/net_handshake.h"

#include <errno.h>
#include <sys/socket.h>

#include "server/net/net_tls.h"

/* --- TLS --- */

static enum net_handshake begin_tls(struct net_conn *conn)
{
    conn->ssl = SSL_new(conn->tls);
    SSL_CTX_free(conn->tls);
    conn->tls = NULL;
    if (!conn->ssl || SSL_set_fd(conn->ssl, conn->fd) != 1)
        return NET_HANDSHAKE_FAILED;
    SSL_set_accept_state(conn->ssl);
    if (conn->state < NET_CONN_HANDSHAKE)
        net_conn_enter(conn, NET_CONN_HANDSHAKE);
    return NET_HANDSHAKE_WAIT;
}

static enum net_handshake go_on_tls(struct net_conn *conn)
{
    const enum net_io io = net_io_handshake(conn->ssl);
    conn->read_wants_write = io == NET_IO_WRITE;
    if (io == NET_IO_READ || io == NET_IO_WRITE)
        return NET_HANDSHAKE_WAIT;
    return io == NET_IO_OK &&
                   (conn->alpn_free ||
                    net_tls_agreed(conn->ssl, conn->service->protocol->alpn))
               ? NET_HANDSHAKE_DONE
               : NET_HANDSHAKE_FAILED;
}

/* --- before TLS --- */

/* The socket's buffer is empty: a byte always fits, or the peer is gone. */
static bool say_hello(struct net_conn *conn, char byte)
{
    enum { HELLOS_MAX = 4 };
    conn->hello_len = 0;
    return conn->hellos++ < HELLOS_MAX &&
           send(conn->fd, &byte, 1, MSG_NOSIGNAL) == 1;
}

static enum net_handshake follow_hello(struct net_conn *conn,
                                       struct net_hello h)
{
    switch (h.next) {
    case NET_HELLO_MORE:
        break;
    case NET_HELLO_AGAIN:
        return say_hello(conn, h.say) ? NET_HANDSHAKE_WAIT
                                      : NET_HANDSHAKE_FAILED;
    case NET_HELLO_TLS:
        conn->alpn_free = true;
        return say_hello(conn, h.say) ? begin_tls(conn) : NET_HANDSHAKE_FAILED;
    case NET_HELLO_RAW:
        return begin_tls(conn);
    case NET_HELLO_OPEN:
        SSL_CTX_free(conn->tls);
        conn->tls = NULL;
        return NET_HANDSHAKE_DONE;
    }
    return NET_HANDSHAKE_WAIT;
}

/* The first byte is looked at before it is taken: it may be TLS's. */
static enum net_handshake go_on_hello(struct net_conn *conn)
{
    const struct net_protocol *protocol = conn->service->protocol;
    const bool has_tls = conn->tls != NULL;
    uint8_t *at = conn->hello + conn->hello_len;
    if (conn->hello_len == 0) {
        const ssize_t n = recv(conn->fd, at, 1, MSG_PEEK);
        if (n == 1) {
            const struct net_hello h = protocol->hello(at, 1, has_tls);
            if (h.next != NET_HELLO_MORE)
                return follow_hello(conn, h);
        }
    }
    const ssize_t n =
        recv(conn->fd, at, sizeof conn->hello - conn->hello_len, 0);
    if (n <= 0)
        return n == 0 || (errno != EAGAIN && errno != EINTR)
                   ? NET_HANDSHAKE_FAILED
                   : NET_HANDSHAKE_WAIT;
    conn->hello_len += (size_t)n;
    return conn->hello_len == sizeof conn->hello
               ? follow_hello(
                     conn,
                     protocol->hello(conn->hello, sizeof conn->hello, has_tls))
               : NET_HANDSHAKE_WAIT;
}

/* --- both --- */

enum net_handshake net_handshake_begin(struct net_conn *conn)
{
    if (conn->service->protocol->hello)
        return NET_HANDSHAKE_WAIT;
    return conn->tls ? begin_tls(conn) : NET_HANDSHAKE_DONE;
}

enum net_handshake net_handshake_go_on(struct net_conn *conn)
{
    return conn->state == NET_CONN_HELLO ? go_on_hello(conn) : go_on_tls(conn);
}
