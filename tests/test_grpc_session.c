#include "server/grpc/grpc_session.h"

#include <stdlib.h>
#include <string.h>

#include "server/grpc/grpc_stream.h"
#include "tests/lib_grpc.h"
#include "tests/table.h"

/* --- one request, one outcome --- */

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
    { "HEAD hears the same, without a body",
      { ":method", "HEAD", ":scheme", "http", ":path", "/", ":authority", "t" },
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
    assert_int_equal(w.client.call.error, NGHTTP2_NO_ERROR);
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

/* Who is not let in has nothing kept of what he sends. */
static void test_strangers_are_refused_by_their_head(void **state)
{
    static const char *const words[] = { "authorization", "let me in", NULL };
    static const char half[] = "\0\0\0\2\0 half of it";
    struct world w;
    (void)state;
    world_init(&w);
    w.client.hold_end = true;
    (void)h2_request(&w.client, "/t/Guarded", NULL, half, sizeof half - 1);
    h2_pump(&w.client);
    assert_string_equal(w.client.call.grpc_status, "16");
    assert_string_equal(w.client.call.message, "who?");
    assert_int_equal(w.session->buffered_len, 0);
    assert_int_equal(w.owner.calls + w.owner.cancels, 0);

    (void)h2_request(&w.client, "/t/Guarded", words, half, sizeof half - 1);
    h2_pump(&w.client);
    assert_string_equal(w.client.call.grpc_status, "");
    assert_int_equal(w.session->buffered_len, sizeof half - 1 - 5);
    w.client.hold_end = false;
    (void)h2_request(&w.client, "/t/Guarded", words, M, 8);
    h2_pump(&w.client);
    assert_string_equal(w.client.call.grpc_status, "0");
    assert_int_equal(w.owner.calls, 1);
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
        cmocka_unit_test(test_strangers_are_refused_by_their_head),
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
        cmocka_unit_test(test_long_headers),
        cmocka_unit_test(test_garbage_is_refused),
    };
    return RUN_ROWS(rows, check_row) + RUN_ROWS(http_rows, check_http) +
           cmocka_run_group_tests(tests, NULL, NULL);
}
