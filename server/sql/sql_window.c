/* Window functions: what stands before OVER, and the window itself. */
#include "server/sql/sql_ctx.h"

#include <string.h>

static enum err_code kind_of(struct sql_ctx *c, enum window_kind *out,
                             const PgQuery__FuncCall *f)
{
    const char *name = sql_string(f->funcname[f->n_funcname - 1]);
    *out = WINDOW_AGG;
    for (unsigned k = WINDOW_AGG + 1; name && k < WINDOW_KIND_COUNT; k++)
        if (strcmp(window_kind_name((enum window_kind)k), name) == 0)
            *out = (enum window_kind)k;
    enum agg_kind agg;
    if (name && *out == WINDOW_AGG && sql_agg_kind(&agg, name) &&
        !agg_is_percentile(agg))
        return ERR_OK;
    if (*out != WINDOW_AGG && f->n_funcname == 1)
        return ERR_OK;
    return sql_refuse(c, REFUSAL_FUNCTION, f->location, name ? name : "?",
                      NULL);
}

/* row_number() takes nothing, lag(x, n, otherwise) the most; no FILTER, no
 * DISTINCT. */
static enum err_code read_args(struct sql_ctx *c, struct window *w,
                               const PgQuery__FuncCall *f)
{
    const struct window_info *info = window_info_of(w->kind);
    struct expr **const to[] = { info->takes_value ? &w->arg : NULL,
                                 info->takes_number ? &w->number : NULL,
                                 &w->otherwise };
    if (f->agg_filter || f->agg_distinct || f->agg_star)
        return sql_refuse(c, REFUSAL_FUNCTION_OPTION, f->location,
                          f->agg_filter ? "FILTER" : "DISTINCT or *", NULL);
    if (f->n_args < info->min_args || f->n_args > info->max_args)
        return sql_refuse(c, REFUSAL_FUNCTION_ARGS, f->location, info->name,
                          info->args);
    size_t next = 0;
    for (size_t i = 0; i < sizeof to / sizeof to[0]; i++)
        if (to[i] && next < f->n_args)
            TRY(sql_expr(c, to[i], f->args[next++]));
    return ERR_OK;
}

/* PostgreSQL's bits of a frame (nodes/parsenodes.h). */
static const struct {
    unsigned bit;
    enum frame_edge edge;
} FROM[] = { { 0x20, EDGE_FIRST },
             { 0x200, EDGE_HERE },
             { 0x800, EDGE_BEFORE },
             { 0x2000, EDGE_AFTER } },
  TO[] = { { 0x100, EDGE_LAST },
           { 0x400, EDGE_HERE },
           { 0x1000, EDGE_BEFORE },
           { 0x4000, EDGE_AFTER } };
static const struct {
    unsigned bit;
    enum frame_exclude exclude;
} EXCLUDES[] = { { 0x8000, EXCLUDE_ROW },
                 { 0x10000, EXCLUDE_GROUP },
                 { 0x20000, EXCLUDE_TIES } };
enum { EDGES = 4, ROWS = 0x4, GROUPS = 0x8 };

/* A number of rows or groups. */
static enum err_code read_rows(struct sql_ctx *c, uint32_t *out,
                               const PgQuery__Node *n, int offset)
{
    int64_t i = 0;
    if (!n || !sql_is_int(n, &i) || i < 0 || i > FRAME_OFFSET_MAX)
        return sql_refuse(c, REFUSAL_FRAME,
                          n ? sql_offset_of(n, offset) : offset,
                          "This number of rows", NULL);
    *out = (uint32_t)i;
    return ERR_OK;
}

/* RANGE: a number, or an interval of a time. */
static enum err_code read_by(struct sql_ctx *c, struct frame_by *out,
                             const PgQuery__Node *n, int offset)
{
    struct sql_interval i = { 0 };
    struct expr *e = NULL;
    bool ok;
    if (!n)
        return sql_refuse(c, REFUSAL_FRAME, offset, "This distance", NULL);
    TRY(sql_interval_text(c, &i, &out->is_interval, n));
    out->months = i.months;
    out->us = i.us;
    ok = i.months >= 0 && i.us >= 0;
    if (!out->is_interval) {
        TRY(sql_expr(c, &e, n));
        const bool is_int = e->kind == EXPR_CONST && e->value.type == VALUE_INT;
        const bool is_real =
            e->kind == EXPR_CONST && e->value.type == VALUE_DOUBLE;
        out->number = is_int ? (double)e->value.i : is_real ? e->value.d : -1;
        ok = out->number >= 0;
    }
    return ok ? ERR_OK
              : sql_refuse(c, REFUSAL_FRAME, sql_offset_of(n, offset),
                           "This distance", NULL);
}

static enum err_code read_edge(struct sql_ctx *c, struct frame *f, bool is_from,
                               const PgQuery__Node *n, int offset)
{
    const enum frame_edge edge = is_from ? f->from : f->to;
    if (edge != EDGE_BEFORE && edge != EDGE_AFTER)
        return ERR_OK;
    if (f->rows || f->groups)
        return read_rows(c, is_from ? &f->from_offset : &f->to_offset, n,
                         offset);
    f->by_value = true;
    return read_by(c, is_from ? &f->from_by : &f->to_by, n, offset);
}

static enum err_code frame_of(struct sql_ctx *c, struct frame *out,
                              const PgQuery__WindowDef *def)
{
    const unsigned bits = (unsigned)def->frame_options;
    *out = (struct frame){ .rows = bits & ROWS, .groups = bits & GROUPS };
    for (size_t i = 0; i < EDGES; i++) {
        if (bits & FROM[i].bit)
            out->from = FROM[i].edge;
        if (bits & TO[i].bit)
            out->to = TO[i].edge;
    }
    for (size_t i = 0; i < sizeof EXCLUDES / sizeof EXCLUDES[0]; i++)
        if (bits & EXCLUDES[i].bit)
            out->exclude = EXCLUDES[i].exclude;
    TRY(read_edge(c, out, true, def->start_offset, def->location));
    return read_edge(c, out, false, def->end_offset, def->location);
}

/* The w of the WINDOW clause. */
static enum err_code find_named(struct sql_ctx *c,
                                const PgQuery__WindowDef **out,
                                const char *name, int offset)
{
    for (size_t i = 0; c->stmt && i < c->stmt->n_window_clause; i++) {
        const PgQuery__Node *n = c->stmt->window_clause[i];
        if (n->node_case != PG_QUERY__NODE__NODE_WINDOW_DEF ||
            strcmp(n->window_def->name, name) != 0)
            continue;
        *out = n->window_def;
        return sql_fields(c, &n->window_def->base, offset);
    }
    return sql_refuse(c, REFUSAL_WINDOW_NAME, offset, name, NULL);
}

static enum err_code read_partition(struct sql_ctx *c, struct window *w,
                                    const PgQuery__WindowDef *def)
{
    const size_t n = def->n_partition_clause;
    if (n > SQL_KEYS_MAX || def->n_order_clause > SQL_KEYS_MAX)
        return sql_refuse(c, REFUSAL_LIST_LENGTH, def->location, "OVER", "64");
    w->partition = ARENA_NEW_N(c->arena, n + 1, struct expr *);
    if (!w->partition)
        return sql_no_memory(c);
    for (; w->n_partition < n; w->n_partition++)
        TRY(sql_expr(c, &w->partition[w->n_partition],
                     def->partition_clause[w->n_partition]));
    return ERR_OK;
}

/* OVER w, and OVER (w ORDER BY ...), which adds to a w without an order. */
static enum err_code read_window(struct sql_ctx *c, struct window *w,
                                 const PgQuery__WindowDef *def)
{
    const int at = def->location;
    const PgQuery__WindowDef *base;
    TRY(sql_fields(c, &def->base, at));
    if (def->name && *def->name)
        TRY(find_named(c, &def, def->name, at));
    base = def;
    if (def->refname && *def->refname) {
        TRY(find_named(c, &base, def->refname, at));
        if (def->n_partition_clause > 0 || (base->refname && *base->refname) ||
            (base->n_order_clause > 0 && def->n_order_clause > 0))
            return sql_refuse(c, REFUSAL_FRAME, at,
                              "A window that changes another", NULL);
    }
    TRY(read_partition(c, w, base));
    const PgQuery__WindowDef *order = def->n_order_clause > 0 ? def : base;
    TRY(sql_sort_list(c, &w->orders, &w->n_orders, order->order_clause,
                      order->n_order_clause));
    return frame_of(c, &w->frame, def);
}

static enum err_code read_parts(struct sql_ctx *c, struct window *w,
                                const PgQuery__FuncCall *f)
{
    TRY(kind_of(c, &w->kind, f));
    if (w->kind == WINDOW_AGG)
        TRY(sql_aggregate(c, &w->arg, f));
    else
        TRY(read_args(c, w, f));
    return read_window(c, w, f->over);
}

enum err_code sql_window(struct sql_ctx *c, struct expr **out,
                         const PgQuery__FuncCall *f)
{
    struct window *w = ARENA_NEW(c->arena, struct window);
    const char *where = c->no_aggs ? c->no_aggs : c->no_windows;
    struct expr *e = NULL;
    if (!w)
        return sql_no_memory(c);
    if (where)
        return sql_refuse(c, REFUSAL_WINDOW_PLACE, f->location, where, NULL);
    TRY(sql_expr_new(c, &e, EXPR_WINDOW, f->location));
    e->window = w;
    c->no_windows = "another";
    TRY(read_parts(c, w, f));
    c->no_windows = NULL;
    *out = e;
    return ERR_OK;
}
