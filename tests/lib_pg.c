#include "tests/lib_pg.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- the service ---- */

/* country, n: as many rows as the test says. */
static enum err_code on_answer(void *ctx, struct request *req,
                               struct reply *out, struct err *err)
{
    static const char *const names[] = { "DE", "FR", "GB" };
    struct pg_fake *f = ctx;
    f->asked++;
    if (f->fails != ERR_OK) {
        const enum err_code code = f->fails;
        f->fails = ERR_OK;
        return err_set(err, code, "as the test says");
    }
    const size_t n = f->n_rows ? f->n_rows : 3;
    struct reply_column *columns =
        ARENA_NEW_N(&f->arena, 2, struct reply_column);
    struct value *cells = ARENA_NEW_N(&f->arena, 2 * n, struct value);
    assert(columns && cells);
    columns[0] = (struct reply_column){ .name = "country", .type = VALUE_TEXT };
    columns[1] = (struct reply_column){ .name = "n", .type = VALUE_INT };
    for (size_t i = 0; i < n; i++) {
        cells[2 * i] = value_text(names[i % 3], 2);
        cells[2 * i + 1] = value_int((int64_t)i + 1);
    }
    *out = (struct reply){ .op = req->op };
    out->table = (struct reply_table){
        .columns = columns, .n_columns = 2, .cells = cells, .n_rows = n
    };
    out->table.receipt.query_id = "1";
    out->table.receipt.rho_pico = 1000000;
    out->table.receipt.cached = f->cached;
    return ERR_OK;
}

/* One parameter, an integer, where the question has a WHERE. */
static enum err_code on_shape(void *ctx, const struct request *req,
                              const struct select *tree, struct pg_shape *out,
                              struct err *err)
{
    static const enum value_type params[] = { VALUE_INT };
    static const struct reply_column columns[] = {
        { .name = "country", .type = VALUE_TEXT },
        { .name = "n", .type = VALUE_INT },
    };
    struct pg_fake *f = ctx;
    (void)req, (void)err;
    f->shaped++;
    *out = (struct pg_shape){ params, tree->where ? 1 : 0, columns, 2 };
    return ERR_OK;
}

static void on_refused(void *ctx, struct err *err)
{
    struct pg_fake *f = ctx;
    (void)err;
    f->refused++;
}

static uint64_t on_slot_ns(void *ctx)
{
    const struct pg_fake *f = ctx;
    return f->slot_ns;
}

static uint64_t on_now_ns(void *ctx)
{
    (void)ctx;
    return 1;
}

static int64_t on_now_us(void *ctx)
{
    (void)ctx;
    return 1;
}

void pg_fake_init(struct pg_fake *f)
{
    *f = (struct pg_fake){ 0 };
    arena_init(&f->arena, 1 << 24);
    f->service = (struct pg_service){ .ctx = f,
                                      .arena = &f->arena,
                                      .answer = on_answer,
                                      .shape = on_shape,
                                      .slot_ns = on_slot_ns,
                                      .refused = on_refused,
                                      .now_ns = on_now_ns,
                                      .now_us = on_now_us };
}

void pg_fake_fini(struct pg_fake *f)
{
    arena_fini(&f->arena);
}

/* ---- scripts ---- */

/* Up to `stop` or the end of the message; a NUL behind it. */
static void put_field(struct writer *w, const char **at, const char *end,
                      char stop)
{
    while (*at < end && **at != stop)
        writer_u8(w, (uint8_t) * (*at)++);
    *at += *at < end;
    writer_u8(w, 0);
}

static void put_values(struct writer *w, const char *at, const char *end)
{
    uint16_t n = at < end;
    for (const char *p = at; p < end; p++)
        n = (uint16_t)(n + (*p == ','));
    writer_be16(w, 0);
    writer_be16(w, n);
    while (at < end) {
        const char *stop = memchr(at, ',', (size_t)(end - at));
        const size_t len = (size_t)((stop ? stop : end) - at);
        writer_be32(w, (uint32_t)len);
        writer_bytes(w, at, len);
        at += len + 1;
    }
    writer_be16(w, 0);
}

size_t pg_script_next(const char **script, uint8_t *buf, size_t cap)
{
    const char *at = *script;
    if (!at || !*at)
        return 0;
    const char *end = strchr(at, '|');
    *script = end ? end + 1 : NULL;
    if (!end)
        end = at + strlen(at);
    const char type = *at++;
    at += at < end; /* the colon */
    struct writer w = writer_of(buf, cap);
    writer_u8(&w, (uint8_t)type);
    writer_be32(&w, 0);
    if (type == 'Q') {
        put_field(&w, &at, end, '\0');
    } else if (type == 'P') {
        put_field(&w, &at, end, ':');
        put_field(&w, &at, end, '\0');
        writer_be16(&w, 0);
    } else if (type == 'B') {
        put_field(&w, &at, end, ':');
        put_field(&w, &at, end, ':');
        put_values(&w, at, end);
    } else if (type == 'D' || type == 'C') {
        writer_u8(&w, (uint8_t)*at);
        at += 2;
        put_field(&w, &at, end, '\0');
    } else if (type == 'E') {
        put_field(&w, &at, end, ':');
        writer_be32(&w, (uint32_t)strtoul(at, NULL, 10));
    }
    assert(!w.overflow);
    for (size_t i = 0; i < 4; i++)
        buf[1 + i] = (uint8_t)((w.len - 1) >> 8 * (3 - i));
    return w.len;
}

/* ---- transcripts ---- */

struct pen {
    char *text;
    size_t len, cap;
};

static void pen_bytes(struct pen *p, const void *data, size_t len)
{
    if (p->len + len + 1 > p->cap) {
        p->cap = 2 * (p->len + len + 1);
        p->text = realloc(p->text, p->cap);
        assert(p->text);
    }
    memcpy(p->text + p->len, data, len);
    p->len += len;
    p->text[p->len] = '\0';
}

static void pen_text(struct pen *p, const char *text)
{
    pen_bytes(p, text, strlen(text));
}

static void pen_number(struct pen *p, uint32_t n)
{
    char digits[16];
    (void)snprintf(digits, sizeof digits, "%u", n);
    pen_text(p, digits);
}

static void row_description(struct pen *p, struct reader *r)
{
    const uint16_t n = reader_be16(r);
    for (uint16_t i = 0; i < n; i++) {
        const char *name = pg_read_text(r);
        (void)reader_take(r, 6);
        pen_text(p, i ? " " : "");
        pen_text(p, name ? name : "?");
        pen_text(p, ":");
        pen_number(p, reader_be32(r));
        (void)reader_take(r, 6);
        if (reader_be16(r) == 1)
            pen_text(p, "b");
    }
}

static void data_row(struct pen *p, struct reader *r)
{
    const uint16_t n = reader_be16(r);
    for (uint16_t i = 0; i < n; i++) {
        const uint32_t len = reader_be32(r);
        pen_text(p, i ? "," : "");
        const uint8_t *data =
            len == UINT32_MAX ? (const uint8_t *)"NULL" : reader_take(r, len);
        if (data)
            pen_bytes(p, data, len == UINT32_MAX ? 4 : len);
    }
}

/* The field of an error or notice that says most: its SQLSTATE. */
static void error(struct pen *p, struct reader *r, char want)
{
    for (;;) {
        const uint8_t type = reader_u8(r);
        const char *text = type ? pg_read_text(r) : NULL;
        if (!text)
            return;
        if (type == want)
            pen_text(p, text);
    }
}

static void parameters(struct pen *p, struct reader *r)
{
    const uint16_t n = reader_be16(r);
    for (uint16_t i = 0; i < n; i++) {
        pen_text(p, i ? " " : "");
        pen_number(p, reader_be32(r));
    }
}

static bool message(struct pen *p, const struct pg_frame *f)
{
    struct reader r = reader_of(f->body, f->body_len);
    const char type[] = { f->type, '\0' };
    const char *text;
    pen_text(p, p->len ? " " : "");
    pen_text(p, type);
    if (strchr("123nsIHc", f->type))
        return f->type == 'H' || f->body_len == 0;
    pen_text(p, "(");
    switch (f->type) {
    case 'T':
        row_description(p, &r);
        break;
    case 'D':
        data_row(p, &r);
        break;
    case 'E':
        error(p, &r, 'C');
        break;
    case 'N':
        error(p, &r, 'S');
        break;
    case 't':
        parameters(p, &r);
        break;
    case 'S':
        text = pg_read_text(&r);
        pen_text(p, text ? text : "?");
        pen_text(p, "=");
        text = pg_read_text(&r);
        pen_text(p, text ? text : "?");
        break;
    case 'C':
        text = pg_read_text(&r);
        pen_text(p, text ? text : "?");
        break;
    case 'R': /* kind, and what SASL says */
        pen_number(p, reader_be32(&r));
        while (reader_left(&r) > 0) {
            const uint8_t c = reader_u8(&r);
            pen_bytes(p, c ? (const char *)&c : " ", 1);
        }
        break;
    case 'K':
    case 'v':
        pen_number(p, reader_be32(&r));
        pen_text(p, " ");
        pen_number(p, reader_be32(&r));
        for (const char *t; reader_left(&r) > 0 && (t = pg_read_text(&r));) {
            pen_text(p, " ");
            pen_text(p, t);
        }
        break;
    default: /* Z, d: as they are */
        pen_bytes(p, f->body, f->body_len);
        (void)reader_take(&r, f->body_len);
        break;
    }
    pen_text(p, ")");
    return !r.short_read && reader_left(&r) == 0;
}

char *pg_transcript(const uint8_t *data, size_t len)
{
    struct pen p = { 0 };
    pen_text(&p, "");
    while (len > 0) {
        struct pg_frame f;
        struct err err;
        if (pg_frame_parse(&f, data, len, PG_OUT_MAX, &err) != ERR_OK ||
            !message(&p, &f)) {
            free(p.text);
            return NULL;
        }
        data += f.wire_len;
        len -= f.wire_len;
    }
    return p.text;
}

char *pg_talk(struct pg_backend *b, struct pg_fake *f, const char *script)
{
    uint8_t buf[16384];
    size_t n;
    while ((n = pg_script_next(&script, buf, sizeof buf)) > 0) {
        struct pg_frame frame;
        struct err err;
        const enum err_code code =
            pg_frame_parse(&frame, buf, n, sizeof buf, &err);
        assert(code == ERR_OK);
        enum pg_handled handled = pg_backend_handle(b, &frame, NULL);
        if (handled == PG_NEEDS_WORKER)
            handled = pg_backend_handle(b, &frame, &f->service);
        assert(handled != PG_NEEDS_WORKER);
    }
    return pg_transcript(b->out.data + b->out.sent, pg_out_left(&b->out));
}
