#include "server/audit/remote.h"

#include <assert.h>
#include <string.h>

struct remote remote_of(remote_fetch_fn *fetch, void *ctx)
{
    return (struct remote){ .fetch = fetch, .ctx = ctx };
}

static bool equal(const struct merkle_hash *a, const struct merkle_hash *b)
{
    return memcmp(a->bytes, b->bytes, MERKLE_HASH_LEN) == 0;
}

static enum err_code rolled_back(struct err *err, const struct checkpoint *old,
                                 const struct checkpoint *c)
{
    (void)err_set(err, ERR_INVALID,
                  "the log of %llu leaves does not continue the one of %llu "
                  "that was seen before",
                  (unsigned long long)c->size, (unsigned long long)old->size);
    return err_hint(err, "its past was changed or rolled back: keep both "
                         "checkpoints, and ask who runs the server");
}

/* The tile of `level` that holds its hash `first`, as wide as the log has it.
 */
static enum err_code load(struct remote *r, unsigned level, uint64_t index,
                          struct err *err)
{
    char path[TILE_PATH_LEN];
    struct writer w = writer_of(path, sizeof path);
    const uint64_t left = (r->size >> 8 * level) - index * MERKLE_TILE;
    const struct tile t = { .kind = TILE_HASHES,
                            .level = level,
                            .index = index,
                            .width = left < MERKLE_TILE ? (unsigned)left
                                                        : MERKLE_TILE };
    if (r->last[level].is_there && r->last[level].index == index)
        return ERR_OK;
    tile_print(&w, &t);
    const bool fits = writer_cstr(&w);
    assert(fits);
    r->last[level].is_there = false;
    TRY(r->fetch(r->ctx, path, r->last[level].hash[0].bytes,
                 t.width * sizeof r->last[level].hash[0], err));
    r->last[level].is_there = true;
    r->last[level].index = index;
    return ERR_OK;
}

static enum err_code read_hashes(void *ctx, struct merkle_hash *out,
                                 unsigned level, uint64_t first, size_t n,
                                 struct err *err)
{
    struct remote *r = ctx;
    const uint64_t index = first / MERKLE_TILE;
    const size_t at = (size_t)(first % MERKLE_TILE);
    assert(level < MERKLE_LEVELS && at + n <= MERKLE_TILE);
    TRY(load(r, level, index, err));
    memcpy(out, &r->last[level].hash[at], n * sizeof *out);
    return ERR_OK;
}

static void forget(struct remote *r, uint64_t size)
{
    for (unsigned level = 0; level < MERKLE_LEVELS; level++)
        r->last[level].is_there = false;
    r->size = size;
}

enum err_code remote_check_whole(struct remote *r, const struct checkpoint *c,
                                 const struct checkpoint *old, struct err *err)
{
    struct merkle_frontier f = { 0 };
    struct merkle_stored stored[MERKLE_LEVELS];
    struct merkle_hash root = merkle_root(&f);
    forget(r, c->size);
    if (old &&
        (old->size > c->size || (old->size == 0 && !equal(&root, &old->root))))
        return rolled_back(err, old, c);
    while (f.size < c->size) {
        TRY(load(r, 0, f.size / MERKLE_TILE, err));
        (void)merkle_append(&f, stored, &r->last[0].hash[f.size % MERKLE_TILE]);
        root = old && f.size == old->size ? merkle_root(&f) : root;
        if (old && f.size == old->size && !equal(&root, &old->root))
            return rolled_back(err, old, c);
    }
    root = merkle_root(&f);
    if (equal(&root, &c->root))
        return ERR_OK;
    (void)err_set(err, ERR_INVALID,
                  "the tiles are not the tree that the checkpoint of %llu "
                  "leaves signs",
                  (unsigned long long)c->size);
    return err_hint(err, "the log's tiles were changed: keep what was served, "
                         "and ask who runs the server");
}

enum err_code remote_check_grown(struct remote *r, const struct checkpoint *old,
                                 const struct checkpoint *c, struct err *err)
{
    const struct merkle_reader reader = { .read = read_hashes, .ctx = r };
    const struct merkle_hash none = merkle_empty();
    struct merkle_proof proof;
    struct err bad;
    forget(r, c->size);
    if (old->size == 0)
        return equal(&old->root, &none) ? ERR_OK : rolled_back(err, old, c);
    if (old->size > c->size)
        return rolled_back(err, old, c);
    TRY(merkle_prove_prefix(&proof, &reader, old->size, c->size, err));
    return merkle_check_prefix(&proof, old->size, c->size, &old->root, &c->root,
                               &bad) == ERR_OK
               ? ERR_OK
               : rolled_back(err, old, c);
}
