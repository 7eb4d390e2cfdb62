#include "tests/sim/baton.h"

#include <assert.h>
#include <pthread.h>
#include <semaphore.h>
#include <setjmp.h>
#include <stdlib.h>

enum { ACTORS = 256, STACK = 8 << 20 };

struct actor {
    struct baton *baton;
    bool is_used, is_dead, is_over;
    int group;
    int64_t wake_us;
    sem_t turn;
    pthread_t thread;
    jmp_buf start;
    baton_fn *fn;
    void *arg; /* owned */
};

struct baton {
    struct actor actors[ACTORS];
    struct actor *running; /* NULL: the scheduler */
    sem_t scheduler;
    uint64_t random;
    int64_t now_us;
};

struct baton *baton_new(uint64_t seed, int64_t wall_us)
{
    struct baton *b = calloc(1, sizeof *b);
    assert(b);
    b->random = seed;
    b->now_us = wall_us;
    (void)sem_init(&b->scheduler, 0, 0);
    return b;
}

void baton_free(struct baton *b)
{
    (void)sem_destroy(&b->scheduler);
    free(b);
}

/* splitmix64 */
uint64_t baton_pick(struct baton *b, uint64_t n)
{
    uint64_t z = (b->random += UINT64_C(0x9e3779b97f4a7c15));
    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return (z ^ z >> 31) % n;
}

bool baton_chance(struct baton *b, uint64_t one_in)
{
    return baton_pick(b, one_in) == 0;
}

int64_t baton_now_us(const struct baton *b)
{
    return b->now_us;
}

static void wait_for(sem_t *s)
{
    while (sem_wait(s) != 0)
        continue;
}

static void *run(void *arg)
{
    struct actor *a = arg;
    wait_for(&a->turn);
    if (setjmp(a->start) == 0 && !a->is_dead)
        a->fn(a->arg);
    a->is_over = true;
    (void)sem_post(&a->baton->scheduler);
    return NULL;
}

void baton_spawn(struct baton *b, int group, uint64_t delay_us, baton_fn *fn,
                 void *arg)
{
    struct actor *a = b->actors;
    pthread_attr_t attr;
    while (a < b->actors + ACTORS && a->is_used)
        a++;
    assert(a < b->actors + ACTORS);
    *a = (struct actor){ .baton = b,
                         .is_used = true,
                         .group = group,
                         .wake_us = b->now_us + (int64_t)delay_us,
                         .fn = fn,
                         .arg = arg };
    (void)sem_init(&a->turn, 0, 0);
    (void)pthread_attr_init(&attr);
    (void)pthread_attr_setstacksize(&attr, STACK);
    const int rc = pthread_create(&a->thread, &attr, run, a);
    assert(rc == 0);
    (void)pthread_attr_destroy(&attr);
}

/* One of those whose time has come; the clock moves when it must. */
static struct actor *choose(struct baton *b)
{
    struct actor *ready[ACTORS], *next = NULL;
    size_t n = 0;
    for (struct actor *a = b->actors; a < b->actors + ACTORS; a++)
        if (a->is_used && (!next || a->wake_us < next->wake_us))
            next = a;
    if (!next)
        return NULL;
    if (next->wake_us > b->now_us)
        b->now_us = next->wake_us;
    for (struct actor *a = b->actors; a < b->actors + ACTORS; a++)
        if (a->is_used && a->wake_us <= b->now_us)
            ready[n++] = a;
    return ready[baton_pick(b, n)];
}

void baton_run(struct baton *b)
{
    for (struct actor *a; (a = choose(b)) != NULL;) {
        b->running = a;
        (void)sem_post(&a->turn);
        wait_for(&b->scheduler);
        b->running = NULL;
        if (!a->is_over)
            continue;
        (void)pthread_join(a->thread, NULL);
        (void)sem_destroy(&a->turn);
        free(a->arg);
        a->is_used = false;
    }
}

void baton_pause(struct baton *b, uint64_t delay_us)
{
    struct actor *a = b->running;
    assert(a);
    a->wake_us = b->now_us + (int64_t)delay_us;
    (void)sem_post(&b->scheduler);
    wait_for(&a->turn);
    if (a->is_dead)
        longjmp(a->start, 1);
}

void baton_kill(struct baton *b, int group)
{
    for (struct actor *a = b->actors; a < b->actors + ACTORS; a++)
        if (a->is_used && a->group == group && a != b->running) {
            a->is_dead = true;
            a->wake_us = b->now_us;
        }
}
