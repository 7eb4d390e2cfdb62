#ifndef LEDGER_COMMITTER_H
#define LEDGER_COMMITTER_H

#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>

#include "server/ledger/book.h"

/*
 * The one thread that touches the file.
 *
 *   caller: queue a work, sleep ----.
 *   committer: take the whole queue -> BEGIN, each work, COMMIT -> wake all
 *
 * What is queued while a commit runs is the next batch: no timer, and a lone
 * caller never waits for company.  A caller is woken only after the commit that
 * holds its work is durable.
 *
 * An operation that the file's constraints refuse is refused alone: the batch
 * is rolled back and run again one by one.  Any other error of the file ends
 * everything (committer_failed).
 */
struct work {
    enum err_code (*exec)(struct book *b, struct work *w);
    struct err *err;    /* borrowed */
    enum err_code code; /* outcome */
    uint64_t rung;      /* of the bell, when this ran */
    sem_t done;
    struct work *next;
};

struct committer {
    struct book book; /* the committer thread's alone while it runs */
    pthread_t thread;
    uint32_t checkpoint_pages;

    pthread_mutex_t lock; /* of head, tail, is_stopping */
    pthread_cond_t queued;
    struct work *head, **tail;
    bool is_stopping;

    _Atomic bool failed;
    _Atomic uint64_t epoch; /* commits that charged or voided */

    pthread_mutex_t bell_lock; /* of rung; only the committer writes it */
    pthread_cond_t bell;       /* some charge was resolved */
    uint64_t rung;
};

/* `c->book` is open and booted.  ERR_INTERNAL when no thread can be had. */
enum err_code committer_start(struct committer *c, struct err *err) MUST_CHECK;

/* Finish what is queued, then end the thread. */
void committer_stop(struct committer *c);

/* Run w->exec in a transaction; returns when it is durable, or failed. */
enum err_code committer_run(struct committer *c, struct work *w) MUST_CHECK;

/* Sleep until a charge is resolved after `rung`, or for at most wait_ns. */
void committer_listen(struct committer *c, uint64_t rung, uint64_t wait_ns);

bool committer_failed(const struct committer *c);

#endif
