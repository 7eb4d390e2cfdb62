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

/* Somebody seems to lead until all wait who are to be in a batch. */
static void seem_to_lead(struct committer *c)
{
    (void)pthread_mutex_lock(&c->lock);
    assert(!c->is_led);
    c->is_led = true;
    (void)pthread_mutex_unlock(&c->lock);
}

/* It waits when so many do; returns who waits longest. */
static struct work *start_caller(struct committer *c, struct caller *caller,
                                 size_t waiting)
{
    static const struct timespec A_WHILE = { 0, LOOK_NS };
    struct work *first = NULL;
    const int rc = pthread_create(&caller->thread, NULL, start, caller);
    assert(rc == 0);
    while (queued(c, &first) != waiting)
        (void)nanosleep(&A_WHILE, NULL);
    return first;
}

void run_together(struct ledger *l, void (*run)(void *arg), void *args[],
                  size_t n)
{
    struct committer *c = &l->committer;
    struct caller callers[TOGETHER_MAX];
    struct work *first = NULL;
    assert(n > 0 && n <= TOGETHER_MAX);
    seem_to_lead(c);
    for (size_t i = 0; i < n; i++) {
        callers[i] = (struct caller){ .run = run, .arg = args[i] };
        first = start_caller(c, &callers[i], i + 1);
    }
    (void)sem_post(&first->woken);
    for (size_t i = 0; i < n; i++)
        (void)pthread_join(callers[i].thread, NULL);
}

/* A work that holds its batch up, until it may go: for good, as a batch may run
 * again. */
struct gate {
    struct work work;
    struct committer *committer;
    sem_t is_there, may_go;
};

static enum err_code wait_at(struct book *b, struct work *w)
{
    struct gate *g = (struct gate *)w;
    (void)b;
    (void)sem_post(&g->is_there);
    while (sem_wait(&g->may_go) != 0)
        continue;
    (void)sem_post(&g->may_go);
    return ERR_OK;
}

static void run_gate(void *arg)
{
    struct gate *g = arg;
    const enum err_code code = committer_run(g->committer, &g->work);
    assert(code == ERR_OK || committer_failed(g->committer));
}

void run_in_two(struct ledger *l, void (*run)(void *arg), void *args[],
                size_t n_first, size_t n)
{
    struct committer *c = &l->committer;
    struct err err;
    struct gate gate = { .work = { .exec = wait_at, .err = &err },
                         .committer = c };
    struct caller callers[TOGETHER_MAX + 1];
    struct work *first = NULL;
    assert(n_first < n && n <= TOGETHER_MAX);
    (void)sem_init(&gate.is_there, 0, 0);
    (void)sem_init(&gate.may_go, 0, 0);
    seem_to_lead(c);
    callers[n] = (struct caller){ .run = run_gate, .arg = &gate };
    first = start_caller(c, &callers[n], 1);
    for (size_t i = 0; i < n; i++) {
        callers[i] = (struct caller){ .run = run, .arg = args[i] };
        if (i == n_first) {
            (void)sem_post(&first->woken);
            while (sem_wait(&gate.is_there) != 0)
                continue;
        }
        (void)start_caller(c, &callers[i],
                           i < n_first ? i + 2 : i - n_first + 1);
    }
    (void)sem_post(&gate.may_go);
    for (size_t i = 0; i <= n; i++)
        (void)pthread_join(callers[i].thread, NULL);
    (void)sem_destroy(&gate.is_there);
    (void)sem_destroy(&gate.may_go);
}

bool batches_go_on(const struct ledger *l)
{
    return l->committer.book.store->goes_on;
}
