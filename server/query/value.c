#include "server/query/value.h"

#include <assert.h>
#include <math.h>
#include <string.h>

#include "server/base/utf8.h"

static const char *const NAMES[VALUE_TYPE_COUNT] = {
    [VALUE_NULL] = "null",
    [VALUE_BOOL] = "bool",
    [VALUE_INT] = "int",
    [VALUE_DOUBLE] = "double",
    [VALUE_TEXT] = "text",
    [VALUE_DATE] = "date",
    [VALUE_TIMESTAMP] = "timestamp",
};

const char *value_type_name(enum value_type type)
{
    assert(type < VALUE_TYPE_COUNT);
    return NAMES[type];
}

enum value_type value_type_of_name(const char *name)
{
    unsigned t = 0;
    while (t < VALUE_TYPE_COUNT && strcmp(NAMES[t], name) != 0)
        t++;
    return (enum value_type)t;
}

static int cmp_int(int64_t a, int64_t b)
{
    return (a > b) - (a < b);
}

static int cmp_double(double a, double b)
{
    if (isnan(a) || isnan(b))
        return (isnan(a) != 0) - (isnan(b) != 0);
    return (a > b) - (a < b);
}

static int cmp_text(const struct value *a, const struct value *b)
{
    const size_t least = a->text.len < b->text.len ? a->text.len : b->text.len;
    const int c = least > 0 ? memcmp(a->text.s, b->text.s, least) : 0;
    return c ? c : (a->text.len > b->text.len) - (a->text.len < b->text.len);
}

int value_cmp(const struct value *a, const struct value *b)
{
    if (a->type != b->type) {
        if (a->type == VALUE_NULL || b->type == VALUE_NULL)
            return a->type == VALUE_NULL ? 1 : -1;
        return a->type < b->type ? -1 : 1;
    }
    switch (a->type) {
    case VALUE_BOOL:
        return a->b - b->b;
    case VALUE_INT:
    case VALUE_DATE:
    case VALUE_TIMESTAMP:
        return cmp_int(a->i, b->i);
    case VALUE_DOUBLE:
        return cmp_double(a->d, b->d);
    case VALUE_TEXT:
        return cmp_text(a, b);
    case VALUE_NULL:
    case VALUE_TYPE_COUNT:
        break;
    }
    return 0;
}

/* One bit pattern per NaN, so that equal values hash alike. */
static uint64_t bits_of(double d)
{
    static const uint64_t quiet_nan = 0x7ff8000000000000;
    uint64_t bits;
    memcpy(&bits, &d, sizeof bits);
    return isnan(d) ? quiet_nan : bits;
}

void value_write(struct writer *w, const struct value *v)
{
    assert(v->type < VALUE_TYPE_COUNT);
    writer_u8(w, (uint8_t)v->type);
    switch (v->type) {
    case VALUE_BOOL:
        writer_u8(w, v->b);
        break;
    case VALUE_INT:
    case VALUE_DATE:
    case VALUE_TIMESTAMP:
        writer_be64(w, (uint64_t)v->i);
        break;
    case VALUE_DOUBLE:
        writer_be64(w, bits_of(v->d));
        break;
    case VALUE_TEXT:
        assert(v->text.len <= UINT32_MAX);
        writer_be32(w, (uint32_t)v->text.len);
        writer_bytes(w, v->text.s, v->text.len);
        break;
    case VALUE_NULL:
    case VALUE_TYPE_COUNT:
        break;
    }
}

static enum err_code read_text(struct value *out, struct reader *r,
                               struct arena *a, struct err *err)
{
    const uint32_t len = reader_be32(r);
    const uint8_t *bytes = reader_take(r, len);
    if (!bytes)
        return ERR_OK; /* told by the sticky error */
    if (!utf8_is_text(bytes, len))
        return err_set(err, ERR_INVALID, "A stored text is not UTF-8.");
    const char *copy = arena_strndup(a, (const char *)bytes, len);
    if (!copy)
        return err_set(err, ERR_LIMIT, "No memory left for a stored text.");
    out->text.s = copy;
    out->text.len = len;
    return ERR_OK;
}

enum err_code value_read(struct value *out, struct reader *r, struct arena *a,
                         struct err *err)
{
    struct value v = { .type = VALUE_NULL };
    const uint8_t type = reader_u8(r);
    if (type >= VALUE_TYPE_COUNT)
        return err_set(err, ERR_INVALID, "A stored value has type %u.", type);
    v.type = (enum value_type)type;

    uint64_t bits = 0;
    switch (v.type) {
    case VALUE_BOOL:
        bits = reader_u8(r);
        if (bits > 1)
            return err_set(err, ERR_INVALID, "A stored bool is not 0 or 1.");
        v.b = bits == 1;
        break;
    case VALUE_INT:
    case VALUE_DATE:
    case VALUE_TIMESTAMP:
        v.i = (int64_t)reader_be64(r);
        break;
    case VALUE_DOUBLE:
        bits = reader_be64(r);
        memcpy(&v.d, &bits, sizeof v.d);
        break;
    case VALUE_TEXT:
        TRY(read_text(&v, r, a, err));
        break;
    case VALUE_NULL:
    case VALUE_TYPE_COUNT:
        break;
    }
    if (r->short_read)
        return err_set(err, ERR_INVALID, "A stored value is cut short.");
    *out = v;
    return ERR_OK;
}
