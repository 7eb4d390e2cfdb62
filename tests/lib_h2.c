#include "tests/lib_h2.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static uint64_t mono_ns(struct clock *clock)
{
    return ((struct h2_clock *)clock)->now_ns;
}

static int64_t wall_us(struct clock *clock)
{
    return (int64_t)(((struct h2_clock *)clock)->now_ns / 1000);
}

void h2_clock_init(struct h2_clock *c)
{
    *c = (struct h2_clock){
        .clock = { .wall_us = wall_us, .mono_ns = mono_ns },
        .now_ns = 1000000000,
    };
}

static void copy(char *to, size_t cap, const uint8_t *from, size_t len)
{
    const size_t n = len < cap - 1 ? len : cap - 1;
    memcpy(to, from, n);
    to[n] = '\0';
}

static int on_header(nghttp2_session *h2, const nghttp2_frame *frame,
                     const uint8_t *name, size_t name_len, const uint8_t *value,
                     size_t value_len, uint8_t flags, void *user)
{
    struct h2_call *call = &((struct h2_client *)user)->call;
    const struct {
        const char *name;
        char *to;
        size_t cap;
    } known[] = {
        { ":status", call->http_status, sizeof call->http_status },
        { "grpc-status", call->grpc_status, sizeof call->grpc_status },
        { "grpc-message", call->message, sizeof call->message },
        { "halftone-hint", call->hint, sizeof call->hint },
        { "halftone-code", call->code, sizeof call->code },
        { "halftone-place", call->place, sizeof call->place },
    };
    (void)h2;
    (void)flags;
    if (frame->hd.stream_id != call->id)
        return 0;
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (strlen(known[i].name) == name_len &&
            memcmp(known[i].name, name, name_len) == 0)
            copy(known[i].to, known[i].cap, value, value_len);
    return 0;
}

static int on_data(nghttp2_session *h2, uint8_t flags, int32_t id,
                   const uint8_t *data, size_t len, void *user)
{
    struct h2_client *c = user;
    (void)flags;
    if (!c->hold_window)
        (void)nghttp2_session_consume(h2, id, len);
    if (id != c->call.id || len > sizeof c->call.body - c->call.body_len)
        return 0;
    memcpy(c->call.body + c->call.body_len, data, len);
    c->call.body_len += len;
    return 0;
}

static int on_close(nghttp2_session *h2, int32_t id, uint32_t error, void *user)
{
    struct h2_client *c = user;
    (void)h2;
    if (id == c->call.id) {
        c->call.closed = true;
        c->call.error = error;
    }
    return 0;
}

static int on_frame(nghttp2_session *h2, const nghttp2_frame *frame, void *user)
{
    struct h2_client *c = user;
    (void)h2;
    if (frame->hd.type == NGHTTP2_GOAWAY) {
        c->goaway = true;
        c->goaway_error = frame->goaway.error_code;
    }
    return 0;
}

void h2_client_init(struct h2_client *c, struct grpc_session *server)
{
    nghttp2_session_callbacks *cb;
    nghttp2_option *option;
    memset(c, 0, sizeof *c);
    c->server = server;
    if (nghttp2_session_callbacks_new(&cb) || nghttp2_option_new(&option))
        abort();
    nghttp2_option_set_no_auto_window_update(option, 1);
    nghttp2_session_callbacks_set_on_header_callback(cb, on_header);
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(cb, on_data);
    nghttp2_session_callbacks_set_on_stream_close_callback(cb, on_close);
    nghttp2_session_callbacks_set_on_frame_recv_callback(cb, on_frame);
    if (nghttp2_session_client_new2(&c->h2, cb, c, option) ||
        nghttp2_submit_settings(c->h2, NGHTTP2_FLAG_NONE, NULL, 0))
        abort();
    nghttp2_session_callbacks_del(cb);
    nghttp2_option_del(option);
}

void h2_client_fini(struct h2_client *c)
{
    nghttp2_session_del(c->h2);
}

static ssize_t on_read(nghttp2_session *h2, int32_t id, uint8_t *buf,
                       size_t cap, uint32_t *flags, nghttp2_data_source *source,
                       void *user)
{
    struct h2_client *c = user;
    (void)h2;
    (void)id;
    (void)source;
    const size_t left = c->body_len - c->body_sent;
    const size_t n = left < cap ? left : cap;
    if (n == 0 && c->hold_end)
        return NGHTTP2_ERR_DEFERRED;
    if (n > 0)
        memcpy(buf, c->body + c->body_sent, n);
    c->body_sent += n;
    if (c->body_sent == c->body_len && !c->hold_end)
        *flags |= NGHTTP2_DATA_FLAG_EOF;
    return (ssize_t)n;
}

int32_t h2_request_raw(struct h2_client *c, const char *const *pairs,
                       const void *body, size_t len)
{
    enum { HEADERS_MAX = 64 };
    nghttp2_nv nv[HEADERS_MAX];
    size_t n = 0;
    for (; pairs[2 * n]; n++) {
        assert(n < HEADERS_MAX);
        nv[n] = (nghttp2_nv){
            .name = (uint8_t *)(uintptr_t)pairs[2 * n],
            .value = (uint8_t *)(uintptr_t)pairs[2 * n + 1],
            .namelen = strlen(pairs[2 * n]),
            .valuelen = strlen(pairs[2 * n + 1]),
        };
    }
    const nghttp2_data_provider provider = { .read_callback = on_read };
    c->body = body;
    c->body_len = len;
    c->body_sent = 0;
    memset(&c->call, 0, offsetof(struct h2_call, body));
    c->call.body_len = 0;
    c->call.closed = false;
    c->call.error = 0;
    c->call.id = nghttp2_submit_request(c->h2, NULL, nv, n, &provider, NULL);
    return c->call.id;
}

int32_t h2_request(struct h2_client *c, const char *path,
                   const char *const *extra, const void *body, size_t len)
{
    const char *pairs[64] = {
        ":method", "POST",       ":scheme", "http",         ":path",
        path,      ":authority", "test",    "content-type", "application/grpc",
        "te",      "trailers",
    };
    size_t n = 12;
    for (size_t i = 0; extra && extra[i]; i++)
        pairs[n++] = extra[i];
    return h2_request_raw(c, pairs, body, len);
}

static bool to_server(struct h2_client *c)
{
    bool moved = false;
    const uint8_t *data;
    ssize_t n;
    while (!c->server_ended &&
           (n = nghttp2_session_mem_send(c->h2, &data)) > 0) {
        moved = true;
        c->server_ended = !grpc_session_recv(c->server, data, (size_t)n);
    }
    return moved;
}

void h2_pump(struct h2_client *c)
{
    /* Odd on purpose: frames are cut at every place in the long run. */
    uint8_t buf[1021];
    for (bool moved = true; moved;) {
        moved = to_server(c);
        size_t n;
        while ((n = grpc_session_pull(c->server, buf, sizeof buf)) > 0) {
            moved = true;
            (void)nghttp2_session_mem_recv(c->h2, buf, n);
        }
    }
}
