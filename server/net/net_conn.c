#include "server/net/net_conn.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "server/net/net_tls.h"

enum {
    READ_ROUNDS = 4,  /* TLS records read in one wake-up, for fairness */
    FLUSH_ROUNDS = 4, /* full output buffers written in one wake-up */
    LINGER_MAX_LEN = 1024 * 1024, /* thrown away before we stop being polite */
};

static void on_readable(evutil_socket_t fd, short what, void *arg);
static void on_writable(evutil_socket_t fd, short what, void *arg);

/* --- life --- */

struct net_conn *net_conn_new(struct net_loop *loop,
                              const struct net_service *service, int fd,
                              SSL_CTX *tls, const char *peer)
{
    struct net_conn *conn = malloc(sizeof *conn);
    if (!conn) {
        (void)close(fd);
        SSL_CTX_free(tls);
        return NULL;
    }
    /* All but the output buffer, whose pages stay untouched until needed. */
    memset(conn, 0, offsetof(struct net_conn, out));
    conn->loop = loop;
    conn->service = service;
    conn->fd = fd;
    conn->tls = tls;
    conn->slot = NET_SLOT_NONE;
    conn->handover.run = net_conn_start;
    (void)strncpy(conn->peer, peer, sizeof conn->peer - 1);
    conn->peer[sizeof conn->peer - 1] = '\0';
    return conn;
}

void net_greeting_end(struct net_greeting *g)
{
    if (g->addresses)
        net_addresses_done(g->addresses, g->bucket);
    g->addresses = NULL;
}

/* The protocol lets go of the connection; handles find it no more. */
static void leave_protocol(struct net_conn *conn)
{
    void *user = conn->user;
    conn->user = NULL;
    if (user)
        conn->service->protocol->close(user);
}

static void unlink_dirty(struct net_conn *conn)
{
    if (!conn->is_dirty)
        return;
    struct net_conn **at = &conn->loop->dirty;
    while (*at != conn)
        at = &(*at)->next_dirty;
    *at = conn->next_dirty;
    conn->is_dirty = false;
}

/* ---- what shows ---- */

void net_conn_show(struct net_conn *conn)
{
    struct net_loop_stats *stats = &conn->loop->stats;
    if (conn->shows != NET_CONN_UNDECIDED)
        return;
    conn->shows = NET_CONN_SHOWN;
    net_count(&stats->accepted, 1);
    net_count(&stats->shown, 1);
    net_count(&stats->bytes_in, conn->in_len);
    net_count(&stats->bytes_out, conn->out_len_all);
}

void net_conn_hush(struct net_conn *conn)
{
    if (conn->shows == NET_CONN_UNDECIDED)
        conn->shows = NET_CONN_HUSHED;
}

static void count_bytes(struct net_conn *conn, atomic_uint_fast64_t *of,
                        uint64_t *undecided, size_t len)
{
    if (conn->shows == NET_CONN_SHOWN)
        net_count(of, len);
    else
        *undecided += len;
}

/* One that ends without having been anything in particular was there, too. */
static void end_show(struct net_conn *conn)
{
    if (conn->slot != NET_SLOT_NONE)
        net_conn_show(conn);
    if (conn->shows == NET_CONN_SHOWN)
        atomic_fetch_sub_explicit(&conn->loop->stats.shown, 1,
                                  memory_order_relaxed);
}

void net_conn_free(struct net_conn *conn)
{
    struct net_loop *loop = conn->loop;
    end_show(conn);
    if (conn->state == NET_CONN_HANDSHAKE && conn->ssl)
        net_count(&loop->stats.tls_failed, 1);
    net_greeting_end(&conn->greeting);
    leave_protocol(conn);
    unlink_dirty(conn);
    net_loop_part(loop, conn);
    if (conn->slot != NET_SLOT_NONE) {
        (void)event_del(&conn->on_read);
        (void)event_del(&conn->on_write);
        net_loop_release(loop, conn->slot);
    }
    SSL_free(conn->ssl);
    SSL_CTX_free(conn->tls);
    (void)close(conn->fd);
    free(conn);
    net_loop_conn_gone(loop);
}

static void enter(struct net_conn *conn, enum net_conn_state state)
{
    assert(state > conn->state);
    conn->state = state;
    conn->state_since_ns = net_loop_now_ns(conn->loop);
    conn->active_ns = conn->progress_ns = conn->state_since_ns;
}

static void mark_dirty(struct net_conn *conn)
{
    if (conn->is_dirty)
        return;
    conn->is_dirty = true;
    conn->next_dirty = conn->loop->dirty;
    conn->loop->dirty = conn;
}

/* --- what the loop shall watch --- */

static void arm(struct event *event, bool *armed, bool want)
{
    if (*armed == want)
        return;
    if (want)
        (void)event_add(event, NULL);
    else
        (void)event_del(event);
    *armed = want;
}

static bool is_full(const struct net_conn *conn)
{
    const struct net_protocol *protocol = conn->service->protocol;
    return protocol->full && protocol->full(conn->user);
}

/*
 * Input is watched unless our own output is stuck (back-pressure) or no more is
 * wanted; output is watched only while there is some that did not go.
 */
static void rearm(struct net_conn *conn)
{
    const bool unsent = conn->out_pos < conn->out_len;
    bool read = !conn->peer_ended, write = conn->read_wants_write;
    switch (conn->state) {
    case NET_CONN_HELLO:
    case NET_CONN_HANDSHAKE:
    case NET_CONN_LINGER:
        break;
    case NET_CONN_OPEN:
        read = read && ((!unsent && !is_full(conn)) || conn->write_wants_read);
        write = write || (unsent && !conn->write_wants_read);
        break;
    case NET_CONN_FLUSH:
        read = conn->write_wants_read;
        write = unsent && !conn->write_wants_read;
        break;
    }
    arm(&conn->on_read, &conn->reading, read);
    arm(&conn->on_write, &conn->writing, write);
}

/* With bytes in hand TLS must be asked again though the socket is quiet. */
static void read_on(struct net_conn *conn)
{
    rearm(conn);
    if (conn->reading && conn->ssl && SSL_pending(conn->ssl) > 0)
        event_active(&conn->on_read, EV_READ, 0);
}

/* --- the end --- */

/* Everything is sent: end our side, and wait for the peer's unless it came. */
static void linger(struct net_conn *conn)
{
    leave_protocol(conn);
    net_io_end(conn->fd, conn->ssl);
    if (conn->peer_ended) {
        net_conn_free(conn);
        return;
    }
    enter(conn, NET_CONN_LINGER);
    rearm(conn);
}

/* Throw away what the peer still sends, below TLS: nobody will read it. */
static void discard(struct net_conn *conn)
{
    size_t len;
    const enum net_io io =
        net_io_read(conn->fd, NULL, conn->loop->in, NET_IN_LEN, &len);
    if (io == NET_IO_READ)
        return;
    if (io == NET_IO_OK) {
        conn->linger_len += len;
        if (conn->linger_len <= LINGER_MAX_LEN)
            return;
    }
    net_conn_free(conn);
}

/* --- output --- */

/* Write what is in the buffer.  False: the connection is broken. */
static bool write_out(struct net_conn *conn)
{
    size_t done = 0;
    const enum net_io io =
        net_io_write(conn->fd, conn->ssl, conn->out + conn->out_pos,
                     conn->out_len - conn->out_pos, &done);
    conn->write_wants_read = io == NET_IO_READ;
    if (io == NET_IO_OK) {
        conn->out_pos += done;
        conn->progress_ns = net_loop_now_ns(conn->loop);
        count_bytes(conn, &conn->loop->stats.bytes_out, &conn->out_len_all,
                    done);
    }
    return io != NET_IO_EOF && io != NET_IO_FAILED;
}

/* Refill the empty buffer.  False: the protocol has nothing to say. */
static bool refill(struct net_conn *conn)
{
    conn->out_pos = 0;
    conn->out_len =
        conn->service->protocol->pull(conn->user, conn->out, sizeof conn->out);
    assert(conn->out_len <= sizeof conn->out);
    /* The stall timer counts from when there was something to send. */
    conn->progress_ns = net_loop_now_ns(conn->loop);
    return conn->out_len > 0;
}

/* Nothing is left to send: is anything left to do? */
static void when_sent(struct net_conn *conn)
{
    if (conn->state == NET_CONN_FLUSH ||
        conn->service->protocol->finished(conn->user))
        linger(conn);
    else
        read_on(conn);
}

void net_conn_flush(struct net_conn *conn)
{
    if (conn->state != NET_CONN_OPEN && conn->state != NET_CONN_FLUSH)
        return;
    for (int round = 0; round < FLUSH_ROUNDS; round++) {
        if (conn->out_pos == conn->out_len && !refill(conn)) {
            when_sent(conn);
            return;
        }
        const bool was_full = conn->out_len == sizeof conn->out;
        if (!write_out(conn)) {
            net_conn_free(conn);
            return;
        }
        if (conn->out_pos < conn->out_len)
            break;
        if (!was_full) { /* pull() gave all it had */
            conn->out_pos = conn->out_len = 0;
            when_sent(conn);
            return;
        }
    }
    /* Stuck, or this connection had its share: go on when next writable. */
    if (conn->out_pos == conn->out_len && !refill(conn))
        when_sent(conn);
    else
        rearm(conn);
}

void net_conn_wake(struct net_conn *conn)
{
    mark_dirty(conn);
}

/* --- input --- */

static void stop_input(struct net_conn *conn)
{
    if (conn->state == NET_CONN_OPEN)
        enter(conn, NET_CONN_FLUSH);
    mark_dirty(conn);
}

/*
 * Read into the loop's buffer.  TLS gives one record at a time; a record that
 * was not full is likely the last, and if it was not, the loop says so again.
 */
static enum net_io fill_in(struct net_conn *conn, size_t *len)
{
    enum { FULL_RECORD = 16 * 1024 };
    enum net_io io = NET_IO_OK;
    *len = 0;
    for (int round = 0; round < READ_ROUNDS; round++) {
        size_t done = 0;
        io = net_io_read(conn->fd, conn->ssl, conn->loop->in + *len,
                         NET_IN_LEN - *len, &done);
        if (io != NET_IO_OK)
            break;
        *len += done;
        if (!conn->ssl || *len == NET_IN_LEN ||
            (done < FULL_RECORD && SSL_pending(conn->ssl) == 0))
            break;
    }
    return io;
}

static void on_input(struct net_conn *conn)
{
    size_t len;
    const enum net_io io = fill_in(conn, &len);
    conn->read_wants_write = io == NET_IO_WRITE;
    if (len > 0) {
        count_bytes(conn, &conn->loop->stats.bytes_in, &conn->in_len, len);
        if (!conn->service->protocol->bytes(conn->user, conn->loop->in, len))
            stop_input(conn);
        mark_dirty(conn);
    }
    if (io == NET_IO_FAILED) {
        net_conn_free(conn);
        return;
    }
    if (io == NET_IO_EOF) {
        conn->peer_ended = true;
        stop_input(conn);
    }
    read_on(conn);
}

/* --- events --- */

static void open_protocol(struct net_conn *conn)
{
    const struct net_protocol *protocol = conn->service->protocol;
    net_greeting_end(&conn->greeting);
    if (conn->ssl && !conn->alpn_free &&
        !net_tls_agreed(conn->ssl, protocol->alpn)) {
        net_conn_free(conn);
        return;
    }
    conn->user = protocol->open(conn->service->protocol_ctx, conn);
    if (!conn->user) {
        net_conn_free(conn);
        return;
    }
    enter(conn, NET_CONN_OPEN);
    if (conn->hello_len > 0 &&
        !protocol->bytes(conn->user, conn->hello, conn->hello_len))
        stop_input(conn);
    conn->hello_len = 0;
    rearm(conn);
    mark_dirty(conn);
}

static void go_on_handshake(struct net_conn *conn)
{
    const enum net_io io = net_io_handshake(conn->ssl);
    conn->read_wants_write = io == NET_IO_WRITE;
    if (io == NET_IO_OK)
        open_protocol(conn);
    else if (io == NET_IO_READ || io == NET_IO_WRITE)
        rearm(conn);
    else
        net_conn_free(conn);
}

/* --- before TLS --- */

/* May free the connection. */
static void begin_tls(struct net_conn *conn)
{
    conn->ssl = SSL_new(conn->tls);
    SSL_CTX_free(conn->tls);
    conn->tls = NULL;
    if (!conn->ssl || SSL_set_fd(conn->ssl, conn->fd) != 1) {
        net_conn_free(conn);
        return;
    }
    SSL_set_accept_state(conn->ssl);
    if (conn->state < NET_CONN_HANDSHAKE)
        enter(conn, NET_CONN_HANDSHAKE);
    rearm(conn);
}

/* The socket's buffer is empty: a byte always fits, or the peer is gone. */
static bool say_hello(struct net_conn *conn, char byte)
{
    enum { HELLOS_MAX = 4 };
    conn->hello_len = 0;
    return conn->hellos++ < HELLOS_MAX &&
           send(conn->fd, &byte, 1, MSG_NOSIGNAL) == 1;
}

static void follow_hello(struct net_conn *conn, struct net_hello h)
{
    switch (h.next) {
    case NET_HELLO_MORE:
        break;
    case NET_HELLO_AGAIN:
        if (!say_hello(conn, h.say))
            net_conn_free(conn);
        break;
    case NET_HELLO_TLS:
        conn->alpn_free = true;
        if (say_hello(conn, h.say))
            begin_tls(conn);
        else
            net_conn_free(conn);
        break;
    case NET_HELLO_RAW:
        begin_tls(conn);
        break;
    case NET_HELLO_OPEN:
        SSL_CTX_free(conn->tls);
        conn->tls = NULL;
        open_protocol(conn);
        break;
    }
}

/* The first byte is looked at before it is taken: it may be TLS's. */
static void go_on_hello(struct net_conn *conn)
{
    const struct net_protocol *protocol = conn->service->protocol;
    const bool has_tls = conn->tls != NULL;
    uint8_t *at = conn->hello + conn->hello_len;
    if (conn->hello_len == 0) {
        const ssize_t n = recv(conn->fd, at, 1, MSG_PEEK);
        if (n == 1) {
            const struct net_hello h = protocol->hello(at, 1, has_tls);
            if (h.next != NET_HELLO_MORE) {
                follow_hello(conn, h);
                return;
            }
        }
    }
    const ssize_t n =
        recv(conn->fd, at, sizeof conn->hello - conn->hello_len, 0);
    if (n <= 0) {
        if (n == 0 || (errno != EAGAIN && errno != EINTR))
            net_conn_free(conn);
        return;
    }
    conn->hello_len += (size_t)n;
    if (conn->hello_len == sizeof conn->hello)
        follow_hello(conn,
                     protocol->hello(conn->hello, sizeof conn->hello, has_tls));
}

static void on_readable(evutil_socket_t fd, short what, void *arg)
{
    struct net_conn *conn = arg;
    (void)fd;
    (void)what;
    switch (conn->state) {
    case NET_CONN_HELLO:
        go_on_hello(conn);
        break;
    case NET_CONN_HANDSHAKE:
        go_on_handshake(conn);
        break;
    case NET_CONN_OPEN:
        if (conn->write_wants_read)
            mark_dirty(conn);
        on_input(conn);
        break;
    case NET_CONN_FLUSH:
        mark_dirty(conn);
        break;
    case NET_CONN_LINGER:
        discard(conn);
        break;
    }
}

static void on_writable(evutil_socket_t fd, short what, void *arg)
{
    struct net_conn *conn = arg;
    (void)fd;
    (void)what;
    if (conn->state == NET_CONN_HANDSHAKE) {
        go_on_handshake(conn);
        return;
    }
    mark_dirty(conn);
    if (conn->state == NET_CONN_OPEN && conn->read_wants_write)
        on_input(conn);
}

void net_conn_start(struct net_task *task, struct net_loop *loop)
{
    struct net_conn *conn = (struct net_conn *)task; /* its first member */
    if (loop->stopping || loop->draining || !net_loop_adopt(loop, conn)) {
        net_conn_free(conn);
        return;
    }
    if (!conn->service->protocol->may_hush)
        net_conn_show(conn);
    net_loop_meet(loop, conn);
    conn->state_since_ns = conn->active_ns = net_loop_now_ns(loop);
    (void)event_assign(&conn->on_read, loop->base, conn->fd,
                       EV_READ | EV_PERSIST, on_readable, conn);
    (void)event_assign(&conn->on_write, loop->base, conn->fd,
                       EV_WRITE | EV_PERSIST, on_writable, conn);
    if (conn->service->protocol->hello)
        rearm(conn);
    else if (conn->tls)
        begin_tls(conn);
    else
        open_protocol(conn);
}

/* --- time --- */

/* Who connects and asks nothing must not hold a place for long. */
static uint64_t idle_limit_ns(const struct net_conn *conn)
{
    const uint64_t greet_ns = conn->loop->limits->greet_ns;
    const uint64_t idle_ns = conn->service->idle_ns;
    return conn->was_busy || idle_ns < greet_ns ? idle_ns : greet_ns;
}

/* May free the connection. */
static void tick_open(struct net_conn *conn, uint64_t now_ns)
{
    const struct net_limits *limits = conn->loop->limits;
    const struct net_protocol *protocol = conn->service->protocol;

    if (conn->out_pos < conn->out_len &&
        now_ns - conn->progress_ns > limits->stall_ns) {
        net_count(&conn->loop->stats.stall_closed, 1);
        net_conn_free(conn);
        return;
    }
    if (protocol->tick)
        protocol->tick(conn->user, now_ns);
    mark_dirty(conn);
    if (protocol->busy(conn->user)) {
        conn->active_ns = now_ns;
        conn->was_busy = true;
        return;
    }
    const uint64_t idle_ns = now_ns - conn->active_ns;
    const uint64_t limit_ns = idle_limit_ns(conn);
    if (idle_ns <= limit_ns)
        return;
    if (!conn->is_draining) {
        net_count(&conn->loop->stats.idle_closed, 1);
        net_conn_drain(conn);
    } else if (idle_ns > limit_ns + limits->linger_ns) {
        stop_input(conn); /* asked to go and did not: we go */
    }
}

void net_conn_tick(struct net_conn *conn, uint64_t now_ns)
{
    const struct net_limits *limits = conn->loop->limits;
    const uint64_t age_ns = now_ns - conn->state_since_ns;
    switch (conn->state) {
    case NET_CONN_HELLO:
    case NET_CONN_HANDSHAKE:
        if (age_ns > limits->handshake_ns)
            net_conn_free(conn);
        break;
    case NET_CONN_OPEN:
    case NET_CONN_FLUSH:
        tick_open(conn, now_ns);
        break;
    case NET_CONN_LINGER:
        if (age_ns > limits->linger_ns)
            net_conn_free(conn);
        break;
    }
}

void net_conn_drain(struct net_conn *conn)
{
    if (conn->state < NET_CONN_OPEN) {
        net_conn_free(conn);
        return;
    }
    if (conn->state != NET_CONN_OPEN || conn->is_draining)
        return;
    conn->is_draining = true;
    if (conn->service->protocol->drain)
        conn->service->protocol->drain(conn->user);
    mark_dirty(conn);
}

/* --- facts --- */

struct net_handle net_conn_handle(const struct net_conn *conn)
{
    return (struct net_handle){ .loop = conn->loop->index,
                                .slot = conn->slot,
                                .generation = conn->generation };
}

struct net_loop *net_conn_loop(const struct net_conn *conn)
{
    return conn->loop;
}

const char *net_conn_peer(const struct net_conn *conn)
{
    return conn->peer;
}

bool net_conn_is_tls(const struct net_conn *conn)
{
    return conn->ssl != NULL;
}

size_t net_conn_endpoint(const struct net_conn *conn,
                         uint8_t out[NET_ENDPOINT_LEN])
{
    return conn->ssl ? net_tls_endpoint(conn->ssl, out) : 0;
}

void *net_conn_user(const struct net_conn *conn)
{
    return conn->user;
}
