#include "tests/auditor/pipe.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <nghttp2/nghttp2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "server/base/clock.h"

enum { PREFIX = 5, CHUNK = 64 << 10, WINDOW = 1 << 24, WORDS = 256 };

/* One call on its way. */
struct slot {
    struct running *run;
    size_t call;
    bool busy;
    uint64_t since_ns;
    uint8_t *out, *in; /* owned: request with its prefix, reply with its own */
    size_t out_len, out_at, in_len, in_cap;
    int status;
    char what[WORDS];
};

struct running {
    const struct pipe *pipe;
    nghttp2_session *h2;
    int fd;
    size_t n, asked, answered;
    char authority[32], bearer[160];
    struct slot slot[PIPE_CALLS_MAX];
};

static _Noreturn void give_up(const char *what)
{
    (void)fprintf(stderr, "pipe: %s\n", what);
    exit(EXIT_FAILURE);
}

static void *grown(void *p, size_t len)
{
    void *more = realloc(p, len);
    if (!more)
        give_up("no memory");
    return more;
}

/* ---- what nghttp2 asks and tells ---- */

static ssize_t read_request(nghttp2_session *h2, int32_t stream, uint8_t *buf,
                            size_t cap, uint32_t *flags,
                            nghttp2_data_source *source, void *ctx)
{
    struct slot *s = source->ptr;
    const size_t left = s->out_len - s->out_at;
    const size_t take = left < cap ? left : cap;
    (void)h2, (void)stream, (void)ctx;
    memcpy(buf, s->out + s->out_at, take);
    s->out_at += take;
    if (s->out_at == s->out_len)
        *flags |= NGHTTP2_DATA_FLAG_EOF;
    return (ssize_t)take;
}

static int on_header(nghttp2_session *h2, const nghttp2_frame *frame,
                     const uint8_t *name, size_t name_len, const uint8_t *value,
                     size_t len, uint8_t flags, void *ctx)
{
    struct slot *s =
        nghttp2_session_get_stream_user_data(h2, frame->hd.stream_id);
    (void)flags, (void)ctx;
    if (!s)
        return 0;
    if (name_len == strlen("grpc-status") &&
        memcmp(name, "grpc-status", name_len) == 0)
        s->status = atoi((const char *)value);
    if (name_len == strlen("grpc-message") &&
        memcmp(name, "grpc-message", name_len) == 0)
        (void)snprintf(s->what, sizeof s->what, "%.*s", (int)len,
                       (const char *)value);
    return 0;
}

static int on_data(nghttp2_session *h2, uint8_t flags, int32_t stream,
                   const uint8_t *data, size_t len, void *ctx)
{
    struct slot *s = nghttp2_session_get_stream_user_data(h2, stream);
    (void)flags, (void)ctx;
    if (!s)
        return 0;
    if (s->in_len + len > s->in_cap) {
        s->in_cap = 2 * (s->in_len + len);
        s->in = grown(s->in, s->in_cap);
    }
    memcpy(s->in + s->in_len, data, len);
    s->in_len += len;
    return 0;
}

static int on_close(nghttp2_session *h2, int32_t stream, uint32_t code,
                    void *ctx)
{
    struct slot *s = nghttp2_session_get_stream_user_data(h2, stream);
    struct running *r = ctx;
    if (!s)
        return 0;
    if (code != NGHTTP2_NO_ERROR && s->status < 0)
        (void)snprintf(s->what, sizeof s->what, "stream reset: %s",
                       nghttp2_http2_strerror(code));
    const bool whole = s->in_len >= PREFIX;
    const struct pipe_reply reply = {
        .call = s->call,
        .status = s->status,
        .what = s->what,
        .msg = whole ? s->in + PREFIX : NULL,
        .len = whole ? s->in_len - PREFIX : 0,
        .took_ns = clock_mono_ns(clock_system()) - s->since_ns,
    };
    s->busy = false;
    r->answered++;
    r->pipe->reply(r->pipe->ctx, &reply);
    return 0;
}

/* ---- one call ---- */

static nghttp2_nv field(const char *name, const char *value)
{
    /* nghttp2 copies both; its type has no const. */
    return (nghttp2_nv){ .name = (uint8_t *)(uintptr_t)name,
                         .namelen = strlen(name),
                         .value = (uint8_t *)(uintptr_t)value,
                         .valuelen = strlen(value) };
}

static void take_message(struct slot *s, const struct pipe *pipe)
{
    const uint8_t *msg;
    size_t len;
    pipe->ask(pipe->ctx, s->call, &msg, &len);
    s->out = grown(s->out, PREFIX + len);
    s->out[0] = 0;
    for (unsigned i = 0; i < 4; i++)
        s->out[1 + i] = (uint8_t)(len >> (24 - 8 * i));
    memcpy(s->out + PREFIX, msg, len);
    s->out_len = PREFIX + len;
    s->out_at = 0;
}

static void submit(struct running *r, struct slot *s)
{
    const nghttp2_nv fields[] = {
        field(":method", "POST"),
        field(":scheme", "http"),
        field(":path", r->pipe->path),
        field(":authority", r->authority),
        field("te", "trailers"),
        field("content-type", "application/grpc"),
        field("authorization", r->bearer),
    };
    const nghttp2_data_provider body = { .source.ptr = s,
                                         .read_callback = read_request };
    s->run = r;
    s->call = r->asked++;
    s->busy = true;
    s->in_len = 0;
    s->status = -1;
    s->what[0] = '\0';
    take_message(s, r->pipe);
    s->since_ns = clock_mono_ns(clock_system());
    if (nghttp2_submit_request(r->h2, NULL, fields,
                               sizeof fields / sizeof fields[0], &body, s) < 0)
        give_up("a request cannot be submitted");
}

static void fill(struct running *r)
{
    for (unsigned i = 0; i < r->pipe->at_once && r->asked < r->n; i++)
        if (!r->slot[i].busy)
            submit(r, &r->slot[i]);
}

/* ---- the connection ---- */

static void flush(struct running *r)
{
    const uint8_t *data;
    ssize_t len;
    while ((len = nghttp2_session_mem_send(r->h2, &data)) > 0)
        for (ssize_t at = 0; at < len;) {
            const ssize_t n = write(r->fd, data + at, (size_t)(len - at));
            if (n < 0 && errno != EINTR)
                give_up("the server closed the connection");
            at += n > 0 ? n : 0;
        }
}

static void receive(struct running *r)
{
    static uint8_t chunk[CHUNK];
    const ssize_t n = read(r->fd, chunk, sizeof chunk);
    if (n == 0 || (n < 0 && errno != EINTR))
        give_up("the server closed the connection");
    if (n > 0 && nghttp2_session_mem_recv(r->h2, chunk, (size_t)n) < 0)
        give_up("the server does not speak HTTP/2");
}

static void open_connection(struct running *r)
{
    const struct sockaddr_in at = { .sin_family = AF_INET,
                                    .sin_port = htons(r->pipe->port),
                                    .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    const int on = 1;
    r->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (r->fd < 0 || connect(r->fd, (const struct sockaddr *)(const void *)&at,
                             sizeof at) != 0)
        give_up("nobody listens");
    (void)setsockopt(r->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    (void)snprintf(r->authority, sizeof r->authority, "127.0.0.1:%u",
                   r->pipe->port);
    (void)snprintf(r->bearer, sizeof r->bearer, "Bearer %s", r->pipe->token);
}

static void open_session(struct running *r)
{
    static const nghttp2_settings_entry SETTINGS[] = {
        { NGHTTP2_SETTINGS_ENABLE_PUSH, 0 },
        { NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, WINDOW },
    };
    nghttp2_session_callbacks *calls = NULL;
    if (nghttp2_session_callbacks_new(&calls) != 0)
        give_up("no memory");
    nghttp2_session_callbacks_set_on_header_callback(calls, on_header);
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(calls, on_data);
    nghttp2_session_callbacks_set_on_stream_close_callback(calls, on_close);
    const int rc = nghttp2_session_client_new(&r->h2, calls, r);
    nghttp2_session_callbacks_del(calls);
    if (rc != 0 ||
        nghttp2_submit_settings(r->h2, NGHTTP2_FLAG_NONE, SETTINGS, 2) != 0 ||
        nghttp2_session_set_local_window_size(r->h2, NGHTTP2_FLAG_NONE, 0,
                                              WINDOW) != 0)
        give_up("no session");
}

void pipe_run(const struct pipe *pipe, size_t n)
{
    struct running *r = grown(NULL, sizeof *r);
    *r = (struct running){ .pipe = pipe, .n = n };
    open_connection(r);
    open_session(r);
    while (r->answered < n) {
        fill(r);
        flush(r);
        receive(r);
    }
    nghttp2_session_del(r->h2);
    (void)close(r->fd);
    for (unsigned i = 0; i < PIPE_CALLS_MAX; i++) {
        free(r->slot[i].out);
        free(r->slot[i].in);
    }
    free(r);
}
