#include "server/catalog/names.h"

#include <string.h>

static const struct raw {
    uint32_t oid, row_type, array_type;
    const char *schema, *name;
    char kind;
    bool is_shared, is_closed;
    const char *columns;
} raw[] = {
#define CATALOG     "pg_catalog"
#define INFORMATION "information_schema"
#define OPEN        false
#define CLOSED      true
#define RELATION(oid, row, array, schema, name, kind, shared, closed, columns) \
    { oid, row, array, schema, name, kind, shared, closed, columns },
#include "server/catalog/relation.def"
#undef RELATION
};

static const struct names_type types[] = {
#define TYPE(oid, name, len, by_value, kind, category, preferred, delimiter,   \
             element, array, align, storage, collation, input)                 \
    { oid,       name,    len,   by_value, kind,    category,  preferred,      \
      delimiter, element, array, align,    storage, collation, input },
#include "server/catalog/type.def"
#undef TYPE
};

static const struct rewrite_function functions[] = {
#define FUNCTION(name, as, type, is_set) { name, as, type, is_set },
#include "server/catalog/function.def"
#undef FUNCTION
};

enum {
    N_RAW = sizeof raw / sizeof *raw,
    N_TYPES = sizeof types / sizeof *types
};

uint32_t names_type(const struct names *n, const char *name)
{
    const bool is_array = name[0] == '_';
    for (size_t i = 0; i < n->n_types; i++)
        if (strcmp(n->types[i].name, name + is_array) == 0)
            return is_array ? n->types[i].array : n->types[i].oid;
    for (size_t i = 0; i < N_RAW; i++) /* the rows of a relation */
        if (strcmp(raw[i].name, name + is_array) == 0)
            return is_array ? raw[i].array_type : raw[i].row_type;
    return 0;
}

const struct names_type *names_type_of(const struct names *n, uint32_t oid)
{
    for (size_t i = 0; i < n->n_types; i++)
        if (n->types[i].oid == oid || (oid && n->types[i].array == oid))
            return &n->types[i];
    return NULL;
}

uint32_t names_base(uint32_t type)
{
    switch (type) {
    case 13221: /* cardinal_number */
        return 23;
    case 13226: /* sql_identifier */
        return 19;
    case 13232: /* time_stamp */
        return 1184;
    case 13224: /* character_data */
    case 13234: /* yes_or_no */
        return 1043;
    default:
        return type;
    }
}

static const char *held_scalar(uint32_t type)
{
    switch (type) {
    case 16:
        return "BOOLEAN";
    case 21:
        return "SMALLINT";
    case 23:
        return "INTEGER";
    case 20:
    case 26:
    case 28:
        return "BIGINT";
    case 700:
        return "FLOAT";
    case 701:
    case 1700:
        return "DOUBLE";
    case 22:
        return "SMALLINT[]";
    case 30:
        return "BIGINT[]";
    default:
        return "VARCHAR";
    }
}

const char *names_held(const struct names *n, uint32_t type)
{
    const struct names_type *t = names_type_of(n, type);
    if (!t || t->oid == type)
        return held_scalar(type);
    const char *of = held_scalar(t->oid);
    return strcmp(of, "SMALLINT") == 0  ? "SMALLINT[]"
           : strcmp(of, "BIGINT") == 0  ? "BIGINT[]"
           : strcmp(of, "BOOLEAN") == 0 ? "BOOLEAN[]"
                                        : "VARCHAR[]";
}

static size_t count(const char *columns)
{
    size_t n = 1;
    for (; *columns; columns++)
        n += *columns == ',';
    return n;
}

/* "oid oid!, amname name!" */
static bool read_columns(const struct names *n, struct names_relation *out,
                         const char *text, struct arena *a)
{
    const size_t room = count(text);
    struct rewrite_column *columns =
        ARENA_NEW_N(a, room, struct rewrite_column);
    bool *not_null = ARENA_NEW_N(a, room, bool);
    uint32_t *types_of = ARENA_NEW_N(a, room, uint32_t);
    char *copy = arena_strdup(a, text), *save = NULL;
    if (!columns || !not_null || !types_of || !copy)
        return false;
    size_t i = 0;
    for (char *at = copy; (at = strtok_r(at, ", ", &save)); at = NULL, i++) {
        char *type = strtok_r(NULL, ", ", &save);
        char *mark = type ? strchr(type, '!') : NULL;
        if (!type)
            return false;
        not_null[i] = mark != NULL;
        if (mark)
            *mark = 0;
        types_of[i] = names_type(n, type);
        columns[i] = (struct rewrite_column){ at, names_base(types_of[i]) };
    }
    out->of.columns = columns;
    out->of.n_columns = i;
    out->not_null = not_null;
    out->types = types_of;
    return true;
}

bool names_read(struct names *out, struct arena *a)
{
    *out = (struct names){ .types = types, .n_types = N_TYPES };
    out->relations = ARENA_NEW_N(a, N_RAW, struct names_relation);
    if (!out->relations)
        return false;
    for (size_t i = 0; i < N_RAW; i++) {
        struct names_relation *r = &out->relations[i];
        r->of.schema = raw[i].schema;
        r->of.name = raw[i].name;
        r->of.is_closed = raw[i].is_closed;
        r->oid = raw[i].oid;
        r->row_type = raw[i].row_type;
        r->array_type = raw[i].array_type;
        r->kind = raw[i].kind;
        r->is_shared = raw[i].is_shared;
        if (!read_columns(out, r, raw[i].columns, a))
            return false;
    }
    out->n_relations = N_RAW;
    return true;
}

const struct rewrite_relation *
names_relation(const struct names *n, const char *schema, const char *name)
{
    if (!*schema)
        schema = CATALOG;
    for (size_t i = 0; i < n->n_relations; i++)
        if (strcmp(n->relations[i].of.name, name) == 0 &&
            strcmp(n->relations[i].of.schema, schema) == 0)
            return &n->relations[i].of;
    return NULL;
}

const struct rewrite_function *names_function(const char *name)
{
    for (size_t i = 0; i < sizeof functions / sizeof *functions; i++)
        if (strcmp(functions[i].name, name) == 0)
            return &functions[i];
    return NULL;
}
