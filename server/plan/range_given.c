#include "server/plan/range_given.h"

#include "server/plan/range.h"

/* Between whole numbers lies nothing: below 3 is at most 2. */
static struct range given_compare(struct range r, enum expr_op op, double c,
                                  bool truth, bool whole)
{
    const bool below = op == OP_LT || op == OP_LE;
    const bool above = op == OP_GT || op == OP_GE;
    const bool strict = (op == OP_LT || op == OP_GT) == truth;
    if (op == OP_EQ && truth)
        return range_meet(r, (struct range){ c, c });
    if (below == truth && (below || above))
        return range_meet(
            r, (struct range){ -HUGE_VAL, whole && strict ? ceil(c) - 1 : c });
    if (below || above)
        return range_meet(
            r, (struct range){ whole && strict ? floor(c) + 1 : c, HUGE_VAL });
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

/* One of the constants; NULLs among them are none. */
static struct range given_among(struct range r, const struct typed *cond)
{
    struct range all = { HUGE_VAL, -HUGE_VAL };
    for (size_t i = 1; i < cond->call.n_args; i++) {
        const struct typed *v = cond->call.args[i];
        if (!typed_is_const(v))
            return r;
        if (!typed_is_null(v))
            all = range_hull(all, v->range);
    }
    return all.lo <= all.hi ? range_meet(r, all) : r;
}

static struct range given_logic(struct range r, const struct typed *cond,
                                bool truth, const struct typed *x)
{
    for (size_t i = 0; i < cond->call.n_args; i++)
        r = range_given(r, cond->call.args[i], truth, x);
    return r;
}

/* Whole numbers are compared with reals as reals. */
static bool is_of(const struct typed *e, const struct typed *x)
{
    return typed_equal(e, x) || (typed_is_call(e, OP_CAST_DOUBLE) &&
                                 typed_equal(e->call.args[0], x));
}

struct range range_given(struct range r, const struct typed *cond, bool truth,
                         const struct typed *x)
{
    if (cond->kind != TYPED_CALL)
        return r;
    const enum expr_op op = cond->call.op;
    struct typed *const *args = cond->call.args;

    if (op == OP_NOT)
        return range_given(r, args[0], !truth, x);
    if (op == (truth ? OP_AND : OP_OR))
        return given_logic(r, cond, truth, x);
    if (op == OP_IN && truth && is_of(args[0], x))
        return given_among(r, cond);
    if (op == OP_BETWEEN && truth && is_of(args[0], x) &&
        typed_is_const(args[1]) && typed_is_const(args[2]))
        return range_meet(
            r, (struct range){ args[1]->range.lo, args[2]->range.hi });
    if (op < OP_EQ || op > OP_GE)
        return r;
    if (is_of(args[0], x) && typed_is_const(args[1]))
        return given_compare(r, op, args[1]->range.lo, truth,
                             x->type == VALUE_INT);
    if (is_of(args[1], x) && typed_is_const(args[0]))
        return given_compare(r, mirrored(op), args[0]->range.lo, truth,
                             x->type == VALUE_INT);
    return r;
}
