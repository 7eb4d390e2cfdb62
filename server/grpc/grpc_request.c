/* What comes in: header blocks, messages, resets, floods. */
#include <string.h>

#include "server/grpc/grpc_stream.h"
#include "server/grpc/grpc_timeout.h"

enum {
    HEADER_OVERHEAD = 32, /* RFC 9113, 10.5.1 */
    /* A header block so far past the limit is an attack on our decoder. */
    HEADER_ABUSE = 8,
};

/* --- header block --- */

static struct grpc_stream *stream_at(nghttp2_session *h2, int32_t id)
{
    return nghttp2_session_get_stream_user_data(h2, id);
}

static int on_begin_headers(nghttp2_session *h2, const nghttp2_frame *frame,
                            void *user)
{
    struct grpc_session *s = user;
    if (frame->headers.cat != NGHTTP2_HCAT_REQUEST)
        return 0;
    struct grpc_stream *st = grpc_stream_new(s, frame->hd.stream_id);
    if (!st)
        return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
    s->worked = true;
    s->current = st;
    return nghttp2_session_set_stream_user_data(h2, st->id, st);
}

static void find_method(struct grpc_stream *st, nghttp2_vec path)
{
    const struct grpc_session_options *o = &st->session->options;
    for (size_t i = 0; i < o->n_services; i++) {
        const struct grpc_service *service = &o->services[i];
        for (size_t j = 0; j < service->n_methods; j++) {
            const struct grpc_method *m = &service->methods[j];
            if (strlen(m->path) == path.len &&
                memcmp(m->path, path.base, path.len) == 0) {
                st->method = m;
                st->ctx = service->ctx;
                return;
            }
        }
    }
}

static bool is(nghttp2_vec v, const char *text)
{
    return v.len == strlen(text) && memcmp(v.base, text, v.len) == 0;
}

/* "application/grpc", alone or followed by '+' or ';'; protobuf only. */
static bool is_grpc_type(nghttp2_vec v)
{
    static const char type[] = "application/grpc";
    const size_t len = sizeof type - 1;
    if (v.len < len || memcmp(v.base, type, len) != 0)
        return false;
    if (v.len == len || v.base[len] == ';')
        return true;
    const nghttp2_vec suffix = { v.base + len, v.len - len };
    return is(suffix, "+proto") ||
           (suffix.len > 6 && memcmp(suffix.base, "+proto;", 7) == 0);
}

static void read_timeout(struct grpc_stream *st, nghttp2_vec value)
{
    uint64_t wait_ns;
    if (!grpc_timeout_parse(&wait_ns, value.base, value.len))
        st->head.has_bad_timeout = true;
    else if (__builtin_add_overflow(st->began_ns, wait_ns, &st->deadline_ns))
        st->deadline_ns = 0;
}

static void keep(struct grpc_stream *st, nghttp2_vec name, nghttp2_rcbuf *value)
{
    const char *const *names = st->session->options.keep_headers;
    for (size_t i = 0; names && i < GRPC_KEEP_MAX && names[i]; i++) {
        if (!is(name, names[i]) || st->head.kept[i])
            continue;
        nghttp2_rcbuf_incref(value);
        st->head.kept[i] = value;
    }
}

static void read_header(struct grpc_stream *st, nghttp2_vec name,
                        nghttp2_rcbuf *raw)
{
    struct grpc_request_head *head = &st->head;
    const nghttp2_vec value = nghttp2_rcbuf_get_buf(raw);
    if (is(name, ":path") && !head->path) {
        nghttp2_rcbuf_incref(raw);
        head->path = raw;
        find_method(st, value);
    } else if (is(name, ":method")) {
        head->is_post = is(value, "POST");
        head->is_head = is(value, "HEAD");
        head->is_get = head->is_head || is(value, "GET");
    } else if (is(name, "content-type"))
        head->has_grpc_type = is_grpc_type(value);
    else if (is(name, "te"))
        head->has_te = is(value, "trailers");
    else if (is(name, "grpc-timeout"))
        read_timeout(st, value);
    else if (is(name, "grpc-encoding"))
        head->has_bad_encoding = !is(value, "identity");
    else if (is(name, "authorization") && !head->authorization) {
        nghttp2_rcbuf_incref(raw);
        head->authorization = raw;
    } else
        keep(st, name, raw);
}

/* Sum what a header costs.  False: past the limit, look no further. */
static bool count_header(struct grpc_stream *st, size_t len)
{
    struct grpc_session *s = st->session;
    const uint32_t limit = s->options.limits.max_header_len;
    st->head.len += (uint32_t)len + HEADER_OVERHEAD;
    if (st->head.len <= limit)
        return true;
    st->head.too_long = true;
    if (st->head.len / HEADER_ABUSE > limit)
        grpc_session_calm(s);
    return false;
}

/* The stream whose header block is arriving, without a look-up per header. */
static struct grpc_stream *headers_of(const struct grpc_session *s, int32_t id)
{
    return s->current && s->current->id == id ? s->current
                                              : grpc_stream_of(s, id);
}

/* Once the peer is found out, nghttp2 shall not decode the rest of its block.
 */
static int verdict_of(const struct grpc_session *s)
{
    return s->broken ? NGHTTP2_ERR_CALLBACK_FAILURE : 0;
}

static int on_header(nghttp2_session *h2, const nghttp2_frame *frame,
                     nghttp2_rcbuf *name, nghttp2_rcbuf *value, uint8_t flags,
                     void *user)
{
    struct grpc_stream *st = headers_of(user, frame->hd.stream_id);
    (void)h2;
    (void)flags;
    if (!st)
        return 0;
    const nghttp2_vec n = nghttp2_rcbuf_get_buf(name);
    const size_t value_len = nghttp2_rcbuf_get_buf(value).len;
    if (count_header(st, n.len + value_len) && st->state == GRPC_STREAM_HEADERS)
        read_header(st, n, value);
    return verdict_of(st->session);
}

/* Headers HTTP does not allow are skipped, yet they count. */
static int on_invalid_header(nghttp2_session *h2, const nghttp2_frame *frame,
                             const uint8_t *name, size_t name_len,
                             const uint8_t *value, size_t value_len,
                             uint8_t flags, void *user)
{
    struct grpc_stream *st = headers_of(user, frame->hd.stream_id);
    (void)h2;
    (void)name;
    (void)value;
    (void)flags;
    if (st)
        (void)count_header(st, name_len + value_len);
    return st ? verdict_of(st->session) : 0;
}

/* --- messages --- */

static const char *text_of(nghttp2_rcbuf *raw)
{
    /* nghttp2 ends every buffer with a NUL that it does not count. */
    return raw ? (const char *)nghttp2_rcbuf_get_buf(raw).base : "";
}

static size_t kept_headers(const struct grpc_stream *st,
                           struct grpc_header out[GRPC_KEEP_MAX])
{
    size_t n = 0;
    for (size_t i = 0; i < GRPC_KEEP_MAX; i++) {
        if (!st->head.kept[i])
            continue;
        const nghttp2_vec v = nghttp2_rcbuf_get_buf(st->head.kept[i]);
        out[n++] = (struct grpc_header){
            .name = st->session->options.keep_headers[i],
            .value = (const char *)v.base,
            .value_len = v.len,
        };
    }
    return n;
}

/* What the owner gets to see; `headers` is room for those that are kept. */
static struct grpc_call call_of(struct grpc_stream *st,
                                struct grpc_header headers[GRPC_KEEP_MAX])
{
    return (struct grpc_call){
        .method = st->method,
        .stream = st->id,
        .message = grpc_frame_message(&st->frame),
        .message_len = st->frame.len,
        .authorization = text_of(st->head.authorization),
        .memo = grpc_session_memo(st->session, st->head.authorization),
        .deadline_ns = st->deadline_ns,
        .headers = headers,
        .n_headers = kept_headers(st, headers),
        .attached = st->attached,
    };
}

/* Hand the message in frame to the owner. */
static void deliver(struct grpc_stream *st)
{
    struct grpc_session *s = st->session;
    struct grpc_header headers[GRPC_KEEP_MAX];
    const struct grpc_call call = call_of(st, headers);
    if (st->deadline_ns && st->deadline_ns <= grpc_session_now_ns(s)) {
        grpc_stream_cancel(st);
        grpc_reply_status(st, GRPC_DEADLINE_EXCEEDED,
                          "the deadline passed before the request was whole");
        return;
    }
    st->state = GRPC_STREAM_CALLED;
    st->method->on_call(st->ctx, s, &call);
}

/* A whole message arrived. */
static void take_message(struct grpc_stream *st)
{
    st->session->buffered_len -= st->frame.len;
    if (st->method->kind == GRPC_BIDI) {
        deliver(st);
        grpc_frame_next(&st->frame);
        return;
    }
    /* Kept until END_STREAM: a second message would make the call invalid. */
    st->has_message = true;
}

static void refuse_frame(struct grpc_stream *st, enum grpc_frame_state state)
{
    st->session->buffered_len -= st->frame.len;
    st->frame.len = 0;
    grpc_stream_cancel(st);
    if (state == GRPC_FRAME_TOO_LONG)
        grpc_reply_status(st, GRPC_RESOURCE_EXHAUSTED,
                          "the request message is longer than this server "
                          "takes");
    else if (state == GRPC_FRAME_COMPRESSED)
        grpc_reply_status(st, GRPC_INTERNAL,
                          "the message is compressed, but grpc-encoding says "
                          "identity");
    else if (state == GRPC_FRAME_BAD_FLAG)
        grpc_reply_status(st, GRPC_INTERNAL,
                          "the first byte of a message must be 0 or 1");
    else
        grpc_reply_status(st, GRPC_RESOURCE_EXHAUSTED,
                          "out of memory for the request");
}

static bool may_buffer(struct grpc_stream *st)
{
    const struct grpc_session *s = st->session;
    return s->buffered_len <= s->options.limits.max_buffered_len;
}

static void feed(struct grpc_stream *st, const uint8_t *data, size_t len)
{
    while (len > 0 && st->state != GRPC_STREAM_DONE && !st->head.http_status) {
        if (st->has_message) {
            grpc_reply_status(st, GRPC_INTERNAL,
                              "a unary call must have one message, not more");
            return;
        }
        size_t used = 0;
        const uint32_t before = st->frame.len;
        const enum grpc_frame_state state =
            grpc_frame_feed(&st->frame, data, len, &used);
        st->session->buffered_len += st->frame.len - before;
        data += used;
        len -= used;
        if (state == GRPC_FRAME_DONE)
            take_message(st);
        else if (state != GRPC_FRAME_MORE)
            refuse_frame(st, state);
        else if (!may_buffer(st))
            refuse_frame(st, GRPC_FRAME_NO_MEMORY);
    }
}

static int on_data(nghttp2_session *h2, uint8_t flags, int32_t id,
                   const uint8_t *data, size_t len, void *user)
{
    struct grpc_stream *st = stream_at(h2, id);
    (void)flags;
    (void)user;
    if (st)
        feed(st, data, len);
    return 0;
}

/* Not a call: a page, or the line that says why there is none. */
static void reply_http(struct grpc_stream *st)
{
    const struct grpc_session_options *o = &st->session->options;
    struct grpc_page page = { .status = st->head.http_status,
                              .type = "text/plain; charset=utf-8",
                              .data = st->head.http_text,
                              .len = strlen(st->head.http_text) };
    if (st->head.is_page)
        o->on_get(o->get_ctx, text_of(st->head.path), &page);
    grpc_reply_page(st, &page);
}

/* The peer sent its last byte. */
static void end_input(struct grpc_stream *st)
{
    st->peer_ended = true;
    if (st->state == GRPC_STREAM_DONE)
        return;
    if (st->head.http_status) {
        reply_http(st);
        return;
    }
    if (st->method->kind == GRPC_BIDI && grpc_frame_is_empty(&st->frame)) {
        /* No message came: still a call, whose owner ends it. */
        st->state = GRPC_STREAM_CALLED;
        if (st->method->on_end)
            st->method->on_end(st->ctx, st->session, st->id, st->attached);
        return;
    }
    if (!st->has_message) {
        st->session->buffered_len -= st->frame.len;
        st->frame.len = 0;
        grpc_stream_cancel(st);
        grpc_reply_status(st, GRPC_INTERNAL,
                          "the request ended before its message was whole");
        return;
    }
    deliver(st);
}

/* --- the head of a call --- */

static void refuse_http(struct grpc_stream *st, const char *status,
                        const char *text)
{
    st->head.http_status = status;
    st->head.http_text = text;
}

/* Nothing of a caller's message is kept before his name is known. */
static void admit(struct grpc_stream *st)
{
    struct grpc_header headers[GRPC_KEEP_MAX];
    struct err err = { 0 };
    if (!st->method->admit)
        return;
    const struct grpc_call call = call_of(st, headers);
    if (st->method->admit(st->ctx, st->session, &call, &err) != ERR_OK)
        grpc_reply_fail(st, &err);
}

/* The header block is whole: is it a call we can take? */
static void check_head(struct grpc_stream *st)
{
    const struct grpc_request_head *head = &st->head;
    st->state = GRPC_STREAM_BODY;
    if (head->too_long)
        refuse_http(st, "431", "The request's headers are too long.\n");
    else if (head->is_get && st->session->options.on_get) {
        refuse_http(st, "404", "There is no such page.\n");
        st->head.is_page = true; /* unless it finds one */
    } else if (!head->is_post)
        refuse_http(st, "405", "This is a gRPC server: use POST.\n");
    else if (!head->has_grpc_type)
        refuse_http(st, "415",
                    "This is a gRPC server: the content-type must be "
                    "application/grpc.\n");
    else if (!head->has_te)
        grpc_reply_status(st, GRPC_INTERNAL,
                          "the header te: trailers is missing; a proxy on the "
                          "way may have removed it");
    else if (!st->method)
        grpc_reply_status(st, GRPC_UNIMPLEMENTED, "no such method");
    else if (head->has_bad_encoding)
        grpc_reply_status(st, GRPC_UNIMPLEMENTED,
                          "grpc-encoding must be identity");
    else if (head->has_bad_timeout)
        grpc_reply_status(st, GRPC_INVALID_ARGUMENT,
                          "grpc-timeout must be 1 to 8 digits and a unit of "
                          "H, M, S, m, u or n");
    else
        admit(st);
}

/* --- frames --- */

/*
 * Does a frame cost a token?  DATA pays for itself by its bytes, unless it is
 * so small, or padded so much, that looking at it is the larger part.
 */
static bool costs(const struct grpc_frame_head *head)
{
    enum { SMALL = 16 };
    return head->type != NGHTTP2_DATA || head->len < SMALL ||
           (head->flags & NGHTTP2_FLAG_PADDED);
}

bool grpc_request_count(struct grpc_session *s, const uint8_t *data, size_t len)
{
    const uint8_t *const end = data + len;
    struct grpc_frame_head head;
    while (grpc_scan_next(&s->scan, &data, end, &head))
        if (costs(&head) && !grpc_guard_take(&s->frames, s->now_ns))
            return false;
    return true;
}

static int on_frame(nghttp2_session *h2, const nghttp2_frame *frame, void *user)
{
    struct grpc_session *s = user;
    if (frame->hd.type == NGHTTP2_PING &&
        (frame->hd.flags & NGHTTP2_FLAG_ACK) && s->drain == GRPC_NOTICED)
        grpc_session_tick(s);
    if (frame->hd.type == NGHTTP2_RST_STREAM &&
        !grpc_guard_take(&s->resets, grpc_session_now_ns(s)))
        grpc_session_calm(s);
    if (frame->hd.type != NGHTTP2_DATA && frame->hd.type != NGHTTP2_HEADERS)
        return 0;
    struct grpc_stream *st = stream_at(h2, frame->hd.stream_id);
    if (!st)
        return 0;
    if (st->state == GRPC_STREAM_HEADERS)
        check_head(st);
    if (frame->hd.flags & NGHTTP2_FLAG_END_STREAM)
        end_input(st);
    return 0;
}

/*
 * Resets that the peer provokes us to send cost what its own would.  A stream
 * that we ended before the peer did is closed for it, as RFC 9113, 8.1 says.
 */
static int on_frame_sent(nghttp2_session *h2, const nghttp2_frame *frame,
                         void *user)
{
    struct grpc_session *s = user;
    if (frame->hd.type == NGHTTP2_RST_STREAM) {
        if (frame->rst_stream.error_code != NGHTTP2_NO_ERROR &&
            !grpc_guard_take(&s->resets, grpc_session_now_ns(s)))
            grpc_session_calm(s);
        return 0;
    }
    if (frame->hd.type != NGHTTP2_DATA && frame->hd.type != NGHTTP2_HEADERS)
        return 0;
    grpc_guard_earn(&s->frames, 2);
    struct grpc_stream *st = stream_at(h2, frame->hd.stream_id);
    if (st && (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) && !st->peer_ended)
        (void)nghttp2_submit_rst_stream(h2, NGHTTP2_FLAG_NONE, st->id,
                                        NGHTTP2_NO_ERROR);
    return 0;
}

static int on_stream_close(nghttp2_session *h2, int32_t id, uint32_t code,
                           void *user)
{
    struct grpc_stream *st = stream_at(h2, id);
    (void)code;
    (void)user;
    if (!st)
        return 0;
    grpc_stream_cancel(st);
    (void)nghttp2_session_set_stream_user_data(h2, id, NULL);
    grpc_stream_free(st);
    return 0;
}

void grpc_request_callbacks(nghttp2_session_callbacks *c)
{
    nghttp2_session_callbacks_set_on_begin_headers_callback(c,
                                                            on_begin_headers);
    nghttp2_session_callbacks_set_on_header_callback2(c, on_header);
    nghttp2_session_callbacks_set_on_invalid_header_callback(c,
                                                             on_invalid_header);
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(c, on_data);
    nghttp2_session_callbacks_set_on_frame_recv_callback(c, on_frame);
    nghttp2_session_callbacks_set_on_frame_send_callback(c, on_frame_sent);
    nghttp2_session_callbacks_set_on_stream_close_callback(c, on_stream_close);
}
