#include "server/engine/scratch_text.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

uint32_t scratch_type(duckdb_logical_type t)
{
    switch ((int)duckdb_get_type_id(t)) {
    case DUCKDB_TYPE_BOOLEAN:
        return 16;
    case DUCKDB_TYPE_SMALLINT:
        return 21;
    case DUCKDB_TYPE_INTEGER:
        return 23;
    case DUCKDB_TYPE_BIGINT:
        return 20;
    case DUCKDB_TYPE_FLOAT:
        return 700;
    case DUCKDB_TYPE_DOUBLE:
        return 701;
    case DUCKDB_TYPE_VARCHAR:
    case DUCKDB_TYPE_SQLNULL:
        return 25;
    case DUCKDB_TYPE_STRUCT:
        return 2249;
    case DUCKDB_TYPE_LIST: {
        duckdb_logical_type child = duckdb_list_type_child_type(t);
        const uint32_t of = scratch_type(child);
        duckdb_destroy_logical_type(&child);
        switch (of) {
        case 16:
            return 1000;
        case 20:
            return 1016;
        case 21:
            return 1005;
        case 23:
            return 1007;
        case 25:
            return 1009;
        case 2249:
            return 2287;
        default:
            return 0;
        }
    }
    default:
        return 0;
    }
}

/* The shortest digits that read back as the same number. */
static const char *number(double v, bool is_single, struct arena *a)
{
    char text[40];
    for (int digits = is_single ? 6 : 15; digits <= (is_single ? 9 : 17);
         digits++) {
        (void)snprintf(text, sizeof text, "%.*g", digits, v);
        if (is_single ? strtof(text, NULL) == (float)v
                      : strtod(text, NULL) == v)
            break;
    }
    return arena_strdup(a, text);
}

/* An element inside {} or (): quoted where it would be read as something else.
 */
static char *quoted(const char *s, bool in_row, struct arena *a)
{
    const bool plain =
        *s && strpbrk(s, in_row ? "(),\"\\ " : "{},\"\\ \t\n") == NULL &&
        (in_row || (strcmp(s, "NULL") != 0 && strcmp(s, "null") != 0));
    if (plain)
        return arena_strdup(a, s);
    char *out = arena_alloc(a, 2 * strlen(s) + 3, 1), *to = out;
    if (!out)
        return NULL;
    *to++ = '"';
    for (; *s; s++) {
        if (*s == '"' || *s == '\\')
            *to++ = in_row ? *s : '\\';
        *to++ = *s;
    }
    *to++ = '"';
    *to = 0;
    return out;
}

static const char *join(const char *const *items, size_t n, const char *open,
                        const char *between, const char *close, struct arena *a)
{
    size_t len = 3;
    for (size_t i = 0; i < n; i++)
        len += strlen(items[i]) + 1;
    char *out = arena_alloc(a, len, 1);
    if (!out)
        return NULL;
    char *to = stpcpy(out, open);
    for (size_t i = 0; i < n; i++) {
        if (i)
            to = stpcpy(to, between);
        to = stpcpy(to, items[i]);
    }
    (void)stpcpy(to, close);
    return out;
}

static const char *list_text(duckdb_vector v, idx_t row, bool is_vector,
                             struct arena *a, bool *full)
{
    const duckdb_list_entry e =
        ((const duckdb_list_entry *)duckdb_vector_get_data(v))[row];
    duckdb_vector child = duckdb_list_vector_get_child(v);
    const char **items = ARENA_NEW_N(a, e.length + 1, const char *);
    for (idx_t i = 0; items && i < e.length; i++) {
        const char *s = scratch_text(child, e.offset + i, false, a, full);
        items[i] = !s ? "NULL" : is_vector ? s : quoted(s, false, a);
        if (!items[i])
            items = NULL;
    }
    return items ? join(items, e.length, is_vector ? "" : "{",
                        is_vector ? " " : ",", is_vector ? "" : "}", a)
                 : NULL;
}

static const char *row_text(duckdb_vector v, idx_t row, duckdb_logical_type t,
                            struct arena *a, bool *full)
{
    const idx_t n = duckdb_struct_type_child_count(t);
    const char **items = ARENA_NEW_N(a, n + 1, const char *);
    for (idx_t i = 0; items && i < n; i++) {
        const char *s = scratch_text(duckdb_struct_vector_get_child(v, i), row,
                                     false, a, full);
        items[i] = s ? quoted(s, true, a) : "";
        if (!items[i])
            items = NULL;
    }
    return items ? join(items, n, "(", ",", ")", a) : NULL;
}

static const char *value_text(duckdb_vector v, idx_t row, duckdb_logical_type t,
                              bool is_vector, struct arena *a, bool *full)
{
    const void *data = duckdb_vector_get_data(v);
    switch ((int)duckdb_get_type_id(t)) {
    case DUCKDB_TYPE_BOOLEAN:
        return ((const bool *)data)[row] ? "t" : "f";
    case DUCKDB_TYPE_SMALLINT:
        return arena_printf(a, "%d", ((const int16_t *)data)[row]);
    case DUCKDB_TYPE_INTEGER:
        return arena_printf(a, "%" PRId32, ((const int32_t *)data)[row]);
    case DUCKDB_TYPE_BIGINT:
        return arena_printf(a, "%" PRId64, ((const int64_t *)data)[row]);
    case DUCKDB_TYPE_FLOAT:
        return number((double)((const float *)data)[row], true, a);
    case DUCKDB_TYPE_DOUBLE:
        return number(((const double *)data)[row], false, a);
    case DUCKDB_TYPE_VARCHAR: {
        duckdb_string_t s = ((const duckdb_string_t *)data)[row];
        return arena_strndup(a, duckdb_string_t_data(&s),
                             duckdb_string_t_length(s));
    }
    case DUCKDB_TYPE_LIST:
        return list_text(v, row, is_vector, a, full);
    case DUCKDB_TYPE_STRUCT:
        return row_text(v, row, t, a, full);
    default:
        return "";
    }
}

const char *scratch_text(duckdb_vector v, idx_t row, bool is_vector,
                         struct arena *a, bool *full)
{
    uint64_t *valid = duckdb_vector_get_validity(v);
    if (valid && !duckdb_validity_row_is_valid(valid, row))
        return NULL;
    duckdb_logical_type t = duckdb_vector_get_column_type(v);
    const bool is_null = duckdb_get_type_id(t) == DUCKDB_TYPE_SQLNULL;
    const char *out =
        is_null ? NULL : value_text(v, row, t, is_vector, a, full);
    duckdb_destroy_logical_type(&t);
    if (!out && !is_null)
        *full = true;
    return out;
}
