/* What goes out: response headers, messages, trailers. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "server/grpc/grpc_stream.h"

enum {
    NV_MAX = 16, /* headers of a response or trailers of its end */
    TRAILER_TEXT_MAX = 4096,
    NV_STATIC = NGHTTP2_NV_FLAG_NO_COPY_NAME | NGHTTP2_NV_FLAG_NO_COPY_VALUE,
};

/* Trailers of a call, kept until its last message is gone. */
struct grpc_trailers {
    struct writer text;
    nghttp2_nv nv[NV_MAX];
    size_t n;
    uint8_t storage[TRAILER_TEXT_MAX];
};

/* nghttp2 takes mutable pointers, and with NO_COPY only reads them. */
static uint8_t *unconst(const void *p)
{
    return (uint8_t *)(uintptr_t)p;
}

static nghttp2_nv nv_of(const char *name, const char *value)
{
    return (nghttp2_nv){
        .name = unconst(name),
        .value = unconst(value),
        .namelen = strlen(name),
        .valuelen = strlen(value),
        .flags = NV_STATIC,
    };
}

/* --- metadata --- */

static size_t put_metadata(nghttp2_nv *nv, size_t n,
                           const struct grpc_stream *st, bool trailers)
{
    for (const struct grpc_metadata *m = st->metadata; m; m = m->next) {
        if (m->is_trailer != trailers || n == NV_MAX)
            continue;
        nv[n++] = (nghttp2_nv){
            .name = unconst(m->text),
            .value = unconst(m->text + m->name_len),
            .namelen = m->name_len,
            .valuelen = m->value_len,
            .flags = NGHTTP2_NV_FLAG_NONE,
        };
    }
    return n;
}

static bool add_metadata(struct grpc_stream *st, struct grpc_header h,
                         bool is_trailer)
{
    if (!st || st->state == GRPC_STREAM_DONE)
        return false;
    const size_t name_len = strlen(h.name);
    struct grpc_metadata *m = malloc(sizeof *m + name_len + h.value_len);
    if (!m)
        return false;
    m->next = st->metadata;
    m->is_trailer = is_trailer;
    m->name_len = name_len;
    m->value_len = h.value_len;
    memcpy(m->text, h.name, name_len);
    if (h.value_len > 0)
        memcpy(m->text + name_len, h.value, h.value_len);
    st->metadata = m;
    return true;
}

bool grpc_session_add_header(struct grpc_session *session, int32_t stream,
                             struct grpc_header header)
{
    struct grpc_stream *st = grpc_stream_of(session, stream);
    return st && !st->headers_sent && add_metadata(st, header, false);
}

bool grpc_session_add_trailer(struct grpc_session *session, int32_t stream,
                              struct grpc_header header)
{
    return add_metadata(grpc_stream_of(session, stream), header, true);
}

/* --- trailers --- */

/* Append one trailer whose value was printed from `begin` on. */
static void trailer_end(struct grpc_trailers *t, const char *name, size_t begin)
{
    if (t->text.overflow || t->n == NV_MAX)
        return; /* a trailer too many is left out, never cut */
    t->nv[t->n++] = (nghttp2_nv){
        .name = unconst(name),
        .value = t->storage + begin,
        .namelen = strlen(name),
        .valuelen = t->text.len - begin,
        .flags = NGHTTP2_NV_FLAG_NO_COPY_NAME,
    };
}

static void trailer_text(struct grpc_trailers *t, const char *name,
                         const char *value)
{
    const size_t begin = t->text.len;
    if (!value || !*value)
        return;
    grpc_percent_encode(&t->text, value);
    trailer_end(t, name, begin);
}

/* NULL stands for plain OK, and for "out of memory": see submit_trailers. */
static struct grpc_trailers *trailers_new(const struct grpc_stream *st,
                                          const struct grpc_status *status)
{
    struct grpc_trailers *t = malloc(sizeof *t);
    if (!t)
        return NULL;
    t->text = writer_of(t->storage, sizeof t->storage);
    t->n = 0;
    writer_printf(&t->text, "%d", status->code);
    trailer_end(t, "grpc-status", 0);
    trailer_text(t, "grpc-message", status->message);
    trailer_text(t, "halftone-code", status->name);
    trailer_text(t, "halftone-hint", status->hint);
    if (status->line > 0) {
        const size_t begin = t->text.len;
        writer_printf(&t->text, "%u:%u", status->line, status->col);
        trailer_end(t, "halftone-place", begin);
    }
    t->n = put_metadata(t->nv, t->n, st, true);
    return t;
}

static void submit_trailers(struct grpc_stream *st)
{
    static const char name[] = "grpc-status";
    const nghttp2_nv ok = nv_of(name, "0");
    const struct grpc_trailers *t = st->trailers;
    (void)nghttp2_submit_trailer(st->session->h2, st->id, t ? t->nv : &ok,
                                 t ? t->n : 1);
}

/* --- messages --- */

static void chunk_free(struct grpc_chunk *chunk)
{
    if (chunk->bytes.release)
        chunk->bytes.release(chunk->bytes.owner);
    free(chunk);
}

/* The connection's sum that a stream's unsent bytes are part of. */
static size_t *queued_of(const struct grpc_stream *st)
{
    const bool streams = st->method && st->method->kind != GRPC_UNARY;
    return streams ? &st->session->queued_len : &st->session->replies_len;
}

void grpc_reply_clear(struct grpc_stream *st)
{
    while (st->out) {
        struct grpc_chunk *chunk = st->out;
        st->out = chunk->next;
        chunk_free(chunk);
    }
    st->out_end = &st->out;
    *queued_of(st) -= st->queued_len;
    st->queued_len = 0;
    while (st->metadata) {
        struct grpc_metadata *m = st->metadata;
        st->metadata = m->next;
        free(m);
    }
    free(st->trailers);
    st->trailers = NULL;
}

static struct grpc_chunk *chunk_new(struct grpc_bytes bytes)
{
    const size_t copy_len = bytes.release ? 0 : bytes.len;
    struct grpc_chunk *chunk = malloc(sizeof *chunk + copy_len);
    if (!chunk)
        return NULL;
    *chunk = (struct grpc_chunk){ .bytes = bytes };
    if (copy_len > 0)
        chunk->bytes.data = memcpy(chunk + 1, bytes.data, copy_len);
    return chunk;
}

static void append(struct grpc_stream *st, struct grpc_chunk *chunk)
{
    if (!st->out)
        st->moved_ns = grpc_session_now_ns(st->session);
    *st->out_end = chunk;
    st->out_end = &chunk->next;
    const size_t len = chunk->prefix_len + chunk->bytes.len;
    st->queued_len += len;
    *queued_of(st) += len;
}

/* Queue a message.  False (and released): too long for the wire, no memory. */
static bool queue_message(struct grpc_stream *st, struct grpc_bytes bytes)
{
    struct grpc_chunk *chunk =
        bytes.len <= UINT32_MAX ? chunk_new(bytes) : NULL;
    if (!chunk) {
        if (bytes.release)
            bytes.release(bytes.owner);
        return false;
    }
    grpc_frame_prefix(chunk->prefix, (uint32_t)bytes.len);
    chunk->prefix_len = GRPC_PREFIX_LEN;
    append(st, chunk);
    return true;
}

/* Copy the next bytes of the chunk; it is freed once they are all gone. */
static size_t chunk_take(struct grpc_stream *st, uint8_t *buf, size_t cap)
{
    struct grpc_chunk *chunk = st->out;
    const bool in_prefix = chunk->sent < chunk->prefix_len;
    const uint8_t *from = in_prefix ? chunk->prefix + chunk->sent
                                    : (const uint8_t *)chunk->bytes.data +
                                          (chunk->sent - chunk->prefix_len);
    const size_t total = chunk->prefix_len + chunk->bytes.len;
    size_t n = (in_prefix ? chunk->prefix_len : total) - chunk->sent;
    if (n > cap)
        n = cap;
    if (n > 0)
        memcpy(buf, from, n);
    chunk->sent += n;
    st->queued_len -= n;
    *queued_of(st) -= n;
    if (chunk->sent == total) {
        st->out = chunk->next;
        if (!st->out)
            st->out_end = &st->out;
        chunk_free(chunk);
    }
    return n;
}

/* nghttp2 asks for DATA. */
static ssize_t on_read(nghttp2_session *h2, int32_t id, uint8_t *buf,
                       size_t cap, uint32_t *flags, nghttp2_data_source *source,
                       void *user)
{
    struct grpc_stream *st = source->ptr;
    size_t n = 0;
    (void)h2;
    (void)id;
    (void)user;
    while (st->out && n < cap)
        n += chunk_take(st, buf + n, cap - n);
    st->moved_ns = grpc_session_now_ns(st->session);
    if (st->out)
        return (ssize_t)n;
    if (st->state == GRPC_STREAM_DONE) {
        *flags |= NGHTTP2_DATA_FLAG_EOF;
        if (st->head.has_grpc_type && st->head.is_post) {
            *flags |= NGHTTP2_DATA_FLAG_NO_END_STREAM;
            submit_trailers(st);
        }
        return (ssize_t)n;
    }
    if (n > 0)
        return (ssize_t)n;
    st->is_parked = true;
    return NGHTTP2_ERR_DEFERRED;
}

/* --- responses --- */

static void submit_headers(struct grpc_stream *st, const char *http_status,
                           const char *type)
{
    nghttp2_nv nv[NV_MAX] = {
        nv_of(":status", http_status),
        nv_of("content-type", type),
    };
    size_t n = 2;
    n = put_metadata(nv, n, st, false);
    const nghttp2_data_provider provider = {
        .source.ptr = st,
        .read_callback = on_read,
    };
    st->headers_sent = true;
    (void)nghttp2_submit_response(st->session->h2, st->id, nv, n, &provider);
}

/* Headers that are trailers as well: nothing but a status is sent. */
static void submit_trailers_only(struct grpc_stream *st)
{
    const struct grpc_trailers *t = st->trailers;
    nghttp2_nv nv[2 * NV_MAX + 2] = {
        nv_of(":status", "200"),
        nv_of("content-type", "application/grpc"),
    };
    size_t n = 2;
    n = put_metadata(nv, n, st, false);
    if (st->head.has_bad_encoding)
        nv[n++] = nv_of("grpc-accept-encoding", "identity");
    for (size_t i = 0; t && i < t->n; i++)
        nv[n++] = t->nv[i];
    if (!t) /* no memory even for the words */
        nv[n++] = nv_of("grpc-status", "8");
    st->headers_sent = true;
    (void)nghttp2_submit_response(st->session->h2, st->id, nv, n, NULL);
}

/* DATA that waited may go on. */
static void resume(struct grpc_stream *st)
{
    if (!st->headers_sent) {
        submit_headers(st, "200", "application/grpc");
    } else if (st->is_parked) {
        st->is_parked = false;
        (void)nghttp2_session_resume_data(st->session->h2, st->id);
    }
}

static void end_with(struct grpc_stream *st, const struct grpc_status *status)
{
    if (st->state == GRPC_STREAM_DONE)
        return;
    st->state = GRPC_STREAM_DONE;
    st->moved_ns = grpc_session_now_ns(st->session);
    if (status->code != GRPC_OK || st->metadata || !st->headers_sent)
        st->trailers = trailers_new(st, status);
    if (st->headers_sent || st->out)
        resume(st);
    else
        submit_trailers_only(st);
}

void grpc_reply_status(struct grpc_stream *st, int code, const char *message)
{
    const struct grpc_status status = { .code = code, .message = message };
    end_with(st, &status);
}

void grpc_reply_fail(struct grpc_stream *st, const struct err *err)
{
    const struct grpc_status status = grpc_status_of(err);
    end_with(st, &status);
}

void grpc_reply_page(struct grpc_stream *st, const struct grpc_page *page)
{
    struct grpc_chunk *chunk =
        st->head.is_head ? NULL
                         : chunk_new((struct grpc_bytes){ .data = page->data,
                                                          .len = page->len });
    st->state = GRPC_STREAM_DONE;
    /* A body is no gRPC reply, whatever the request claimed to be. */
    st->head.has_grpc_type = false;
    if (chunk)
        append(st, chunk);
    submit_headers(st, page->status, page->type);
}

/* --- what owners call --- */

/* A call that its owner may still end, or NULL. */
static struct grpc_stream *called(const struct grpc_session *s, int32_t id)
{
    struct grpc_stream *st = grpc_stream_of(s, id);
    return st && st->state == GRPC_STREAM_CALLED ? st : NULL;
}

static void no_memory(struct grpc_stream *st)
{
    grpc_reply_status(st, GRPC_RESOURCE_EXHAUSTED,
                      "out of memory for the reply");
}

static void too_slow(struct grpc_stream *st)
{
    grpc_reply_status(st, GRPC_RESOURCE_EXHAUSTED,
                      "the client takes its replies too slowly");
}

void grpc_session_reply(struct grpc_session *session, int32_t stream,
                        struct grpc_bytes message)
{
    struct grpc_stream *st = called(session, stream);
    if (!st) {
        if (message.release)
            message.release(message.owner);
        return;
    }
    if (session->replies_len > session->options.limits.max_replies_len) {
        if (message.release)
            message.release(message.owner);
        too_slow(st);
        return;
    }
    if (!queue_message(st, message)) {
        no_memory(st);
        return;
    }
    const struct grpc_status ok = { .code = GRPC_OK };
    st->state = GRPC_STREAM_DONE;
    if (st->metadata)
        st->trailers = trailers_new(st, &ok);
    resume(st);
}

bool grpc_session_send(struct grpc_session *session, int32_t stream,
                       struct grpc_bytes message)
{
    struct grpc_stream *st = called(session, stream);
    if (!st) {
        if (message.release)
            message.release(message.owner);
        return false;
    }
    if (session->queued_len > 0 && session->queued_len + message.len >
                                       session->options.limits.max_queued_len) {
        if (message.release)
            message.release(message.owner);
        too_slow(st);
        return false;
    }
    if (!queue_message(st, message)) {
        no_memory(st);
        return false;
    }
    resume(st);
    return true;
}

size_t grpc_session_queued(const struct grpc_session *session, int32_t stream)
{
    const struct grpc_stream *st = grpc_stream_of(session, stream);
    return st ? st->queued_len : 0;
}

void grpc_session_finish(struct grpc_session *session, int32_t stream,
                         const struct grpc_status *status)
{
    struct grpc_stream *st = called(session, stream);
    if (st)
        end_with(st, status);
}

void grpc_session_fail(struct grpc_session *session, int32_t stream,
                       const struct err *err)
{
    const struct grpc_status status = grpc_status_of(err);
    grpc_session_finish(session, stream, &status);
}
