#include "server/main/world.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "server/consent/erase.h"
#include "server/main/consent_gate.h"

enum { DATASET_ARENA = 16 << 20, WORLD_ARENA = 16 << 20 };

static void dataset_drop(struct dataset *d)
{
    if (!d || atomic_fetch_sub(&d->refs, 1) != 1)
        return;
    engine_close(d->engine);
    arena_fini(&d->arena);
    free(d);
}

struct world *world_keep(struct world *w)
{
    atomic_fetch_add(&w->refs, 1);
    return w;
}

void world_drop(struct world *w)
{
    if (!w || atomic_fetch_sub(&w->refs, 1) != 1)
        return;
    for (size_t i = 0; i < w->n_datasets; i++)
        dataset_drop(w->datasets[i]);
    catalogs_free(w->catalogs);
    arena_fini(&w->arena);
    free(w);
}

/* ---- loading ---- */

struct loading {
    const struct world_sources *from;
    const struct world *old;
    world_say_fn *say;
    void *ctx;
};

static void say_report(const struct loading *l, const char *path,
                       const struct policy_report *report)
{
    for (size_t i = 0; i < report->n; i++) {
        const struct policy_mistake *m = &report->mistakes[i];
        char line[1024];
        (void)snprintf(line, sizeof line, "%s:%u:%u: %s%s%s",
                       m->path ? m->path : path, m->line, m->col, m->msg,
                       m->fix && m->fix[0] ? "; " : "", m->fix ? m->fix : "");
        l->say(l->ctx, line);
    }
}

/* The same file as before: share its engine. */
static struct dataset *find_unchanged(const struct world *old,
                                      const struct policy *p)
{
    for (size_t i = 0; old && i < old->n_datasets; i++) {
        struct dataset *d = old->datasets[i];
        if (strcmp(d->policy->path, p->path) == 0 &&
            memcmp(d->policy->hash, p->hash, sizeof p->hash) == 0)
            return d;
    }
    return NULL;
}

/* Bytes that this process may have: of the machine, or of its group. */
static uint64_t machine_memory(void)
{
    const long pages = sysconf(_SC_PHYS_PAGES), size = sysconf(_SC_PAGESIZE);
    uint64_t bytes = (uint64_t)pages * (uint64_t)size, limit = 0;
    FILE *f = fopen("/sys/fs/cgroup/memory.max", "re");
    if (f && fscanf(f, "%" SCNu64, &limit) == 1 && limit < bytes)
        bytes = limit;
    if (f)
        (void)fclose(f);
    return bytes;
}

/* An engine's own default is most of the machine's memory, each: with several,
 * or with what we hold beside it, the system would end us. */
static struct engine_options engine_options(const struct loading *l)
{
    struct engine_options o = l->from->engine;
    if (o.memory_limit == 0)
        o.memory_limit = machine_memory() / 2 / l->from->n_policies;
    return o;
}

/* A policy with consent is served with a register alone: nobody would count. */
static enum err_code open_gate(struct dataset *d, const struct loading *l,
                               struct err *err)
{
    if (!d->policy->has_consent)
        return ERR_OK;
    d->consent = l->from->consent;
    if (!d->consent) {
        (void)err_set(err, ERR_INVALID,
                      "the policy asks a register of consent who counts, and "
                      "the server has none");
        (void)err_at(err, d->policy->line, 1);
        return err_hint(err, "set consent.file in the server's configuration");
    }
    TRY(consent_circle(&d->circle, d->consent, d->policy, err));
    TRY(consent_erasure_cover(d->consent, d->circle, d->policy->id, err));
    d->gate = consent_gate_of(d);
    return ERR_OK;
}

static enum err_code open_dataset(struct dataset *d, const struct loading *l,
                                  struct err *err)
{
    struct engine_options options = engine_options(l);
    TRY(open_gate(d, l, err));
    options.gate = d->policy->has_consent ? &d->gate : NULL;
    return engine_open(&d->engine, d->policy, &options, err);
}

static enum err_code load_dataset(struct dataset **out, const char *path,
                                  const struct loading *l, struct err *err)
{
    struct dataset *d = calloc(1, sizeof *d);
    if (!d)
        return err_set(err, ERR_INTERNAL, "no memory for a dataset");
    atomic_init(&d->refs, 1);
    arena_init(&d->arena, DATASET_ARENA);

    struct policy *policy;
    struct policy_report report = { 0 };
    enum err_code code = policy_load(&policy, path, &report, &d->arena, err);
    if (code != ERR_OK) {
        say_report(l, path, &report);
        dataset_drop(d);
        return code;
    }
    d->policy = policy;

    struct dataset *same = find_unchanged(l->old, policy);
    if (same) {
        atomic_fetch_add(&same->refs, 1);
        engine_refresh(same->engine);
        dataset_drop(d);
        *out = same;
        return ERR_OK;
    }
    code = open_dataset(d, l, err);
    if (code != ERR_OK) {
        char line[1024];
        (void)snprintf(line, sizeof line, "%s:%u: %s; %s", path, err->line,
                       err->msg, err->hint);
        l->say(l->ctx, line);
        dataset_drop(d);
        return code;
    }
    *out = d;
    return ERR_OK;
}

static enum err_code load_datasets(struct world *w, const struct loading *l,
                                   struct err *err)
{
    const size_t n = l->from->n_policies;
    const struct policy **policies =
        ARENA_NEW_N(&w->arena, n, const struct policy *);
    w->datasets = ARENA_NEW_N(&w->arena, n, struct dataset *);
    if (!w->datasets || !policies)
        return err_set(err, ERR_LIMIT, "too many policies");
    for (size_t i = 0; i < n; i++) {
        TRY(load_dataset(&w->datasets[i], l->from->policies[i], l, err));
        w->n_datasets = i + 1;
        policies[i] = w->datasets[i]->policy;
    }
    struct policy_report report = { 0 };
    const enum err_code code =
        policy_check_overlap(policies, n, &report, &w->arena, err);
    if (code != ERR_OK)
        say_report(l, "policies", &report);
    return code;
}

static enum err_code load_principals(struct world *w, const struct loading *l,
                                     struct err *err)
{
    struct auth_registry *registry;
    struct policy_report report = { 0 };
    const enum err_code code =
        auth_load(&registry, l->from->principals, &report, &w->arena, err);
    if (code != ERR_OK)
        say_report(l, l->from->principals, &report);
    else
        w->principals = registry;
    return code;
}

enum err_code world_load(struct world **out, const struct world_sources *from,
                         const struct world *old, world_say_fn *say, void *ctx,
                         struct err *err)
{
    const struct loading l = { from, old, say, ctx };
    struct world *w = calloc(1, sizeof *w);
    if (!w)
        return err_set(err, ERR_INTERNAL, "no memory");
    atomic_init(&w->refs, 1);
    arena_init(&w->arena, WORLD_ARENA);
    w->catalogs = catalogs_new(from->scratch);
    enum err_code code = w->catalogs ? load_principals(w, &l, err)
                                     : err_set(err, ERR_INTERNAL, "no memory");
    if (code == ERR_OK)
        code = load_datasets(w, &l, err);
    if (code != ERR_OK) {
        world_drop(w);
        return code;
    }
    *out = w;
    return ERR_OK;
}

/* The only one the caller sees needs no name. */
static enum err_code only_dataset(const struct dataset **out,
                                  const struct world *w,
                                  const struct auth_principal *who,
                                  struct err *err)
{
    const struct dataset *only = NULL;
    size_t seen = 0;
    for (size_t i = 0; i < w->n_datasets; i++)
        if (auth_sees_dataset(who, w->datasets[i]->policy->name)) {
            only = w->datasets[i];
            seen++;
        }
    if (seen != 1) {
        err_set(err, ERR_INVALID, "the request names no dataset");
        return err_hint(err, "'halftone datasets' lists those you may see; in "
                             "SQL, write FROM dataset.table");
    }
    *out = only;
    return ERR_OK;
}

enum err_code world_dataset(const struct dataset **out, const struct world *w,
                            const struct auth_principal *who, const char *name,
                            struct err *err)
{
    if (!name[0])
        return only_dataset(out, w, who, err);
    for (size_t i = 0; i < w->n_datasets; i++) {
        const struct dataset *d = w->datasets[i];
        if (strcmp(d->policy->name, name) == 0 &&
            auth_sees_dataset(who, name)) {
            *out = d;
            return ERR_OK;
        }
    }
    err_set(err, ERR_NOT_FOUND, "there is no dataset '%.63s' that you may see",
            name);
    return err_hint(err, "'halftone datasets' lists those you may");
}

enum err_code world_reread(const struct dataset **out, const struct world *w,
                           const struct auth_principal *who, const char *name,
                           const char *purpose, struct err *err)
{
    TRY(world_dataset(out, w, who, name, err));
    if (policy_find_purpose((*out)->policy, purpose) &&
        auth_may_purpose(who, purpose))
        return ERR_OK;
    err_set(err, ERR_NOT_FOUND, "there is no purpose '%.63s' that you may use",
            purpose);
    return err_hint(err, "'halftone describe %s' lists those you may use",
                    (*out)->policy->name);
}
