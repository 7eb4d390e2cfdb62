/*
 * Groups that an earlier release of the chain leaves out.  A question that asks
 * for the groups of its answer alone,
 *
 *   .. WHERE x IN (SELECT x .. ORDER BY COUNT(*) DESC LIMIT 3) GROUP BY x
 *   .. JOIN (SELECT x AS y .. LIMIT 3) s ON x = s.y GROUP BY x
 *
 * has no row of another; but a key whose domain is public would be answered for
 * every value, with noise about nothing.  That answer is released, so which
 * groups it holds is known, and the others are left out behind the noise.
 */
#include "server/plan/draft.h"

enum { AMONGS_MAX = 16 };

static void add(struct draft *d, const struct typed *e,
                const struct rel_column *column)
{
    if (d->n_amongs < AMONGS_MAX)
        d->amongs[d->n_amongs++] = (struct draft_among){ e, column };
}

static bool is_before(const struct typed *e)
{
    return e->kind == TYPED_COLUMN && e->column->before > 0;
}

enum err_code draft_note_amongs(struct draft *d, const struct draft_terms *t,
                                struct err *err)
{
    if (!d->amongs)
        d->amongs = ARENA_NEW_N(d->a, AMONGS_MAX, struct draft_among);
    if (!d->amongs)
        return draft_memory(err);
    for (size_t i = 0; i < t->n; i++) {
        const struct typed *e = t->v[i];
        if (e->looked_in && e->looked_in->before > 0)
            add(d, e->looked_up, e->looked_in);
        if (!typed_is_call(e, OP_EQ))
            continue;
        for (int side = 0; side < 2; side++)
            if (is_before(e->call.args[side]))
                add(d, e->call.args[!side], e->call.args[side]->column);
    }
    return ERR_OK;
}

enum err_code draft_key_amongs(struct draft *d, struct err *err)
{
    const struct draft_block *b = d->block;
    const struct rel_scope *s = b->scope;
    struct plan *p = d->plan;
    p->amongs = ARENA_NEW_N(d->a, AMONGS_MAX, struct plan_among);
    if (!p->amongs)
        return draft_memory(err);
    p->n_amongs = 0;
    for (size_t i = 0; i < d->n_amongs; i++) {
        const struct draft_among *a = &d->amongs[i];
        const size_t leaf = draft_leaf_of(s, a->column);
        size_t k = 0;
        while (k < b->n_keys && !typed_equal(b->keys[k], a->e))
            k++;
        if (k == b->n_keys || (leaf < s->n_leaves && s->leaves[leaf].optional))
            continue;
        p->amongs[p->n_amongs++] =
            (struct plan_among){ k, a->column->before - 1, a->column->output };
    }
    return ERR_OK;
}

static bool is_among(const struct plan_among *a, const struct value *key,
                     const struct reply_table *tables)
{
    const struct reply_table *t = &tables[a->before];
    bool found = false;
    for (size_t r = 0; !found && r < t->n_rows; r++)
        found = key->type != VALUE_NULL &&
                value_cmp(key, &t->cells[r * t->n_columns + a->output]) == 0;
    return found;
}

void plan_keep_amongs(struct plan_noisy *noisy, const struct plan *p,
                      const struct reply_table *tables)
{
    size_t kept = 0;
    for (size_t r = 0; r < noisy->n_rows; r++) {
        const size_t wide = plan_width(p);
        bool keep = true;
        for (size_t i = 0; keep && i < p->n_amongs; i++)
            keep = is_among(&p->amongs[i],
                            &noisy->keys[r * p->n_keys + p->amongs[i].key],
                            tables);
        for (size_t k = 0; keep && k < p->n_keys; k++)
            noisy->keys[kept * p->n_keys + k] = noisy->keys[r * p->n_keys + k];
        for (size_t m = 0; keep && m < wide; m++)
            noisy->measures[kept * wide + m] = noisy->measures[r * wide + m];
        kept += keep;
    }
    noisy->n_rows = kept;
}
