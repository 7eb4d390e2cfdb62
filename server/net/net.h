#ifndef NET_NET_H
#define NET_NET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "server/base/err.h"

/*
 * Sockets, TLS and timers; knows no protocol.
 *
 *   acceptor (the thread in net_server_run)
 *      |  accept4, count, least loaded
 *      v
 *   loop 0 .. n-1, one thread each, owning its connections:
 *      readable -> SSL_read/recv -> protocol.bytes
 *      woken    -> protocol.pull -> one SSL_write/send per wake-up
 *      posted   -> task.run        (from workers: lock-free list + eventfd)
 *      due      -> timer.run
 *
 * A protocol is a table of functions over bytes.  All of them run on the loop
 * thread that owns the connection, never two at once for one connection, and
 * none after close().
 *
 *   life of a connection
 *   HELLO -> HANDSHAKE -> OPEN --finished, eof, drain, limit--> LINGER --> gone
 *      '----------'---------- error, timeout -----------------------^
 *
 *   HELLO is for protocols that speak before TLS, HANDSHAKE for TLS.
 *
 * Strangers: a connection is one until its protocol vouches for it, and says
 * whose it is; past three quarters of all places nobody's are vouched for. When
 * all places are taken, the oldest stranger makes room for a newcomer; where
 * there is none, the newcomer is turned away.  So is who has begun more TLS
 * handshakes than an address may.
 *
 * Back-pressure: a connection that has bytes the peer does not take is not read
 * from until they are gone, so a peer that only sends cannot make us buffer.
 * Each connection holds one output buffer of NET_OUT_LEN bytes; input goes
 * through one buffer per loop.
 */
enum {
    NET_OUT_LEN = 16 * 1024, /* one TLS record */
    NET_LISTENERS_MAX = 8,
    NET_LOOPS_MAX = 64,
};

struct net_server;
struct net_loop;
struct net_conn;

/*
 * How a connection goes on whose protocol speaks before TLS begins.
 *
 *   MORE   the first byte is taken, and up to NET_HELLO_LEN with it
 *   AGAIN  `say` is the answer; what comes next is another hello
 *   TLS    `say` is the answer, and a handshake comes next
 *   RAW    nothing was taken: it is a handshake, and must agree on `alpn`
 *   OPEN   no TLS: open(), then the bytes of the hello are its first input
 */
enum net_hello_next {
    NET_HELLO_MORE,
    NET_HELLO_AGAIN,
    NET_HELLO_TLS,
    NET_HELLO_RAW,
    NET_HELLO_OPEN,
};
struct net_hello {
    enum net_hello_next next;
    char say; /* one byte; AGAIN and TLS */
};
enum { NET_HELLO_LEN = 8 };

/*
 * What a front end gives to serve a kind of connection.  `user` is what open()
 * returned.
 */
struct net_protocol {
    const char *alpn; /* "h2"; a TLS peer must agree on it.  NULL: none asked */
    bool may_hush;    /* a connection shows in the counters once the protocol
                         says so, or when it ends; else at once */

    /*
     * Of a protocol that speaks before TLS begins; else NULL.  Called with the
     * first byte (len 1), and once that was not enough with NET_HELLO_LEN; has
     * no state.  A peer that names protocols must name `alpn`, after TLS too.
     */
    struct net_hello (*hello)(const uint8_t *data, size_t len, bool has_tls);

    /* A connection is ready (after the handshake).  NULL refuses it. */
    void *(*open)(void *ctx, struct net_conn *conn);

    /*
     * Input, borrowed for the call and consumed whole.  False: no more input is
     * wanted; what pull() still has is sent, then the connection closes.
     */
    bool (*bytes)(void *user, const uint8_t *data, size_t len);

    /* Write up to `cap` bytes of output; returns how many, 0 = none for now. */
    size_t (*pull)(void *user, uint8_t *buf, size_t cap);

    /* Nothing will ever be read or written again: close. */
    bool (*finished)(void *user);

    /* It holds all the input that it can for now: read no more until output was
     * pulled or the connection woken; or NULL. */
    bool (*full)(void *user);

    /* Work is under way, or began since last asked: the idle timer restarts. */
    bool (*busy)(void *user);

    /* About every NET_TICK_MS, for time-outs of the protocol's own; or NULL. */
    void (*tick)(void *user, uint64_t now_ns);

    /* End politely: take no new work, finish what is under way; or NULL. */
    void (*drain)(void *user);

    /* The connection is gone; frees user. */
    void (*close)(void *user);
};

struct net_tls_options {
    const char *cert_file;      /* PEM chain; NULL = plaintext */
    const char *key_file;       /* PEM */
    const char *client_ca_file; /* PEM; clients must present a certificate
                                   signed by it.  NULL: none is asked */
    bool allow_tls12;           /* default is TLS 1.3 alone */
};

struct net_listener_options {
    const char *host; /* numeric address: "127.0.0.1", "::1", "0.0.0.0" */
    uint16_t port;    /* 0 = any; net_server_port tells */
    struct net_tls_options tls;
    const struct net_protocol *protocol; /* borrowed for the server's life */
    void *protocol_ctx;                  /* open()'s ctx; borrowed */
    uint64_t idle_ns; /* not busy for so long: drain, then close; 0 = default */
};

/* 0 = the default in brackets. */
struct net_limits {
    unsigned max_conns;  /* [4096] and NET_CONNS_SLACK more for a moment,
                            while strangers are sent away */
    unsigned handshakes; /* [128] under way of one address (net_address.h) */
    unsigned handshake_rate; /* [100] that one address may begin in a second */
    uint64_t handshake_ns;   /* [10 s] TLS handshake */
    uint64_t greet_ns;       /* [30 s] connection that never was busy yet */
    uint64_t idle_ns;        /* [5 min] connection that is not busy */
    uint64_t stall_ns;       /* [30 s] peer takes none of our bytes */
    uint64_t linger_ns;      /* [2 s] wait for the peer's end after ours */
};

struct net_server_options {
    const struct net_listener_options *listeners;
    size_t n_listeners;
    unsigned n_loops; /* 0 = one per core */
    struct net_limits limits;
};

enum { NET_TICK_MS = 250, NET_CONNS_SLACK = 32 };

/* Counters since the start; a snapshot, safe from any thread. */
struct net_stats {
    uint64_t accepted;            /* connections that show; as do those of
                                     the bytes below (net_conn_show) */
    uint64_t refused;             /* closed at once: max_conns, or one
                                     address had its share */
    uint64_t evicted;             /* strangers that made room for others */
    uint64_t active;              /* open now, whether they show or not */
    uint64_t active_shown;        /* ... of them those that show */
    uint64_t tls_failed;          /* handshake failed or timed out */
    uint64_t idle_closed;         /* closed by the idle timer */
    uint64_t stall_closed;        /* closed by the stall timer */
    uint64_t bytes_in, bytes_out; /* of the protocol, without TLS */
};

/*
 * Bind, load certificates, start the loop threads.  Options are copied, save
 * what is marked borrowed.  SIGPIPE is set to be ignored for the process.
 * ERR_INVALID: an address, certificate or key cannot be used (the message names
 * it); ERR_UNAVAILABLE: the address is taken; ERR_INTERNAL: the system refused
 * threads or memory.  *out is NULL on failure.
 */
enum err_code net_server_new(struct net_server **out,
                             const struct net_server_options *options,
                             struct err *err) MUST_CHECK;

/*
 * Stop the loops and free everything; closes what is still open.  Tasks posted
 * before are run, with their connections gone.  No thread may post any more.
 */
void net_server_free(struct net_server *server);

/* The port that listener i is bound to. */
uint16_t net_server_port(const struct net_server *server, size_t i);

/*
 * Accept on this thread until a drain has completed.  Loops still run tasks
 * and timers when it returns; net_server_free ends them.
 */
void net_server_run(struct net_server *server);

/* Call fn(ctx) on the thread of net_server_run for each signal; before run. */
enum err_code net_server_on_signal(struct net_server *server, int signo,
                                   void (*fn)(void *ctx), void *ctx,
                                   struct err *err) MUST_CHECK;

/*
 * Stop accepting, drain every connection, close those that remain after
 * grace_ns; net_server_run then returns.  Any thread; again is harmless.
 */
void net_server_drain(struct net_server *server, uint64_t grace_ns);

/*
 * Read certificates and keys again for new connections; old ones keep theirs.
 * On failure the old ones stay in force.  Any thread but a loop's.
 * ERR_INVALID names the file.
 */
enum err_code net_server_reload_tls(struct net_server *server,
                                    struct err *err) MUST_CHECK;

struct net_stats net_server_stats(const struct net_server *server);

/* --- on a loop's thread --- */

/*
 * Names a connection for as long as one likes: a stale handle finds nothing,
 * since the slot's generation moves on.  A value; safe to copy to any thread.
 */
struct net_handle {
    uint32_t loop, slot;
    uint64_t generation;
};

struct net_handle net_conn_handle(const struct net_conn *conn);
struct net_loop *net_conn_loop(const struct net_conn *conn);

/* Text of the peer's address, "127.0.0.1:5000"; borrowed from conn. */
const char *net_conn_peer(const struct net_conn *conn);
bool net_conn_is_tls(const struct net_conn *conn);

/*
 * RFC 5929, tls-server-end-point: the hash of our certificate on this
 * connection, at most NET_ENDPOINT_LEN bytes; how many, 0 = there is none.
 */
enum { NET_ENDPOINT_LEN = 64 };
size_t net_conn_endpoint(const struct net_conn *conn,
                         uint8_t out[NET_ENDPOINT_LEN]);

/*
 * The peer has shown who it is: the connection is no stranger any more, unless
 * its owner (a number below NET_OWNERS; a few may share one) has his share.
 */
enum { NET_OWNERS = 1024 };
void net_conn_vouch(struct net_conn *conn, unsigned owner);

/*
 * Of a protocol that may hush: this connection shows in the counters from now
 * on, with what it did before; or it never does.  What was said first holds.
 */
void net_conn_show(struct net_conn *conn);
void net_conn_hush(struct net_conn *conn);

/* Output became ready outside bytes(): pull() before the loop next sleeps. */
void net_conn_wake(struct net_conn *conn);

/* The connection, or NULL when it is gone.  On the loop handle.loop alone. */
struct net_conn *net_loop_conn(struct net_loop *loop, struct net_handle handle);

/* What open() returned. */
void *net_conn_user(const struct net_conn *conn);

unsigned net_loop_index(const struct net_loop *loop);
/* Monotonic time when the loop last woke. */
uint64_t net_loop_now_ns(struct net_loop *loop);

/*
 * Call fn(ctx) once on this loop, delay_ns from now or some milliseconds later
 * (up to 10 when idle), never earlier.  NULL
 * when out of memory.  The timer is gone once fn has begun or it was cancelled.
 * Timers still pending at net_server_free never fire.
 */
struct net_timer;
struct net_timer *net_loop_after(struct net_loop *loop, uint64_t delay_ns,
                                 void (*fn)(void *ctx), void *ctx);
void net_timer_cancel(struct net_timer *timer);

/* --- from any thread --- */

/*
 * A message to a loop, embedded in the caller's own object (which run may
 * free).  Posting is lock-free: push on an atomic list, and one eventfd write
 * when the list was empty.  Tasks of one thread run in the order posted.
 */
struct net_task {
    struct net_task *next; /* the list's */
    void (*run)(struct net_task *task, struct net_loop *loop);
};
void net_post(struct net_server *server, unsigned loop, struct net_task *task);
unsigned net_server_loops(const struct net_server *server);

#endif
