#include "server/engine/mapper.h"

#include <pthread.h>
#include <stdlib.h>
#include <time.h>

#include "server/engine/duck_keys.h"

enum { TRIES = 20, SELDOM_MS = 5000, LIMIT_SHARE = 8 };
#define LIMIT_DEFAULT (UINT64_C(1) << 30)

struct mapper {
    struct duck_row_mapping mapping; /* con is its own; keys are set by use */
    struct stopper *stopper;
    atomic_int stops; /* not 0: end */
    pthread_t thread;
    pthread_mutex_t lock; /* guards what follows */
    pthread_cond_t changed;
    bool is_due, settled;
};

static enum duck_row_mapped map(struct mapper *m)
{
    struct stopper_run watched = { .con = m->mapping.con, .stop = &m->stops };
    struct duck_row_mapping mapping = m->mapping;
    struct duck_rows *rows = NULL;
    mapping.keys = duck_gate_keys(m->mapping.gate);
    stopper_add(m->stopper, &watched);
    const enum duck_row_mapped done = duck_row_map(&rows, &mapping);
    stopper_remove(m->stopper, &watched);
    if (done == DUCK_ROW_MAPPED)
        (void)duck_gate_take_rows(m->mapping.gate, rows, mapping.keys);
    duck_rows_drop(rows);
    duck_keys_drop(mapping.keys);
    return done;
}

/* Under the lock: until it is to end, is due, or ms have passed. */
static void wait(struct mapper *m, int ms)
{
    struct timespec until;
    (void)clock_gettime(CLOCK_REALTIME, &until);
    until.tv_nsec += ms % 1000 * 1000000L;
    until.tv_sec += ms / 1000 + until.tv_nsec / 1000000000;
    until.tv_nsec %= 1000000000;
    while (!atomic_load(&m->stops) && !m->is_due)
        if (pthread_cond_timedwait(&m->changed, &m->lock, &until) != 0)
            return;
}

static void *on_thread(void *ctx)
{
    struct mapper *m = ctx;
    unsigned tries = 0;
    (void)pthread_mutex_lock(&m->lock);
    while (!atomic_load(&m->stops)) {
        tries = m->is_due ? 0 : tries;
        m->is_due = false;
        (void)pthread_mutex_unlock(&m->lock);
        const bool again = map(m) == DUCK_ROW_YOUNG;
        (void)pthread_mutex_lock(&m->lock);
        tries++;
        m->settled = !m->is_due && (!again || tries >= TRIES);
        (void)pthread_cond_broadcast(&m->changed);
        if (again)
            wait(m, tries < TRIES ? MAPPER_NAP_MS : SELDOM_MS);
        else
            while (!atomic_load(&m->stops) && !m->is_due)
                (void)pthread_cond_wait(&m->changed, &m->lock);
    }
    (void)pthread_mutex_unlock(&m->lock);
    return NULL;
}

static void forget(struct mapper *m)
{
    duckdb_disconnect(&m->mapping.con);
    (void)pthread_cond_destroy(&m->changed);
    (void)pthread_mutex_destroy(&m->lock);
    free(m);
}

void mapper_open(struct mapper **out, struct duck *d, struct duck_gate *gate,
                 const struct policy *policy,
                 const struct engine_options *options, struct stopper *stopper,
                 const struct stamp_paths *paths,
                 const struct stamp_look *attached)
{
    *out = NULL;
    struct mapper *m = paths ? calloc(1, sizeof *m) : NULL;
    if (!m)
        return;
    m->mapping = (struct duck_row_mapping){
        .gate = gate,
        .policy = policy,
        .paths = paths,
        .attached = attached,
        .most = options->memory_limit ? options->memory_limit / LIMIT_SHARE
                                      : LIMIT_DEFAULT,
    };
    m->stopper = stopper;
    (void)pthread_mutex_init(&m->lock, NULL);
    (void)pthread_cond_init(&m->changed, NULL);
    if (duckdb_connect(d->db, &m->mapping.con) == DuckDBSuccess &&
        pthread_create(&m->thread, NULL, on_thread, m) == 0)
        *out = m;
    else
        forget(m);
}

void mapper_refresh(struct mapper *m)
{
    if (!m)
        return;
    (void)pthread_mutex_lock(&m->lock);
    m->is_due = true;
    m->settled = false;
    (void)pthread_cond_broadcast(&m->changed);
    (void)pthread_mutex_unlock(&m->lock);
}

void mapper_settle(struct mapper *m)
{
    if (!m)
        return;
    (void)pthread_mutex_lock(&m->lock);
    while (!m->settled)
        (void)pthread_cond_wait(&m->changed, &m->lock);
    (void)pthread_mutex_unlock(&m->lock);
}

void mapper_close(struct mapper *m)
{
    if (!m)
        return;
    (void)pthread_mutex_lock(&m->lock);
    atomic_store(&m->stops, ERR_CANCELLED);
    (void)pthread_cond_broadcast(&m->changed);
    (void)pthread_mutex_unlock(&m->lock);
    (void)pthread_join(m->thread, NULL);
    forget(m);
}
