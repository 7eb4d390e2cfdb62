#ifndef NET_NET_CONN_H
#define NET_NET_CONN_H

#include <event2/event_struct.h>
#include <netinet/in.h>

#include "server/net/net_address.h"
#include "server/net/net_io.h"
#include "server/net/net_loop.h"

/*
 * A connection: what it is, and what of it shows.  Private to server/net; made
 * by the acceptor, used by the loop it is handed to (net_pump.h).
 *
 *   HELLO -> HANDSHAKE -> OPEN -> FLUSH -> LINGER -> freed
 *
 * HELLO: a few bytes before TLS, read one hello at a time and never further,
 * so that what follows is TLS's alone.  OPEN: bytes both ways.  FLUSH: no more
 * input; what the protocol still has is sent.  LINGER: our end is closed, input
 * is thrown away until the peer ends too: closing with unread input would reset
 * the connection, and the reset can overtake our last bytes.
 */
enum net_conn_state {
    NET_CONN_HELLO,
    NET_CONN_HANDSHAKE,
    NET_CONN_OPEN,
    NET_CONN_FLUSH,
    NET_CONN_LINGER,
};

/* What a connection takes from its listener. */
struct net_service {
    const struct net_protocol *protocol;
    void *protocol_ctx;
    uint64_t idle_ns;
};

/* A handshake that counts for its address until it ends; NULL: none. */
struct net_greeting {
    struct net_addresses *addresses;
    unsigned bucket;
};
void net_greeting_end(struct net_greeting *g);

struct net_conn {
    struct net_task handover; /* from the acceptor to the loop */
    struct net_loop *loop;
    const struct net_service *service;
    enum net_conn_state state;
    int fd;
    SSL *ssl;     /* NULL = plaintext */
    SSL_CTX *tls; /* a reference, until ssl is made */
    struct net_greeting greeting;
    struct event on_read, on_write;
    bool reading, writing; /* which events are armed */
    bool read_wants_write; /* TLS must write before it can read on */
    bool write_wants_read; /* TLS must read before it can write on */
    bool peer_ended;
    bool alpn_free; /* the handshake was asked for: no need to name `alpn` */
    uint8_t hello[NET_HELLO_LEN];
    size_t hello_len;
    unsigned hellos; /* answered */
    bool is_draining;
    bool was_busy;
    bool is_stranger; /* in the loop's list of them */
    bool is_owned;    /* vouched for: counted as of owner */
    enum { NET_CONN_UNDECIDED, NET_CONN_SHOWN, NET_CONN_HUSHED } shows;
    uint64_t in_len, out_len_all; /* bytes while undecided */
    unsigned owner;
    struct net_conn *older, *newer;
    bool is_dirty;
    struct net_conn *next_dirty;
    uint32_t slot; /* NET_SLOT_NONE once released */
    uint64_t generation;
    void *user; /* the protocol's; NULL outside OPEN and FLUSH */
    uint64_t state_since_ns, active_ns, progress_ns;
    size_t linger_len; /* bytes thrown away */
    size_t out_pos, out_len;
    uint8_t out[NET_OUT_LEN]; /* out_pos..out_len is unsent */
    char peer[INET6_ADDRSTRLEN + 8];
};

/* Takes the fd and the reference to tls (NULL = plaintext), or frees both.
 * handover.run is the caller's to set. */
struct net_conn *net_conn_new(struct net_loop *loop,
                              const struct net_service *service, int fd,
                              SSL_CTX *tls, const char *peer);

/* A later state begins now. */
void net_conn_enter(struct net_conn *conn, enum net_conn_state state);

/* Bytes of the protocol passed. */
void net_conn_count_in(struct net_conn *conn, size_t len);
void net_conn_count_out(struct net_conn *conn, size_t len);

/* The protocol lets go of the connection; user is NULL after. */
void net_conn_leave_protocol(struct net_conn *conn);

/* Close now, without ceremony. */
void net_conn_free(struct net_conn *conn);

#endif
