#include "clients/cli/cell.h"

#include <string.h>

struct value cell_value(const Halftone__V1__Value *v)
{
    switch (v->kind_case) {
    case HALFTONE__V1__VALUE__KIND_BOOL_VALUE:
        return (struct value){ .type = VALUE_BOOL, .b = v->bool_value };
    case HALFTONE__V1__VALUE__KIND_INT_VALUE:
        return value_int(v->int_value);
    case HALFTONE__V1__VALUE__KIND_DOUBLE_VALUE:
        return value_double(v->double_value);
    case HALFTONE__V1__VALUE__KIND_TEXT_VALUE:
        return value_text(v->text_value, strlen(v->text_value));
    case HALFTONE__V1__VALUE__KIND_DATE_VALUE:
        return (struct value){ .type = VALUE_DATE, .i = v->date_value };
    case HALFTONE__V1__VALUE__KIND_TIMESTAMP_VALUE:
        return (struct value){ .type = VALUE_TIMESTAMP,
                               .i = v->timestamp_value };
    case HALFTONE__V1__VALUE__KIND_NULL_VALUE:
    case HALFTONE__V1__VALUE__KIND__NOT_SET:
    default: /* an int on the wire: a newer server may know more kinds */
        return value_null();
    }
}

const char *cell_text(const Halftone__V1__Value *v, struct arena *a)
{
    enum { NUMBER_ROOM = 64 };
    const struct value value = cell_value(v);
    if (value.type == VALUE_NULL)
        return NULL;
    if (value.type == VALUE_TEXT)
        return value.text.s;
    char room[NUMBER_ROOM];
    struct writer w = writer_of(room, sizeof room);
    value_print(&w, &value);
    return writer_cstr(&w) ? arena_strdup(a, room) : NULL;
}

enum value_type cell_type(Halftone__V1__ValueType type)
{
    static const enum value_type TYPES[] = {
        [HALFTONE__V1__VALUE_TYPE__VALUE_TYPE_UNSPECIFIED] = VALUE_NULL,
        [HALFTONE__V1__VALUE_TYPE__VALUE_TYPE_BOOL] = VALUE_BOOL,
        [HALFTONE__V1__VALUE_TYPE__VALUE_TYPE_INT] = VALUE_INT,
        [HALFTONE__V1__VALUE_TYPE__VALUE_TYPE_DOUBLE] = VALUE_DOUBLE,
        [HALFTONE__V1__VALUE_TYPE__VALUE_TYPE_TEXT] = VALUE_TEXT,
        [HALFTONE__V1__VALUE_TYPE__VALUE_TYPE_DATE] = VALUE_DATE,
        [HALFTONE__V1__VALUE_TYPE__VALUE_TYPE_TIMESTAMP] = VALUE_TIMESTAMP,
    };
    const size_t n = sizeof TYPES / sizeof *TYPES;
    return (int)type >= 0 && (size_t)type < n ? TYPES[type] : VALUE_NULL;
}

/* Types a bare constant is tried as, in order. */
static bool guess(struct value *out, const char *text)
{
    static const enum value_type TYPES[] = { VALUE_INT, VALUE_DOUBLE,
                                             VALUE_DATE, VALUE_TIMESTAMP };
    struct err unused;
    if (strcmp(text, "NULL") == 0) {
        *out = value_null();
        return true;
    }
    if (strcmp(text, "true") == 0 || strcmp(text, "false") == 0) {
        *out = (struct value){ .type = VALUE_BOOL, .b = text[0] == 't' };
        return true;
    }
    if (!strchr("+-.0123456789", text[0]) || text[0] == '\0')
        return false;
    for (size_t i = 0; i < sizeof TYPES / sizeof *TYPES; i++)
        if (value_parse(out, TYPES[i], text, strlen(text), &unused) == ERR_OK)
            return true;
    return false;
}

enum err_code cell_parse(struct value *out, const char *text, struct err *err)
{
    char name[16] = "";
    const char *colon = strchr(text, ':');
    const size_t len = colon ? (size_t)(colon - text) : 0;
    if (colon && len < sizeof name) {
        memcpy(name, text, len);
        const enum value_type type = value_type_of_name(name);
        if (type != VALUE_TYPE_COUNT && type != VALUE_NULL)
            return value_parse(out, type, colon + 1, strlen(colon + 1), err);
    }
    if (!guess(out, text))
        *out = value_text(text, strlen(text));
    return ERR_OK;
}

Halftone__V1__Value *cell_message(const struct value *v, struct arena *a)
{
    Halftone__V1__Value *m = ARENA_NEW(a, Halftone__V1__Value);
    if (!m)
        return NULL;
    halftone__v1__value__init(m);
    switch (v->type) {
    case VALUE_NULL:
    case VALUE_TYPE_COUNT:
        m->kind_case = HALFTONE__V1__VALUE__KIND_NULL_VALUE;
        m->null_value = true;
        break;
    case VALUE_BOOL:
        m->kind_case = HALFTONE__V1__VALUE__KIND_BOOL_VALUE;
        m->bool_value = v->b;
        break;
    case VALUE_INT:
        m->kind_case = HALFTONE__V1__VALUE__KIND_INT_VALUE;
        m->int_value = v->i;
        break;
    case VALUE_DOUBLE:
        m->kind_case = HALFTONE__V1__VALUE__KIND_DOUBLE_VALUE;
        m->double_value = v->d;
        break;
    case VALUE_TEXT:
        m->kind_case = HALFTONE__V1__VALUE__KIND_TEXT_VALUE;
        m->text_value = arena_strndup(a, v->text.s, v->text.len);
        return m->text_value ? m : NULL;
    case VALUE_DATE:
        m->kind_case = HALFTONE__V1__VALUE__KIND_DATE_VALUE;
        m->date_value = (int32_t)v->i;
        break;
    case VALUE_TIMESTAMP:
        m->kind_case = HALFTONE__V1__VALUE__KIND_TIMESTAMP_VALUE;
        m->timestamp_value = v->i;
        break;
    }
    return m;
}
