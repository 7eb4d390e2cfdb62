#include "tests/sim/shared.h"

#include <assert.h>
#include <stdlib.h>

#include "server/ledger/store_sqlite.h"
#include "tests/lib_fault_vfs.h"
#include "tests/wrap.h"

enum { LINKS = 64, ALIVE_S = 10, US_PER_S = 1000000 };

struct link {
    struct store base;
    struct shared *shared;
    bool is_cut;
    bool carried; /* of the commit that broke off */
    bool in_transaction;
    uint64_t seen; /* commits */
};

struct shared {
    struct shared_options o;
    struct store *file;        /* owned */
    struct link *links[LINKS]; /* owned by their ledgers */
    size_t n;
    uint64_t commits;
};

static struct shared *serving; /* store_open's */

static void open_file(struct shared *s)
{
    struct err err;
    const enum err_code code = store_sqlite_open(&s->file, s->o.path, &err);
    assert(code == ERR_OK);
}

struct shared *shared_new(const struct shared_options *o)
{
    struct shared *s = calloc(1, sizeof *s);
    assert(s);
    s->o = *o;
    open_file(s);
    return s;
}

void shared_free(struct shared *s)
{
    store_close(s->file);
    if (serving == s)
        serving = NULL;
    free(s);
}

void shared_heal(struct shared *s)
{
    s->o.breaks = 0;
}

void shared_serve(struct shared *s)
{
    serving = s;
}

struct store *shared_newest(struct shared *s)
{
    assert(s->n > 0);
    return &s->links[s->n - 1]->base;
}

void shared_cut(struct store *connection)
{
    struct link *l = (struct link *)connection;
    assert(!l->in_transaction); /* whoever pauses is between two */
    l->is_cut = true;
}

void shared_power_lost(struct shared *s)
{
    for (size_t i = 0; i < s->n; i++)
        s->links[i]->is_cut = true;
    fault_vfs_plan((struct fault_plan){ .kind = FAULT_CRASH, .at = 1 });
    store_close(s->file);
    fault_vfs_crash((enum fault_keep)baton_pick(s->o.baton, 3),
                    baton_pick(s->o.baton, UINT64_MAX));
    open_file(s);
}

/* ---- one connection ---- */

static struct link *of(struct store *s)
{
    return (struct link *)s;
}

static struct store *file_of(struct store *s)
{
    return of(s)->shared->file;
}

/* The file's error is the connection's. */
static void pass_on(struct store *s)
{
    const struct store *file = file_of(s);
    if (file->rc != STORE_OK)
        store_fail(s, file->rc, file->why);
}

static bool start(struct store *s, enum sql sql, const char *types, va_list *ap)
{
    struct store *file = file_of(s);
    const bool found =
        file->rc == STORE_OK && file->ops->start(file, sql, types, ap);
    pass_on(s);
    return found;
}

static void run(struct store *s, enum sql sql, const char *types, va_list *ap)
{
    struct store *file = file_of(s);
    if (file->rc == STORE_OK)
        file->ops->run(file, sql, types, ap);
    pass_on(s);
}

static bool query(struct store *s, const char *text, const char *types,
                  va_list *ap)
{
    struct store *file = file_of(s);
    const bool found =
        file->rc == STORE_OK && file->ops->query(file, text, types, ap);
    pass_on(s);
    return found;
}

static bool next(struct store *s, enum sql sql)
{
    const bool found = store_next(file_of(s), sql);
    pass_on(s);
    return found;
}

static void end(struct store *s, enum sql sql)
{
    store_end(file_of(s), sql);
}

static int64_t integer(struct store *s, enum sql sql, int column)
{
    return store_int(file_of(s), sql, column);
}

static const void *bytes(struct store *s, enum sql sql, int column, size_t *len)
{
    return file_of(s)->ops->bytes(file_of(s), sql, column, len);
}

static void begin(struct store *s)
{
    struct link *l = of(s);
    struct store *file = file_of(s);
    if (l->is_cut) {
        store_fail(s, STORE_FAILED, "nobody is there");
        return;
    }
    store_begin(file);
    l->in_transaction = true;
    s->now_us = baton_now_us(l->shared->o.baton);
    s->has_news = l->seen != l->shared->commits && !l->shared->o.reads_nothing;
    l->seen = l->shared->commits;
    s->is_over = false;
    if (s->boot && store_query(file, "SELECT settled FROM boots WHERE id = ?",
                               "i", s->boot)) {
        s->is_over = store_int(file, SQL_QUERY, 0) != 0;
        store_end(file, SQL_QUERY);
    }
    pass_on(s);
}

static bool writes(struct store *s)
{
    return store_writes(file_of(s));
}

static void finish(struct link *l, bool commits)
{
    struct store *file = l->shared->file;
    if (commits)
        store_commit(file);
    if (!commits || file->rc != STORE_OK)
        store_rollback(file);
    l->in_transaction = false;
}

static void commit(struct store *s)
{
    struct link *l = of(s);
    struct shared *d = l->shared;
    const bool wrote = store_writes(file_of(s));
    if (wrote && d->o.breaks && baton_chance(d->o.baton, d->o.breaks)) {
        l->carried = baton_chance(d->o.baton, 2);
        finish(l, l->carried);
        d->commits += l->carried;
        store_fail(s, STORE_LOST, "the connection broke");
        return;
    }
    store_commit(file_of(s));
    pass_on(s);
    l->in_transaction = false;
    d->commits += wrote;
    l->seen = d->commits;
}

static void rollback(struct store *s)
{
    finish(of(s), false);
}

static bool recover(struct store *s, bool *committed)
{
    struct link *l = of(s);
    *committed = l->carried || l->shared->o.believes;
    s->rc = STORE_OK;
    l->seen = 0; /* others may have been at it meanwhile */
    return true;
}

static bool tidy(struct store *s, uint32_t pages)
{
    const bool is_done = store_tidy(file_of(s), pages);
    pass_on(s);
    return is_done;
}

static void checkpoint(struct store *s)
{
    store_checkpoint(file_of(s));
}

static void drop(struct store *s)
{
    struct link *l = of(s);
    struct shared *d = l->shared;
    for (size_t i = 0; i < d->n; i++)
        if (d->links[i] == l)
            d->links[i--] = d->links[--d->n];
    free(l);
}

/* In the place of store.c's (--wrap). */
WRAPPED(store_open);
enum err_code __wrap_store_open(struct store **out, const char *where,
                                struct err *err)
{
    static const struct store_ops ops = { .start = start,
                                          .run = run,
                                          .query = query,
                                          .next = next,
                                          .end = end,
                                          .integer = integer,
                                          .bytes = bytes,
                                          .begin = begin,
                                          .writes = writes,
                                          .commit = commit,
                                          .rollback = rollback,
                                          .recover = recover,
                                          .tidy = tidy,
                                          .checkpoint = checkpoint,
                                          .close = drop };
    if (!serving)
        return __real_store_open(out, where, err);
    struct link *l = calloc(1, sizeof *l);
    assert(l && serving->n < LINKS);
    l->shared = serving;
    l->base.ops = &ops;
    l->base.alive_us = (int64_t)ALIVE_S * US_PER_S;
    serving->links[serving->n++] = l;
    *out = &l->base;
    return ERR_OK;
}
