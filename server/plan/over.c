/* Typing of what over.h describes. */
#include "server/plan/over.h"

#include <math.h>

#include "server/plan/draft.h"
#include "server/plan/numeric.h"
#include "server/query/refusal.h"

/* GROUPS and RANGE by a value go by what the rows are ordered by: PostgreSQL
 * wants an order for the one, one number or time for the other. */
static enum err_code check_frame(const struct plan_over *o, struct place at,
                                 struct err *err)
{
    const struct frame *f = &o->frame;
    if (f->groups && o->n_orders == 0)
        return refuse(err, REFUSAL_FRAME, at, "GROUPS without ORDER BY", NULL);
    if (!f->by_value)
        return ERR_OK;
    const enum value_type type =
        o->n_orders == 1 ? o->orders[0].expr->type : VALUE_NULL;
    const bool time = type == VALUE_DATE || type == VALUE_TIMESTAMP;
    const bool number = type == VALUE_INT || type == VALUE_DOUBLE;
    const bool from = f->from == EDGE_BEFORE || f->from == EDGE_AFTER;
    const bool to = f->to == EDGE_BEFORE || f->to == EDGE_AFTER;
    if ((time || number) && (!from || f->from_by.is_interval == time) &&
        (!to || f->to_by.is_interval == time))
        return ERR_OK;
    return refuse(err, REFUSAL_FRAME, at,
                  "RANGE with an offset, but for ORDER BY one number with a "
                  "number and one time with an interval,",
                  NULL);
}

/* An expression over the rows of the answer. */
static enum err_code type_one(struct typed **out, struct draft *d,
                              const struct expr *e, struct err *err)
{
    const bool rows = d->block->is_answer && !d->block->groups;
    return rows ? draft_row(out, d, e, USE_VALUE, err)
                : draft_post(out, d, e, err);
}

static enum err_code type_partition(struct plan_over *o, struct draft *d,
                                    const struct window *w, struct err *err)
{
    o->partition = ARENA_NEW_N(d->a, w->n_partition + 1, struct typed *);
    o->orders = ARENA_NEW_N(d->a, w->n_orders + 1, struct plan_order);
    if (!o->partition || !o->orders)
        return draft_memory(err);
    for (; o->n_partition < w->n_partition; o->n_partition++)
        TRY(type_one(&o->partition[o->n_partition], d,
                     w->partition[o->n_partition], err));
    for (; o->n_orders < w->n_orders; o->n_orders++) {
        const struct select_order *by = &w->orders[o->n_orders];
        struct typed *e = NULL;
        TRY(type_one(&e, d, by->expr, err));
        o->orders[o->n_orders] =
            (struct plan_order){ e, by->descending, by->nulls_first };
    }
    return ERR_OK;
}

static enum err_code type_filter(struct plan_over *o, struct draft *d,
                                 const struct expr *e, struct err *err)
{
    struct typed *filter = NULL;
    if (!e)
        return ERR_OK;
    TRY(type_one(&filter, d, e, err));
    if (filter->type != VALUE_BOOL && !typed_is_null(filter))
        return refuse(err, REFUSAL_FILTER_TYPE, filter->at,
                      value_type_name(filter->type), NULL);
    o->filter = filter;
    return ERR_OK;
}

static enum err_code type_agg(struct typed *out, struct plan_over *o,
                              struct draft *d, const struct expr *e,
                              struct err *err)
{
    struct draft_agg agg = { .kind = e->agg.kind, .at = e->at };
    struct typed *value = NULL;
    if (e->agg.distinct)
        return refuse(err, REFUSAL_AGG_DISTINCT, e->at, "a window", NULL);
    TRY(type_filter(o, d, e->agg.filter, err));
    if (e->agg.arg->kind != EXPR_STAR)
        TRY(type_one(&value, d, e->agg.arg, err));
    const bool any =
        agg.kind == AGG_COUNT || agg.kind == AGG_MIN || agg.kind == AGG_MAX;
    if (!any && value->type != VALUE_INT && value->type != VALUE_DOUBLE)
        return refuse(err, REFUSAL_AGG_NUMBER, e->at, agg_kind_name(agg.kind),
                      value_type_name(value->type));
    o->agg = agg.kind;
    o->value = agg.value = value;
    TRY(draft_sub_agg(out, d, &agg, err));
    out->never_null = agg.kind == AGG_COUNT;
    out->numeric = numeric_agg(agg.kind, value);
    return ERR_OK;
}

enum err_code draft_window_number(int64_t *out, struct draft *d,
                                  const struct window *w, struct place at,
                                  struct err *err)
{
    enum { MOST = 1000000 };
    const bool shifts = w->kind == WINDOW_LAG || w->kind == WINDOW_LEAD;
    struct typed *n = NULL;
    *out = 1;
    if (!w->number)
        return ERR_OK;
    if (w->number->kind != EXPR_CONST && w->number->kind != EXPR_PARAM &&
        w->number->kind != EXPR_CALL) /* -1 is a call, folded */
        return refuse(err, REFUSAL_WINDOW_NUMBER, w->number->at,
                      window_kind_name(w->kind),
                      shifts ? "-1000000 to 1000000" : "1 to 1000000");
    TRY(draft_row(&n, d, w->number, USE_VALUE, err));
    draft_param_is(d, n, VALUE_INT);
    if (d->shape && n->param > 0)
        return ERR_OK;
    const bool is_int = typed_is_const(n) && n->value.type == VALUE_INT;
    if (!is_int || n->value.i > MOST || n->value.i < (shifts ? -MOST : 1))
        return refuse(err, REFUSAL_WINDOW_NUMBER,
                      w->number->at.line ? w->number->at : at,
                      window_kind_name(w->kind),
                      shifts ? "-1000000 to 1000000" : "1 to 1000000");
    *out = n->value.i;
    return ERR_OK;
}

enum err_code draft_one_type(struct typed **a, struct typed **b,
                             struct draft *d, struct place at, struct err *err)
{
    struct typed *both = NULL, **args = ARENA_NEW_N(d->a, 2, struct typed *);
    if (!args)
        return draft_memory(err);
    args[0] = *a;
    args[1] = *b;
    TRY(check_call(&both, d, OP_COALESCE, args, 2, at, err));
    *a = args[0];
    *b = args[1];
    return ERR_OK;
}

static enum err_code type_value(struct typed *out, struct plan_over *o,
                                struct draft *d, const struct window *w,
                                struct place at, struct err *err)
{
    struct typed *value = NULL, *otherwise = NULL;
    TRY(type_one(&value, d, w->arg, err));
    if (w->otherwise) {
        TRY(type_one(&otherwise, d, w->otherwise, err));
        TRY(draft_one_type(&value, &otherwise, d, at, err));
    }
    o->value = value;
    o->otherwise = otherwise;
    out->type = value->type == VALUE_NULL ? VALUE_TEXT : value->type;
    out->whole = value->whole;
    out->grid_bits = value->grid_bits;
    out->numeric = value->numeric;
    return ERR_OK;
}

static enum err_code type_function(struct typed *out, struct plan_over *o,
                                   struct draft *d, const struct expr *e,
                                   struct err *err)
{
    const struct window *w = e->window;
    const struct window_info *info = window_info_of(w->kind);
    if (w->kind == WINDOW_AGG)
        return type_agg(out, o, d, w->arg, err);
    TRY(draft_window_number(&o->number, d, w, e->at, err));
    if (info->takes_value)
        return type_value(out, o, d, w, e->at, err);
    const bool real =
        w->kind == WINDOW_PERCENT_RANK || w->kind == WINDOW_CUME_DIST;
    out->type = real ? VALUE_DOUBLE : VALUE_INT;
    out->whole = !real;
    out->never_null = true;
    return ERR_OK;
}

enum err_code draft_over(struct typed **out, struct draft *d,
                         const struct expr *e, struct err *err)
{
    struct draft_block *b = d->block;
    struct plan_over o = { .kind = e->window->kind, .frame = e->window->frame };
    struct typed *t = ARENA_NEW(d->a, struct typed);
    if (!b->overs)
        b->overs = ARENA_NEW_N(d->a, PLAN_OVERS_MAX, struct plan_over);
    if (!t || !b->overs)
        return draft_memory(err);
    *t = (struct typed){ .kind = TYPED_OVER,
                         .at = e->at,
                         .range = { -HUGE_VAL, HUGE_VAL } };
    b->in_output = false; /* no window inside a window */
    TRY(type_partition(&o, d, e->window, err));
    TRY(check_frame(&o, e->at, err));
    TRY(type_function(t, &o, d, e, err));
    b->in_output = true;
    if (b->n_overs == PLAN_OVERS_MAX)
        return refuse(err, REFUSAL_LIST_LENGTH, e->at,
                      "A list of window functions", "64");
    t->index = b->n_overs;
    b->overs[b->n_overs++] = o;
    *out = t;
    return ERR_OK;
}
