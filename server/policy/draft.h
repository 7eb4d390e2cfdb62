#ifndef POLICY_DRAFT_H
#define POLICY_DRAFT_H

#include <stdbool.h>
#include <stddef.h>

#include "server/base/writer.h"

/*
 * A first policy from names and types alone: no value of the data is read, so
 * nothing in a draft tells anything about anybody.
 *
 * What only a steward can know is written DECIDE, which does not load: a draft
 * never starts by accident.  The privacy key is guessed by its name, and says
 * so.  A column whose name is no lower-case SQL name gets one, with the name in
 * the source beside it.
 */
struct policy_draft_column {
    const char *name; /* as in the source */
    const char *type; /* as the engine calls it: "BIGINT", "DECIMAL(10,2)" */
    const char *why;  /* NULL, or why no policy can hold it */
};

struct policy_draft_table {
    const char *name; /* as in the source */
    const struct policy_draft_column *columns;
    size_t n_columns;
};

struct policy_draft {
    const char *source; /* path of the file, or the PostgreSQL's URI */
    const char *name;   /* what there is, or NULL: as the file is called */
    bool is_database;   /* a DuckDB file or a PostgreSQL; else one table */
    bool is_postgres;
    bool is_untyped;    /* CSV: every column is text until somebody says more */
    const struct policy_draft_table *tables;
    size_t n_tables;
};

/*
 * Print the draft; w->overflow tells that there was no room.  Columns whose
 * name or type a policy cannot hold stand in comments that say why.
 */
void policy_draft_print(struct writer *w, const struct policy_draft *draft);

/* The column that probably names a person, or n_columns. */
size_t policy_draft_key(const struct policy_draft_table *table);

#endif
