#include "server/ledger/committer.h"

#include <assert.h>
#include <errno.h>
#include <time.h>

#include "server/metrics/metrics.h"

enum { NS_PER_S = 1000000000 };

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
    const bool writes = store_writes(b->store);
    const uint64_t start_ns = clock_mono_ns(b->clock);
    store_commit(b->store);
    if (!writes)
        return;
    metrics_add(&metrics.ledger_commits_total, 1);
    metrics_add(&metrics.ledger_changes_total, n);
    metrics_add(&metrics.ledger_commit_ns_total,
                clock_mono_ns(b->clock) - start_ns);
}

/* Those that are last behind the others; else as they came. */
static struct work *in_order(struct work *batch)
{
    struct work *first = NULL, **end = &first, *last = NULL, **last_end = &last;
    for (; batch; batch = batch->next) {
        struct work ***to = batch->is_last ? &last_end : &end;
        **to = batch;
        *to = &batch->next;
    }
    *last_end = NULL;
    *end = last;
    return first;
}

static struct work *take_queue(struct committer *c)
{
    (void)pthread_mutex_lock(&c->lock);
    struct work *batch = c->head;
    c->head = NULL;
    c->tail = &c->head;
    (void)pthread_mutex_unlock(&c->lock);
    return in_order(batch);
}

static void ask_for(struct book *b, const struct work *batch)
{
    for (const struct work *w = batch; w; w = w->next)
        if (w->ask)
            w->ask(b, w);
}

static void ask_anew(struct book *b, const struct work *batch)
{
    b->asked_us = 0;
    ask_for(b, batch);
}

/* Who came while other servers had their turns is of the batch, too.  A server
 * that is alone waits for nobody: while some callers wake, others commit. */
static void join_late(struct committer *c, struct work *batch)
{
    enum { ROUNDS = 2 };
    while (batch->next)
        batch = batch->next;
    for (int i = 0; i < ROUNDS && c->book.store->rc == STORE_OK; i++) {
        batch->next = take_queue(c);
        if (!batch->next)
            return;
        ask_for(&c->book, batch->next);
        store_look(c->book.store);
        while (batch->next)
            batch = batch->next;
    }
}

/* What waits is the next batch, when the store can begin it already. */
static void go_on(struct committer *c)
{
    struct book *b = &c->book;
    if (!b->store->goes_on)
        return;
    if (!c->ahead)
        c->ahead = take_queue(c);
    if (!c->ahead)
        return;
    ask_anew(b, c->ahead);
    store_go_on(b->store);
}

/* One transaction; true when it is durable. */
static bool run_batch(struct committer *c, struct work *batch, bool is_alone)
{
    struct book *b = &c->book;
    size_t n = 0;
    if (!b->store->has_begun)
        ask_anew(b, batch);
    b->moved = b->resolved = false;
    b->stored = b->asked = 0;
    book_begin(b);
    if (!is_alone && b->store->expects_news)
        join_late(c, batch);
    for (struct work *w = batch; w && b->store->rc == STORE_OK; w = w->next) {
        w->rung = c->rung;
        w->code = w->exec(b, w);
        n++;
    }
    book_prune(b);
    counters_flush(&b->counters, b->store);
    if (!is_alone)
        go_on(c);
    commit(b, n);
    if (b->store->rc == STORE_OK) {
        counters_trim(&b->counters);
        journal_keep(&b->journal);
        return true;
    }
    return false;
}

/* What the open transaction changed in memory. */
static void forget_batch(struct committer *c)
{
    counters_forget(&c->book.counters);
    journal_undo(&c->book.journal);
    book_forget_misses(&c->book);
    c->book.newest = -1;
}

/* Undo; true when the file itself is well and only refused what was asked. */
static bool undo_batch(struct committer *c)
{
    const enum store_rc rc = c->book.store->rc;
    store_rollback(c->book.store);
    forget_batch(c);
    return c->book.store->rc == STORE_OK && rc == STORE_REFUSED;
}

static void ring(struct committer *c)
{
    (void)pthread_mutex_lock(&c->bell_lock);
    c->rung++;
    (void)pthread_cond_broadcast(&c->bell);
    (void)pthread_mutex_unlock(&c->bell_lock);
}

/* Those who wait for what this batch may have freed or resolved. */
static void tell(struct committer *c)
{
    if (c->book.moved)
        atomic_fetch_add(&c->epoch, 1);
    if (c->book.resolved)
        ring(c);
}

/* After this the works belong to their callers again. */
static void wake_all(struct work *batch)
{
    while (batch) {
        struct work *next = batch->next; /* w is gone once it is woken */
        batch->is_done = true;
        (void)sem_post(&batch->woken);
        batch = next;
    }
}

static void fail_all(struct committer *c, struct work *batch)
{
    c->book.moved = false;
    c->book.resolved = true; /* those who wait for a charge hear of it, too */
    for (struct work *w = batch; w; w = w->next)
        w->code = say_failed(w->err);
}

/* A transaction whose connection broke: it is committed, or it is run again. */
static bool run_or_recover(struct committer *c, struct work *batch,
                           bool is_alone)
{
    bool committed = run_batch(c, batch, is_alone);
    while (!committed && c->book.store->rc == STORE_LOST) {
        if (!store_recover(c->book.store, &committed))
            return false;
        metrics_add(&metrics.ledger_recovered_total, 1);
        if (committed) {
            journal_keep(&c->book.journal);
            return true;
        }
        forget_batch(c);
        committed = run_batch(c, batch, is_alone);
    }
    return committed;
}

static void run_singly(struct committer *c, struct work *batch)
{
    while (batch) {
        struct work *w = batch;
        batch = batch->next;
        w->next = NULL;
        if (!committer_failed(c) && !run_or_recover(c, w, true)) {
            if (undo_batch(c))
                w->code = err_set(w->err, ERR_INTERNAL,
                                  "The ledger's constraints refused this "
                                  "operation; nothing was changed.");
            else
                fail(c);
        }
        if (committer_failed(c))
            fail_all(c, w);
        tell(c);
        wake_all(w);
    }
}

/* Returns the works that are to be woken: the batch, or nothing any more. */
static struct work *serve(struct committer *c, struct work *batch)
{
    if (committer_failed(c)) {
        fail_all(c, batch);
    } else if (!run_or_recover(c, batch, false)) {
        if (undo_batch(c)) {
            run_singly(c, batch);
            return NULL;
        }
        fail(c);
        fail_all(c, batch);
    }
    tell(c);
    return batch;
}

/* What the batch before left to do. */
static void tidy(struct committer *c)
{
    struct store *s = c->book.store;
    if (committer_failed(c))
        return;
    if (store_tidy(s, c->checkpoint_pages))
        metrics_add(&metrics.ledger_checkpoints_total, 1);
    if (s->rc != STORE_OK)
        fail(c);
}

/* The next leader is whoever waits longest, or the next to come. */
static void hand_over(struct committer *c)
{
    (void)pthread_mutex_lock(&c->lock);
    struct work *first = c->ahead ? c->ahead : c->head;
    c->is_led = first != NULL;
    (void)pthread_mutex_unlock(&c->lock);
    if (first)
        (void)sem_post(&first->woken);
}

/* A leader's own work is in the batch it takes: it is queued before it leads.
 * The next one leads while this one wakes its batch. */
static void lead(struct committer *c)
{
    tidy(c);
    struct work *batch = c->ahead ? c->ahead : take_queue(c);
    c->ahead = NULL;
    batch = serve(c, batch);
    hand_over(c);
    wake_all(batch);
}

void committer_init(struct committer *c)
{
    c->tail = &c->head;
    (void)pthread_mutex_init(&c->lock, NULL);
    (void)pthread_mutex_init(&c->bell_lock, NULL);
    (void)pthread_cond_init(&c->bell, NULL);
}

void committer_fini(struct committer *c)
{
    assert(!c->head && !c->ahead && !c->is_led);
    (void)pthread_cond_destroy(&c->bell);
    (void)pthread_mutex_destroy(&c->bell_lock);
    (void)pthread_mutex_destroy(&c->lock);
}

static void sleep_on(struct work *w)
{
    while (sem_wait(&w->woken) != 0 && errno == EINTR)
        continue;
}

enum err_code committer_run(struct committer *c, struct work *w)
{
    if (committer_failed(c))
        return say_failed(w->err);
    (void)sem_init(&w->woken, 0, 0);
    w->is_done = false;
    w->next = NULL;
    (void)pthread_mutex_lock(&c->lock);
    const bool leads = !c->is_led;
    c->is_led = true;
    *c->tail = w;
    c->tail = &w->next;
    (void)pthread_mutex_unlock(&c->lock);
    if (!leads)
        sleep_on(w);
    if (!w->is_done) {
        lead(c);
        sleep_on(w); /* its own post, so that the semaphore is at rest */
    }
    (void)sem_destroy(&w->woken);
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
