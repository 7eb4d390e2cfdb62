/*
 * A constant that a column with a public domain is compared with, and that the
 * policy does not declare for it: mostly a slip, which would be paid for in
 * silence.  Rows may have such values all the same, so it is told and not
 * refused.  Policy and question alone decide.
 */
#include <string.h>

#include "server/plan/draft.h"

enum { SHOWN_MOST = 12 };

static bool declares(const struct policy_column *c, const struct value *v)
{
    for (size_t i = 0; i < c->domain.n; i++) {
        struct value one;
        struct err ignored = { 0 };
        if (value_parse(&one, v->type, c->domain.text[i],
                        strlen(c->domain.text[i]), &ignored) == ERR_OK &&
            value_cmp(&one, v) == 0)
            return true;
    }
    return false;
}

static const char *list_of(const struct policy_column *c, struct arena *a)
{
    const char *list = c->domain.text[0];
    for (size_t i = 1; list && i < c->domain.n && i < SHOWN_MOST; i++)
        list = arena_printf(a, "%s, %s", list, c->domain.text[i]);
    return list && c->domain.n > SHOWN_MOST ? arena_printf(a, "%s, ...", list)
                                            : list;
}

static enum err_code tell(struct draft *d, const struct policy_column *c,
                          const struct typed *constant, struct err *err)
{
    const char *text = draft_text(d, constant), *list = list_of(c, d->a);
    if (!text || !list)
        return draft_memory(err);
    return draft_notice(d, err,
                        "%.80s is none of the values declared for \"%s\" "
                        "(%.400s), so it may stand in no row%s",
                        text, c->name, list,
                        c->other ? "; only GROUP BY counts others together"
                                 : "");
}

enum err_code draft_undeclared(struct draft *d, const struct typed *e,
                               struct err *err)
{
    const enum expr_op op = e->call.op;
    if (op != OP_EQ && op != OP_NE && op != OP_IN && op != OP_IS_DISTINCT)
        return ERR_OK;
    const bool mirrored = op != OP_IN && typed_is_const(e->call.args[0]);
    const struct typed *x = e->call.args[mirrored];
    const struct policy_column *c =
        x->kind == TYPED_COLUMN ? x->column->policy : NULL;
    if (!c || !c->has_domain || c->domain.n == 0)
        return ERR_OK;
    for (size_t i = 0; i < e->call.n_args; i++) {
        const struct typed *v = e->call.args[i];
        if (typed_is_const(v) && !typed_is_null(v) && v->type == x->type &&
            !declares(c, &v->value))
            TRY(tell(d, c, v, err));
    }
    return ERR_OK;
}
