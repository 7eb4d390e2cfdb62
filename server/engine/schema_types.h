#ifndef ENGINE_SCHEMA_TYPES_H
#define ENGINE_SCHEMA_TYPES_H

#include "server/engine/source.h"

/*
 * How a column as stored becomes a column as the policy declares it.
 *
 *   FIT_SAME   stored as declared: used as it is
 *   FIT_WIDER  every stored value has an exact image: CAST
 *   FIT_TRY    some values may have none and become NULL: TRY_CAST
 *   FIT_NONE   the declaration is a mistake
 */
enum fit { FIT_NONE, FIT_SAME, FIT_WIDER, FIT_TRY };

enum fit schema_fit(duckdb_type stored, enum policy_type declared);

/* DuckDB's names: of a stored type, and of what a declared type becomes. */
const char *schema_stored_name(duckdb_type stored);
const char *schema_target_name(enum policy_type declared);

/* The policy type that fits best; false when none does. */
bool schema_best(enum policy_type *out, duckdb_type stored);

/* Columns of CSV files are stored as text, whatever they hold. */
static inline enum fit schema_fit_of(const struct source *s,
                                     const struct source_column *c,
                                     enum policy_type declared)
{
    const bool untyped = s->kind == SOURCE_KIND_CSV &&
                         declared != POLICY_TEXT && declared != POLICY_UUID;
    return untyped ? FIT_TRY : schema_fit(c->type, declared);
}

#endif
