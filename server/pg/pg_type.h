#ifndef PG_PG_TYPE_H
#define PG_PG_TYPE_H

#include "server/query/value.h"

/*
 * PostgreSQL's types by OID (pg_type.def), and what stands for them here.  The
 * waist has seven types of values; the rest of PostgreSQL's are ways to write
 * them.
 */
enum {
#define PG_TYPE(id, name, oid, array, len, value) PG_##id = oid,
#include "server/pg/pg_type.def"
#undef PG_TYPE
    PG_VOID = 2278,
};

struct pg_type {
    const char *name;
    uint32_t oid, array;
    int16_t len; /* of the binary form; -1 = it varies */
    enum value_type value;
};

/* NULL when there is none of that OID or name. */
const struct pg_type *pg_type_of(uint32_t oid);
const struct pg_type *pg_type_of_name(const char *name);

/* The type of an array's elements; NULL: it is no array. */
const struct pg_type *pg_type_of_array(uint32_t oid);

/* Bytes of the binary form, arrays and unknown OIDs included. */
int16_t pg_type_len(uint32_t oid);

/* What a value of this type is to PostgreSQL: bigint, double precision, ... */
uint32_t pg_type_of_value(enum value_type type);

/* A column as RowDescription tells it. */
struct pg_column {
    const char *name;
    uint32_t oid;
};

#endif
