#include "server/ledger/committer.h"

#include <errno.h>
#include <signal.h>
#include <time.h>

#include "server/metrics/metrics.h"

enum { NS_PER_S = 1000000000, PRIMARY_CODE = 0xff };

bool committer_failed(const struct committer *c)
{
    return atomic_load(&c->failed);
}

static enum err_code say_failed(struct err *err)
{
    (void)err_set(err, ERR_UNAVAILABLE,
                  "The ledger could not be written, and the server stops.");
    return err_hint(err, "Ask again with the same idempotency key when the "
                         "server is back: nothing is charged twice.");
}

static void fail(struct committer *c)
{
    atomic_store(&c->failed, true);
    metrics_set(&metrics.ledger_failed, 1);
}

static void commit(struct book *b, size_t n)
{
    const bool writes =
        sqlite3_txn_state(b->store.db, NULL) == SQLITE_TXN_WRITE;
    const uint64_t start_ns = clock_mono_ns(b->clock);
    store_run(&b->store, SQL_COMMIT, "");
    if (!writes)
        return;
    metrics_add(&metrics.ledger_commits_total, 1);
    metrics_add(&metrics.ledger_changes_total, n);
    metrics_add(&metrics.ledger_commit_ns_total,
                clock_mono_ns(b->clock) - start_ns);
}

/* One transaction; true when it is durable. */
static bool run_batch(struct committer *c, struct work *batch)
{
    struct book *b = &c->book;
    size_t n = 0;
    b->moved = b->resolved = false;
    store_run(&b->store, SQL_BEGIN, "");
    for (struct work *w = batch; w && b->store.rc == SQLITE_OK; w = w->next) {
        w->rung = c->rung;
        w->code = w->exec(b, w);
        n++;
    }
    counters_flush(&b->counters, &b->store);
    commit(b, n);
    if (b->store.rc == SQLITE_OK) {
        counters_trim(&b->counters);
        return true;
    }
    return false;
}

/* Undo; true when the file itself is well and only refused what was asked. */
static bool undo_batch(struct committer *c)
{
    const int rc = c->book.store.rc & PRIMARY_CODE;
    store_rollback(&c->book.store);
    counters_forget(&c->book.counters);
    return c->book.store.rc == SQLITE_OK &&
           (rc == SQLITE_CONSTRAINT || rc == SQLITE_TOOBIG ||
            rc == SQLITE_RANGE);
}

static void ring(struct committer *c)
{
    (void)pthread_mutex_lock(&c->bell_lock);
    c->rung++;
    (void)pthread_cond_broadcast(&c->bell);
    (void)pthread_mutex_unlock(&c->bell_lock);
}

/* After this the works belong to their callers again. */
static void wake_all(struct committer *c, struct work *batch)
{
    if (c->book.moved)
        atomic_fetch_add(&c->epoch, 1);
    if (c->book.resolved)
        ring(c);
    while (batch) {
        struct work *next = batch->next;
        (void)sem_post(&batch->done);
        batch = next;
    }
}

static void fail_all(struct committer *c, struct work *batch)
{
    c->book.moved = c->book.resolved = false;
    for (struct work *w = batch; w; w = w->next)
        w->code = say_failed(w->err);
    wake_all(c, batch);
    ring(c); /* those who wait for a charge hear of it, too */
}

static void run_singly(struct committer *c, struct work *batch)
{
    while (batch) {
        struct work *w = batch;
        batch = batch->next;
        w->next = NULL;
        if (!committer_failed(c) && !run_batch(c, w)) {
            if (undo_batch(c))
                w->code = err_set(w->err, ERR_INTERNAL,
                                  "The ledger's constraints refused this "
                                  "operation; nothing was changed.");
            else
                fail(c);
        }
        if (committer_failed(c))
            fail_all(c, w);
        else
            wake_all(c, w);
    }
}

static void serve(struct committer *c, struct work *batch)
{
    if (committer_failed(c)) {
        fail_all(c, batch);
    } else if (run_batch(c, batch)) {
        wake_all(c, batch);
    } else if (undo_batch(c)) {
        run_singly(c, batch);
    } else {
        fail(c);
        fail_all(c, batch);
    }
}

/* Between batches, so that nobody waits behind it twice. */
static void checkpoint(struct committer *c)
{
    struct store *s = &c->book.store;
    if (committer_failed(c) || s->log_pages < c->checkpoint_pages)
        return;
    s->log_pages = 0;
    store_checkpoint(s);
    metrics_add(&metrics.ledger_checkpoints_total, 1);
    if (s->rc != SQLITE_OK)
        fail(c);
}

/* NULL when it is time to end. */
static struct work *take_queue(struct committer *c)
{
    (void)pthread_mutex_lock(&c->lock);
    while (!c->head && !c->is_stopping)
        (void)pthread_cond_wait(&c->queued, &c->lock);
    struct work *batch = c->head;
    c->head = NULL;
    c->tail = &c->head;
    (void)pthread_mutex_unlock(&c->lock);
    return batch;
}

static void *serve_forever(void *arg)
{
    struct committer *c = arg;
    struct work *batch;
    while ((batch = take_queue(c))) {
        serve(c, batch);
        checkpoint(c);
    }
    return NULL;
}

enum err_code committer_start(struct committer *c, struct err *err)
{
    c->tail = &c->head;
    (void)pthread_mutex_init(&c->lock, NULL);
    (void)pthread_cond_init(&c->queued, NULL);
    (void)pthread_mutex_init(&c->bell_lock, NULL);
    (void)pthread_cond_init(&c->bell, NULL);

    sigset_t all, before; /* signals are for the threads that expect them */
    (void)sigfillset(&all);
    (void)pthread_sigmask(SIG_SETMASK, &all, &before);
    const int rc = pthread_create(&c->thread, NULL, serve_forever, c);
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    return rc ? err_set(err, ERR_INTERNAL, "cannot start the ledger's thread")
              : ERR_OK;
}

void committer_stop(struct committer *c)
{
    (void)pthread_mutex_lock(&c->lock);
    c->is_stopping = true;
    (void)pthread_cond_signal(&c->queued);
    (void)pthread_mutex_unlock(&c->lock);
    (void)pthread_join(c->thread, NULL);
}

enum err_code committer_run(struct committer *c, struct work *w)
{
    if (committer_failed(c))
        return say_failed(w->err);
    (void)sem_init(&w->done, 0, 0);
    w->next = NULL;
    (void)pthread_mutex_lock(&c->lock);
    const bool was_empty = !c->head;
    *c->tail = w;
    c->tail = &w->next;
    if (was_empty)
        (void)pthread_cond_signal(&c->queued);
    (void)pthread_mutex_unlock(&c->lock);
    while (sem_wait(&w->done) != 0 && errno == EINTR)
        continue;
    (void)sem_destroy(&w->done);
    return w->code;
}

void committer_listen(struct committer *c, uint64_t rung, uint64_t wait_ns)
{
    struct timespec until;
    (void)clock_gettime(CLOCK_MONOTONIC, &until);
    const uint64_t ns = (uint64_t)until.tv_nsec + wait_ns;
    until.tv_sec += (time_t)(ns / NS_PER_S);
    until.tv_nsec = (long)(ns % NS_PER_S);

    (void)pthread_mutex_lock(&c->bell_lock);
    int rc = 0;
    while (c->rung == rung && rc == 0)
        rc = pthread_cond_clockwait(&c->bell, &c->bell_lock, CLOCK_MONOTONIC,
                                    &until);
    (void)pthread_mutex_unlock(&c->bell_lock);
}
