#include "server/pg/pg_rows.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "server/pg/pg_value.h"
#include "server/pg/pg_wire.h"

static enum err_code full(struct err *err)
{
    return err_set(err, ERR_LIMIT, "the rows need too much memory");
}

struct pg_column *pg_columns_of(const struct reply_column *columns, size_t n,
                                struct arena *a)
{
    struct pg_column *out = ARENA_NEW_N(a, n + 1, struct pg_column);
    for (size_t i = 0; out && i < n; i++) {
        out[i].name = arena_strdup(a, columns[i].name);
        out[i].oid =
            columns[i].numeric ? PG_NUMERIC : pg_type_of_value(columns[i].type);
        if (!out[i].name)
            return NULL;
    }
    return out;
}

enum err_code pg_rows_copy(struct pg_rows *to, const struct pg_rows *from,
                           struct arena *a, struct err *err)
{
    const size_t n = from->n_rows * from->n_columns;
    struct pg_column *columns =
        ARENA_NEW_N(a, from->n_columns + 1, struct pg_column);
    struct value *cells = ARENA_NEW_N(a, n + 1, struct value);
    if (!columns || !cells)
        return full(err);
    for (size_t i = 0; i < from->n_columns; i++) {
        columns[i] = from->columns[i];
        columns[i].name = arena_strdup(a, from->columns[i].name);
        if (!columns[i].name)
            return full(err);
    }
    for (size_t i = 0; i < n; i++) {
        cells[i] = from->cells[i];
        if (cells[i].type != VALUE_TEXT)
            continue;
        cells[i].text.s =
            arena_strndup(a, from->cells[i].text.s, from->cells[i].text.len);
        if (!cells[i].text.s)
            return full(err);
    }
    *to = (struct pg_rows){ columns, from->n_columns, cells, from->n_rows };
    return ERR_OK;
}

void pg_rows_describe(struct pg_out *o, const struct pg_column *columns,
                      size_t n, struct pg_formats f)
{
    pg_out_begin(o, 'T');
    pg_out_u16(o, (uint16_t)n);
    for (size_t i = 0; i < n; i++) {
        pg_out_text(o, columns[i].name);
        pg_out_u32(o, 0); /* of no table */
        pg_out_u16(o, 0);
        pg_out_u32(o, columns[i].oid);
        pg_out_u16(o, (uint16_t)pg_type_len(columns[i].oid));
        pg_out_u32(o, UINT32_MAX); /* no modifier */
        pg_out_u16(o, pg_format(f.list, f.n, i));
    }
    pg_out_end(o);
}

void pg_rows_send(struct pg_out *o, const struct pg_rows *rows, size_t from,
                  size_t to, struct pg_formats f)
{
    for (size_t r = from; r < to; r++) {
        pg_out_begin(o, 'D');
        pg_out_u16(o, (uint16_t)rows->n_columns);
        for (size_t c = 0; c < rows->n_columns; c++)
            pg_value_cell(o, rows->columns[c].oid, pg_format(f.list, f.n, c),
                          &rows->cells[r * rows->n_columns + c]);
        pg_out_end(o);
    }
}

/* ---- COPY ---- */

/* As PostgreSQL's text format: a backslash before what would end a field. */
static void copy_text(struct pg_out *o, const char *text, size_t len,
                      const struct sql_copy *copy)
{
    static const char from[] = "\b\f\n\r\t\v\\", to[] = "bfnrtv\\";
    for (size_t i = 0; i < len; i++) {
        const char *at = text[i] ? strchr(from, text[i]) : NULL;
        if (at || text[i] == copy->delimiter)
            pg_out_u8(o, '\\');
        pg_out_u8(o, (uint8_t)(at ? to[at - from] : text[i]));
    }
}

static bool needs_quotes(const char *text, size_t len,
                         const struct sql_copy *copy, bool alone)
{
    if (len == strlen(copy->null) && memcmp(text, copy->null, len) == 0)
        return true;
    if (alone && len == 2 && memcmp(text, "\\.", 2) == 0)
        return true;
    for (size_t i = 0; i < len; i++)
        if (text[i] == copy->delimiter || text[i] == copy->quote ||
            text[i] == '\n' || text[i] == '\r')
            return true;
    return false;
}

static void copy_csv(struct pg_out *o, const char *text, size_t len,
                     const struct sql_copy *copy, bool alone)
{
    if (!needs_quotes(text, len, copy, alone)) {
        pg_out_bytes(o, text, len);
        return;
    }
    pg_out_u8(o, (uint8_t)copy->quote);
    for (size_t i = 0; i < len; i++) {
        if (text[i] == copy->quote || text[i] == copy->escape)
            pg_out_u8(o, (uint8_t)copy->escape);
        pg_out_u8(o, (uint8_t)text[i]);
    }
    pg_out_u8(o, (uint8_t)copy->quote);
}

static void copy_field(struct pg_out *o, const char *text, size_t len,
                       const struct sql_copy *copy, bool alone)
{
    if (copy->csv)
        copy_csv(o, text, len, copy, alone);
    else
        copy_text(o, text, len, copy);
}

static void copy_row(struct pg_out *o, struct pg_out *field,
                     const struct pg_rows *rows, size_t r,
                     const struct sql_copy *copy)
{
    pg_out_begin(o, 'd');
    for (size_t c = 0; c < rows->n_columns; c++) {
        const struct value *v = &rows->cells[r * rows->n_columns + c];
        if (c > 0)
            pg_out_u8(o, (uint8_t)copy->delimiter);
        if (v->type == VALUE_NULL) {
            pg_out_bytes(o, copy->null, strlen(copy->null));
            continue;
        }
        field->len = 0;
        pg_value_text(field, rows->columns[c].oid, v);
        copy_field(o, (const char *)field->data, field->len, copy,
                   rows->n_columns == 1);
        o->full |= field->full;
    }
    pg_out_u8(o, '\n');
    pg_out_end(o);
}

void pg_rows_copy_out(struct pg_out *o, const struct pg_rows *rows,
                      const struct sql_copy *copy)
{
    struct pg_out field;
    pg_out_init(&field, o->most);
    pg_out_begin(o, 'H');
    pg_out_u8(o, 0);
    pg_out_u16(o, (uint16_t)rows->n_columns);
    for (size_t c = 0; c < rows->n_columns; c++)
        pg_out_u16(o, 0);
    pg_out_end(o);
    if (copy->header) {
        pg_out_begin(o, 'd');
        for (size_t c = 0; c < rows->n_columns; c++) {
            const char *name = rows->columns[c].name;
            if (c > 0)
                pg_out_u8(o, (uint8_t)copy->delimiter);
            copy_field(o, name, strlen(name), copy, rows->n_columns == 1);
        }
        pg_out_u8(o, '\n');
        pg_out_end(o);
    }
    for (size_t r = 0; r < rows->n_rows; r++)
        copy_row(o, &field, rows, r, copy);
    pg_out_begin(o, 'c');
    pg_out_end(o);
    pg_out_fini(&field);
}

void pg_complete(struct pg_out *o, const char *tag, int64_t n_rows)
{
    char text[64];
    (void)snprintf(text, sizeof text, n_rows >= 0 ? "%s %" PRId64 : "%s", tag,
                   n_rows);
    pg_out_begin(o, 'C');
    pg_out_text(o, text);
    pg_out_end(o);
}
