/* The life of a session and of its streams. */
#include "server/grpc/grpc_session.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "server/grpc/grpc_stream.h"

uint64_t grpc_session_now_ns(const struct grpc_session *s)
{
    return s->now_ns ? s->now_ns : clock_mono_ns(s->options.clock);
}

/* --- streams --- */

struct grpc_stream *grpc_stream_of(const struct grpc_session *s, int32_t id)
{
    return nghttp2_session_get_stream_user_data(s->h2, id);
}

struct grpc_stream *grpc_stream_new(struct grpc_session *s, int32_t id)
{
    struct grpc_stream *st = s->spare;
    if (st)
        s->spare = st->next;
    else
        st = malloc(sizeof *st);
    if (!st)
        return NULL;
    memset(st, 0, offsetof(struct grpc_stream, frame));
    grpc_frame_init(&st->frame, s->options.limits.max_message_len);
    st->session = s;
    st->id = id;
    st->began_ns = st->moved_ns = grpc_session_now_ns(s);
    st->out_end = &st->out;
    st->next = s->streams;
    if (st->next)
        st->next->prev = st;
    s->streams = st;
    return st;
}

void grpc_stream_free(struct grpc_stream *st)
{
    struct grpc_session *s = st->session;
    if (st->prev)
        st->prev->next = st->next;
    else
        s->streams = st->next;
    if (st->next)
        st->next->prev = st->prev;

    if (!st->has_message)
        s->buffered_len -= st->frame.len;
    grpc_reply_clear(st);
    grpc_frame_fini(&st->frame);
    if (st->head.authorization)
        nghttp2_rcbuf_decref(st->head.authorization);
    if (st->head.path)
        nghttp2_rcbuf_decref(st->head.path);
    for (size_t i = 0; i < GRPC_KEEP_MAX; i++)
        if (st->head.kept[i])
            nghttp2_rcbuf_decref(st->head.kept[i]);
    if (s->current == st)
        s->current = NULL;
    st->next = s->spare;
    s->spare = st;
}

void grpc_stream_cancel(struct grpc_stream *st)
{
    if (st->state != GRPC_STREAM_CALLED)
        return;
    /* Back to a state in which the transport alone may end the stream. */
    st->state = GRPC_STREAM_BODY;
    if (st->method->on_cancel)
        st->method->on_cancel(st->ctx, st->session, st->id, st->attached);
}

/* --- who calls --- */

/* Takes the same time wherever the two differ. */
static bool is_same(nghttp2_rcbuf *a, nghttp2_rcbuf *b)
{
    if (a == b)
        return true;
    if (!a || !b)
        return false;
    const nghttp2_vec x = nghttp2_rcbuf_get_buf(a);
    const nghttp2_vec y = nghttp2_rcbuf_get_buf(b);
    uint8_t differ = 0;
    if (x.len != y.len)
        return false;
    for (size_t i = 0; i < x.len; i++)
        differ |= x.base[i] ^ y.base[i];
    return differ == 0;
}

struct grpc_memo *grpc_session_memo(struct grpc_session *s,
                                    nghttp2_rcbuf *header)
{
    if (is_same(header, s->authorization))
        return &s->memo;
    if (s->authorization)
        nghttp2_rcbuf_decref(s->authorization);
    if (header)
        nghttp2_rcbuf_incref(header);
    s->authorization = header;
    s->memo = (struct grpc_memo){ 0 };
    return &s->memo;
}

/* --- beginning --- */

static uint32_t or_default(uint32_t value, uint32_t fallback)
{
    return value ? value : fallback;
}

static struct grpc_limits limits_of(const struct grpc_limits *l)
{
    const uint64_t second = UINT64_C(1000000000);
    return (struct grpc_limits){
        .max_streams = or_default(l->max_streams, 100),
        .max_header_len = or_default(l->max_header_len, 16 * 1024),
        .max_message_len = or_default(l->max_message_len, 256 * 1024),
        .max_buffered_len = or_default(l->max_buffered_len, 1024 * 1024),
        .max_queued_len = or_default(l->max_queued_len, 1024 * 1024),
        .max_replies_len =
            l->max_replies_len ? l->max_replies_len : 64 * 1024 * 1024,
        .request_ns = l->request_ns ? l->request_ns : 30 * second,
        .stall_ns = l->stall_ns ? l->stall_ns : 60 * second,
        .frame_burst = or_default(l->frame_burst, 1000),
        .frame_rate = or_default(l->frame_rate, 100),
        .reset_burst = or_default(l->reset_burst, 200),
        .reset_rate = or_default(l->reset_rate, 20),
    };
}

static bool submit_settings(struct grpc_session *s)
{
    const struct grpc_limits *l = &s->options.limits;
    const nghttp2_settings_entry settings[] = {
        { NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, l->max_streams },
        { NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, l->max_header_len },
    };
    return nghttp2_submit_settings(s->h2, NGHTTP2_FLAG_NONE, settings,
                                   sizeof settings / sizeof *settings) == 0;
}

/*
 * Input is consumed as it comes, into buffers with caps of their own, so
 * nghttp2 may credit windows by itself.  It keeps closed streams, as many as
 * may be open at once, to tell late frames from wrong ones.
 */
static bool make_h2(struct grpc_session *s)
{
    nghttp2_session_callbacks *callbacks = NULL;
    nghttp2_option *option = NULL;
    bool ok = nghttp2_session_callbacks_new(&callbacks) == 0 &&
              nghttp2_option_new(&option) == 0;
    if (ok) {
        nghttp2_option_set_stream_reset_rate_limit(
            option, s->options.limits.reset_burst,
            s->options.limits.reset_rate);
        grpc_request_callbacks(callbacks);
        ok = nghttp2_session_server_new2(&s->h2, callbacks, s, option) == 0;
    }
    nghttp2_session_callbacks_del(callbacks);
    nghttp2_option_del(option);
    return ok && submit_settings(s);
}

struct grpc_session *
grpc_session_new(const struct grpc_session_options *options)
{
    struct grpc_session *s = calloc(1, sizeof *s);
    if (!s)
        return NULL;
    s->options = *options;
    s->options.limits = limits_of(&options->limits);
    const struct grpc_limits *l = &s->options.limits;
    const uint64_t now_ns = grpc_session_now_ns(s);
    s->frames = grpc_guard_of(l->frame_burst, l->frame_rate, now_ns);
    s->resets = grpc_guard_of(l->reset_burst, l->reset_rate, now_ns);
    s->scan = grpc_scan_of();
    if (!make_h2(s)) {
        grpc_session_free(s);
        return NULL;
    }
    return s;
}

void grpc_session_free(struct grpc_session *session)
{
    while (session->streams) {
        grpc_stream_cancel(session->streams);
        grpc_stream_free(session->streams);
    }
    while (session->spare) {
        struct grpc_stream *st = session->spare;
        session->spare = st->next;
        free(st);
    }
    if (session->authorization)
        nghttp2_rcbuf_decref(session->authorization);
    nghttp2_session_del(session->h2);
    free(session);
}

void *grpc_session_user(const struct grpc_session *session)
{
    return session->options.user;
}

/* --- bytes --- */

bool grpc_session_recv(struct grpc_session *session, const uint8_t *data,
                       size_t len)
{
    if (session->broken)
        return false;
    session->now_ns = clock_mono_ns(session->options.clock);
    if (!grpc_request_count(session, data, len)) {
        grpc_session_calm(session);
        session->now_ns = 0;
        return false;
    }
    const ssize_t n = nghttp2_session_mem_recv(session->h2, data, len);
    session->now_ns = 0;
    if (n < 0) {
        /* No HTTP/2 at all; the rest are limits of nghttp2 or of ours. */
        session->broken = true;
        (void)nghttp2_session_terminate_session(
            session->h2, n == NGHTTP2_ERR_BAD_CLIENT_MAGIC
                             ? NGHTTP2_PROTOCOL_ERROR
                             : NGHTTP2_ENHANCE_YOUR_CALM);
    }
    return !session->broken;
}

size_t grpc_session_pull(struct grpc_session *session, uint8_t *buf, size_t cap)
{
    size_t len = 0;
    session->now_ns = clock_mono_ns(session->options.clock);
    while (len < cap) {
        if (session->pending_len == 0) {
            const ssize_t n =
                nghttp2_session_mem_send(session->h2, &session->pending);
            if (n <= 0) {
                session->broken = session->broken || n < 0;
                break;
            }
            session->pending_len = (size_t)n;
        }
        const size_t n =
            session->pending_len < cap - len ? session->pending_len : cap - len;
        memcpy(buf + len, session->pending, n);
        session->pending += n;
        session->pending_len -= n;
        len += n;
    }
    session->now_ns = 0;
    return len;
}

bool grpc_session_finished(const struct grpc_session *session)
{
    return session->pending_len == 0 &&
           (session->broken || !nghttp2_session_want_read(session->h2)) &&
           !nghttp2_session_want_write(session->h2);
}

bool grpc_session_busy(struct grpc_session *session)
{
    const bool worked = session->worked;
    session->worked = false;
    return worked || session->streams != NULL;
}

void grpc_session_calm(struct grpc_session *s)
{
    if (s->broken)
        return;
    s->broken = true;
    (void)nghttp2_session_terminate_session(s->h2, NGHTTP2_ENHANCE_YOUR_CALM);
}

/* --- time and ends --- */

static void tick_stream(struct grpc_stream *st, uint64_t now_ns)
{
    const struct grpc_limits *l = &st->session->options.limits;
    switch (st->state) {
    case GRPC_STREAM_HEADERS:
    case GRPC_STREAM_BODY:
        if (now_ns - st->began_ns > l->request_ns)
            (void)nghttp2_submit_rst_stream(st->session->h2, NGHTTP2_FLAG_NONE,
                                            st->id, NGHTTP2_CANCEL);
        break;
    case GRPC_STREAM_CALLED:
        if (st->deadline_ns && now_ns >= st->deadline_ns) {
            grpc_stream_cancel(st);
            grpc_reply_status(st, GRPC_DEADLINE_EXCEEDED,
                              "the deadline passed");
        }
        break;
    case GRPC_STREAM_DONE:
        break;
    }
    if (st->out && now_ns - st->moved_ns > l->stall_ns)
        (void)nghttp2_submit_rst_stream(st->session->h2, NGHTTP2_FLAG_NONE,
                                        st->id, NGHTTP2_CANCEL);
}

/* The second GOAWAY: calls begun since the notice are still taken. */
static void go_away(struct grpc_session *s)
{
    s->drain = GRPC_GOING;
    (void)nghttp2_submit_goaway(s->h2, NGHTTP2_FLAG_NONE,
                                nghttp2_session_get_last_proc_stream_id(s->h2),
                                NGHTTP2_NO_ERROR, NULL, 0);
}

void grpc_session_tick(struct grpc_session *session)
{
    const uint64_t now_ns = grpc_session_now_ns(session);
    if (session->drain == GRPC_NOTICED)
        go_away(session);
    for (struct grpc_stream *st = session->streams; st; st = st->next)
        tick_stream(st, now_ns);
}

void grpc_session_drain(struct grpc_session *session)
{
    static const uint8_t probe[8] = "halftone";
    if (session->drain != GRPC_UP)
        return;
    session->drain = GRPC_NOTICED;
    (void)nghttp2_submit_shutdown_notice(session->h2);
    /* Its echo shows that the peer has seen the notice; so does a tick. */
    (void)nghttp2_submit_ping(session->h2, NGHTTP2_FLAG_NONE, probe);
    for (struct grpc_stream *st = session->streams; st; st = st->next)
        if (st->state == GRPC_STREAM_CALLED && st->method->on_drain)
            st->method->on_drain(st->ctx, session, st->id, st->attached);
}

void grpc_session_attach(struct grpc_session *session, int32_t stream,
                         void *attached)
{
    struct grpc_stream *st = grpc_stream_of(session, stream);
    if (st)
        st->attached = attached;
}

bool grpc_session_is_open(const struct grpc_session *session, int32_t stream)
{
    const struct grpc_stream *st = grpc_stream_of(session, stream);
    return st && st->state == GRPC_STREAM_CALLED;
}
