#include "server/audit/checkpoint.h"

#include <string.h>

#include "server/base/base64.h"
#include "server/base/reader.h"

void checkpoint_print(struct writer *w, const struct checkpoint *c)
{
    writer_printf(w, "%s\n%llu\n", c->origin, (unsigned long long)c->size);
    base64_print(w, c->root.bytes, sizeof c->root.bytes);
    writer_u8(w, '\n');
}

static enum err_code bad(struct err *err, const char *what)
{
    (void)err_set(err, ERR_INVALID, "this is no checkpoint: %s", what);
    return err_hint(err, "a checkpoint is an origin, a size and a base64 root, "
                         "each on a line");
}

/* The next line without its newline, or NULL. */
static const char *line_of(size_t *len, struct reader *r)
{
    const char *nl = memchr(r->pos, '\n', reader_left(r));
    if (!nl)
        return NULL;
    *len = (size_t)((const uint8_t *)nl - r->pos);
    return (const char *)reader_take(r, *len + 1);
}

/* Decimal, without leading zeros. */
static bool parse_size(uint64_t *out, const char *s, size_t len)
{
    *out = 0;
    if (len == 0 || (len > 1 && s[0] == '0'))
        return false;
    for (size_t i = 0; i < len; i++) {
        if (s[i] < '0' || s[i] > '9' ||
            __builtin_mul_overflow(*out, UINT64_C(10), out) ||
            __builtin_add_overflow(*out, (uint64_t)(s[i] - '0'), out))
            return false;
    }
    return *out <= INT64_MAX;
}

enum err_code checkpoint_parse(struct checkpoint *out, const char *text,
                               size_t len, struct err *err)
{
    struct reader r = reader_of(text, len);
    size_t n = 0, root_len = 0;
    *out = (struct checkpoint){ 0 };
    const char *line = reader_left(&r) ? line_of(&n, &r) : NULL;
    if (!line || n == 0 || n >= sizeof out->origin)
        return bad(err, "the first line is not an origin");
    memcpy(out->origin, line, n);
    line = line_of(&n, &r);
    if (!line || !parse_size(&out->size, line, n))
        return bad(err, "the second line is not a size");
    line = line_of(&n, &r);
    if (!line ||
        !base64_parse(out->root.bytes, sizeof out->root.bytes, &root_len, line,
                      n) ||
        root_len != sizeof out->root.bytes)
        return bad(err, "the third line is not the base64 of a hash");
    while (reader_left(&r) > 0) {
        if (!line_of(&n, &r) || n == 0)
            return bad(err, "a line after the third is empty");
    }
    return ERR_OK;
}

enum err_code checkpoint_sign(struct writer *w, const struct merkle_frontier *f,
                              const struct note_signer *s, struct err *err)
{
    char text[CHECKPOINT_LEN];
    struct checkpoint c = { .size = f->size, .root = merkle_root(f) };
    struct writer body = writer_of(text, sizeof text);
    memcpy(c.origin, s->verifier.name, sizeof c.origin);
    checkpoint_print(&body, &c);
    if (!writer_cstr(&body))
        return err_set(err, ERR_LIMIT, "the checkpoint is too long");
    TRY(note_sign(w, text, s, err));
    return w->overflow ? err_set(err, ERR_LIMIT, "the checkpoint is too long")
                       : ERR_OK;
}

enum err_code checkpoint_open(struct checkpoint *out, const char *note,
                              size_t len, const struct note_verifier *v,
                              struct err *err)
{
    size_t text_len = 0;
    TRY(note_open(&text_len, note, len, v, err));
    TRY(checkpoint_parse(out, note, text_len, err));
    return strcmp(out->origin, v->name) == 0
               ? ERR_OK
               : bad(err, "its origin is not the name of the key");
}
