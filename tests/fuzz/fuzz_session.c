/*
 * Any bytes after the preface, from a gRPC client that is none: the first byte
 * says how the rest is cut.  However it is cut, the same frames are found and
 * the same calls come out; each call ends once, by our reply or by on_cancel;
 * nothing is buffered once no stream is open; a connection that was given up
 * takes no more input and still says goodbye.
 */
#include <stdlib.h>
#include <string.h>

#include "server/grpc/grpc_scan.h"
#include "server/grpc/grpc_stream.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

enum { OUT_MAX = 64 << 20 };

static void check(int ok)
{
    if (!ok)
        abort();
}

/* What the owner of the methods saw. */
struct owner {
    unsigned calls, replied, cancelled, ended, finished;
    size_t bytes;
};

/* Every other call is left open. */
static void on_call(void *ctx, struct grpc_session *s,
                    const struct grpc_call *call)
{
    struct owner *o = ctx;
    o->calls++;
    o->bytes += call->message_len;
    if (call->stream % 4 != 1)
        return;
    grpc_session_reply(
        s, call->stream,
        (struct grpc_bytes){ .data = call->message, .len = call->message_len });
    o->replied++;
}

static void on_cancel(void *ctx, struct grpc_session *s, int32_t id, void *att)
{
    (void)s, (void)id, (void)att;
    ((struct owner *)ctx)->cancelled++;
}

static void on_each(void *ctx, struct grpc_session *s,
                    const struct grpc_call *call)
{
    struct owner *o = ctx;
    o->bytes += call->message_len;
    (void)grpc_session_send(
        s, call->stream,
        (struct grpc_bytes){ .data = call->message, .len = call->message_len });
}

static void on_end(void *ctx, struct grpc_session *s, int32_t id, void *att)
{
    const struct grpc_status ok = { .code = GRPC_OK };
    (void)att;
    ((struct owner *)ctx)->ended++;
    grpc_session_finish(s, id, &ok);
}

static const struct grpc_method METHODS[] = {
    { .path = "/t/Echo", .on_call = on_call, .on_cancel = on_cancel },
    { .path = "/t/Bidi",
      .kind = GRPC_BIDI,
      .on_call = on_each,
      .on_end = on_end },
};

static int64_t wall_us(struct clock *clock)
{
    (void)clock;
    return 1;
}

/* A clock that stands: time decides nothing here. */
static uint64_t mono_ns(struct clock *clock)
{
    (void)clock;
    return 1000000000;
}

static void pull_all(struct grpc_session *s)
{
    static uint8_t buf[16 * 1024];
    size_t total = 0, n;
    while ((n = grpc_session_pull(s, buf, sizeof buf)) > 0) {
        total += n;
        check(total < OUT_MAX);
    }
}

static void check_session(const struct grpc_session *s)
{
    const struct grpc_limits *l = &s->options.limits;
    check(s->buffered_len <= l->max_buffered_len + l->max_message_len);
    if (!s->streams)
        check(s->buffered_len == 0);
}

static void run(struct owner *o, const uint8_t *data, size_t len, size_t piece)
{
    static const uint8_t preface[] = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
    struct clock clock = { .wall_us = wall_us, .mono_ns = mono_ns };
    const struct grpc_service service = {
        .methods = METHODS,
        .n_methods = sizeof METHODS / sizeof METHODS[0],
        .ctx = o,
    };
    const struct grpc_session_options options = {
        .services = &service,
        .n_services = 1,
        .limits = { .max_message_len = 4096, .max_buffered_len = 16384 },
        .clock = &clock,
    };
    struct grpc_session *s = grpc_session_new(&options);
    check(s != NULL);
    bool goes_on = grpc_session_recv(s, preface, GRPC_PREFACE_LEN);
    check(goes_on);
    for (size_t at = 0; at < len && goes_on; at += piece) {
        const size_t n = len - at < piece ? len - at : piece;
        goes_on = grpc_session_recv(s, data + at, n);
        check_session(s);
    }
    if (!goes_on)
        check(!grpc_session_recv(s, data, len));
    grpc_session_tick(s);
    pull_all(s);
    if (!goes_on)
        check(grpc_session_finished(s));
    grpc_session_free(s);
    check(o->replied + o->cancelled == o->calls);
}

/* A sum over the heads, in order. */
static uint64_t heads(const uint8_t *data, size_t len, size_t piece)
{
    struct grpc_scan scan = grpc_scan_of();
    struct grpc_frame_head head;
    uint64_t sum = 0;
    for (size_t at = 0; at < len; at += piece) {
        const uint8_t *pos = data + at;
        const uint8_t *end = pos + (len - at < piece ? len - at : piece);
        while (grpc_scan_next(&scan, &pos, end, &head))
            sum = sum * 31 + head.len + ((uint64_t)head.type << 32) +
                  ((uint64_t)head.flags << 40) + 1;
        check(pos == end);
    }
    return sum;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    if (len == 0)
        return 0;
    const size_t piece = 1 + data[0];
    struct owner whole = { 0 }, cut = { 0 };
    check(heads(data, len, len) == heads(data, len, piece));
    run(&whole, data + 1, len - 1, len);
    run(&cut, data + 1, len - 1, piece);
    /* A flood that one read brings is cut off before any of it is looked at. */
    check(cut.calls >= whole.calls && cut.bytes >= whole.bytes);
    return 0;
}
