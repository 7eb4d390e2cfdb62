/* A table of the policy as a relation. */
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "server/plan/dialect_pg.h"
#include "server/plan/draft.h"
#include "server/plan/gate.h"
#include "server/plan/range.h"
#include "server/query/refusal.h"
#include "server/query/suggest.h"

static const char *quoted(struct draft *d, const char *before, const char *name)
{
    char text[2 * POLICY_NAME_MAX + 16];
    struct writer w = writer_of(text, sizeof text);
    writer_str(&w, before);
    dialect_name(&w, name);
    return writer_cstr(&w) ? arena_strdup(d->a, text) : NULL;
}

static enum err_code no_table(const struct policy *policy,
                              const struct relation *from, struct err *err)
{
    const char *dataset = from->table.dataset;
    char name[2 * POLICY_NAME_MAX + 2];
    (void)snprintf(name, sizeof name, "%s%s%s", dataset ? dataset : "",
                   dataset ? "." : "", from->table.name);
    (void)refuse(err, REFUSAL_NO_TABLE, from->at, name, NULL);
    const char *best = NULL;
    unsigned least = SUGGEST_FAR;
    for (size_t i = 0; i < policy->n_tables; i++) {
        const char *table = policy->tables[i].name;
        const unsigned d = suggest_distance(from->table.name, table);
        if (suggest(from->table.name, &table, 1) && d < least) {
            best = table;
            least = d;
        }
    }
    return best ? err_hint(err,
                           "Did you mean \"%s\"?  Describe the dataset to see "
                           "its tables.",
                           best)
                : err->code;
}

static struct rel_column column_of(const struct policy_column *c)
{
    struct rel_column out = {
        .name = c->name,
        .type = typed_of_policy(c->type),
        .raw = true,
        .may_group = c->may_group,
        .may_filter = c->may_filter,
        .range = { -HUGE_VAL, HUGE_VAL },
        .policy = c,
    };
    if (c->has_range)
        out.range = (struct range){ c->lo, c->hi };
    if (out.type == VALUE_DOUBLE)
        out.grid_bits = c->has_range ? c->grid_bits : RANGE_GRID_DEFAULT;
    return out;
}

/* Names that differ only in case are one to the engine. */
static enum err_code check_case(const struct policy_table *t, struct place at,
                                struct err *err)
{
    for (size_t i = 0; i < t->n_columns; i++)
        for (size_t j = 0; j < i; j++)
            if (strcasecmp(t->columns[i].name, t->columns[j].name) == 0)
                return refuse(err, REFUSAL_COLUMN_CASE, at, t->columns[i].name,
                              t->columns[j].name);
    return ERR_OK;
}

static enum err_code fill_table(struct rel *rel, struct draft *d,
                                const struct policy_table *t, struct err *err)
{
    /* Only people who count: at the scan, so that whatever is built on the
     * table, joins and windows too, sees no row of the others. */
    const bool gated = t->owned && d->plan->gated;
    const struct pg_table pg = { d->policy, t,
                                 gated ? d->plan->purpose : NULL };
    rel->sql = d->dialect
                   ? draft_print(d, pg_table_print, &pg)
                   : quoted(d, gated ? GATE_SCHEMA "." : "src.", t->name);
    rel->table = t;
    rel->rows = draft_table_rows(d->policy, t);
    rel->sized = t->expected_rows > 0 && d->policy->expected_size > 0;
    rel->cheap = true;
    rel->n_columns = t->n_columns;
    rel->columns = ARENA_NEW_N(d->a, t->n_columns + 1, struct rel_column);
    if (!rel->sql || !rel->columns)
        return draft_memory(err);
    for (size_t i = 0; i < t->n_columns; i++) {
        rel->columns[i] = column_of(&t->columns[i]);
        rel->columns[i].sql = quoted(d, "", t->columns[i].name);
        if (!rel->columns[i].sql)
            return draft_memory(err);
    }
    rel->owned = t->owned;
    if (!t->owned)
        return ERR_OK;
    rel->columns[t->key].key = REL_KEY_OWN;
    rel->columns[t->key].raw = false;
    rel->columns[t->key].never_null = true;
    rel->key_sql = rel->columns[t->key].sql;
    rel->key_name = t->columns[t->key].name;
    rel->key_type = t->columns[t->key].type;
    rel->key_may_be_null = true;
    rel->limits = (struct rel_limits){ t->max_groups, t->max_rows,
                                       t->most_groups, t->most_rows };
    return ERR_OK;
}

enum err_code draft_table(const struct rel **out, struct draft *d,
                          const struct relation *from, struct err *err)
{
    const char *dataset = from->table.dataset;
    const bool ours = !dataset || strcmp(dataset, d->policy->name) == 0;
    const struct policy_table *t =
        ours ? policy_find_table(d->policy, from->table.name) : NULL;
    struct rel *rel = ARENA_NEW(d->a, struct rel);
    if (!t)
        return no_table(d->policy, from, err);
    if (!rel)
        return draft_memory(err);
    TRY(check_case(t, from->at, err));
    TRY(fill_table(rel, d, t, err));
    TRY(draft_attributes(rel, d, err));
    *out = rel;
    return ERR_OK;
}
