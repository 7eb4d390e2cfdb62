#include "server/plan/never_null.h"

#include "server/plan/func.h"
#include "server/plan/range.h"

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

bool never_null(const struct typed *e)
{
    const bool bounded = range_is_bounded(e->range);
    switch ((int)e->call.op) {
    case OP_IS_NULL:
        return true;
    case OP_IS_DISTINCT:
    case OP_CONCAT:
        return true;
    case OP_NULLIF:
        return false;
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
    case OP_MOD:
        return false;
    case OP_CAST_INT:
        return bounded && fmax(-e->range.lo, e->range.hi) < 0x1p62 &&
               e->call.args[0]->type != VALUE_TEXT && each_never_null(e);
    case OP_CAST_DATE:
    case OP_CAST_TIMESTAMP:
    case OP_CAST_DOUBLE:
        return e->call.args[0]->type != VALUE_TEXT && each_never_null(e);
    default: {
        const struct func *f = func_of(e->call.op);
        return !(f && f->may_null) && each_never_null(e);
    }
    }
}
