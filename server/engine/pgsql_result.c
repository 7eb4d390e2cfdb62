#include "server/engine/pgsql_result.h"

#include <string.h>

#include "server/base/reader.h"

/* Type numbers of pg_type.dat. */
enum {
    OID_BOOL = 16,
    OID_INT8 = 20,
    OID_TEXT = 25,
    OID_FLOAT8 = 701,
    OID_DATE = 1082,
    OID_TIMESTAMP = 1114,
    OID_NUMERIC = 1700
};

/* Days and microseconds count from 2000 there. */
enum { DAYS_1970_TO_2000 = 10957 };
#define US_1970_TO_2000 (INT64_C(86400000000) * DAYS_1970_TO_2000)

static Oid oid_of(enum value_type type)
{
    static const Oid oids[VALUE_TYPE_COUNT] = {
        [VALUE_NULL] = OID_TEXT,
        [VALUE_BOOL] = OID_BOOL,
        [VALUE_INT] = OID_INT8,
        [VALUE_DOUBLE] = OID_FLOAT8,
        [VALUE_TEXT] = OID_TEXT,
        [VALUE_DATE] = OID_DATE,
        [VALUE_TIMESTAMP] = OID_TIMESTAMP,
    };
    return oids[type];
}

bool pgsql_fits(const PGresult *r, const struct plan *plan)
{
    const size_t n = plan->n_keys + plan->n_measures;
    bool fits = (size_t)PQnfields(r) == n;
    for (size_t i = 0; fits && i < n; i++) {
        const Oid type = PQftype(r, (int)i);
        fits = PQfformat(r, (int)i) == 1 &&
               (i < plan->n_keys ? type == oid_of(plan->keys[i].type)
                                 : type == OID_NUMERIC || type == OID_INT8);
    }
    return fits;
}

/* ---- values ---- */

static int64_t int_of(const uint8_t *bytes, size_t len)
{
    uint64_t v = 0;
    for (size_t i = 0; i < len; i++)
        v = v << 8 | bytes[i];
    return (int64_t)v;
}

bool pgsql_numeric(dp_int *out, const uint8_t *bytes, size_t len)
{
    enum { NEGATIVE = 0x4000, BASE = 10000 };
    struct reader r = reader_of(bytes, len);
    const unsigned n = reader_be16(&r);
    const int weight = (int16_t)reader_be16(&r);
    const unsigned sign = reader_be16(&r);
    (void)reader_be16(&r); /* digits shown behind the point */
    dp_int v = 0;
    if (r.short_read || (sign != 0 && sign != NEGATIVE))
        return false;
    /* Digits up to the point; absent ones are 0. */
    for (int i = 0; i <= weight || (unsigned)i < n; i++) {
        const unsigned digit = (unsigned)i < n ? reader_be16(&r) : 0;
        if (r.short_read || digit >= BASE || (i > weight && digit != 0))
            return false;
        if (i <= weight && (__builtin_mul_overflow(v, BASE, &v) ||
                            __builtin_add_overflow(v, (dp_int)digit, &v)))
            return false;
    }
    *out = sign ? -v : v;
    return true;
}

/* At most ENGINE_TEXT_MAX bytes, cut between characters. */
static bool decode_text(struct value *out, const char *s, size_t len,
                        struct arena *a)
{
    if (len > ENGINE_TEXT_MAX) {
        len = ENGINE_TEXT_MAX;
        while (len && ((unsigned char)s[len] & 0xc0) == 0x80)
            len--;
    }
    const char *copy = arena_strndup(a, s, len);
    if (copy)
        *out = value_text(copy, len);
    return copy != NULL;
}

static bool decode_key(struct value *out, enum value_type type,
                       const uint8_t *bytes, size_t len, struct arena *a)
{
    static const size_t lens[VALUE_TYPE_COUNT] = {
        [VALUE_BOOL] = 1, [VALUE_INT] = 8,       [VALUE_DOUBLE] = 8,
        [VALUE_DATE] = 4, [VALUE_TIMESTAMP] = 8,
    };
    if (lens[type] && len != lens[type])
        return false;
    const int64_t v = int_of(bytes, lens[type]);
    double d;
    switch (type) {
    case VALUE_BOOL:
        *out = (struct value){ .type = VALUE_BOOL, .b = v != 0 };
        return true;
    case VALUE_INT:
        *out = value_int(v);
        return true;
    case VALUE_DOUBLE:
        memcpy(&d, &v, sizeof d);
        *out = value_double(d);
        return true;
    case VALUE_DATE: /* infinite ones are the ends of 32 bits */
        if ((int32_t)v == INT32_MAX || (int32_t)v == INT32_MIN)
            return true;
        *out = (struct value){ .type = VALUE_DATE,
                               .i = (int32_t)v + DAYS_1970_TO_2000 };
        return true;
    case VALUE_TIMESTAMP:
        if (v == INT64_MAX || v == INT64_MIN)
            return true;
        *out =
            (struct value){ .type = VALUE_TIMESTAMP, .i = v + US_1970_TO_2000 };
        return true;
    case VALUE_NULL:
    case VALUE_TEXT:
    case VALUE_TYPE_COUNT:
        break;
    }
    return decode_text(out, (const char *)bytes, len, a);
}

static bool decode_row(struct engine_result *out, size_t to, const PGresult *r,
                       int row, const struct plan *plan, struct arena *a)
{
    for (size_t c = 0; c < plan->n_keys + plan->n_measures; c++) {
        const int at = (int)c;
        const uint8_t *bytes = (const uint8_t *)PQgetvalue(r, row, at);
        const size_t len = (size_t)PQgetlength(r, row, at);
        if (PQgetisnull(r, row, at))
            continue; /* what the arena's zeros say */
        if (c < plan->n_keys) {
            if (!decode_key(&out->keys[to * plan->n_keys + c],
                            plan->keys[c].type, bytes, len, a))
                return false;
            continue;
        }
        dp_int *m =
            &out->measures[to * plan->n_measures + c - plan->n_keys].touched;
        if (PQftype(r, at) == OID_INT8)
            *m = int_of(bytes, len);
        else if (!pgsql_numeric(m, bytes, len))
            return false;
    }
    return true;
}

static bool make_room(struct engine_result *out, size_t rows,
                      const struct plan *plan, struct arena *a)
{
    out->keys = ARENA_NEW_N(a, rows * plan->n_keys + 1, struct value);
    out->measures =
        ARENA_NEW_N(a, rows * plan->n_measures + 1, struct dp_exact);
    return out->keys && out->measures;
}

bool pgsql_decode(struct engine_result *out, const PGresult *r,
                  const struct plan *plan, struct arena *a)
{
    struct engine_result all = { .n_rows = (size_t)PQntuples(r) };
    if (all.n_rows > ENGINE_GROUPS_MAX || !make_room(&all, all.n_rows, plan, a))
        return false;
    for (size_t i = 0; i < all.n_rows; i++)
        if (!decode_row(&all, i, r, (int)i, plan, a))
            return false;
    *out = all;
    return true;
}

/* ---- pages ---- */

static size_t text_of(const struct pgsql_page *p, size_t from,
                      const struct plan *plan)
{
    size_t bytes = 0;
    for (size_t i = from * plan->n_keys; i < p->rows.n_rows * plan->n_keys; i++)
        if (p->rows.keys[i].type == VALUE_TEXT)
            bytes += p->rows.keys[i].text.len;
    return bytes;
}

/* Twice the room, up to a page. */
static bool grow(struct pgsql_page *p, const struct plan *plan)
{
    const struct engine_pages *pages = p->rows.pages;
    const size_t had = p->rows.n_rows, twice = 2 * had + 1;
    struct engine_result more = p->rows;
    p->cap = twice < pages->rows ? twice : pages->rows;
    if (!make_room(&more, p->cap, plan, pages->arena))
        return false;
    if (had > 0) {
        memcpy(more.keys, p->rows.keys, had * plan->n_keys * sizeof *more.keys);
        memcpy(more.measures, p->rows.measures,
               had * plan->n_measures * sizeof *more.measures);
    }
    p->rows = more;
    return true;
}

enum err_code pgsql_page_add(bool *fits, struct pgsql_page *p,
                             const PGresult *r, const struct plan *plan,
                             struct err *err)
{
    const struct engine_pages *pages = p->rows.pages;
    *fits = true;
    for (int i = 0; i < PQntuples(r) && *fits; i++) {
        if (p->rows.n_rows == pages->rows || p->text > pages->text) {
            TRY(pages->take(pages->ctx, &p->rows, err));
            arena_reset(pages->arena);
            *p = (struct pgsql_page){ .rows = { .pages = pages } };
        }
        *fits = p->rows.n_rows < p->cap || grow(p, plan);
        const size_t had = p->rows.n_rows;
        *fits = *fits && decode_row(&p->rows, had, r, i, plan, pages->arena);
        p->rows.n_rows += *fits;
        p->text += *fits ? text_of(p, had, plan) : 0;
    }
    return ERR_OK;
}
