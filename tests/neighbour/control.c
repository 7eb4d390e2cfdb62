#include "tests/neighbour/control.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/wrap.h"

/* Every `from` becomes `to`, of each way. */
enum { WAYS = 4 };
static const struct spoiling {
    const char *from, *to;
} SPOILINGS[CONTROL_N][WAYS] = {
    [CONTROL_L0] = { { "WHERE g <= ", "WHERE g - 1 <= " } },
    [CONTROL_LINF] = { { "least(count(*)", "greatest(count(*)" },
                       { "least(e.", "greatest(e." },
                       { "CASE WHEN count(*) > ",
                         "CASE WHEN count(*) > 1000 + " } },
    [CONTROL_TIES] = { { "(PARTITION BY p ORDER BY h",
                         "(PARTITION BY p ORDER BY random()" } },
    [CONTROL_FILTERS] = { { "sum(a0)", "sum(a0 + a1)" } },
    [CONTROL_FAN_OUT] = { { " FROM pairs",
                            " FROM pairs, (VALUES (1), (2), (3)) AS thrice" } },
    [CONTROL_ATTRIBUTE] = { { "min(\"", "(\"" },
                            { "GROUP BY \"customer_id\")", "GROUP BY ALL)" } },
    [CONTROL_ROLLUP] = { { "WHERE g <= ", "WHERE g - 1 <= " } },
    [CONTROL_FLOAT] = { { "coalesce(sum(a0), 0)",
                          "CAST(round(coalesce(sum(CAST(a0 AS DOUBLE) + "
                          "4503599627370497.3e0) "
                          "- count(*) * 4503599627370497.0e0, 0)) AS "
                          "HUGEINT)" } },
    [CONTROL_HIST] = { { "WHERE v.n <= ", "WHERE v.n > 0 OR v.n <= " } },
    [CONTROL_KEEP_LESS] = { { "WHERE g <= ", "WHERE g + 1 <= " } },
    [CONTROL_RANDOM] = { { "coalesce(sum(a0), 0)",
                           "(coalesce(sum(a0), 0) + CAST(round(1e9 * (random() "
                           "- "
                           "0.5)) AS HUGEINT))" } },
    [CONTROL_GATE] = { { " IN (SELECT person FROM ",
                         " IS NOT NULL OR 0 IN (SELECT person FROM " },
                       { "counted.\"", "src.\"" } },
    [CONTROL_BOUNDS] = { { "WHERE g <= ", "WHERE g > 0 OR g <= " } },
    [CONTROL_DISTINCT] = { { "CAST(1 AS BIGINT) AS a", "count(*) AS a" } },
};

/* What is spoilt outside the engine; the first measure's exact total. */
static enum control outside;
static dp_int total;
static const char *asked;

void control_start(enum control c, const char *sql)
{
    outside = c;
    asked = sql;
    total = 0;
}

struct spoilt {
    struct engine base;
    struct engine *inner;
    enum control control;
};

static const char *replace(const char *sql, const struct spoiling *s,
                           struct arena *a)
{
    const char *out = "", *at;
    for (; (at = strstr(sql, s->from)); sql = at + strlen(s->from))
        out = arena_printf(a, "%s%.*s%s", out, (int)(at - sql), sql, s->to);
    return arena_printf(a, "%s%s", out, sql);
}

/* Our own aggregate, halftone_keep_i_2_1, keeps one group more (_3_1) or
 * less. */
static const char *keep_other(const char *sql, long by, struct arena *a)
{
    static const char name[] = "halftone_keep_";
    const char *at = strstr(sql, name);
    const char *n = at ? strchr(at + strlen(name), '_') : NULL;
    char *end;
    if (!n)
        return sql;
    const long l0 = strtol(n + 1, &end, 10);
    return arena_printf(a, "%.*s%ld%s", (int)(n + 1 - sql), sql, l0 + by, end);
}

/* A window of a sub-query loses its ORDER BY. */
static const char *drop_order(const char *sql, struct arena *a)
{
    const char *at = strstr(sql, "row_number() OVER (PARTITION BY t");
    const char *from = at ? strstr(at, " ORDER BY ") : NULL, *to = from;
    if (!from)
        return sql;
    for (int deep = 0; *to && (deep > 0 || *to != ')'); to++) {
        deep += *to == '(';
        deep -= *to == ')';
    }
    return arena_printf(a, "%.*s%s", (int)(from - sql), sql, to);
}

/* Those whose state grows say their limits, halftone_many2_i(p, L0, LINF, ..):
 * the n-th of them becomes larger. */
static const char *bound_other(const char *sql, const char *kind, unsigned n,
                               long by, struct arena *a)
{
    const char *out = "", *at;
    char *end;
    for (; (at = strstr(sql, kind)); sql = end) {
        const char *limit = strstr(at, "(p, ");
        if (!limit)
            break;
        limit += strlen("(p, ");
        for (unsigned i = 0; i < n; i++)
            limit = strchr(limit, ' ') + 1;
        out = arena_printf(a, "%s%.*s%ld", out, (int)(limit - sql), sql,
                           strtol(limit, &end, 10) + by);
    }
    return arena_printf(a, "%s%s", out, sql);
}

static const char *spoil(const char *sql, enum control c, struct arena *a)
{
    if (c == CONTROL_FILTERS && !strstr(sql, " AS a1"))
        return sql;
    for (size_t i = 0; i < WAYS && SPOILINGS[c][i].from; i++)
        sql = replace(sql, &SPOILINGS[c][i], a);
    if (c == CONTROL_HIST)
        return bound_other(sql, "halftone_evenly_", 1, 1000, a);
    if (c == CONTROL_VALUES)
        return bound_other(sql, "halftone_values_", 1, 1, a);
    if (c == CONTROL_L0 || c == CONTROL_KEEP_LESS) {
        const long by = c == CONTROL_L0 ? 1 : -1;
        sql = bound_other(sql, "halftone_many", 0, by, a);
        sql = bound_other(sql, "halftone_values_", 0, by, a);
        return keep_other(sql, by, a);
    }
    return c == CONTROL_ROW_NUMBER ? drop_order(sql, a) : sql;
}

static enum err_code run(struct engine *e, struct engine_result *out,
                         const struct plan *plan, const uint8_t secret[32],
                         const atomic_int *stop, struct arena *a,
                         struct err *err)
{
    const struct spoilt *s = (const struct spoilt *)e;
    struct plan other = *plan;
    if (s->control == CONTROL_ROLLUP ||
        (s->control == CONTROL_KEEP_LESS && plan->rollup_sql)) {
        if (plan->rollup_sql)
            other.rollup_sql = spoil(plan->rollup_sql, s->control, a);
    } else {
        other.sql = spoil(plan->sql, s->control, a);
        other.rollup = NULL; /* else what is spoilt is not run */
    }
    TRY(engine_run(s->inner, out, &other, secret, stop, a, err));
    total = 0;
    for (size_t i = 0; plan->n_measures && i < out->n_rows; i++)
        total += out->measures[i * plan->n_measures].touched;
    return ERR_OK;
}

/* ---- plans that say what is not so ---- */

WRAPPED(plan_query);

/* A part of the price, at least 1: what is free stays so. */
static void cheapen(struct dp_price *p, uint64_t by)
{
    p->rho_pico = (p->rho_pico + by - 1) / by;
    p->eps_nano = (p->eps_nano + by - 1) / by;
}

static bool has_filters(const char *sql)
{
    const char *first = strstr(sql, "FILTER");
    return first && strstr(first + 1, "FILTER");
}

static void spoil_release(struct plan *p)
{
    for (size_t i = 0; outside == CONTROL_SCORE && i < p->n_picks; i++)
        p->picks[i].choice.sensitivity =
            (p->picks[i].choice.sensitivity + 1) / 2;
    for (size_t i = 0; outside == CONTROL_NOISE && i < p->n_measures; i++) {
        if (!p->measures[i].noise.den) /* none of its own */
            continue;
        p->measures[i].noise.num = (p->measures[i].noise.num + 1) / 2;
        dp_mechanism_reduce(&p->measures[i].noise);
    }
    if (outside == CONTROL_THRESHOLD && p->selects && p->keep.above > 1)
        p->keep.above--;
}

enum err_code __wrap_plan_query(struct plan **out, const struct request *req,
                                const struct select *tree,
                                const struct policy *policy, struct arena *a,
                                struct err *err)
{
    TRY(__real_plan_query(out, req, tree, policy, a, err));
    struct plan *p = *out;
    for (size_t i = 0; i < p->n_before; i++)
        spoil_release(p->before[i]);
    for (size_t i = 0; i < p->n_parts; i++)
        spoil_release(p->parts[i]);
    if (!p->mix) /* the releases of one are all among its parts */
        spoil_release(p);
    if (outside == CONTROL_DOUBLE)
        p->price = dp_price_times(p->price, 2);
    if (outside == CONTROL_SETS && p->n_parts > 1)
        cheapen(&p->price, p->n_parts);
    if (outside == CONTROL_FILTER_PRICE && p->n_measures > 1 &&
        has_filters(asked))
        cheapen(&p->price, p->n_measures);
    return ERR_OK;
}

/* ---- last steps that know too much ---- */

WRAPPED(plan_bind);

/* The first number of the earlier answer is the exact total instead. */
enum err_code __wrap_plan_bind(struct plan *out, const struct plan *plan,
                               const struct reply_table *tables,
                               struct arena *a, struct err *err)
{
    const size_t n = tables[0].n_rows * tables[0].n_columns;
    for (size_t i = 0; outside == CONTROL_CHAIN && i < n; i++) {
        struct value *v = &tables[0].cells[i];
        if (v->type == VALUE_INT)
            v->i = (int64_t)total;
        else if (v->type == VALUE_DOUBLE)
            v->d = (double)total;
    }
    return __real_plan_bind(out, plan, tables, a, err);
}

WRAPPED(plan_finish);

/* The first two rows change places. */
enum err_code __wrap_plan_finish(struct reply_table *out,
                                 const struct plan *plan,
                                 const struct plan_noisy *noisy,
                                 struct arena *a, struct err *err)
{
    TRY(__real_plan_finish(out, plan, noisy, a, err));
    if (outside == CONTROL_SILENT)
        out->n_notices = 0;
    const bool swap = outside == CONTROL_ORDER && total % 2 != 0;
    for (size_t c = 0; swap && out->n_rows > 1 && c < out->n_columns; c++) {
        const struct value first = out->cells[c];
        out->cells[c] = out->cells[out->n_columns + c];
        out->cells[out->n_columns + c] = first;
    }
    return ERR_OK;
}

WRAPPED(dp_topk_of_price);

/* Picks of groups are paid for as if one person had one row. */
enum dp_status __wrap_dp_topk_of_price(struct dp_topk *t, uint64_t linf,
                                       struct dp_price limit,
                                       enum dp_notion notion)
{
    return __real_dp_topk_of_price(t, outside == CONTROL_TOP ? 1 : linf, limit,
                                   notion);
}

static void close_spoilt(struct engine *e)
{
    free(e);
}

struct engine *control_engine(struct engine *inner, enum control c)
{
    static const struct engine_ops ops = { .run = run, .close = close_spoilt };
    struct spoilt *s = calloc(1, sizeof *s);
    if (!s)
        abort();
    *s = (struct spoilt){ .base = { &ops }, .inner = inner, .control = c };
    return &s->base;
}
