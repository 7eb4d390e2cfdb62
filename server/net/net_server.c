#include "server/net/net.h"

#include <assert.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "server/net/net_listener.h"
#include "server/net/net_pump.h"

enum { SIGNALS_MAX = 8 };

struct net_signal {
    struct event *event;
    void (*fn)(void *ctx);
    void *ctx;
};

/* A message to a loop (or the acceptor) that carries a duration. */
struct drain_task {
    struct net_task task;
    uint64_t grace_ns;
};

struct net_server {
    struct net_limits limits;
    struct net_loop *acceptor; /* loops[n_loops]; run by net_server_run */
    struct net_loop *loops;    /* n_loops + 1 */
    unsigned n_loops, n_threads;
    pthread_t threads[NET_LOOPS_MAX];
    struct net_addresses *addresses; /* owned */
    struct net_listener listeners[NET_LISTENERS_MAX];
    size_t n_listeners;
    struct net_signal signals[SIGNALS_MAX];
    size_t n_signals;
    atomic_uint_fast64_t refused;  /* written by the acceptor */
    atomic_uint owned[NET_OWNERS]; /* connections vouched for, by owner */
    atomic_bool drain_asked;
    bool drained; /* the acceptor's */
    unsigned n_drained;
    struct drain_task drain_tasks[NET_LOOPS_MAX + 1];
    struct net_task drained_tasks[NET_LOOPS_MAX];
    struct net_task stop_tasks[NET_LOOPS_MAX];
};

static uint64_t or_default(uint64_t value, uint64_t fallback)
{
    return value ? value : fallback;
}

static struct net_limits limits_of(const struct net_limits *l)
{
    enum { DEFAULT_CONNS = 4096, HANDSHAKES = 128, HANDSHAKE_RATE = 100 };
    const uint64_t second = UINT64_C(1000000000);
    return (struct net_limits){
        .max_conns = l->max_conns ? l->max_conns : DEFAULT_CONNS,
        .handshakes = l->handshakes ? l->handshakes : HANDSHAKES,
        .handshake_rate =
            l->handshake_rate ? l->handshake_rate : HANDSHAKE_RATE,
        .handshake_ns = or_default(l->handshake_ns, 10 * second),
        .greet_ns = or_default(l->greet_ns, 30 * second),
        .idle_ns = or_default(l->idle_ns, 300 * second),
        .stall_ns = or_default(l->stall_ns, 30 * second),
        .linger_ns = or_default(l->linger_ns, 2 * second),
    };
}

/* --- accepting --- */

static unsigned conns_of(const struct net_loop *loop)
{
    return atomic_load_explicit(&loop->n_conns, memory_order_relaxed);
}

bool net_server_own(struct net_server *server, unsigned owner)
{
    assert(owner < NET_OWNERS);
    const unsigned all = server->limits.max_conns;
    if (atomic_fetch_add(&server->owned[owner], 1) < all - all / 4)
        return true;
    net_server_disown(server, owner);
    return false;
}

void net_server_disown(struct net_server *server, unsigned owner)
{
    (void)atomic_fetch_sub(&server->owned[owner], 1);
}

static void on_evict(struct net_task *task, struct net_loop *loop)
{
    free(task);
    net_loop_evict(loop);
}

/* Ask the loop with the most strangers to close one.  False: there is none. */
static bool make_room(struct net_server *server)
{
    unsigned most = 0, at = 0;
    for (unsigned i = 0; i < server->n_loops; i++) {
        const unsigned n = atomic_load_explicit(&server->loops[i].n_strangers,
                                                memory_order_relaxed);
        if (n > most) {
            most = n;
            at = i;
        }
    }
    struct net_task *task = most > 0 ? malloc(sizeof *task) : NULL;
    if (!task)
        return false;
    task->run = on_evict;
    net_loop_post(&server->loops[at], task);
    return true;
}

/* Is there a place?  A stranger may have to make room. */
static bool has_place(struct net_server *server, unsigned total)
{
    return total < server->limits.max_conns ||
           (total < server->limits.max_conns + NET_CONNS_SLACK &&
            make_room(server));
}

/* May this address begin one more handshake?  Counts it. */
static bool is_admitted(struct net_listener *l, struct net_greeting *greeting,
                        const struct sockaddr *from)
{
    struct net_addresses *addresses = l->server->addresses;
    *greeting = (struct net_greeting){ 0 };
    if (!l->tls)
        return true;
    const unsigned bucket = net_addresses_bucket(addresses, from);
    if (!net_addresses_admit(addresses, bucket,
                             net_loop_now_ns(l->server->acceptor)))
        return false;
    *greeting = (struct net_greeting){ addresses, bucket };
    return true;
}

void net_server_take(struct net_listener *l, int fd,
                     const struct sockaddr *from, const char *peer)
{
    struct net_server *server = l->server;
    struct net_greeting greeting;
    struct net_loop *least = &server->loops[0];
    unsigned total = 0;
    for (unsigned i = 0; i < server->n_loops; i++) {
        total += conns_of(&server->loops[i]);
        if (conns_of(&server->loops[i]) < conns_of(least))
            least = &server->loops[i];
    }
    const bool admitted = is_admitted(l, &greeting, from);
    if (!admitted || !has_place(server, total)) {
        net_greeting_end(&greeting);
        net_count(&server->refused, 1);
        (void)close(fd);
        return;
    }
    if (l->tls)
        (void)SSL_CTX_up_ref(l->tls);
    struct net_conn *conn = net_conn_new(least, &l->service, fd, l->tls, peer);
    if (!conn) {
        net_greeting_end(&greeting);
        return;
    }
    conn->greeting = greeting;
    conn->handover.run = net_pump_start;
    atomic_fetch_add_explicit(&least->n_conns, 1, memory_order_acq_rel);
    net_loop_post(least, &conn->handover);
}

/* --- starting --- */

static void *run_loop(void *arg)
{
    struct net_loop *loop = arg;
    while (!loop->stopping)
        net_loop_turn(loop);
    net_loop_close_all(loop);
    return NULL;
}

/* Signals are for the thread of net_server_run: the loops block them all. */
static enum err_code start_threads(struct net_server *server, struct err *err)
{
    sigset_t all, before;
    (void)sigfillset(&all);
    (void)pthread_sigmask(SIG_SETMASK, &all, &before);
    for (unsigned i = 0; i < server->n_loops; i++)
        if (pthread_create(&server->threads[i], NULL, run_loop,
                           &server->loops[i]) == 0)
            server->n_threads++;
        else
            break;
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (server->n_threads < server->n_loops)
        return err_set(err, ERR_INTERNAL, "the system refused a thread");
    return ERR_OK;
}

static enum err_code start(struct net_server *server,
                           const struct net_server_options *options,
                           struct err *err)
{
    for (size_t i = 0; i < options->n_listeners; i++) {
        server->n_listeners++;
        TRY(net_listener_init(&server->listeners[i], server,
                              &options->listeners[i], server->limits.idle_ns,
                              err));
    }
    for (unsigned i = 0; i <= server->n_loops; i++)
        if (!net_loop_init(&server->loops[i], server, i, &server->limits))
            return err_set(err, ERR_INTERNAL,
                           "the system refused an event loop");
    for (size_t i = 0; i < server->n_listeners; i++)
        if (!net_listener_start(&server->listeners[i], server->acceptor->base))
            return err_set(err, ERR_INTERNAL, "the system refused an event");
    return start_threads(server, err);
}

static unsigned loops_of(const struct net_server_options *options)
{
    const long cores = sysconf(_SC_NPROCESSORS_ONLN);
    unsigned n = options->n_loops;
    if (n == 0)
        n = cores > 0 ? (unsigned)cores : 1;
    return n < NET_LOOPS_MAX ? n : NET_LOOPS_MAX;
}

enum err_code net_server_new(struct net_server **out,
                             const struct net_server_options *options,
                             struct err *err)
{
    assert(options->n_listeners <= NET_LISTENERS_MAX);
    *out = NULL;
    (void)signal(SIGPIPE, SIG_IGN);
    struct net_server *server = calloc(1, sizeof *server);
    if (!server)
        return err_set(err, ERR_INTERNAL, "out of memory");
    server->limits = limits_of(&options->limits);
    server->n_loops = loops_of(options);
    server->loops = calloc(server->n_loops + 1u, sizeof *server->loops);
    server->addresses = calloc(1, sizeof *server->addresses);
    enum err_code code = ERR_INTERNAL;
    if (server->loops && server->addresses &&
        net_addresses_init(server->addresses, server->limits.handshakes,
                           server->limits.handshake_rate)) {
        for (unsigned i = 0; i <= server->n_loops; i++)
            server->loops[i].wake_fd = -1;
        server->acceptor = &server->loops[server->n_loops];
        code = start(server, options, err);
    } else {
        err_set(err, ERR_INTERNAL, "out of memory");
    }
    if (code != ERR_OK)
        net_server_free(server);
    else
        *out = server;
    return code;
}

/* --- ending --- */

static void on_stop(struct net_task *task, struct net_loop *loop)
{
    (void)task;
    loop->stopping = true;
}

void net_server_free(struct net_server *server)
{
    if (!server)
        return;
    for (unsigned i = 0; i < server->n_threads; i++) {
        server->stop_tasks[i].run = on_stop;
        net_loop_post(&server->loops[i], &server->stop_tasks[i]);
    }
    for (unsigned i = 0; i < server->n_threads; i++)
        (void)pthread_join(server->threads[i], NULL);
    for (size_t i = 0; i < server->n_signals; i++)
        event_free(server->signals[i].event);
    /* What the acceptor posted last is run by fini, on a stopping loop. */
    for (unsigned i = 0; server->loops && i <= server->n_loops; i++)
        server->loops[i].stopping = true;
    for (size_t i = 0; i < server->n_listeners; i++)
        net_listener_stop(&server->listeners[i]);
    for (unsigned i = 0; server->loops && i <= server->n_loops; i++)
        net_loop_fini(&server->loops[i]);
    for (size_t i = 0; i < server->n_listeners; i++)
        net_listener_fini(&server->listeners[i]);
    free(server->loops);
    free(server->addresses);
    free(server);
}

static void on_loop_drained(struct net_task *task, struct net_loop *acceptor)
{
    (void)task;
    struct net_server *server = acceptor->server;
    server->drained = ++server->n_drained == server->n_loops;
}

/* Runs on the loop that has no connection left; tells the acceptor. */
static void tell_drained(struct net_loop *loop)
{
    struct net_server *server = loop->server;
    struct net_task *task = &server->drained_tasks[loop->index];
    task->run = on_loop_drained;
    net_loop_post(server->acceptor, task);
}

static void on_loop_drain(struct net_task *task, struct net_loop *loop)
{
    loop->on_drained = tell_drained;
    net_loop_drain(loop, ((struct drain_task *)task)->grace_ns);
}

/*
 * On the acceptor.  Loops hear of the drain after every connection that was
 * handed to them, since tasks of one thread arrive in order.
 */
static void on_drain(struct net_task *task, struct net_loop *acceptor)
{
    struct net_server *server = acceptor->server;
    const uint64_t grace_ns = ((struct drain_task *)task)->grace_ns;
    for (size_t i = 0; i < server->n_listeners; i++)
        net_listener_stop(&server->listeners[i]);
    for (unsigned i = 0; i < server->n_loops; i++) {
        server->drain_tasks[i] = (struct drain_task){
            .task.run = on_loop_drain,
            .grace_ns = grace_ns,
        };
        net_loop_post(&server->loops[i], &server->drain_tasks[i].task);
    }
}

void net_server_drain(struct net_server *server, uint64_t grace_ns)
{
    if (atomic_exchange(&server->drain_asked, true))
        return;
    struct drain_task *task = &server->drain_tasks[server->n_loops];
    *task = (struct drain_task){ .task.run = on_drain, .grace_ns = grace_ns };
    net_loop_post(server->acceptor, &task->task);
}

void net_server_run(struct net_server *server)
{
    while (!server->drained)
        net_loop_turn(server->acceptor);
}

/* --- the rest --- */

static void on_signal(evutil_socket_t fd, short what, void *arg)
{
    const struct net_signal *signal = arg;
    (void)fd;
    (void)what;
    signal->fn(signal->ctx);
}

enum err_code net_server_on_signal(struct net_server *server, int signo,
                                   void (*fn)(void *ctx), void *ctx,
                                   struct err *err)
{
    assert(server->n_signals < SIGNALS_MAX);
    struct net_signal *s = &server->signals[server->n_signals];
    s->fn = fn;
    s->ctx = ctx;
    s->event = evsignal_new(server->acceptor->base, signo, on_signal, s);
    if (!s->event || event_add(s->event, NULL) != 0) {
        if (s->event)
            event_free(s->event);
        return err_set(err, ERR_INTERNAL, "cannot watch signal %d", signo);
    }
    server->n_signals++;
    return ERR_OK;
}

struct reload_task {
    struct net_task task;
    SSL_CTX *tls[NET_LISTENERS_MAX];
};

static void reload_free(struct reload_task *reload)
{
    for (size_t i = 0; i < NET_LISTENERS_MAX; i++)
        SSL_CTX_free(reload->tls[i]);
    free(reload);
}

static void on_reload(struct net_task *task, struct net_loop *acceptor)
{
    struct reload_task *reload = (struct reload_task *)task;
    struct net_server *server = acceptor->server;
    for (size_t i = 0; i < server->n_listeners; i++) {
        SSL_CTX *old = server->listeners[i].tls;
        server->listeners[i].tls = reload->tls[i];
        reload->tls[i] = old;
    }
    reload_free(reload);
}

enum err_code net_server_reload_tls(struct net_server *server, struct err *err)
{
    struct reload_task *reload = calloc(1, sizeof *reload);
    if (!reload)
        return err_set(err, ERR_INTERNAL, "out of memory");
    for (size_t i = 0; i < server->n_listeners; i++) {
        const struct net_listener *l = &server->listeners[i];
        if (!l->tls_options.cert_file)
            continue;
        const enum err_code code = net_tls_new(&reload->tls[i], &l->tls_options,
                                               l->service.protocol->alpn, err);
        if (code != ERR_OK) {
            reload_free(reload);
            return code;
        }
    }
    reload->task.run = on_reload;
    net_loop_post(server->acceptor, &reload->task);
    return ERR_OK;
}

uint16_t net_server_port(const struct net_server *server, size_t i)
{
    assert(i < server->n_listeners);
    return server->listeners[i].port;
}

unsigned net_server_loops(const struct net_server *server)
{
    return server->n_loops;
}

void net_post(struct net_server *server, unsigned loop, struct net_task *task)
{
    assert(loop < server->n_loops);
    net_loop_post(&server->loops[loop], task);
}

struct net_stats net_server_stats(const struct net_server *server)
{
    struct net_stats sum = { .refused = atomic_load(&server->refused) };
    for (unsigned i = 0; i < server->n_loops; i++) {
        const struct net_loop *loop = &server->loops[i];
        sum.active += conns_of(loop);
        sum.evicted += atomic_load(&loop->stats.evicted);
        sum.active_shown += atomic_load(&loop->stats.shown);
        sum.accepted += atomic_load(&loop->stats.accepted);
        sum.tls_failed += atomic_load(&loop->stats.tls_failed);
        sum.idle_closed += atomic_load(&loop->stats.idle_closed);
        sum.stall_closed += atomic_load(&loop->stats.stall_closed);
        sum.bytes_in += atomic_load(&loop->stats.bytes_in);
        sum.bytes_out += atomic_load(&loop->stats.bytes_out);
    }
    return sum;
}
