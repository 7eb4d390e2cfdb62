#include "server/main/erasing.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <time.h>

#include "server/base/log.h"
#include "server/consent/erase.h"
#include "server/query/refusal.h"

enum { ARENA_MAX = 256 << 20, US_PER_S = 1000000 };

/* ---- one dataset ---- */

static enum err_code tell(const struct dataset *d,
                          const struct engine_erased *found, int64_t looked_us,
                          int64_t deleted_us, struct arena *a, struct err *err)
{
    const char **subjects = ARENA_NEW_N(a, found->n + 1, const char *);
    if (!subjects)
        return err_set(err, ERR_LIMIT, "too many people were erased");
    for (size_t i = 0; i < found->n; i++)
        subjects[i] = found->v[i].subject;
    const struct erasure_seen seen = { .dataset = d->policy->id,
                                       .looked_us = looked_us,
                                       .deleted_us = deleted_us,
                                       .subjects = subjects,
                                       .n_subjects = found->n };
    return consent_erasure_seen(d->consent, d->circle, &seen, err);
}

/* *saw: what follows depends on whether anybody was found. */
static enum err_code look(const struct dataset *d, bool *saw, struct arena *a,
                          struct err *err)
{
    struct engine_erased found;
    struct err why = { 0 };
    enum err_code deleted = ERR_OK;
    int64_t looked_us, deleted_us = 0;
    TRY(consent_erasure_look(d->consent, &looked_us, err));
    TRY(engine_find_erased(d->engine, &found, a, err));
    *saw = true;
    if (engine_can_erase(d->engine)) {
        deleted_us = looked_us;
        if (found.n > 0) {
            deleted = engine_erase(d->engine, &found, &why);
            TRY(consent_erasure_look(d->consent, &looked_us, err));
            TRY(engine_find_erased(d->engine, &found, a, err));
        }
        deleted_us = deleted == ERR_OK ? deleted_us : 0;
    }
    TRY(tell(d, &found, looked_us, deleted_us, a, err));
    if (deleted != ERR_OK)
        *err = why;
    return deleted;
}

static enum err_code pass(const struct dataset *d, bool *saw, struct err *err)
{
    struct arena a;
    *saw = false;
    if (!d->consent)
        return ERR_OK;
    /* It may lack that somebody came back: her new rows are not to go. */
    if (consent_is_held(d->consent))
        return refuse(err, REFUSAL_REGISTER_HELD, REFUSAL_NOWHERE, NULL, NULL);
    arena_init(&a, ARENA_MAX);
    const enum err_code code = look(d, saw, &a, err);
    arena_fini(&a);
    return code;
}

enum err_code erasing_pass(const struct dataset *d, struct err *err)
{
    bool ignored;
    return pass(d, &ignored, err);
}

/* ---- all of them, by the clock ---- */

struct eraser {
    struct clock *clock; /* borrowed */
    pthread_t thread;
    bool has_thread;
    pthread_mutex_t lock; /* guards what follows */
    pthread_cond_t wakes;
    struct world *world; /* a reference; or NULL */
    bool is_new, stops;
};

static void say(const struct dataset *d, const char *what)
{
    log_event(LOG_ERASURE_FAILED,
              (struct log_fields){ .dataset = d->policy->id, .what = what });
}

/* The log says what fails whoever was erased, or nobody: a line about what was
 * deleted, or was not, would move with what one person did.  That is for the
 * steward to see. */
static void pass_alone(const struct dataset *d)
{
    struct err ignored;
    bool saw;
    if (pass(d, &saw, &ignored) != ERR_OK && !saw)
        say(d, "look");
    if (d->policy->erasure.executes && !engine_can_erase(d->engine))
        say(d, "write");
}

static void pass_due(struct world *w, bool all, int64_t from_us, int64_t to_us)
{
    for (size_t i = 0; i < w->n_datasets; i++) {
        const struct dataset *d = w->datasets[i];
        const int64_t every_us = (int64_t)d->policy->erasure.every_s * US_PER_S;
        if (d->consent && (all || from_us / every_us != to_us / every_us))
            pass_alone(d);
    }
}

/* Under the lock: a second, or until something happens. */
static void wait_a_little(struct eraser *e)
{
    struct timespec until;
    (void)clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec++;
    int rc = 0;
    while (!e->stops && !e->is_new && rc == 0)
        rc = pthread_cond_clockwait(&e->wakes, &e->lock, CLOCK_MONOTONIC,
                                    &until);
}

static void *run(void *arg)
{
    struct eraser *e = arg;
    int64_t seen_us = clock_wall_us(e->clock);
    (void)pthread_mutex_lock(&e->lock);
    while (!e->stops) {
        wait_a_little(e);
        const bool all = e->is_new;
        struct world *w = !e->stops && e->world ? world_keep(e->world) : NULL;
        e->is_new = false;
        (void)pthread_mutex_unlock(&e->lock);
        const int64_t now_us = clock_wall_us(e->clock);
        if (w)
            pass_due(w, all, seen_us, now_us);
        world_drop(w);
        seen_us = now_us;
        (void)pthread_mutex_lock(&e->lock);
    }
    (void)pthread_mutex_unlock(&e->lock);
    return NULL;
}

/* Signals are the acceptor's. */
static bool start(struct eraser *e)
{
    sigset_t all, before;
    (void)sigfillset(&all);
    (void)pthread_sigmask(SIG_SETMASK, &all, &before);
    e->has_thread = pthread_create(&e->thread, NULL, run, e) == 0;
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    return e->has_thread;
}

enum err_code eraser_new(struct eraser **out, struct clock *clock,
                         struct err *err)
{
    struct eraser *e = calloc(1, sizeof *e);
    if (!e)
        return err_set(err, ERR_INTERNAL, "no memory");
    e->clock = clock;
    (void)pthread_mutex_init(&e->lock, NULL);
    (void)pthread_cond_init(&e->wakes, NULL);
    if (!start(e)) {
        eraser_free(e);
        return err_set(err, ERR_INTERNAL, "the system refused a thread");
    }
    *out = e;
    return ERR_OK;
}

void eraser_world(struct eraser *e, struct world *w)
{
    struct world *next = world_keep(w);
    (void)pthread_mutex_lock(&e->lock);
    struct world *old = e->world;
    e->world = next;
    e->is_new = true;
    (void)pthread_cond_signal(&e->wakes);
    (void)pthread_mutex_unlock(&e->lock);
    world_drop(old);
}

void eraser_free(struct eraser *e)
{
    if (!e)
        return;
    (void)pthread_mutex_lock(&e->lock);
    e->stops = true;
    (void)pthread_cond_signal(&e->wakes);
    (void)pthread_mutex_unlock(&e->lock);
    if (e->has_thread)
        (void)pthread_join(e->thread, NULL);
    world_drop(e->world);
    (void)pthread_cond_destroy(&e->wakes);
    (void)pthread_mutex_destroy(&e->lock);
    free(e);
}
