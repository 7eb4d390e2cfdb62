/* What the terms of a WHERE leave of the public range of a column: draft.h. */
#include <math.h>

#include "server/plan/draft.h"
#include "server/plan/eval.h"

static double public_number(const struct value *v)
{
    switch (v->type) {
    case VALUE_DATE:
        return (double)v->i * (double)US_PER_DAY;
    case VALUE_DOUBLE:
        return v->d;
    case VALUE_INT:
    case VALUE_TIMESTAMP:
        return (double)v->i;
    case VALUE_NULL:
    case VALUE_BOOL:
    case VALUE_TEXT:
    case VALUE_TYPE_COUNT:
        break;
    }
    return (double)NAN;
}

static void narrow(struct range *r, const struct typed *e,
                   const struct rel_column *c)
{
    if (typed_is_call(e, OP_AND)) {
        for (size_t i = 0; i < e->call.n_args; i++)
            narrow(r, e->call.args[i], c);
        return;
    }
    if (e->kind != TYPED_CALL || !typed_reads_column(e->call.args[0], c))
        return;
    for (size_t i = 1; i < e->call.n_args; i++)
        if (!typed_is_const(e->call.args[i]))
            return;
    const enum expr_op op = e->call.op;
    const double v = e->call.n_args > 1 ? public_number(&e->call.args[1]->value)
                                        : (double)NAN;
    if (op == OP_GE || op == OP_GT || op == OP_EQ || op == OP_BETWEEN)
        r->lo = fmax(r->lo, v);
    if (op == OP_LE || op == OP_LT || op == OP_EQ)
        r->hi = fmin(r->hi, v);
    if (op == OP_BETWEEN)
        r->hi = fmin(r->hi, public_number(&e->call.args[2]->value));
    if (op == OP_LT && c->type != VALUE_DOUBLE)
        r->hi = fmin(r->hi, ceil(v) - 1); /* a microsecond, a whole number */
}

struct range draft_range(const struct draft_terms *t,
                         const struct rel_column *c)
{
    struct range r = c->range;
    for (size_t i = 0; i < t->n; i++)
        narrow(&r, t->v[i], c);
    return r;
}
