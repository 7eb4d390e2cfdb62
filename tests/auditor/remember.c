#include "tests/auditor/remember.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { KEPT_BYTES = 1 << 20 };

/* A statement's result; fixed once it is among `n`, but for `given`. */
struct kept {
    char *sql;
    struct arena arena;
    struct engine_result result; /* in the arena */
    size_t given;                /* times */
};

struct remember {
    struct engine base;
    struct engine *inner;
    pthread_mutex_t lock; /* guards `kept` and `n`; never held by a run */
    struct kept kept[REMEMBER_MAX];
    size_t n;
};

static bool copy(struct engine_result *out, const struct engine_result *from,
                 const struct plan *plan, struct arena *a)
{
    const size_t n_keys = from->n_rows * plan->n_keys,
                 n_cells = from->n_rows * plan->n_measures;
    struct value *keys = ARENA_NEW_N(a, n_keys + 1, struct value);
    struct dp_exact *cells = ARENA_NEW_N(a, n_cells + 1, struct dp_exact);
    if (!keys || !cells)
        return false;
    for (size_t i = 0; i < n_keys; i++) {
        keys[i] = from->keys[i];
        if (keys[i].type != VALUE_TEXT)
            continue;
        keys[i].text.s = arena_strndup(a, keys[i].text.s, keys[i].text.len);
        if (!keys[i].text.s)
            return false;
    }
    if (n_cells)
        memcpy(cells, from->measures, n_cells * sizeof *cells);
    *out = (struct engine_result){ .keys = keys,
                                   .measures = cells,
                                   .n_rows = from->n_rows };
    return true;
}

static bool is_same(const struct engine_result *a,
                    const struct engine_result *b, const struct plan *plan)
{
    bool same = a->n_rows == b->n_rows;
    for (size_t i = 0; same && i < a->n_rows * plan->n_keys; i++)
        same = value_cmp(&a->keys[i], &b->keys[i]) == 0;
    for (size_t i = 0; same && i < a->n_rows * plan->n_measures; i++)
        same = a->measures[i].touched == b->measures[i].touched;
    return same;
}

/* What is kept of the statement; *again: it is time to run it all the same. */
static struct kept *find(struct remember *r, const char *sql, bool *again)
{
    struct kept *found = NULL;
    (void)pthread_mutex_lock(&r->lock);
    for (size_t i = 0; i < r->n && !found; i++)
        if (strcmp(r->kept[i].sql, sql) == 0)
            found = &r->kept[i];
    *again = !found || ++found->given % REMEMBER_AGAIN == 0;
    (void)pthread_mutex_unlock(&r->lock);
    return found;
}

static void keep(struct remember *r, const struct plan *plan,
                 const struct engine_result *result)
{
    (void)pthread_mutex_lock(&r->lock);
    struct kept *k = r->n < REMEMBER_MAX ? &r->kept[r->n] : NULL;
    if (k) {
        arena_init(&k->arena, KEPT_BYTES);
        k->sql = strdup(plan->sql);
        if (!k->sql || !copy(&k->result, result, plan, &k->arena))
            abort();
        r->n++;
    }
    (void)pthread_mutex_unlock(&r->lock);
}

/* As one page where pages are wanted. */
static enum err_code hand_over(struct engine_result *out,
                               const struct engine_result *whole,
                               const struct plan *plan, struct arena *a,
                               struct err *err)
{
    if (out->pages)
        return out->pages->take(out->pages->ctx, whole, err);
    return copy(out, whole, plan, a)
               ? ERR_OK
               : err_set(err, ERR_MISS, "the engine failed");
}

static enum err_code run(struct engine *e, struct engine_result *out,
                         const struct plan *plan, const uint8_t secret[32],
                         const atomic_int *stop, struct arena *a,
                         struct err *err)
{
    struct remember *r = (struct remember *)e;
    bool again;
    struct kept *k = find(r, plan->sql, &again);
    if (!again)
        return hand_over(out, &k->result, plan, a, err);
    struct engine_result whole = { 0 };
    TRY(engine_run(r->inner, &whole, plan, secret, stop, a, err));
    if (!k)
        keep(r, plan, &whole);
    else if (!is_same(&whole, &k->result, plan)) {
        (void)fprintf(stderr, "the engine gave two results: %s\n", plan->sql);
        abort();
    }
    return hand_over(out, &whole, plan, a, err);
}

static void refresh(struct engine *e)
{
    engine_refresh(((struct remember *)e)->inner);
}

static bool settle(struct engine *e)
{
    return engine_settle(((struct remember *)e)->inner);
}

static void close_all(struct engine *e)
{
    struct remember *r = (struct remember *)e;
    engine_close(r->inner);
    for (size_t i = 0; i < r->n; i++) {
        arena_fini(&r->kept[i].arena);
        free(r->kept[i].sql);
    }
    (void)pthread_mutex_destroy(&r->lock);
    free(r);
}

struct engine *remember_engine(struct engine *inner)
{
    static const struct engine_ops ops = {
        .run = run, .refresh = refresh, .settle = settle, .close = close_all
    };
    struct remember *r = calloc(1, sizeof *r);
    if (!r || pthread_mutex_init(&r->lock, NULL) != 0)
        abort();
    r->base.ops = &ops;
    r->inner = inner;
    return &r->base;
}
