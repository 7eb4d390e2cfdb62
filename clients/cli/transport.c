#include "clients/cli/transport.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>

#include "clients/cli/tls.h"
#include "server/base/cleanup.h"
#include "server/base/clock.h"

enum { TICK_MS = 100, CONNECT_MS = 10000, READ_CHUNK = 16384 };

static uint64_t now_ms(void)
{
    return clock_mono_ns(clock_system()) / 1000000;
}

static enum err_code too_late(const struct transport *t, struct err *err)
{
    (void)err_set(err, ERR_DEADLINE, "no answer from %s in time",
                  t->target.authority);
    return err_hint(err, "wait longer with --timeout");
}

/* Wait until fd is ready, ticking.  ERR_DEADLINE when a limit comes first. */
static enum err_code wait_for(const struct transport *t, int fd, short events,
                              uint64_t limit_ms, struct err *err)
{
    const uint64_t deadline_ms = t->deadline_ns / 1000000;
    for (;;) {
        const uint64_t now = now_ms();
        if ((t->deadline_ns && now >= deadline_ms) ||
            (limit_ms && now >= limit_ms))
            return too_late(t, err);
        struct pollfd p = { .fd = fd, .events = events };
        const int n = poll(&p, 1, TICK_MS);
        if (n > 0)
            return ERR_OK;
        if (n < 0 && errno != EINTR)
            return err_set(err, ERR_INTERNAL, "poll: %s", strerror(errno));
        if (t->tick)
            t->tick(t->tick_ctx);
    }
}

static bool is_loopback(const struct sockaddr *sa)
{
    if (sa->sa_family == AF_INET) {
        struct sockaddr_in in;
        memcpy(&in, sa, sizeof in);
        return ntohl(in.sin_addr.s_addr) >> 24 == 127;
    }
    struct sockaddr_in6 in6;
    memcpy(&in6, sa, sizeof in6);
    return sa->sa_family == AF_INET6 && IN6_IS_ADDR_LOOPBACK(&in6.sin6_addr);
}

static enum err_code unreachable(const struct transport *t, const char *why,
                                 struct err *err)
{
    (void)err_set(err, ERR_UNAVAILABLE, "cannot reach %s: %s",
                  t->target.authority, why);
    return err_hint(err, "is the server running? --target or HALFTONE_TARGET "
                         "names another");
}

/* Connect to one address; the caller owns *out. */
static enum err_code connect_one(const struct transport *t,
                                 const struct addrinfo *at, int *out,
                                 struct err *err)
{
    AUTO_CLOSE int fd =
        socket(at->ai_family, at->ai_socktype | SOCK_NONBLOCK | SOCK_CLOEXEC,
               at->ai_protocol);
    if (fd < 0)
        return unreachable(t, strerror(errno), err);
    if (connect(fd, at->ai_addr, at->ai_addrlen) != 0) {
        if (errno != EINPROGRESS)
            return unreachable(t, strerror(errno), err);
        const uint64_t limit = now_ms() + CONNECT_MS;
        if (wait_for(t, fd, POLLOUT, limit, err) != ERR_OK)
            return unreachable(t, "connection timed out", err);
        int why = 0;
        socklen_t len = sizeof why;
        if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &why, &len) != 0 || why != 0)
            return unreachable(t, strerror(why ? why : errno), err);
    }
    const int on = 1;
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    *out = take_fd(&fd);
    return ERR_OK;
}

/* Try each address of the host in the resolver's order. */
static enum err_code connect_any(const struct transport *t, int *fd,
                                 struct err *err)
{
    const struct addrinfo want = { .ai_family = AF_UNSPEC,
                                   .ai_socktype = SOCK_STREAM,
                                   .ai_flags = AI_NUMERICSERV };
    struct addrinfo *list = NULL;
    const int rc = getaddrinfo(t->target.host, t->target.port, &want, &list);
    if (rc != 0)
        return unreachable(t, gai_strerror(rc), err);
    enum err_code code = unreachable(t, "it has no address", err);
    for (const struct addrinfo *at = list; at && code != ERR_OK;
         at = at->ai_next) {
        if (t->plaintext && !is_loopback(at->ai_addr)) {
            (void)err_set(err, ERR_INVALID,
                          "--plaintext to %s would show token and answers to "
                          "the network",
                          t->target.host);
            code = err_hint(err, "leave out --plaintext; it is for servers on "
                                 "this machine");
            break;
        }
        code = connect_one(t, at, fd, err);
    }
    freeaddrinfo(list);
    return code;
}

/* Send everything the call has to say. */
static enum err_code flush(struct transport *t, struct tls *tls, struct call *c,
                           struct err *err)
{
    const uint8_t *data;
    size_t len;
    while ((len = call_output(c, &data)) > 0) {
        for (size_t at = 0; at < len;) {
            size_t n = 0;
            short wait = 0;
            TRY(tls_write(tls, data + at, len - at, &n, &wait, err));
            at += n;
            if (wait)
                TRY(wait_for(t, tls->fd, wait, 0, err));
        }
    }
    return ERR_OK;
}

static enum err_code pump(struct transport *t, struct tls *tls, struct call *c,
                          struct err *err)
{
    uint8_t chunk[READ_CHUNK];
    TRY(flush(t, tls, c, err));
    while (c->state != CALL_DONE) {
        size_t n = 0;
        short wait = 0;
        TRY(tls_read(tls, chunk, sizeof chunk, &n, &wait, err));
        if (wait)
            TRY(wait_for(t, tls->fd, wait, 0, err));
        else if (n == 0)
            call_lost(c, "the server closed the connection");
        else
            call_input(c, chunk, n);
        if (c->state != CALL_DONE)
            TRY(flush(t, tls, c, err));
    }
    return ERR_OK;
}

static enum err_code converse(struct transport *t, struct tls *tls,
                              struct call *c, struct err *err)
{
    short wait = 0;
    do {
        TRY(tls_handshake(tls, &wait, err));
        if (wait)
            TRY(wait_for(t, tls->fd, wait, 0, err));
    } while (wait);
    t->connected = true;
    return pump(t, tls, c, err);
}

enum err_code transport_run(struct transport *t, struct call *c,
                            struct err *err)
{
    int fd = -1;
    t->connected = false;
    TRY(connect_any(t, &fd, err));
    struct tls tls;
    enum err_code code =
        tls_init(&tls, fd, t->plaintext ? NULL : &t->target, t->ca, err);
    if (code == ERR_OK)
        code = converse(t, &tls, c, err);
    tls_fini(&tls);
    return code;
}
