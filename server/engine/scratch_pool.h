#ifndef ENGINE_SCRATCH_POOL_H
#define ENGINE_SCRATCH_POOL_H

#include "server/base/err.h"
#include "server/engine/scratch_wire.h"

/*
 * The processes that answer statements about the catalog (scratch_worker.h).
 *
 *   NONE --started--> IDLE <--> ASKED --late, dead, senseless--> killed: NONE
 *
 * A process starts when it is needed and stays; one that was killed is started
 * again at once.  It is asked one call at a time.  A caller prefers a process
 * that has his database; no owner has all of them, and of those who wait the
 * one whose owner has least comes next.  Any thread.
 */
struct scratch_pool;

/*
 * `program` is started with SCRATCH_WORKER_ARG; borrowed.  "/proc/self/exe" is
 * the running program, even after its file was replaced.  A statement has
 * `wait_ms`, 0 for SCRATCH_WAIT_MS.  NULL: no memory.
 */
struct scratch_pool *scratch_pool_new(const char *program, unsigned wait_ms);

/* Ends the processes.  Nobody may be asking.  NULL is allowed. */
void scratch_pool_free(struct scratch_pool *p);

struct scratch_pool_ask {
    uint64_t owner;
    struct scratch_call *call; /* ASK or DESCRIBE; wait_ms is the pool's */
    const char *script;        /* should the process not know call->id */
};

/*
 * One call.  The reply is ROWS, FAILED, LATE or LARGE, in `a`; one of less room
 * than the reply needs is LARGE.
 *
 * ERR_LIMIT        the process died of it, or did not end in time, or the
 *                  statement is too long: a refusal
 * ERR_UNAVAILABLE  no process was free for as long
 * ERR_INTERNAL     no process starts, or the script does not build
 */
enum err_code scratch_pool_call(struct scratch_reply *out,
                                struct scratch_pool *p,
                                const struct scratch_pool_ask *ask,
                                struct arena *a, struct err *err) MUST_CHECK;

/* For tests: the process numbers, 0 where there is none. */
void scratch_pool_pids(struct scratch_pool *p, int pids[], unsigned n);

#endif
