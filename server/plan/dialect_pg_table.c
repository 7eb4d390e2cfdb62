/* A table of the policy in PostgreSQL: dialect_pg.h. */
#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "server/plan/dialect_pg.h"
#include "server/plan/draft.h"
#include "server/plan/gate.h"

void pg_table_name(struct writer *w, const char *source)
{
    char schema[2 * POLICY_NAME_MAX];
    const char *dot = strchr(source, '.');
    if (dot && (size_t)(dot - source) < sizeof schema) {
        memcpy(schema, source, (size_t)(dot - source));
        schema[dot - source] = '\0';
        dialect_name(w, schema);
        source = dot + 1;
    } else {
        writer_str(w, "\"public\"");
    }
    writer_str(w, ".");
    dialect_name(w, source);
}

void pg_schema_name(char out[PG_SCHEMA_MAX], const struct policy *policy)
{
    (void)snprintf(out, PG_SCHEMA_MAX, "halftone_%s", policy->name);
}

/* As the declared type; the engine opened the table only if no value of the
 * stored type can fail to become one. */
static void stored(struct writer *w, const struct policy_column *c)
{
    const enum value_type type = typed_of_policy(c->type);
    writer_str(w, type == VALUE_TEXT ? "(CAST(" : "CAST(");
    dialect_name(w, policy_stored_name(c));
    writer_printf(w, " AS %s)", dialect_type(w, type));
    if (type == VALUE_TEXT) {
        pg_collate(w);
        writer_str(w, ")");
    }
}

void pg_key(struct writer *w, const struct policy_column *key)
{
    const bool is_text = key->type != POLICY_INT;
    writer_str(w, is_text ? "(CAST(" : "CAST(");
    dialect_name(w, policy_stored_name(key));
    writer_str(w, is_text ? " AS TEXT) COLLATE \"C\")" : " AS BIGINT)");
}

static bool name_table(char *out, size_t cap, const struct policy *policy,
                       const char *name)
{
    char schema[PG_SCHEMA_MAX];
    struct writer w = writer_of(out, cap);
    pg_schema_name(schema, policy);
    dialect_name(&w, schema);
    writer_printf(&w, ".%s", name);
    return writer_cstr(&w);
}

static void gate(struct writer *w, const struct pg_table *t)
{
    enum { NAME_MAX_QUOTED = 2 * PG_SCHEMA_MAX + 32 };
    char key[4224], said[NAME_MAX_QUOTED], people[NAME_MAX_QUOTED];
    struct writer k = writer_of(key, sizeof key);
    k.dialect = w->dialect;
    stored(&k, &t->table->columns[t->table->key]);
    const bool fits = writer_cstr(&k) &&
                      name_table(said, sizeof said, t->policy, GATE_SAID) &&
                      name_table(people, sizeof people, t->policy, GATE_PEOPLE);
    assert(fits); /* names have a length */
    writer_str(w, " WHERE ");
    gate_condition(w, t->purpose, key, said, people);
}

void pg_table_print(struct writer *w, const void *ctx)
{
    const struct pg_table *t = ctx;
    writer_str(w, "(SELECT ");
    for (size_t i = 0; i < t->table->n_columns; i++) {
        writer_str(w, i ? ", " : "");
        stored(w, &t->table->columns[i]);
        writer_str(w, " AS ");
        dialect_name(w, t->table->columns[i].name);
    }
    writer_str(w, " FROM ");
    pg_table_name(w, t->table->source);
    if (t->purpose)
        gate(w, t);
    writer_str(w, ")");
}
