/* Calls and constants: a call of constants is one. */
#include <string.h>

#include "server/plan/draft.h"
#include "server/plan/eval.h"
#include "server/plan/numeric.h"
#include "server/plan/range.h"

static bool is_ascii(const struct value *v)
{
    for (size_t i = 0; v->type == VALUE_TEXT && i < v->text.len; i++)
        if ((unsigned char)v->text.s[i] >= 0x80)
            return false;
    return true;
}

/* Matching one text against another may take as many steps as the product of
 * their lengths; the engine does so where that is much. */
static bool is_long_work(const struct typed *e)
{
    enum { BYTES_MOST = 1 << 20 };
    const enum expr_op op = e->call.op;
    const bool matches = op == OP_LIKE || op == OP_ILIKE || op == OP_BTRIM ||
                         op == OP_LTRIM || op == OP_RTRIM;
    if (!matches || e->call.n_args < 2)
        return false;
    const struct value *a = &e->call.args[0]->value;
    const struct value *b = &e->call.args[1]->value;
    return a->type == VALUE_TEXT && b->type == VALUE_TEXT && a->text.len > 0 &&
           b->text.len > BYTES_MOST / a->text.len;
}

/* The engine knows the case of letters that eval does not. */
static bool folds(const struct typed *e)
{
    const enum expr_op op = e->call.op;
    const bool by_case = op == OP_LOWER || op == OP_UPPER || op == OP_ILIKE;
    for (size_t i = 0; i < e->call.n_args; i++)
        if (!typed_is_const(e->call.args[i]) ||
            (by_case && !is_ascii(&e->call.args[i]->value)))
            return false;
    return !is_long_work(e);
}

enum err_code draft_call(struct typed **out, struct draft *d, enum expr_op op,
                         enum value_type type, struct typed **args,
                         size_t n_args, struct place at, struct err *err)
{
    struct typed *e = ARENA_NEW(d->a, struct typed);
    if (!e)
        return draft_memory(err);
    *e = (struct typed){ .kind = TYPED_CALL, .type = type, .at = at };
    e->call.op = op;
    e->call.args = args;
    e->call.n_args = n_args;
    if (folds(e)) {
        struct value v;
        TRY(eval(&v, e, NULL, d->a, err));
        *out = draft_const(d, type, v, at);
        if (!*out)
            return draft_memory(err);
        (*out)->numeric = numeric_call(e);
        return ERR_OK;
    }
    range_of(e);
    *out = e;
    return draft_undeclared(d, e, err);
}

struct typed *draft_const(struct draft *d, enum value_type type, struct value v,
                          struct place at)
{
    struct typed *e = ARENA_NEW(d->a, struct typed);
    if (!e)
        return NULL;
    *e = (struct typed){
        .kind = TYPED_CONST, .type = type, .at = at, .value = v
    };
    range_of(e);
    return e;
}
