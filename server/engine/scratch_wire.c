#include "server/engine/scratch_wire.h"

#include <string.h>

static const uint32_t NONE = UINT32_MAX; /* the length of NULL */

/* ---- texts: a length, bytes, a NUL that is not counted ---- */

static void put_text(struct writer *w, const char *s)
{
    const size_t len = s ? strlen(s) : 0;
    writer_be32(w, s ? (uint32_t)len : NONE);
    if (s)
        writer_bytes(w, s, len + 1);
}

/* NULL for NULL, and where there is no text. */
static const char *take_text(struct reader *r)
{
    const uint32_t len = reader_be32(r);
    if (r->short_read || len == NONE)
        return NULL;
    const char *s = (const char *)reader_take(r, (size_t)len + 1);
    if (s && memchr(s, 0, (size_t)len + 1) == s + len)
        return s;
    r->short_read = true;
    return NULL;
}

/* A list of `n`, each of at least `each` bytes: no more than there can be. */
static bool fits(const struct reader *r, size_t n, size_t each)
{
    return n <= reader_left(r) / each;
}

static void head(struct writer *w, size_t from)
{
    const size_t len = w->len - from;
    for (size_t i = 0; !w->overflow && i < SCRATCH_HEAD; i++)
        w->data[from - SCRATCH_HEAD + i] =
            (uint8_t)(len >> 8 * (SCRATCH_HEAD - 1 - i));
}

/* ---- to the process ---- */

static void put_ask(struct writer *w, const struct scratch_call *c)
{
    writer_be32(w, c->room);
    writer_be32(w, c->wait_ms);
    put_text(w, c->ask.sql);
    writer_be16(w, (uint16_t)c->ask.n_params);
    for (size_t i = 0; i < c->ask.n_params; i++)
        put_text(w, c->ask.params[i]);
    writer_be16(w, (uint16_t)c->ask.n_vectors);
    for (size_t i = 0; i < c->ask.n_vectors; i++)
        writer_u8(w, c->ask.is_vector[i]);
}

void scratch_call_write(struct writer *w, const struct scratch_call *c)
{
    writer_be32(w, 0);
    const size_t from = w->len;
    writer_u8(w, (uint8_t)c->kind);
    writer_be64(w, c->id);
    if (c->kind == SCRATCH_BUILD)
        put_text(w, c->script);
    else
        put_ask(w, c);
    head(w, from);
}

static bool take_ask(struct scratch_call *out, struct reader *r,
                     struct arena *a)
{
    out->room = reader_be32(r);
    out->wait_ms = reader_be32(r);
    out->ask.sql = take_text(r);
    const size_t n = out->ask.n_params = reader_be16(r);
    if (!out->ask.sql || !fits(r, n, 4))
        return false;
    const char **params = ARENA_NEW_N(a, n + 1, const char *);
    for (size_t i = 0; params && i < n; i++)
        params[i] = take_text(r);
    const size_t m = out->ask.n_vectors = reader_be16(r);
    bool *vectors = fits(r, m, 1) ? ARENA_NEW_N(a, m + 1, bool) : NULL;
    if (!params || !vectors)
        return false;
    for (size_t i = 0; i < m; i++)
        vectors[i] = reader_u8(r) != 0;
    out->ask.params = params;
    out->ask.is_vector = vectors;
    return true;
}

bool scratch_call_read(struct scratch_call *out, const void *body, size_t len,
                       struct arena *a)
{
    struct reader r = reader_of(body, len);
    *out = (struct scratch_call){ 0 };
    const uint8_t kind = reader_u8(&r);
    if (kind > SCRATCH_DESCRIBE)
        return false;
    out->kind = (enum scratch_kind)kind;
    out->id = reader_be64(&r);
    if (out->kind == SCRATCH_BUILD) {
        out->script = take_text(&r);
        return out->script && reader_left(&r) == 0;
    }
    return take_ask(out, &r, a) && !r.short_read && reader_left(&r) == 0;
}

/* ---- from the process ---- */

void scratch_reply_write(struct writer *w, const struct scratch_reply *r)
{
    const struct scratch_rows *rows = &r->rows;
    writer_be32(w, 0);
    const size_t from = w->len;
    writer_u8(w, (uint8_t)r->status);
    writer_u8(w, r->ends);
    if (r->status == SCRATCH_FAILED)
        put_text(w, r->message);
    if (r->status == SCRATCH_ROWS) {
        writer_be16(w, (uint16_t)rows->n_columns);
        for (size_t i = 0; i < rows->n_columns; i++)
            writer_be32(w, rows->types[i]);
        writer_be32(w, (uint32_t)rows->n_rows);
        for (size_t i = 0; i < rows->n_rows * rows->n_columns; i++)
            put_text(w, rows->cells[i]);
    }
    head(w, from);
}

static bool take_rows(struct scratch_rows *out, struct reader *r,
                      struct arena *a)
{
    const size_t n = out->n_columns = reader_be16(r);
    uint32_t *types = fits(r, n, 4) ? ARENA_NEW_N(a, n + 1, uint32_t) : NULL;
    for (size_t i = 0; types && i < n; i++)
        types[i] = reader_be32(r);
    out->types = types;
    out->n_rows = reader_be32(r);
    /* Rows without columns take no bytes; there are none. */
    if (!types || r->short_read || (n == 0 && out->n_rows > 0) ||
        !fits(r, n * out->n_rows, 4))
        return false;
    out->cells = ARENA_NEW_N(a, n * out->n_rows + 1, const char *);
    for (size_t i = 0; out->cells && i < n * out->n_rows; i++)
        out->cells[i] = take_text(r);
    return out->cells != NULL;
}

bool scratch_reply_read(struct scratch_reply *out, const void *body, size_t len,
                        struct arena *a)
{
    struct reader r = reader_of(body, len);
    *out = (struct scratch_reply){ 0 };
    const uint8_t status = reader_u8(&r);
    if (status > SCRATCH_LARGE)
        return false;
    out->status = (enum scratch_status)status;
    out->ends = reader_u8(&r) != 0;
    if (out->status == SCRATCH_FAILED && !(out->message = take_text(&r)))
        return false;
    if (out->status == SCRATCH_ROWS && !take_rows(&out->rows, &r, a))
        return false;
    return !r.short_read && reader_left(&r) == 0;
}
