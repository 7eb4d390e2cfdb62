#ifndef NET_NET_LOOP_H
#define NET_NET_LOOP_H

#include <event2/event.h>
#include <pthread.h>
#include <stdatomic.h>

#include "server/net/net.h"

/*
 * One thread's event loop: its tasks, timers and table of connections.
 * Private to server/net.  All fields belong to the loop's thread, save the
 * atomic ones.
 *
 *   net_loop_turn:  wait -> callbacks (input, tasks, timers) -> flush
 *
 * A connection whose output may have changed is put on `dirty` and flushed once
 * at the end of the turn: that is what makes one write per wake-up.
 */
struct net_slot {
    struct net_conn *conn; /* NULL = free */
    uint64_t generation;   /* of the present or the next connection */
    uint32_t next_free;
};

struct net_loop_stats {
    atomic_uint_fast64_t accepted, tls_failed, idle_closed, stall_closed;
    atomic_uint_fast64_t evicted;
    atomic_uint_fast64_t bytes_in, bytes_out;
    atomic_uint_fast64_t shown; /* open now */
};

enum { NET_IN_LEN = 64 * 1024, NET_SLOT_NONE = UINT32_MAX };

struct net_loop {
    struct net_server *server;
    const struct net_limits *limits; /* the server's, defaults filled in */
    unsigned index;
    struct event_base *base;
    struct event *wake_event, *tick_event;
    int wake_fd;

    _Atomic(struct net_task *) posted; /* newest first */
    atomic_uint n_conns;         /* handed over or adopted, and not yet freed */
    struct net_loop_stats stats; /* written by the loop alone */

    uint64_t now_ns; /* of this turn; 0 = not read yet */
    bool stopping;   /* net_server_free */
    bool draining;
    struct net_conn *oldest, *newest; /* strangers, by arrival */
    atomic_uint n_strangers;          /* written by the loop alone */
    struct net_conn *dirty; /* singly linked through conn->next_dirty */
    struct net_slot *slots;
    uint32_t n_slots, free_slot;
    struct net_timer *timers;       /* pending, doubly linked */
    struct net_timer *spare_timers; /* for reuse, singly linked */
    struct net_timer *grace;        /* ends a drain */
    void (*on_drained)(struct net_loop *loop);
    uint8_t in[NET_IN_LEN];
};

/* False: the system refused an event base, an eventfd or memory. */
bool net_loop_init(struct net_loop *loop, struct net_server *server,
                   unsigned index, const struct net_limits *limits);
/* After the thread ended.  Runs what is still posted, then frees. */
void net_loop_fini(struct net_loop *loop);

/* Wait for events, run their callbacks, flush.  On the loop's thread. */
void net_loop_turn(struct net_loop *loop);

/* Post a task to this loop; as net_post. */
void net_loop_post(struct net_loop *loop, struct net_task *task);

/*
 * A slot for the connection; its handle's slot and generation are stored in
 * it.  False when out of memory.
 */
bool net_loop_adopt(struct net_loop *loop, struct net_conn *conn);
/* Handles of the slot's connection find nothing from now on. */
void net_loop_release(struct net_loop *loop, uint32_t slot);

/* A connection is a stranger from now on; it leaves, whatever it was. */
void net_loop_meet(struct net_loop *loop, struct net_conn *conn);
void net_loop_part(struct net_loop *loop, struct net_conn *conn);

/* Close the oldest stranger, if there is one. */
void net_loop_evict(struct net_loop *loop);

/* Drain every connection; on_drained runs once none is left. */
void net_loop_drain(struct net_loop *loop, uint64_t grace_ns);
/* A connection was freed: n_conns falls, and a drain may be over. */
void net_loop_conn_gone(struct net_loop *loop);
/* Close every connection at once. */
void net_loop_close_all(struct net_loop *loop);

/* One more connection of this owner's; false when he has his share.  Any
 * thread, as the other. */
bool net_server_own(struct net_server *server, unsigned owner);
void net_server_disown(struct net_server *server, unsigned owner);

/* A counter with one writer needs no atomic read-modify-write. */
static inline void net_count(atomic_uint_fast64_t *counter, uint64_t n)
{
    atomic_store_explicit(
        counter, atomic_load_explicit(counter, memory_order_relaxed) + n,
        memory_order_relaxed);
}

#endif
