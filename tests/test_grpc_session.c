#include "server/grpc/grpc_session.h"

#include <stdlib.h>
#include <string.h>

#include "server/grpc/grpc_stream.h"
#include "tests/lib_h2.h"
#include "tests/table.h"

enum {
    SECOND = 1000000000,
    MESSAGE_LIMIT = 1000,
    HEADER_LIMIT = 2000,
    QUEUED_LIMIT = 500,
    REPLIES_LIMIT = 1000000,
    BIG = 200000
};

/* What the owner saw. */
struct owner {
    int calls, cancels, ends, drains;
    int32_t last;
    size_t message_len;
    char authorization[64];
    uint64_t deadline_ns;
    bool hold;      /* do not reply */
    bool was_noted; /* the memo of the call said so */
};

static void on_cancel(void *ctx, struct grpc_session *s, int32_t id, void *att)
{
    struct owner *o = ctx;
    (void)s;
    (void)id;
    (void)att;
    o->cancels++;
}

static void on_echo(void *ctx, struct grpc_session *s,
                    const struct grpc_call *call)
{
    struct owner *o = ctx;
    o->calls++;
    o->last = call->stream;
    o->message_len = call->message_len;
    o->deadline_ns = call->deadline_ns;
    o->was_noted = call->memo->version == 1 && call->memo->what == o;
    *call->memo = (struct grpc_memo){ o, 1 };
    (void)strncpy(o->authorization, call->authorization,
                  sizeof o->authorization - 1);
    if (!o->hold)
        grpc_session_reply(s, call->stream,
                           (struct grpc_bytes){ .data = call->message,
                                                .len = call->message_len });
}

static void on_fail(void *ctx, struct grpc_session *s,
                    const struct grpc_call *call)
{
    struct err err;
    (void)ctx;
    err_set(&err, ERR_BUDGET, "not 100%% left\n");
    err_hint(&err, "ask for less");
    err_at(&err, 3, 14);
    grpc_session_fail(s, call->stream, &err);
}

static void on_big(void *ctx, struct grpc_session *s,
                   const struct grpc_call *call)
{
    static uint8_t big[BIG];
    (void)ctx;
    grpc_session_reply(s, call->stream,
                       (struct grpc_bytes){ .data = big, .len = BIG });
}

static void on_stream(void *ctx, struct grpc_session *s,
                      const struct grpc_call *call)
{
    const struct grpc_status ok = { .code = GRPC_OK };
    (void)ctx;
    for (int i = 0; i < 3; i++)
        if (!grpc_session_send(s, call->stream,
                               (struct grpc_bytes){ .data = "abc", .len = 3 }))
            return;
    grpc_session_finish(s, call->stream, &ok);
}

static void on_each(void *ctx, struct grpc_session *s,
                    const struct grpc_call *call)
{
    struct owner *o = ctx;
    o->calls++;
    (void)grpc_session_send(
        s, call->stream,
        (struct grpc_bytes){ .data = call->message, .len = call->message_len });
}

static void on_end(void *ctx, struct grpc_session *s, int32_t id, void *att)
{
    const struct grpc_status ok = { .code = GRPC_OK };
    (void)att;
    ((struct owner *)ctx)->ends++;
    grpc_session_finish(s, id, &ok);
}

static void on_drain(void *ctx, struct grpc_session *s, int32_t id, void *att)
{
    const struct grpc_status end = { .code = GRPC_UNAVAILABLE };
    (void)att;
    ((struct owner *)ctx)->drains++;
    grpc_session_finish(s, id, &end);
}

static const struct grpc_method methods[] = {
    { .path = "/t/Echo", .on_call = on_echo, .on_cancel = on_cancel },
    { .path = "/t/Fail", .on_call = on_fail },
    { .path = "/t/Big", .on_call = on_big },
    { .path = "/t/Stream", .kind = GRPC_SERVER_STREAM, .on_call = on_stream },
    { .path = "/t/Bidi",
      .kind = GRPC_BIDI,
      .on_call = on_each,
      .on_end = on_end,
      .on_cancel = on_cancel,
      .on_drain = on_drain },
};

struct world {
    struct owner owner;
    struct h2_clock clock;
    struct grpc_service service;
    struct grpc_session *session;
    struct h2_client client;
};

static void world_init(struct world *w)
{
    memset(w, 0, sizeof *w);
    h2_clock_init(&w->clock);
    w->service =
        (struct grpc_service){ methods, sizeof methods / sizeof *methods,
                               &w->owner };
    const struct grpc_session_options options = {
        .services = &w->service,
        .n_services = 1,
        .limits = { .max_message_len = MESSAGE_LIMIT,
                    .max_header_len = HEADER_LIMIT,
                    .max_queued_len = QUEUED_LIMIT,
                    .max_replies_len = REPLIES_LIMIT,
                    .request_ns = 5 * (uint64_t)SECOND,
                    .stall_ns = 5 * (uint64_t)SECOND,
                    .frame_burst = 50,
                    .reset_burst = 20 },
        .clock = &w->clock.clock,
    };
    w->session = grpc_session_new(&options);
    assert_non_null(w->session);
    h2_client_init(&w->client, w->session);
}

static void world_fini(struct world *w)
{
    if (w->session)
        grpc_session_free(w->session);
    h2_client_fini(&w->client);
}

/* --- one request, one outcome --- */

#define M "\0\0\0\0\3abc"
static const struct row {
    const char *name;
    const char *path;
    const char *extra[3];
    const char *body;
    size_t len;
    const char *http, *status;
    size_t reply_len;
    int calls;
} rows[] = {
    { "a message comes back", "/t/Echo", { 0 }, M, 8, "200", "0", 8, 1 },
    { "an empty message is a message",
      "/t/Echo",
      { 0 },
      "\0\0\0\0",
      5,
      "200",
      "0",
      5,
      1 },
    { "a large reply passes flow control",
      "/t/Big",
      { 0 },
      M,
      8,
      "200",
      "0",
      BIG + 5,
      0 },
    { "a stream sends three messages",
      "/t/Stream",
      { 0 },
      M,
      8,
      "200",
      "0",
      24,
      0 },
    { "each message of a bidi call is answered",
      "/t/Bidi",
      { 0 },
      M M,
      16,
      "200",
      "0",
      16,
      2 },
    { "a bidi call may hold no message",
      "/t/Bidi",
      { 0 },
      "",
      0,
      "200",
      "0",
      0,
      0 },
    { "identity is an encoding",
      "/t/Echo",
      { "grpc-encoding", "identity" },
      M,
      8,
      "200",
      "0",
      8,
      1 },
    { "an unknown path is unimplemented",
      "/t/None",
      { 0 },
      M,
      8,
      "200",
      "12",
      0,
      0 },
    { "gzip is unimplemented",
      "/t/Echo",
      { "grpc-encoding", "gzip" },
      M,
      8,
      "200",
      "12",
      0,
      0 },
    { "a malformed timeout is invalid",
      "/t/Echo",
      { "grpc-timeout", "1x" },
      M,
      8,
      "200",
      "3",
      0,
      0 },
    { "a timeout of nothing has passed",
      "/t/Echo",
      { "grpc-timeout", "0n" },
      M,
      8,
      "200",
      "4",
      0,
      0 },
    { "two messages in a unary call",
      "/t/Echo",
      { 0 },
      M M,
      16,
      "200",
      "13",
      0,
      0 },
    { "no message in a unary call",
      "/t/Echo",
      { 0 },
      "",
      0,
      "200",
      "13",
      0,
      0 },
    { "a message cut short", "/t/Echo", { 0 }, M, 7, "200", "13", 0, 0 },
    { "a prefix cut short", "/t/Echo", { 0 }, M, 3, "200", "13", 0, 0 },
    { "a compressed message nobody agreed on",
      "/t/Echo",
      { 0 },
      "\1\0\0\0\0",
      5,
      "200",
      "13",
      0,
      0 },
    { "a flag of 2", "/t/Echo", { 0 }, "\2\0\0\0\0", 5, "200", "13", 0, 0 },
    { "a prefix that announces 4 GiB",
      "/t/Echo",
      { 0 },
      "\0\377\377\377\377",
      5,
      "200",
      "8",
      0,
      0 },
    { "a prefix one past the limit",
      "/t/Echo",
      { 0 },
      "\0\0\0\3\351",
      5,
      "200",
      "8",
      0,
      0 },
};

static void check_row(void **state)
{
    const struct row *row = *state;
    struct world w;
    world_init(&w);
    (void)h2_request(&w.client, row->path, row->extra, row->body, row->len);
    h2_pump(&w.client);
    const struct h2_call *call = &w.client.call;
    assert_true(call->closed);
    assert_string_equal(call->http_status, row->http);
    assert_string_equal(call->grpc_status, row->status);
    assert_int_equal(call->body_len, row->reply_len);
    assert_int_equal(w.owner.calls, row->calls);
    assert_false(w.client.goaway);
    assert_false(grpc_session_is_open(w.session, call->id));
    world_fini(&w);
}

/* --- what is no gRPC call --- */

static const struct http_row {
    const char *name;
    const char *pairs[16];
    const char *http, *grpc;
} http_rows[] = {
    { "GET is not allowed",
      { ":method", "GET", ":scheme", "http", ":path", "/", ":authority", "t" },
      "405",
      "" },
    { "JSON is not gRPC",
      { ":method", "POST", ":scheme", "http", ":path", "/t/Echo", ":authority",
        "t", "content-type", "application/json", "te", "trailers" },
      "415",
      "" },
    { "gRPC-Web is not gRPC",
      { ":method", "POST", ":scheme", "http", ":path", "/t/Echo", ":authority",
        "t", "content-type", "application/grpc-web", "te", "trailers" },
      "415",
      "" },
    { "a proxy ate te: trailers",
      { ":method", "POST", ":scheme", "http", ":path", "/t/Echo", ":authority",
        "t", "content-type", "application/grpc+proto" },
      "200",
      "13" },
};

static void check_http(void **state)
{
    const struct http_row *row = *state;
    struct world w;
    world_init(&w);
    (void)h2_request_raw(&w.client, row->pairs, M, 8);
    h2_pump(&w.client);
    assert_string_equal(w.client.call.http_status, row->http);
    assert_string_equal(w.client.call.grpc_status, row->grpc);
    assert_true(w.client.call.closed);
    assert_int_equal(w.owner.calls, 0);
    world_fini(&w);
}

/* --- ends of calls --- */

static void test_error_trailers(void **state)
{
    struct world w;
    (void)state;
    world_init(&w);
    (void)h2_request(&w.client, "/t/Fail", NULL, M, 8);
    h2_pump(&w.client);
    assert_string_equal(w.client.call.grpc_status, "8");
    assert_string_equal(w.client.call.message, "not 100%25 left%0A");
    assert_string_equal(w.client.call.code, "over_budget");
    assert_string_equal(w.client.call.hint, "ask for less");
    assert_string_equal(w.client.call.place, "3:14");
    world_fini(&w);
}

static void test_headers_reach_the_owner(void **state)
{
    static const char *const extra[] = { "authorization", "Bearer x",
                                         "grpc-timeout", "2S", NULL };
    struct world w;
    (void)state;
    world_init(&w);
    (void)h2_request(&w.client, "/t/Echo", extra, M, 8);
    h2_pump(&w.client);
    assert_string_equal(w.owner.authorization, "Bearer x");
    assert_true(w.owner.deadline_ns == w.clock.now_ns + 2 * (uint64_t)SECOND);
    world_fini(&w);
}

/* Which headers the owner may take for granted: only that of the call before.
 */
static void test_the_memo_is_of_one_header(void **state)
{
    static const struct {
        const char *authorization;
        bool noted;
    } calls[] = {
        { "Bearer x", false }, { "Bearer x", true },   { "Bearer y", false },
        { "Bearer x", false }, { "Bearer xx", false }, { NULL, false },
        { NULL, true },        { "Bearer xx", false }, { "Bearer xx", true },
    };
    struct world w;
    (void)state;
    world_init(&w);
    for (size_t i = 0; i < sizeof calls / sizeof *calls; i++) {
        const char *const extra[] = { calls[i].authorization ? "authorization"
                                                             : NULL,
                                      calls[i].authorization, NULL };
        (void)h2_request(&w.client, "/t/Echo", extra, M, 8);
        h2_pump(&w.client);
        assert_int_equal(w.owner.calls, i + 1);
        assert_int_equal(w.owner.was_noted, calls[i].noted);
    }
    world_fini(&w);
}

static void test_reset_cancels_once(void **state)
{
    struct world w;
    (void)state;
    world_init(&w);
    w.owner.hold = true;
    const int32_t id = h2_request(&w.client, "/t/Echo", NULL, M, 8);
    h2_pump(&w.client);
    assert_true(grpc_session_is_open(w.session, id));
    (void)nghttp2_submit_rst_stream(w.client.h2, 0, id, NGHTTP2_CANCEL);
    h2_pump(&w.client);
    assert_int_equal(w.owner.cancels, 1);
    assert_false(grpc_session_is_open(w.session, id));
    /* A late reply finds nothing and breaks nothing. */
    grpc_session_reply(w.session, id, (struct grpc_bytes){ 0 });
    world_fini(&w);
    assert_int_equal(w.owner.cancels, 1);
}

static void test_deadline_ends_a_call(void **state)
{
    static const char *const extra[] = { "grpc-timeout", "100m", NULL };
    struct world w;
    (void)state;
    world_init(&w);
    w.owner.hold = true;
    (void)h2_request(&w.client, "/t/Echo", extra, M, 8);
    h2_pump(&w.client);
    w.clock.now_ns += SECOND / 5;
    grpc_session_tick(w.session);
    h2_pump(&w.client);
    assert_int_equal(w.owner.cancels, 1);
    assert_string_equal(w.client.call.grpc_status, "4");
    world_fini(&w);
}

static void test_free_cancels_what_is_open(void **state)
{
    struct world w;
    (void)state;
    world_init(&w);
    w.owner.hold = true;
    (void)h2_request(&w.client, "/t/Echo", NULL, M, 8);
    h2_pump(&w.client);
    grpc_session_free(w.session);
    w.session = NULL;
    assert_int_equal(w.owner.cancels, 1);
    world_fini(&w);
}

static void on_release(void *owner)
{
    ++*(int *)owner;
}

static void test_borrowed_bytes_are_released_once(void **state)
{
    static const char bytes[] = "borrowed";
    struct world w;
    int released = 0;
    const struct grpc_bytes message = {
        .data = bytes,
        .len = sizeof bytes,
        .release = on_release,
        .owner = &released,
    };
    (void)state;
    world_init(&w);
    w.owner.hold = true;
    const int32_t id = h2_request(&w.client, "/t/Echo", NULL, M, 8);
    h2_pump(&w.client);
    grpc_session_reply(w.session, id, message);
    assert_int_equal(released, 0);
    h2_pump(&w.client);
    assert_int_equal(released, 1);
    grpc_session_reply(w.session, id, message);
    assert_int_equal(released, 2);
    assert_int_equal(w.client.call.body_len, 5 + sizeof bytes);
    world_fini(&w);
    assert_int_equal(w.owner.cancels, 0);
}

static void test_stalled_reply_is_reset(void **state)
{
    struct world w;
    (void)state;
    world_init(&w);
    w.client.hold_window = true;
    (void)h2_request(&w.client, "/t/Big", NULL, M, 8);
    h2_pump(&w.client);
    assert_false(w.client.call.closed);
    w.clock.now_ns += 6 * (uint64_t)SECOND;
    grpc_session_tick(w.session);
    h2_pump(&w.client);
    assert_true(w.client.call.closed);
    assert_int_equal(w.client.call.error, NGHTTP2_CANCEL);
    world_fini(&w);
}

/*
 * A client that opens stream after stream and takes nothing: what waits for it
 * is bounded over all of them, for streaming and for unary calls.
 */
static void test_replies_that_nobody_takes_are_bounded(void **state)
{
    static const struct {
        const char *path;
        size_t most; /* bytes that may wait */
    } kinds[] = {
        { "/t/Big", REPLIES_LIMIT + BIG + 5 },
        { "/t/Stream", QUEUED_LIMIT + 8 },
    };
    enum { CALLS = 80 };
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        struct world w;
        world_init(&w);
        const nghttp2_settings_entry none = {
            NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, 0
        };
        (void)nghttp2_submit_settings(w.client.h2, 0, &none, 1);
        w.client.hold_window = true;
        size_t most = 0;
        for (int call = 0; call < CALLS; call++) {
            (void)h2_request(&w.client, kinds[i].path, NULL, M, 8);
            h2_pump(&w.client);
            const size_t now = w.session->queued_len + w.session->replies_len;
            most = now > most ? now : most;
        }
        assert_in_range(most, kinds[i].most / 2, kinds[i].most);
        /* The last ones were refused, with a status that passes no window. */
        if (i == 0)
            assert_string_equal(w.client.call.grpc_status, "8");
        for (struct grpc_stream *st = w.session->streams; st; st = st->next)
            (void)nghttp2_submit_rst_stream(w.client.h2, 0, st->id,
                                            NGHTTP2_CANCEL);
        h2_pump(&w.client);
        assert_int_equal(w.session->queued_len + w.session->replies_len, 0);
        world_fini(&w);
    }
}

static void test_unfinished_request_is_reset(void **state)
{
    struct world w;
    (void)state;
    world_init(&w);
    w.client.hold_end = true;
    (void)h2_request(&w.client, "/t/Echo", NULL, M, 8);
    h2_pump(&w.client);
    w.clock.now_ns += 6 * (uint64_t)SECOND;
    grpc_session_tick(w.session);
    h2_pump(&w.client);
    assert_true(w.client.call.closed);
    assert_int_equal(w.owner.calls, 0);
    world_fini(&w);
}

static void test_drain_waits_for_calls(void **state)
{
    struct world w;
    (void)state;
    world_init(&w);
    w.owner.hold = true;
    const int32_t id = h2_request(&w.client, "/t/Echo", NULL, M, 8);
    h2_pump(&w.client);
    grpc_session_drain(w.session);
    h2_pump(&w.client);
    assert_true(w.client.goaway);
    assert_int_equal(w.client.goaway_error, NGHTTP2_NO_ERROR);
    assert_false(grpc_session_finished(w.session));
    grpc_session_reply(w.session, id, (struct grpc_bytes){ 0 });
    h2_pump(&w.client);
    assert_string_equal(w.client.call.grpc_status, "0");
    assert_true(grpc_session_finished(w.session));
    world_fini(&w);
}

static void test_drain_ends_long_calls(void **state)
{
    struct world w;
    (void)state;
    world_init(&w);
    w.client.hold_end = true;
    (void)h2_request(&w.client, "/t/Bidi", NULL, M, 8);
    h2_pump(&w.client);
    grpc_session_drain(w.session);
    h2_pump(&w.client);
    assert_int_equal(w.owner.drains, 1);
    assert_string_equal(w.client.call.grpc_status, "14");
    assert_true(grpc_session_finished(w.session));
    world_fini(&w);
}

/* --- floods --- */

#define F(bytes)                                                               \
    {                                                                          \
        bytes, sizeof bytes - 1                                                \
    }
struct bytes {
    const char *data;
    size_t len;
};

/*
 * A frame sent again and again beside a call that waits (stream 1), after
 * `first`.  Each must end the connection, and say so, within FLOOD frames.
 */
static const struct flood_row {
    const char *name;
    struct bytes first, again;
    unsigned error; /* of the GOAWAY */
} flood_rows[] = {
    { "PING",
      { 0 },
      F("\0\0\10\6\0\0\0\0\0pingping"),
      NGHTTP2_ENHANCE_YOUR_CALM },
    { "SETTINGS", { 0 }, F("\0\0\0\4\0\0\0\0\0"), NGHTTP2_ENHANCE_YOUR_CALM },
    { "SETTINGS that change the header table",
      { 0 },
      F("\0\0\6\4\0\0\0\0\0\0\1\0\0\0\0"),
      NGHTTP2_ENHANCE_YOUR_CALM },
    { "PRIORITY",
      { 0 },
      F("\0\0\5\2\0\0\0\0\1\0\0\0\3\1"),
      NGHTTP2_ENHANCE_YOUR_CALM },
    { "WINDOW_UPDATE",
      { 0 },
      F("\0\0\4\10\0\0\0\0\0\0\0\0\1"),
      NGHTTP2_ENHANCE_YOUR_CALM },
    { "RST_STREAM of a stream that is no more",
      F("\0\0\4\3\0\0\0\0\1\0\0\0\10"), F("\0\0\4\3\0\0\0\0\1\0\0\0\10"),
      NGHTTP2_ENHANCE_YOUR_CALM },
    { "frames of an unknown type",
      { 0 },
      F("\0\0\3\276\0\0\0\0\0abc"),
      NGHTTP2_ENHANCE_YOUR_CALM },
    { "PRIORITY_UPDATE, which nobody asked for",
      { 0 },
      F("\0\0\7\20\0\0\0\0\0\0\0\0\1u=1"),
      NGHTTP2_ENHANCE_YOUR_CALM },
    { "empty DATA", { 0 }, F("\0\0\0\0\0\0\0\0\1"), NGHTTP2_ENHANCE_YOUR_CALM },
    { "DATA of padding alone",
      { 0 },
      F("\0\0\5\0\10\0\0\0\1\4\0\0\0\0"),
      NGHTTP2_ENHANCE_YOUR_CALM },
    { "DATA a byte at a time",
      { 0 },
      F("\0\0\1\0\0\0\0\0\1x"),
      NGHTTP2_ENHANCE_YOUR_CALM },
    { "CONTINUATION without end", F("\0\0\1\1\1\0\0\0\3\203"),
      F("\0\0\1\11\0\0\0\0\3\206"), NGHTTP2_ENHANCE_YOUR_CALM },
    { "empty CONTINUATION without end", F("\0\0\1\1\1\0\0\0\3\203"),
      F("\0\0\0\11\0\0\0\0\3"), NGHTTP2_ENHANCE_YOUR_CALM },
    { "PUSH_PROMISE, which a client never sends",
      { 0 },
      F("\0\0\5\5\4\0\0\0\1\0\0\0\2\202"),
      NGHTTP2_PROTOCOL_ERROR },
    { "a frame longer than was agreed",
      { 0 },
      F("\1\0\0\276\0\0\0\0\0"),
      NGHTTP2_FRAME_SIZE_ERROR },
};

/* In pieces of `piece` bytes, as a network may cut them. */
static void feed_bytes(struct world *w, struct bytes b, size_t piece)
{
    for (size_t at = 0; at < b.len && !w->client.server_ended; at += piece) {
        const size_t n = b.len - at < piece ? b.len - at : piece;
        w->client.server_ended =
            !grpc_session_recv(w->session, (const uint8_t *)b.data + at, n);
    }
}

static void check_flood(void **state)
{
    enum { FLOOD = 60 };
    const struct flood_row *row = *state;
    for (size_t piece = 1; piece <= 64; piece *= 4) {
        struct world w;
        world_init(&w);
        w.owner.hold = true;
        w.client.hold_end = true;
        (void)h2_request(&w.client, "/t/Echo", NULL, M, 8);
        h2_pump(&w.client);
        feed_bytes(&w, row->first, piece);
        for (int i = 0; i < FLOOD && !w.client.server_ended; i++)
            feed_bytes(&w, row->again, piece);
        h2_pump(&w.client);
        assert_true(w.client.goaway);
        assert_int_equal(w.client.goaway_error, row->error);
        assert_true(grpc_session_finished(w.session));
        assert_int_equal(w.owner.calls, 0);
        world_fini(&w);
    }
}

/* A client that measures its bandwidth pings at each reply, for ever. */
static void test_replies_earn_frames(void **state)
{
    struct world w;
    (void)state;
    world_init(&w);
    for (int i = 0; i < 500; i++) {
        (void)h2_request(&w.client, "/t/Echo", NULL, M, 8);
        for (int frame = 0; frame < 3; frame++)
            (void)nghttp2_submit_ping(w.client.h2, 0, NULL);
        h2_pump(&w.client);
        assert_string_equal(w.client.call.grpc_status, "0");
    }
    assert_false(w.client.goaway);
    world_fini(&w);
}

/* Time earns frames, too: a keepalive a second is no flood. */
static void test_time_earns_frames(void **state)
{
    struct world w;
    (void)state;
    world_init(&w);
    for (int i = 0; i < 500; i++) {
        (void)nghttp2_submit_ping(w.client.h2, 0, NULL);
        h2_pump(&w.client);
        w.clock.now_ns += SECOND;
    }
    assert_false(w.client.goaway);
    world_fini(&w);
}

/*
 * A header block of a few kilobytes that stands for megabytes: one long value
 * put into the decoder's table, then named again and again, one byte each.
 */
static void test_a_header_bomb_is_not_decoded(void **state)
{
    enum { VALUE = 3900, REPEATS = 10000, HEAD = 9 };
    static uint8_t block[HEAD + VALUE + REPEATS + 64];
    struct world w;
    size_t n = HEAD;
    (void)state;
    memcpy(block + n, "\203\206\204", 3); /* POST, http, / */
    n += 3;
    memcpy(block + n, "\100\1a\177\275\35", 6); /* a: VALUE bytes */
    n += 6;
    memset(block + n, 'v', VALUE);
    n += VALUE;
    memset(block + n, 0xbe, REPEATS); /* the newest entry of the table */
    n += REPEATS;
    const size_t len = n - HEAD;
    const uint8_t head[HEAD] = { (uint8_t)(len >> 16),
                                 (uint8_t)(len >> 8),
                                 (uint8_t)len,
                                 NGHTTP2_HEADERS,
                                 NGHTTP2_FLAG_END_HEADERS |
                                     NGHTTP2_FLAG_END_STREAM,
                                 0,
                                 0,
                                 0,
                                 1 };
    memcpy(block, head, HEAD);
    world_init(&w);
    h2_pump(&w.client);
    w.client.server_ended = !grpc_session_recv(w.session, block, n);
    assert_true(w.client.server_ended);
    assert_true(w.session->streams->head.len < 10 * HEADER_LIMIT);
    h2_pump(&w.client);
    assert_true(w.client.goaway);
    assert_int_equal(w.client.goaway_error, NGHTTP2_ENHANCE_YOUR_CALM);
    assert_true(grpc_session_finished(w.session));
    world_fini(&w);
}

static void test_rapid_reset(void **state)
{
    struct world w;
    (void)state;
    world_init(&w);
    w.owner.hold = true;
    for (int i = 0; i < 40 && !w.client.server_ended; i++) {
        const int32_t id = h2_request(&w.client, "/t/Echo", NULL, M, 8);
        h2_pump(&w.client);
        (void)nghttp2_submit_rst_stream(w.client.h2, 0, id, NGHTTP2_CANCEL);
        h2_pump(&w.client);
    }
    assert_true(w.client.goaway);
    assert_int_equal(w.client.goaway_error, NGHTTP2_ENHANCE_YOUR_CALM);
    assert_true(w.owner.cancels <= 21);
    world_fini(&w);
}

static void test_long_headers(void **state)
{
    struct world w;
    char value[1500];
    const char *extra[] = { "x-a", value, "x-b", value, NULL };
    (void)state;
    memset(value, 'v', sizeof value - 1);
    value[sizeof value - 1] = '\0';
    world_init(&w);
    (void)h2_request(&w.client, "/t/Echo", extra, M, 8);
    h2_pump(&w.client);
    assert_string_equal(w.client.call.http_status, "431");
    assert_int_equal(w.owner.calls, 0);
    world_fini(&w);
}

static void test_garbage_is_refused(void **state)
{
    static const uint8_t junk[] = "GET / HTTP/1.1\r\nHost: x\r\n\r\n";
    struct world w;
    (void)state;
    world_init(&w);
    assert_false(grpc_session_recv(w.session, junk, sizeof junk - 1));
    assert_false(grpc_session_recv(w.session, junk, sizeof junk - 1));
    world_fini(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_error_trailers),
        cmocka_unit_test(test_headers_reach_the_owner),
        cmocka_unit_test(test_the_memo_is_of_one_header),
        cmocka_unit_test(test_reset_cancels_once),
        cmocka_unit_test(test_deadline_ends_a_call),
        cmocka_unit_test(test_free_cancels_what_is_open),
        cmocka_unit_test(test_borrowed_bytes_are_released_once),
        cmocka_unit_test(test_stalled_reply_is_reset),
        cmocka_unit_test(test_replies_that_nobody_takes_are_bounded),
        cmocka_unit_test(test_unfinished_request_is_reset),
        cmocka_unit_test(test_drain_waits_for_calls),
        cmocka_unit_test(test_drain_ends_long_calls),
        cmocka_unit_test(test_replies_earn_frames),
        cmocka_unit_test(test_time_earns_frames),
        cmocka_unit_test(test_a_header_bomb_is_not_decoded),
        cmocka_unit_test(test_rapid_reset),
        cmocka_unit_test(test_long_headers),
        cmocka_unit_test(test_garbage_is_refused),
    };
    return RUN_ROWS(rows, check_row) + RUN_ROWS(http_rows, check_http) +
           RUN_ROWS(flood_rows, check_flood) +
           cmocka_run_group_tests(tests, NULL, NULL);
}
