#include "tests/lib_together.h"

#include <assert.h>
#include <time.h>

#include "server/ledger/committer.h"

enum { LOOK_NS = 20000 };

struct caller {
    void (*run)(void *arg);
    void *arg;
    pthread_t thread;
};

static void *start(void *arg)
{
    const struct caller *c = arg;
    c->run(c->arg);
    return NULL;
}

/* Works that wait; the first one in *first. */
static size_t queued(struct committer *c, struct work **first)
{
    size_t n = 0;
    (void)pthread_mutex_lock(&c->lock);
    *first = c->head;
    for (const struct work *w = c->head; w; w = w->next)
        n++;
    (void)pthread_mutex_unlock(&c->lock);
    return n;
}

/* Somebody seems to lead until the last of them waits; then the first does. */
void run_together(struct ledger *l, void (*run)(void *arg), void *args[],
                  size_t n)
{
    static const struct timespec A_WHILE = { 0, LOOK_NS };
    struct committer *c = &l->committer;
    struct caller callers[TOGETHER_MAX];
    struct work *first = NULL;
    assert(n > 0 && n <= TOGETHER_MAX);
    (void)pthread_mutex_lock(&c->lock);
    assert(!c->is_led);
    c->is_led = true;
    (void)pthread_mutex_unlock(&c->lock);
    for (size_t i = 0; i < n; i++) {
        callers[i] = (struct caller){ .run = run, .arg = args[i] };
        const int rc =
            pthread_create(&callers[i].thread, NULL, start, &callers[i]);
        assert(rc == 0);
        while (queued(c, &first) <= i)
            (void)nanosleep(&A_WHILE, NULL);
    }
    (void)sem_post(&first->woken);
    for (size_t i = 0; i < n; i++)
        (void)pthread_join(callers[i].thread, NULL);
}
