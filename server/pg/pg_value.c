#include "server/pg/pg_value.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/pg/pg_array.h"
#include "server/pg/pg_interval.h"
#include "server/pg/pg_numeric.h"
#include "server/pg/pg_uuid.h"

enum { TEXT_MAX = PG_NUMERIC_TEXT_MAX, TIDY_MAX = 128 * 1024 };

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

/* The fewest digits that give it back. */
static void print_single(struct writer *w, float f)
{
    enum { LEAST = 6, MOST = 9 };
    char text[32];
    for (int digits = LEAST; digits <= MOST; digits++) {
        (void)snprintf(text, sizeof text, "%.*g", digits, (double)f);
        if (strtof(text, NULL) == f)
            break;
    }
    writer_str(w, text);
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
    else if (v->type == VALUE_DOUBLE && oid == PG_FLOAT4)
        print_single(&w, (float)v->d);
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

/* Types that are texts in the waist; false: nothing was written. */
static bool send_other(struct pg_out *o, uint32_t oid, const char *text,
                       size_t len)
{
    if (oid == PG_INTERVAL)
        return pg_interval_send(o, text, len);
    if (oid == PG_TIME)
        return pg_time_send(o, text, len);
    if (oid == PG_UUID)
        return pg_uuid_send(o, text, len);
    return pg_array_send(o, oid, text, len);
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
        else if (!send_other(o, oid, text, len))
            pg_out_bytes(o, text, len);
    }
}

/* Digits as they are written, or those of what else a number may be. */
static bool send_digits(struct pg_out *o, const struct value *v)
{
    char buf[TEXT_MAX];
    struct writer w = writer_of(buf, sizeof buf);
    struct value d;
    struct err ignored;
    const char *s = v->text.s;
    const size_t sign = *s == '-', whole = strspn(s + sign, "0123456789");
    const bool point = s[sign + whole] == '.';
    const size_t part = point ? strspn(s + sign + whole + 1, "0123456789") : 0;
    if (whole > 0 && sign + whole + point + part == v->text.len) {
        pg_numeric_send(o, s);
        return true;
    }
    if (value_parse(&d, VALUE_DOUBLE, s, v->text.len, &ignored) != ERR_OK)
        return false;
    pg_numeric_print(&w, d.d);
    if (!writer_cstr(&w))
        return false;
    pg_numeric_send(o, buf);
    return true;
}

static bool send_tidy(struct pg_out *o, uint32_t oid, const struct value *v)
{
    return oid == PG_NUMERIC ? send_digits(o, v)
                             : send_other(o, oid, v->text.s, v->text.len);
}

/* By way of the binary form, which says all that the value is. */
enum err_code pg_value_tidy(struct value *v, uint32_t oid, struct arena *a,
                            struct err *err)
{
    struct pg_out o;
    if (v->type != VALUE_TEXT ||
        !(oid == PG_INTERVAL || oid == PG_TIME || oid == PG_UUID ||
          oid == PG_NUMERIC || pg_type_of_array(oid)))
        return ERR_OK;
    pg_out_init(&o, TIDY_MAX);
    enum err_code code = ERR_INVALID;
    if (send_tidy(&o, oid, v) && !o.full) {
        const struct pg_param p = { .data = o.data,
                                    .len = o.len,
                                    .format = PG_FORMAT_BINARY,
                                    .oid = oid,
                                    .want = VALUE_TEXT,
                                    .n = 1 };
        code = pg_param_read(v, &p, a, err);
    }
    pg_out_fini(&o);
    return code;
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
