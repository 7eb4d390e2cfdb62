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

/* row_number() takes nothing, lag(x) one value; no FILTER, no DISTINCT. */
static enum err_code read_arg(struct sql_ctx *c, struct window *w,
                              const PgQuery__FuncCall *f)
{
    const char *name = window_kind_name(w->kind);
    const size_t want = w->kind >= WINDOW_LAG;
    if (f->agg_filter || f->agg_distinct || f->agg_star)
        return sql_refuse(c, REFUSAL_FUNCTION_OPTION, f->location,
                          f->agg_filter ? "FILTER" : "DISTINCT or *", NULL);
    if (f->n_args != want)
        return sql_refuse(c, REFUSAL_FUNCTION_ARGS, f->location, name,
                          want ? "1 argument" : "no argument");
    return want ? sql_expr(c, &w->arg, f->args[0]) : ERR_OK;
}

/* PostgreSQL's bits of a frame (nodes/parsenodes.h). */
enum {
    NONDEFAULT = 0x1,
    RANGE = 0x2,
    ROWS = 0x4,
    BETWEEN = 0x10,
    FROM_FIRST = 0x20,
    TO_LAST = 0x100,
    TO_CURRENT = 0x400,
};

static enum err_code frame_of(struct sql_ctx *c, enum window_frame *out,
                              const PgQuery__WindowDef *def)
{
    const unsigned bits =
        (unsigned)def->frame_options & ~(unsigned)(NONDEFAULT | BETWEEN);
    if (bits == (RANGE | FROM_FIRST | TO_CURRENT))
        *out = FRAME_DEFAULT;
    else if (bits == (ROWS | FROM_FIRST | TO_CURRENT))
        *out = FRAME_ROWS;
    else if (bits == (ROWS | FROM_FIRST | TO_LAST) ||
             bits == (RANGE | FROM_FIRST | TO_LAST))
        *out = FRAME_ALL;
    else
        return sql_refuse(c, REFUSAL_FRAME, def->location, NULL, NULL);
    return ERR_OK;
}

/* OVER w stands for the w of the WINDOW clause. */
static enum err_code find_named(struct sql_ctx *c,
                                const PgQuery__WindowDef **def)
{
    const char *name = (*def)->name;
    if (!name || !*name)
        return ERR_OK;
    for (size_t i = 0; c->stmt && i < c->stmt->n_window_clause; i++) {
        const PgQuery__Node *n = c->stmt->window_clause[i];
        if (n->node_case != PG_QUERY__NODE__NODE_WINDOW_DEF ||
            strcmp(n->window_def->name, name) != 0)
            continue;
        TRY(sql_fields(c, &n->window_def->base, (*def)->location));
        *def = n->window_def;
        return ERR_OK;
    }
    return sql_refuse(c, REFUSAL_WINDOW_NAME, (*def)->location, name, NULL);
}

static enum err_code read_window(struct sql_ctx *c, struct window *w,
                                 const PgQuery__WindowDef *def)
{
    TRY(sql_fields(c, &def->base, def->location));
    TRY(find_named(c, &def));
    const size_t n = def->n_partition_clause;
    if (n > SQL_KEYS_MAX || def->n_order_clause > SQL_KEYS_MAX)
        return sql_refuse(c, REFUSAL_LIST_LENGTH, def->location, "OVER", "64");
    w->partition = ARENA_NEW_N(c->arena, n + 1, struct expr *);
    if (!w->partition)
        return sql_no_memory(c);
    for (; w->n_partition < n; w->n_partition++)
        TRY(sql_expr(c, &w->partition[w->n_partition],
                     def->partition_clause[w->n_partition]));
    TRY(sql_sort_list(c, &w->orders, &w->n_orders, def->order_clause,
                      def->n_order_clause));
    return frame_of(c, &w->frame, def);
}

enum err_code sql_window(struct sql_ctx *c, struct expr **out,
                         const PgQuery__FuncCall *f)
{
    const char *const no_aggs = c->no_aggs;
    struct window *w = ARENA_NEW(c->arena, struct window);
    struct expr *e = NULL;
    if (!w)
        return sql_no_memory(c);
    if (no_aggs)
        return sql_refuse(c, REFUSAL_WINDOW_PLACE, f->location, no_aggs, NULL);
    TRY(sql_expr_new(c, &e, EXPR_WINDOW, f->location));
    e->window = w;
    TRY(kind_of(c, &w->kind, f));
    if (w->kind == WINDOW_AGG)
        TRY(sql_aggregate(c, &w->arg, f));
    else
        TRY(read_arg(c, w, f));
    TRY(read_window(c, w, f->over));
    *out = e;
    return ERR_OK;
}
