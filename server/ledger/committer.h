#ifndef LEDGER_COMMITTER_H
#define LEDGER_COMMITTER_H

#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>

#include "server/ledger/book.h"

/*
 * One caller at a time touches the file, for all who wait.
 *
 *   caller: queue a work --nobody leads--> lead
 *                        '-somebody does-> sleep until done, or made leader
 *   leader: housekeeping when it is time, take the whole queue -> BEGIN, each
 *           work, COMMIT -> make the first of those who queued meanwhile the
 *           next leader, wake all
 *
 * Of a batch those go first that read what is there, then those that add to it
 * (is_last): they came at one time, so that any order is one.
 *
 * What is queued while a commit runs is the next batch: no timer, and a lone
 * caller neither waits for company nor for another thread.  A caller goes on
 * only after the commit that holds its work is durable.
 *
 * An operation that the file's constraints refuse is refused alone: the batch
 * is rolled back and run again one by one.  Any other error of the file ends
 * everything (committer_failed).
 */
struct work {
    enum err_code (*exec)(struct book *b, struct work *w);
    /* What exec will look for, by store_ask; may be NULL. */
    void (*ask)(struct book *b, const struct work *w);
    struct err *err;    /* borrowed */
    enum err_code code; /* outcome */
    uint64_t rung;      /* of the bell, when this ran */
    bool is_last; /* adds rows, which the others then need not look through */
    bool is_done; /* when woken: the outcome is there; else lead */
    sem_t woken;
    struct work *next;
};

struct committer {
    struct book book; /* the leader's alone */
    uint32_t checkpoint_pages;

    pthread_mutex_t lock; /* of head, tail, is_led */
    struct work *head, **tail;
    bool is_led; /* some caller leads */
    struct work
        *ahead; /* the leader's: the next batch, when it is known already */

    _Atomic bool failed;
    _Atomic uint64_t epoch; /* commits that charged or voided */

    pthread_mutex_t bell_lock; /* of rung; only a leader writes it */
    pthread_cond_t bell;       /* some charge was resolved */
    uint64_t rung;
};

/* What ledger.h hides. */
struct ledger {
    struct committer committer;
};

/* `c->book` is open and booted. */
void committer_init(struct committer *c);

/* Nobody is in committer_run any more. */
void committer_fini(struct committer *c);

/* Run w->exec in a transaction; returns when it is durable, or failed. */
enum err_code committer_run(struct committer *c, struct work *w) MUST_CHECK;

/* Sleep until a charge is resolved after `rung`, or for at most wait_ns. */
void committer_listen(struct committer *c, uint64_t rung, uint64_t wait_ns);

bool committer_failed(const struct committer *c);

#endif
