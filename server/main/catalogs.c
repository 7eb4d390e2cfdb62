#include "server/main/catalogs.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "server/main/world.h"

struct entry {
    char *user, *database;
    struct catalog *catalog;
    unsigned refs; /* askers, and one while it is kept */
    uint64_t used;
};

struct catalogs {
    pthread_mutex_t lock;
    struct entry *entries[CATALOGS_MAX];
    uint64_t uses;
    struct scratch_pool *pool; /* borrowed */
};

static void entry_drop(struct entry *e)
{
    if (!e || --e->refs)
        return;
    catalog_close(e->catalog);
    free(e->user);
    free(e->database);
    free(e);
}

struct catalogs *catalogs_new(struct scratch_pool *pool)
{
    struct catalogs *c = calloc(1, sizeof *c);
    if (!c)
        return NULL;
    c->pool = pool;
    pthread_mutex_init(&c->lock, NULL);
    return c;
}

void catalogs_free(struct catalogs *c)
{
    if (!c)
        return;
    for (size_t i = 0; i < CATALOGS_MAX; i++)
        entry_drop(c->entries[i]);
    pthread_mutex_destroy(&c->lock);
    free(c);
}

static struct entry *find(struct catalogs *c, const char *user,
                          const char *database)
{
    for (size_t i = 0; i < CATALOGS_MAX; i++) {
        struct entry *e = c->entries[i];
        if (e && strcmp(e->user, user) == 0 &&
            strcmp(e->database, database) == 0)
            return e;
    }
    return NULL;
}

/* A free place, or that of the entry which nobody asks and was used longest
 * ago; NULL: all are asked. */
static struct entry **place(struct catalogs *c)
{
    struct entry **oldest = NULL;
    for (size_t i = 0; i < CATALOGS_MAX; i++) {
        struct entry **at = &c->entries[i];
        if (!*at)
            return at;
        if ((*at)->refs == 1 && (!oldest || (*at)->used < (*oldest)->used))
            oldest = at;
    }
    return oldest;
}

static enum err_code open_catalog(struct catalog **out, const struct world *w,
                                  const struct auth_principal *who,
                                  const char *database, struct err *err)
{
    const struct policy **seen = calloc(w->n_datasets + 1, sizeof *seen);
    size_t n = 0;
    if (!seen)
        return err_set(err, ERR_LIMIT, "no memory for the catalog");
    for (size_t i = 0; i < w->n_datasets; i++)
        if (auth_sees_dataset(who, w->datasets[i]->policy->name))
            seen[n++] = w->datasets[i]->policy;
    const enum err_code code =
        catalog_open(out, w->catalogs->pool, seen, n, who->name, database, err);
    free(seen);
    return code;
}

/* Without the lock: nobody waits for another's catalog.  NULL: err tells. */
static struct entry *make(const struct world *w,
                          const struct auth_principal *who,
                          const char *database, struct err *err)
{
    struct entry *e = calloc(1, sizeof *e);
    (void)err_set(err, ERR_LIMIT, "no memory for the catalog");
    if (!e)
        return NULL;
    e->refs = 1;
    e->user = strdup(who->name);
    e->database = strdup(database);
    if (e->user && e->database &&
        open_catalog(&e->catalog, w, who, database, err) == ERR_OK)
        return e;
    entry_drop(e);
    return NULL;
}

/* Under the lock: one more asks. */
static struct catalog *lend(struct catalogs *c, struct entry *e)
{
    e->refs++;
    e->used = ++c->uses;
    return e->catalog;
}

static struct catalog *lend_known(struct catalogs *c, const char *user,
                                  const char *database)
{
    pthread_mutex_lock(&c->lock);
    struct entry *e = find(c, user, database);
    struct catalog *out = e ? lend(c, e) : NULL;
    pthread_mutex_unlock(&c->lock);
    return out;
}

/* Keep what was made, unless another has done so in the meantime. */
static enum err_code lend_new(struct catalog **out, struct catalogs *c,
                              struct entry *made, struct err *err)
{
    pthread_mutex_lock(&c->lock);
    struct entry *e = find(c, made->user, made->database);
    struct entry **at = e ? NULL : place(c);
    if (at) {
        entry_drop(*at);
        e = *at = made;
        made = NULL;
    }
    if (e)
        *out = lend(c, e);
    pthread_mutex_unlock(&c->lock);
    entry_drop(made);
    return e ? ERR_OK
             : err_set(err, ERR_UNAVAILABLE,
                       "too many catalogs are being asked");
}

enum err_code catalogs_get(struct catalog **out, const struct world *w,
                           const struct auth_principal *who,
                           const char *database, struct err *err)
{
    struct catalogs *c = w->catalogs;
    *out = lend_known(c, who->name, database);
    if (*out)
        return ERR_OK;
    struct entry *made = make(w, who, database, err);
    return made ? lend_new(out, c, made, err) : err->code;
}

void catalogs_put(const struct world *w, struct catalog *catalog)
{
    struct catalogs *c = w->catalogs;
    pthread_mutex_lock(&c->lock);
    for (size_t i = 0; i < CATALOGS_MAX; i++)
        if (c->entries[i] && c->entries[i]->catalog == catalog)
            c->entries[i]->refs--;
    pthread_mutex_unlock(&c->lock);
}
