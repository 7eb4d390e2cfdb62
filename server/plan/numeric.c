#include "server/plan/numeric.h"

/* Integers stay what they are through these. */
static bool keeps(enum expr_op op)
{
    static const bool kept[OP_COUNT] = {
        [OP_ADD] = true,      [OP_SUB] = true,      [OP_MUL] = true,
        [OP_DIV] = true,      [OP_MOD] = true,      [OP_NEG] = true,
        [OP_ABS] = true,      [OP_SIGN] = true,     [OP_CEIL] = true,
        [OP_FLOOR] = true,    [OP_ROUND] = true,    [OP_TRUNC] = true,
        [OP_COALESCE] = true, [OP_NULLIF] = true,   [OP_CASE] = true,
        [OP_LEAST] = true,    [OP_GREATEST] = true,
    };
    return kept[op];
}

static bool is_number(const struct typed *e)
{
    return e->type == VALUE_INT || e->type == VALUE_DOUBLE;
}

/* An integer that was brought to the type of what stands beside it. */
static bool is_bigint(const struct typed *e)
{
    return typed_is_call(e, OP_CAST_DOUBLE) &&
           e->call.args[0]->type == VALUE_INT && !e->call.args[0]->numeric;
}

bool numeric_call(const struct typed *e)
{
    const enum expr_op op = e->call.op;
    bool found = false;
    if (!is_number(e) || op == OP_CAST_INT || op == OP_CAST_DOUBLE)
        return false;
    if (op == OP_EXTRACT || op == OP_SECONDS)
        return e->type == VALUE_DOUBLE || op == OP_EXTRACT;
    if ((op == OP_ROUND || op == OP_TRUNC) && e->call.n_args == 2)
        return true; /* of double precision there is none with digits */
    if (e->type == VALUE_INT && !keeps(op))
        return false;
    for (size_t i = 0; i < e->call.n_args; i++) {
        const struct typed *a = e->call.args[i];
        if (a->type == VALUE_DOUBLE && !a->numeric)
            return false;
        found |= a->numeric && !is_bigint(a);
    }
    return found;
}

bool numeric_agg(enum agg_kind kind, const struct typed *value)
{
    if (!value || !is_number(value) || kind == AGG_COUNT ||
        kind == AGG_PERCENTILE_CONT)
        return false;
    if (kind == AGG_SUM || kind == AGG_AVG || agg_is_spread(kind))
        return value->numeric || value->type == VALUE_INT;
    return value->numeric;
}
