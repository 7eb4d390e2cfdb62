/*
 * Attributes of a person: columns that the policy marks `of_person`.  What is
 * declared is not believed: of the values that a person's rows hold, all of the
 * table's and whatever the WHERE says, the least is the person's.  So every row
 * of one person shows one value, and who is grouped by such values alone is in
 * one group.
 */
#include "server/plan/dialect.h"
#include "server/plan/draft.h"

static bool is_listed(const struct draft *d, const struct policy_column *c)
{
    size_t i = 0;
    while (i < d->n_attributes && d->attributes[i] != c)
        i++;
    return i < d->n_attributes;
}

void draft_note_attribute(struct draft *d, const struct rel_column *c)
{
    const bool is_one = c->policy && c->policy->of_person;
    d->reads_rows |= !is_one;
    if (is_one && !is_listed(d, c->policy) &&
        d->n_attributes < DRAFT_ATTRIBUTES_MAX)
        d->attributes[d->n_attributes++] = c->policy;
}

/* ---- a table that shows them ---- */

struct shown {
    const struct rel *rel;
    const struct draft *d;
};

static void least(struct writer *w, const struct rel_column *c)
{
    const struct typed e = { .kind = TYPED_COLUMN,
                             .type = c->type,
                             .column = c };
    writer_str(w, dialect_is_pg(w) && c->type == VALUE_BOOL ? ", bool_and("
                                                            : ", min(");
    dialect_expr(w, &e);
    writer_printf(w, ") AS %s", c->sql);
}

static void print_people(struct writer *w, const struct shown *s)
{
    const struct rel *rel = s->rel;
    writer_printf(w, "SELECT %s AS p", rel->key_sql);
    for (size_t i = 0; i < rel->n_columns; i++)
        if (is_listed(s->d, rel->columns[i].policy))
            least(w, &rel->columns[i]);
    writer_printf(w, " FROM %s%s WHERE %s IS NOT NULL GROUP BY %s", rel->sql,
                  dialect_is_pg(w) ? " AS y" : "", rel->key_sql, rel->key_sql);
}

/* People with their attributes: nothing else is read. */
static void print_alone(struct writer *w, const void *ctx)
{
    const struct shown *s = ctx;
    writer_str(w, "(");
    print_people(w, s);
    writer_str(w, ")");
}

/* The table's columns; in place of an attribute that of the person. */
static void print_shown(struct writer *w, const void *ctx)
{
    const struct shown *s = ctx;
    const struct rel *rel = s->rel;
    for (size_t i = 0; i < rel->n_columns; i++) {
        const struct rel_column *c = &rel->columns[i];
        writer_printf(w, "%s%s.%s AS %s", i ? ", " : "(SELECT ",
                      is_listed(s->d, c->policy) ? "a" : "b", c->sql, c->sql);
    }
    writer_printf(w, " FROM %s AS b JOIN (", rel->sql);
    print_people(w, s);
    writer_printf(w, ") AS a ON b.%s = a.p)", rel->key_sql);
}

enum err_code draft_attributes(struct rel *rel, struct draft *d,
                               struct err *err)
{
    const struct shown s = { rel, d };
    bool any = false;
    for (size_t i = 0; rel->owned && i < rel->n_columns; i++)
        any |= is_listed(d, rel->columns[i].policy);
    if (!any)
        return ERR_OK;
    rel->sql = draft_print(d, d->people_alone ? print_alone : print_shown, &s);
    if (!rel->sql)
        return draft_memory(err);
    rel->key_may_be_null = false;
    rel->cheap = false;
    rel->table = NULL; /* a rollup of its rows is another's */
    rel->one_row = d->people_alone;
    for (size_t i = 0; i < rel->n_columns; i++) {
        struct rel_column *c = &rel->columns[i];
        c->of_person = is_listed(d, c->policy);
        if (rel->one_row && c->key == REL_KEY_OWN)
            c->sql = rel->key_sql = "p";
    }
    return ERR_OK;
}

/* ---- what follows ---- */

/* The same on every row of a person: an attribute, or a column of a relation
 * that has one row of the person, unless an outer join may miss it. */
static bool is_of_person(const struct rel_scope *s, const struct rel_column *c)
{
    const size_t i = draft_leaf_of(s, c);
    if (i == s->n_leaves)
        return false; /* of a row outside */
    const struct rel_leaf *leaf = &s->leaves[i];
    return !leaf->optional && leaf->rel->owned &&
           (c->of_person || leaf->one_row);
}

bool draft_of_person(const struct rel_scope *s, const struct typed *e,
                     struct typed *const *keys)
{
    switch (e->kind) {
    case TYPED_CONST:
        return true;
    case TYPED_COLUMN:
        return is_of_person(s, e->column);
    case TYPED_KEY:
        return keys && draft_of_person(s, keys[e->index], NULL);
    case TYPED_CALL:
        for (size_t i = 0; i < e->call.n_args; i++)
            if (!draft_of_person(s, e->call.args[i], keys))
                return false;
        return true;
    case TYPED_AGG:
    case TYPED_OVER:
    case TYPED_TEXT:
        break;
    }
    return false;
}

bool draft_people_alone(const struct draft *d)
{
    const struct rel_scope *s = d->scope;
    bool alone = !d->people_alone && !d->reads_rows && d->n_attributes > 0 &&
                 d->n_relations == 1 && s->n_leaves == 1 &&
                 !s->leaves[0].rel->key_may_be_null;
    for (size_t i = 0; i < d->n_aggs; i++)
        alone &= d->aggs[i].people;
    return alone;
}

bool draft_one_group(const struct draft *d)
{
    bool one = d->plan->n_keys > 0;
    for (size_t k = 0; k < d->plan->n_keys; k++)
        one &= draft_of_person(d->scope, d->keys[k], NULL);
    return one;
}
