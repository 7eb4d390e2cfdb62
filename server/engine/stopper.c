#include "server/engine/stopper.h"

#include <signal.h>
#include <time.h>

enum { LOOK_NS = 20 * 1000 * 1000, NS_PER_S = 1000000000 };

/* With the lock held. */
static void interrupt_all(const struct stopper *s)
{
    for (const struct stopper_run *r = s->runs; r; r = r->next)
        if (atomic_load_explicit(r->stop, memory_order_relaxed))
            duckdb_interrupt(r->con);
}

static void nap(struct stopper *s)
{
    struct timespec until;
    (void)clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_nsec += LOOK_NS;
    if (until.tv_nsec >= NS_PER_S) {
        until.tv_nsec -= NS_PER_S;
        until.tv_sec++;
    }
    (void)pthread_cond_clockwait(&s->changed, &s->lock, CLOCK_MONOTONIC,
                                 &until);
}

static void *look(void *arg)
{
    struct stopper *s = arg;
    (void)pthread_mutex_lock(&s->lock);
    while (!s->is_ending) {
        interrupt_all(s);
        if (s->runs)
            nap(s);
        else
            (void)pthread_cond_wait(&s->changed, &s->lock);
    }
    (void)pthread_mutex_unlock(&s->lock);
    return NULL;
}

bool stopper_init(struct stopper *s)
{
    *s = (struct stopper){ 0 };
    (void)pthread_mutex_init(&s->lock, NULL);
    (void)pthread_cond_init(&s->changed, NULL);
    sigset_t all, before; /* signals are for the threads that expect them */
    (void)sigfillset(&all);
    (void)pthread_sigmask(SIG_SETMASK, &all, &before);
    const int rc = pthread_create(&s->thread, NULL, look, s);
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    return rc == 0;
}

void stopper_fini(struct stopper *s)
{
    (void)pthread_mutex_lock(&s->lock);
    s->is_ending = true;
    (void)pthread_cond_signal(&s->changed);
    (void)pthread_mutex_unlock(&s->lock);
    (void)pthread_join(s->thread, NULL);
    (void)pthread_cond_destroy(&s->changed);
    (void)pthread_mutex_destroy(&s->lock);
}

void stopper_add(struct stopper *s, struct stopper_run *run)
{
    (void)pthread_mutex_lock(&s->lock);
    run->prev = NULL;
    run->next = s->runs;
    if (run->next)
        run->next->prev = run;
    else
        (void)pthread_cond_signal(&s->changed);
    s->runs = run;
    (void)pthread_mutex_unlock(&s->lock);
}

void stopper_remove(struct stopper *s, struct stopper_run *run)
{
    (void)pthread_mutex_lock(&s->lock);
    *(run->prev ? &run->prev->next : &s->runs) = run->next;
    if (run->next)
        run->next->prev = run->prev;
    (void)pthread_mutex_unlock(&s->lock);
}
