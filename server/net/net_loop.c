#include "server/net/net_loop.h"

#include <assert.h>
#include <errno.h>
#include <event2/event_struct.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "server/base/clock.h"
#include "server/net/net_pump.h"

enum { NS_PER_US = 1000, US_PER_S = 1000000, FIRST_SLOTS = 64 };

struct net_timer {
    struct event event;
    struct net_loop *loop;
    struct net_timer *next, *prev;
    uint64_t due_ns;
    void (*fn)(void *ctx);
    void *ctx;
};

/* --- tasks --- */

/*
 * A stack that is only ever taken whole has no ABA problem.  The pusher that
 * found it empty wakes the loop: whoever pushed before it already did, and the
 * loop takes the stack after it has read the eventfd.
 */
void net_loop_post(struct net_loop *loop, struct net_task *task)
{
    struct net_task *head =
        atomic_load_explicit(&loop->posted, memory_order_relaxed);
    do {
        task->next = head;
    } while (!atomic_compare_exchange_weak_explicit(&loop->posted, &head, task,
                                                    memory_order_acq_rel,
                                                    memory_order_relaxed));

    const uint64_t one = 1;
    if (!head)
        while (write(loop->wake_fd, &one, sizeof one) < 0 && errno == EINTR)
            ;
}

static void run_posted(struct net_loop *loop)
{
    struct net_task *newest =
        atomic_exchange_explicit(&loop->posted, NULL, memory_order_acq_rel);
    struct net_task *oldest = NULL;
    while (newest) {
        struct net_task *next = newest->next;
        newest->next = oldest;
        oldest = newest;
        newest = next;
    }
    while (oldest) {
        struct net_task *task = oldest;
        oldest = task->next; /* run may free the task */
        task->run(task, loop);
    }
}

static void on_wake(evutil_socket_t fd, short what, void *arg)
{
    uint64_t count;
    (void)what;
    while (read(fd, &count, sizeof count) < 0 && errno == EINTR)
        ;
    run_posted(arg);
}

/* --- time --- */

uint64_t net_loop_now_ns(struct net_loop *loop)
{
    if (loop->now_ns == 0)
        loop->now_ns = clock_mono_ns(clock_system());
    return loop->now_ns;
}

static void on_tick(evutil_socket_t fd, short what, void *arg)
{
    struct net_loop *loop = arg;
    (void)fd;
    (void)what;
    const uint64_t now_ns = net_loop_now_ns(loop);
    for (uint32_t i = 0; i < loop->n_slots; i++)
        if (loop->slots[i].conn)
            net_pump_tick(loop->slots[i].conn, now_ns);
}

static void timer_unlink(struct net_timer *t)
{
    struct net_loop *loop = t->loop;
    if (t->prev)
        t->prev->next = t->next;
    else
        loop->timers = t->next;
    if (t->next)
        t->next->prev = t->prev;
    t->next = loop->spare_timers;
    loop->spare_timers = t;
}

static bool timer_arm(struct net_timer *t, uint64_t delay_ns)
{
    const uint64_t us = delay_ns / NS_PER_US + (delay_ns % NS_PER_US != 0);
    const struct timeval wait = {
        .tv_sec = (time_t)(us / US_PER_S),
        .tv_usec = (suseconds_t)(us % US_PER_S),
    };
    return evtimer_add(&t->event, &wait) == 0;
}

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
    struct net_timer *t = arg;
    (void)fd;
    (void)what;
    /* libevent counts on a coarse clock: it may be some milliseconds early,
     * and an answer must not leave before its slot. */
    const uint64_t now_ns = clock_mono_ns(clock_system());
    if (now_ns < t->due_ns && timer_arm(t, t->due_ns - now_ns))
        return;
    void (*fn)(void *ctx) = t->fn;
    void *ctx = t->ctx;
    timer_unlink(t);
    fn(ctx);
}

static struct net_timer *timer_take(struct net_loop *loop)
{
    struct net_timer *t = loop->spare_timers;
    if (t) {
        loop->spare_timers = t->next;
        return t;
    }
    t = calloc(1, sizeof *t);
    if (t && event_assign(&t->event, loop->base, -1, 0, on_timer, t) != 0) {
        free(t);
        t = NULL;
    }
    return t;
}

struct net_timer *net_loop_after(struct net_loop *loop, uint64_t delay_ns,
                                 void (*fn)(void *ctx), void *ctx)
{
    struct net_timer *t = timer_take(loop);
    if (!t)
        return NULL;
    t->loop = loop;
    t->fn = fn;
    t->ctx = ctx;
    t->prev = NULL;
    t->next = loop->timers;
    if (t->next)
        t->next->prev = t;
    loop->timers = t;

    t->due_ns = clock_mono_ns(clock_system()) + delay_ns;
    if (!timer_arm(t, delay_ns)) {
        timer_unlink(t);
        return NULL;
    }
    return t;
}

void net_timer_cancel(struct net_timer *timer)
{
    (void)evtimer_del(&timer->event);
    timer_unlink(timer);
}

/* --- connections --- */

static bool grow_slots(struct net_loop *loop)
{
    const uint32_t n = loop->n_slots ? loop->n_slots * 2 : FIRST_SLOTS;
    struct net_slot *slots = reallocarray(loop->slots, n, sizeof *loop->slots);
    if (!slots)
        return false;
    for (uint32_t i = loop->n_slots; i < n; i++)
        slots[i] = (struct net_slot){
            .generation = 1,
            .next_free = i + 1 < n ? i + 1 : NET_SLOT_NONE,
        };
    loop->free_slot = loop->n_slots;
    loop->slots = slots;
    loop->n_slots = n;
    return true;
}

bool net_loop_adopt(struct net_loop *loop, struct net_conn *conn)
{
    if (loop->free_slot == NET_SLOT_NONE && !grow_slots(loop))
        return false;
    conn->slot = loop->free_slot;
    struct net_slot *slot = &loop->slots[conn->slot];
    loop->free_slot = slot->next_free;
    slot->conn = conn;
    conn->generation = slot->generation;
    return true;
}

void net_loop_release(struct net_loop *loop, uint32_t slot)
{
    assert(slot < loop->n_slots && loop->slots[slot].conn);
    loop->slots[slot].conn = NULL;
    loop->slots[slot].generation++;
    loop->slots[slot].next_free = loop->free_slot;
    loop->free_slot = slot;
}

struct net_conn *net_loop_conn(struct net_loop *loop, struct net_handle handle)
{
    assert(handle.loop == loop->index);
    if (handle.slot >= loop->n_slots)
        return NULL;
    const struct net_slot *slot = &loop->slots[handle.slot];
    if (!slot->conn || slot->generation != handle.generation ||
        !slot->conn->user)
        return NULL;
    return slot->conn;
}

unsigned net_loop_index(const struct net_loop *loop)
{
    return loop->index;
}

/* --- strangers --- */

void net_loop_meet(struct net_loop *loop, struct net_conn *conn)
{
    conn->is_stranger = true;
    conn->older = loop->newest;
    *(conn->older ? &conn->older->newer : &loop->oldest) = conn;
    loop->newest = conn;
    atomic_fetch_add_explicit(&loop->n_strangers, 1, memory_order_relaxed);
}

static void unlink_stranger(struct net_loop *loop, struct net_conn *conn)
{
    if (!conn->is_stranger)
        return;
    conn->is_stranger = false;
    *(conn->older ? &conn->older->newer : &loop->oldest) = conn->newer;
    *(conn->newer ? &conn->newer->older : &loop->newest) = conn->older;
    atomic_fetch_sub_explicit(&loop->n_strangers, 1, memory_order_relaxed);
}

void net_conn_vouch(struct net_conn *conn, unsigned owner)
{
    if (!conn->is_stranger || !net_server_own(conn->loop->server, owner))
        return;
    conn->is_owned = true;
    conn->owner = owner;
    unlink_stranger(conn->loop, conn);
}

void net_loop_part(struct net_loop *loop, struct net_conn *conn)
{
    unlink_stranger(loop, conn);
    if (conn->is_owned)
        net_server_disown(loop->server, conn->owner);
}

void net_loop_evict(struct net_loop *loop)
{
    if (!loop->oldest)
        return;
    net_count(&loop->stats.evicted, 1);
    net_conn_free(loop->oldest);
}

void net_loop_close_all(struct net_loop *loop)
{
    for (uint32_t i = 0; i < loop->n_slots; i++)
        if (loop->slots[i].conn)
            net_conn_free(loop->slots[i].conn);
}

static void on_grace(void *arg)
{
    struct net_loop *loop = arg;
    loop->grace = NULL;
    net_loop_close_all(loop);
}

static void check_drained(struct net_loop *loop)
{
    if (!loop->draining || !loop->on_drained ||
        atomic_load_explicit(&loop->n_conns, memory_order_acquire) > 0)
        return;
    void (*on_drained)(struct net_loop *) = loop->on_drained;
    loop->on_drained = NULL;
    if (loop->grace)
        net_timer_cancel(loop->grace);
    loop->grace = NULL;
    on_drained(loop);
}

void net_loop_drain(struct net_loop *loop, uint64_t grace_ns)
{
    if (loop->draining)
        return;
    loop->draining = true;
    loop->grace = net_loop_after(loop, grace_ns, on_grace, loop);
    for (uint32_t i = 0; i < loop->n_slots; i++)
        if (loop->slots[i].conn)
            net_pump_drain(loop->slots[i].conn);
    if (!loop->grace)
        net_loop_close_all(loop);
    check_drained(loop);
}

void net_loop_conn_gone(struct net_loop *loop)
{
    atomic_fetch_sub_explicit(&loop->n_conns, 1, memory_order_acq_rel);
    check_drained(loop);
}

/* --- life --- */

static void flush_dirty(struct net_loop *loop)
{
    while (loop->dirty) {
        struct net_conn *conn = loop->dirty;
        loop->dirty = conn->next_dirty;
        conn->is_dirty = false;
        net_pump_flush(conn);
    }
}

void net_loop_turn(struct net_loop *loop)
{
    /* Read at the first use after the wait: the time of this wake-up. */
    loop->now_ns = 0;
    (void)event_base_loop(loop->base, EVLOOP_ONCE);
    flush_dirty(loop);
}

static bool make_events(struct net_loop *loop)
{
    const struct timeval tick = { .tv_usec = NET_TICK_MS * 1000 };
    loop->wake_event = event_new(loop->base, loop->wake_fd,
                                 EV_READ | EV_PERSIST, on_wake, loop);
    loop->tick_event = event_new(loop->base, -1, EV_PERSIST, on_tick, loop);
    return loop->wake_event && loop->tick_event &&
           event_add(loop->wake_event, NULL) == 0 &&
           event_add(loop->tick_event, &tick) == 0;
}

bool net_loop_init(struct net_loop *loop, struct net_server *server,
                   unsigned index, const struct net_limits *limits)
{
    loop->server = server;
    loop->limits = limits;
    loop->index = index;
    loop->free_slot = NET_SLOT_NONE;
    loop->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);

    struct event_config *config = event_config_new();
    /* One thread per base; other threads only ever write to the eventfd. */
    if (config && event_config_set_flag(config, EVENT_BASE_FLAG_NOLOCK) == 0)
        loop->base = event_base_new_with_config(config);
    if (config)
        event_config_free(config);
    return loop->wake_fd >= 0 && loop->base && make_events(loop);
}

static void free_timers(struct net_timer *t)
{
    while (t) {
        struct net_timer *next = t->next;
        (void)event_del(&t->event);
        free(t);
        t = next;
    }
}

void net_loop_fini(struct net_loop *loop)
{
    if (loop->base)
        run_posted(loop);
    free_timers(loop->timers);
    free_timers(loop->spare_timers);
    if (loop->wake_event)
        event_free(loop->wake_event);
    if (loop->tick_event)
        event_free(loop->tick_event);
    if (loop->base)
        event_base_free(loop->base);
    if (loop->wake_fd >= 0)
        (void)close(loop->wake_fd);
    free(loop->slots);
}
