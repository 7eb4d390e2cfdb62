#include "tests/neighbour/control.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The first `from` becomes `to`; of several, the first that is there. */
enum { WAYS = 4 };
static const struct spoiling {
    const char *from, *to;
} SPOILINGS[CONTROL_N][WAYS] = {
    [CONTROL_L0] = { { "WHERE g <= ", "WHERE g - 1 <= " },
                     { "_2_", "_3_" },
                     { "_3_", "_4_" } },
    [CONTROL_LINF] = { { "least(count(*)", "greatest(count(*)" },
                       { "least(e.", "greatest(e." } },
    [CONTROL_TIES] = { { "(PARTITION BY p ORDER BY h",
                         "(PARTITION BY p ORDER BY random()" } },
    [CONTROL_FILTERS] = { { "sum(a0)", "sum(a0 + a1)" } },
    [CONTROL_FAN_OUT] = { { " FROM pairs", " FROM pairs, range(3)" } },
    [CONTROL_ROLLUP] = { { "WHERE g <= ", "WHERE g - 1 <= " } },
    [CONTROL_FLOAT] = { { "coalesce(sum(a0), 0)",
                          "CAST(round(coalesce(sum(CAST(a0 AS DOUBLE) + "
                          "4503599627370497.3e0) "
                          "- count(*) * 4503599627370497.0e0, 0)) AS "
                          "HUGEINT)" } },
};

/* CONTROL_ORDER is at work, and the first measure's exact total is odd. */
static bool odd_total;

struct spoilt {
    struct engine base;
    struct engine *inner;
    enum control control;
};

static const struct spoiling *find_way(enum control c, const char *sql)
{
    if (c == CONTROL_FILTERS && !strstr(sql, " AS a1"))
        return NULL;
    for (size_t i = 0; i < WAYS && SPOILINGS[c][i].from; i++)
        if (strstr(sql, SPOILINGS[c][i].from))
            return &SPOILINGS[c][i];
    return NULL;
}

static char *spoil(const char *sql, const struct spoiling *s, struct arena *a)
{
    const char *at = strstr(sql, s->from);
    return arena_printf(a, "%.*s%s%s", (int)(at - sql), sql, s->to,
                        at + strlen(s->from));
}

static enum err_code run(struct engine *e, struct engine_result *out,
                         const struct plan *plan, const uint8_t secret[32],
                         const atomic_int *stop, struct arena *a,
                         struct err *err)
{
    const struct spoilt *s = (const struct spoilt *)e;
    struct plan other = *plan;
    const bool rolled = s->control == CONTROL_ROLLUP;
    const char *sql = rolled ? plan->rollup_sql : plan->sql;
    const struct spoiling *way = sql ? find_way(s->control, sql) : NULL;
    if (way && rolled)
        other.rollup_sql = spoil(sql, way, a);
    else if (way)
        other.sql = spoil(sql, way, a);
    if (!rolled)
        other.rollup = NULL; /* else what is spoilt is not run */
    TRY(engine_run(s->inner, out, &other, secret, stop, a, err));
    odd_total = false;
    for (size_t i = 0; s->control == CONTROL_ORDER && i < out->n_rows; i++)
        odd_total ^= out->measures[i * plan->n_measures].touched & 1;
    return ERR_OK;
}

enum err_code __real_plan_finish(struct reply_table *out,
                                 const struct plan *plan,
                                 const struct plan_noisy *noisy,
                                 struct arena *a, struct err *err);
enum err_code __wrap_plan_finish(struct reply_table *out,
                                 const struct plan *plan,
                                 const struct plan_noisy *noisy,
                                 struct arena *a, struct err *err);

/* The first two rows change places. */
enum err_code __wrap_plan_finish(struct reply_table *out,
                                 const struct plan *plan,
                                 const struct plan_noisy *noisy,
                                 struct arena *a, struct err *err)
{
    TRY(__real_plan_finish(out, plan, noisy, a, err));
    for (size_t c = 0; odd_total && out->n_rows > 1 && c < out->n_columns;
         c++) {
        const struct value first = out->cells[c];
        out->cells[c] = out->cells[out->n_columns + c];
        out->cells[out->n_columns + c] = first;
    }
    return ERR_OK;
}

enum dp_status __real_dp_topk_of_price(struct dp_topk *t, uint64_t linf,
                                       struct dp_price limit,
                                       enum dp_notion notion);
enum dp_status __wrap_dp_topk_of_price(struct dp_topk *t, uint64_t linf,
                                       struct dp_price limit,
                                       enum dp_notion notion);

/* CONTROL_SCORE is at work. */
static bool one_row;

enum dp_status __wrap_dp_topk_of_price(struct dp_topk *t, uint64_t linf,
                                       struct dp_price limit,
                                       enum dp_notion notion)
{
    return __real_dp_topk_of_price(t, one_row ? 1 : linf, limit, notion);
}

static void close_spoilt(struct engine *e)
{
    one_row = false;
    free(e);
}

struct engine *control_engine(struct engine *inner, enum control c)
{
    static const struct engine_ops ops = { .run = run, .close = close_spoilt };
    struct spoilt *s = calloc(1, sizeof *s);
    if (!s)
        abort();
    *s = (struct spoilt){ .base = { &ops }, .inner = inner, .control = c };
    one_row = c == CONTROL_SCORE;
    return &s->base;
}
