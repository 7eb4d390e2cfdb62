#ifndef MAIN_WORKERS_H
#define MAIN_WORKERS_H

#include <gsl/gsl_rng.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "server/base/arena.h"
#include "server/base/clock.h"
#include "server/base/err.h"

/*
 * A bounded pool of threads for work that blocks: parsing (64 MB of stack),
 * planning, charging, running the engine.  The queue is bounded, too; what does
 * not fit is refused, before anything was charged.
 *
 * No owner (a caller) may hold all of it: a quarter of the workers and of the
 * queue stay for others, so that one who asks for all he can delays nobody else
 * by more than a job.  Within that, first come, first served.
 *
 * Each worker has a random generator and an arena of its own, which is reset
 * before each job.  A watchdog sets a worker's `stop` to ERR_DEADLINE when the
 * time the job set with worker_limit() has come.
 */
struct workers;

struct worker {
    gsl_rng *rng;              /* owned */
    struct arena arena;        /* of the job */
    atomic_int stop;           /* for engine_ops.run */
    _Atomic uint64_t limit_ns; /* monotonic; 0 = none */
    struct workers *pool;
};

/* Owners are told apart by a number of theirs below this; a few may share. */
enum { WORK_OWNERS = 1024 };

/* Embedded in the owner's object; run() may free it. */
struct work {
    struct work *next; /* the queue's */
    unsigned owner;    /* less than WORK_OWNERS */
    void (*run)(struct work *work, struct worker *worker);
    bool is_quiet; /* does not show among the busy workers */
};

struct workers_options {
    unsigned n;          /* threads, at least 1 */
    unsigned queue_len;  /* jobs that may wait */
    size_t arena_cap;    /* bytes a job may use */
    size_t stack_len;    /* bytes */
    struct clock *clock; /* borrowed */
};

enum err_code workers_new(struct workers **out,
                          const struct workers_options *options,
                          struct err *err) MUST_CHECK;

/* False when the queue is full, or the owner's share of it, or the pool is
 * closing; work is untouched. */
bool workers_submit(struct workers *w, struct work *work) MUST_CHECK;

/* Finish what is queued, then end the threads and free.  NULL is allowed. */
void workers_free(struct workers *w);

/* The running job shall stop at this time; a limit_run of service_call. */
void worker_limit(void *worker, uint64_t deadline_ns);

#endif
