#include "server/main/workers.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "dp/init.h"
#include "tests/table.h"

enum { STACK = 1 << 20, ROOM = 1 << 16 };

static struct workers *pool(unsigned n, unsigned queue_len)
{
    struct workers *w = NULL;
    struct err err = { 0 };
    const struct workers_options options = { .n = n,
                                             .queue_len = queue_len,
                                             .arena_cap = ROOM,
                                             .stack_len = STACK,
                                             .clock = clock_system() };
    assert_int_equal(workers_new(&w, &options, &err), ERR_OK);
    return w;
}

static void nap_ms(long ms)
{
    (void)nanosleep(&(struct timespec){ .tv_nsec = ms * 1000000 }, NULL);
}

/* A job that waits for a gate, then counts itself. */
struct gated {
    struct work work; /* first */
    atomic_int *gate, *done;
};

static void run_gated(struct work *work, struct worker *worker)
{
    struct gated *g = (struct gated *)(void *)work;
    /* Each job starts with an empty arena, no limit and no stop. */
    if (worker->arena.used == 0 && atomic_load(&worker->stop) == 0 &&
        arena_alloc(&worker->arena, ROOM / 2, 1)) {
        while (!atomic_load(g->gate))
            nap_ms(1);
        atomic_fetch_add(g->done, 1);
    }
}

/* What does not fit is refused; what was taken runs, also while closing. */
static void check_bounded(void **state)
{
    enum { QUEUE = 4 };
    atomic_int gate = 0, done = 0;
    struct gated jobs[QUEUE + 2];
    struct workers *w = pool(1, QUEUE);
    (void)state;
    for (size_t i = 0; i < QUEUE + 2; i++)
        jobs[i] = (struct gated){ { .owner = (unsigned)i, .run = run_gated },
                                  &gate,
                                  &done };
    assert_true(workers_submit(w, &jobs[0].work));
    nap_ms(50); /* the worker has it now */
    for (size_t i = 1; i <= QUEUE; i++)
        assert_true(workers_submit(w, &jobs[i].work));
    assert_false(workers_submit(w, &jobs[QUEUE + 1].work));
    atomic_store(&gate, 1);
    workers_free(w);
    assert_int_equal(atomic_load(&done), QUEUE + 1);
}

/* One owner fills what he may; another is served all the same. */
static void check_shares(void **state)
{
    enum { WORKERS = 4, QUEUE = 8, MANY = WORKERS + QUEUE };
    atomic_int gate = 0, open = 1, done = 0, other_done = 0;
    struct gated greedy[MANY], other[2];
    struct workers *w = pool(WORKERS, QUEUE);
    unsigned taken = 0;
    (void)state;
    for (size_t i = 0; i < MANY; i++) {
        greedy[i] =
            (struct gated){ { .owner = 7, .run = run_gated }, &gate, &done };
        taken += workers_submit(w, &greedy[i].work);
        if (i < WORKERS)
            nap_ms(20); /* for a worker to have it */
    }
    assert_int_equal(taken, 3 + 6); /* of 4 workers, of a queue of 8 */
    for (size_t i = 0; i < 2; i++) {
        other[i] = (struct gated){ { .owner = 8, .run = run_gated },
                                   &open,
                                   &other_done };
        assert_true(workers_submit(w, &other[i].work));
    }
    for (int i = 0; i < 2000 && atomic_load(&other_done) < 2; i++)
        nap_ms(1);
    assert_int_equal(atomic_load(&other_done), 2);
    assert_int_equal(atomic_load(&done), 0);
    atomic_store(&gate, 1);
    workers_free(w);
    assert_int_equal(atomic_load(&done), taken);
}

struct limited {
    struct work work; /* first */
    atomic_int stopped;
};

static void run_limited(struct work *work, struct worker *worker)
{
    struct limited *l = (struct limited *)(void *)work;
    worker_limit(worker, clock_mono_ns(clock_system()) + 30 * 1000000);
    for (int i = 0; i < 5000 && atomic_load(&worker->stop) == 0; i++)
        nap_ms(1);
    atomic_store(&l->stopped, atomic_load(&worker->stop));
}

static void check_limit(void **state)
{
    struct limited job = { .work.run = run_limited };
    struct workers *w = pool(1, 1);
    (void)state;
    assert_true(workers_submit(w, &job.work));
    workers_free(w);
    assert_int_equal(atomic_load(&job.stopped), ERR_DEADLINE);
}

/* Many submitters, many workers: every job runs once. */
enum { SUBMITTERS = 4, EACH = 500 };
struct submitter {
    struct workers *pool;
    struct gated jobs[EACH];
};

static void *submit_all(void *arg)
{
    struct submitter *s = arg;
    for (size_t i = 0; i < EACH; i++)
        while (!workers_submit(s->pool, &s->jobs[i].work))
            nap_ms(1);
    return NULL;
}

static void check_many(void **state)
{
    static struct submitter submitters[SUBMITTERS];
    pthread_t threads[SUBMITTERS];
    atomic_int gate = 1, done = 0;
    struct workers *w = pool(3, 16);
    (void)state;
    for (size_t t = 0; t < SUBMITTERS; t++) {
        submitters[t].pool = w;
        for (size_t i = 0; i < EACH; i++)
            submitters[t].jobs[i] = (struct gated){
                { .owner = (unsigned)t, .run = run_gated }, &gate, &done
            };
        assert_int_equal(
            pthread_create(&threads[t], NULL, submit_all, &submitters[t]), 0);
    }
    for (size_t t = 0; t < SUBMITTERS; t++)
        (void)pthread_join(threads[t], NULL);
    workers_free(w);
    assert_int_equal(atomic_load(&done), SUBMITTERS * EACH);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(check_bounded),
                                        cmocka_unit_test(check_shares),
                                        cmocka_unit_test(check_limit),
                                        cmocka_unit_test(check_many) };
    dp_init();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
