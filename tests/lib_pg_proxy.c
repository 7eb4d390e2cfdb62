#include "tests/lib_pg_proxy.h"

#include <assert.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "tests/lib_postgres.h"

enum { PORT = 5433, REAL_PORT = 5432, BUFFER = 65536, TICK_MS = 20 };

struct pair {
    struct pg_proxy *proxy;
    int client, server;
};

static struct sockaddr_un address_of(const char *dir, int port)
{
    struct sockaddr_un a = { .sun_family = AF_UNIX };
    (void)snprintf(a.sun_path, sizeof a.sun_path, "%s/.s.PGSQL.%d", dir, port);
    return a;
}

static bool put(int fd, const char *data, ssize_t len)
{
    while (len > 0) {
        const ssize_t n = send(fd, data, (size_t)len, MSG_NOSIGNAL);
        if (n <= 0)
            return false;
        data += n;
        len -= n;
    }
    return true;
}

/* False: the connection ends here. */
static bool from_client(struct pair *p, const char *data, ssize_t len)
{
    static const char word[] = "COMMIT";
    char reply[BUFFER];
    int cut = CUT_NONE;
    if (memmem(data, (size_t)len, word, sizeof word - 1) ||
        (atomic_load(&p->proxy->next_cut) == CUT_BEGIN &&
         memmem(data, (size_t)len, "BEGIN", 5)))
        cut = atomic_exchange(&p->proxy->next_cut, CUT_NONE);
    if (cut != CUT_NONE)
        atomic_fetch_add(&p->proxy->cuts, 1);
    if (cut == CUT_BEFORE || cut == CUT_BEGIN)
        return false;
    if (!put(p->server, data, len) || cut == CUT_WITHIN)
        return false;
    while (cut == CUT_AFTER) { /* it is done, and nobody hears of it */
        const ssize_t n = recv(p->server, reply, sizeof reply, 0);
        if (n <= 0 || memmem(reply, (size_t)n, word, sizeof word - 1))
            return false;
    }
    return true;
}

static void *forward(void *arg)
{
    struct pair p = *(struct pair *)arg;
    char data[BUFFER];
    bool goes_on = true;
    free(arg);
    while (goes_on && !atomic_load(&p.proxy->stops)) {
        struct pollfd fds[] = { { p.client, POLLIN, 0 },
                                { p.server, POLLIN, 0 } };
        if (poll(fds, 2, TICK_MS) <= 0)
            continue;
        for (int i = 0; i < 2 && goes_on; i++) {
            if (!fds[i].revents)
                continue;
            const ssize_t n = recv(fds[i].fd, data, sizeof data, 0);
            goes_on = n > 0 && (i == 0 ? from_client(&p, data, n)
                                       : put(p.client, data, n));
        }
    }
    (void)close(p.client);
    (void)close(p.server);
    atomic_fetch_sub(&p.proxy->live, 1);
    return NULL;
}

static void *serve(void *arg)
{
    struct pg_proxy *proxy = arg;
    char dir[64];
    const char *host = strstr(postgres_uri(), "host=") + strlen("host=");
    (void)snprintf(dir, sizeof dir, "%.*s", (int)strcspn(host, "&"), host);
    const struct sockaddr_un real = address_of(dir, REAL_PORT);
    while (!atomic_load(&proxy->stops)) {
        struct pollfd fd = { proxy->listener, POLLIN, 0 };
        pthread_t thread;
        if (poll(&fd, 1, TICK_MS) <= 0)
            continue;
        struct pair *p = malloc(sizeof *p);
        assert(p);
        *p = (struct pair){ proxy, accept(proxy->listener, NULL, NULL),
                            socket(AF_UNIX, SOCK_STREAM, 0) };
        atomic_fetch_add(&proxy->live, 1);
        if (connect(p->server, (const struct sockaddr *)&real, sizeof real) !=
                0 ||
            pthread_create(&thread, NULL, forward, p) != 0) {
            (void)close(p->client);
            (void)close(p->server);
            free(p);
            atomic_fetch_sub(&proxy->live, 1);
        } else {
            (void)pthread_detach(thread);
        }
    }
    return NULL;
}

void pg_proxy_start(struct pg_proxy *p)
{
    *p = (struct pg_proxy){ .listener = socket(AF_UNIX, SOCK_STREAM, 0) };
    (void)snprintf(p->dir, sizeof p->dir, "/tmp/ht-proxy-XXXXXX");
    const char *made = mkdtemp(p->dir);
    assert(made);
    const struct sockaddr_un here = address_of(p->dir, PORT);
    int rc = bind(p->listener, (const struct sockaddr *)&here, sizeof here);
    assert(rc == 0);
    rc = listen(p->listener, 8);
    assert(rc == 0);
    (void)snprintf(p->uri, sizeof p->uri,
                   "postgresql:///postgres?host=%s&port=%d&user=postgres",
                   p->dir, PORT);
    rc = pthread_create(&p->thread, NULL, serve, p);
    assert(rc == 0);
}

void pg_proxy_stop(struct pg_proxy *p)
{
    const struct sockaddr_un here = address_of(p->dir, PORT);
    atomic_store(&p->stops, true);
    (void)pthread_join(p->thread, NULL);
    while (atomic_load(&p->live) > 0)
        (void)poll(NULL, 0, TICK_MS);
    (void)close(p->listener);
    (void)unlink(here.sun_path);
    (void)rmdir(p->dir);
}
