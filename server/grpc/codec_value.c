#include "server/grpc/codec_value.h"

#include <string.h>

enum err_code codec_value_get(struct value *out, const Halftone__V1__Value *m,
                              struct err *err)
{
    switch (m->kind_case) {
    case HALFTONE__V1__VALUE__KIND_NULL_VALUE:
        *out = value_null();
        return ERR_OK;
    case HALFTONE__V1__VALUE__KIND_BOOL_VALUE:
        *out = (struct value){ .type = VALUE_BOOL, .b = m->bool_value };
        return ERR_OK;
    case HALFTONE__V1__VALUE__KIND_INT_VALUE:
        *out = value_int(m->int_value);
        return ERR_OK;
    case HALFTONE__V1__VALUE__KIND_DOUBLE_VALUE:
        *out = value_double(m->double_value);
        return ERR_OK;
    case HALFTONE__V1__VALUE__KIND_TEXT_VALUE:
        *out = value_text(m->text_value, strlen(m->text_value));
        return ERR_OK;
    case HALFTONE__V1__VALUE__KIND_DATE_VALUE:
        *out = (struct value){ .type = VALUE_DATE, .i = m->date_value };
        return ERR_OK;
    case HALFTONE__V1__VALUE__KIND_TIMESTAMP_VALUE:
        *out =
            (struct value){ .type = VALUE_TIMESTAMP, .i = m->timestamp_value };
        return ERR_OK;
    case HALFTONE__V1__VALUE__KIND__NOT_SET:
    case _HALFTONE__V1__VALUE__KIND__CASE_IS_INT_SIZE:
        break;
    }
    err_set(err, ERR_INVALID, "a Value has no kind");
    return err_hint(err, "set one field of it; null_value for NULL");
}

void codec_value_put(Halftone__V1__Value *m, const struct value *v)
{
    halftone__v1__value__init(m);
    switch (v->type) {
    case VALUE_NULL:
    case VALUE_TYPE_COUNT:
        m->kind_case = HALFTONE__V1__VALUE__KIND_NULL_VALUE;
        m->null_value = 1;
        return;
    case VALUE_BOOL:
        m->kind_case = HALFTONE__V1__VALUE__KIND_BOOL_VALUE;
        m->bool_value = v->b;
        return;
    case VALUE_INT:
        m->kind_case = HALFTONE__V1__VALUE__KIND_INT_VALUE;
        m->int_value = v->i;
        return;
    case VALUE_DOUBLE:
        m->kind_case = HALFTONE__V1__VALUE__KIND_DOUBLE_VALUE;
        m->double_value = v->d;
        return;
    case VALUE_TEXT:
        m->kind_case = HALFTONE__V1__VALUE__KIND_TEXT_VALUE;
        m->text_value = (char *)(uintptr_t)v->text.s; /* packed, never freed */
        return;
    case VALUE_DATE:
        m->kind_case = HALFTONE__V1__VALUE__KIND_DATE_VALUE;
        m->date_value = (int32_t)v->i;
        return;
    case VALUE_TIMESTAMP:
        m->kind_case = HALFTONE__V1__VALUE__KIND_TIMESTAMP_VALUE;
        m->timestamp_value = v->i;
        return;
    }
}

Halftone__V1__ValueType codec_type_put(enum value_type type)
{
    static const Halftone__V1__ValueType TYPES[VALUE_TYPE_COUNT] = {
        [VALUE_NULL] = HALFTONE__V1__VALUE_TYPE__VALUE_TYPE_UNSPECIFIED,
        [VALUE_BOOL] = HALFTONE__V1__VALUE_TYPE__VALUE_TYPE_BOOL,
        [VALUE_INT] = HALFTONE__V1__VALUE_TYPE__VALUE_TYPE_INT,
        [VALUE_DOUBLE] = HALFTONE__V1__VALUE_TYPE__VALUE_TYPE_DOUBLE,
        [VALUE_TEXT] = HALFTONE__V1__VALUE_TYPE__VALUE_TYPE_TEXT,
        [VALUE_DATE] = HALFTONE__V1__VALUE_TYPE__VALUE_TYPE_DATE,
        [VALUE_TIMESTAMP] = HALFTONE__V1__VALUE_TYPE__VALUE_TYPE_TIMESTAMP,
    };
    return TYPES[type];
}

Halftone__V1__Bounds *codec_bounds_put(uint32_t groups, uint32_t rows,
                                       struct arena *a)
{
    Halftone__V1__Bounds *m = ARENA_NEW(a, Halftone__V1__Bounds);
    if (m) {
        halftone__v1__bounds__init(m);
        m->max_groups = groups;
        m->max_rows = rows;
    }
    return m;
}
