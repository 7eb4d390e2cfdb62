#include "server/engine/fake.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

struct fake {
    struct engine base;
    struct engine_fake_script script;
    _Atomic uint64_t calls;
};

enum {
    STEP_MS = 10, /* how often a sleeping run looks at `stop` */
    MADE_UP = 3,  /* groups of a private key */
    MADE_UP_MEASURE = 1000,
};

static enum err_code sleep_or_stop(uint64_t ms, const atomic_int *stop,
                                   struct err *err)
{
    const struct timespec step = { .tv_nsec = STEP_MS * 1000 * 1000 };
    for (;; ms -= STEP_MS) {
        const int why = atomic_load_explicit(stop, memory_order_relaxed);
        if (why)
            return err_set(err,
                           why == ERR_DEADLINE ? ERR_DEADLINE : ERR_CANCELLED,
                           "the query was stopped");
        if (ms < STEP_MS)
            return ERR_OK;
        (void)nanosleep(&step, NULL);
    }
}

static struct value made_up_key(enum value_type type, size_t i)
{
    static const char *const letters[MADE_UP] = { "a", "b", "c" };
    switch (type) {
    case VALUE_TEXT:
        return value_text(letters[i], 1);
    case VALUE_DOUBLE:
        return value_double((double)i + 1);
    case VALUE_BOOL:
        return (struct value){ .type = VALUE_BOOL, .b = i == 1 };
    case VALUE_NULL:
        return value_null();
    case VALUE_INT:
    case VALUE_DATE:
    case VALUE_TIMESTAMP:
    case VALUE_TYPE_COUNT:
        break;
    }
    return (struct value){ .type = type, .i = (int64_t)i + 1 };
}

static size_t choices(const struct plan_key *k)
{
    if (k->is_public)
        return k->n_domain;
    return k->type == VALUE_BOOL ? 2 : MADE_UP;
}

static size_t product(const struct plan *plan)
{
    size_t n = 1;
    for (size_t i = 0; i < plan->n_keys; i++)
        if (__builtin_mul_overflow(n, choices(&plan->keys[i]), &n) ||
            n > PLAN_GROUPS_MAX)
            return PLAN_GROUPS_MAX;
    return n;
}

/* Group number `group`, the last key running fastest. */
static void make_up_keys(struct value *keys, const struct plan *plan,
                         size_t group)
{
    for (size_t i = plan->n_keys; i-- > 0;) {
        const struct plan_key *k = &plan->keys[i];
        const size_t n = choices(k);
        keys[i] = k->is_public ? k->domain[group % n]
                               : made_up_key(k->type, group % n);
        group /= n;
    }
}

static enum err_code answer(struct engine_result *out, const struct fake *f,
                            const struct plan *plan, struct arena *a,
                            struct err *err)
{
    const struct engine_fake_script *s = &f->script;
    const bool scripted = s->n_rows || s->empty;
    struct engine_result r = { .n_rows = scripted ? s->n_rows : product(plan) };
    r.keys = ARENA_NEW_N(a, r.n_rows * plan->n_keys, struct value);
    r.measures = ARENA_NEW_N(a, r.n_rows * plan->n_measures, struct dp_exact);
    if (!r.keys || !r.measures)
        return err_set(err, ERR_MISS, "the engine failed");
    for (size_t i = 0; i < r.n_rows * plan->n_measures; i++)
        r.measures[i] =
            scripted ? s->measures[i] : (struct dp_exact){ MADE_UP_MEASURE };
    for (size_t i = 0; i < r.n_rows * plan->n_keys && scripted; i++)
        r.keys[i] = s->keys[i];
    for (size_t i = 0; i < r.n_rows && !scripted; i++)
        make_up_keys(&r.keys[i * plan->n_keys], plan, i);
    *out = r;
    return ERR_OK;
}

static enum err_code run(struct engine *base, struct engine_result *out,
                         const struct plan *plan, const uint8_t secret[32],
                         const atomic_int *stop, struct arena *a,
                         struct err *err)
{
    struct fake *f = (struct fake *)base;
    (void)secret;
    const uint64_t before = atomic_fetch_add(&f->calls, 1);
    TRY(sleep_or_stop(f->script.sleep_ms, stop, err));
    if (f->script.fails != ERR_OK && before >= f->script.well)
        return err_set(err, f->script.fails, "the engine failed");
    return answer(out, f, plan, a, err);
}

static void close_fake(struct engine *base)
{
    free(base);
}

struct engine *engine_fake_new(const struct engine_fake_script *script)
{
    static const struct engine_ops ops = { .run = run, .close = close_fake };
    struct fake *f = calloc(1, sizeof *f);
    if (!f)
        return NULL;
    f->base.ops = &ops;
    if (script)
        f->script = *script;
    return &f->base;
}

uint64_t engine_fake_calls(const struct engine *e)
{
    return atomic_load(&((const struct fake *)e)->calls);
}
