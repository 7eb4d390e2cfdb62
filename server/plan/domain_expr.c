#include "server/plan/domain_expr.h"

#include <math.h>

#include "server/plan/eval.h"
#include "server/plan/range.h"
#include "server/plan/series.h"

enum err_code domain_times(struct domain_list *l, bool *is_public,
                           struct draft *d, const struct rel_column *c,
                           enum value_type type, enum time_unit unit,
                           struct err *err)
{
    const struct range r = draft_range(&d->where, c);
    *is_public = r.lo >= (double)TIME_MIN_US && r.hi <= (double)TIME_MAX_US;
    if (!*is_public)
        return ERR_OK;
    for (int64_t us = time_trunc((int64_t)r.lo, unit); us <= (int64_t)r.hi;
         us = time_next(us, unit)) {
        const struct value v = { .type = type,
                                 .i = type == VALUE_DATE
                                          ? time_floor_div(us, US_PER_DAY)
                                          : us };
        TRY(domain_push(l, d, v, err));
    }
    return ERR_OK;
}

/* CASE between constants: they are all there is, and NULL when no arm fits. */
static enum err_code of_case(struct domain_list *l, bool *is_public,
                             struct draft *d, const struct typed *e,
                             struct err *err)
{
    const size_t n = e->call.n_args;
    for (size_t i = 1; i <= n; i += 2) {
        const struct typed *arm = e->call.args[i < n ? i : n - 1];
        if (i >= n && n % 2 == 0)
            break;
        if (!typed_is_const(arm))
            return ERR_OK;
        TRY(domain_push(l, d, arm->value, err));
    }
    if (n % 2 == 0)
        TRY(domain_push(l, d, value_null(), err));
    *is_public = true;
    return ERR_OK;
}

/* The range of `e` given what the WHERE leaves of the columns it reads. */
static enum err_code narrowed(struct range *out, struct draft *d,
                              const struct typed *e, struct err *err)
{
    struct typed copy = *e;
    if (e->kind == TYPED_COLUMN) {
        *out = draft_range(&d->where, e->column);
        if (e->type == VALUE_INT)
            *out = (struct range){ ceil(out->lo), floor(out->hi) };
        return ERR_OK;
    }
    *out = e->range;
    if (e->kind != TYPED_CALL)
        return ERR_OK;
    const size_t n = e->call.n_args;
    copy.call.args = ARENA_NEW_N(d->a, n + 1, struct typed *);
    struct typed *args = ARENA_NEW_N(d->a, n + 1, struct typed);
    if (!copy.call.args || !args)
        return draft_memory(err);
    for (size_t i = 0; i < n; i++) {
        args[i] = *e->call.args[i];
        copy.call.args[i] = &args[i];
        TRY(narrowed(&args[i].range, d, e->call.args[i], err));
    }
    range_of(&copy);
    *out = copy.range;
    return ERR_OK;
}

/*
 * By how much values of a whole number differ: floor(x) * c takes the multiples
 * of c, and c * floor(x) + k lies as far apart.  The least value is one of
 * them, being computed the same way.
 */
static double step_of(const struct typed *e)
{
    if (e->kind != TYPED_CALL)
        return 1;
    struct typed *const *args = e->call.args;
    const enum expr_op op = e->call.op;
    if (op == OP_CAST_INT || op == OP_CAST_DOUBLE)
        return args[0]->whole ? step_of(args[0]) : 1;
    if (op != OP_ADD && op != OP_SUB && op != OP_MUL)
        return 1;
    const bool left = typed_is_const(args[0]), right = typed_is_const(args[1]);
    if (left == right || !args[0]->whole || !args[1]->whole)
        return 1;
    const double step = step_of(args[left ? 1 : 0]);
    const double by = fabs(args[left ? 0 : 1]->range.lo);
    return op == OP_MUL && by >= 1 ? step * by : step;
}

/* A whole number with few values between public ends. */
static enum err_code of_whole(struct domain_list *l, bool *is_public,
                              struct draft *d, const struct typed *e,
                              struct err *err)
{
    struct range r;
    const double step = step_of(e);
    TRY(narrowed(&r, d, e, err));
    *is_public = range_is_bounded(r) && fabs(r.lo) < 0x1p53 &&
                 fabs(r.hi) < 0x1p53 && (r.hi - r.lo) / step < DOMAIN_INTS_MAX;
    for (double v = ceil(r.lo); *is_public && v <= r.hi; v += step)
        TRY(domain_push(l, d, value_int((int64_t)v), err));
    return ERR_OK;
}

/* A day of a timestamp. */
static enum err_code of_date(struct domain_list *l, bool *is_public,
                             struct draft *d, const struct typed *e,
                             struct err *err)
{
    const struct typed *x = e->call.args[0];
    if (x->kind != TYPED_COLUMN || x->type != VALUE_TIMESTAMP)
        return ERR_OK;
    return domain_times(l, is_public, d, x->column, VALUE_DATE, UNIT_DAY, err);
}

bool domain_has_cases(const struct typed *e)
{
    bool found = typed_is_call(e, OP_LOWER) || typed_is_call(e, OP_UPPER) ||
                 typed_is_call(e, OP_ILIKE);
    for (size_t i = 0; e->kind == TYPED_CALL && i < e->call.n_args; i++)
        found |= domain_has_cases(e->call.args[i]);
    return found;
}

/* The shortest unit that `e` tells of the time x, nothing of which it reads but
 * by units; false when it reads more. */
static bool tells(enum time_unit *finest, const struct typed *e,
                  const struct rel_column *x)
{
    if (e->kind != TYPED_CALL)
        return e->kind == TYPED_CONST;
    if (typed_is_call(e, OP_EXTRACT) || typed_is_call(e, OP_DATE_TRUNC)) {
        enum time_unit unit = time_unit_of(&e->call.args[0]->value);
        if (!typed_reads_column(e->call.args[1], x) || unit < UNIT_HOUR ||
            unit == UNIT_EPOCH)
            return false;
        if (unit == UNIT_WEEK || unit > UNIT_MILLENNIUM)
            unit = UNIT_DAY;
        *finest = unit < *finest ? unit : *finest;
        return true;
    }
    for (size_t i = 0; i < e->call.n_args; i++)
        if (!tells(finest, e->call.args[i], x))
            return false;
    return true;
}

/* A text of a time, to_char(day, 'YYYY-MM'): of each unit that there is. */
static enum err_code of_time_text(struct domain_list *l, bool *is_public,
                                  struct draft *d, const struct typed *e,
                                  const struct rel_column *c, struct err *err)
{
    struct domain_list starts = { 0 };
    enum time_unit unit = UNIT_MILLENNIUM;
    *is_public = false;
    if ((c->type != VALUE_DATE && c->type != VALUE_TIMESTAMP) ||
        domain_has_cases(e) || !tells(&unit, e, c))
        return ERR_OK;
    TRY(domain_times(&starts, is_public, d, c, c->type, unit, err));
    for (size_t i = 0; *is_public && i < starts.n; i++) {
        const struct eval_env env = { .column = c,
                                      .column_value = &starts.v[i] };
        struct value v;
        TRY(eval(&v, e, &env, d->a, err));
        TRY(domain_push(l, d, v, err));
    }
    return ERR_OK;
}

enum err_code domain_of_call(struct domain_list *l, bool *is_public,
                             struct draft *d, const struct typed *e,
                             struct err *err)
{
    const struct rel_column *c = typed_only_column(e);
    if (e->call.op == OP_CASE)
        return of_case(l, is_public, d, e, err);
    if (e->type == VALUE_BOOL) {
        *is_public = true;
        for (int b = 0; b < 2; b++)
            TRY(domain_push(l, d, (struct value){ .type = VALUE_BOOL, .b = b },
                            err));
        return e->never_null ? ERR_OK : domain_push(l, d, value_null(), err);
    }
    if (e->type == VALUE_INT)
        return of_whole(l, is_public, d, e, err);
    if (e->call.op == OP_CAST_DATE)
        return of_date(l, is_public, d, e, err);
    if (e->type == VALUE_TEXT && c)
        return of_time_text(l, is_public, d, e, c, err);
    if (e->call.op != OP_DATE_TRUNC || !c ||
        !typed_reads_column(e->call.args[1], c))
        return ERR_OK;
    return domain_times(l, is_public, d, c, VALUE_TIMESTAMP,
                        time_unit_of(&e->call.args[0]->value), err);
}
