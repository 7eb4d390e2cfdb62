#include "server/engine/rollups.h"

#include <assert.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>

enum { ARENA_CAP = 16 << 20 }; /* bytes for one rollup's statements */
#define NEVER INT64_MAX

/* One rollup.  Of its thread, but for `shown`. */
struct kept {
    const struct policy_table *table;
    const struct policy_rollup *policy;
    atomic_bool shown;
    unsigned generation; /* of the newest build */
    unsigned of_shown;   /* of the tables that are shown; 0 = none */
    int64_t due_s;       /* of the next build, since 1970; or NEVER */
    int64_t shows_s;     /* of the newest build; NEVER: that is over */
    const char *failure; /* its class; NULL: it is built */
};

struct rollups {
    const struct policy *policy;
    struct engine_options options;
    struct duck duck; /* a connection of its own; db is borrowed */
    struct stopper *stopper;
    atomic_int stops; /* not 0: end */
    pthread_t thread;
    pthread_mutex_t lock; /* guards what follows */
    pthread_cond_t changed;
    bool has_thread, refreshes, settled;
    size_t n_failed; /* of the last builds */
    size_t n;
    struct kept each[];
};

static int64_t now_s(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_REALTIME, &t);
    return t.tv_sec;
}

/* The next multiple of its schedule. */
static int64_t next_s(const struct kept *k, int64_t now)
{
    const int64_t every = (int64_t)k->policy->refresh_s;
    return every ? (now / every + 1) * every : NEVER;
}

static bool must_stop(struct rollups *r)
{
    return atomic_load(&r->stops) != 0;
}

/* ---- statements ---- */

/* One by one; the class of the failure, or NULL. */
static const char *exec_all(struct rollups *r, const char *const *sql, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        duckdb_result result;
        const bool ok =
            duckdb_query(r->duck.con, sql[i], &result) == DuckDBSuccess;
        const char *why =
            ok ? NULL : duck_error_class(duckdb_result_error(&result));
        duckdb_destroy_result(&result);
        if (!ok)
            return why;
        if (must_stop(r))
            return "interrupt";
    }
    return NULL;
}

static const char *in_transaction(struct rollups *r, const char *const *sql,
                                  size_t n)
{
    struct stopper_run watched = { .con = r->duck.con, .stop = &r->stops };
    if (!duck_exec(&r->duck, "BEGIN"))
        return "other";
    stopper_add(r->stopper, &watched);
    const char *why = exec_all(r, sql, n);
    stopper_remove(r->stopper, &watched);
    if (!why && !duck_exec(&r->duck, "COMMIT"))
        why = "other";
    if (why)
        (void)duck_exec(&r->duck, "ROLLBACK");
    return why;
}

/* The statements of a generation, which lived in `a`. */
static enum err_code print(struct rollup_sql *out, const struct rollups *r,
                           const struct kept *k, unsigned generation,
                           struct arena *a, struct err *err)
{
    return rollup_print(out, r->policy, k->table, k->policy, generation, a,
                        err);
}

static void drop(struct rollups *r, const struct kept *k, unsigned generation)
{
    struct arena a;
    struct rollup_sql sql;
    struct err err = { 0 };
    arena_init(&a, ARENA_CAP);
    if (generation && print(&sql, r, k, generation, &a, &err) == ERR_OK)
        (void)in_transaction(r, sql.drop, sql.n_drop);
    arena_fini(&a);
}

/* ---- a build ---- */

static void build(struct rollups *r, struct kept *k, int64_t due)
{
    struct arena a;
    struct rollup_sql sql;
    struct err err = { 0 };
    arena_init(&a, ARENA_CAP);
    k->generation++;
    k->failure = "plan";
    if (print(&sql, r, k, k->generation, &a, &err) == ERR_OK)
        k->failure = in_transaction(r, sql.build, sql.n_build);
    arena_fini(&a);
    if (!k->failure) /* columns are compressed by it; fails when others write */
        (void)duck_exec(&r->duck, "CHECKPOINT " ROLLUP_SCHEMA);
    const int64_t takes = (int64_t)k->policy->takes_s;
    k->due_s = next_s(k, now_s());
    k->shows_s = takes ? due + takes : 0;
    if (takes && !k->failure && now_s() >= k->shows_s) {
        drop(r, k, k->generation);
        k->failure = "late";
    }
}

static void tell(const struct rollups *r, const struct kept *k)
{
    if (r->options.built)
        r->options.built(r->options.failed_ctx, r->policy->name,
                         k->policy->name, k->failure);
}

/* Its time has come: what was built is shown in place of what was. */
static void show(struct rollups *r, struct kept *k)
{
    struct arena a;
    struct rollup_sql sql;
    struct err err = { 0 };
    const unsigned old = k->of_shown;
    arena_init(&a, ARENA_CAP);
    if (!k->failure && print(&sql, r, k, k->generation, &a, &err) == ERR_OK) {
        k->failure = in_transaction(r, sql.show, sql.n_show);
        if (k->failure)
            drop(r, k, k->generation);
        else
            k->of_shown = k->generation;
    }
    arena_fini(&a);
    atomic_store(&k->shown, !k->failure);
    k->shows_s = NEVER;
    if (old && !k->failure)
        drop(r, k, old);
    if (!must_stop(r))
        tell(r, k);
}

/* ---- the thread ---- */

/* Builds what is due; all of it when `all`. */
static void build_due(struct rollups *r, bool all, int64_t now)
{
    for (size_t i = 0; i < r->n && !must_stop(r); i++) {
        struct kept *k = &r->each[i];
        if (!all && k->due_s > now)
            continue;
        build(r, k, all ? now : k->due_s);
        if (k->shows_s == 0)
            show(r, k);
    }
}

static bool show_due(struct rollups *r, int64_t now)
{
    bool waits = false;
    for (size_t i = 0; i < r->n; i++) {
        struct kept *k = &r->each[i];
        if (k->shows_s <= now)
            show(r, k);
        waits |= k->shows_s != NEVER;
    }
    return waits;
}

static int64_t wakes_s(const struct rollups *r)
{
    int64_t at = NEVER;
    for (size_t i = 0; i < r->n; i++) {
        at = r->each[i].due_s < at ? r->each[i].due_s : at;
        at = r->each[i].shows_s < at ? r->each[i].shows_s : at;
    }
    return at;
}

static void note_settled(struct rollups *r, bool waits)
{
    r->n_failed = 0;
    for (size_t i = 0; i < r->n; i++)
        r->n_failed += r->each[i].failure != NULL;
    r->settled = !waits && !r->refreshes;
    (void)pthread_cond_broadcast(&r->changed);
}

static void *on_thread(void *ctx)
{
    struct rollups *r = ctx;
    bool all = true;
    while (!must_stop(r)) {
        build_due(r, all, now_s());
        const bool waits = show_due(r, now_s());
        (void)pthread_mutex_lock(&r->lock);
        note_settled(r, waits);
        const int64_t at = wakes_s(r);
        const struct timespec until = { .tv_sec = at };
        while (!must_stop(r) && !r->refreshes && now_s() < at)
            if (at == NEVER)
                (void)pthread_cond_wait(&r->changed, &r->lock);
            else
                (void)pthread_cond_timedwait(&r->changed, &r->lock, &until);
        all = r->refreshes;
        r->refreshes = false;
        (void)pthread_mutex_unlock(&r->lock);
    }
    return NULL;
}

/* ---- for the engine ---- */

static size_t count(const struct policy *p)
{
    size_t n = 0;
    for (size_t i = 0; i < p->n_tables; i++)
        n += p->tables[i].n_rollups;
    return n;
}

/* A policy whose rollups cannot be asked for does not start. */
static enum err_code fill(struct rollups *r, struct err *err)
{
    struct rollup_sql unused;
    struct arena a;
    enum err_code code = ERR_OK;
    for (size_t i = 0; i < r->policy->n_tables; i++) {
        const struct policy_table *t = &r->policy->tables[i];
        for (size_t j = 0; j < t->n_rollups && code == ERR_OK; j++) {
            struct kept *k = &r->each[r->n++];
            k->table = t;
            k->policy = &t->rollups[j];
            k->due_s = k->shows_s = NEVER;
            arena_init(&a, ARENA_CAP);
            code = print(&unused, r, k, 1, &a, err);
            arena_fini(&a);
        }
    }
    return code;
}

static enum err_code set_up(struct rollups *r, struct duck *d, struct err *err)
{
    TRY(fill(r, err));
    r->duck.db = d->db;
    if (duck_exec(d, "ATTACH ':memory:' AS " ROLLUP_SCHEMA " (COMPRESS)") &&
        duckdb_connect(d->db, &r->duck.con) == DuckDBSuccess)
        return ERR_OK;
    return err_set(err, ERR_INTERNAL, "DuckDB has no room for rollups");
}

enum err_code rollups_open(struct rollups **out, struct duck *d,
                           const struct policy *policy,
                           const struct engine_options *options,
                           struct stopper *stopper, struct err *err)
{
    const size_t n = count(policy);
    *out = NULL;
    if (n == 0)
        return ERR_OK;
    struct rollups *r = calloc(1, sizeof *r + n * sizeof r->each[0]);
    if (!r)
        return err_set(err, ERR_LIMIT, "out of memory");
    r->policy = policy;
    r->options = *options;
    r->stopper = stopper;
    const int locks = pthread_mutex_init(&r->lock, NULL);
    const int conds = pthread_cond_init(&r->changed, NULL);
    assert(locks == 0 && conds == 0);
    const enum err_code code = set_up(r, d, err);
    if (code == ERR_OK)
        *out = r;
    else
        rollups_close(r);
    return code;
}

void rollups_start(struct rollups *r)
{
    if (!r || r->has_thread)
        return;
    /* Without a thread none is ever shown, and the rows serve. */
    r->has_thread = pthread_create(&r->thread, NULL, on_thread, r) == 0;
}

void rollups_refresh(struct rollups *r)
{
    if (!r)
        return;
    (void)pthread_mutex_lock(&r->lock);
    r->refreshes = true;
    r->settled = false;
    (void)pthread_cond_broadcast(&r->changed);
    (void)pthread_mutex_unlock(&r->lock);
}

bool rollups_has(struct rollups *r, const struct policy_rollup *which)
{
    for (size_t i = 0; r && i < r->n; i++)
        if (r->each[i].policy == which)
            return atomic_load(&r->each[i].shown);
    return false;
}

bool rollups_settle(struct rollups *r)
{
    if (!r)
        return true;
    (void)pthread_mutex_lock(&r->lock);
    while (r->has_thread && !r->settled)
        (void)pthread_cond_wait(&r->changed, &r->lock);
    const bool ok = r->has_thread && r->n_failed == 0;
    (void)pthread_mutex_unlock(&r->lock);
    return ok;
}

void rollups_close(struct rollups *r)
{
    if (!r)
        return;
    (void)pthread_mutex_lock(&r->lock);
    atomic_store(&r->stops, ERR_CANCELLED);
    (void)pthread_cond_broadcast(&r->changed);
    (void)pthread_mutex_unlock(&r->lock);
    if (r->has_thread)
        (void)pthread_join(r->thread, NULL);
    duckdb_disconnect(&r->duck.con);
    (void)pthread_cond_destroy(&r->changed);
    (void)pthread_mutex_destroy(&r->lock);
    free(r);
}
