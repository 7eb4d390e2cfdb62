#include "server/plan/range.h"

#include "server/plan/eval.h"
#include "server/plan/func.h"
#include "server/plan/grid.h"
#include "server/plan/never_null.h"
#include "server/plan/numeric.h"
#include "server/plan/range_given.h"
#include "server/plan/rel.h"

static const struct range EVERYTHING = { -HUGE_VAL, HUGE_VAL };

/* Ends where 0 * infinity or infinity - infinity says nothing. */
static struct range checked(struct range r)
{
    return (struct range){ isnan(r.lo) ? -HUGE_VAL : r.lo,
                           isnan(r.hi) ? HUGE_VAL : r.hi };
}

static double times(double a, double b)
{
    return a == 0 || b == 0 ? 0 : a * b;
}

static struct range product(struct range a, struct range b)
{
    const double c[4] = { times(a.lo, b.lo), times(a.lo, b.hi),
                          times(a.hi, b.lo), times(a.hi, b.hi) };
    return (struct range){ fmin(fmin(c[0], c[1]), fmin(c[2], c[3])),
                           fmax(fmax(c[0], c[1]), fmax(c[2], c[3])) };
}

static struct range quotient(struct range a, struct range b, bool whole)
{
    if (b.lo <= 0 && b.hi >= 0)
        return EVERYTHING;
    const struct range r = product(a, (struct range){ 1 / b.hi, 1 / b.lo });
    return whole ? (struct range){ trunc(r.lo), trunc(r.hi) } : r;
}

/*
 * NULL arguments are ignored, so only those that are never NULL bind the far
 * end: least(5, x) is at most 5, least(x, y) may be either.
 */
static struct range extreme(const struct typed *e, bool least)
{
    struct range all = e->call.args[0]->range, sure = EVERYTHING;
    for (size_t i = 0; i < e->call.n_args; i++) {
        const struct typed *arg = e->call.args[i];
        all = range_hull(all, arg->range);
        if (arg->never_null && least)
            sure.hi = fmin(sure.hi, arg->range.hi);
        if (arg->never_null && !least)
            sure.lo = fmax(sure.lo, arg->range.lo);
    }
    return range_meet(all, sure);
}

/*
 * An arm is reached when its own test is true and those before it are not.
 * They may be NULL then, but only where x is NULL, and then so is the arm.
 */
static struct range arm(const struct typed *e, size_t test)
{
    const size_t n = e->call.n_args;
    const struct typed *x = e->call.args[test + 1 < n ? test + 1 : test];
    struct range r = x->range;
    for (size_t i = 0; i < test; i += 2)
        r = range_given(r, e->call.args[i], false, x);
    return test + 1 < n ? range_given(r, e->call.args[test], true, x) : r;
}

static struct range branches(const struct typed *e)
{
    struct range r = { HUGE_VAL, -HUGE_VAL };
    for (size_t i = 0; i < e->call.n_args; i += 2) {
        const size_t result = i + 1 < e->call.n_args ? i + 1 : i;
        if (!typed_is_null(e->call.args[result]))
            r = range_hull(r, arm(e, i));
    }
    return r.lo <= r.hi ? r : (struct range){ 0, 0 };
}

static bool is_sane_time(struct range r)
{
    return r.lo >= (double)TIME_MIN_US && r.hi <= (double)TIME_MAX_US;
}

/* Fields that grow with the time lie between those of its ends, others where
 * the calendar puts them. */
static struct range of_field(const struct typed *unit, struct range time)
{
    static const struct range fields[UNIT_COUNT] = {
        [UNIT_MICROSECOND] = { 0, 59999999 },
        [UNIT_MILLISECOND] = { 0, 60000 },
        [UNIT_SECOND] = { 0, 60 },
        [UNIT_MINUTE] = { 0, 59 },
        [UNIT_HOUR] = { 0, 23 },
        [UNIT_DAY] = { 1, 31 },
        [UNIT_WEEK] = { 1, 53 },
        [UNIT_MONTH] = { 1, 12 },
        [UNIT_QUARTER] = { 1, 4 },
        [UNIT_DOW] = { 0, 6 },
        [UNIT_ISODOW] = { 1, 7 },
        [UNIT_DOY] = { 1, 366 },
    };
    const enum time_unit u = time_unit_of(&unit->value);
    if (fields[u].hi > 0)
        return fields[u];
    if (!is_sane_time(time))
        time = (struct range){ (double)TIME_MIN_US, (double)TIME_MAX_US };
    return (struct range){ time_extract((int64_t)time.lo, u),
                           time_extract((int64_t)time.hi, u) };
}

static struct range truncated(const struct typed *unit, struct range time)
{
    const enum time_unit u = time_unit_of(&unit->value);
    if (!is_sane_time(time))
        return EVERYTHING;
    return (struct range){ (double)time_trunc((int64_t)time.lo, u),
                           (double)time_trunc((int64_t)time.hi, u) };
}

/* x + months, microseconds: a month has at most 31 days. */
static struct range shifted(const struct typed *e)
{
    const struct range t = e->call.args[0]->range;
    const int64_t months = e->call.args[1]->value.i;
    const int64_t us = e->call.args[2]->value.i;
    if (!is_sane_time(t))
        return EVERYTHING;
    return (struct range){
        (double)time_shift((int64_t)t.lo, months, us),
        (double)time_shift((int64_t)t.hi, months, us),
    };
}

/* Dates and whole numbers of days; days between dates. */
static struct range of_days(const struct typed *e)
{
    const double day = (double)US_PER_DAY;
    const struct range l = e->call.args[0]->range, r = e->call.args[1]->range;
    if (e->type == VALUE_INT)
        return (struct range){ (l.lo - r.hi) / day, (l.hi - r.lo) / day };
    if (e->call.op == OP_ADD)
        return (struct range){ l.lo + r.lo * day, l.hi + r.hi * day };
    return (struct range){ l.lo - r.hi * day, l.hi - r.lo * day };
}

/* Below the divisor, with the sign of the dividend. */
static struct range remainder_of(struct range a, struct range b)
{
    const double m = fmax(fabs(b.lo), fabs(b.hi));
    return (struct range){ a.lo < 0 ? fmax(-m, a.lo) : 0,
                           a.hi > 0 ? fmin(m, a.hi) : 0 };
}

static struct range of_cast_int(const struct typed *x)
{
    if (x->type == VALUE_BOOL)
        return (struct range){ 0, 1 };
    return (struct range){ rint(x->range.lo), rint(x->range.hi) };
}

static struct range of_function(const struct typed *e)
{
    const struct func *f = func_of(e->call.op);
    if (f)
        return f->range ? f->range(e) : EVERYTHING;
    return e->call.args[0]->range; /* a cast, NULLIF */
}

static struct range of_call(const struct typed *e)
{
    struct typed *const *args = e->call.args;
    const struct range l = args[0]->range;
    const struct range r = args[e->call.n_args > 1]->range;

    if (args[0]->type == VALUE_DATE &&
        (e->call.op == OP_ADD || e->call.op == OP_SUB))
        return of_days(e);
    switch ((int)e->call.op) {
    case OP_ADD:
        return (struct range){ l.lo + r.lo, l.hi + r.hi };
    case OP_SUB:
        return (struct range){ l.lo - r.hi, l.hi - r.lo };
    case OP_MUL:
        return product(l, r);
    case OP_DIV:
        return quotient(l, r, e->type == VALUE_INT);
    case OP_NEG:
        return (struct range){ -l.hi, -l.lo };
    case OP_LEAST:
        return extreme(e, true);
    case OP_GREATEST:
        return extreme(e, false);
    case OP_CASE:
        return branches(e);
    case OP_COALESCE: {
        struct range all = l;
        for (size_t i = 1; i < e->call.n_args; i++)
            all = range_hull(all, args[i]->range);
        return all;
    }
    case OP_MOD:
        return remainder_of(l, r);
    case OP_EXTRACT:
        return of_field(args[0], r);
    case OP_DATE_TRUNC:
        return truncated(args[0], r);
    case OP_SHIFT:
        return shifted(e);
    case OP_SECONDS:
        return (struct range){ (l.lo - r.hi) / 1e6, (l.hi - r.lo) / 1e6 };
    case OP_CAST_INT:
        return of_cast_int(args[0]);
    default:
        return of_function(e);
    }
}

static double number_of(const struct value *v)
{
    return v->type == VALUE_DOUBLE ? v->d : (double)v->i;
}

static bool is_time(enum value_type type)
{
    return type == VALUE_DATE || type == VALUE_TIMESTAMP;
}

static void range_of_leaf(struct typed *e)
{
    e->whole = e->type == VALUE_INT;
    if (e->kind == TYPED_CONST && is_time(e->value.type)) {
        const double us = (double)e->value.i *
                          (e->type == VALUE_DATE ? (double)US_PER_DAY : 1);
        e->range = (struct range){ us, us };
    } else if (e->kind == TYPED_COLUMN) {
        e->range = e->column->range;
        e->grid_bits = e->column->grid_bits;
        e->whole |= e->column->whole;
    } else if (e->kind == TYPED_CONST && e->value.type != VALUE_NULL) {
        const double v = number_of(&e->value);
        e->range = (struct range){ v, v };
        e->whole = v == floor(v) && isfinite(v);
        e->grid_bits = e->type == VALUE_DOUBLE ? grid_of_const(v) : 0;
    } else if (e->type == VALUE_DOUBLE) {
        e->grid_bits = RANGE_GRID_DEFAULT;
    }
}

void range_of(struct typed *e)
{
    const bool ranged =
        e->type == VALUE_INT || e->type == VALUE_DOUBLE || is_time(e->type);

    /* Times keep the range of their column, in microseconds. */
    e->range = e->kind == TYPED_COLUMN ? e->column->range : EVERYTHING;
    e->grid_bits = 0;
    e->whole = false;
    if (e->kind == TYPED_COLUMN)
        e->numeric = e->column->numeric;
    else if (e->kind == TYPED_CALL)
        e->numeric = numeric_call(e);
    e->never_null = (e->kind == TYPED_CONST && e->value.type != VALUE_NULL) ||
                    (e->kind == TYPED_COLUMN && e->column->never_null);
    if (ranged && e->kind == TYPED_CALL) {
        e->range = checked(of_call(e));
        e->whole = grid_is_whole(e);
        e->grid_bits = e->type == VALUE_DOUBLE ? grid_of_call(e) : 0;
    } else if (ranged) {
        range_of_leaf(e);
    }
    if (e->kind == TYPED_CALL)
        e->never_null = never_null(e);
}
