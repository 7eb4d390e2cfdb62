#include "server/pg/pg_array.h"

#include <stdlib.h>
#include <string.h>

#include "server/base/reader.h"
#include "server/pg/pg_value.h"

enum { ELEMENT_MAX = 1024, UUID_LEN = 16 };

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
    if (type->value != VALUE_TEXT && type->oid != PG_NUMERIC &&
        value_parse(&v, type->value, e->text, e->len, &ignored) != ERR_OK)
        return false;
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

/* ---- intervals, and times of a day ---- */

/* "HH:MM:SS.ffffff", signed. */
static bool read_clock(const char *text, int64_t *us)
{
    char *end;
    const bool negative = *text == '-';
    const long h = strtol(text + (*text == '-' || *text == '+'), &end, 10);
    if (*end != ':')
        return false;
    const long m = strtol(end + 1, &end, 10);
    const double s = *end == ':' ? strtod(end + 1, &end) : 0;
    *us = (int64_t)((double)(h * 3600 + m * 60) * 1e6 + s * 1e6 + 0.5);
    if (negative)
        *us = -*us;
    return *end == '\0';
}

static bool read_interval(struct scan s, int32_t *months, int32_t *days,
                          int64_t *us)
{
    char copy[ELEMENT_MAX], *save = NULL;
    const size_t len = (size_t)(s.end - s.at);
    if (len == 0 || len >= sizeof copy)
        return false;
    memcpy(copy, s.at, len);
    copy[len] = '\0';
    for (char *word = strtok_r(copy, " ", &save); word;
         word = strtok_r(NULL, " ", &save)) {
        if (strchr(word, ':')) {
            if (!read_clock(word, us))
                return false;
            continue;
        }
        char *end;
        const long n = strtol(word, &end, 10);
        const char *unit = strtok_r(NULL, " ", &save);
        if (*end != '\0' || end == word || !unit)
            return false;
        if (strncmp(unit, "year", 4) == 0)
            *months += (int32_t)(12 * n);
        else if (strncmp(unit, "mon", 3) == 0)
            *months += (int32_t)n;
        else if (strncmp(unit, "day", 3) == 0)
            *days += (int32_t)n;
        else
            return false;
    }
    return true;
}

static bool send_interval(struct pg_out *o, struct scan s)
{
    int32_t months = 0, days = 0;
    int64_t us = 0;
    if (!read_interval(s, &months, &days, &us))
        return false;
    pg_out_u64(o, (uint64_t)us);
    pg_out_u32(o, (uint32_t)days);
    pg_out_u32(o, (uint32_t)months);
    return true;
}

static bool send_time(struct pg_out *o, struct scan s)
{
    char copy[32];
    int64_t us;
    const size_t len = (size_t)(s.end - s.at);
    if (len >= sizeof copy)
        return false;
    memcpy(copy, s.at, len);
    copy[len] = '\0';
    if (!read_clock(copy, &us))
        return false;
    pg_out_u64(o, (uint64_t)us);
    return true;
}

/* ---- uuid ---- */

static bool send_uuid(struct pg_out *o, struct scan s)
{
    uint8_t bytes[UUID_LEN];
    size_t n = 0;
    while (s.at < s.end && n < 2 * (size_t)UUID_LEN) {
        static const char digits[] = "0123456789abcdef";
        const char c = *s.at++;
        const char *at = c ? strchr(digits, c | 0x20) : NULL;
        if (c == '-')
            continue;
        if (!at)
            return false;
        const uint8_t half = (uint8_t)(at - digits);
        bytes[n / 2] = (uint8_t)(n % 2 ? bytes[n / 2] | half : half << 4);
        n++;
    }
    if (n != 2 * (size_t)UUID_LEN || s.at != s.end)
        return false;
    pg_out_bytes(o, bytes, sizeof bytes);
    return true;
}

bool pg_array_send(struct pg_out *o, uint32_t oid, const char *text, size_t len)
{
    const struct scan s = { text, text + len };
    const struct pg_type *element = pg_type_of_array(oid);
    const size_t before = o->len;
    bool sent = false;
    if (element)
        sent = send_array(o, element, s);
    else if (oid == PG_INT2VECTOR || oid == PG_OIDVECTOR)
        sent = send_vector(o, oid == PG_OIDVECTOR ? PG_OID : PG_INT2, s);
    else if (oid == PG_INTERVAL)
        sent = send_interval(o, s);
    else if (oid == PG_TIME)
        sent = send_time(o, s);
    else if (oid == PG_UUID)
        sent = send_uuid(o, s);
    if (!sent)
        pg_out_cut(o, before);
    return sent;
}
