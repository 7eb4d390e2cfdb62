#include "server/main/workers.h"

#include <assert.h>
#include <pthread.h>
#include <stdlib.h>

#include "dp/rng.h"
#include "server/metrics/metrics.h"

enum { WATCH_NS = 20 * 1000 * 1000 };

struct workers {
    struct workers_options options;
    pthread_mutex_t lock;
    pthread_cond_t ready;      /* a job was queued, or closing */
    struct work *head, **tail; /* queue, oldest first */
    unsigned queued;
    bool closing;
    struct {
        unsigned queued, running;
    } owner[WORK_OWNERS];

    struct worker *worker; /* options.n of them, owned */
    pthread_t *thread;     /* the started ones */
    unsigned started;
    pthread_t watchdog;
    bool watched;
    atomic_bool done; /* ends the watchdog */
};

/* What one owner may hold of `all`: some, and not the last quarter. */
static unsigned share_of(unsigned all)
{
    const unsigned others = (all + 3) / 4;
    return all > others ? all - others : 1;
}

/* The oldest job whose owner may run one more, off the queue; or NULL. */
static struct work *take(struct workers *w)
{
    const unsigned most = share_of(w->options.n);
    struct work **at = &w->head;
    while (*at && w->owner[(*at)->owner].running >= most)
        at = &(*at)->next;
    struct work *work = *at;
    if (!work)
        return NULL;
    *at = work->next;
    if (!*at)
        w->tail = at;
    w->queued--;
    w->owner[work->owner].queued--;
    w->owner[work->owner].running++;
    return work;
}

/* The next job, or NULL when the pool closes and none is left. */
static struct work *next_work(struct workers *w)
{
    (void)pthread_mutex_lock(&w->lock);
    struct work *work;
    while (!(work = take(w)) && (w->head || !w->closing))
        (void)pthread_cond_wait(&w->ready, &w->lock);
    (void)pthread_mutex_unlock(&w->lock);
    return work;
}

/* A job of the owner's is over: another of his may go, on whichever thread. */
static void give_back(struct workers *w, unsigned owner)
{
    (void)pthread_mutex_lock(&w->lock);
    w->owner[owner].running--;
    if (w->head || w->closing)
        (void)pthread_cond_broadcast(&w->ready);
    (void)pthread_mutex_unlock(&w->lock);
}

static void *worker_main(void *arg)
{
    struct worker *worker = arg;
    struct work *work;
    while ((work = next_work(worker->pool))) {
        const bool shows = !work->is_quiet;
        if (shows)
            metrics_add(&metrics.workers_busy, 1);
        atomic_store(&worker->limit_ns, 0);
        atomic_store(&worker->stop, 0);
        arena_reset(&worker->arena);
        const unsigned owner = work->owner; /* run may free the work */
        work->run(work, worker);
        give_back(worker->pool, owner);
        atomic_store(&worker->limit_ns, 0);
        if (shows)
            metrics_sub(&metrics.workers_busy, 1);
    }
    return NULL;
}

/* Coarse on purpose: the engine polls `stop` every 100 ms anyway. */
static void *watchdog_main(void *arg)
{
    struct workers *w = arg;
    while (!atomic_load(&w->done)) {
        const uint64_t now = clock_mono_ns(w->options.clock);
        for (unsigned i = 0; i < w->started; i++) {
            const uint64_t limit = atomic_load(&w->worker[i].limit_ns);
            if (limit != 0 && now >= limit)
                atomic_store(&w->worker[i].stop, ERR_DEADLINE);
        }
        (void)nanosleep(&(struct timespec){ .tv_nsec = WATCH_NS }, NULL);
    }
    return NULL;
}

static bool start(struct workers *w)
{
    pthread_attr_t attr;
    if (pthread_attr_init(&attr) != 0)
        return false;
    bool ok = pthread_attr_setstacksize(&attr, w->options.stack_len) == 0;
    for (unsigned i = 0; ok && i < w->options.n; i++) {
        w->worker[i].pool = w;
        w->worker[i].rng = dp_rng_system();
        arena_init(&w->worker[i].arena, w->options.arena_cap);
        ok = pthread_create(&w->thread[i], &attr, worker_main, &w->worker[i]) ==
             0;
        w->started += ok;
    }
    (void)pthread_attr_destroy(&attr);
    w->watched =
        ok && pthread_create(&w->watchdog, NULL, watchdog_main, w) == 0;
    return w->watched;
}

enum err_code workers_new(struct workers **out,
                          const struct workers_options *options,
                          struct err *err)
{
    struct workers *w = calloc(1, sizeof *w);
    if (!w)
        return err_set(err, ERR_INTERNAL, "no memory for workers");
    w->options = *options;
    w->tail = &w->head;
    (void)pthread_mutex_init(&w->lock, NULL);
    (void)pthread_cond_init(&w->ready, NULL);
    w->worker = calloc(options->n, sizeof *w->worker);
    w->thread = calloc(options->n, sizeof *w->thread);
    if (!w->worker || !w->thread || !start(w)) {
        workers_free(w);
        return err_set(err, ERR_INTERNAL, "the system refused %u threads",
                       options->n);
    }
    *out = w;
    return ERR_OK;
}

bool workers_submit(struct workers *w, struct work *work)
{
    assert(work->owner < WORK_OWNERS);
    (void)pthread_mutex_lock(&w->lock);
    const bool fits =
        !w->closing && w->queued < w->options.queue_len &&
        w->owner[work->owner].queued < share_of(w->options.queue_len);
    if (fits) {
        work->next = NULL;
        *w->tail = work;
        w->tail = &work->next;
        w->queued++;
        w->owner[work->owner].queued++;
        (void)pthread_cond_signal(&w->ready);
    }
    (void)pthread_mutex_unlock(&w->lock);
    return fits;
}

void workers_free(struct workers *w)
{
    if (!w)
        return;
    (void)pthread_mutex_lock(&w->lock);
    w->closing = true;
    (void)pthread_cond_broadcast(&w->ready);
    (void)pthread_mutex_unlock(&w->lock);
    for (unsigned i = 0; i < w->started; i++)
        (void)pthread_join(w->thread[i], NULL);
    atomic_store(&w->done, true);
    if (w->watched)
        (void)pthread_join(w->watchdog, NULL);
    for (unsigned i = 0; w->worker && i < w->options.n; i++) {
        if (w->worker[i].rng)
            gsl_rng_free(w->worker[i].rng);
        arena_fini(&w->worker[i].arena);
    }
    (void)pthread_cond_destroy(&w->ready);
    (void)pthread_mutex_destroy(&w->lock);
    free(w->worker);
    free(w->thread);
    free(w);
}

void worker_limit(void *worker, uint64_t deadline_ns)
{
    struct worker *w = worker;
    atomic_store(&w->limit_ns, deadline_ns);
}
