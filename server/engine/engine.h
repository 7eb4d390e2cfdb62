#ifndef ENGINE_ENGINE_H
#define ENGINE_ENGINE_H

#include <stdatomic.h>

#include "server/engine/gate.h"
#include "server/plan/plan.h"

/*
 * An engine holds the data of one dataset and turns a plan's statement into
 * exact integers per group.  Calls block; a worker thread makes them.  Several
 * workers may run queries on one engine at the same time.
 *
 * Errors say only "the engine failed": the engine's own message could carry
 * data and is dropped.  The operator hears one word, the class of the failure,
 * through engine_options.failed.
 *
 * What files and results can hold that a reply cannot becomes the nearest value
 * that can be shown: infinite dates and times are NULL, a NUL inside a text key
 * is U+2400, a text key is cut after ENGINE_TEXT_MAX bytes.  Two groups may
 * then look alike; they stay two rows.
 */
struct engine;

enum { ENGINE_TEXT_MAX = 4096 }; /* bytes of a text key */

/* More groups than this cannot be held at once.  Public keys are never that
 * many; privately selected ones come in pages. */
enum { ENGINE_GROUPS_MAX = 10 * 1000 * 1000 };

struct engine_result;

/*
 * A result handed over in pages: how many groups there are does not matter
 * then. Each is gone when `take` returns; an error of `take` ends the run with
 * it.
 */
struct engine_pages {
    size_t rows; /* of a page at most, > 0 */
    size_t text; /* it is also full when the text of its keys passes this; a
                    page's text is at most ENGINE_SLICE rows longer */
    struct arena *arena; /* of a page, and reset behind it; not the request's */
    enum err_code (*take)(void *ctx, const struct engine_result *page,
                          struct err *err);
    void *ctx;
};
enum { ENGINE_SLICE = 64 };

/* Rows of one statement; lives in the request arena, or that of `pages`. */
struct engine_result {
    const struct engine_pages *pages; /* in: NULL = all rows at once */
    struct value *keys;        /* n_rows * n_keys: touched until released */
    struct dp_exact *measures; /* n_rows * n_measures */
    size_t n_rows;
};

/* Somebody who was erased and is in the data. */
struct engine_found {
    const char *key;     /* of her rows, as text; NULL: only a map has her */
    const char *subject; /* as the gate calls her */
};
struct engine_erased {
    struct engine_found *v;
    size_t n;
};

struct engine_ops {
    /*
     * `out` says how rows are handed over (pages) and is else zero.
     * Run plan->sql, or plan->rollup_sql where that rollup is built, whose
     * columns are k0.. for the keys, then m0.. for the measures (integers),
     * with `secret` (32 bytes, keys the bounding hash) as $1.  `stop` is 0, or
     * becomes ERR_DEADLINE or any other value (cancelled) from any thread; it
     * is polled at least every 100 ms.
     *
     * ERR_OK         *out is filled in, rows in no particular order; with
     *                pages, those that `take` was not called with: the last of
     *                them, which is not empty unless there was no row
     * ERR_MISS       the engine failed, or what it found does not fit into `a`
     *                or passes ENGINE_GROUPS_MAX
     * ERR_CANCELLED  `stop` was set; ERR_DEADLINE when to that
     * ERR_INTERNAL   plan->sql is not one SELECT of the plan's shape
     */
    enum err_code (*run)(struct engine *e, struct engine_result *out,
                         const struct plan *plan, const uint8_t secret[32],
                         const atomic_int *stop, struct arena *a,
                         struct err *err);
    /* Build what is kept beside the data again; NULL: nothing is. */
    void (*refresh)(struct engine *e);
    /* Wait until that is done; false when it failed.  NULL as above. */
    bool (*settle)(struct engine *e);
    /* NULL as above: see engine_find_erased, engine_erase. */
    enum err_code (*find_erased)(struct engine *e, struct engine_erased *out,
                                 struct arena *a, struct err *err);
    enum err_code (*erase)(struct engine *e, const struct engine_erased *whom,
                           struct err *err);
    bool (*can_erase)(struct engine *e);
    void (*close)(struct engine *e);
};

struct engine {
    const struct engine_ops *ops;
};

struct engine_options {
    uint64_t memory_limit; /* bytes; 0 = the engine's default */
    unsigned threads;      /* 0 = one per core */
    const char *temp_dir;  /* private folder for what does not fit into memory;
                              NULL = such queries fail (a miss) */
    /* Called on each failure with its class ("out_of_memory", "io", ...): a
     * static word, never data.  Any worker thread; may be NULL. */
    void (*failed)(void *ctx, const char *class_name);
    void *failed_ctx;
    /* Called after each build of a rollup, by its thread, with the class of its
     * failure or NULL, and failed_ctx; may be NULL. */
    void (*built)(void *ctx, const char *dataset, const char *rollup,
                  const char *class_name);
    const struct gate *gate; /* who counts, where the policy asks for consent;
                                borrowed; NULL: nobody */
    const uint8_t *secret; /* 32 bytes, those of every run, copied; NULL: known
                              with the first run, and rollups wait for it */
};

/*
 * Open the source a policy names and check its schema against the policy's
 * columns (names and types; no values are read).  Data is read in place by each
 * run.  Several files of one table are written as a glob pattern, expanded now.
 *
 * ERR_INVALID    a column is missing or has another type; says which, where
 * ERR_NOT_FOUND  the file cannot be opened
 * ERR_INTERNAL   the engine does not start
 */
enum err_code engine_open(struct engine **out, const struct policy *policy,
                          const struct engine_options *options,
                          struct err *err) MUST_CHECK;

static inline void engine_close(struct engine *e)
{
    if (e)
        e->ops->close(e);
}

/* The files may have changed under one data version: rollups read them again.
 */
static inline void engine_refresh(struct engine *e)
{
    if (e->ops->refresh)
        e->ops->refresh(e);
}

/* Waits until rollups are built, for tests and benchmarks; false when one
 * cannot be. */
static inline bool engine_settle(struct engine *e)
{
    return !e->ops->settle || e->ops->settle(e);
}

/*
 * Who of those that the gate says were erased has rows in the data, or stands
 * in the map of subjects.  ERR_UNAVAILABLE: the data could not be read, or not
 * by this engine;
 * ERR_LIMIT: `a` is full.
 */
static inline enum err_code engine_find_erased(struct engine *e,
                                               struct engine_erased *out,
                                               struct arena *a, struct err *err)
{
    *out = (struct engine_erased){ .n = 0 };
    if (e->ops->find_erased)
        return e->ops->find_erased(e, out, a, err);
    return err_set(err, ERR_UNAVAILABLE,
                   "this engine cannot look for people who were erased");
}

/* Does the policy allow it, and can the sources be written? */
static inline bool engine_can_erase(struct engine *e)
{
    return e->ops->can_erase && e->ops->can_erase(e);
}

/*
 * Delete the rows of these people from the sources, for good: each file is
 * written anew without them beside the old one and then takes its place.  Runs
 * go on meanwhile, on the old files or the new ones.  A crash leaves either.
 *
 * ERR_UNAVAILABLE  a file changed meanwhile, is written by somebody else, or
 *                  was always read: try again
 * ERR_INTERNAL     a file cannot be written anew: which, and why not
 */
static inline enum err_code engine_erase(struct engine *e,
                                         const struct engine_erased *whom,
                                         struct err *err)
{
    return e->ops->erase(e, whom, err);
}

static inline enum err_code
engine_run(struct engine *e, struct engine_result *out, const struct plan *plan,
           const uint8_t secret[32], const atomic_int *stop, struct arena *a,
           struct err *err)
{
    return e->ops->run(e, out, plan, secret, stop, a, err);
}

#endif
