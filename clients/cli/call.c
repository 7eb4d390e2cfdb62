#include "clients/cli/call.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clients/cli/status.h"

enum { WINDOW = 1 << 20, FIELDS_MAX = 9 };

static void finish(struct call *c)
{
    c->state = CALL_DONE;
}

/* End the call with an error of our own making. */
static int broken(struct call *c, const char *what)
{
    if (c->state != CALL_DONE) {
        (void)err_set(&c->err, ERR_INTERNAL, "the server's reply %s", what);
        (void)err_hint(&c->err, "is a halftone server at %s?",
                       c->request.authority);
        finish(c);
    }
    return NGHTTP2_ERR_CALLBACK_FAILURE;
}

/* The trailers, or what stands for them, as our error. */
static void conclude(struct call *c)
{
    if (c->grpc_status == 0) {
        if (c->msg_len > 0)
            (void)broken(c, "ends within a message");
        c->err.code = c->err.msg[0] ? c->err.code : ERR_OK;
    } else if (c->grpc_status > 0) {
        c->err = c->trailer;
        status_fill(&c->err, c->grpc_status, c->name);
    } else if (c->http_status != 0 && c->http_status != 200) {
        status_of_http(&c->err, c->http_status);
    } else {
        (void)broken(c, "has no gRPC status");
    }
    finish(c);
}

/* ---- headers and trailers ---- */

static bool is_named(const uint8_t *name, size_t len, const char *want)
{
    return strlen(want) == len && memcmp(name, want, len) == 0;
}

static unsigned small_number(const uint8_t *s, size_t len)
{
    unsigned n = 0;
    for (size_t i = 0; i < len && i < 6 && s[i] >= '0' && s[i] <= '9'; i++)
        n = n * 10 + (unsigned)(s[i] - '0');
    return n;
}

static void read_place(struct err *err, const uint8_t *value, size_t len)
{
    const uint8_t *colon = memchr(value, ':', len);
    if (!colon)
        return;
    const size_t at = (size_t)(colon - value);
    (void)err_at(err, small_number(value, at),
                 small_number(colon + 1, len - at - 1));
}

static int on_header(nghttp2_session *h2, const nghttp2_frame *frame,
                     const uint8_t *name, size_t name_len, const uint8_t *value,
                     size_t len, uint8_t flags, void *ctx)
{
    static const char GRPC[] = "application/grpc";
    struct call *c = ctx;
    (void)h2;
    (void)frame;
    (void)flags;
    if (is_named(name, name_len, ":status")) {
        c->http_status = small_number(value, len);
    } else if (is_named(name, name_len, "content-type")) {
        c->is_grpc =
            len >= sizeof GRPC - 1 && memcmp(value, GRPC, sizeof GRPC - 1) == 0;
    } else if (is_named(name, name_len, "grpc-status")) {
        c->grpc_status = (int)small_number(value, len);
    } else if (is_named(name, name_len, "grpc-message")) {
        status_decode(c->trailer.msg, sizeof c->trailer.msg, value, len);
    } else if (is_named(name, name_len, "halftone-hint")) {
        status_decode(c->trailer.hint, sizeof c->trailer.hint, value, len);
    } else if (is_named(name, name_len, "halftone-code")) {
        status_decode(c->name, sizeof c->name, value, len);
    } else if (is_named(name, name_len, "halftone-place")) {
        read_place(&c->trailer, value, len);
    }
    return 0;
}

/* ---- messages ---- */

static size_t body_len(const struct call *c)
{
    return (size_t)c->prefix[1] << 24 | (size_t)c->prefix[2] << 16 |
           (size_t)c->prefix[3] << 8 | c->prefix[4];
}

/* Grow with what arrives, not with what the prefix promises. */
static bool reserve(struct call *c, size_t need)
{
    if (need <= c->msg_cap)
        return true;
    const size_t cap = need < 4096 ? 4096 : 2 * need;
    uint8_t *grown = realloc(c->msg, cap);
    if (!grown)
        return false;
    c->msg = grown;
    c->msg_cap = cap;
    return true;
}

static int deliver(struct call *c)
{
    c->msg_len = 0;
    struct err err = { 0 };
    if (c->on_message(c->ctx, c->msg, body_len(c), &err) == ERR_OK)
        return 0;
    c->err = err;
    finish(c);
    return NGHTTP2_ERR_CALLBACK_FAILURE;
}

/* msg_len counts the prefix: it is 0 between messages. */
static int on_data(nghttp2_session *h2, uint8_t flags, int32_t stream,
                   const uint8_t *data, size_t len, void *ctx)
{
    struct call *c = ctx;
    (void)h2;
    (void)flags;
    (void)stream;
    if (c->http_status != 200 || !c->is_grpc)
        return 0; /* a page of an HTTP server: its status is what counts */
    while (len > 0) {
        if (c->msg_len < CALL_PREFIX) {
            c->prefix[c->msg_len++] = *data++;
            len--;
            if (c->msg_len < CALL_PREFIX)
                continue;
            if (c->prefix[0] != 0)
                return broken(c, "is compressed, which was not asked for");
            if (body_len(c) > CALL_MESSAGE_MAX)
                return broken(c, "holds a message of more than 64 MiB");
        }
        const size_t have = c->msg_len - CALL_PREFIX;
        const size_t left = body_len(c) - have;
        const size_t take = len < left ? len : left;
        if (!reserve(c, have + take + 1))
            return broken(c, "does not fit in memory");
        memcpy(c->msg + have, data, take);
        c->msg_len += take;
        data += take;
        len -= take;
        if (take == left && deliver(c) != 0)
            return NGHTTP2_ERR_CALLBACK_FAILURE;
    }
    return 0;
}

static int on_stream_close(nghttp2_session *h2, int32_t stream, uint32_t code,
                           void *ctx)
{
    struct call *c = ctx;
    (void)h2;
    (void)stream;
    if (c->state == CALL_DONE)
        return 0;
    /* A complete answer followed by RST_STREAM(NO_ERROR) is a success. */
    if (code == NGHTTP2_NO_ERROR || c->grpc_status >= 0)
        conclude(c);
    else if (code == NGHTTP2_REFUSED_STREAM)
        call_lost(c, "the server refused the call before it began");
    else
        (void)broken(c, "was cut off");
    return 0;
}

/* ---- what we send ---- */

static ssize_t read_body(nghttp2_session *h2, int32_t stream, uint8_t *buf,
                         size_t cap, uint32_t *flags,
                         nghttp2_data_source *source, void *ctx)
{
    struct call *c = ctx;
    const size_t total = CALL_PREFIX + c->request.body_len;
    size_t n = 0;
    (void)h2;
    (void)stream;
    (void)source;
    while (n < cap && c->sent < CALL_PREFIX) {
        const size_t shift = 8 * (CALL_PREFIX - 1 - c->sent);
        const uint8_t len_byte = (uint8_t)(c->request.body_len >> shift);
        buf[n++] = c->sent == 0 ? 0 : len_byte;
        c->sent++;
    }
    const size_t left = total - c->sent;
    const size_t take = left < cap - n ? left : cap - n;
    if (take > 0)
        memcpy(buf + n, c->request.body + (c->sent - CALL_PREFIX), take);
    c->sent += take;
    if (c->sent == total)
        *flags |= NGHTTP2_DATA_FLAG_EOF;
    return (ssize_t)(n + take);
}

static nghttp2_nv field(const char *name, const char *value)
{
    /* nghttp2 copies both; its type has no const. */
    return (nghttp2_nv){ .name = (uint8_t *)(uintptr_t)name,
                         .namelen = strlen(name),
                         .value = (uint8_t *)(uintptr_t)value,
                         .valuelen = strlen(value) };
}

static int submit(struct call *c)
{
    const struct call_request *r = &c->request;
    char timeout[24], bearer[1024];
    nghttp2_nv fields[FIELDS_MAX] = {
        field(":method", "POST"),
        field(":scheme", r->tls ? "https" : "http"),
        field(":path", r->path),
        field(":authority", r->authority),
        field("te", "trailers"),
        field("content-type", "application/grpc"),
        field("user-agent", "halftone-cli"),
    };
    size_t n = 7;
    if (r->timeout_ms > 0) {
        /* At most eight digits (TimeoutValue): seconds when ms need more. */
        const bool ms = r->timeout_ms < 100000000;
        (void)snprintf(timeout, sizeof timeout, "%" PRIu64 "%c",
                       ms ? r->timeout_ms : r->timeout_ms / 1000,
                       ms ? 'm' : 'S');
        fields[n++] = field("grpc-timeout", timeout);
    }
    if (r->token) {
        (void)snprintf(bearer, sizeof bearer, "Bearer %s", r->token);
        fields[n] = field("authorization", bearer);
        fields[n++].flags = NGHTTP2_NV_FLAG_NO_INDEX;
    }
    const nghttp2_data_provider body = { .read_callback = read_body };
    return nghttp2_submit_request(c->h2, NULL, fields, n, &body, NULL);
}

static int start(struct call *c)
{
    static const nghttp2_settings_entry SETTINGS[] = {
        { NGHTTP2_SETTINGS_ENABLE_PUSH, 0 },
        { NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, WINDOW },
    };
    nghttp2_session_callbacks *calls = NULL;
    if (nghttp2_session_callbacks_new(&calls) != 0)
        return -1;
    nghttp2_session_callbacks_set_on_header_callback(calls, on_header);
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(calls, on_data);
    nghttp2_session_callbacks_set_on_stream_close_callback(calls,
                                                           on_stream_close);
    const int rc = nghttp2_session_client_new(&c->h2, calls, c);
    nghttp2_session_callbacks_del(calls);
    if (rc != 0 ||
        nghttp2_submit_settings(c->h2, NGHTTP2_FLAG_NONE, SETTINGS, 2) != 0)
        return -1;
    if (nghttp2_session_set_local_window_size(c->h2, NGHTTP2_FLAG_NONE, 0,
                                              WINDOW) != 0)
        return -1;
    return submit(c) < 0 ? -1 : 0;
}

enum err_code call_init(struct call *c, const struct call_request *request,
                        call_message_fn *on_message, void *ctx, struct err *err)
{
    *c = (struct call){ .request = *request,
                        .on_message = on_message,
                        .ctx = ctx,
                        .grpc_status = -1 };
    if (request->body_len > CALL_MESSAGE_MAX)
        return err_set(err, ERR_LIMIT, "the request is larger than 64 MiB");
    if (start(c) != 0)
        return err_set(err, ERR_LIMIT, "out of memory");
    return ERR_OK;
}

void call_fini(struct call *c)
{
    nghttp2_session_del(c->h2);
    free(c->msg);
    c->h2 = NULL;
    c->msg = NULL;
}

size_t call_output(struct call *c, const uint8_t **data)
{
    const ssize_t n = nghttp2_session_mem_send(c->h2, data);
    if (n < 0)
        (void)broken(c, "cannot be acknowledged");
    return n > 0 ? (size_t)n : 0;
}

void call_input(struct call *c, const uint8_t *data, size_t len)
{
    if (c->state == CALL_DONE)
        return;
    const ssize_t n = nghttp2_session_mem_recv(c->h2, data, len);
    if (c->state == CALL_DONE)
        return;
    if (n < 0)
        (void)broken(c, "is not HTTP/2");
    else if (!nghttp2_session_want_read(c->h2) &&
             !nghttp2_session_want_write(c->h2))
        call_lost(c, "the server closed the connection");
}

void call_lost(struct call *c, const char *why)
{
    if (c->state == CALL_DONE)
        return;
    (void)err_set(&c->err, ERR_UNAVAILABLE, "%s", why);
    finish(c);
}

enum err_code call_result(const struct call *c, struct err *err)
{
    assert(c->state == CALL_DONE);
    if (c->err.code != ERR_OK)
        *err = c->err;
    return c->err.code;
}
