#ifndef CATALOG_SCRIPT_H
#define CATALOG_SCRIPT_H

#include "server/catalog/names.h"
#include "server/policy/policy.h"

/* The statements that build one catalog, for DuckDB. */
struct script_of {
    const struct names *names;
    const struct policy *const *policies;
    size_t n_policies;
    const char *user, *database;
};
/* To be freed; NULL: no memory. */
char *script_text(const struct script_of *s);

#endif
