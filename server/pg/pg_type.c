#include "server/pg/pg_type.h"

#include <string.h>

static const struct pg_type TYPES[] = {
#define PG_TYPE(id, name, oid, array, len, value)                              \
    { name, oid, array, len, VALUE_##value },
#include "server/pg/pg_type.def"
#undef PG_TYPE
};
enum { N_TYPES = sizeof TYPES / sizeof TYPES[0] };

const struct pg_type *pg_type_of(uint32_t oid)
{
    for (size_t i = 0; i < N_TYPES; i++)
        if (TYPES[i].oid == oid)
            return &TYPES[i];
    return NULL;
}

const struct pg_type *pg_type_of_name(const char *name)
{
    for (size_t i = 0; i < N_TYPES; i++)
        if (strcmp(TYPES[i].name, name) == 0)
            return &TYPES[i];
    return NULL;
}

const struct pg_type *pg_type_of_array(uint32_t oid)
{
    for (size_t i = 0; i < N_TYPES; i++)
        if (TYPES[i].array == oid && oid != 0)
            return &TYPES[i];
    return NULL;
}

int16_t pg_type_len(uint32_t oid)
{
    const struct pg_type *t = pg_type_of(oid);
    return t ? t->len : -1;
}

uint32_t pg_type_of_value(enum value_type type)
{
    static const uint32_t oids[VALUE_TYPE_COUNT] = {
        [VALUE_NULL] = PG_TEXT,
        [VALUE_BOOL] = PG_BOOL,
        [VALUE_INT] = PG_INT8,
        [VALUE_DOUBLE] = PG_FLOAT8,
        [VALUE_TEXT] = PG_TEXT,
        [VALUE_DATE] = PG_DATE,
        [VALUE_TIMESTAMP] = PG_TIMESTAMP,
    };
    return oids[type];
}
