#include "server/engine/scratch_pool.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "server/engine/scratch_limits.h"
#include "server/engine/scratch_process.h"
#include "server/engine/scratch_worker.h"
#include "server/query/refusal.h"

enum {
    NS_PER_MS = 1000000,
    AGAIN_NS = 1000 * NS_PER_MS,
    OWNER_MAX = SCRATCH_PROCESSES - 1
};

struct seat {
    struct scratch_process process;
    bool is_asked;
    uint64_t owner;             /* while it is asked */
    uint64_t has[SCRATCH_KEPT]; /* databases, the newest first; a guess */
};

/* On the stack of who waits, first come first. */
struct waiter {
    uint64_t owner;
    struct waiter *next;
};

struct scratch_pool {
    const char *program;
    unsigned wait_ms;
    pthread_mutex_t lock;
    pthread_cond_t freed;
    struct seat seats[SCRATCH_PROCESSES];
    struct waiter *waiters;
};

struct scratch_pool *scratch_pool_new(const char *program, unsigned wait_ms)
{
    struct scratch_pool *p = calloc(1, sizeof *p);
    pthread_condattr_t attr;
    if (!p)
        return NULL;
    p->program = program;
    p->wait_ms = wait_ms ? wait_ms : SCRATCH_WAIT_MS;
    (void)pthread_condattr_init(&attr);
    (void)pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    (void)pthread_cond_init(&p->freed, &attr);
    (void)pthread_condattr_destroy(&attr);
    (void)pthread_mutex_init(&p->lock, NULL);
    return p;
}

void scratch_pool_free(struct scratch_pool *p)
{
    if (!p)
        return;
    for (size_t i = 0; i < SCRATCH_PROCESSES; i++)
        scratch_process_end(&p->seats[i].process);
    (void)pthread_cond_destroy(&p->freed);
    (void)pthread_mutex_destroy(&p->lock);
    free(p);
}

void scratch_pool_pids(struct scratch_pool *p, int pids[], unsigned n)
{
    (void)pthread_mutex_lock(&p->lock);
    for (unsigned i = 0; i < n; i++)
        pids[i] = i < SCRATCH_PROCESSES ? p->seats[i].process.pid : 0;
    (void)pthread_mutex_unlock(&p->lock);
}

/* ---- who comes next (under the lock) ---- */

static unsigned held(const struct scratch_pool *p, uint64_t owner)
{
    unsigned n = 0;
    for (size_t i = 0; i < SCRATCH_PROCESSES; i++)
        n += p->seats[i].is_asked && p->seats[i].owner == owner;
    return n;
}

/* Nobody who waits has less, or as little and came before. */
static bool is_next(const struct scratch_pool *p, const struct waiter *me)
{
    const unsigned mine = held(p, me->owner);
    bool before = true;
    for (const struct waiter *w = p->waiters; w; w = w->next) {
        if (w == me) {
            before = false;
            continue;
        }
        const unsigned theirs = held(p, w->owner);
        if (theirs < mine || (theirs == mine && before))
            return false;
    }
    return mine < OWNER_MAX;
}

static bool has(const struct seat *at, uint64_t id)
{
    for (size_t i = 0; i < SCRATCH_KEPT; i++)
        if (at->has[i] == id)
            return true;
    return false;
}

/* A free one: that has the database, else that runs, else any.  Of one that is
 * asked the rest is its caller's, who has no lock. */
static struct seat *free_seat(struct scratch_pool *p, uint64_t id)
{
    struct seat *best = NULL;
    int best_is = -1;
    for (size_t i = 0; i < SCRATCH_PROCESSES; i++) {
        struct seat *at = &p->seats[i];
        if (at->is_asked)
            continue;
        const int is = at->process.pid == 0 ? 0 : has(at, id) ? 2 : 1;
        if (is > best_is) {
            best = at;
            best_is = is;
        }
    }
    return best;
}

static void enter(struct scratch_pool *p, struct waiter *me)
{
    struct waiter **at = &p->waiters;
    while (*at)
        at = &(*at)->next;
    me->next = NULL;
    *at = me;
}

static void leave(struct scratch_pool *p, const struct waiter *me)
{
    struct waiter **at = &p->waiters;
    while (*at != me)
        at = &(*at)->next;
    *at = me->next;
}

static struct seat *take(struct scratch_pool *p, uint64_t owner, uint64_t id)
{
    struct waiter me = { .owner = owner };
    struct seat *at = NULL;
    struct timespec until;
    (void)clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += p->wait_ms / 1000 + 1;
    int rc = 0;
    (void)pthread_mutex_lock(&p->lock);
    enter(p, &me);
    while (!(is_next(p, &me) && (at = free_seat(p, id))) && rc != ETIMEDOUT)
        rc = pthread_cond_timedwait(&p->freed, &p->lock, &until);
    leave(p, &me);
    if (at) {
        at->is_asked = true;
        at->owner = owner;
    }
    /* Whoever was behind may be next now. */
    (void)pthread_cond_broadcast(&p->freed);
    (void)pthread_mutex_unlock(&p->lock);
    return at;
}

static void give(struct scratch_pool *p, struct seat *at)
{
    (void)pthread_mutex_lock(&p->lock);
    at->is_asked = false;
    (void)pthread_cond_broadcast(&p->freed);
    (void)pthread_mutex_unlock(&p->lock);
}

/* ---- one call (the seat is ours) ---- */

static void note(struct seat *at, uint64_t id)
{
    size_t i = 0;
    while (i + 1 < SCRATCH_KEPT && at->has[i] != id)
        i++;
    memmove(at->has + 1, at->has, i * sizeof at->has[0]);
    at->has[0] = id;
}

static bool restart(const struct scratch_pool *p, struct seat *at)
{
    scratch_process_end(&at->process);
    memset(at->has, 0, sizeof at->has);
    return scratch_process_start(&at->process, p->program);
}

static enum scratch_heard tell(struct scratch_reply *out, struct seat *at,
                               const struct scratch_call *call,
                               unsigned wait_ms, struct arena *a)
{
    const uint64_t until = scratch_now_ns() + (uint64_t)wait_ms * NS_PER_MS;
    return scratch_process_ask(out, &at->process, call, until, a);
}

static bool build(struct seat *at, const struct scratch_pool_ask *ask,
                  struct arena *a)
{
    const struct scratch_call call = { .kind = SCRATCH_BUILD,
                                       .id = ask->call->id,
                                       .script = ask->script };
    struct scratch_reply reply;
    return tell(&reply, at, &call, SCRATCH_BUILD_MS, a) == SCRATCH_HEARD &&
           reply.status == SCRATCH_ROWS;
}

static enum err_code refused(struct err *err, enum refusal id)
{
    return refuse(err, id, REFUSAL_NOWHERE, NULL, NULL);
}

/* The statement, and before it the script where the process does not know the
 * database.  An error: the process is of no more use. */
static enum err_code converse(struct scratch_reply *out, struct seat *at,
                              const struct scratch_pool_ask *ask,
                              struct arena *a, struct err *err)
{
    const unsigned wait_ms = ask->call->wait_ms + SCRATCH_GRACE_MS;
    enum scratch_heard heard = SCRATCH_HEARD;
    out->status = SCRATCH_UNKNOWN;
    if (has(at, ask->call->id))
        heard = tell(out, at, ask->call, wait_ms, a);
    if (heard == SCRATCH_HEARD && out->status == SCRATCH_UNKNOWN) {
        if (!build(at, ask, a))
            return err_set(err, ERR_INTERNAL, "the catalog cannot be built");
        heard = tell(out, at, ask->call, wait_ms, a);
    }
    note(at, ask->call->id);
    switch (heard) {
    case SCRATCH_HEARD:
        break;
    case SCRATCH_DIED:
        return refused(err, REFUSAL_CATALOG_MEMORY);
    case SCRATCH_TOO_LATE:
        return refused(err, REFUSAL_CATALOG_LATE);
    case SCRATCH_NO_ROOM:
        return refused(err, REFUSAL_CATALOG_LARGE);
    }
    return ERR_OK;
}

/* Once more, should a process that had been idle die soon: perhaps somebody
 * killed it, and not this statement. */
static enum err_code converse_twice(struct scratch_reply *out,
                                    struct scratch_pool *p, struct seat *at,
                                    const struct scratch_pool_ask *ask,
                                    struct arena *a, struct err *err)
{
    const bool was_idle = has(at, ask->call->id);
    const uint64_t from = scratch_now_ns();
    enum err_code code = converse(out, at, ask, a, err);
    if (code != ERR_OK && was_idle && scratch_now_ns() - from < AGAIN_NS &&
        restart(p, at))
        code = converse(out, at, ask, a, err);
    if (code != ERR_OK || out->ends)
        (void)restart(p, at); /* by the next statement it is ready */
    return code;
}

enum err_code scratch_pool_call(struct scratch_reply *out,
                                struct scratch_pool *p,
                                const struct scratch_pool_ask *ask,
                                struct arena *a, struct err *err)
{
    *out = (struct scratch_reply){ 0 };
    struct seat *at = take(p, ask->owner, ask->call->id);
    ask->call->wait_ms = p->wait_ms;
    if (!at)
        return err_set(err, ERR_UNAVAILABLE,
                       "too many statements about the catalog are running");
    enum err_code code = ERR_OK;
    if (!scratch_process_lives(&at->process) && !restart(p, at))
        code = err_set(err, ERR_INTERNAL, "no process starts for the catalog");
    else
        code = converse_twice(out, p, at, ask, a, err);
    give(p, at);
    return code;
}
