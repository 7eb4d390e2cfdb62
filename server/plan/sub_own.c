/* Who owns the rows of a sub-query, and how many there can be. */
#include <math.h>

#include "server/plan/sub.h"

/* Does the key, once at least, tell groups apart, with what is one value a
 * person? */
static bool groups_by_key_alone(const struct sub *u)
{
    bool alone = true, has = false;
    for (size_t i = 0; i < u->b.n_keys; i++) {
        has |= sub_is_key(u, i);
        alone &=
            sub_is_key(u, i) || draft_of_person(u->b.scope, u->b.keys[i], NULL);
    }
    return alone && has;
}

/* The key, once at least, and what is one value a person. */
static bool only_keys(const struct sub *u)
{
    bool only = true, has = false;
    for (size_t i = 0; i < u->n_outputs; i++) {
        has |= sub_is_own_key(&u->outputs[i]);
        only &= sub_is_own_key(&u->outputs[i]) || u->rel->columns[i].of_person;
    }
    return only && has;
}

/* The table whose people are the rows, all of them, or NULL. */
static const struct rel *people_of(const struct sub *u)
{
    const struct rel_scope *s = u->b.scope;
    const bool plain = u->groups && groups_by_key_alone(u) && !u->having &&
                       !u->s->distinct && !sub_limits(u) &&
                       u->s->n_distinct_on == 0;
    return plain && s->n_leaves == 1 && s->leaves[0].rel->table &&
                   u->b.where.n == 0 && !u->b.where.never
               ? s->leaves[0].rel
               : NULL;
}

unsigned sub_passes(const struct sub *u)
{
    const bool stages[] = { u->groups, u->b.has_windows, sub_limits(u),
                            u->s->n_distinct_on > 0 };
    unsigned n = 0;
    for (size_t i = 0; i < sizeof stages / sizeof stages[0]; i++)
        n += stages[i];
    return n;
}

/* Groups there can be, as far as that is known; NULL is one more. */
static double groups_most(const struct sub *u)
{
    double n = 1;
    for (size_t i = 0; i < u->b.n_keys; i++)
        n *= sub_is_key(u, i) ? draft_people(u->d)
                              : draft_different(u->b.keys[i]) + 1;
    return n;
}

void sub_own(struct sub *u)
{
    const struct rel_scope *s = u->b.scope;
    struct rel *rel = u->rel;
    rel->owned = s->owned;
    rel->never = u->b.where.never && !u->groups;
    rel->sized = s->sized;
    rel->cheap = s->n_leaves == 1 && s->leaves[0].rel->cheap &&
                 sub_passes(u) == 0 && !u->s->distinct;
    rel->rows = u->groups ? fmin(s->rows, groups_most(u)) : s->rows;
    if (sub_limits(u) && !s->owned && u->s->has_limit)
        rel->rows = fmin(rel->rows, (double)u->s->limit);
    if (!s->owned)
        return;
    const struct rel *key = s->leaves[s->key].rel;
    rel->key_sql = "p";
    rel->key_name = key->key_name;
    rel->key_type = key->key_type;
    rel->limits = s->limits;
    rel->one_row = u->groups ? groups_by_key_alone(u) : s->one_row;
    rel->people_of = people_of(u);
    rel->one_row |= u->s->distinct && only_keys(u);
    rel->one_row |= u->s->n_distinct_on > 0 && u->n_on == 0;
    rel->one_row |= u->s->has_limit && u->s->limit <= 1;
    if (rel->one_row)
        rel->rows = fmin(rel->rows, draft_people(u->d));
}
