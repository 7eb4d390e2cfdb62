#include "server/net/net_pump.h"

#include <assert.h>

#include "server/net/net_handshake.h"

enum {
    READ_ROUNDS = 4,  /* TLS records read in one wake-up, for fairness */
    FLUSH_ROUNDS = 4, /* full output buffers written in one wake-up */
    LINGER_MAX_LEN = 1024 * 1024, /* thrown away before we stop being polite */
};

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
    net_conn_leave_protocol(conn);
    net_io_end(conn->fd, conn->ssl);
    if (conn->peer_ended) {
        net_conn_free(conn);
        return;
    }
    net_conn_enter(conn, NET_CONN_LINGER);
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
        net_conn_count_out(conn, done);
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

void net_pump_flush(struct net_conn *conn)
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

/* --- input --- */

static void stop_input(struct net_conn *conn)
{
    if (conn->state == NET_CONN_OPEN)
        net_conn_enter(conn, NET_CONN_FLUSH);
    net_conn_wake(conn);
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
        net_conn_count_in(conn, len);
        if (!conn->service->protocol->bytes(conn->user, conn->loop->in, len))
            stop_input(conn);
        net_conn_wake(conn);
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
    conn->user = protocol->open(conn->service->protocol_ctx, conn);
    if (!conn->user) {
        net_conn_free(conn);
        return;
    }
    net_conn_enter(conn, NET_CONN_OPEN);
    if (conn->hello_len > 0 &&
        !protocol->bytes(conn->user, conn->hello, conn->hello_len))
        stop_input(conn);
    conn->hello_len = 0;
    rearm(conn);
    net_conn_wake(conn);
}

/* May free the connection. */
static void follow_handshake(struct net_conn *conn, enum net_handshake now)
{
    switch (now) {
    case NET_HANDSHAKE_WAIT:
        rearm(conn);
        break;
    case NET_HANDSHAKE_DONE:
        open_protocol(conn);
        break;
    case NET_HANDSHAKE_FAILED:
        net_conn_free(conn);
        break;
    }
}

static void on_readable(evutil_socket_t fd, short what, void *arg)
{
    struct net_conn *conn = arg;
    (void)fd;
    (void)what;
    switch (conn->state) {
    case NET_CONN_HELLO:
    case NET_CONN_HANDSHAKE:
        follow_handshake(conn, net_handshake_go_on(conn));
        break;
    case NET_CONN_OPEN:
        if (conn->write_wants_read)
            net_conn_wake(conn);
        on_input(conn);
        break;
    case NET_CONN_FLUSH:
        net_conn_wake(conn);
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
        follow_handshake(conn, net_handshake_go_on(conn));
        return;
    }
    net_conn_wake(conn);
    if (conn->state == NET_CONN_OPEN && conn->read_wants_write)
        on_input(conn);
}

void net_pump_start(struct net_task *task, struct net_loop *loop)
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
    follow_handshake(conn, net_handshake_begin(conn));
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
    net_conn_wake(conn);
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
        net_pump_drain(conn);
    } else if (idle_ns > limit_ns + limits->linger_ns) {
        stop_input(conn); /* asked to go and did not: we go */
    }
}

void net_pump_tick(struct net_conn *conn, uint64_t now_ns)
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

void net_pump_drain(struct net_conn *conn)
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
    net_conn_wake(conn);
}
