#include "server/pg/pg_array.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "server/base/reader.h"
#include "server/pg/pg_value.h"

enum { ELEMENT_MAX = 1024, ARRAY_TEXT_MAX = 64 * 1024 };

/* A text in hand, NUL-terminated or not. */
struct scan {
    const char *at, *end;
};

static bool take(struct scan *s, char c)
{
    if (s->at == s->end || *s->at != c)
        return false;
    s->at++;
    return true;
}

/* ---- arrays ---- */

struct element {
    char text[ELEMENT_MAX];
    size_t len;
    bool quoted;
};

/* Up to a comma or the closing brace; false: it is too long or never ends. */
static bool read_element(struct scan *s, struct element *e)
{
    e->len = 0;
    e->quoted = take(s, '"');
    while (s->at < s->end) {
        const char c = *s->at;
        if (e->quoted ? c == '"' : c == ',' || c == '}')
            break;
        s->at++;
        if (c == '\\' && s->at == s->end)
            return false;
        if (e->len + 1 == ELEMENT_MAX)
            return false;
        e->text[e->len++] = c == '\\' ? *s->at++ : c;
    }
    e->text[e->len] = '\0';
    return !e->quoted || take(s, '"');
}

static bool send_element(struct pg_out *o, const struct pg_type *type,
                         const struct element *e, bool *is_null)
{
    struct value v = value_text(e->text, e->len);
    struct err ignored;
    *is_null = !e->quoted && strcmp(e->text, "NULL") == 0;
    if (*is_null) {
        pg_out_u32(o, UINT32_MAX);
        return true;
    }
    if (type->value == VALUE_BOOL) {
        if (!pg_read_bool(&v.b, e->text))
            return false;
        v.type = VALUE_BOOL;
    } else if (type->value != VALUE_TEXT && type->oid != PG_NUMERIC &&
               value_parse(&v, type->value, e->text, e->len, &ignored) !=
                   ERR_OK) {
        return false;
    }
    pg_value_cell(o, type->oid, PG_FORMAT_BINARY, &v);
    return true;
}

/* Head of one dimension, whose counts are filled in later. */
static size_t begin_array(struct pg_out *o, uint32_t element)
{
    const size_t at = o->len;
    pg_out_u32(o, 0); /* dimensions */
    pg_out_u32(o, 0); /* has NULLs */
    pg_out_u32(o, element);
    return at;
}

static void put_word(struct pg_out *o, size_t at, uint32_t v)
{
    for (size_t i = 0; i < 4 && !o->full; i++)
        o->data[at + i] = (uint8_t)(v >> 8 * (3 - i));
}

static bool send_array(struct pg_out *o, const struct pg_type *type,
                       struct scan s)
{
    const size_t start = begin_array(o, type->oid);
    struct element e;
    uint32_t n = 0;
    bool nulls = false, is_null;
    if (!take(&s, '{'))
        return false;
    if (take(&s, '}'))
        return true; /* no dimension at all */
    const size_t dim = o->len;
    pg_out_u32(o, 0); /* elements */
    pg_out_u32(o, 1); /* the first one's index */
    do {
        if (!read_element(&s, &e) || !send_element(o, type, &e, &is_null))
            return false;
        nulls |= is_null;
        n++;
    } while (take(&s, ','));
    put_word(o, start, 1);
    put_word(o, start + 4, nulls);
    put_word(o, dim, n);
    return take(&s, '}') && s.at == s.end;
}

/* int2vector and oidvector: arrays that begin at 0 and are written "1 2 3". */
static bool send_vector(struct pg_out *o, uint32_t element, struct scan s)
{
    const size_t start = begin_array(o, element);
    uint32_t n = 0;
    const size_t dim = o->len;
    pg_out_u32(o, 0);
    pg_out_u32(o, 0);
    while (s.at < s.end) {
        char *end;
        const struct value v = value_int(strtoll(s.at, &end, 10));
        if (end == s.at || end > s.end)
            return false;
        pg_value_cell(o, element, PG_FORMAT_BINARY, &v);
        n++;
        for (s.at = end; take(&s, ' ');)
            ;
    }
    put_word(o, start, 1);
    put_word(o, dim, n);
    return true;
}

bool pg_array_send(struct pg_out *o, uint32_t oid, const char *text, size_t len)
{
    const struct scan s = { text, text + len };
    const struct pg_type *element = pg_type_of_array(oid);
    const size_t before = o->len;
    bool done = false;
    if (oid == PG_INT2VECTOR)
        done = send_vector(o, PG_INT2, s);
    else if (oid == PG_OIDVECTOR)
        done = send_vector(o, PG_OID, s);
    else if (element)
        done = send_array(o, element, s);
    if (!done)
        pg_out_cut(o, before);
    return done;
}

/* ---- from the client ---- */

/* Quoted where it would be read as something else. */
static void put_element(struct writer *w, const char *s, size_t len)
{
    bool plain = len > 0 && !(len == 4 && strncasecmp(s, "NULL", 4) == 0);
    for (size_t i = 0; plain && i < len; i++)
        plain = !strchr("{},\"\\ \t\n\r\v\f", s[i]);
    if (plain) {
        writer_bytes(w, s, len);
        return;
    }
    writer_u8(w, '"');
    for (size_t i = 0; i < len; i++) {
        if (s[i] == '"' || s[i] == '\\')
            writer_u8(w, '\\');
        writer_u8(w, (uint8_t)s[i]);
    }
    writer_u8(w, '"');
}

static enum err_code take_element(struct writer *w, const struct pg_param *p,
                                  struct arena *a, struct err *err)
{
    struct value v = value_null();
    struct pg_out o;
    TRY(pg_param_read(&v, p, a, err));
    pg_out_init(&o, ARRAY_TEXT_MAX);
    pg_value_text(&o, p->oid, &v);
    put_element(w, (const char *)o.data, o.len);
    pg_out_fini(&o);
    return ERR_OK;
}

static enum err_code take_elements(struct writer *w, struct reader *r,
                                   uint32_t n, const struct pg_param *p,
                                   uint32_t oid, struct arena *a,
                                   struct err *err)
{
    const struct pg_type *t = pg_type_of(oid);
    for (uint32_t i = 0; i < n; i++) {
        const int32_t len = (int32_t)reader_be32(r);
        const uint8_t *data = len >= 0 ? reader_take(r, (size_t)len) : NULL;
        const struct pg_param one = {
            .data = data,
            .len = len > 0 ? (size_t)len : 0,
            .format = PG_FORMAT_BINARY,
            .oid = oid,
            .want = t->oid == PG_NUMERIC ? VALUE_TEXT : t->value,
            .n = p->n,
        };
        writer_str(w, i ? "," : "");
        if (r->short_read)
            return ERR_INVALID;
        if (len < 0)
            writer_str(w, "NULL");
        else
            TRY(take_element(w, &one, a, err));
    }
    return ERR_OK;
}

enum err_code pg_array_recv(struct value *out, const struct pg_param *p,
                            struct arena *a, struct err *err)
{
    const struct pg_type *element = pg_type_of_array(p->oid);
    struct reader r = reader_of(p->data, p->len);
    char *text = arena_alloc(a, ARRAY_TEXT_MAX, 1);
    const uint32_t dimensions = reader_be32(&r);
    (void)reader_be32(&r); /* whether there are NULLs */
    const uint32_t oid = reader_be32(&r);
    const uint32_t n = dimensions ? reader_be32(&r) : 0;
    (void)err_set(err, ERR_INVALID, "incorrect binary data format");
    if (!text)
        return err_set(err, ERR_LIMIT, "the parameters need too much memory");
    if (dimensions)
        (void)reader_be32(&r); /* the first subscript */
    if (!element || dimensions > 1 || oid != element->oid)
        return ERR_INVALID;
    struct writer w = writer_of(text, ARRAY_TEXT_MAX);
    writer_str(&w, "{");
    TRY(take_elements(&w, &r, n, p, oid, a, err));
    writer_str(&w, "}");
    if (r.short_read || reader_left(&r) > 0)
        return ERR_INVALID;
    if (!writer_cstr(&w))
        return err_set(err, ERR_LIMIT, "parameter $%u is too long", p->n);
    *out = value_text(text, w.len);
    return ERR_OK;
}
