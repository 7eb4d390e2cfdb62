#ifndef ENGINE_ENGINE_H
#define ENGINE_ENGINE_H

#include <stdatomic.h>

#include "server/plan/plan.h"

/*
 * An engine holds the data of one dataset and turns a plan's statement into
 * exact integers per group.  Calls block; a worker thread makes them.  Several
 * workers may run queries on one engine at the same time.
 *
 * Errors say only "the engine failed": their text could carry data.  Details go
 * to the operator's log without values (the engine's own message is dropped).
 */
struct engine;

/* Rows of one statement; lives in the request arena. */
struct engine_result {
    struct value *keys;        /* n_rows * n_keys: touched until released */
    struct dp_exact *measures; /* n_rows * n_measures */
    size_t n_rows;
};

struct engine_ops {
    /*
     * Run plan->sql with `secret` (32 bytes, keys the bounding hash).
     * ERR_OK; ERR_MISS the engine failed; ERR_LIMIT more than PLAN_GROUPS_MAX
     * groups or the arena is full; ERR_CANCELLED / ERR_DEADLINE when `stop`
     * was set.  `stop` is polled at least every 100 ms.
     */
    enum err_code (*run)(struct engine *e, struct engine_result *out,
                         const struct plan *plan, const uint8_t secret[32],
                         const atomic_int *stop, struct arena *a,
                         struct err *err);
    void (*close)(struct engine *e);
};

struct engine {
    const struct engine_ops *ops;
};

struct engine_options {
    uint64_t memory_limit; /* bytes; 0 = the engine's default */
    unsigned threads;      /* 0 = one per core */
};

/*
 * Open the source a policy names and check its schema against the policy's
 * columns (names and types; no values are read).
 *
 * ERR_INVALID    a column is missing or has another type; says which, where
 * ERR_NOT_FOUND  the file cannot be opened
 */
enum err_code engine_open(struct engine **out, const struct policy *policy,
                          const struct engine_options *options,
                          struct err *err) MUST_CHECK;

static inline void engine_close(struct engine *e)
{
    if (e)
        e->ops->close(e);
}

static inline enum err_code
engine_run(struct engine *e, struct engine_result *out, const struct plan *plan,
           const uint8_t secret[32], const atomic_int *stop, struct arena *a,
           struct err *err)
{
    return e->ops->run(e, out, plan, secret, stop, a, err);
}

#endif
