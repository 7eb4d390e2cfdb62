#include "tests/crash/relay.h"

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

/* A connection; what came from the server and is not a whole message yet. */
struct pair {
    struct relay *relay;
    int server, database;
    uint8_t *bytes; /* owned */
    size_t len, cap;
    bool has_begun; /* the first message has no letter */
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
static size_t message_len(const struct pair *p)
{
    const size_t skip = p->has_begun ? 1 : 0;
    if (p->len < skip + 4)
        return 0;
    const uint8_t *at = p->bytes + skip;
    const size_t len = skip + ((size_t)at[0] << 24 | (size_t)at[1] << 16 |
                               (size_t)at[2] << 8 | at[3]);
    return len <= p->len ? len : 0;
}

/* What the database says next is lost, or half of it. */
static void lose_reply(const struct pair *p, bool half)
{
    uint8_t reply[PIECE];
    struct pollfd fd = { p->database, POLLIN, 0 };
    if (poll(&fd, 1, ANSWER_MS) <= 0)
        return;
    const ssize_t n = recv(p->database, reply, sizeof reply, 0);
    if (n > 0 && half)
        (void)put(p->server, reply, (size_t)n / 2);
}

/* The message at which something is done.  False: the connection ends here. */
static bool do_fault(const struct pair *p, enum relay_fault fault, size_t len)
{
    struct relay *r = p->relay;
    atomic_store(&r->is_done, true);
    switch (fault) {
    case RELAY_CUT_BEFORE:
        return false;
    case RELAY_CUT_WITHIN:
        (void)put(p->database, p->bytes, len / 2);
        return false;
    case RELAY_HOLD_CUT:
        pause_ms(r->hold_ms);
        (void)put(p->database, p->bytes, len);
        lose_reply(p, false);
        return false;
    case RELAY_CUT_AFTER:
    case RELAY_CUT_REPLY:
        (void)put(p->database, p->bytes, len);
        lose_reply(p, fault == RELAY_CUT_REPLY);
        return false;
    case RELAY_STRIKE_BEFORE:
        r->strike(r->ctx);
        break;
    case RELAY_STRIKE_AFTER:
        (void)put(p->database, p->bytes, len);
        r->strike(r->ctx);
        return true;
    case RELAY_HOLD:
        pause_ms(r->hold_ms);
        break;
    case RELAY_NONE:
        break;
    }
    return put(p->database, p->bytes, len);
}

static bool pass_on(struct pair *p)
{
    struct relay *r = p->relay;
    size_t len;
    while ((len = message_len(p)) > 0) {
        const uint64_t now = atomic_fetch_add(&r->count, 1) + 1;
        enum relay_fault fault = RELAY_NONE;
        if (now == atomic_load(&r->at))
            fault = atomic_exchange(&r->fault, RELAY_NONE);
        if (fault == RELAY_NONE ? !put(p->database, p->bytes, len)
                                : !do_fault(p, fault, len))
            return false;
        p->has_begun = true;
        p->len -= len;
        memmove(p->bytes, p->bytes + len, p->len);
    }
    return true;
}

static bool from_server(struct pair *p)
{
    if (p->cap - p->len < PIECE) {
        p->cap = p->len + 2 * PIECE;
        p->bytes = realloc(p->bytes, p->cap);
        if (!p->bytes)
            give_up("realloc");
    }
    const ssize_t n = recv(p->server, p->bytes + p->len, PIECE, 0);
    if (n <= 0)
        return false;
    p->len += (size_t)n;
    return pass_on(p);
}

static bool from_database(const struct pair *p)
{
    uint8_t data[PIECE];
    const ssize_t n = recv(p->database, data, sizeof data, 0);
    return n > 0 && put(p->server, data, (size_t)n);
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
    free(p->bytes);
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
                            socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0) };
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
}

void relay_arm(struct relay *r, enum relay_fault fault, uint64_t at)
{
    atomic_store(&r->fault, RELAY_NONE);
    atomic_store(&r->count, 0);
    atomic_store(&r->is_done, false);
    atomic_store(&r->at, at);
    atomic_store(&r->fault, fault);
}
