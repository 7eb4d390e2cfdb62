#include <string.h>

#include "server/plan/type.h"
#include "server/query/refusal.h"

/* `list` with room for one more of `size` bytes. */
static void *grown(struct draft *d, void *list, size_t n, size_t *cap,
                   size_t size)
{
    if (n < *cap)
        return list;
    char *more = ARENA_NEW_N(d->a, (2 * *cap + 8) * size, char);
    if (more && n)
        memcpy(more, list, n * size);
    *cap = 2 * *cap + 8;
    return more;
}

enum err_code draft_add_term(struct draft_terms *t, struct draft *d,
                             struct typed *term, struct err *err)
{
    t->never |= typed_is_const(term); /* false or NULL */
    t->v = grown(d, t->v, t->n, &t->cap, sizeof *t->v);
    if (!t->v)
        return draft_memory(err);
    t->v[t->n++] = term;
    return ERR_OK;
}

enum err_code draft_key_pair(struct draft_terms *t, struct draft *d,
                             const struct rel_column *a,
                             const struct rel_column *b, struct place at,
                             struct err *err)
{
    struct typed *term = ARENA_NEW(d->a, struct typed);
    if (a->key != REL_KEY_OWN || b->key != REL_KEY_OWN)
        return refuse(err, REFUSAL_KEY_MAYBE, at,
                      a->key == REL_KEY_OWN ? b->name : a->name, NULL);
    t->pairs = grown(d, t->pairs, t->n_pairs, &t->cap_pairs, sizeof *t->pairs);
    if (!term || !t->pairs)
        return draft_memory(err);
    t->pairs[t->n_pairs++] = (struct draft_pair){ a, b };
    *term = (struct typed){ .kind = TYPED_TEXT, .type = VALUE_BOOL, .at = at };
    term->text = arena_printf(d->a, "(%s = %s)", a->sql, b->sql);
    return term->text ? draft_add_term(t, d, term, err) : draft_memory(err);
}

static enum err_code add_conjunct(struct draft_terms *t, struct draft *d,
                                  const struct expr *e, struct err *err)
{
    const struct typed *term;
    if (e->kind == EXPR_CALL && e->call.op == OP_EQ && e->call.n_args == 2) {
        const struct rel_column *a = draft_bare_key(d, e->call.args[0]);
        const struct rel_column *b = draft_bare_key(d, e->call.args[1]);
        if (a && b)
            return draft_key_pair(t, d, a, b, e->at, err);
    }
    TRY(draft_filter(&term, d, e, err));
    if (!term)
        return ERR_OK;
    return draft_add_term(t, d, (struct typed *)(uintptr_t)term, err);
}

static enum err_code add_conjuncts(struct draft_terms *t, struct draft *d,
                                   const struct expr *e, unsigned depth,
                                   struct err *err)
{
    if (depth > DRAFT_DEPTH_MAX)
        return draft_too_deep(e->at, err);
    if (e->kind != EXPR_CALL || e->call.op != OP_AND)
        return add_conjunct(t, d, e, err);
    for (size_t i = 0; i < e->call.n_args; i++)
        TRY(add_conjuncts(t, d, e->call.args[i], depth + 1, err));
    return ERR_OK;
}

enum err_code draft_conjuncts(struct draft_terms *t, struct draft *d,
                              const struct expr *e, struct err *err)
{
    return add_conjuncts(t, d, e, 0, err);
}
