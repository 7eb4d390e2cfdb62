#ifndef MAIN_WORLD_H
#define MAIN_WORLD_H

#include <stdatomic.h>

#include "server/auth/auth.h"
#include "server/consent/consent.h"
#include "server/engine/engine.h"
#include "server/main/catalogs.h"
#include "server/policy/policy.h"

/*
 * Everything that files say about who may ask what of which data, as of one
 * moment.  Immutable; a reload makes a new world and the old one goes when the
 * last request that began under it has ended.  A dataset whose file did not
 * change keeps its engine, whose rollups are built again.
 */
struct dataset {
    const struct policy *policy;   /* in arena */
    struct engine *engine;         /* owned */
    struct consent *consent;       /* borrowed; NULL: the policy has none */
    struct consent_circle *circle; /* its people */
    struct gate gate;              /* consent_gate.h */
    struct arena arena;
    atomic_uint refs;
};

struct world {
    const struct auth_registry *principals; /* in arena */
    struct dataset **datasets;              /* each holds one reference */
    size_t n_datasets;
    struct catalogs *catalogs; /* owned; what each principal sees, as tables */
    struct arena arena;
    atomic_uint refs;
};

struct world_sources {
    const char *const *policies; /* paths of policy files */
    size_t n_policies;
    const char *principals; /* path */
    struct engine_options engine;
    struct consent *consent;      /* borrowed; NULL: none */
    struct scratch_pool *scratch; /* borrowed; for catalogs, NULL: none is
                                     asked */
};

/* One line of an explanation: a mistake in a file, with place and fix. */
typedef void world_say_fn(void *ctx, const char *line);

/*
 * Load every file and open every source.  `old` (or NULL) lends what did not
 * change.  Any mistake fails the whole: `say` got each one.
 * *out holds one reference, to be given back by world_drop().
 */
enum err_code world_load(struct world **out, const struct world_sources *from,
                         const struct world *old, world_say_fn *say, void *ctx,
                         struct err *err) MUST_CHECK;

struct world *world_keep(struct world *w);
void world_drop(struct world *w); /* NULL is allowed */

/*
 * The dataset of this name if `who` may see it.  ERR_NOT_FOUND otherwise, with
 * the same words for one that is hidden and one that does not exist.  "" is the
 * only one he sees, or ERR_INVALID.
 */
enum err_code world_dataset(const struct dataset **out, const struct world *w,
                            const struct auth_principal *who, const char *name,
                            struct err *err) MUST_CHECK;

/*
 * Likewise, for who reads again what was answered there for this purpose: he
 * may still use it, and there still is one.
 */
enum err_code world_reread(const struct dataset **out, const struct world *w,
                           const struct auth_principal *who, const char *name,
                           const char *purpose, struct err *err) MUST_CHECK;

#endif
