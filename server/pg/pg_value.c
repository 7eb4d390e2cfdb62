#include "server/pg/pg_value.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/pg/pg_array.h"
#include "server/pg/pg_numeric.h"

enum { TEXT_MAX = PG_NUMERIC_TEXT_MAX };

static const int64_t EPOCH_DAYS = 10957; /* 2000-01-01 since 1970-01-01 */
static const int64_t DAY_US = INT64_C(86400000000);

static double double_of(const struct value *v)
{
    return v->type == VALUE_INT ? (double)v->i : v->d;
}

static bool is_number(const struct value *v)
{
    return v->type == VALUE_INT || v->type == VALUE_DOUBLE;
}

static bool is_real(uint32_t oid)
{
    return oid == PG_FLOAT4 || oid == PG_FLOAT8;
}

static bool is_whole(uint32_t oid)
{
    const struct pg_type *t = pg_type_of(oid);
    return t && t->value == VALUE_INT;
}

/* The text of a value; borrowed from it, or written to `buf`. */
static const char *text_of(const struct value *v, uint32_t oid,
                           char buf[TEXT_MAX], size_t *len)
{
    struct writer w = writer_of(buf, TEXT_MAX);
    if (v->type == VALUE_TEXT) {
        *len = v->text.len;
        return v->text.s;
    }
    if (v->type == VALUE_BOOL)
        writer_str(&w, oid == PG_BOOL ? (v->b ? "t" : "f")
                                      : (v->b ? "true" : "false"));
    else if (v->type == VALUE_DOUBLE && isinf(v->d))
        writer_str(&w, v->d < 0 ? "-Infinity" : "Infinity");
    else if (v->type == VALUE_DOUBLE && isnan(v->d))
        writer_str(&w, "NaN");
    else if (v->type == VALUE_DOUBLE && oid == PG_NUMERIC)
        pg_numeric_print(&w, v->d);
    else
        value_print(&w, v);
    if (v->type == VALUE_TIMESTAMP && oid == PG_TIMESTAMPTZ)
        writer_str(&w, "+00");
    *len = w.len;
    (void)writer_cstr(&w);
    return buf;
}

void pg_value_text(struct pg_out *o, uint32_t oid, const struct value *v)
{
    char buf[TEXT_MAX];
    size_t len;
    const char *text = text_of(v, oid, buf, &len);
    pg_out_bytes(o, text, len);
}

/* ---- binary ---- */

static void send_real(struct pg_out *o, uint32_t oid, double d)
{
    if (oid == PG_FLOAT4) {
        const float f = (float)d;
        uint32_t bits;
        memcpy(&bits, &f, sizeof bits);
        pg_out_u32(o, bits);
    } else {
        uint64_t bits;
        memcpy(&bits, &d, sizeof bits);
        pg_out_u64(o, bits);
    }
}

static void send_whole(struct pg_out *o, uint32_t oid, const struct value *v)
{
    const int64_t i = v->type == VALUE_INT ? v->i : (int64_t)llround(v->d);
    switch (pg_type_len(oid)) {
    case 2:
        pg_out_u16(o, (uint16_t)i);
        break;
    case 4:
        pg_out_u32(o, (uint32_t)i);
        break;
    default:
        pg_out_u64(o, (uint64_t)i);
        break;
    }
}

/* A time with time zone is written in UTC: "... +00" says nothing more. */
static size_t without_zone(uint32_t oid, const char *s, size_t len)
{
    const bool has =
        oid == PG_TIMESTAMPTZ && len > 3 && memcmp(s + len - 3, "+00", 3) == 0;
    return has ? len - 3 : len;
}

/* A text in PostgreSQL's notation of another type, as its value. */
static bool read_text(struct value *out, uint32_t oid, const struct value *v)
{
    const struct pg_type *t = pg_type_of(oid);
    struct err ignored;
    if (v->type != VALUE_TEXT || !t || t->value == VALUE_TEXT ||
        oid == PG_NUMERIC)
        return false;
    if (t->value != VALUE_BOOL)
        return value_parse(out, t->value, v->text.s,
                           without_zone(oid, v->text.s, v->text.len),
                           &ignored) == ERR_OK;
    *out = (struct value){ .type = VALUE_BOOL, .b = v->text.s[0] == 't' };
    return true;
}

void pg_value_binary(struct pg_out *o, uint32_t oid, const struct value *v)
{
    char buf[TEXT_MAX];
    size_t len;
    struct value read;
    if (read_text(&read, oid, v))
        v = &read;
    if (v->type == VALUE_BOOL && oid == PG_BOOL) {
        pg_out_u8(o, v->b);
    } else if (is_number(v) && is_real(oid)) {
        send_real(o, oid, double_of(v));
    } else if (is_number(v) && is_whole(oid)) {
        send_whole(o, oid, v);
    } else if (v->type == VALUE_DATE && oid == PG_DATE) {
        pg_out_u32(o, (uint32_t)(v->i - EPOCH_DAYS));
    } else if (v->type == VALUE_TIMESTAMP &&
               (oid == PG_TIMESTAMP || oid == PG_TIMESTAMPTZ)) {
        pg_out_u64(o, (uint64_t)(v->i - EPOCH_DAYS * DAY_US));
    } else {
        const char *text = text_of(v, oid, buf, &len);
        if (oid == PG_NUMERIC)
            pg_numeric_send(o, text);
        else if (!pg_array_send(o, oid, text, len))
            pg_out_bytes(o, text, len);
    }
}

void pg_value_cell(struct pg_out *o, uint32_t oid, uint16_t format,
                   const struct value *v)
{
    if (v->type == VALUE_NULL) {
        pg_out_u32(o, UINT32_MAX);
        return;
    }
    const size_t hole = pg_out_hole(o);
    if (format == PG_FORMAT_BINARY)
        pg_value_binary(o, oid, v);
    else
        pg_value_text(o, oid, v);
    pg_out_fill(o, hole);
}
