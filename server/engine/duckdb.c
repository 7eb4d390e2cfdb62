#include "server/engine/duckdb.h"

#include <assert.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "server/engine/duck_bound.h"
#include "server/engine/duck_found.h"
#include "server/engine/duck_gate.h"
#include "server/engine/duck_guard.h"
#include "server/engine/duck_keep.h"
#include "server/engine/mapper.h"
#include "server/engine/result.h"
#include "server/engine/rollups.h"
#include "server/engine/stopper.h"
#include "server/engine/views.h"

enum {
    SECRET_LEN = 32,
    IDLE_MAX = 16,          /* connections kept between queries */
    NAP_NS = 200 * 1000,    /* while other threads have all the work */
    OPEN_MEMORY = 64 << 20, /* bytes for names and paths while opening */
};

struct duckdb_engine {
    struct engine base;
    struct duck duck;
    struct engine_options options;
    struct stopper stopper;
    struct rollups *rollups; /* NULL: none */
    struct duck_gate *gate;
    struct mapper *mapper;       /* NULL: rows are not mapped */
    struct stamp_paths *paths;   /* of the mapper */
    struct stamp_look *attached; /* likewise */
    const struct policy *policy; /* borrowed */
    pthread_mutex_t lock; /* guards idle, n_idle; never held during a query */
    duckdb_connection idle[IDLE_MAX];
    size_t n_idle;
    struct duck_keep_key key; /* of the first run's secret, for good */
    struct duck_heap heap;    /* of what aggregates of ours keep of people */
    bool has_key;             /* under the lock */
};

/* What one run owns besides its connection. */
struct run {
    duckdb_connection con;
    duckdb_prepared_statement st;
    duckdb_pending_result pending;
    duckdb_result result;
    struct result_chunks chunks;
    struct duck_pin *pin; /* borrowed */
    bool full;            /* it failed, for the heap has no more */
    bool moved;           /* its rows are not those that were mapped */
};

/*
 * A connection for one run.  The first one brings the secret, before anything
 * reads it; a server has one for its life.
 */
static void know(struct duckdb_engine *e, const uint8_t *secret)
{
    if (e->has_key)
        return;
    memcpy(e->key.bytes, secret, SECRET_LEN);
    e->has_key = true;
    rollups_start(e->rollups);
}

static duckdb_connection take(struct duckdb_engine *e, const uint8_t *secret)
{
    duckdb_connection con = NULL;
    (void)pthread_mutex_lock(&e->lock);
    know(e, secret);
    assert(memcmp(e->key.bytes, secret, SECRET_LEN) == 0);
    if (e->n_idle)
        con = e->idle[--e->n_idle];
    (void)pthread_mutex_unlock(&e->lock);
    if (!con && duckdb_connect(e->duck.db, &con) != DuckDBSuccess)
        con = NULL;
    return con;
}

static void give_back(struct duckdb_engine *e, duckdb_connection con)
{
    (void)pthread_mutex_lock(&e->lock);
    if (e->n_idle < IDLE_MAX) {
        e->idle[e->n_idle++] = con;
        con = NULL;
    }
    (void)pthread_mutex_unlock(&e->lock);
    duckdb_disconnect(&con);
}

static enum err_code miss(const struct duckdb_engine *e, const char *class_name,
                          struct err *err)
{
    if (e->options.failed)
        e->options.failed(e->options.failed_ctx, class_name);
    (void)err_set(err, ERR_MISS, "the engine failed");
    return err_hint(err, "the charge stays; ask the operator, whose log has "
                         "the class of the failure");
}

static enum err_code stopped(int why, struct err *err)
{
    return why == ERR_DEADLINE
               ? err_set(err, ERR_DEADLINE, "the deadline passed")
               : err_set(err, ERR_CANCELLED, "the query was cancelled");
}

/* The rollup's statement, where that binds; hidden since, the rows serve. */
static bool prepare_rollup(struct run *r, const struct duckdb_engine *e,
                           const struct plan *plan)
{
    return plan->rollup && rollups_has(e->rollups, plan->rollup) &&
           duck_prepare(&r->st, r->con, plan->rollup_sql);
}

static enum err_code prepare(struct run *r, const struct duckdb_engine *e,
                             const struct plan *plan, struct err *err)
{
    const bool rolled = prepare_rollup(r, e, plan);
    /* Binding opens the files, so a failure here may be theirs. */
    if (!rolled && !duck_prepare(&r->st, r->con, plan->sql))
        return miss(e, "prepare", err);
    if (!result_fits(r->st, plan) || duckdb_nparams(r->st) != 0)
        return err_set(err, ERR_INTERNAL,
                       "the plan's statement has another shape than the plan");
    if (duckdb_pending_prepared(r->st, &r->pending) != DuckDBSuccess)
        return miss(e, "start", err);
    return ERR_OK;
}

/*
 * Work task by task, looking up between; the stopper ends a task that is long.
 * An interrupted query is worked on to its end, which comes with the next task:
 * DuckDB does not free one that is dropped half-way.  It is told so before
 * every task, since DuckDB can miss the first call on a busy machine.
 */
static enum err_code work(struct run *r, const struct duckdb_engine *e,
                          const struct plan *plan, const atomic_int *stop,
                          struct err *err)
{
    const struct timespec nap = { .tv_nsec = NAP_NS };
    duckdb_pending_state state;
    int why = 0;
    do {
        if (!why)
            why = atomic_load_explicit(stop, memory_order_relaxed);
        if (why)
            duckdb_interrupt(r->con);
        state = duckdb_pending_execute_task(r->pending);
        if (state == DUCKDB_PENDING_NO_TASKS_AVAILABLE)
            (void)nanosleep(&nap, NULL);
    } while (state != DUCKDB_PENDING_ERROR &&
             !duckdb_pending_execution_is_finished(state));
    const bool failed =
        state == DUCKDB_PENDING_ERROR ||
        duckdb_execute_pending(r->pending, &r->result) != DuckDBSuccess;
    if (failed && !why) /* the stopper may have been first to see it */
        why = atomic_load_explicit(stop, memory_order_relaxed);
    if (why)
        return stopped(why, err);
    r->moved = !duck_gate_holds(r->pin);
    if (r->moved)
        return ERR_MISS;
    if (!failed)
        return ERR_OK;
    const char *said = state == DUCKDB_PENDING_ERROR
                           ? duckdb_pending_error(r->pending)
                           : duckdb_result_error(&r->result);
    const bool full = said && strstr(said, DUCK_BOUND_FULL);
    r->full = full && plan->spare_sql;
    if (r->full)
        return ERR_MISS;
    return miss(e, full ? "out_of_memory" : duck_error_class(said), err);
}

static enum err_code collect(struct run *r, const struct duckdb_engine *e,
                             const atomic_int *stop, struct err *err)
{
    duckdb_data_chunk chunk;
    while ((chunk = duckdb_fetch_chunk(r->result))) {
        if (!result_keep(&r->chunks, chunk))
            return miss(e, "too_many_groups", err);
        const int why = atomic_load_explicit(stop, memory_order_relaxed);
        if (why)
            return stopped(why, err);
    }
    return ERR_OK;
}

/* Page by page: a chunk is gone when it is decoded. */
static enum err_code turn(struct run *r, struct engine_result *out,
                          const struct duckdb_engine *e,
                          const struct plan *plan, const atomic_int *stop,
                          struct err *err)
{
    struct result_page page = { .rows = { .pages = out->pages } };
    duckdb_data_chunk chunk;
    while ((chunk = duckdb_fetch_chunk(r->result))) {
        bool fits;
        const enum err_code code =
            result_page_add(&fits, &page, chunk, plan, err);
        duckdb_destroy_data_chunk(&chunk);
        if (code != ERR_OK)
            return code;
        if (!fits)
            return miss(e, "result_too_large", err);
        const int why = atomic_load_explicit(stop, memory_order_relaxed);
        if (why)
            return stopped(why, err);
    }
    *out = page.rows;
    return ERR_OK;
}

static enum err_code run_on(struct run *r, struct engine_result *out,
                            const struct duckdb_engine *e,
                            const struct plan *plan, const atomic_int *stop,
                            struct arena *a, struct err *err)
{
    TRY(prepare(r, e, plan, err));
    TRY(work(r, e, plan, stop, err));
    if (out->pages)
        return turn(r, out, e, plan, stop, err);
    TRY(collect(r, e, stop, err));
    if (!result_decode(out, &r->chunks, plan, a))
        return miss(e, "result_too_large", err);
    return ERR_OK;
}

static enum err_code run_one(struct run *r, struct engine_result *out,
                             const struct duckdb_engine *e,
                             const struct plan *plan, const atomic_int *stop,
                             struct arena *a, struct err *err)
{
    const enum err_code code = run_on(r, out, e, plan, stop, a, err);
    result_fini(&r->chunks);
    duckdb_destroy_result(&r->result);
    duckdb_destroy_pending(&r->pending);
    duckdb_destroy_prepare(&r->st);
    return code;
}

/* By the places of rows, or, when these did not hold, again by keys. */
static enum err_code run_once(bool *full, struct engine_result *out,
                              const struct duckdb_engine *e,
                              duckdb_connection con, struct duck_pin *pin,
                              const struct plan *plan, const atomic_int *stop,
                              struct arena *a, struct err *err)
{
    struct run r = { .con = con, .pin = pin };
    enum err_code code = run_one(&r, out, e, plan, stop, a, err);
    if (r.moved) {
        r = (struct run){ .con = con, .pin = pin };
        code = run_one(&r, out, e, plan, stop, a, err);
    }
    *full = r.full;
    return code;
}

/* What one pass cannot keep in memory is done by the spare statement. */
static enum err_code run_either(struct engine_result *out,
                                const struct duckdb_engine *e,
                                duckdb_connection con, struct duck_pin *pin,
                                const struct plan *plan, const atomic_int *stop,
                                struct arena *a, struct err *err)
{
    struct plan spare = *plan;
    bool full;
    const enum err_code code =
        run_once(&full, out, e, con, pin, plan, stop, a, err);
    if (!full)
        return code;
    spare.sql = plan->spare_sql;
    spare.spare_sql = NULL;
    spare.rollup = NULL;
    return run_once(&full, out, e, con, pin, &spare, stop, a, err);
}

static enum err_code run(struct engine *base, struct engine_result *out,
                         const struct plan *plan, const uint8_t secret[32],
                         const atomic_int *stop, struct arena *a,
                         struct err *err)
{
    struct duckdb_engine *e = (struct duckdb_engine *)base;
    duckdb_connection con = take(e, secret);
    if (!con)
        return miss(e, "connect", err);
    struct stopper_run watched = { .con = con, .stop = stop };
    struct duck_pin pin;
    stopper_add(&e->stopper, &watched);
    /* A rollup's rows are no rows of the files: they have keys. */
    const bool rolls = plan->rollup && rollups_has(e->rollups, plan->rollup);
    duck_gate_pin(&pin, e->gate, con, plan->purpose, !rolls);
    const enum err_code code =
        run_either(out, e, con, &pin, plan, stop, a, err);
    stopper_remove(&e->stopper, &watched);
    duck_gate_unpin(&pin, e->gate);
    give_back(e, con);
    return code;
}

/* Keys that are not mapped are looked up: nothing fails by it. */
static void refresh(struct engine *base)
{
    struct duckdb_engine *e = (struct duckdb_engine *)base;
    (void)duck_gate_map(e->gate, &e->duck, e->policy);
    mapper_refresh(e->mapper);
    rollups_refresh(e->rollups);
}

static bool settle(struct engine *base)
{
    struct duckdb_engine *e = (struct duckdb_engine *)base;
    mapper_settle(e->mapper);
    return rollups_settle(e->rollups);
}

static enum err_code find_erased(struct engine *base, struct engine_erased *out,
                                 struct arena *a, struct err *err)
{
    struct duckdb_engine *e = (struct duckdb_engine *)base;
    if (!e->policy->has_consent || !e->options.gate)
        return ERR_OK;
    return duck_found_list(out, &e->duck, e->gate, e->policy, a, err);
}

static void close_engine(struct engine *base)
{
    struct duckdb_engine *e = (struct duckdb_engine *)base;
    rollups_close(e->rollups);
    mapper_close(e->mapper);
    while (e->n_idle)
        duckdb_disconnect(&e->idle[--e->n_idle]);
    stopper_fini(&e->stopper);
    duck_close(&e->duck);
    duck_gate_close(e->gate);
    stamp_paths_free(e->paths);
    free(e->attached);
    (void)pthread_mutex_destroy(&e->lock);
    free(e);
}

static enum err_code set_up(struct duckdb_engine *e,
                            const struct policy *policy, struct arena *a,
                            struct err *err)
{
    struct views views;
    TRY(duck_open(&e->duck, &e->options, err));
    e->heap.most = e->options.memory_limit / 2;
    TRY(duck_keep_register(&e->duck, &e->key, &e->heap, err));
    TRY(duck_guard_register(&e->duck, err));
    TRY(duck_gate_open(&e->gate, &e->duck,
                       policy->has_consent ? e->options.gate : NULL, err));
    TRY(duck_row_register(&e->duck, e->gate, policy, err));
    TRY(views_create(&views, &e->duck, policy, a, err));
    e->paths = views.paths;
    e->attached = views.attached;
    TRY(rollups_open(&e->rollups, &e->duck, policy, &e->options, &e->stopper,
                     err));
    TRY(duck_lock_down(&e->duck, views.files, views.n_files, a, err));
    if (!duck_gate_map(e->gate, &e->duck, policy))
        return err_set(err, ERR_LIMIT,
                       "the keys of the people cannot be read, or need more "
                       "memory than there is");
    if (e->options.gate)
        mapper_open(&e->mapper, &e->duck, e->gate, policy, &e->options,
                    &e->stopper, e->paths, e->attached);
    if (e->options.secret)
        know(e, e->options.secret);
    return ERR_OK;
}

enum err_code engine_duckdb_open(struct engine **out,
                                 const struct policy *policy,
                                 const struct engine_options *options,
                                 struct err *err)
{
    static const struct engine_ops ops = { .run = run,
                                           .refresh = refresh,
                                           .settle = settle,
                                           .find_erased = find_erased,
                                           .close = close_engine };
    struct arena a;
    struct duckdb_engine *e = calloc(1, sizeof *e);
    if (!e)
        return err_set(err, ERR_LIMIT, "out of memory");
    if (!stopper_init(&e->stopper)) {
        free(e);
        return err_set(err, ERR_INTERNAL, "the system refused a thread");
    }
    e->base.ops = &ops;
    e->policy = policy;
    if (options)
        e->options = *options;
    const int locks = pthread_mutex_init(&e->lock, NULL);
    assert(locks == 0);

    arena_init(&a, OPEN_MEMORY);
    const enum err_code code = set_up(e, policy, &a, err);
    arena_fini(&a);
    if (code == ERR_OK)
        *out = &e->base;
    else
        close_engine(&e->base);
    return code;
}
