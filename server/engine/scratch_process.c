#include "server/engine/scratch_process.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "server/engine/scratch_jail.h"
#include "server/engine/scratch_worker.h"

enum { NS_PER_MS = 1000000, NS_PER_S = 1000000000 };

extern char **environ;

uint64_t scratch_now_ns(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * NS_PER_S + (uint64_t)t.tv_nsec;
}

/* ---- life ---- */

/* Of the environment, tokens and all, only what finds libraries and what
 * sanitizers are told. */
static void keep_little(char *out[], size_t cap)
{
    static const char *const kept[] = { "LD_LIBRARY_PATH=", "ASAN_OPTIONS=",
                                        "TSAN_OPTIONS=", "UBSAN_OPTIONS=" };
    size_t n = 0;
    for (char **at = environ; at && *at; at++)
        for (size_t i = 0; i < sizeof kept / sizeof kept[0]; i++)
            if (n + 1 < cap && strncmp(*at, kept[i], strlen(kept[i])) == 0)
                out[n++] = *at;
    out[n] = NULL;
}

/* The socket as input, and no word to the operator: what a library says as it
 * dies can quote a statement. */
static int spawn(pid_t *pid, const char *program, int fd)
{
    char *env[8];
    char arg[] = SCRATCH_WORKER_ARG;
    char name[] = "halftoned";
    char *argv[] = { name, arg, NULL };
    posix_spawn_file_actions_t files;
    posix_spawnattr_t attr;
    sigset_t all, none;
    sigfillset(&all);
    sigemptyset(&none);
    keep_little(env, sizeof env / sizeof env[0]);
    if (posix_spawn_file_actions_init(&files))
        return -1;
    if (posix_spawnattr_init(&attr)) {
        (void)posix_spawn_file_actions_destroy(&files);
        return -1;
    }
    int rc = posix_spawn_file_actions_adddup2(&files, fd, STDIN_FILENO);
    for (int out = STDOUT_FILENO; !rc && out <= STDERR_FILENO; out++)
        if (!scratch_jail_is_open())
            rc = posix_spawn_file_actions_addopen(&files, out, "/dev/null",
                                                  O_WRONLY, 0);
    rc = rc ? rc : posix_spawnattr_setsigdefault(&attr, &all);
    rc = rc ? rc : posix_spawnattr_setsigmask(&attr, &none);
    rc = rc ? rc
            : posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGDEF |
                                                  POSIX_SPAWN_SETSIGMASK);
    rc = rc ? rc : posix_spawn(pid, program, &files, &attr, argv, env);
    (void)posix_spawnattr_destroy(&attr);
    (void)posix_spawn_file_actions_destroy(&files);
    return rc;
}

bool scratch_process_start(struct scratch_process *p, const char *program)
{
    int ends[2];
    pid_t pid = 0;
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends))
        return false;
    const int rc = spawn(&pid, program, ends[1]);
    (void)close(ends[1]);
    if (rc) {
        (void)close(ends[0]);
        return false;
    }
    *p = (struct scratch_process){ pid, ends[0] };
    return true;
}

void scratch_process_end(struct scratch_process *p)
{
    if (p->pid == 0)
        return;
    (void)kill(p->pid, SIGKILL);
    while (waitpid(p->pid, NULL, 0) < 0 && errno == EINTR)
        continue;
    (void)close(p->fd);
    *p = (struct scratch_process){ 0 };
}

bool scratch_process_lives(const struct scratch_process *p)
{
    char byte;
    return p->pid != 0 && recv(p->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) < 0 &&
           (errno == EAGAIN || errno == EINTR);
}

/* ---- bytes ---- */

/* Until the socket is ready; false: too late. */
static bool wait_for(int fd, short events, uint64_t until_ns)
{
    for (;;) {
        struct pollfd at = { .fd = fd, .events = events };
        const uint64_t now = scratch_now_ns();
        if (now >= until_ns)
            return false;
        const uint64_t ms = (until_ns - now) / NS_PER_MS + 1;
        const int n = poll(&at, 1, ms > 10000 ? 10000 : (int)ms);
        if (n > 0 || (n < 0 && errno != EINTR))
            return true; /* the call that follows tells what is wrong */
    }
}

static enum scratch_heard send_all(int fd, const uint8_t *from, size_t len,
                                   uint64_t until_ns)
{
    while (len > 0) {
        const ssize_t n = send(fd, from, len, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (n > 0) {
            from += n;
            len -= (size_t)n;
        } else if (n < 0 && (errno == EAGAIN || errno == EINTR)) {
            if (!wait_for(fd, POLLOUT, until_ns))
                return SCRATCH_TOO_LATE;
        } else {
            return SCRATCH_DIED;
        }
    }
    return SCRATCH_HEARD;
}

static enum scratch_heard recv_all(int fd, uint8_t *to, size_t len,
                                   uint64_t until_ns)
{
    while (len > 0) {
        const ssize_t n = recv(fd, to, len, MSG_DONTWAIT);
        if (n > 0) {
            to += n;
            len -= (size_t)n;
        } else if (n < 0 && (errno == EAGAIN || errno == EINTR)) {
            if (!wait_for(fd, POLLIN, until_ns))
                return SCRATCH_TOO_LATE;
        } else {
            return SCRATCH_DIED;
        }
    }
    return SCRATCH_HEARD;
}

static enum scratch_heard tell(int fd, const struct scratch_call *call,
                               uint64_t until_ns, struct arena *a)
{
    struct writer size = writer_of(NULL, 0);
    scratch_call_write(&size, call);
    void *bytes =
        size.need <= SCRATCH_CALL_MAX ? arena_alloc(a, size.need, 1) : NULL;
    if (!bytes)
        return SCRATCH_NO_ROOM;
    struct writer w = writer_of(bytes, size.need);
    scratch_call_write(&w, call);
    return send_all(fd, w.data, w.len, until_ns);
}

enum scratch_heard scratch_process_ask(struct scratch_reply *out,
                                       const struct scratch_process *p,
                                       const struct scratch_call *call,
                                       uint64_t until_ns, struct arena *a)
{
    uint8_t head[SCRATCH_HEAD];
    enum scratch_heard heard = tell(p->fd, call, until_ns, a);
    if (heard == SCRATCH_HEARD)
        heard = recv_all(p->fd, head, sizeof head, until_ns);
    if (heard != SCRATCH_HEARD)
        return heard;
    struct reader r = reader_of(head, sizeof head);
    const uint32_t len = reader_be32(&r);
    if (len > SCRATCH_REPLY_MAX)
        return SCRATCH_DIED;
    uint8_t *body = arena_alloc(a, (size_t)len + 1, 1);
    if (!body)
        return SCRATCH_NO_ROOM;
    heard = recv_all(p->fd, body, len, until_ns);
    if (heard == SCRATCH_HEARD && !scratch_reply_read(out, body, len, a))
        return SCRATCH_DIED;
    return heard;
}
