#include "server/plan/func.h"
#include "server/plan/guard.h"

#include <assert.h>

static const struct func FUNCS[OP_COUNT] = {
#define FUNC(id, takes, gives, nulls, duckdb, range, value)                    \
    [OP_##id] = { takes, gives, nulls, duckdb, range, value },
#include "server/plan/func.def"
#undef FUNC
};

const struct func *func_of(enum expr_op op)
{
    assert(op < OP_COUNT);
    return FUNCS[op].takes ? &FUNCS[op] : NULL;
}
