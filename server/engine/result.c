#include "server/engine/result.h"

#include <stdlib.h>
#include <string.h>

/* What a NUL inside a text key becomes: U+2400, "symbol for null". */
static const char nul_symbol[] = "\xe2\x90\x80";

static bool is_key_type(duckdb_type t, enum value_type want)
{
    switch (want) {
    case VALUE_BOOL:
        return t == DUCKDB_TYPE_BOOLEAN;
    case VALUE_INT:
        return t == DUCKDB_TYPE_BIGINT || t == DUCKDB_TYPE_INTEGER;
    case VALUE_DOUBLE:
        return t == DUCKDB_TYPE_DOUBLE;
    case VALUE_TEXT:
        return t == DUCKDB_TYPE_VARCHAR;
    case VALUE_DATE:
        return t == DUCKDB_TYPE_DATE;
    case VALUE_TIMESTAMP:
        return t == DUCKDB_TYPE_TIMESTAMP;
    case VALUE_NULL:
    case VALUE_TYPE_COUNT:
        return false;
    }
    return false;
}

bool result_fits(duckdb_prepared_statement st, const struct plan *plan)
{
    const size_t n = plan->n_keys + plan->n_measures;
    if (duckdb_prepared_statement_column_count(st) != n)
        return false;
    for (size_t i = 0; i < n; i++) {
        const duckdb_type t = duckdb_prepared_statement_column_type(st, i);
        if (i < plan->n_keys
                ? !is_key_type(t, plan->keys[i].type)
                : t != DUCKDB_TYPE_HUGEINT && t != DUCKDB_TYPE_BIGINT)
            return false;
    }
    return true;
}

bool result_keep(struct result_chunks *r, duckdb_data_chunk chunk)
{
    const size_t rows = duckdb_data_chunk_get_size(chunk);
    bool ok = rows <= ENGINE_GROUPS_MAX - r->rows;
    if (ok && r->n == r->cap) {
        const size_t cap = r->cap ? 2 * r->cap : 16;
        void *more = reallocarray(r->chunks, cap, sizeof chunk);
        ok = more != NULL;
        if (ok) {
            r->chunks = more;
            r->cap = cap;
        }
    }
    if (!ok) {
        duckdb_destroy_data_chunk(&chunk);
        return false;
    }
    r->chunks[r->n++] = chunk;
    r->rows += rows;
    return true;
}

void result_fini(struct result_chunks *r)
{
    for (size_t i = 0; i < r->n; i++)
        duckdb_destroy_data_chunk(&r->chunks[i]);
    free(r->chunks);
    *r = (struct result_chunks){ 0 };
}

/* At most ENGINE_TEXT_MAX bytes, cut between characters. */
static size_t cut(const char *s, size_t len)
{
    if (len <= ENGINE_TEXT_MAX)
        return len;
    len = ENGINE_TEXT_MAX;
    while (len && ((unsigned char)s[len] & 0xc0) == 0x80)
        len--;
    return len;
}

static bool decode_text(struct value *out, duckdb_string_t *from,
                        struct arena *a)
{
    const char *s = duckdb_string_t_data(from);
    const size_t len = cut(s, duckdb_string_t_length(*from));
    size_t nuls = 0;
    for (size_t i = 0; i < len; i++)
        nuls += s[i] == 0;

    const size_t out_len = len + nuls * (sizeof nul_symbol - 2);
    char *text = arena_alloc(a, out_len + 1, 1);
    if (!text)
        return false;
    char *to = text;
    for (size_t i = 0; i < len; i++) {
        if (s[i]) {
            *to++ = s[i];
        } else {
            memcpy(to, nul_symbol, sizeof nul_symbol - 1);
            to += sizeof nul_symbol - 1;
        }
    }
    *out = value_text(text, out_len);
    return true;
}

static struct value decode_date(duckdb_date d)
{
    return duckdb_is_finite_date(d)
               ? (struct value){ .type = VALUE_DATE, .i = d.days }
               : value_null();
}

static struct value decode_time(duckdb_timestamp t)
{
    return duckdb_is_finite_timestamp(t)
               ? (struct value){ .type = VALUE_TIMESTAMP, .i = t.micros }
               : value_null();
}

static bool decode_key(struct value *out, duckdb_type type, void *data,
                       size_t row, struct arena *a)
{
    if (type == DUCKDB_TYPE_VARCHAR)
        return decode_text(out, (duckdb_string_t *)data + row, a);
    if (type == DUCKDB_TYPE_BOOLEAN)
        *out = (struct value){ .type = VALUE_BOOL, .b = ((bool *)data)[row] };
    else if (type == DUCKDB_TYPE_INTEGER)
        *out = value_int(((int32_t *)data)[row]);
    else if (type == DUCKDB_TYPE_BIGINT)
        *out = value_int(((int64_t *)data)[row]);
    else if (type == DUCKDB_TYPE_DOUBLE)
        *out = value_double(((double *)data)[row]);
    else if (type == DUCKDB_TYPE_DATE)
        *out = decode_date(((duckdb_date *)data)[row]);
    else
        *out = decode_time(((duckdb_timestamp *)data)[row]);
    return true;
}

static dp_int decode_measure(duckdb_type type, const void *data, size_t row)
{
    if (type == DUCKDB_TYPE_BIGINT)
        return ((const int64_t *)data)[row];
    const duckdb_hugeint h = ((const duckdb_hugeint *)data)[row];
    return (dp_int)((dp_uint)(uint64_t)h.upper << 64 | h.lower);
}

/* Rows from, from + 1, .. of a chunk, and where they go. */
struct slice {
    duckdb_data_chunk chunk;
    size_t from, n, first;
};

/* One column of them into rows [first, first + n). */
static bool decode_column(struct engine_result *out, const struct slice *s,
                          size_t column, const struct plan *plan,
                          struct arena *a)
{
    duckdb_data_chunk chunk = s->chunk;
    duckdb_vector vector = duckdb_data_chunk_get_vector(chunk, column);
    duckdb_logical_type logical = duckdb_vector_get_column_type(vector);
    const duckdb_type type = duckdb_get_type_id(logical);
    duckdb_destroy_logical_type(&logical);
    void *data = duckdb_vector_get_data(vector);
    const uint64_t *valid = duckdb_vector_get_validity(vector);

    for (size_t i = s->from; i < s->from + s->n; i++) {
        const bool null = valid && !(valid[i / 64] >> (i % 64) & 1);
        const size_t row = s->first + i - s->from;
        if (column < plan->n_keys) {
            struct value *key = &out->keys[row * plan->n_keys + column];
            if (!null && !decode_key(key, type, data, i, a))
                return false; /* NULL is what the arena's zeros say */
        } else if (!null) {
            const size_t m = column - plan->n_keys;
            out->measures[row * plan->n_measures + m].touched =
                decode_measure(type, data, i);
        }
    }
    return true;
}

static bool decode(struct engine_result *out, const struct slice *s,
                   const struct plan *plan, struct arena *a)
{
    for (size_t c = 0; c < plan->n_keys + plan->n_measures; c++)
        if (!decode_column(out, s, c, plan, a))
            return false;
    return true;
}

bool result_decode(struct engine_result *out, const struct result_chunks *r,
                   const struct plan *plan, struct arena *a)
{
    struct engine_result all = { .n_rows = r->rows };
    all.keys = ARENA_NEW_N(a, r->rows * plan->n_keys, struct value);
    all.measures = ARENA_NEW_N(a, r->rows * plan->n_measures, struct dp_exact);
    if (!all.keys || !all.measures)
        return false;

    size_t first = 0;
    for (size_t i = 0; i < r->n; i++) {
        const size_t n = duckdb_data_chunk_get_size(r->chunks[i]);
        const struct slice s = { r->chunks[i], 0, n, first };
        if (!decode(&all, &s, plan, a))
            return false;
        first += n;
    }
    *out = all;
    return true;
}

/* ---- pages ---- */

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* Room for so many rows more, up to a page. */
static bool page_grow(struct result_page *p, size_t n, const struct plan *plan)
{
    const struct engine_pages *pages = p->rows.pages;
    const size_t had = p->rows.n_rows, want = had + n;
    if (want <= p->cap)
        return true;
    const size_t cap =
        least(pages->rows, want > 2 * p->cap ? want : 2 * p->cap);
    struct value *keys =
        ARENA_NEW_N(pages->arena, cap * plan->n_keys + 1, struct value);
    struct dp_exact *measures =
        ARENA_NEW_N(pages->arena, cap * plan->n_measures + 1, struct dp_exact);
    if (!keys || !measures)
        return false;
    if (had > 0) {
        memcpy(keys, p->rows.keys, had * plan->n_keys * sizeof *keys);
        memcpy(measures, p->rows.measures,
               had * plan->n_measures * sizeof *measures);
    }
    p->rows.keys = keys;
    p->rows.measures = measures;
    p->cap = cap;
    return true;
}

static size_t text_of(const struct result_page *p, size_t from,
                      const struct plan *plan)
{
    size_t bytes = 0;
    for (size_t i = from * plan->n_keys; i < p->rows.n_rows * plan->n_keys; i++)
        if (p->rows.keys[i].type == VALUE_TEXT)
            bytes += p->rows.keys[i].text.len;
    return bytes;
}

static enum err_code page_turn(struct result_page *p, struct err *err)
{
    const struct engine_pages *pages = p->rows.pages;
    TRY(pages->take(pages->ctx, &p->rows, err));
    arena_reset(pages->arena);
    *p = (struct result_page){ .rows = { .pages = pages } };
    return ERR_OK;
}

enum err_code result_page_add(bool *fits, struct result_page *p,
                              duckdb_data_chunk chunk, const struct plan *plan,
                              struct err *err)
{
    const struct engine_pages *pages = p->rows.pages;
    const size_t rows = duckdb_data_chunk_get_size(chunk);
    *fits = true;
    for (size_t at = 0; at < rows && *fits;) {
        if (p->rows.n_rows == pages->rows || p->text > pages->text)
            TRY(page_turn(p, err));
        const size_t had = p->rows.n_rows;
        const size_t n =
            least(least(ENGINE_SLICE, rows - at), pages->rows - had);
        const struct slice s = { chunk, at, n, had };
        *fits =
            page_grow(p, n, plan) && decode(&p->rows, &s, plan, pages->arena);
        p->rows.n_rows += n;
        p->text += *fits ? text_of(p, had, plan) : 0;
        at += n;
    }
    return ERR_OK;
}
