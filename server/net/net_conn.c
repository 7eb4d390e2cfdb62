#include "server/net/net_conn.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "server/net/net_tls.h"

/* --- what shows --- */

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

void net_conn_count_in(struct net_conn *conn, size_t len)
{
    count_bytes(conn, &conn->loop->stats.bytes_in, &conn->in_len, len);
}

void net_conn_count_out(struct net_conn *conn, size_t len)
{
    count_bytes(conn, &conn->loop->stats.bytes_out, &conn->out_len_all, len);
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

void net_conn_leave_protocol(struct net_conn *conn)
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

void net_conn_free(struct net_conn *conn)
{
    struct net_loop *loop = conn->loop;
    end_show(conn);
    if (conn->state == NET_CONN_HANDSHAKE && conn->ssl)
        net_count(&loop->stats.tls_failed, 1);
    net_greeting_end(&conn->greeting);
    net_conn_leave_protocol(conn);
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

void net_conn_enter(struct net_conn *conn, enum net_conn_state state)
{
    assert(state > conn->state);
    conn->state = state;
    conn->state_since_ns = net_loop_now_ns(conn->loop);
    conn->active_ns = conn->progress_ns = conn->state_since_ns;
}

void net_conn_wake(struct net_conn *conn)
{
    if (conn->is_dirty)
        return;
    conn->is_dirty = true;
    conn->next_dirty = conn->loop->dirty;
    conn->loop->dirty = conn;
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
