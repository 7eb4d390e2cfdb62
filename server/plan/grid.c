#include "server/plan/grid.h"

#include "server/plan/eval.h"
#include "server/plan/func.h"
#include "server/plan/range.h"

enum { GRID_MOST = 20 };

/* Does every argument that is a number hold whole numbers only? */
static bool all_whole(const struct typed *e, size_t from, size_t step)
{
    bool all = true;
    for (size_t i = from; i < e->call.n_args; i += step)
        all &= e->call.args[i]->whole || typed_is_null(e->call.args[i]);
    return all;
}

static bool case_whole(const struct typed *e)
{
    const size_t n = e->call.n_args;
    return all_whole(e, 1, 2) && (n % 2 == 0 || e->call.args[n - 1]->whole ||
                                  typed_is_null(e->call.args[n - 1]));
}

bool grid_is_whole(const struct typed *e)
{
    const struct func *f = func_of(e->call.op);
    struct typed *const *args = e->call.args;
    if (e->type != VALUE_DOUBLE)
        return e->type == VALUE_INT;
    switch ((int)e->call.op) {
    case OP_ADD:
    case OP_SUB:
    case OP_MUL:
    case OP_MOD:
    case OP_NEG:
    case OP_ABS:
    case OP_LEAST:
    case OP_GREATEST:
    case OP_COALESCE:
    case OP_NULLIF:
    case OP_CAST_DOUBLE:
        return all_whole(e, 0, 1);
    case OP_CASE:
        return case_whole(e);
    case OP_ROUND:
    case OP_TRUNC:
        return e->call.n_args == 1 || args[1]->value.i == 0;
    case OP_EXTRACT:
        return time_unit_is_whole(time_unit_of(&args[0]->value));
    default:
        return f && f->gives == 'w';
    }
}

unsigned grid_of_const(double v)
{
    unsigned bits = 0;
    while (bits < RANGE_GRID_DEFAULT &&
           floor(ldexp(v, (int)bits)) != ldexp(v, (int)bits))
        bits++;
    return bits;
}

unsigned grid_of_call(const struct typed *e)
{
    unsigned finest = 0, total = 0;
    if (e->whole)
        return 0;
    if (e->call.op == OP_DIV || e->call.args[0]->type != VALUE_DOUBLE ||
        (func_of(e->call.op) && func_of(e->call.op)->gives == 'd'))
        return RANGE_GRID_DEFAULT;
    for (size_t i = 0; i < e->call.n_args; i++) {
        const unsigned bits = e->call.args[i]->grid_bits;
        finest = bits > finest ? bits : finest;
        total += bits;
    }
    const unsigned bits = e->call.op == OP_MUL ? total : finest;
    return bits < GRID_MOST ? bits : GRID_MOST;
}
