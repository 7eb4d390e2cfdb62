#include "server/pg/pg_memo.h"

#include <string.h>

void pg_memo_init(struct pg_memo *m)
{
    *m = (struct pg_memo){ 0 };
    for (size_t i = 0; i < PG_MEMO_N; i++)
        arena_init(&m->list[i].arena, PG_MEMO_ARENA);
}

void pg_memo_fini(struct pg_memo *m)
{
    for (size_t i = 0; i < PG_MEMO_N; i++)
        arena_fini(&m->list[i].arena);
}

void pg_memo_clear(struct pg_memo *m)
{
    for (size_t i = 0; i < PG_MEMO_N; i++)
        m->list[i].text = NULL;
}

static bool same_params(const struct pg_memory *e, const struct pg_asked *q)
{
    if (e->n_params != q->n_params)
        return false;
    for (size_t i = 0; i < q->n_params; i++)
        if (e->params[i].type != q->params[i].type ||
            value_cmp(&e->params[i], &q->params[i]) != 0)
            return false;
    return true;
}

const struct pg_memory *pg_memo_find(const struct pg_memo *m,
                                     const struct pg_asked *q)
{
    for (size_t i = 0; i < PG_MEMO_N; i++) {
        const struct pg_memory *e = &m->list[i];
        if (e->text && e->until_ns > q->now_ns && e->settings == q->settings &&
            strcmp(e->text, q->text) == 0 && same_params(e, q))
            return e;
    }
    return NULL;
}

/* False: the entry has no room for it. */
static bool fill(struct pg_memory *e, const struct pg_asked *q,
                 const struct pg_rows *rows, const char *const *notices,
                 size_t n_notices)
{
    /* Values are copied as one row. */
    const struct pg_rows params = { NULL, q->n_params, q->params, 1 };
    struct pg_column *none =
        ARENA_NEW_N(&e->arena, q->n_params + 1, struct pg_column);
    struct pg_rows copy = params;
    struct err ignored;
    for (size_t i = 0; none && i < q->n_params; i++)
        none[i].name = "";
    copy.columns = none;
    if (!none || n_notices > PG_MEMO_NOTICES ||
        pg_rows_copy(&copy, &copy, &e->arena, &ignored) != ERR_OK ||
        pg_rows_copy(&e->rows, rows, &e->arena, &ignored) != ERR_OK)
        return false;
    e->params = (struct value *)(uintptr_t)copy.cells;
    e->n_params = q->n_params;
    for (e->n_notices = 0; e->n_notices < n_notices; e->n_notices++) {
        e->notices[e->n_notices] =
            arena_strdup(&e->arena, notices[e->n_notices]);
        if (!e->notices[e->n_notices])
            return false;
    }
    e->text = arena_strdup(&e->arena, q->text);
    return e->text;
}

void pg_memo_put(struct pg_memo *m, const struct pg_asked *q,
                 const struct pg_rows *rows, const char *const *notices,
                 size_t n_notices, uint64_t slot_ns)
{
    struct pg_memory *e = &m->list[m->next];
    e->text = NULL;
    arena_reset(&e->arena);
    if (!fill(e, q, rows, notices, n_notices)) {
        e->text = NULL;
        return;
    }
    e->settings = q->settings;
    e->until_ns = q->now_ns + PG_MEMO_NS;
    e->slot_ns = slot_ns;
    m->next = (m->next + 1) % PG_MEMO_N;
}
