#ifndef CATALOG_NAMES_H
#define CATALOG_NAMES_H

#include "server/base/arena.h"
#include "server/sql/rewrite.h"

/* What a statement about the catalog may name: relation.def, type.def and
 * function.def, read. */
struct names_relation {
    struct rewrite_relation of;
    const uint32_t *types; /* of the columns, domains not resolved */
    uint32_t oid, row_type, array_type;
    char kind; /* 'r' or 'v' */
    bool is_shared;
    const bool *not_null; /* of each column */
};

struct names_type {
    uint32_t oid;
    const char *name;
    int len;
    bool by_value;
    char kind, category;
    bool is_preferred;
    char delimiter;
    uint32_t element, array;
    char align, storage;
    uint32_t collation;
    const char *input;
};

struct names {
    struct names_relation *relations;
    size_t n_relations;
    const struct names_type *types;
    size_t n_types;
};

/* False: the arena is full. */
bool names_read(struct names *out, struct arena *a);

/* NULL: none.  schema "" is pg_catalog, which every search path holds. */
const struct rewrite_relation *
names_relation(const struct names *n, const char *schema, const char *name);
const struct rewrite_function *names_function(const char *name);

/* By OID, arrays too: theirs is the element's with `array` = its OID. */
const struct names_type *names_type_of(const struct names *n, uint32_t oid);
uint32_t names_type(const struct names *n, const char *name); /* 0: none */

/* The type a domain is over; other types are their own. */
uint32_t names_base(uint32_t type);

/* What DuckDB holds values of the type in. */
const char *names_held(const struct names *n, uint32_t type);

#endif
