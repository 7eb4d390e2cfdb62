#include "server/pg/pg_wire.h"

#include <string.h>

enum {
    SSL_REQUEST = 80877103,
    GSS_REQUEST = 80877104,
    CANCEL_REQUEST = 80877102,
    TLS_HANDSHAKE = 0x16, /* RFC 8446, section 5.1: ContentType */
    LEN_FIELD = 4,
};

/* ---- before TLS ---- */

enum pg_hello pg_hello_of(const uint8_t *data, size_t len, bool has_tls)
{
    if (len < PG_HELLO_LEN)
        return has_tls && data[0] == TLS_HANDSHAKE ? PG_HELLO_RAW
                                                   : PG_HELLO_MORE;
    struct reader r = reader_of(data, len);
    const uint32_t wire = reader_be32(&r), code = reader_be32(&r);
    if (wire != PG_HELLO_LEN || (code != SSL_REQUEST && code != GSS_REQUEST))
        return PG_HELLO_START;
    return code == SSL_REQUEST && has_tls ? PG_HELLO_TLS : PG_HELLO_NO;
}

/* ---- the first packet ---- */

static enum err_code malformed(struct err *err, const char *what)
{
    (void)err_set(err, ERR_INVALID, "malformed %s", what);
    err->reason = "08P01"; /* protocol violation */
    return ERR_INVALID;
}

/* name NUL value NUL ... NUL */
static bool is_list(const uint8_t *data, size_t len)
{
    size_t texts = 0, at = 0;
    while (at < len && data[at] != '\0') {
        const uint8_t *end = memchr(data + at, '\0', len - at);
        if (!end)
            return false;
        at = (size_t)(end - data) + 1;
        texts++;
    }
    return at + 1 == len && texts % 2 == 0;
}

enum err_code pg_startup_parse(struct pg_startup *out, const uint8_t *data,
                               size_t len, struct err *err)
{
    struct reader r = reader_of(data, len);
    const uint32_t wire = reader_be32(&r);
    if (r.short_read)
        return ERR_AGAIN;
    if (wire < 2 * LEN_FIELD || wire > PG_STARTUP_MAX)
        return err_set(err, ERR_INVALID, "invalid length of startup packet");
    const uint8_t *body = reader_take(&r, wire - LEN_FIELD);
    if (!body)
        return ERR_AGAIN;

    struct reader b = reader_of(body, wire - LEN_FIELD);
    const uint32_t code = reader_be32(&b);
    *out = (struct pg_startup){ .end = data + wire };
    if (code == CANCEL_REQUEST) {
        out->kind = PG_CANCEL;
        out->pid = reader_be32(&b);
        out->secret = reader_be32(&b);
        return b.short_read ? malformed(err, "cancel request") : ERR_OK;
    }
    if (code >> 16 != 3) {
        (void)err_set(err, ERR_INVALID,
                      "unsupported frontend protocol %u.%u: server supports "
                      "3.0 to 3.0",
                      code >> 16, code & 0xffff);
        return err_hint(err, "this is the PostgreSQL port");
    }
    out->minor = (uint16_t)code;
    out->params = b.pos;
    out->params_len = reader_left(&b);
    return is_list(out->params, out->params_len)
               ? ERR_OK
               : malformed(err, "startup packet");
}

bool pg_startup_next(const struct pg_startup *s, size_t *at, const char **name,
                     const char **value)
{
    const char *text = (const char *)s->params + *at;
    if (*at >= s->params_len || text[0] == '\0')
        return false;
    *name = text;
    *value = text + strlen(text) + 1;
    *at += strlen(*name) + strlen(*value) + 2;
    return true;
}

const char *pg_startup_find(const struct pg_startup *s, const char *name)
{
    const char *n, *value, *found = NULL;
    for (size_t at = 0; pg_startup_next(s, &at, &n, &value);)
        if (strcmp(n, name) == 0)
            found = value;
    return found;
}

/* A word as PostgreSQL cuts them: at spaces that no backslash precedes. */
static size_t next_word(const char *options, size_t *at, char *out, size_t cap)
{
    size_t n = 0;
    while (options[*at] == ' ' || options[*at] == '\t' || options[*at] == '\n')
        ++*at;
    for (; options[*at] && !strchr(" \t\n", options[*at]); ++*at) {
        if (options[*at] == '\\' && options[*at + 1])
            ++*at;
        if (n + 1 < cap)
            out[n++] = options[*at];
    }
    out[n] = '\0';
    return n;
}

enum err_code pg_options_next(const char *options, size_t *at, char *out,
                              size_t cap, const char **name, const char **value,
                              struct err *err)
{
    size_t n = next_word(options, at, out, cap);
    char *pair = out + 2;
    if (n == 0)
        return ERR_AGAIN;
    if (strcmp(out, "-c") == 0) {
        n = next_word(options, at, out, cap);
        pair = out;
    } else if (strncmp(out, "-c", 2) != 0 && strncmp(out, "--", 2) != 0) {
        return err_set(
            err, ERR_INVALID,
            "invalid command-line argument for server process: %.60s", out);
    }
    char *equals = strchr(pair, '=');
    if (!equals)
        return err_set(err, ERR_INVALID, "-c %.60s requires a value", pair);
    *equals = '\0';
    for (char *p = pair; *p; p++)
        if (*p == '-')
            *p = '_';
    *name = pair;
    *value = equals + 1;
    return ERR_OK;
}

/* ---- all others ---- */

enum err_code pg_frame_parse(struct pg_frame *out, const uint8_t *data,
                             size_t len, size_t most, struct err *err)
{
    struct reader r = reader_of(data, len);
    const char type = (char)reader_u8(&r);
    const uint32_t wire = reader_be32(&r);
    if (r.short_read)
        return ERR_AGAIN;
    if (wire < LEN_FIELD)
        return malformed(err, "message length");
    if (wire - LEN_FIELD > most) {
        (void)err_set(err, ERR_LIMIT, "a message of %u bytes is too long",
                      wire - LEN_FIELD);
        return err_hint(err, "it may have %zu", most);
    }
    const uint8_t *body = reader_take(&r, wire - LEN_FIELD);
    if (!body)
        return ERR_AGAIN;
    *out = (struct pg_frame){ .type = type,
                              .body = body,
                              .body_len = wire - LEN_FIELD,
                              .wire_len = 1 + (size_t)wire };
    return ERR_OK;
}

const char *pg_read_text(struct reader *r)
{
    const uint8_t *end =
        r->short_read ? NULL : memchr(r->pos, '\0', reader_left(r));
    if (!end) {
        r->short_read = true;
        return NULL;
    }
    return (const char *)reader_take(r, (size_t)(end - r->pos) + 1);
}

static enum err_code whole(const struct reader *r, const char *what,
                           struct err *err)
{
    return r->short_read || reader_left(r) > 0 ? malformed(err, what) : ERR_OK;
}

/* A count of words, and so many items of `size` bytes. */
static const uint8_t *read_list(struct reader *r, size_t *n, size_t size)
{
    *n = reader_be16(r);
    return reader_take(r, *n * size);
}

enum err_code pg_parse_read(struct pg_parse *out, const struct pg_frame *f,
                            struct err *err)
{
    struct reader r = reader_of(f->body, f->body_len);
    out->name = pg_read_text(&r);
    out->text = pg_read_text(&r);
    out->types = read_list(&r, &out->n_types, 4);
    return whole(&r, "Parse message", err);
}

enum err_code pg_bind_read(struct pg_bind *out, const struct pg_frame *f,
                           struct err *err)
{
    struct reader r = reader_of(f->body, f->body_len);
    out->portal = pg_read_text(&r);
    out->name = pg_read_text(&r);
    out->formats = read_list(&r, &out->n_formats, 2);
    out->n_values = reader_be16(&r);
    out->values = r;
    for (size_t i = 0; i < out->n_values && !r.short_read; i++) {
        const uint32_t len = reader_be32(&r);
        if (len != UINT32_MAX)
            (void)reader_take(&r, len);
    }
    out->results = read_list(&r, &out->n_results, 2);
    return whole(&r, "Bind message", err);
}

enum err_code pg_execute_read(struct pg_execute *out, const struct pg_frame *f,
                              struct err *err)
{
    struct reader r = reader_of(f->body, f->body_len);
    out->portal = pg_read_text(&r);
    out->max_rows = reader_be32(&r);
    if (out->max_rows > INT32_MAX) /* negative is no limit, as PostgreSQL */
        out->max_rows = 0;
    return whole(&r, "Execute message", err);
}

enum err_code pg_target_read(struct pg_target *out, const struct pg_frame *f,
                             struct err *err)
{
    struct reader r = reader_of(f->body, f->body_len);
    out->kind = (char)reader_u8(&r);
    out->name = pg_read_text(&r);
    if (out->kind != 'S' && out->kind != 'P')
        r.short_read = true;
    return whole(&r, f->type == 'D' ? "Describe message" : "Close message",
                 err);
}

enum err_code pg_text_read(const char **out, const struct pg_frame *f,
                           struct err *err)
{
    struct reader r = reader_of(f->body, f->body_len);
    *out = pg_read_text(&r);
    return whole(&r, "Query message", err);
}

uint16_t pg_word(const uint8_t *list, size_t i)
{
    return (uint16_t)(list[2 * i] << 8 | list[2 * i + 1]);
}

uint32_t pg_oid(const uint8_t *list, size_t i)
{
    struct reader r = reader_of(list + 4 * i, 4);
    return reader_be32(&r);
}

uint16_t pg_format(const uint8_t *list, size_t n, size_t i)
{
    if (n == 0)
        return 0;
    return pg_word(list, n == 1 ? 0 : i < n ? i : n - 1);
}
