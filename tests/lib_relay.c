#include "tests/lib_relay.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

enum {
    PORT = 5433,
    REAL_PORT = 5432,
    TICK_MS = 20,
    ANSWER_MS = 100, /* how long a reply that is to be lost is waited for */
    PIECE = 65536
};

static _Noreturn void give_up(const char *what)
{
    perror(what);
    exit(EXIT_FAILURE);
}

/* What came from one side, and is not a whole message yet. */
struct stream {
    uint8_t *bytes; /* owned */
    size_t len, cap;
    bool has_begun; /* a server's first message has no letter */
};

struct pair {
    struct relay *relay;
    int server, database;
    struct stream asked, answered;
};

static struct sockaddr_un address_of(const char *dir, int port)
{
    struct sockaddr_un a = { .sun_family = AF_UNIX };
    (void)snprintf(a.sun_path, sizeof a.sun_path, "%s/.s.PGSQL.%d", dir, port);
    return a;
}

static void pause_ms(unsigned ms)
{
    const struct timespec t = { ms / 1000, (long)(ms % 1000) * 1000000 };
    (void)nanosleep(&t, NULL);
}

/* Forked processes may have it, too. */
static void end(int fd)
{
    (void)shutdown(fd, SHUT_RDWR);
    (void)close(fd);
}

static bool put(int fd, const uint8_t *data, size_t len)
{
    while (len > 0) {
        const ssize_t n = send(fd, data, len, MSG_NOSIGNAL);
        if (n <= 0)
            return false;
        data += n;
        len -= (size_t)n;
    }
    return true;
}

/* Bytes of the first message, or 0: it is not there whole. */
static size_t message_len(const struct stream *s)
{
    const size_t skip = s->has_begun ? 1 : 0;
    if (s->len < skip + 4)
        return 0;
    const uint8_t *at = s->bytes + skip;
    const size_t len = skip + ((size_t)at[0] << 24 | (size_t)at[1] << 16 |
                               (size_t)at[2] << 8 | at[3]);
    return len <= s->len ? len : 0;
}

static void drop_first(struct stream *s, size_t len)
{
    s->has_begun = true;
    s->len -= len;
    memmove(s->bytes, s->bytes + len, s->len);
}

static bool take_in(struct stream *s, int fd)
{
    if (s->cap - s->len < PIECE) {
        s->cap = s->len + 2 * PIECE;
        s->bytes = realloc(s->bytes, s->cap);
        if (!s->bytes)
            give_up("realloc");
    }
    const ssize_t n = recv(fd, s->bytes + s->len, PIECE, 0);
    if (n > 0)
        s->len += (size_t)n;
    return n > 0;
}

bool relay_is_of_answer(enum relay_fault fault)
{
    return fault == RELAY_CUT_ANSWER || fault == RELAY_CUT_WITHIN_ANSWER;
}

/* What is to be done at the next message, or answer, which is counted. */
static enum relay_fault fault_here(struct relay *r, bool is_answer)
{
    enum relay_fault fault = RELAY_NONE;
    (void)pthread_mutex_lock(&r->lock);
    const uint64_t now = is_answer ? ++r->answers : ++r->messages;
    if (now == r->plan.at && relay_is_of_answer(r->plan.fault) == is_answer)
        fault = r->plan.fault;
    if (fault != RELAY_NONE) {
        r->plan = r->then;
        r->then = (struct relay_plan){ RELAY_NONE, 0 };
        r->messages = r->answers = 0;
        r->done++;
    }
    (void)pthread_mutex_unlock(&r->lock);
    return fault;
}

/* What the database says to this message, if it answers this one at once, is
 * there and goes no further. */
static void lose_answer(const struct pair *p)
{
    static const char ANSWERED[] =
        "SHQ"; /* Sync, Flush, Query; and the first */
    struct pollfd fd = { p->database, POLLIN, 0 };
    if (!p->asked.has_begun || strchr(ANSWERED, p->asked.bytes[0]))
        (void)poll(&fd, 1, ANSWER_MS);
}

/* The message at which something is done.  False: the connection ends here. */
static bool do_fault(const struct pair *p, enum relay_fault fault, size_t len)
{
    struct relay *r = p->relay;
    const uint8_t *bytes = p->asked.bytes;
    switch (fault) {
    case RELAY_CUT_BEFORE:
        return false;
    case RELAY_CUT_WITHIN:
        (void)put(p->database, bytes, len / 2);
        return false;
    case RELAY_HOLD_CUT:
    case RELAY_CUT_AFTER:
        if (fault == RELAY_HOLD_CUT)
            pause_ms(r->hold_ms);
        (void)put(p->database, bytes, len);
        lose_answer(p);
        return false;
    case RELAY_STRIKE_BEFORE:
        r->strike(r->ctx);
        break;
    case RELAY_STRIKE_AFTER:
        (void)put(p->database, bytes, len);
        r->strike(r->ctx);
        return true;
    case RELAY_HOLD:
        pause_ms(r->hold_ms);
        break;
    case RELAY_NONE:
    case RELAY_CUT_ANSWER:
    case RELAY_CUT_WITHIN_ANSWER:
        break;
    }
    return put(p->database, bytes, len);
}

static bool from_server(struct pair *p)
{
    size_t len;
    if (!take_in(&p->asked, p->server))
        return false;
    while ((len = message_len(&p->asked)) > 0) {
        if (!do_fault(p, fault_here(p->relay, false), len))
            return false;
        drop_first(&p->asked, len);
    }
    return true;
}

static bool from_database(struct pair *p)
{
    size_t len;
    if (!take_in(&p->answered, p->database))
        return false;
    while ((len = message_len(&p->answered)) > 0) {
        const enum relay_fault fault = fault_here(p->relay, true);
        if (fault == RELAY_CUT_WITHIN_ANSWER)
            (void)put(p->server, p->answered.bytes, len / 2);
        if (fault != RELAY_NONE || !put(p->server, p->answered.bytes, len))
            return false;
        drop_first(&p->answered, len);
    }
    return true;
}

static void *forward(void *arg)
{
    struct pair *p = arg;
    struct relay *r = p->relay;
    bool goes_on = true;
    while (goes_on && !atomic_load(&r->stops)) {
        struct pollfd fds[] = { { p->server, POLLIN, 0 },
                                { p->database, POLLIN, 0 } };
        if (poll(fds, 2, TICK_MS) <= 0)
            continue;
        if (fds[1].revents)
            goes_on = from_database(p);
        if (goes_on && fds[0].revents)
            goes_on = from_server(p);
    }
    end(p->server);
    end(p->database);
    free(p->asked.bytes);
    free(p->answered.bytes);
    free(p);
    atomic_fetch_sub(&r->live, 1);
    return NULL;
}

static void take(struct relay *r, int server)
{
    const struct sockaddr_un real = address_of(r->database, REAL_PORT);
    pthread_t thread;
    struct pair *p = calloc(1, sizeof *p);
    if (!p)
        give_up("calloc");
    *p = (struct pair){ .relay = r,
                        .server = server,
                        .database =
                            socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0),
                        .answered = { .has_begun = true } };
    atomic_fetch_add(&r->live, 1);
    if (connect(p->database, (const struct sockaddr *)&real, sizeof real) ==
            0 &&
        pthread_create(&thread, NULL, forward, p) == 0) {
        (void)pthread_detach(thread);
        return;
    }
    end(p->server); /* the database is not there */
    end(p->database);
    free(p);
    atomic_fetch_sub(&r->live, 1);
}

static void *serve(void *arg)
{
    struct relay *r = arg;
    while (!atomic_load(&r->stops)) {
        struct pollfd fd = { r->listener, POLLIN, 0 };
        if (poll(&fd, 1, TICK_MS) > 0)
            take(r, accept4(r->listener, NULL, NULL, SOCK_CLOEXEC));
    }
    return NULL;
}

void relay_start(struct relay *r)
{
    (void)pthread_mutex_init(&r->lock, NULL);
    r->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    (void)snprintf(r->dir, sizeof r->dir, "/tmp/ht-relay-XXXXXX");
    if (!mkdtemp(r->dir))
        give_up(r->dir);
    const struct sockaddr_un here = address_of(r->dir, PORT);
    if (bind(r->listener, (const struct sockaddr *)&here, sizeof here) != 0 ||
        listen(r->listener, 16) != 0)
        give_up(here.sun_path);
    (void)snprintf(r->uri, sizeof r->uri,
                   "postgresql:///postgres?host=%s&port=%d&user=postgres",
                   r->dir, PORT);
    if (pthread_create(&r->thread, NULL, serve, r) != 0)
        give_up("pthread_create");
}

void relay_stop(struct relay *r)
{
    const struct sockaddr_un here = address_of(r->dir, PORT);
    atomic_store(&r->stops, true);
    (void)pthread_join(r->thread, NULL);
    while (atomic_load(&r->live) > 0)
        pause_ms(TICK_MS);
    (void)close(r->listener);
    (void)unlink(here.sun_path);
    (void)rmdir(r->dir);
    (void)pthread_mutex_destroy(&r->lock);
}

void relay_arm(struct relay *r, enum relay_fault fault, uint64_t at)
{
    relay_arm_twice(r, (struct relay_plan){ fault, at },
                    (struct relay_plan){ RELAY_NONE, 0 });
}

void relay_arm_twice(struct relay *r, struct relay_plan first,
                     struct relay_plan then)
{
    (void)pthread_mutex_lock(&r->lock);
    r->plan = first;
    r->then = then;
    r->messages = r->answers = 0;
    r->done = 0;
    (void)pthread_mutex_unlock(&r->lock);
}

uint64_t relay_count(struct relay *r, enum relay_fault fault)
{
    (void)pthread_mutex_lock(&r->lock);
    const uint64_t n = relay_is_of_answer(fault) ? r->answers : r->messages;
    (void)pthread_mutex_unlock(&r->lock);
    return n;
}

unsigned relay_done(struct relay *r)
{
    (void)pthread_mutex_lock(&r->lock);
    const unsigned n = r->done;
    (void)pthread_mutex_unlock(&r->lock);
    return n;
}
