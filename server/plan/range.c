#include "server/plan/range.h"

#include <string.h>

#include "server/plan/rel.h"

static const struct range EVERYTHING = { -HUGE_VAL, HUGE_VAL };

enum { GRID_DEFAULT = RANGE_GRID_DEFAULT, GRID_MOST = 20 };

static struct range hull(struct range a, struct range b)
{
    return (struct range){ fmin(a.lo, b.lo), fmax(a.hi, b.hi) };
}

static struct range meet(struct range a, struct range b)
{
    const struct range r = { fmax(a.lo, b.lo), fmin(a.hi, b.hi) };
    return r.lo <= r.hi ? r : (struct range){ r.hi, r.hi };
}

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
        all = hull(all, arg->range);
        if (arg->never_null && least)
            sure.hi = fmin(sure.hi, arg->range.hi);
        if (arg->never_null && !least)
            sure.lo = fmax(sure.lo, arg->range.lo);
    }
    return meet(all, sure);
}

/* The range of x given that `cond` is `truth`, as far as simple tests say. */
static struct range given(struct range r, const struct typed *cond, bool truth,
                          const struct typed *x);

static struct range given_compare(struct range r, enum expr_op op, double c,
                                  bool truth)
{
    const bool below = op == OP_LT || op == OP_LE;
    const bool above = op == OP_GT || op == OP_GE;
    if (op == OP_EQ && truth)
        return meet(r, (struct range){ c, c });
    if (below == truth && (below || above))
        return meet(r, (struct range){ -HUGE_VAL, c });
    if (below || above)
        return meet(r, (struct range){ c, HUGE_VAL });
    return r;
}

static enum expr_op mirrored(enum expr_op op)
{
    switch ((int)op) {
    case OP_LT:
        return OP_GT;
    case OP_LE:
        return OP_GE;
    case OP_GT:
        return OP_LT;
    case OP_GE:
        return OP_LE;
    default:
        return op;
    }
}

static struct range given_logic(struct range r, const struct typed *cond,
                                bool truth, const struct typed *x)
{
    for (size_t i = 0; i < cond->call.n_args; i++)
        r = given(r, cond->call.args[i], truth, x);
    return r;
}

static struct range given(struct range r, const struct typed *cond, bool truth,
                          const struct typed *x)
{
    if (cond->kind != TYPED_CALL)
        return r;
    const enum expr_op op = cond->call.op;
    struct typed *const *args = cond->call.args;

    if (op == OP_NOT)
        return given(r, args[0], !truth, x);
    if (op == (truth ? OP_AND : OP_OR))
        return given_logic(r, cond, truth, x);
    if (op == OP_BETWEEN && truth && typed_equal(args[0], x))
        return meet(r, (struct range){ args[1]->range.lo, args[2]->range.hi });
    if (op < OP_EQ || op > OP_GE)
        return r;
    if (typed_equal(args[0], x) && typed_is_const(args[1]))
        return given_compare(r, op, args[1]->range.lo, truth);
    if (typed_equal(args[1], x) && typed_is_const(args[0]))
        return given_compare(r, mirrored(op), args[0]->range.lo, truth);
    return r;
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
        r = given(r, e->call.args[i], false, x);
    return test + 1 < n ? given(r, e->call.args[test], true, x) : r;
}

static struct range branches(const struct typed *e)
{
    struct range r = { HUGE_VAL, -HUGE_VAL };
    for (size_t i = 0; i < e->call.n_args; i += 2) {
        const size_t result = i + 1 < e->call.n_args ? i + 1 : i;
        if (!typed_is_null(e->call.args[result]))
            r = hull(r, arm(e, i));
    }
    return r.lo <= r.hi ? r : (struct range){ 0, 0 };
}

static struct range of_field(const struct typed *unit)
{
    static const struct {
        const char *name;
        struct range range;
    } fields[] = {
        { "hour", { 0, 23 } },  { "day", { 1, 31 } },    { "week", { 1, 53 } },
        { "month", { 1, 12 } }, { "quarter", { 1, 4 } }, { "dow", { 0, 6 } },
    };
    for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++)
        if (strcmp(fields[i].name, unit->value.text.s) == 0)
            return fields[i].range;
    return (struct range){ 1, 9999 }; /* year */
}

static struct range of_cast_int(const struct typed *x)
{
    if (x->type == VALUE_BOOL)
        return (struct range){ 0, 1 };
    return (struct range){ rint(x->range.lo), rint(x->range.hi) };
}

static struct range of_call(const struct typed *e)
{
    struct typed *const *args = e->call.args;
    const struct range l = args[0]->range;
    const struct range r = args[e->call.n_args > 1]->range;

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
            all = hull(all, args[i]->range);
        return all;
    }
    case OP_EXTRACT:
        return of_field(args[0]);
    case OP_CAST_INT:
        return of_cast_int(args[0]);
    default:
        return l;
    }
}

static bool each_never_null(const struct typed *e)
{
    bool all = true;
    for (size_t i = 0; i < e->call.n_args; i++)
        all &= e->call.args[i]->never_null;
    return all;
}

static bool some_never_null(const struct typed *e)
{
    bool some = false;
    for (size_t i = 0; i < e->call.n_args; i++)
        some |= e->call.args[i]->never_null;
    return some;
}

static bool case_never_null(const struct typed *e)
{
    bool all = e->call.n_args % 2;
    for (size_t i = 1; i < e->call.n_args; i += 2)
        all &= e->call.args[i]->never_null;
    return all && e->call.args[e->call.n_args - 1]->never_null;
}

static bool call_never_null(const struct typed *e)
{
    const bool bounded = range_is_bounded(e->range);
    switch ((int)e->call.op) {
    case OP_IS_NULL:
        return true;
    case OP_CASE:
        return case_never_null(e);
    case OP_LEAST:
    case OP_GREATEST:
    case OP_COALESCE:
        return some_never_null(e);
    case OP_ADD: /* infinities of opposite sign give NaN, which is NULL */
    case OP_SUB:
    case OP_MUL:
    case OP_DIV: /* bounded: the divisor excludes 0 */
        return bounded && each_never_null(e);
    case OP_CAST_INT:
        return bounded && fmax(-e->range.lo, e->range.hi) < 0x1p62 &&
               e->call.args[0]->type != VALUE_TEXT && each_never_null(e);
    case OP_CAST_DATE:
    case OP_CAST_TIMESTAMP:
    case OP_CAST_DOUBLE:
        return e->call.args[0]->type != VALUE_TEXT && each_never_null(e);
    default:
        return each_never_null(e);
    }
}

static unsigned grid_of_const(double v)
{
    unsigned bits = 0;
    while (bits < GRID_DEFAULT &&
           floor(ldexp(v, (int)bits)) != ldexp(v, (int)bits))
        bits++;
    return bits;
}

static unsigned grid_of_call(const struct typed *e)
{
    unsigned finest = 0, total = 0;
    if (e->call.op == OP_DIV || e->call.args[0]->type == VALUE_TEXT)
        return GRID_DEFAULT;
    for (size_t i = 0; i < e->call.n_args; i++) {
        const unsigned bits = e->call.args[i]->grid_bits;
        finest = bits > finest ? bits : finest;
        total += bits;
    }
    const unsigned bits = e->call.op == OP_MUL ? total : finest;
    return bits < GRID_MOST ? bits : GRID_MOST;
}

static double number_of(const struct value *v)
{
    return v->type == VALUE_DOUBLE ? v->d : (double)v->i;
}

static void range_of_leaf(struct typed *e)
{
    if (e->kind == TYPED_COLUMN) {
        e->range = e->column->range;
        e->grid_bits = e->column->grid_bits;
    } else if (e->kind == TYPED_CONST && e->value.type != VALUE_NULL) {
        const double v = number_of(&e->value);
        e->range = (struct range){ v, v };
        e->grid_bits = e->type == VALUE_DOUBLE ? grid_of_const(v) : 0;
    } else if (e->type == VALUE_DOUBLE) {
        e->grid_bits = GRID_DEFAULT;
    }
}

void range_of(struct typed *e)
{
    const bool numeric = e->type == VALUE_INT || e->type == VALUE_DOUBLE;

    /* Times keep the range of their column, in microseconds. */
    e->range = e->kind == TYPED_COLUMN ? e->column->range : EVERYTHING;
    e->grid_bits = 0;
    e->never_null = (e->kind == TYPED_CONST && e->value.type != VALUE_NULL) ||
                    (e->kind == TYPED_COLUMN && e->column->never_null);
    if (numeric && e->kind == TYPED_CALL) {
        e->range = checked(of_call(e));
        e->grid_bits = e->type == VALUE_DOUBLE ? grid_of_call(e) : 0;
    } else if (numeric) {
        range_of_leaf(e);
    }
    if (e->kind == TYPED_CALL)
        e->never_null = call_never_null(e);
}
