#include "server/engine/scratch.h"

#include <stdatomic.h>
#include <stdlib.h>

#include "server/engine/scratch_error.h"
#include "server/engine/scratch_pool.h"
#include "server/query/refusal.h"

/* Of a request's memory a reply takes its bytes and a pointer a cell, which is
 * at least four of them. */
enum { ROOM_SHARE = 4 };

struct scratch {
    struct scratch_pool *pool; /* borrowed */
    uint64_t owner, id;
    char *script; /* owned */
};

struct scratch *scratch_new(struct scratch_pool *pool, uint64_t owner,
                            char *script)
{
    static _Atomic uint64_t ids;
    struct scratch *s = malloc(sizeof *s);
    if (!s) {
        free(script);
        return NULL;
    }
    *s = (struct scratch){ pool, owner, atomic_fetch_add(&ids, 1) + 1, script };
    return s;
}

void scratch_free(struct scratch *s)
{
    if (!s)
        return;
    free(s->script);
    free(s);
}

static enum err_code ask_as(struct scratch_rows *out, struct scratch *s,
                            enum scratch_kind kind,
                            const struct scratch_ask *ask, struct arena *a,
                            struct err *err)
{
    const size_t room = (a->cap - a->used) / ROOM_SHARE;
    struct scratch_call call = { .kind = kind, .id = s->id, .ask = *ask };
    call.room = room < SCRATCH_REPLY_MAX ? (uint32_t)room : SCRATCH_REPLY_MAX;
    const struct scratch_pool_ask q = { s->owner, &call, s->script };
    struct scratch_reply reply;
    *out = (struct scratch_rows){ 0 };
    TRY(scratch_pool_call(&reply, s->pool, &q, a, err));
    switch (reply.status) {
    case SCRATCH_ROWS:
        break;
    case SCRATCH_UNKNOWN:
        return err_set(err, ERR_INTERNAL, "the catalog cannot be built");
    case SCRATCH_FAILED:
        return scratch_error(err, reply.message);
    case SCRATCH_LATE:
        return refuse(err, REFUSAL_CATALOG_LATE, REFUSAL_NOWHERE, NULL, NULL);
    case SCRATCH_LARGE:
        return refuse(err, REFUSAL_CATALOG_LARGE, REFUSAL_NOWHERE, NULL, NULL);
    }
    *out = reply.rows;
    return ERR_OK;
}

enum err_code scratch_ask(struct scratch_rows *out, struct scratch *s,
                          const struct scratch_ask *ask, struct arena *a,
                          struct err *err)
{
    return ask_as(out, s, SCRATCH_ASK, ask, a, err);
}

enum err_code scratch_describe(struct scratch_rows *out, struct scratch *s,
                               const struct scratch_ask *ask, struct arena *a,
                               struct err *err)
{
    return ask_as(out, s, SCRATCH_DESCRIBE, ask, a, err);
}
