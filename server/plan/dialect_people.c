/*
 * People by an attribute, the least value they have in a column with a public
 * domain:
 *
 *   SELECT k, COUNT(*) FROM (SELECT who, MIN(x) AS k FROM t GROUP BY who) GROUP
 *   BY k
 *
 * over all rows of a table.  Numbers in the order of the values stand for them:
 * 2 i + 1 for value i of the domain, 2 i for what lies between it and the one
 * before, which is all that matters of a value outside.  The least number is
 * that of the least value, and a number costs the engine less than a text.
 *
 *   numbered  a person's least number c, NULL where all values are
 */
#include <string.h>

#include "server/plan/dialect_stage.h"

enum { VALUES_MAX = 1000 }; /* of the domain: each row is looked up in a list */

static bool counts_alone(const struct sql *s)
{
    for (size_t i = 0; i < s->n; i++) {
        const enum measure_kind kind = s->pm[i].kind;
        if (s->dm[i].filter || s->dm[i].value ||
            (kind != MEASURE_PEOPLE && kind != MEASURE_ROWS))
            return false;
    }
    return true;
}

bool stage_counts_people(const struct sql *s)
{
    const struct draft *d = s->d;
    const struct plan *p = d->plan;
    if (d->dialect || d->scope->n_leaves != 1 ||
        !d->scope->leaves[0].rel->people_of || d->where.n > 0 || d->never ||
        p->n_keys != 1 || d->keys[0]->kind != TYPED_COLUMN)
        return false;
    const struct rel_column *c = d->keys[0]->column;
    return c->values_of && c->is_least && p->keys[0].is_public &&
           c->values_of->domain.n <= VALUES_MAX && counts_alone(s);
}

/* A text of the domain, which the policy sorts by bytes as the engine does. */
static void text(const struct sql *s, const char *value)
{
    const struct value v = { .type = VALUE_TEXT,
                             .text = { value, strlen(value) } };
    dialect_value(s->w, VALUE_TEXT, &v);
}

/* Where a value stands in the list of the domain with each value twice, which
 * is its number; for what is not listed, those listed are compared with. */
static void number(const struct sql *s, const struct policy_column *c,
                   const char *x)
{
    const struct policy_text_list *all = &c->domain;
    writer_str(s->w, "coalesce(list_position([");
    for (size_t i = 0; i < 2 * all->n; i++) {
        writer_str(s->w, i ? ", " : "");
        text(s, all->text[i / 2]);
    }
    writer_printf(s->w, "], %s), CASE", x);
    for (size_t i = 0; i < all->n; i++) {
        writer_printf(s->w, " WHEN %s < ", x);
        text(s, all->text[i]);
        writer_printf(s->w, " THEN %zu", 2 * i);
    }
    writer_printf(s->w, " WHEN %s IS NOT NULL THEN %zu END)", x, 2 * all->n);
}

/* k0 of c; without `other`, of a number of the domain only. */
static void named(const struct sql *s, const struct policy_column *c)
{
    writer_str(s->w, "CASE c");
    for (size_t i = 0; i < c->domain.n; i++) {
        writer_printf(s->w, " WHEN %zu THEN ", 2 * i + 1);
        text(s, c->domain.text[i]);
    }
    if (c->other) {
        writer_str(s->w, " ELSE ");
        text(s, c->other);
    }
    writer_str(s->w, " END");
}

void stage_people(const struct sql *s)
{
    const struct rel *table = s->d->scope->leaves[0].rel->people_of;
    const struct policy_column *c = s->d->keys[0]->column->values_of;
    writer_str(s->w, "WITH numbered AS (SELECT min(CAST(");
    number(s, c, table->columns[c - table->table->columns].sql);
    writer_printf(s->w,
                  " AS %s)) AS c FROM %s WHERE %s IS NOT NULL GROUP BY "
                  "%s)\nSELECT ",
                  2 * c->domain.n <= UINT8_MAX ? "UTINYINT" : "USMALLINT",
                  table->sql, table->key_sql, table->key_sql);
    named(s, c);
    writer_str(s->w, " AS k0");
    for (size_t i = 0; i < s->n; i++)
        writer_printf(s->w, ", CAST(sum(n) AS HUGEINT) AS m%zu", i);
    writer_str(s->w,
               " FROM (SELECT c, count(*) AS n FROM numbered GROUP BY c)");
    if (!c->other)
        writer_str(s->w, " WHERE c % 2 = 1");
    writer_str(s->w, " GROUP BY k0");
}
