#include "server/plan/dialect_pg_size.h"

#include <math.h>

static const struct pg_size any_size = { -324, 309, false };
static const struct pg_size int_size = { 0, PG_BIGINT_DIGITS, true };

static struct pg_size wider(struct pg_size a, struct pg_size b)
{
    return (struct pg_size){ fmin(a.lo, b.lo), fmax(a.hi, b.hi),
                             a.whole && b.whole };
}

/* Of operands as they are printed: tamed. */
static struct pg_size tamed(const struct typed *e)
{
    const struct pg_size s = pg_size_of(e);
    return (struct pg_size){ fmax(s.lo, -PG_TAME), fmin(s.hi, PG_TAME),
                             s.whole };
}

static struct pg_size size_of_const(const struct typed *e)
{
    const double x =
        fabs(e->value.type == VALUE_INT ? (double)e->value.i : e->value.d);
    const bool whole = x == floor(x);
    if (e->value.type == VALUE_NULL || x == 0)
        return (struct pg_size){ 0, 0, true };
    if (!isfinite(x))
        return any_size;
    return (struct pg_size){ whole ? 0 : floor(log10(x)) - 1,
                             ceil(log10(x)) + 1, whole };
}

/* Of those that it may be. */
static struct pg_size widest(const struct typed *e, size_t from, size_t step)
{
    struct pg_size s = { 0, 0, true };
    for (size_t i = from; i < e->call.n_args; i += step)
        s = wider(s, pg_size_of(e->call.args[i]));
    return s;
}

/* No more than either; of numbers that are not whole, as little as there is. */
static struct pg_size size_of_remainder(struct pg_size a, struct pg_size b)
{
    const bool whole = a.whole && b.whole;
    return (struct pg_size){ whole ? 0 : -324, fmin(a.hi, b.hi) + 1, whole };
}

static struct pg_size size_of_arith(const struct typed *e)
{
    const struct pg_size a = tamed(e->call.args[0]), b = tamed(e->call.args[1]);
    const bool whole = a.whole && b.whole;
    switch ((int)e->call.op) {
    case OP_ADD:
    case OP_SUB:
        return (struct pg_size){ whole ? 0 : -324, fmax(a.hi, b.hi) + 1,
                                 whole };
    case OP_MUL:
        return (struct pg_size){ a.lo + b.lo, a.hi + b.hi, whole };
    case OP_DIV:
        if (e->type == VALUE_INT)
            return (struct pg_size){ 0, a.hi + 1, true };
        return (struct pg_size){ a.lo - b.hi, a.hi - b.lo, false };
    default:
        return size_of_remainder(pg_size_of(e->call.args[0]),
                                 pg_size_of(e->call.args[1]));
    }
}

struct pg_size pg_size_of(const struct typed *e)
{
    if (typed_is_const(e))
        return size_of_const(e);
    if (e->kind != TYPED_CALL)
        return e->type == VALUE_INT ? int_size : any_size;
    switch ((int)e->call.op) {
    case OP_ADD:
    case OP_SUB:
    case OP_MUL:
    case OP_DIV:
    case OP_MOD:
        return size_of_arith(e);
    case OP_NEG:
    case OP_ABS:
    case OP_NULLIF:
    case OP_CAST_DOUBLE:
        return e->call.args[0]->type == VALUE_TEXT
                   ? any_size
                   : pg_size_of(e->call.args[0]);
    case OP_SIGN:
        return (struct pg_size){ 0, 1, true };
    case OP_LEAST:
    case OP_GREATEST:
    case OP_COALESCE:
        return widest(e, 0, 1);
    case OP_CASE: {
        const struct pg_size s = widest(e, 1, 2);
        const size_t n = e->call.n_args;
        return n % 2 ? wider(s, pg_size_of(e->call.args[n - 1])) : s;
    }
    default:
        return e->type == VALUE_INT ? int_size : any_size;
    }
}
