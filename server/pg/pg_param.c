/* Parameters, from the client's bytes to values.  Declared in pg_value.h. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "server/pg/pg_array.h"
#include "server/pg/pg_error.h"
#include "server/pg/pg_interval.h"
#include "server/pg/pg_numeric.h"
#include "server/pg/pg_uuid.h"

static const int64_t EPOCH_DAYS = 10957; /* 2000-01-01 since 1970-01-01 */
static const int64_t DAY_US = INT64_C(86400000000);

static enum err_code bad(const struct pg_param *p, const char *why,
                         struct err *err)
{
    return pg_fail(err, p->format == PG_FORMAT_BINARY ? "22P03" : "22P02",
                   "parameter $%u: %s", p->n, why);
}

static enum err_code bad_binary(const struct pg_param *p, struct err *err)
{
    return bad(p, "incorrect binary data format", err);
}

/* ---- binary ---- */

static enum err_code recv_number(struct value *out, const struct pg_param *p,
                                 struct err *err)
{
    struct reader r = reader_of(p->data, p->len);
    if (p->oid == PG_FLOAT8) {
        const uint64_t bits = reader_be64(&r);
        out->type = VALUE_DOUBLE;
        memcpy(&out->d, &bits, sizeof bits);
    } else if (p->oid == PG_FLOAT4) {
        const uint32_t bits = reader_be32(&r);
        float f;
        memcpy(&f, &bits, sizeof bits);
        *out = value_double((double)f);
    } else if (p->len == 8) {
        *out = value_int((int64_t)reader_be64(&r));
    } else if (p->len == 4) {
        const uint32_t v = reader_be32(&r);
        *out = value_int(p->oid == PG_OID ? (int64_t)v : (int32_t)v);
    } else {
        *out = value_int((int16_t)reader_be16(&r));
    }
    return r.short_read || reader_left(&r) > 0 ? bad_binary(p, err) : ERR_OK;
}

static enum err_code parse_number(struct value *out, const char *text,
                                  struct err *err)
{
    const size_t len = strlen(text);
    if (!strpbrk(text, ".eENI") &&
        value_parse(out, VALUE_INT, text, len, err) == ERR_OK)
        return ERR_OK;
    return value_parse(out, VALUE_DOUBLE, text, len, err);
}

/* Its digits, where a text is wanted: a double would lose some of them. */
static enum err_code recv_numeric(struct value *out, const struct pg_param *p,
                                  struct arena *a, struct err *err)
{
    char text[2 * PG_NUMERIC_TEXT_MAX];
    struct writer w = writer_of(text, sizeof text);
    struct err ignored;
    if (!pg_numeric_recv(&w, p->data, p->len) ||
        parse_number(out, text, &ignored) != ERR_OK)
        return bad_binary(p, err);
    if (p->want != VALUE_TEXT)
        return ERR_OK;
    const char *copy = arena_strndup(a, text, w.len);
    if (!copy)
        return err_set(err, ERR_LIMIT, "the parameters need too much memory");
    *out = value_text(copy, w.len);
    return ERR_OK;
}

static enum err_code recv_time(struct value *out, const struct pg_param *p,
                               struct err *err)
{
    struct reader r = reader_of(p->data, p->len);
    int64_t us;
    if (p->oid == PG_DATE) {
        out->type = VALUE_DATE;
        out->i = (int64_t)(int32_t)reader_be32(&r) + EPOCH_DAYS;
    } else {
        out->type = VALUE_TIMESTAMP;
        us = (int64_t)reader_be64(&r);
        if (__builtin_add_overflow(us, EPOCH_DAYS * DAY_US, &out->i))
            return bad(p, "timestamp out of range", err);
    }
    return r.short_read || reader_left(&r) > 0 ? bad_binary(p, err) : ERR_OK;
}

static enum err_code recv_text(struct value *out, const struct pg_param *p,
                               struct arena *a, struct err *err)
{
    if (memchr(p->data, '\0', p->len))
        return bad(p, "invalid byte sequence for encoding \"UTF8\": 0x00", err);
    const char *text = arena_strndup(a, (const char *)p->data, p->len);
    if (!text)
        return err_set(err, ERR_LIMIT, "the parameters need too much memory");
    *out = value_text(text, p->len);
    return ERR_OK;
}

/* Types that are texts in the waist, by their own binary forms. */
static enum err_code recv_other(struct value *out, const struct pg_param *p,
                                struct arena *a, struct err *err)
{
    char text[2 * PG_NUMERIC_TEXT_MAX];
    struct writer w = writer_of(text, sizeof text);
    const bool read = p->oid == PG_UUID ? pg_uuid_recv(&w, p->data, p->len)
                      : p->oid == PG_TIME
                          ? pg_time_recv(&w, p->data, p->len)
                          : pg_interval_recv(&w, p->data, p->len);
    const char *copy = read ? arena_strndup(a, text, w.len) : NULL;
    if (!read)
        return bad_binary(p, err);
    if (!copy)
        return err_set(err, ERR_LIMIT, "the parameters need too much memory");
    *out = value_text(copy, w.len);
    return ERR_OK;
}

static enum err_code recv_array(struct value *out, const struct pg_param *p,
                                struct arena *a, struct err *err)
{
    const enum err_code code = pg_array_recv(out, p, a, err);
    return code == ERR_INVALID && !err->reason ? bad_binary(p, err) : code;
}

static enum err_code recv_binary(struct value *out, const struct pg_param *p,
                                 struct arena *a, struct err *err)
{
    const struct pg_type *t = pg_type_of(p->oid);
    if (t && t->oid == PG_NUMERIC)
        return recv_numeric(out, p, a, err);
    if (p->oid == PG_INTERVAL || p->oid == PG_TIME || p->oid == PG_UUID)
        return recv_other(out, p, a, err);
    switch (t ? t->value : VALUE_NULL) {
    case VALUE_BOOL:
        if (p->len != 1)
            return bad_binary(p, err);
        out->type = VALUE_BOOL;
        out->b = p->data[0] != 0;
        return ERR_OK;
    case VALUE_INT:
    case VALUE_DOUBLE:
        return p->len == (size_t)t->len ? recv_number(out, p, err)
                                        : bad_binary(p, err);
    case VALUE_DATE:
    case VALUE_TIMESTAMP:
        return recv_time(out, p, err);
    case VALUE_TEXT:
        if (t->len == -1 || t->oid == PG_NAME || t->oid == PG_CHAR ||
            t->oid == PG_UNKNOWN)
            return recv_text(out, p, a, err);
        break;
    case VALUE_NULL:
    case VALUE_TYPE_COUNT:
        break;
    }
    if (pg_type_of_array(p->oid))
        return recv_array(out, p, a, err);
    return err_set(err, ERR_REFUSED,
                   "parameter $%u: no value of type %s is taken", p->n,
                   t ? t->name : "of this OID");
}

/* ---- text ---- */

bool pg_read_bool(bool *out, const char *text)
{
    static const char *const words[][2] = {
        { "false", "true" }, { "f", "t" },    { "no", "yes" },
        { "n", "y" },        { "off", "on" }, { "0", "1" },
    };
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
        for (int b = 0; b < 2; b++)
            if (strcasecmp(text, words[i][b]) == 0) {
                *out = b;
                return true;
            }
    return false;
}

/* "+02", "-03:30" or "Z" at the end of a time: where it begins, and how far
 * from UTC; strlen(text) when there is none. */
static size_t find_offset(const char *text, int64_t *us)
{
    const size_t len = strlen(text);
    const char *clock = strchr(text, ':');
    *us = 0;
    if (len > 0 && (text[len - 1] == 'Z' || text[len - 1] == 'z'))
        return len - 1;
    const char *sign = clock ? strpbrk(clock, "+-") : NULL;
    if (!sign)
        return len;
    char *end;
    const long h = strtol(sign + 1, &end, 10);
    const long m = *end == ':' ? strtol(end + 1, &end, 10) : 0;
    *us = (h * 3600 + m * 60) * INT64_C(1000000) * (*sign == '-' ? -1 : 1);
    size_t at = (size_t)(sign - text);
    while (at > 0 && text[at - 1] == ' ')
        at--;
    return at;
}

static enum err_code text_as(struct value *out, const char *text,
                             enum value_type type, bool shifts,
                             const struct pg_param *p, struct err *err)
{
    struct err why = { 0 };
    enum err_code code = ERR_OK;
    int64_t offset_us;
    const size_t len = strlen(text);
    if (type == VALUE_BOOL) {
        out->type = VALUE_BOOL;
        if (!pg_read_bool(&out->b, text))
            return bad(p, "invalid input syntax for type boolean", err);
    } else if (type == VALUE_TIMESTAMP) {
        const size_t end = find_offset(text, &offset_us);
        code = value_parse(out, type, text, end, &why);
        if (code == ERR_OK && shifts)
            out->i -= offset_us;
    } else if (type == VALUE_DATE && len > 10 &&
               (text[10] == ' ' || text[10] == 'T')) {
        code = value_parse(out, type, text, 10, &why); /* a time, cut */
    } else if (type == VALUE_DOUBLE) {
        code = parse_number(out, text, &why);
    } else if (type != VALUE_TEXT) {
        code = value_parse(out, type, text, len, &why);
    } else {
        *out = value_text(text, len);
    }
    return code == ERR_OK ? ERR_OK : bad(p, why.msg, err);
}

static bool is_untyped(uint32_t oid)
{
    return oid == 0 || oid == PG_UNKNOWN || oid == PG_TEXT ||
           oid == PG_VARCHAR || oid == PG_BPCHAR;
}

/* Types that are texts in the waist are checked as such. */
static enum err_code tidied(struct value *v, const struct pg_param *p,
                            struct arena *a, struct err *err)
{
    struct err why = { 0 };
    const enum err_code code = pg_value_tidy(v, p->oid, a, &why);
    if (code == ERR_OK)
        return ERR_OK;
    if (code == ERR_INVALID)
        return bad(p, "invalid input syntax for its type", err);
    *err = why;
    return code;
}

static enum err_code recv_as_text(struct value *out, const struct pg_param *p,
                                  struct arena *a, struct err *err)
{
    const struct pg_type *t = pg_type_of(p->oid);
    struct value text;
    TRY(recv_text(&text, p, a, err));
    const bool digits = p->oid == PG_NUMERIC && p->want == VALUE_TEXT;
    const enum value_type type = is_untyped(p->oid) ? p->want
                                 : t                ? t->value
                                                    : VALUE_TEXT;
    if (!digits && (type != VALUE_TEXT || is_untyped(p->oid)))
        return text_as(out, text.text.s, type, p->oid == PG_TIMESTAMPTZ, p,
                       err);
    *out = text;
    return tidied(out, p, a, err);
}

/* What the question takes, where that is the same value. */
static enum err_code fit(struct value *v, const struct pg_param *p,
                         struct err *err)
{
    if (v->type == p->want)
        return ERR_OK;
    if (v->type == VALUE_TEXT && p->want != VALUE_NULL)
        return text_as(v, v->text.s, p->want, false, p, err);
    if (v->type == VALUE_INT && p->want == VALUE_DOUBLE)
        *v = value_double((double)v->i);
    else if (v->type == VALUE_DOUBLE && p->want == VALUE_INT &&
             v->d == trunc(v->d) && fabs(v->d) < 0x1p53)
        *v = value_int((int64_t)v->d);
    else if (v->type == VALUE_DATE && p->want == VALUE_TIMESTAMP)
        *v = (struct value){ .type = VALUE_TIMESTAMP, .i = v->i * DAY_US };
    return ERR_OK;
}

enum err_code pg_param_read(struct value *out, const struct pg_param *p,
                            struct arena *a, struct err *err)
{
    struct value v = value_null();
    if (p->format > PG_FORMAT_BINARY)
        return bad(p, "unsupported format code", err);
    TRY(p->format == PG_FORMAT_BINARY ? recv_binary(&v, p, a, err)
                                      : recv_as_text(&v, p, a, err));
    TRY(fit(&v, p, err));
    *out = v;
    return ERR_OK;
}
