#include "server/net/net.h"

#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "tests/table.h"

/*
 * A protocol that sends back what it gets; 'q' ends the connection, 'b' makes
 * it busy for good, '1' and '2' show who calls, 'm' asks for more output than a
 * peer's buffers hold.
 */
enum { ECHO_CAP = 64, MUCH = 64 << 20, MS = 1000000, SOON_MS = 3000 };

struct echo {
    struct net_conn *conn;
    size_t len, much;
    bool is_busy, is_over;
    uint8_t data[ECHO_CAP];
};

static void *on_open(void *ctx, struct net_conn *conn)
{
    (void)ctx;
    struct echo *e = calloc(1, sizeof *e);
    if (e)
        e->conn = conn;
    return e;
}

static bool on_bytes(void *user, const uint8_t *data, size_t len)
{
    struct echo *e = user;
    for (size_t i = 0; i < len && e->len < ECHO_CAP; i++) {
        e->is_busy = e->is_busy || data[i] == 'b';
        if (data[i] == '1' || data[i] == '2')
            net_conn_vouch(e->conn, data[i]);
        e->is_over = e->is_over || data[i] == 'q';
        e->much += data[i] == 'm' ? MUCH : 0;
        e->data[e->len++] = data[i];
    }
    return !e->is_over;
}

/* Eight bytes: "hello..." is answered with N and read again, others are input.
 */
static struct net_hello on_hello(const uint8_t *data, size_t len, bool has_tls)
{
    struct net_hello h = { .next = NET_HELLO_MORE };
    (void)has_tls;
    if (len == NET_HELLO_LEN)
        h = memcmp(data, "hello", 5) == 0
                ? (struct net_hello){ NET_HELLO_AGAIN, 'N' }
                : (struct net_hello){ .next = NET_HELLO_OPEN };
    return h;
}

static size_t on_pull(void *user, uint8_t *buf, size_t cap)
{
    struct echo *e = user;
    if (e->much > 0) {
        memset(buf, 0, cap);
        e->much -= cap;
        return cap;
    }
    const size_t len = e->len;
    memcpy(buf, e->data, len);
    e->len = 0;
    return len;
}

static bool is_finished(void *user)
{
    return ((struct echo *)user)->is_over;
}

static bool is_busy(void *user)
{
    return ((struct echo *)user)->is_busy;
}

static void on_drain(void *user)
{
    ((struct echo *)user)->is_over = true;
}

static void on_close(void *user)
{
    free(user);
}

static const struct net_protocol echo = {
    .open = on_open,
    .bytes = on_bytes,
    .pull = on_pull,
    .finished = is_finished,
    .busy = is_busy,
    .drain = on_drain,
    .close = on_close,
};

static bool is_full(void *user)
{
    const struct echo *e = user;
    return e->is_busy && !e->is_over;
}

/* The same that says something first, and wants no more once it is busy. */
static const struct net_protocol polite = {
    .hello = on_hello,
    .open = on_open,
    .bytes = on_bytes,
    .pull = on_pull,
    .finished = is_finished,
    .full = is_full,
    .busy = is_busy,
    .drain = on_drain,
    .close = on_close,
};

/* --- a server and its clients --- */

struct world {
    struct net_server *server;
    pthread_t thread;
};

static void *run(void *server)
{
    net_server_run(server);
    return NULL;
}

static void world_of(struct world *w, const struct net_protocol *protocol,
                     struct net_limits limits)
{
    const struct net_listener_options listener = { .host = "127.0.0.1",
                                                   .protocol = protocol };
    const struct net_server_options options = {
        .listeners = &listener, .n_listeners = 1, .n_loops = 2, .limits = limits
    };
    struct err err = { 0 };
    assert_int_equal(net_server_new(&w->server, &options, &err), ERR_OK);
    assert_int_equal(pthread_create(&w->thread, NULL, run, w->server), 0);
}

static void world_init(struct world *w, struct net_limits limits)
{
    world_of(w, &echo, limits);
}

static void world_fini(struct world *w)
{
    net_server_drain(w->server, 0);
    (void)pthread_join(w->thread, NULL);
    net_server_free(w->server);
}

static int connect_to(const struct world *w)
{
    const struct sockaddr_in to = {
        .sin_family = AF_INET,
        .sin_port = htons(net_server_port(w->server, 0)),
        .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
    };
    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    assert_int_equal(connect(fd, (const struct sockaddr *)&to, sizeof to), 0);
    return fd;
}

static void say(int fd, const char *text)
{
    assert_int_equal(send(fd, text, strlen(text), MSG_NOSIGNAL), strlen(text));
}

static bool hears(int fd, const char *text)
{
    char got[ECHO_CAP] = "";
    size_t len = 0;
    while (len < strlen(text)) {
        struct pollfd p = { .fd = fd, .events = POLLIN };
        if (poll(&p, 1, SOON_MS) != 1)
            return false;
        const ssize_t n = recv(fd, got + len, strlen(text) - len, 0);
        if (n <= 0)
            return false;
        len += (size_t)n;
    }
    return strcmp(got, text) == 0;
}

/* The server ended it, in order or not, within wait_ms. */
static bool is_ended(int fd, int wait_ms)
{
    char byte;
    struct pollfd p = { .fd = fd, .events = POLLIN };
    return poll(&p, 1, wait_ms) == 1 && recv(fd, &byte, 1, 0) <= 0;
}

/* --- what ends a connection --- */

static void test_bytes_come_back(void **state)
{
    struct world w;
    (void)state;
    world_init(&w, (struct net_limits){ 0 });
    const int fd = connect_to(&w);
    say(fd, "hello");
    assert_true(hears(fd, "hello"));
    say(fd, "q");
    assert_true(hears(fd, "q"));
    assert_true(is_ended(fd, SOON_MS));
    (void)close(fd);
    world_fini(&w);
}

static void test_silence_is_short(void **state)
{
    struct world w;
    (void)state;
    world_init(&w, (struct net_limits){ .greet_ns = 100 * MS });
    const int silent = connect_to(&w), talker = connect_to(&w);
    say(talker, "b");
    assert_true(is_ended(silent, SOON_MS));
    assert_true(hears(talker, "b"));
    say(talker, "x");
    assert_true(hears(talker, "x"));
    assert_int_equal(net_server_stats(w.server).idle_closed, 1);
    (void)close(silent);
    (void)close(talker);
    world_fini(&w);
}

/* Bytes without work are silence, too. */
static void test_chatter_is_no_work(void **state)
{
    struct world w;
    (void)state;
    world_init(&w, (struct net_limits){ .idle_ns = 300 * MS });
    const int fd = connect_to(&w);
    const struct timespec nap = { .tv_nsec = 50 * MS };
    bool ended = false;
    for (int i = 0; i < 60 && !ended; i++) {
        char byte;
        (void)send(fd, "x", 1, MSG_NOSIGNAL);
        (void)nanosleep(&nap, NULL);
        struct pollfd p = { .fd = fd, .events = POLLIN };
        ended = poll(&p, 1, 0) == 1 && recv(fd, &byte, 1, 0) <= 0;
    }
    assert_true(ended);
    (void)close(fd);
    world_fini(&w);
}

static void test_one_too_many(void **state)
{
    struct world w;
    (void)state;
    world_init(&w, (struct net_limits){ .max_conns = 2 });
    const int a = connect_to(&w), b = connect_to(&w);
    say(a, "1a");
    say(b, "2b");
    assert_true(hears(a, "1a") && hears(b, "2b"));
    const int c = connect_to(&w);
    assert_true(is_ended(c, SOON_MS));
    assert_int_equal(net_server_stats(w.server).refused, 1);
    (void)close(a);
    bool served = false; /* as soon as the server has seen it go */
    for (int i = 0; i < 100 && !served; i++) {
        const int d = connect_to(&w);
        (void)send(d, "d", 1, MSG_NOSIGNAL);
        served = hears(d, "d");
        (void)close(d);
    }
    assert_true(served);
    (void)close(b);
    (void)close(c);
    world_fini(&w);
}

/* Strangers make room, the oldest first; who is known stays. */
static void test_strangers_make_room(void **state)
{
    enum { PLACES = 4, NEWCOMERS = 12 };
    struct world w;
    int fd[NEWCOMERS];
    (void)state;
    world_init(&w, (struct net_limits){ .max_conns = PLACES });
    const int known = connect_to(&w);
    say(known, "1");
    assert_true(hears(known, "1"));
    for (int i = 0; i < NEWCOMERS; i++) {
        fd[i] = connect_to(&w);
        say(fd[i], "x");
        assert_true(hears(fd[i], "x"));
    }
    for (int i = 0; i < NEWCOMERS - 2 * PLACES; i++)
        assert_true(is_ended(fd[i], SOON_MS));
    say(known, "y");
    assert_true(hears(known, "y"));
    say(fd[NEWCOMERS - 1], "z");
    assert_true(hears(fd[NEWCOMERS - 1], "z"));
    const struct net_stats stats = net_server_stats(w.server);
    assert_int_equal(stats.refused, 0);
    assert_true(stats.active <= PLACES + 1);
    assert_int_equal(stats.evicted + stats.active, 1 + NEWCOMERS);
    for (int i = 0; i < NEWCOMERS; i++)
        (void)close(fd[i]);
    (void)close(known);
    world_fini(&w);
}

/* Nobody holds all places, however well known; one given back is his again. */
static void test_one_owner_is_bounded(void **state)
{
    enum { PLACES = 4, GREEDY = 4 };
    struct world w;
    int fd[GREEDY];
    (void)state;
    world_init(&w, (struct net_limits){ .max_conns = PLACES });
    for (int round = 0; round < 2; round++) {
        for (int i = 0; i < GREEDY; i++) {
            fd[i] = connect_to(&w);
            say(fd[i], "1");
            assert_true(hears(fd[i], "1"));
        }
        const int other = connect_to(&w);
        say(other, "2");
        assert_true(hears(other, "2"));
        assert_true(is_ended(fd[GREEDY - 1], SOON_MS)); /* past his share */
        for (int i = 0; i < GREEDY; i++) {
            if (i < GREEDY - 1) {
                say(fd[i], "xq");
                assert_true(hears(fd[i], "xq"));
                assert_true(is_ended(fd[i], SOON_MS));
            }
            (void)close(fd[i]);
        }
        say(other, "q");
        assert_true(hears(other, "q") && is_ended(other, SOON_MS));
        (void)close(other);
        const struct timespec nap = { .tv_nsec = 20 * MS };
        for (int i = 0; i < 100 && net_server_stats(w.server).active > 0; i++)
            (void)nanosleep(&nap, NULL);
    }
    world_fini(&w);
}

static void test_a_peer_that_takes_nothing(void **state)
{
    struct world w;
    (void)state;
    world_init(&w, (struct net_limits){ .stall_ns = 200 * MS });
    const int stuck = connect_to(&w), other = connect_to(&w);
    say(stuck, "bm");
    say(other, "x");
    assert_true(hears(other, "x"));
    const struct timespec nap = { .tv_nsec = 100 * MS };
    int naps = 0;
    while (net_server_stats(w.server).stall_closed == 0 && naps++ < 50)
        (void)nanosleep(&nap, NULL);
    assert_int_equal(net_server_stats(w.server).stall_closed, 1);
    (void)close(stuck);
    (void)close(other);
    world_fini(&w);
}

/* --- what comes before the protocol --- */

static void test_a_hello_is_answered_and_another_read(void **state)
{
    struct world w;
    (void)state;
    world_of(&w, &polite, (struct net_limits){ 0 });
    const int fd = connect_to(&w);
    say(fd, "hello, x");
    assert_true(hears(fd, "N"));
    say(fd, "hello, ");
    say(fd, "yhello, z");
    assert_true(hears(fd, "NN"));
    say(fd, "12345678 and so on");
    assert_true(hears(fd, "12345678 and so on"));
    (void)close(fd);
    world_fini(&w);
}

static void test_hellos_without_end_are_cut_off(void **state)
{
    struct world w;
    (void)state;
    world_of(&w, &polite, (struct net_limits){ .handshake_ns = 200 * MS });
    const int loud = connect_to(&w), quiet = connect_to(&w);
    const int slow = connect_to(&w);
    say(slow, "hel");
    say(loud, "hello, 1hello, 2hello, 3hello, 4hello, 5");
    assert_true(hears(loud, "NNNN"));
    assert_true(is_ended(loud, SOON_MS));
    assert_true(is_ended(quiet, SOON_MS));
    assert_true(is_ended(slow, SOON_MS));
    (void)close(loud);
    (void)close(quiet);
    (void)close(slow);
    world_fini(&w);
}

static void test_who_is_full_is_sent_no_more(void **state)
{
    static char much[1 << 20];
    struct world w;
    (void)state;
    world_of(&w, &polite, (struct net_limits){ .stall_ns = 100 * MS });
    const int fd = connect_to(&w);
    say(fd, "12345678b");
    assert_true(hears(fd, "12345678b"));
    /* What nobody reads stays with the peer. */
    size_t sent = 0;
    ssize_t n;
    memset(much, 'x', sizeof much);
    while ((n = send(fd, much, sizeof much, MSG_NOSIGNAL | MSG_DONTWAIT)) > 0)
        sent += (size_t)n;
    assert_int_equal(errno, EAGAIN);
    assert_true(net_server_stats(w.server).bytes_in < sent);
    (void)close(fd);
    world_fini(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bytes_come_back),
        cmocka_unit_test(test_silence_is_short),
        cmocka_unit_test(test_chatter_is_no_work),
        cmocka_unit_test(test_one_too_many),
        cmocka_unit_test(test_strangers_make_room),
        cmocka_unit_test(test_one_owner_is_bounded),
        cmocka_unit_test(test_a_peer_that_takes_nothing),
        cmocka_unit_test(test_a_hello_is_answered_and_another_read),
        cmocka_unit_test(test_hellos_without_end_are_cut_off),
        cmocka_unit_test(test_who_is_full_is_sent_no_more),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
