#include "server/engine/swap.h"

#include <assert.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "server/engine/duck_rewrite.h"
#include "server/engine/duckdb.h"

enum { TRIES = 600, NAP_NS = 100 * 1000 * 1000 };

/* One engine, closed when nobody has it any more. */
struct held {
    struct engine *engine; /* owned */
    size_t refs;           /* under the lock */
};

struct swap {
    struct engine base;
    const struct policy *policy;   /* borrowed */
    struct engine_options options; /* what it points to is borrowed */
    pthread_mutex_t lock;          /* guards what follows */
    struct held *now;
    size_t n_runs;
    dev_t device; /* of the database file that `now` has open */
    ino_t inode;
    pthread_mutex_t erasing; /* one at a time */
};

static struct held *keep(struct swap *s, bool runs)
{
    (void)pthread_mutex_lock(&s->lock);
    struct held *h = s->now;
    h->refs++;
    s->n_runs += runs;
    (void)pthread_mutex_unlock(&s->lock);
    return h;
}

static void drop(struct swap *s, struct held *h, bool ran)
{
    (void)pthread_mutex_lock(&s->lock);
    const bool is_last = --h->refs == 0;
    s->n_runs -= ran;
    (void)pthread_mutex_unlock(&s->lock);
    if (!is_last)
        return;
    engine_close(h->engine);
    free(h);
}

static enum err_code run(struct engine *base, struct engine_result *out,
                         const struct plan *plan, const uint8_t secret[32],
                         const atomic_int *stop, struct arena *a,
                         struct err *err)
{
    struct swap *s = (struct swap *)base;
    struct held *h = keep(s, true);
    const enum err_code code =
        engine_run(h->engine, out, plan, secret, stop, a, err);
    drop(s, h, true);
    return code;
}

/* ---- another one ---- */

static enum err_code open_held(struct held **out, const struct swap *s,
                               struct err *err)
{
    struct held *h = calloc(1, sizeof *h);
    if (!h)
        return err_set(err, ERR_LIMIT, "out of memory");
    h->refs = 1;
    const enum err_code code =
        engine_duckdb_open(&h->engine, s->policy, &s->options, err);
    if (code == ERR_OK)
        *out = h;
    else
        free(h);
    return code;
}

/* Which file the database is now; 0: the policy has none. */
static void identify(const struct swap *s, dev_t *device, ino_t *inode)
{
    struct stat st = { .st_ino = 0 };
    if (s->policy->source == SOURCE_DUCKDB)
        (void)stat(s->policy->database, &st);
    *device = st.st_dev;
    *inode = st.st_ino;
}

/* What was opened stays when the new one cannot be. */
static enum err_code reopen(struct swap *s, struct err *err)
{
    struct held *fresh;
    dev_t device;
    ino_t inode;
    identify(s, &device, &inode);
    TRY(open_held(&fresh, s, err));
    (void)pthread_mutex_lock(&s->lock);
    struct held *old = s->now;
    s->now = fresh;
    s->device = device;
    s->inode = inode;
    (void)pthread_mutex_unlock(&s->lock);
    drop(s, old, false);
    return ERR_OK;
}

static bool is_replaced(struct swap *s)
{
    dev_t device;
    ino_t inode;
    identify(s, &device, &inode);
    (void)pthread_mutex_lock(&s->lock);
    const bool replaced =
        inode != 0 && (inode != s->inode || device != s->device);
    (void)pthread_mutex_unlock(&s->lock);
    return replaced;
}

static void refresh(struct engine *base)
{
    struct swap *s = (struct swap *)base;
    struct err ignored;
    if (is_replaced(s) && reopen(s, &ignored) == ERR_OK)
        return;
    struct held *h = keep(s, false);
    engine_refresh(h->engine);
    drop(s, h, false);
}

static bool settle(struct engine *base)
{
    struct swap *s = (struct swap *)base;
    struct held *h = keep(s, false);
    const bool ok = engine_settle(h->engine);
    drop(s, h, false);
    return ok;
}

/* ---- erasing ---- */

static enum err_code find_erased(struct engine *base, struct engine_erased *out,
                                 struct arena *a, struct err *err)
{
    struct swap *s = (struct swap *)base;
    struct held *h = keep(s, false);
    const enum err_code code = engine_find_erased(h->engine, out, a, err);
    drop(s, h, false);
    return code;
}

/* A moment in which no query runs, and none begins until go_on. */
static bool wait_idle(void *ctx)
{
    struct swap *s = ctx;
    const struct timespec nap = { .tv_nsec = NAP_NS };
    for (int i = 0; i < TRIES; i++) {
        (void)pthread_mutex_lock(&s->lock);
        if (s->n_runs == 0)
            return true;
        (void)pthread_mutex_unlock(&s->lock);
        (void)nanosleep(&nap, NULL);
    }
    return false;
}

static void go_on(void *ctx)
{
    (void)pthread_mutex_unlock(&((struct swap *)ctx)->lock);
}

static enum err_code erase(struct engine *base,
                           const struct engine_erased *whom, struct err *err)
{
    struct swap *s = (struct swap *)base;
    const struct duck_rewrite r = { .policy = s->policy,
                                    .options = &s->options,
                                    .whom = whom,
                                    .wait_idle = wait_idle,
                                    .go_on = go_on,
                                    .ctx = s };
    (void)pthread_mutex_lock(&s->erasing);
    enum err_code code = duck_rewrite_run(&r, err);
    if (code == ERR_OK && s->policy->source == SOURCE_DUCKDB)
        code = reopen(s, err);
    else if (code == ERR_OK)
        refresh(base);
    (void)pthread_mutex_unlock(&s->erasing);
    return code;
}

static bool can_erase(struct engine *base)
{
    const struct policy *p = ((struct swap *)base)->policy;
    return p->erasure.executes && duck_rewrite_can(p);
}

/* ---- life ---- */

static void close_swap(struct engine *base)
{
    struct swap *s = (struct swap *)base;
    if (s->now) {
        assert(s->now->refs == 1);
        drop(s, s->now, false);
    }
    (void)pthread_mutex_destroy(&s->lock);
    (void)pthread_mutex_destroy(&s->erasing);
    free(s);
}

enum err_code engine_swap_open(struct engine **out, const struct policy *policy,
                               const struct engine_options *options,
                               struct err *err)
{
    static const struct engine_ops ops = { .run = run,
                                           .refresh = refresh,
                                           .settle = settle,
                                           .find_erased = find_erased,
                                           .erase = erase,
                                           .can_erase = can_erase,
                                           .close = close_swap };
    struct swap *s = calloc(1, sizeof *s);
    if (!s)
        return err_set(err, ERR_LIMIT, "out of memory");
    s->base.ops = &ops;
    s->policy = policy;
    if (options)
        s->options = *options;
    (void)pthread_mutex_init(&s->lock, NULL);
    (void)pthread_mutex_init(&s->erasing, NULL);
    if (policy->erasure.executes)
        duck_rewrite_clean(policy);
    identify(s, &s->device, &s->inode);
    const enum err_code code = open_held(&s->now, s, err);
    if (code == ERR_OK)
        *out = &s->base;
    else
        close_swap(&s->base);
    return code;
}
