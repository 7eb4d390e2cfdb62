#include "server/main/reload.h"

#include <signal.h>

void reload_init(struct reload *r, void (*run)(void *ctx), void *ctx)
{
    *r = (struct reload){ .run = run, .ctx = ctx };
    (void)pthread_mutex_init(&r->lock, NULL);
}

/* Go on?  Somebody may have asked since the files were read. */
static bool runs_again(struct reload *r)
{
    (void)pthread_mutex_lock(&r->lock);
    const bool again = r->again;
    r->again = false;
    r->runs = again;
    (void)pthread_mutex_unlock(&r->lock);
    return again;
}

static void *thread_main(void *arg)
{
    struct reload *r = arg;
    do
        r->run(r->ctx);
    while (runs_again(r));
    return NULL;
}

/* Signals are the acceptor's. */
static bool start(struct reload *r)
{
    sigset_t all, before;
    (void)sigfillset(&all);
    (void)pthread_sigmask(SIG_SETMASK, &all, &before);
    r->started = pthread_create(&r->thread, NULL, thread_main, r) == 0;
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    return r->started;
}

bool reload_ask(struct reload *r)
{
    (void)pthread_mutex_lock(&r->lock);
    const bool runs = r->runs;
    r->again = runs;
    r->runs = true;
    (void)pthread_mutex_unlock(&r->lock);
    if (runs)
        return true;
    if (r->started)
        (void)pthread_join(r->thread, NULL); /* it is at its end */
    if (start(r))
        return true;
    r->runs = false; /* no thread that could look */
    return false;
}

void reload_end(struct reload *r)
{
    if (r->started)
        (void)pthread_join(r->thread, NULL);
    r->started = false;
    (void)pthread_mutex_destroy(&r->lock);
}
