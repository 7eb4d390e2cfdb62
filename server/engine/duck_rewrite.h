#ifndef ENGINE_DUCK_REWRITE_H
#define ENGINE_DUCK_REWRITE_H

#include "server/engine/engine.h"

/*
 * The sources of a policy, written anew without some people.
 *
 *   orders.parquet --COPY all other rows--> .orders.parquet.erased --rename--.
 *        ^-------------------------------------------------------------------'
 *
 *   shop.db --copy--> .shop.db.erasing --DELETE--> ... --COPY FROM DATABASE-->
 *        .shop.db.erased --rename--> shop.db
 *
 * A DuckDB file keeps what was deleted in its free blocks: the one that takes
 * its place was never given those rows.  Before it does, it is compared with
 * what it replaces: the same objects, columns, types and as many rows as are
 * left.  Where the disk kept the old blocks is the disk's affair.
 *
 *   - Parquet and DuckDB files; CSV files are left to their owner, as writing
 *     them anew would spell lines in other words.
 *   - No pattern of a policy (glob(7)) matches what is written beside, which
 *     its owner alone may read until it is whole.
 *   - Owner, group and mode stay.  A file that changed meanwhile is left as it
 *     is, and so is a database whose log was not written into it yet.
 *   - Files of one table are replaced one after the other, the map of subjects
 *     last, so that after a crash who is left is found again.
 */
struct duck_rewrite {
    const struct policy *policy;
    const struct engine_options *options;
    const struct engine_erased *whom;
    /* Called around the moment in which files are replaced: false when readers
     * never paused. */
    bool (*wait_idle)(void *ctx);
    void (*go_on)(void *ctx);
    void *ctx;
};

/* Codes as engine_erase. */
enum err_code duck_rewrite_run(const struct duck_rewrite *r,
                               struct err *err) MUST_CHECK;

/* All sources are of a kind that can be, in folders that can be written. */
bool duck_rewrite_can(const struct policy *p);

/* What a crash left beside the files. */
void duck_rewrite_clean(const struct policy *p);

#endif
