#ifndef POLICY_DRAFT_H
#define POLICY_DRAFT_H

#include <stddef.h>

#include "server/base/writer.h"

/*
 * A first policy from names and types alone: no value of the data is read, so
 * nothing in a draft tells anything about anybody.
 *
 * What only a steward can know is written DECIDE, which does not load: a draft
 * never starts by accident.  The privacy key is guessed by its name, and says
 * so.
 */
struct policy_draft_column {
    const char *name; /* as in the source */
    const char *type; /* as the engine calls it: "BIGINT", "DECIMAL(10,2)" */
};

struct policy_draft {
    const char *dataset; /* a name; NULL = from the file's */
    const char *source;  /* path of the Parquet or CSV file */
    const struct policy_draft_column *columns;
    size_t n_columns;
};

/*
 * Print the draft; w->overflow tells that there was no room.  Columns whose
 * name or type a policy cannot hold stand in comments that say why.
 */
void policy_draft_print(struct writer *w, const struct policy_draft *draft);

/* The column that probably names a person, or n_columns. */
size_t policy_draft_key(const struct policy_draft *draft);

#endif
