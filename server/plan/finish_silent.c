/* Numbers without an interval; finish_silent.h. */
#include "server/plan/finish_silent.h"

#include <string.h>

#include "server/plan/after.h"
#include "server/plan/draft.h"
#include "server/plan/explain.h"
#include "server/plan/mix.h"

static bool is_silent(const struct reply_table *t, size_t column)
{
    const enum value_type type = t->columns[column].type;
    bool any = false, told = false;
    for (size_t r = 0; r < t->n_rows; r++) {
        const size_t at = r * t->n_columns + column;
        any |= t->cells[at].type != VALUE_NULL;
        told |= t->intervals[at].kind != INTERVAL_NONE;
    }
    return any && !told && (type == VALUE_INT || type == VALUE_DOUBLE);
}

/* Why a number has no interval, where none of its column has one. */
enum err_code finish_silent(struct reply_table *out, const struct plan *p,
                            const struct laws *laws, struct arena *a,
                            struct err *err)
{
    const struct plan *first = plan_release(p, 0);
    const char **notices =
        ARENA_NEW_N(a, out->n_notices + p->n_outputs + 1, const char *);
    if (!notices)
        return draft_memory(err);
    if (out->n_notices > 0)
        memcpy(notices, out->notices, out->n_notices * sizeof *notices);
    for (size_t i = 0; i < p->n_outputs && !p->is_free; i++) {
        const struct typed *e = first->outputs[i].expr;
        const bool picks = e->kind == TYPED_AGG &&
                           first->aggs[e->index].kind == PLAN_AGG_QUANTILE;
        if (typed_is_call(e, OP_DP_LOW) || typed_is_call(e, OP_DP_HIGH))
            continue; /* the end of an interval */
        if (!laws_reads(e) || !is_silent(out, i))
            continue;
        const char *text = arena_printf(
            a,
            laws && laws_is_lost(laws, e)
                ? "no interval is told for \"%s\": rows were chosen by it, and "
                  "not by comparing one count or sum with constants"
            : picks
                ? "no interval is told for \"%s\": percentiles have one when "
                  "intervals are asked for"
                : "no interval is told for \"%s\": it neither adds up noisy "
                  "numbers nor rises or falls with one",
            p->outputs[i].name);
        if (!text)
            return draft_memory(err);
        notices[out->n_notices++] = text;
    }
    out->notices = notices;
    return ERR_OK;
}

/* Does it hold anything but constants? */
static bool is_computed(const struct typed *e)
{
    bool found = e->kind != TYPED_CONST && e->kind != TYPED_CALL;
    for (size_t i = 0; e->kind == TYPED_CALL && !found && i < e->call.n_args;
         i++)
        found = is_computed(e->call.args[i]);
    return found;
}

/* Is it a number that has noise in it, as the answer shows it? */
static bool has_noise(const struct plan *p, size_t column,
                      const struct plan_output *shown)
{
    const struct plan_output *o = explain_origin(p, column);
    if (!o)
        return is_computed(shown->expr);
    return !o->is_key && laws_reads(o->expr) &&
           !typed_is_call(o->expr, OP_DP_LOW) &&
           !typed_is_call(o->expr, OP_DP_HIGH);
}

/* The same of columns of what SELECTs around a release, or around several, make
 * of their answers. */
enum err_code finish_silent_after(struct reply_table *out, const struct plan *p,
                                  struct arena *a, struct err *err)
{
    size_t n;
    const struct plan_output *outputs = plan_columns(p, &n);
    const char **notices = ARENA_NEW_N(a, out->n_notices + n + 1, const char *);
    if (!notices)
        return draft_memory(err);
    if (out->n_notices > 0)
        memcpy(notices, out->notices, out->n_notices * sizeof *notices);
    for (size_t i = 0; i < n && !p->is_free; i++) {
        if (!is_silent(out, i) || !has_noise(p, i, &outputs[i]))
            continue;
        notices[out->n_notices] = arena_printf(
            a,
            "no interval is told for \"%s\": it does not pass through as one "
            "noisy number that has one",
            outputs[i].name);
        if (!notices[out->n_notices++])
            return draft_memory(err);
    }
    out->notices = notices;
    return ERR_OK;
}

/* ---- rows of several answers that a WHERE chooses ---- */

/* Columns of the mix's table that `e`, over those of after[level], reads: their
 * numbers are there because something held of them. */
static void lose(struct reply_table *t, const struct plan *p, size_t level,
                 const struct typed *e)
{
    for (size_t i = 0; e->kind == TYPED_CALL && i < e->call.n_args; i++)
        lose(t, p, level, e->call.args[i]);
    if (e->kind != TYPED_COLUMN)
        return;
    const size_t column = (size_t)(e->column - p->after[level].columns);
    if (level > 0) {
        lose(t, p, level - 1, p->after[level - 1].outputs[column].expr);
        return;
    }
    for (size_t r = 0; r < t->n_rows; r++)
        t->intervals[r * t->n_columns + column].kind = INTERVAL_NONE;
}

void finish_lose_chosen(struct reply_table *t, const struct plan *p)
{
    for (size_t k = 0; k < p->n_after && !p->after[k].groups; k++)
        for (size_t w = 0; w < p->after[k].n_where; w++)
            lose(t, p, k, p->after[k].where[w]);
}
